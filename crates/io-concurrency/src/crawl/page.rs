//! A fetched page, and how it is written: one line of JSON.

use fetch::{Answer, Refusal, Target};
use memchr::memchr2;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// A fetched page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// What the page's line says of the page itself, without the closing brace and the line end: it depends on nothing but
    /// the URL and the server's answer.
    pub line: String,
    /// The length of the body without its content encoding, in bytes.
    pub received: u64,
    /// How it was come by.
    pub journey: Journey,
}

/// How a page was come by: it may differ each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// How many requests it took.
    pub attempts: u32,
    /// Until the head of the answer was there, in microseconds, in the last attempt.
    pub first_byte_us: u64,
    /// With all attempts and pauses, in microseconds.
    pub whole_us: u64,
    /// Whether the server said that what was kept is still right.
    pub revalidated: bool,
}

/// What the line of a page says of the page itself: `{"url":…,"status":…,"body":…`, without the closing brace.
///
/// A body that is JSON stands there as the server wrote it, without the white space between its tokens: keys keep their
/// order and numbers all their digits. Any other body is a string. Bytes of it that are not UTF-8 become U+FFFD, and then
/// it ends with `"lossy":true`.
pub(super) fn line(url: &str, answer: &Answer) -> String {
    let mut line = String::with_capacity(url.len() + answer.body.len() + 160);
    head(&mut line, url, answer.status.into());
    content(&mut line, &answer.body);
    line
}

/// Adds a body, and whether bytes of it were lost.
fn content(line: &mut String, body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else {
        quote(line, &String::from_utf8_lossy(body));
        line.push_str(LOSSY);
        return;
    };
    // A byte order mark is no part of JSON, but a reader may ignore it (RFC 8259, section 8.1).
    let json = text.strip_prefix('\u{feff}').unwrap_or(text);
    if serde_json::from_str::<IgnoredAny>(json).is_ok() {
        compact(line, json);
    } else {
        quote(line, text);
    }
}

/// What a line has for a body that is not text.
const LOSSY: &str = ",\"lossy\":true";

/// The same of its parts; `body` is JSON.
pub(super) fn of_parts(url: &str, status: i32, body: &str, lossy: bool) -> String {
    let mut line = String::new();
    head(&mut line, url, status);
    line.extend([body, if lossy { LOSSY } else { "" }]);
    line
}

fn head(line: &mut String, url: &str, status: i32) {
    line.push_str("{\"url\":");
    quote(line, url);
    line.push_str(",\"status\":");
    line.push_str(itoa::Buffer::new().format(status));
    line.push_str(",\"body\":");
}

/// Where what a line says of the page itself ends, and what it says of the way there begins.
const JOURNEY: &str = ",\"attempts\":";

/// Room for what a line says of the way there.
const WAY: usize = 96;

/// The whole line of a page, without its line end.
pub(super) fn whole(page: &Page) -> String {
    let Journey { attempts, first_byte_us, whole_us, revalidated } = page.journey;
    let mut line = String::with_capacity(page.line.len() + WAY);
    line.extend([&page.line, JOURNEY, itoa::Buffer::new().format(attempts)]);
    for (name, micros) in [(",\"first_byte_ms\":", first_byte_us), (",\"ms\":", whole_us)] {
        line.push_str(name);
        milliseconds(&mut line, micros);
    }
    line.push_str(if revalidated { ",\"revalidated\":true}" } else { "}" });
    line
}

/// Adds microseconds as milliseconds, with as few digits behind the point as tell them, but one at the least.
fn milliseconds(line: &mut String, micros: u64) {
    line.push_str(itoa::Buffer::new().format(micros / 1_000));
    // The one in front keeps the zeros behind it.
    let mut buffer = itoa::Buffer::new();
    let behind = buffer.format(1_000 + micros % 1_000)[1..].trim_end_matches('0');
    line.extend([".", if behind.is_empty() { "0" } else { behind }]);
}

/// Where the line of a URL that failed goes on with what the server said.
const SAID: &str = ",\"headers\":";
const BODY: &str = ",\"body\":";
/// What it has for a body that was not read to its end.
const TRUNCATED: &str = ",\"truncated\":true";

