//! Exact sums of floating-point numbers.
//!
//! A sum that is rounded only once, at its end, does not depend on the order of what is added: not on the number of
//! workers, not on how the input is cut. `1e100 + 1 - 1e100` is 1.
//!
//! Two forms of the same number work together. A *window* is a whole number of 128 bits that counts some power of two: most
//! data of one column lies within a few orders of magnitude, so nearly every value is one shift and one addition. What does
//! not fit goes to an *accumulator* as wide as the range of the type: Neal's small superaccumulator (Radford M. Neal, Fast
//! exact summation using small and large superaccumulators, 2015), which holds 2 098 bits in 67 chunks of 32 with room for
//! carries.

use serde::{Deserialize, Serialize};

const FRACTION: u64 = (1 << 52) - 1;
const HIDDEN: u64 = 1 << 52;
const EXPONENT: u64 = 0x7ff;
/// The exponent that means 2^0 for the lowest bit of the significand.
const BIAS: i32 = 1_075;
/// Chunks of 32 bits from 2^-1074 on: 2 046 + 53 bits, and 64 more for carries.
const CHUNKS: usize = 68;
/// So many numbers may be added before carries are passed on: each adds less than 2^53 to a chunk of 63 bits.
const ADDITIONS: u32 = 1 << 9;

/// What bit 0 of a [`Window`] counts: `2^(unit - 1075)`. Any value gives the same sums; a fitting one gives them faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit(u16);

impl Default for Unit {
    /// For values around 1: from 2^-12 to 2^61 without loss of speed.
    fn default() -> Self {
        Self(1_011)
    }
}

impl Unit {
    /// The unit that suits values like these: 24 bits below the last bit of the middle one.
    pub fn fitting(sample: &[f64]) -> Self {
        let exponent = |value: &f64| u16::try_from(value.to_bits() >> 52 & EXPONENT).unwrap_or_default();
        let usual = |exponent: &u16| (1..0x7ff).contains(exponent);
        let mut exponents: Vec<u16> = sample.iter().map(exponent).filter(usual).collect();
        if exponents.is_empty() {
            return Self::default();
        }
        let middle = exponents.len() / 2;
        let (_, middle, _) = exponents.select_nth_unstable(middle);
        Self(middle.saturating_sub(24).max(1))
    }
}

/// A sum in units of some power of two, while it fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window(i128);

/// What did not fit a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Overflow {
    /// The value itself.
    Value,
    /// What the window held, in units; it holds the value now.
    Units(i128),
}

impl Window {
    /// Adds a value.
    ///
    /// # Errors
    /// What has to be added to an accumulator instead.
    #[inline]
    pub fn add(&mut self, value: f64, unit: Unit) -> Result<(), Overflow> {
        let bits = value.to_bits();
        let shift = (bits >> 52 & EXPONENT).wrapping_sub(u64::from(unit.0));
        // 53 bits and 73 places are 126: the sum of two such numbers is no overflow.
        if shift > 73 {
            return self.add_unusual(value, unit);
        }
        let magnitude = i128::from(bits & FRACTION | HIDDEN) << shift;
        let sign = i128::from(bits.cast_signed() >> 63);
        self.put((magnitude ^ sign) - sign)
    }

    #[inline]
    fn put(&mut self, units: i128) -> Result<(), Overflow> {
        if let Some(sum) = self.0.checked_add(units) {
            self.0 = sum;
            return Ok(());
        }
        Err(Overflow::Units(std::mem::replace(&mut self.0, units)))
    }

    /// Zeros, and values below the unit whose last bits are zeros.
    #[cold]
    fn add_unusual(&mut self, value: f64, unit: Unit) -> Result<(), Overflow> {
        if value == 0.0 {
            return Ok(());
        }
        let bits = value.to_bits();
        let exponent = bits >> 52 & EXPONENT;
        let below = u64::from(unit.0).saturating_sub(exponent);
        let significand = bits & FRACTION | HIDDEN;
        if exponent == 0 || below == 0 || below > u64::from(significand.trailing_zeros()) {
            return Err(Overflow::Value);
        }
        let units = i128::from(significand >> below);
        self.put(if value < 0.0 { -units } else { units })
    }

    /// Adds what another window of the same unit holds.
    ///
    /// # Errors
    /// What has to be added to an accumulator instead.
    #[inline]
    pub fn merge(&mut self, other: Self) -> Result<(), Overflow> {
        self.put(other.0)
    }

    /// The sum in units.
    pub fn units(self) -> i128 {
        self.0
    }

    /// The sum less `count` times `value`, rounded once; none where that does not fit.
    pub fn less(self, value: f64, count: u64, unit: Unit) -> Option<f64> {
        let mut one = Self::default();
        one.add(value, unit).ok()?;
        let rest = self.0.checked_sub(one.0.checked_mul(count.into())?)?;
        Some(Self(rest).round(unit))
    }

