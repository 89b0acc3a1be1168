//! The texts of single values: numbers, dates, times, bytes.

use super::column::Unit;
use crate::calendar;

pub(super) const MILLISECONDS_A_DAY: i64 = 86_400_000;
const SECONDS_A_DAY: i64 = 86_400;

pub(super) fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend(itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn decimal(value: i128, scale: i8, out: &mut Vec<u8>) {
    long_decimal(itoa::Buffer::new().format(value), scale, out);
}

/// Writes a decimal given by its digits, which may begin with a minus.
pub(super) fn long_decimal(digits: &str, scale: i8, out: &mut Vec<u8>) {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    out.extend(sign.as_bytes());
    let Ok(behind @ 1..) = usize::try_from(scale) else {
        // A negative scale counts zeros before the point; of zero there are none to count.
        out.extend(digits.as_bytes());
        out.extend(std::iter::repeat_n(b'0', if digits == "0" { 0 } else { scale.unsigned_abs().into() }));
        return;
    };
    if digits.len() > behind {
        let (whole, fraction) = digits.split_at(digits.len() - behind);
        out.extend(whole.as_bytes());
        out.push(b'.');
        out.extend(fraction.as_bytes());
    } else {
        out.extend(b"0.");
        out.extend(std::iter::repeat_n(b'0', behind - digits.len()));
        out.extend(digits.as_bytes());
    }
}

/// Writes `YYYY-MM-DD`. Years outside of 0 to 9999 have a sign and at least six digits, as in ISO 8601.
pub(super) fn date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = calendar::civil(days);
    if !(0..10_000).contains(&year) {
        out.extend(format!("{year:+07}-{month:02}-{day:02}").as_bytes());
        return;
    }
    let mut text = *b"0000-00-00";
    two(year / 100, &mut text[0..2]);
    two(year % 100, &mut text[2..4]);
    two(month, &mut text[5..7]);
    two(day, &mut text[8..10]);
    out.extend(text);
}

/// Writes `YYYY-MM-DD HH:MM:SS`, with the fraction where it is not zero, and `Z` for an instant of the whole world.
pub(super) fn instant(value: i64, unit: Unit, zoned: bool, out: &mut Vec<u8>) {
    let (seconds, fraction) = (value.div_euclid(unit.per_second), value.rem_euclid(unit.per_second));
    date(seconds.div_euclid(SECONDS_A_DAY), out);
    out.push(b' ');
    clock(seconds.rem_euclid(SECONDS_A_DAY), fraction, unit, out);
    if zoned {
        out.push(b'Z');
    }
}

/// Writes the time of a day, `HH:MM:SS`, with the fraction where it is not zero. What is no time of a day is written as
/// the number it is.
pub(super) fn time(value: i64, unit: Unit, out: &mut Vec<u8>) {
    let (seconds, fraction) = (value.div_euclid(unit.per_second), value.rem_euclid(unit.per_second));
    if (0..SECONDS_A_DAY).contains(&seconds) {
        clock(seconds, fraction, unit, out);
    } else {
        integer(value, out);
    }
}

fn clock(of_day: i64, fraction: i64, unit: Unit, out: &mut Vec<u8>) {
    let mut text = *b"00:00:00";
    two(of_day / 3_600, &mut text[0..2]);
    two(of_day / 60 % 60, &mut text[3..5]);
    two(of_day % 60, &mut text[6..8]);
    out.extend(text);
    fraction_of_second(fraction, unit, out);
}

fn fraction_of_second(fraction: i64, unit: Unit, out: &mut Vec<u8>) {
    if fraction != 0 {
        out.extend(format!(".{fraction:0width$}", width = unit.digits).as_bytes());
    }
}

/// Writes a length of time as ISO 8601 has it: `P14M3DT2.5S`; each part has a sign of its own where it is negative.
pub(super) fn interval(months: i32, days: i32, time: i64, unit: Unit, out: &mut Vec<u8>) {
    out.push(b'P');
    for (count, letter) in [(months, b'M'), (days, b'D')] {
        if count != 0 {
            integer(count, out);
            out.push(letter);
        }
    }
    if time != 0 || (months, days) == (0, 0) {
        out.push(b'T');
        if time < 0 {
            out.push(b'-');
        }
        let (time, per_second) = (time.unsigned_abs(), unit.per_second.unsigned_abs());
        integer(time / per_second, out);
        fraction_of_second((time % per_second).cast_signed(), unit, out);
        out.push(b'S');
    }
}

/// Writes the 16 bytes of a UUID as RFC 9562 has it.
pub(super) fn uuid(bytes: &[u8], out: &mut Vec<u8>) {
    for (number, byte) in bytes.iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        hex(std::slice::from_ref(byte), out);
    }
}

pub(super) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len() * 2, 0);
    // There is room for two digits a byte, which is all that could be wrong.
    let _ = hex::encode_to_slice(bytes, &mut out[start..]);
}

/// Writes a number from 0 to 99 with two digits.
#[inline]
fn two(value: i64, text: &mut [u8]) {
    // Months, days, hours and halves of a year are below 100.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let value = value as u8;
    text[0] = b'0' + value / 10;
    text[1] = b'0' + value % 10;
}
