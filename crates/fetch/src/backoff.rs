//! How long to wait before asking again.

use std::time::{Duration, SystemTime};

use crate::manners::Manners;

/// The pause before the request that follows `attempts` failed ones: exponential back-off with full jitter, that is
/// `random(0, min(longest, first * 2^(attempts - 1)))`, after Marc Brooker, "Exponential Backoff And Jitter" (AWS
/// Architecture Blog, 2015). `roll` is the random number, at least 0 and less than 1.
///
/// A pause that the server asked for comes first, and the jitter of a first retry on top of it, so that all whom it sent
/// away together do not come back together.
pub(crate) fn pause(manners: &Manners, attempts: u32, asked: Option<Duration>, roll: f64) -> Duration {
    let doubled = match asked {
        Some(_) => manners.first_pause,
        None => manners.first_pause.saturating_mul(1_u32.checked_shl(attempts - 1).unwrap_or(u32::MAX)),
    };
    asked.unwrap_or_default() + doubled.min(manners.longest_pause).mul_f64(roll)
}

/// A longer pause is as good as none that ends, and no clock has room for the longest that can be written: 136 years.
pub(crate) const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Reads the value of a `Retry-After` field: seconds, or a date in one of the forms of HTTP (RFC 9110, section 10.2.3).
/// A date in the past means at once; what is neither means nothing.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(FOREVER.as_secs())).min(FOREVER));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(FOREVER))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    const MANNERS: fn() -> Manners = || Manners {
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_secs(1),
        ..Manners::default()
    };

    #[test]
    fn the_bound_of_the_pause_doubles_up_to_the_longest() {
        let bounds: Vec<_> =
            (1..=6).map(|attempts| pause(&MANNERS(), attempts, None, 1.0).as_millis()).collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(pause(&MANNERS(), 40, None, 1.0), Duration::from_secs(1));
        assert_eq!(pause(&MANNERS(), 3, None, 0.0), Duration::ZERO);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // The example date of RFC 9110 is 784111777 seconds after the epoch; the clock is set 90 seconds earlier.
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
        let check = |value: &str, seconds: Option<u64>| {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("18446744073709551615", Some(u32::MAX.into()));
        check("99999999999999999999999", Some(u32::MAX.into()));
        check("+5", None);
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(90));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(90));
        check("Sun Nov  6 08:49:37 1994", Some(90));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        for nothing in ["", "-1", "1.5", "soon", "Sun, 06 Nov 1994"] {
            check(nothing, None);
        }
    }

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_the_server_asked_nor_longer_than_the_bound_allows(
            attempts in 1_u32..=u32::MAX,
            asked in proptest::option::of(0_u64..1_000),
            roll in 0.0..1.0_f64,
        ) {
            let asked = asked.map(Duration::from_secs);
            let pause = pause(&MANNERS(), attempts, asked, roll);
            prop_assert!(pause >= asked.unwrap_or_default());
            prop_assert!(pause <= asked.unwrap_or_default() + Duration::from_secs(1));
        }
    }
}
