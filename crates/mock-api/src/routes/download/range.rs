//! Ranges: RFC 9110, section 14.

use std::fmt::Write as _;
use std::ops::Range;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::{StreamExt as _, stream};

use super::Content;

/// A request for more ranges than this is answered with the whole file, as a defence against many tiny ones.
const MAX_PARTS: usize = 32;

/// What a request wants of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Everything,
    Part(Range<u64>),
    Parts(Vec<Range<u64>>),
    /// No range of it lies in the file.
    Impossible,
}

/// Reads `Range` and `If-Range`. A header that cannot be read is ignored, as the standard asks.
pub(super) fn wanted(headers: &HeaderMap, etag: &HeaderValue, size: u64) -> Wanted {
    let Some(ranges) = headers.get(header::RANGE).and_then(|ranges| ranges.to_str().ok()) else {
        return Wanted::Everything;
    };
    // Only a strong validator that is ours makes a part safe to append; there are no dates here.
    if headers.get(header::IF_RANGE).is_some_and(|validator| validator != etag) {
        return Wanted::Everything;
    }
    parse(ranges, size).unwrap_or(Wanted::Everything)
}

fn parse(ranges: &str, size: u64) -> Option<Wanted> {
    let (unit, set) = ranges.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut parts = Vec::new();
    for range in set.split(',').map(str::trim).filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-')?;
        let part = match (first.trim(), last.trim()) {
            ("", suffix) => size.saturating_sub(digits(suffix)?)..size,
            (first, "") => digits(first)?..size,
            (first, last) => {
                let (first, last) = (digits(first)?, digits(last)?);
                if first > last {
                    return None;
                }
                first..size.min(last.saturating_add(1))
            }
        };
        // A range past the end, and a suffix of nothing, are not errors while another range lies in the file.
        if part.start < part.end {
            parts.push(part);
        }
    }
    match parts.len() {
        0 => Some(Wanted::Impossible),
        1 => parts.pop().map(Wanted::Part),
        2..=MAX_PARTS => Some(Wanted::Parts(parts)),
        _ => None,
    }
}

/// A number of digits only; one that is too large for 64 bits lies past any end.
fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The value of `Content-Range`.
pub(super) fn content_range(part: &Range<u64>, size: u64) -> HeaderValue {
    let value = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("bytes */0"))
}

/// Several parts in one body.
pub(super) fn multipart(content: &Content, parts: &[Range<u64>], size: u64) -> Response {
    // The boundary is decided by the file, so that the answer is the same each time. That random bytes hold it is as
    // unlikely as guessing 128 bits.
    let boundary = content.etag(false).to_str().unwrap_or_default().trim_matches('"').to_owned();
    let boundary = format!("part-{boundary}");
    let mut length = 0;
    let mut bodies = Vec::new();
    for part in parts {
        let mut head = String::new();
        let range = content_range(part, size);
        // Writing to a string cannot fail.
        let _ = write!(
            head,
            "\r\n--{boundary}\r\ncontent-type: application/octet-stream\r\ncontent-range: {}\r\n\r\n",
            range.to_str().unwrap_or_default()
        );
        let body = content.body(part.clone());
        length += head.len() as u64 + body.size_hint().exact().unwrap_or(0);
        bodies.extend([Body::from(head), body]);
    }
    let tail = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    length += tail.len() as u64;
    bodies.push(Body::from(tail));
    let pieces = stream::iter(bodies).flat_map(Body::into_data_stream);
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    if let Ok(kind) = HeaderValue::from_str(&format!("multipart/byteranges; boundary={boundary}")) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ranges: &str, expected: Wanted) {
        assert_eq!(parse(ranges, 100), Some(expected), "{ranges}");
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        check("bytes=0-9", Wanted::Part(0..10));
        check("bytes=90-", Wanted::Part(90..100));
        check("bytes=-10", Wanted::Part(90..100));
        check("bytes=-1000", Wanted::Part(0..100));
        check("bytes=50-1000", Wanted::Part(50..100));
        check("bytes=0-0, 99-99", Wanted::Parts(vec![0..1, 99..100]));
        check("bytes=0-9, 200-", Wanted::Part(0..10));
        check("bytes=0-99999999999999999999999", Wanted::Part(0..100));
    }

    #[test]
    fn ranges_past_the_end_are_impossible_and_nonsense_is_ignored() {
        check("bytes=100-", Wanted::Impossible);
        check("bytes=-0", Wanted::Impossible);
        for nonsense in ["bytes", "bytes=", "lines=0-9", "bytes=9-0", "bytes=a-b", "bytes=-", "bytes=+1-2"] {
            let read = parse(nonsense, 100);
            assert!(matches!(read, None | Some(Wanted::Impossible)), "{nonsense}: {read:?}");
        }
    }
}