    /// The sum, rounded once to the nearest number of 64 bits; of ties, to the even one.
    pub fn round(self, unit: Unit) -> f64 {
        let power = i32::from(unit.0) - BIAS;
        if (-1_000..=800).contains(&power) {
            // The conversion rounds, and the multiplication by a power of two does not.
            return self.0 as f64 * f64::from_bits(u64::try_from(power + 1_023).unwrap_or_default() << 52);
        }
        let mut wide = Accumulator::default();
        wide.add_units(self.0, unit);
        wide.round()
    }
}

/// A sum of any numbers of 64 bits, as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accumulator {
    /// Chunk `n` counts units of 2^(32 n - 1074).
    chunks: Vec<i64>,
    /// How many additions the chunks can still take.
    room: u32,
    /// The sum of the values that are not finite; 0 where there was none.
    beyond: f64,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self { chunks: vec![0; CHUNKS], room: ADDITIONS, beyond: 0.0 }
    }
}

impl Accumulator {
    /// Adds a value, also one that is not finite.
    pub fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let exponent = bits >> 52 & EXPONENT;
        if exponent == EXPONENT {
            // Infinities and what is no number add up as the standard says, in any order.
            self.beyond += value;
            return;
        }
        let significand = if exponent == 0 { bits & FRACTION } else { bits & FRACTION | HIDDEN };
        let place = usize::try_from(exponent.max(1) - 1).unwrap_or_default();
        self.add_bits(u128::from(significand), place, value.is_sign_negative());
    }

    /// Adds what a window of this unit held.
    pub fn add_units(&mut self, units: i128, unit: Unit) {
        let place = usize::from(unit.0.max(1)) - 1;
        let magnitude = units.unsigned_abs();
        let low = u128::from(u64::MAX);
        self.add_bits(magnitude & low, place, units < 0);
        self.add_bits(magnitude >> 64, place + 64, units < 0);
    }

    /// Adds at most 64 bits that stand at `place`.
    #[allow(clippy::cast_possible_truncation, reason = "pieces of 32 bits are taken out")]
    fn add_bits(&mut self, bits: u128, place: usize, negative: bool) {
        if self.room == 0 {
            self.carry();
        }
        self.room -= 1;
        let mut rest = bits << (place % 32);
        for chunk in &mut self.chunks[place / 32..] {
            if rest == 0 {
                break;
            }
            let piece = i64::from(rest as u32);
            *chunk += if negative { -piece } else { piece };
            rest >>= 32;
        }
    }

    /// Adds the sum of another one.
    pub fn merge(&mut self, other: &Self) {
        self.carry();
        let mut other = other.clone();
        other.carry();
        self.chunks.iter_mut().zip(&other.chunks).for_each(|(one, two)| *one += two);
        self.room -= 1;
        self.beyond += other.beyond;
    }

    /// Passes carries on, so that each chunk but the last has 32 bits.
    fn carry(&mut self) {
        let mut carry = 0;
        let (last, chunks) = self.chunks.split_last_mut().expect("there are chunks");
        for chunk in chunks {
            let sum = *chunk + carry;
            *chunk = sum & 0xffff_ffff;
            carry = sum >> 32;
        }
        *last += carry;
        self.room = ADDITIONS;
    }

    /// The sum, rounded once to the nearest number of 64 bits; of ties, to the even one.
    pub fn round(self) -> f64 {
        self.rounded_from(0)
    }

    /// The mean of `count` values. It is in the range of the type also where the sum is not.
    pub fn mean(self, count: u64) -> f64 {
        let sum = self.clone().round();
        if self.beyond != 0.0 || sum.is_finite() {
            return sum / count as f64;
        }
        // Two chunks less are 64 binary places less.
        self.rounded_from(2) / count as f64 * 2.0_f64.powi(64)
    }

    /// The sum without its lowest chunks, as if the others stood at their places.
    fn rounded_from(mut self, lowest: usize) -> f64 {
        if self.beyond != 0.0 {
            return self.beyond;
        }
        self.carry();
        let negative = self.chunks.last().is_some_and(|last| *last < 0);
        if negative {
            self.chunks.iter_mut().for_each(|chunk| *chunk = -*chunk);
            self.carry();
        }
        let magnitude = rounded(&self.chunks[lowest..]);
        if negative { -magnitude } else { magnitude }
    }
}

