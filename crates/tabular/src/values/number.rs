//! Whole numbers, decimals and floating-point numbers.

use serde::{Deserialize, Serialize};

/// Which byte stands before the fraction. The other one may stand between groups of three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// `1234.5` or `1,234.5`.
    Point,
    /// `1234,5` or `1.234,5`.
    Comma,
}

impl Mark {
    /// The byte before the fraction, and the byte between groups.
    pub fn bytes(self) -> (u8, u8) {
        match self {
            Self::Point => (b'.', b','),
            Self::Comma => (b',', b'.'),
        }
    }
}

/// The most digits that a number of 128 bits holds for sure.
pub const DECIMAL_DIGITS: u8 = 38;
/// The most digits that a number of 64 bits with a point gives back as they were written (IEEE 754, `DBL_DIG`).
pub const FLOAT_DIGITS: u8 = 15;

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The value of eight ASCII digits, the first one in the lowest byte; `None` if one is no digit.
///
/// Neighbours are joined three times: digits to pairs, pairs to fours, fours to eight.
#[inline]
fn eight_digits(word: u64) -> Option<u64> {
    let digits = word ^ ZEROS;
    // A byte above 9 has a high nibble, or gets one when 6 is added.
    if (digits | (digits.wrapping_add(0x0606_0606_0606_0606))) & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// The value of one to eight ASCII digits.
#[inline]
fn short_digits(text: &[u8]) -> Option<u64> {
    let mut word = ZEROS;
    // Digits are put in at the high end, so that missing ones are zeros in front.
    match *text {
        [a] => word = (word >> 8) | u64::from(a) << 56,
        [a, b] => word = (word >> 16) | u64::from(u16::from_le_bytes([a, b])) << 48,
        [a, b, c] => word = (word >> 24) | u64::from(u32::from_le_bytes([0, a, b, c])) << 32,
        _ => {
            let (first, rest) = text.split_first_chunk::<4>()?;
            let last = text.last_chunk::<4>()?;
            // Two loads of four bytes overlap in the middle.
            let high = u64::from(u32::from_le_bytes(*last)) << 32;
            let low = u64::from(u32::from_le_bytes(*first)) << (8 * (4 - rest.len()));
            let filled = 8 * text.len();
            let zeros = if filled == 64 { 0 } else { ZEROS >> filled };
            word = high | low | zeros;
        }
    }
    eight_digits(word)
}

/// The value of at most nineteen ASCII digits; `None` for none, more, or another byte. Nineteen digits fit 64 bits.
#[inline]
pub fn digits(text: &[u8]) -> Option<u64> {
    match text.len() {
        1..=8 => short_digits(text),
        9..=16 => {
            let (head, tail) = text.split_at(text.len() - 8);
            Some(short_digits(head)? * 100_000_000 + short_digits(tail)?)
        }
        17..=19 => {
            let (head, tail) = text.split_at(text.len() - 16);
            Some(short_digits(head)? * 10_000_000_000_000_000 + digits(tail)?)
        }
        _ => None,
    }
}

/// A whole number of 64 bits: digits without a leading zero, perhaps behind a `-`. `-0` is none.
#[inline]
pub fn integer(text: &[u8]) -> Option<i64> {
    match *text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] => i64::try_from(digits(text)?).ok(),
        [b'-', b'1'..=b'9', ..] => 0_i64.checked_sub_unsigned(digits(&text[1..])?),
        _ => None,
    }
}

/// What a number written in digits says, before it becomes a value of some type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    /// All digits as one number.
    pub mantissa: u128,
    /// Whether a `-` stands before it.
    pub negative: bool,
    /// Digits before the mark.
    pub whole: u8,
    /// Digits behind it.
    pub fraction: u8,
    /// Digits from the first one that is not zero to the last one.
    pub significant: u8,
}

/// Reads a number of at most 38 digits with an optional fraction, and with or without groups of three.
#[inline]
pub fn decimal(text: &[u8], mark: Mark) -> Option<Digits> {
    let (point, group) = mark.bytes();
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (whole, fraction) = match text.iter().position(|byte| *byte == point) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut read = Digits { mantissa: 0, negative, whole: 0, fraction: 0, significant: 0 };
    let mut push = |digit: u8, count: &mut u8| {
        let value = digit.wrapping_sub(b'0');
        read.mantissa = read.mantissa.wrapping_mul(10).wrapping_add(value.into());
        read.significant += u8::from(read.significant > 0 || value > 0);
        *count = count.saturating_add(1);
        value < 10 && *count <= DECIMAL_DIGITS
    };
    let mut count = 0;
    let grouped = whole.contains(&group);
    for (number, part) in whole.split(|byte| *byte == group).enumerate() {
        let right = if !grouped {
            true
        } else if number == 0 {
            (1..=3).contains(&part.len())
        } else {
            part.len() == 3
        };
        if !right || !part.iter().all(|digit| push(*digit, &mut count)) {
            return None;
        }
    }
    // A leading zero makes a code of a number, and a fraction needs a digit on both sides.
    if count == 0 || (count > 1 && whole[0] == b'0') {
        return None;
    }
    let mut behind = 0;
    if let Some(fraction) = fraction
        && (fraction.is_empty() || !fraction.iter().all(|digit| push(*digit, &mut behind)))
    {
        return None;
    }
    if count + behind > DECIMAL_DIGITS {
        return None;
    }
    (read.whole, read.fraction) = (count, behind);
    Some(read)
}