/// What the line of a URL that failed says of the failure itself, without the closing brace.
pub(super) fn failed(url: &str, status: Option<u16>, class: &str, message: &str) -> String {
    let status = status.map_or_else(|| "null".to_owned(), |status| status.to_string());
    format!(
        "{{\"url\":{},\"status\":{status},\"error\":{{\"class\":{},\"message\":{}}}",
        quoted(url),
        quoted(class),
        quoted(message)
    )
}

/// What the line of a URL that failed says of the server's answer, where there was one: `,"headers":{…},"body":…`.
pub(super) fn said(refusal: &Refusal) -> String {
    let mut said = SAID.to_owned();
    let mut before = '{';
    for (name, value) in &refusal.fields {
        said.push(before);
        quote(&mut said, name);
        said.push(':');
        // An address may carry a secret.
        quote(&mut said, &Target::show(value));
        before = ',';
    }
    said.push_str(if refusal.fields.is_empty() { "{}" } else { "}" });
    said.push_str(BODY);
    content(&mut said, &refusal.body);
    if refusal.cut {
        said.push_str(TRUNCATED);
    }
    said
}

/// What a line of a failure has of the server's answer.
#[derive(Debug, PartialEq)]
pub(super) struct Said<'a> {
    pub(super) headers: &'a str,
    pub(super) body: &'a str,
    pub(super) lossy: bool,
}

/// The line of a failure in its two parts; nothing for the line of a page. Quotes within a text are escaped, so the first place
/// of each mark is the right one.
pub(super) fn failure_parted(line: &str) -> Option<(&str, Option<Said<'_>>)> {
    let (_, behind) = line.split_once(",\"status\":")?;
    let status = behind.split(',').next()?;
    behind[status.len()..].strip_prefix(",\"error\":")?;
    let line = line.strip_suffix('}')?;
    let Some(place) = line.find(SAID) else { return Some((line, None)) };
    let (headers, body) = line[place + SAID.len()..].split_once(BODY)?;
    let body = body.strip_suffix(TRUNCATED).unwrap_or(body);
    let whole = body.strip_suffix(LOSSY);
    Some((&line[..place], Some(Said { headers, body: whole.unwrap_or(body), lossy: whole.is_some() })))
}

/// What a whole line says of the page itself, or of its failure: nothing that may differ from run to run. The way there comes last
/// and holds no text, so what stands in a body cannot be taken for it.
pub(super) fn lasting(line: &str) -> &str {
    match failure_parted(line) {
        Some((failure, _)) => failure,
        None => parted(line).map_or(line, |(lasting, _)| lasting),
    }
}

/// What the whole line of a page says of the page itself, and what of the way there.
pub(super) fn parted(line: &str) -> Option<(&str, &str)> {
    line.rsplit_once(JOURNEY)
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    quote(&mut quoted, text);
    quoted
}

/// Adds a string of JSON.
fn quote(line: &mut String, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        line.push_str(&serde_json::Value::from(text).to_string());
    } else {
        line.extend(["\"", text, "\""]);
    }
}

/// Whether an answer's body is JSON.
pub(super) fn is_json(answer: &Answer) -> bool {
    std::str::from_utf8(&answer.body).is_ok_and(|text| {
        serde_json::from_str::<IgnoredAny>(text.strip_prefix('\u{feff}').unwrap_or(text)).is_ok()
    })
}

/// Adds a JSON text without the white space between its tokens.
///
/// It was checked by a parser, but is not rebuilt from what the parser understood: that would reorder keys and round numbers.
fn compact(line: &mut String, json: &str) {
    let bytes = json.as_bytes();
    let (mut kept, mut here) = (0, 0);
    while let Some(&byte) = bytes.get(here) {
        match byte {
            b'"' => here = behind_string(bytes, here),
            b' ' | b'\t' | b'\n' | b'\r' => {
                line.push_str(&json[kept..here]);
                here += 1;
                kept = here;
            }
            _ => here += 1,
        }
    }
    line.push_str(&json[kept..]);
}