/// The number whose digits to the base 2^32 these are, in units of 2^-1074.
fn rounded(chunks: &[i64]) -> f64 {
    let Some(top) = chunks.iter().rposition(|chunk| *chunk != 0) else { return 0.0 };
    let chunk = |number: usize| chunks.get(number).map_or(0, |chunk| chunk.cast_unsigned());
    let highest = top * 32 + 63 - chunk(top).leading_zeros() as usize;
    if highest <= 52 {
        // A number below 2^-1021: its bits are its encoding.
        return f64::from_bits(chunk(1) << 32 | chunk(0));
    }
    // The 53 bits from the highest one down, and what lies below them.
    let lowest = highest - 52;
    let from = lowest / 32;
    let bits =
        u128::from(chunk(from)) | u128::from(chunk(from + 1)) << 32 | u128::from(chunk(from + 2)) << 64;
    #[allow(clippy::cast_possible_truncation, reason = "53 bits are taken out")]
    let significand = (bits >> (lowest % 32)) as u64 & (HIDDEN | FRACTION);
    let half = lowest - 1;
    let is_half = chunk(half / 32) >> (half % 32) & 1 == 1;
    let is_more = chunk(half / 32) & ((1 << (half % 32)) - 1) != 0
        || chunks[..half / 32].iter().any(|chunk| *chunk != 0);
    let up = is_half && (is_more || significand & 1 == 1);
    let exponent = lowest as u64 + 1;
    // A carry out of the significand is one more in the exponent, as it should be.
    let encoded = (exponent << 52) + (significand - HIDDEN) + u64::from(up);
    if encoded >= EXPONENT << 52 { f64::INFINITY } else { f64::from_bits(encoded) }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the very same number is meant")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sum by way of a window and, where it overflows, an accumulator.
    fn sum(values: &[f64], unit: Unit) -> f64 {
        let (mut window, mut wide) = (Window::default(), Accumulator::default());
        for value in values {
            match window.add(*value, unit) {
                Ok(()) => {}
                Err(Overflow::Value) => wide.add(*value),
                Err(Overflow::Units(units)) => wide.add_units(units, unit),
            }
        }
        wide.add_units(window.0, unit);
        wide.round()
    }

    fn exact(values: &[f64]) -> f64 {
        let mut wide = Accumulator::default();
        values.iter().for_each(|value| wide.add(*value));
        wide.round()
    }

    #[test]
    fn sums_that_floating_point_loses_are_right() {
        // The first two are in the issue; the others are from the documentation of Python's `math.fsum` and its tests.
        let cases: [(&[f64], f64); 9] = [
            (&[1e100, 1.0, -1e100], 1.0),
            (&[1e16, 1.0, -1e16], 1.0),
            (&[0.1; 10], 1.0),
            (&[1e50, 1.0, -1e50, -1e-308, 1e308, -1e308], 1.0),
            (&[9_007_199_254_740_991.0, 0.5, 2.0_f64.powi(-54)], 9_007_199_254_740_992.0),
            (&[5e-324, 5e-324], 1e-323),
            (&[f64::MAX, f64::MAX], f64::INFINITY),
            (&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX),
            (&[], 0.0),
        ];
        for (values, expected) in cases {
            for unit in [Unit::default(), Unit::fitting(values), Unit(1), Unit(2_046)] {
                assert_eq!(sum(values, unit).to_bits(), expected.to_bits(), "{values:?} {unit:?}");
            }
        }
        assert!(
            exact(&[f64::INFINITY, 1.0]).is_infinite() && exact(&[f64::INFINITY, -f64::INFINITY]).is_nan()
        );
        assert!(exact(&[f64::NAN, 1.0]).is_nan());
    }

    #[test]
    fn a_mean_is_in_range_where_its_sum_is_not() {
        for (values, expected) in [(&[f64::MAX; 4][..], f64::MAX), (&[-1e308; 3], -1e308), (&[3.0, 4.0], 3.5)]
        {
            let mut wide = Accumulator::default();
            values.iter().for_each(|value| wide.add(*value));
            assert_eq!(wide.mean(values.len() as u64), expected);
        }
    }

    proptest! {
        #[test]
        fn a_sum_does_not_depend_on_order_unit_or_cut(
            mut values in proptest::collection::vec(prop_oneof![-1e6..1e6_f64, any::<f64>().prop_filter("finite", |value| value.is_finite())], 0..300),
            cut in 0..300_usize,
            unit in 1..2_046_u16,
        ) {
            let expected = exact(&values);
            prop_assert_eq!(sum(&values, Unit(unit)).to_bits(), expected.to_bits());
            let (one, two) = values.split_at(cut.min(values.len()));
            let mut wide = Accumulator::default();
            one.iter().for_each(|value| wide.add(*value));
            let mut other = Accumulator::default();
            two.iter().for_each(|value| other.add(*value));
            wide.merge(&other);
            prop_assert_eq!(wide.round().to_bits(), expected.to_bits());
            values.reverse();
            prop_assert_eq!(sum(&values, Unit::default()).to_bits(), expected.to_bits());
        }

        #[test]
        fn two_numbers_are_added_as_the_processor_adds_them(one: f64, two: f64) {
            let (ours, theirs) = (exact(&[one, two]), one + two);
            prop_assert!(ours == theirs || (ours.is_nan() && theirs.is_nan()), "{} {}", ours, theirs);
        }

        #[test]
        fn whole_numbers_are_added_as_whole_numbers(values in proptest::collection::vec(-(1_i64 << 52)..1 << 52, 0..2_000)) {
            let floats: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            let expected: i128 = values.iter().map(|value| i128::from(*value)).sum();
            prop_assert_eq!(sum(&floats, Unit::fitting(&floats)), expected as f64);
        }
    }
}
