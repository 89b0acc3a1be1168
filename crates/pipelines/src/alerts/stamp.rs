//! When an event happened, read from its first line.
//!
//! | form | example |
//! |---|---|
//! | RFC 3339 and its relatives | `2025-03-10T08:00:00.123Z`, `2025-03-10 08:00:00,123 -03:00` |
//! | web servers | `10/Mar/2025:08:00:00 -0300` |
//! | seconds or milliseconds since the epoch, where the line begins or after `"ts":` | `1741593600.123` |
//! | RFC 3164, which leaves out the year: that of the file's last change | `Mar 10 08:00:00` |
//!
//! A time without an offset is one of the rules' `zone`. In the hour that daylight-saving time gives twice, such a time is
//! read as the first of the two, until the file's own times step back: from there on as the second. A time in the hour that
//! is left out is read with the offset before the change.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use regex::bytes::Regex;

/// A time on the line, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// It is this time.
    Sure(i64),
    /// The clock showed it twice: these are the two.
    Twice(i64, i64),
}

/// Reads times.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    zone: TimeZone,
    year: i16,
    web: Regex,
    old: Regex,
    epoch: Regex,
}

/// How far into an event its time is looked for, in bytes.
const WITHIN: usize = 128;

impl Clock {
    /// A clock for times of this zone; `year` is that of times that name none.
    pub(super) fn new(zone: TimeZone, year: i16) -> Self {
        let regex = |text: &str| Regex::new(text).expect("a pattern of ours");
        Self {
            zone,
            year,
            web: regex(r"(?-u)(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)"),
            old: regex(r"(?-u)^(?:<\d+>)?([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)\b"),
            epoch: regex(r#"(?-u)(?:^|"(?:ts|time|timestamp)": ?)"?(\d{10}(?:\.\d+)?|\d{13})\b"#),
        }
    }

    /// The same clock for times of another year.
    pub(super) fn of_year(&self, year: i16) -> Self {
        Self { year, ..self.clone() }
    }

    /// The time of an event; `None` where it shows none.
    pub(super) fn read(&self, event: &[u8]) -> Option<Stamp> {
        let head = &event[..event.len().min(WITHIN)];
        self.iso(head).or_else(|| self.others(head))
    }

    fn iso(&self, head: &[u8]) -> Option<Stamp> {
        let dash = memchr::memchr_iter(b'-', head)
            .find(|&dash| dash >= 4 && head.len() >= dash + 15 && shaped(&head[dash - 4..dash + 15]))?;
        let text = &head[dash - 4..];
        let two = |at: usize| i8::try_from(number(&text[at..at + 2])).ok();
        let year = i16::try_from(number(&text[..4])).ok()?;
        let mut rest = &text[19..];
        let mut nanoseconds = 0;
        if let [b'.' | b',', digits @ ..] = rest {
            let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            nanoseconds = (0..9).fold(0, |sum, place| {
                let digit = if place < length { i32::from(digits[place] - b'0') } else { 0 };
                sum * 10 + digit
            });
            rest = &digits[length..];
        }
        let civil =
            DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?.min(59), nanoseconds).ok()?;
        self.place(civil, offset(rest))
    }

