//! What a server tells of its limit in the header fields of an answer.
//!
//! | field | example |
//! |---|---|
//! | `RateLimit-Policy` (IETF draft) | `50;w=1;burst=10`, `"default";q=50;w=1` |
//! | `RateLimit` (IETF draft) | `limit=50, remaining=9, reset=1`, `"default";r=9;t=1` |
//! | `RateLimit-Limit`, `-Remaining`, `-Reset`; the same with `X-` | `50`, `9`, seconds, or for `X-` the time of the reset |
//!
//! A policy tells the limit itself: so many requests in a window of so many seconds, and how many at once. What remains and
//! when that is renewed tells only how long one may go on. So does a policy for a long window, such as a day: to spread its
//! requests over the day would be slower than anybody means. Of several policies the strictest counts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

use crate::backoff::FOREVER;

/// What an answer tells of the server's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quota {
    /// Requests a second, in the long run.
    pub rate: Option<f64>,
    /// Requests at once.
    pub burst: Option<f64>,
    /// Requests that may still be made.
    pub remaining: Option<u64>,
    /// How long it is until there are more.
    pub reset: Option<Duration>,
}

/// The longest window, in seconds, over which requests are spread.
const WINDOW: f64 = 60.0;
/// Rates beyond these are no limits that anybody means.
const RATES: (f64, f64) = (1e-3, 1e6);
/// A number of seconds beyond this is a time since 1970, as several large APIs write it.
const EPOCH: f64 = 1e9;

impl Quota {
    /// Reads the fields of an answer; `None` where none of them is there.
    pub(crate) fn read(headers: &HeaderMap, now: SystemTime) -> Option<Self> {
        // Most answers tell nothing, and each look-up by name costs a hash.
        headers.keys().find(|name| name.as_str().contains("rate"))?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let either = |name: &str| {
            text(&format!("ratelimit-{name}"))
                .or_else(|| text(&format!("x-ratelimit-{name}")))
                .or_else(|| text(&format!("x-rate-limit-{name}")))
        };
        let mut quota = Self::default();
        let together = text("ratelimit");
        let number = |name: &str, short: &str| {
            let own = either(name).and_then(first_number);
            own.or_else(|| together.and_then(|all| parameter(all, name).or_else(|| parameter(all, short))))
        };
        if let Some((rate, burst)) = text("ratelimit-policy").and_then(strictest) {
            (quota.rate, quota.burst) = (Some(rate), burst);
        }
        quota.remaining = number("remaining", "r").map(whole);
        quota.reset = number("reset", "t").and_then(|seconds| until(seconds, now));
        (quota != Self::default()).then_some(quota)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and so it should"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

/// The rate and the burst of the strictest policy: `50;w=1;burst=10, "day";q=9000;w=86400`.
fn strictest(policies: &str) -> Option<(f64, Option<f64>)> {
    let read = |policy: &str| {
        let quantity = parameter(policy, "q").or_else(|| first_number(policy))?;
        let window = parameter(policy, "w").filter(|window| (f64::MIN_POSITIVE..=WINDOW).contains(window))?;
        let burst = parameter(policy, "burst").map(|burst| burst.clamp(1.0, RATES.1));
        Some(((quantity / window).clamp(RATES.0, RATES.1), burst))
    };
    policies.split(',').filter_map(read).min_by(|one, other| one.0.total_cmp(&other.0))
}

fn until(seconds: f64, now: SystemTime) -> Option<Duration> {
    let seconds_or_time = Duration::try_from_secs_f64(seconds).ok()?;
    if seconds < EPOCH {
        return Some(seconds_or_time);
    }
    let time = UNIX_EPOCH.checked_add(seconds_or_time)?;
    Some(time.duration_since(now).unwrap_or_default().min(FOREVER))
}

/// The number that a value begins with.
fn first_number(value: &str) -> Option<f64> {
    let number = value.trim().split([',', ';', ' ']).next()?;
    number.parse().ok().filter(|number: &f64| *number >= 0.0 && number.is_finite())
}

/// The number of a parameter: `w=1` or `limit=50`.
fn parameter(value: &str, name: &str) -> Option<f64> {
    let mut pairs = value.split([',', ';']).filter_map(|pair| pair.split_once('='));
    let (_, number) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    first_number(number)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(fields: &[(&'static str, &str)], expected: Option<Quota>) {
        let fields = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(Quota::read(&fields.collect(), now), expected);
    }

    #[test]
    fn every_form_in_which_servers_tell_their_limits_is_read() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let left = |remaining, reset| Quota {
            remaining: Some(remaining),
            reset: seconds(reset),
            ..Quota::default()
        };
        check(
            &[
                ("ratelimit-policy", "50;w=1;burst=10"),
                ("ratelimit-remaining", "9"),
                ("ratelimit-reset", "1"),
            ],
            Some(Quota { rate: Some(50.0), burst: Some(10.0), ..left(9, 1) }),
        );
        check(
            &[("ratelimit-policy", "\"default\";q=100;w=60"), ("ratelimit", "\"default\";r=50;t=30")],
            Some(Quota { rate: Some(100.0 / 60.0), ..left(50, 30) }),
        );
        check(
            &[("ratelimit-policy", "\"second\";q=50;w=1, \"minute\";q=600;w=60, \"day\";q=9000;w=86400")],
            Some(Quota { rate: Some(10.0), ..Quota::default() }),
        );
        check(&[("ratelimit-policy", "9000;w=86400")], None);
        check(&[("ratelimit-policy", "1;w=1e-300")], Some(Quota { rate: Some(1e6), ..Quota::default() }));
        check(&[("ratelimit-reset", "1e18")], Some(Quota { reset: Some(FOREVER), ..Quota::default() }));
        check(&[("ratelimit", "limit=100, remaining=50, reset=5")], Some(left(50, 5)));
        check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000042")], Some(left(0, 42)));
        check(&[("x-rate-limit-remaining", "3"), ("x-rate-limit-reset", "1600000000")], Some(left(3, 0)));
        check(&[("x-ratelimit-remaining", "many"), ("content-length", "5")], None);
    }
}
