//! An answer as one line of JSON.

use fetch::Answer;
use serde::de::IgnoredAny;

/// The line of a page, without its line end: `{"url":…,"status":…,"body":…}`.
///
/// A body that is JSON stands there as the server wrote it, without the white space between its tokens: keys keep their
/// order and numbers all their digits. Any other body is a string. Bytes of it that are not UTF-8 become U+FFFD, and then
/// the line ends with `"lossy":true`.
pub(super) fn line(url: &str, answer: &Answer) -> String {
    let head = format!("{{\"url\":{},\"status\":{},\"body\":", quoted(url), answer.status);
    let (body, end) = match compact(&answer.body) {
        Some(json) => (json, "}"),
        None => match std::str::from_utf8(&answer.body) {
            Ok(text) => (quoted(text), "}"),
            Err(_) => (quoted(&String::from_utf8_lossy(&answer.body)), ",\"lossy\":true}"),
        },
    };
    head + &body + end
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The JSON text without the white space between its tokens; `None` for what is not JSON.
///
/// It is checked by a parser, but not rebuilt from what the parser understood: that would reorder keys and round numbers.
fn compact(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    // A byte order mark is no part of JSON, but a reader may ignore it (RFC 8259, section 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let (mut in_string, mut escaped) = (false, false);
    let mut kept = text.to_owned();
    kept.retain(|character| {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            ' ' | '\t' | '\n' | '\r' => return in_string,
            _ => {}
        }
        true
    });
    Some(kept)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn answer(body: &[u8]) -> Answer {
        Answer { status: 200, body: body.to_vec().into(), attempts: 1, elapsed: Duration::ZERO }
    }

    #[track_caller]
    fn check(body: &[u8], expected: &str) {
        assert_eq!(
            line("/a\"b", &answer(body)),
            format!("{{\"url\":\"/a\\\"b\",\"status\":200,{expected}}}")
        );
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

    proptest! {
        #[test]
        fn any_json_body_is_one_line_that_means_the_same(body in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) };
            let line = line("/", &answer(&text.unwrap()));
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), json!({"url": "/", "status": 200, "body": body}));
        }

        #[test]
        fn any_bytes_are_one_line_of_json(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let line = line("/", &answer(&body));
            prop_assert!(!line.contains('\n'));
            prop_assert!(serde_json::from_str::<Value>(&line).is_ok(), "{}", line);
        }
    }
}
