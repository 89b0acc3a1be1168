//! What the reading of answers promises, as functions of any bytes: the fuzz targets call them with inputs of libFuzzer's, the
//! tests with inputs of proptest's and with those that once broke a promise. They panic where a promise is broken.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use reqwest::Version;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::backoff::{FOREVER, retry_after};
use crate::encoding;
use crate::error::FetchError;
use crate::incoming::Head;
use crate::pace::Pace;
use crate::quota::Quota;
use crate::target::Target;

/// The longest body that a promise decodes.
const LIMIT: u64 = 1 << 20;

/// Whatever the head of an answer says: a part makes sense, a limit can be kept, and the body behind the empty line is
/// decoded to no more than the limit, or an error says why not.
///
/// The lines are `name: value`; those that no HTTP parser would let through are skipped.
///
/// # Panics
/// Where a promise is broken.
pub fn any_head_is_read(bytes: &[u8]) {
    let (fields, body) = head(bytes);
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let head = Head::of(206, version, &fields);
        if let Some(part) = head.part {
            assert!(part.range.start < part.range.end, "{part:?}");
            assert!(part.total.is_none_or(|total| part.range.end <= total), "{part:?}");
        }
        assert!(head.ends_surely || head.length.is_none());
        assert!(head.validator.is_none_or(|validator| !validator.starts_with("W/")));
    }
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    if let Some(quota) = Quota::read(&fields, now) {
        assert!(quota.rate.is_none_or(|rate| (1e-3..=1e6).contains(&rate)), "{quota:?}");
        assert!(quota.burst.is_none_or(|burst| burst >= 1.0 && burst.is_finite()), "{quota:?}");
        assert!(quota.reset.is_none_or(|reset| reset <= FOREVER), "{quota:?}");
        let pace = Pace::eager();
        let sent = Instant::now();
        pace.accepted(sent, Some(&quota));
        pace.refused(sent, quota.reset);
        assert!(pace.limit().is_none_or(|limit| limit.rate > 0.0 && limit.rate.is_finite()), "{quota:?}");
    }
    match encoding::decoded(body.to_vec().into(), &fields, LIMIT) {
        Ok(plain) => assert!(plain.len() as u64 <= LIMIT.max(body.len() as u64)),
        Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
    }
}

/// The fields of a head and what comes behind it.
fn head(bytes: &[u8]) -> (HeaderMap, &[u8]) {
    let (mut fields, mut rest) = (HeaderMap::new(), bytes);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = rest[..end].trim_ascii();
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            fields.append(name, value);
        }
    }
    (fields, rest)
}

/// Any value of `Retry-After` is a number of seconds, a date, or nothing; and what it asks for can be kept by a clock.
///
/// # Panics
/// Where a promise is broken.
pub fn any_retry_after_can_be_obeyed(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let read = retry_after(text, now);
    let digits = text.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if is_number {
        let seconds = digits
            .bytes()
            .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        assert_eq!(read, Some(Duration::from_secs(seconds).min(FOREVER)), "{text}");
    }
    let Some(pause) = read else { return };
    assert!(pause <= FOREVER && (is_number || httpdate::parse_http_date(digits).is_ok()), "{text}");
    let pace = Arc::new(Pace::eager());
    assert!(pace.refused(Instant::now(), Some(pause)) >= pause);
    assert!(Instant::now().checked_add(pause).is_some());
}

/// Of any URL, neither the user name nor the password is ever shown, and what is read once is read again from what it says.
///
/// The text is put behind `http://name-7:pass-7@`, and taken as it is.
///
/// # Panics
/// Where a promise is broken.
pub fn any_url_keeps_its_secrets(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Its own text may say anything, also in disguise: a parser drops line ends, and decodes and folds names of hosts.
    let is_plain = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control() && byte != b'%');
    if is_plain && !text.contains("-7") {
        let secret = format!("http://name-7:pass-7@{text}");
        let shown = match Target::parse(&secret) {
            Ok(target) => format!("{target} {target:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains("pass-7") && !shown.contains("name-7"), "{shown}");
        assert!(!Target::show(&secret).contains("pass-7"));
    }
    let _ = Target::show_path(text);
    match Target::parse(text) {
        Ok(target) => {
            let again = Target::parse(target.as_str()).expect("what was read can be read");
            assert_eq!(again.as_str(), target.as_str());
            assert!(again.has_origin_of(&target));
        }
        Err(error) => assert!(matches!(error, FetchError::InvalidUrl { .. }), "{error}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_once_broke_a_promise_does_not_again() {
        // The pause was added to a clock that has no room for it.
        any_retry_after_can_be_obeyed(b"18446744073709551615");
        // A host that is the password, as the promise itself did not see.
        any_url_keeps_its_secrets(b"pass-\n7");
        any_head_is_read(b"ratelimit-policy: 1;w=1e300\n");
        any_head_is_read(b"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1e18\n");
    }

    proptest! {
        #[test]
        fn any_head(
            lines in "((ratelimit|ratelimit-policy|x-ratelimit-reset|x-ratelimit-remaining|content-range|content-encoding|digest|etag): ?(bytes|gzip|br|zstd|deflate|W/\"|[0-9]{1,20}|e|;|=|q|w|r|t|-|/|\\*|,| ){0,8}\n){0,6}",
            body: Vec<u8>,
        ) {
            any_head_is_read(&[lines.into_bytes(), b"\n".to_vec(), body].concat());
        }

        #[test]
        fn any_retry_after(text in "[0-9]{1,24}|[+-]?[0-9.]{0,5}|(Sun|Mon), [0-9]{2} (Nov|Jan) [0-9]{4} [0-9:]{8} GMT|\\PC{0,20}") {
            any_retry_after_can_be_obeyed(text.as_bytes());
        }

        #[test]
        fn any_url(text in "(https?:|)(/{0,3})(\\[::1\\]|[a-z.]{0,6}|%[0-9a-f+]{2}|@|:[0-9]{0,6}|/|\\?|#|&|token=|\\PC){0,8}") {
            any_url_keeps_its_secrets(text.as_bytes());
        }
    }
}