impl Digits {
    /// The number as a count of units of 10 to the power of minus `scale`; `None` where that needs more than 38 digits, or
    /// digits are left over.
    pub fn scaled(self, scale: u8) -> Option<i128> {
        let more = scale.checked_sub(self.fraction)?;
        if self.mantissa > 0 && self.whole.saturating_add(scale) > DECIMAL_DIGITS {
            return None;
        }
        let value = i128::try_from(self.mantissa).ok()?.checked_mul(10_i128.checked_pow(more.into())?)?;
        Some(if self.negative { -value } else { value })
    }

    /// The nearest number of 64 bits with a point; `None` where it would not give the digits back.
    #[allow(clippy::cast_possible_truncation, reason = "fifteen digits need 50 bits")]
    pub fn float(self) -> Option<f64> {
        if self.significant > FLOAT_DIGITS {
            return None;
        }
        // Both numbers are exact (10^22 is the largest exact power), so the one rounding of the division is the only one.
        let power = *POWERS.get(usize::from(self.fraction))?;
        let value = self.mantissa as u64 as f64 / power;
        Some(if self.negative { -value } else { value })
    }
}

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A number of 64 bits with a point: digits that it gives back, or at most as many with an exponent (`1.5e-7`).
#[inline]
pub fn float(text: &[u8], mark: Mark) -> Option<f64> {
    if let Some(digits) = decimal(text, mark) {
        return digits.float().or_else(|| (digits.significant <= FLOAT_DIGITS).then(|| parse(text, mark))?);
    }
    let at = text.iter().position(|byte| matches!(byte, b'e' | b'E'))?;
    let exponent = match &text[at + 1..] {
        [b'+' | b'-', rest @ ..] | rest => rest,
    };
    let whole = decimal(&text[..at], mark)?;
    let is_small = (1..=3).contains(&exponent.len()) && exponent.iter().all(u8::is_ascii_digit);
    if !is_small || whole.significant > FLOAT_DIGITS || text.contains(&mark.bytes().1) {
        return None;
    }
    // Past the range a number would become infinite, and then it is not what was written.
    parse(text, mark).filter(|value| value.is_finite() && (*value != 0.0 || whole.mantissa == 0))
}

/// By way of the standard library, for the few that are not exact in one step.
fn parse(text: &[u8], mark: Mark) -> Option<f64> {
    let (point, group) = mark.bytes();
    let plain = |byte: &u8| if *byte == point { '.' } else { char::from(*byte) };
    text.iter().filter(|byte| **byte != group).map(plain).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whole_numbers_are_those_of_the_standard_library(value: i64, text in "-?[0-9]{0,21}|[0-9a-f ]{0,9}") {
            prop_assert_eq!(integer(value.to_string().as_bytes()), Some(value));
            let canonical = |value: &i64| value.to_string() == text;
            prop_assert_eq!(integer(text.as_bytes()), text.parse().ok().filter(canonical), "{}", text);
        }

        #[test]
        fn digits_are_digits(text in "[0-9/:]{1,20}") {
            prop_assert_eq!(digits(text.as_bytes()), if text.len() < 20 { text.parse().ok() } else { None }, "{}", text);
        }

        #[test]
        fn floats_are_the_nearest_ones(whole in 0_u64..1_000_000_000, fraction in "[0-9]{1,6}", negative: bool) {
            let text = format!("{}{whole}.{fraction}", if negative { "-" } else { "" });
            prop_assert_eq!(float(text.as_bytes(), Mark::Point), text.parse().ok());
            let comma = text.replace('.', ",");
            prop_assert_eq!(float(comma.as_bytes(), Mark::Comma), text.parse().ok());
        }

        #[test]
        fn a_float_gives_its_digits_back_or_is_none(text in "[1-9][0-9]{0,12}\\.[0-9]{0,8}[1-9]") {
            if let Some(value) = float(text.as_bytes(), Mark::Point) {
                prop_assert_eq!(value.to_string(), text);
            } else {
                prop_assert!(text.len() > 16);
            }
        }
    }

    #[test]
    fn codes_and_signs_are_no_numbers() {
        for text in ["", "-", "0401", "-0", "+5", " 5", "5 ", "1e5", "0x1", "１", "00", "-01"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "00.5",
            "1.2.3",
            "1,23.5",
            ",123.5",
            "1234,567.1",
            "1..2",
            "--1",
            "1,",
            "nan",
            "inf",
        ] {
            assert_eq!(decimal(text.as_bytes(), Mark::Point), None, "{text}");
            assert_eq!(float(text.as_bytes(), Mark::Point), None, "{text}");
        }
    }

    #[test]
    fn groups_and_marks_are_read_as_they_were_meant() {
        let value = |text: &str, mark| decimal(text.as_bytes(), mark).unwrap().scaled(2).unwrap();
        assert_eq!(value("1.234.567,89", Mark::Comma), 123_456_789);
        assert_eq!(value("-1,234.5", Mark::Point), -123_450);
        assert_eq!(value("0,05", Mark::Comma), 5);
        assert_eq!(value("1.234", Mark::Comma), 123_400);
    }

    #[test]
    fn numbers_past_their_type_are_none_and_never_wrapped() {
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for text in ["9223372036854775808", "-9223372036854775809", "99999999999999999999"] {
            assert_eq!(integer(text.as_bytes()), None);
            assert_eq!(decimal(text.as_bytes(), Mark::Point).unwrap().scaled(0).unwrap().to_string(), text);
        }
        assert!(
            decimal("9".repeat(38).as_bytes(), Mark::Point)
                .is_some_and(|read| read.scaled(0).is_some() && read.scaled(1).is_none())
        );
        assert_eq!(decimal("9".repeat(39).as_bytes(), Mark::Point), None);
        assert_eq!(float(b"1e400", Mark::Point), None);
        assert_eq!(float(b"1e-400", Mark::Point), None);
        assert_eq!(float(b"1.5E-7", Mark::Point), Some(1.5e-7));
    }
}