    fn others(&self, head: &[u8]) -> Option<Stamp> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if let Some(found) = self.web.captures(head) {
            let small = |at: usize| i8::try_from(number(&found[at])).ok();
            let year = i16::try_from(number(&found[3])).ok()?;
            let civil =
                DateTime::new(year, month(&found[2])?, small(1)?, small(4)?, small(5)?, small(6)?, 0).ok()?;
            let sign = if found[7][0] == b'-' { -1 } else { 1 };
            let seconds = sign * (number(&found[7][1..]) * 3_600 + number(&found[8]) * 60);
            return self.place(civil, Offset::from_seconds(seconds).ok());
        }
        if let Some(found) = self.old.captures(head) {
            let small = |at: usize| i8::try_from(number(&found[at])).ok();
            let civil =
                DateTime::new(self.year, month(&found[1])?, small(2)?, small(3)?, small(4)?, small(5)?, 0)
                    .ok()?;
            return self.place(civil, None);
        }
        let digits = text(&self.epoch.captures(head)?[1]);
        if let Some((seconds, part)) = digits.split_once('.') {
            let part: String = part.chars().chain("000".chars()).take(3).collect();
            return Some(Stamp::Sure(format!("{seconds}{part}").parse().ok()?));
        }
        let number: i64 = digits.parse().ok()?;
        Some(Stamp::Sure(if digits.len() == 10 { number * 1_000 } else { number }))
    }

    fn place(&self, civil: DateTime, offset: Option<Offset>) -> Option<Stamp> {
        let milliseconds = |offset: Offset| offset.to_timestamp(civil).ok().map(Timestamp::as_millisecond);
        if let Some(offset) = offset {
            return milliseconds(offset).map(Stamp::Sure);
        }
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => milliseconds(offset).map(Stamp::Sure),
            AmbiguousOffset::Gap { before, .. } => milliseconds(before).map(Stamp::Sure),
            AmbiguousOffset::Fold { before, after } => {
                Some(Stamp::Twice(milliseconds(before)?, milliseconds(after)?))
            }
        }
    }
}

/// Whether these 19 bytes look like `2025-03-10T08:00:00`.
fn shaped(text: &[u8]) -> bool {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    text.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' ' | b'_'),
        _ => byte == shape,
    })
}

/// The offset that a time ends with.
fn offset(rest: &[u8]) -> Option<Offset> {
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    match rest {
        [b'Z' | b'z', ..] => Some(Offset::UTC),
        [sign @ (b'+' | b'-'), hours @ ..]
            if hours.len() >= 4 && hours[..2].iter().all(u8::is_ascii_digit) =>
        {
            let minutes = if hours[2] == b':' { hours.get(3..5)? } else { &hours[2..4] };
            let seconds = number(&hours[..2]) * 3_600 + number(minutes) * 60;
            minutes.iter().all(u8::is_ascii_digit).then_some(())?;
            Offset::from_seconds(if *sign == b'-' { -seconds } else { seconds }).ok()
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> i32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit.wrapping_sub(b'0')))
}

fn month(name: &[u8]) -> Option<i8> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = MONTHS.chunks(3).position(|month| month == name)?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let zone = TimeZone::get("America/New_York").unwrap();
        let found: Vec<i64> = match Clock::new(zone, 2025).read(line.as_bytes()) {
            Some(Stamp::Sure(one)) => vec![one],
            Some(Stamp::Twice(one, two)) => vec![one, two],
            None => Vec::new(),
        };
        let expected: Vec<i64> =
            expected.iter().map(|text| text.parse::<Timestamp>().unwrap().as_millisecond()).collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn every_form_of_a_time_is_read() {
        check("2025-03-10T08:00:00.123Z x", &["2025-03-10T08:00:00.123Z"]);
        check("<131>1 2025-03-10T08:00:00-03:00 host", &["2025-03-10T11:00:00Z"]);
        check("2025-07-10 08:00:00,5 ERROR", &["2025-07-10T12:00:00.5Z"]);
        check("{\"level\":\"info\",\"ts\":\"2025-03-10 08:00:00.25 +0100\"}", &["2025-03-10T07:00:00.25Z"]);
        check("127.0.0.1 - - [10/Mar/2025:08:00:00 -0300] \"GET\"", &["2025-03-10T11:00:00Z"]);
        check("<13>Mar 10 08:00:00 host app: x", &["2025-03-10T12:00:00Z"]);
        check("{\"ts\":1741593600.25,\"a\":1}", &["2025-03-10T08:00:00.25Z"]);
        check("{\"time\": 1741593600250}", &["2025-03-10T08:00:00.25Z"]);
        check("no time here 2025-03-10", &[]);
        check("2025-13-41 08:00:00 x", &[]);
    }

    #[test]
    fn the_hour_that_comes_twice_has_two_times_and_the_one_left_out_the_offset_before() {
        check("2025-11-02 01:30:00 x", &["2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z"]);
        check("2025-03-09 02:30:00 x", &["2025-03-09T07:30:00Z"]);
        check("2025-11-02 02:00:00 x", &["2025-11-02T07:00:00Z"]);
    }
}