/// The place behind the string that begins at `start`.
fn behind_string(bytes: &[u8], start: usize) -> usize {
    let mut here = start + 1;
    while let Some(next) = bytes.get(here..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        here += next + 1;
        if bytes[here - 1] == b'"' {
            return here;
        }
        // What is escaped ends nothing.
        here += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn answer(body: &[u8]) -> Answer {
        let (status, body, elapsed) = (200, body.to_vec().into(), Duration::from_millis(3));
        Answer {
            status,
            body,
            attempts: 1,
            elapsed,
            first_byte: Duration::from_micros(1_500),
            revalidated: false,
        }
    }

    fn page(body: &[u8]) -> Page {
        let journey = Journey { attempts: 2, first_byte_us: 1_500, whole_us: 3_000, revalidated: false };
        Page { line: line("/", &answer(body)), received: body.len() as u64, journey }
    }

    #[track_caller]
    fn check(body: &[u8], expected: &str) {
        assert_eq!(line("/a\"b", &answer(body)), format!("{{\"url\":\"/a\\\"b\",\"status\":200,{expected}"));
    }

    #[test]
    fn json_keeps_its_order_and_digits_and_loses_its_white_space() {
        check(
            b"{ \"b\" : 1.10,\r\n\t\"a\": [123456789012345678901234567890 , 1e400] }\n",
            "\"body\":{\"b\":1.10,\"a\":[123456789012345678901234567890,1e400]}",
        );
        check(b"\xef\xbb\xbf\"a \\\" b\\\\\" ", "\"body\":\"a \\\" b\\\\\"");
        check(b"null", "\"body\":null");
    }

    #[test]
    fn what_is_not_json_is_a_string_and_says_when_it_lost_something() {
        check(b"", "\"body\":\"\"");
        check(b"<p>\n", "\"body\":\"<p>\\n\"");
        check(b"{} {}", "\"body\":\"{} {}\"");
        check(b"Bel\xe9m", "\"body\":\"Bel\u{fffd}m\",\"lossy\":true");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ \\\\\"\n\t{},:é]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ \"\\\\a-c]{0,3}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    #[test]
    fn the_line_of_a_failure_has_what_the_server_said_and_is_taken_apart_again() {
        let refusal = |body: &'static [u8], cut| Refusal {
            fields: vec![("location".into(), "/a?token=s3cr3t".into()), ("x".into(), "\"".into())],
            body: body.into(),
            cut,
            limit: false,
        };
        let failure = failed("/a,\"status\":", Some(404), "status", "no,\"headers\":{}");
        for (body, cut, text, lossy) in [
            (&b"{\"a\": 1, \"attempts\":3}"[..], false, "{\"a\":1,\"attempts\":3}", false),
            (b"Bel\xe9m", true, "\"Bel\u{fffd}m\"", true),
            (b",\"body\":", false, "\",\\\"body\\\":\"", false),
        ] {
            let line = format!("{failure}{}}}", said(&refusal(body, cut)));
            let value: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(
                (&value["status"], &value["headers"]["location"]),
                (&json!(404), &json!("/a?token=…"))
            );
            let (lasting_part, found) = failure_parted(&line).unwrap();
            let found = found.unwrap();
            assert_eq!((lasting_part, found.body, found.lossy), (failure.as_str(), text, lossy));
            assert_eq!(lasting(&line), failure);
            assert_eq!(serde_json::from_str::<Value>(found.headers).unwrap(), value["headers"]);
        }
        let bare = failed("/", None, "connect", "refused") + "}";
        assert_eq!(failure_parted(&bare).unwrap(), (&bare[..bare.len() - 1], None));
        assert!(failure_parted(&whole(&page(b"{\"error\":1}"))).is_none());
    }

    proptest! {
        #[test]
        fn microseconds_are_milliseconds_with_no_digit_too_many(micros in 0..10_000_000_u64) {
            let mut line = String::new();
            milliseconds(&mut line, micros);
            prop_assert_eq!(line, format!("{:?}", micros as f64 / 1_000.0));
        }

        #[test]
        fn any_json_body_is_one_line_that_means_the_same(body in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) };
            let page = page(&text.unwrap());
            let line = whole(&page);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), json!({
                "url": "/", "status": 200, "body": body, "attempts": 2, "first_byte_ms": 1.5, "ms": 3.0,
            }));
            prop_assert_eq!(lasting(&line), page.line);
        }

        #[test]
        fn any_bytes_are_one_line_of_json(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let line = whole(&page(&body));
            prop_assert!(!line.contains('\n'));
            prop_assert!(serde_json::from_str::<Value>(&line).is_ok(), "{}", line);
        }
    }
}
