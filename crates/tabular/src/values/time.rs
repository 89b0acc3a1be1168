//! Dates and instants.

use serde::{Deserialize, Serialize};

use super::number::digits;
use crate::calendar;

/// In which order day, month and year stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// `2024-12-31` or `2024/12/31`.
    Ymd,
    /// `31/12/2024`, `31-12-2024` or `31.12.2024`.
    Dmy,
    /// `12/31/2024`.
    Mdy,
}

const SECONDS_A_DAY: i64 = 86_400;

#[inline]
fn two(pair: [u8; 2]) -> Option<i64> {
    let [tens, ones] = pair.map(|byte| byte.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// Days since 1970 of a date of ten bytes.
#[inline]
#[allow(clippy::many_single_char_names, reason = "a letter for each of ten bytes shows their order best")]
pub fn date(text: &[u8], order: Order) -> Option<i32> {
    let &[a, b, c, d, e, f, g, h, i, j] = text else { return None };
    let (year, month, day) = match order {
        Order::Ymd if e == h && matches!(e, b'-' | b'/') => ([a, b, c, d], [f, g], [i, j]),
        Order::Dmy if c == f && matches!(c, b'/' | b'-' | b'.') => ([g, h, i, j], [d, e], [a, b]),
        Order::Mdy if c == f && c == b'/' => ([g, h, i, j], [a, b], [d, e]),
        _ => return None,
    };
    let [century_tens, century, tens, ones] = year;
    let year = two([century_tens, century])? * 100 + two([tens, ones])?;
    let (month, day) = (two(month)?, two(day)?);
    if day > 28 || !(1..=12).contains(&month) || day == 0 {
        return i32::try_from(calendar::days(year, month, day)?).ok();
    }
    // No month is shorter than 28 days, so these need no second look.
    i32::try_from(calendar::days_of_valid(year, month, day)).ok()
}

/// An instant, before it becomes a number of some unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Seconds since 1970, of the world where `zoned`, else of the unnamed place that wrote it.
    pub seconds: i64,
    /// Nanoseconds behind the second.
    pub nanos: u32,
    /// How many digits the fraction has.
    pub fraction: u8,
    /// Whether `Z` or an offset such as `-03:00` stands behind it.
    pub zoned: bool,
}

/// A date, then `T` or a space, `HH:MM`, perhaps `:SS`, perhaps a fraction of up to nine digits, perhaps `Z` or an offset.
#[inline]
pub fn instant(text: &[u8], order: Order) -> Option<Instant> {
    let (day, rest) = text.split_at_checked(10)?;
    let days = i64::from(date(day, order)?);
    let (hour, minute, rest) = match *rest {
        [b' ' | b'T', h1, h2, b':', m1, m2, ref rest @ ..] => (two([h1, h2])?, two([m1, m2])?, rest),
        _ => return None,
    };
    let (second, rest) = match *rest {
        [b':', s1, s2, ref rest @ ..] => (two([s1, s2])?, rest),
        _ => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days * SECONDS_A_DAY + hour * 3_600 + minute * 60 + second;
    if rest.is_empty() {
        return Some(Instant { seconds, nanos: 0, fraction: 0, zoned: false });
    }
    let (nanos, fraction, rest) = fraction(rest)?;
    let (zoned, offset) = zone(rest)?;
    Some(Instant { seconds: seconds - offset, nanos, fraction, zoned })
}

/// Nanoseconds, the number of digits, and what stands behind them.
fn fraction(text: &[u8]) -> Option<(u32, u8, &[u8])> {
    let [b'.', rest @ ..] = text else { return Some((0, 0, text)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let value = u32::try_from(digits(&rest[..length])?).ok()?;
    let count = u8::try_from(length).ok()?;
    Some((value * 10_u32.pow(9 - u32::from(count)), count, &rest[length..]))
}

/// Whether a zone is named, and its seconds east of Greenwich.
fn zone(text: &[u8]) -> Option<(bool, i64)> {
    let (sign, hours, minutes) = match *text {
        [] => return Some((false, 0)),
        [b'Z'] => return Some((true, 0)),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, two([h1, h2])?, two([m1, m2])?),
        [sign, h1, h2] => (sign, two([h1, h2])?, 0),
        _ => return None,
    };
    let offset = (hours * 60 + minutes) * 60;
    match sign {
        b'+' if hours < 24 && minutes < 60 => Some((true, offset)),
        b'-' if hours < 24 && minutes < 60 => Some((true, -offset)),
        _ => None,
    }
}

impl Instant {
    /// Microseconds since 1970; `None` where the fraction has more digits than that.
    #[inline]
    pub fn micros(self) -> Option<i64> {
        (self.fraction <= 6).then_some(())?;
        self.seconds.checked_mul(1_000_000)?.checked_add((self.nanos / 1_000).into())
    }

    /// Nanoseconds since 1970; `None` outside of the years 1677 to 2262, which 64 bits hold.
    #[inline]
    pub fn nanos(self) -> Option<i64> {
        self.seconds.checked_mul(1_000_000_000)?.checked_add(self.nanos.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn dates_and_instants_are_those_of_another_calendar(seconds in -60_000_000_000_i64..250_000_000_000, nanos in 0_u32..1_000_000_000, hour in -14_i64..15) {
            let zone = jiff::tz::Offset::from_hours(i8::try_from(hour).unwrap()).unwrap();
            let stamp = jiff::Timestamp::new(seconds, 0).unwrap();
            let civil = zone.to_datetime(stamp);
            prop_assume!((0..=9999).contains(&civil.year()));
            let text = format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{nanos:09}{hour:+03}:00", civil.year(), civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second());
            let read = instant(text.as_bytes(), Order::Ymd).unwrap();
            prop_assert_eq!((read.seconds, read.nanos, read.zoned), (seconds, nanos, true));
            let day = i32::try_from((seconds + hour * 3600).div_euclid(86_400)).unwrap();
            let dmy = format!("{:02}/{:02}/{:04}", civil.day(), civil.month(), civil.year());
            let mdy = format!("{:02}/{:02}/{:04}", civil.month(), civil.day(), civil.year());
            prop_assert_eq!(date(&text.as_bytes()[..10], Order::Ymd), Some(day));
            prop_assert_eq!(date(dmy.as_bytes(), Order::Dmy), Some(day));
            prop_assert_eq!(date(mdy.as_bytes(), Order::Mdy), Some(day));
        }
    }

    #[test]
    fn what_no_calendar_has_is_none() {
        for text in [
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "2024-01/01",
            "20240101",
            "2024-04-31",
            "2024-01-00",
        ] {
            assert_eq!(date(text.as_bytes(), Order::Ymd), None, "{text}");
        }
        for text in [
            "2024-01-01",
            "2024-01-01 24:00:00",
            "2024-01-01 10:60",
            "2024-01-01 10:00:00.",
            "2024-01-01 10:00:00.1234567890",
            "2024-01-01 10:00:00 Z",
            "2024-01-01_10:00",
        ] {
            assert_eq!(instant(text.as_bytes(), Order::Ymd), None, "{text}");
        }
        let fine = instant(b"31/12/2024 23:59", Order::Dmy).unwrap();
        assert_eq!(fine.micros(), Some(1_735_689_540_000_000));
        let finer = instant(b"2024-01-01T00:00:00.0000001Z", Order::Ymd).unwrap();
        assert_eq!((finer.micros(), finer.nanos()), (None, Some(1_704_067_200_000_000_100)));
    }
}
