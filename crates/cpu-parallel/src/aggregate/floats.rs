//! Floating-point values of one group that lie side by side: count, exact sum, extremes and moments in one pass.
//!
//! Blocks of a thousand values stay in the first cache while short loops go over them, each of which the compiler
//! turns into vector instructions:
//!
//! 1. the extremes;
//! 2. the sum, exactly: adding and subtracting a large power of two splits a value into the bits above and below a line
//!    without an error (S. M. Rump, T. Ogita, S. Oishi, Accurate floating-point summation, 2008, `ExtractVector`). The sum
//!    of a value and such a power, read as a whole number, counts units of that line, and whole numbers add up without
//!    rounding and beside the floating-point additions. Two lines hold 103 bits from the highest one down; a block that needs
//!    more is added value by value;
//! 3. the squared deviations from the block's own mean, which [`Moments::merge`] puts together.
//!
//! What is added to what is fixed by the position in the block, so every processor gives the same bits.

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::states::FloatState;
use super::sum::{Accumulator, Overflow, Unit};

/// Values of a block.
const BLOCK: usize = 1_024;
/// Values that are worked on side by side.
const LANES: usize = 16;

/// The float column's shared parts: the unit of its windows, and the sums that do not fit them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Wide {
    /// The unit of all windows.
    pub unit: Unit,
    /// What did not fit.
    pub sums: Vec<Accumulator>,
}

impl Wide {
    /// Room for the sums of columns with this unit.
    pub fn new(unit: Unit) -> Self {
        Self { unit, sums: Vec::new() }
    }

    #[cold]
    #[inline(never)]
    #[allow(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 groups")]
    pub(super) fn overflow(&mut self, state: &mut FloatState, value: f64, overflow: Overflow) {
        if state.wide == 0 {
            self.sums.push(Accumulator::default());
            state.wide = self.sums.len() as u32;
        }
        let sum = &mut self.sums[state.wide as usize - 1];
        match overflow {
            Overflow::Value => sum.add(value),
            Overflow::Units(units) => sum.add_units(units, self.unit),
        }
    }
}

/// Adds all values to a group.
pub fn add_all(state: &mut FloatState, values: &[f64], wide: &mut Wide) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has the one feature that the function needs and is otherwise a safe function.
        #[allow(unsafe_code)]
        return unsafe { with_avx512(state, values, wide) };
    } else if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the one feature that the function needs and is otherwise a safe function.
        #[allow(unsafe_code)]
        return unsafe { with_avx2(state, values, wide) };
    }
    blocks(state, values, wide);
}

/// The same loops for vectors of 256 bits. Multiplications and additions stay apart, so the bits are the same.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(state: &mut FloatState, values: &[f64], wide: &mut Wide) {
    blocks(state, values, wide);
}

/// And of 512 bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn with_avx512(state: &mut FloatState, values: &[f64], wide: &mut Wide) {
    blocks(state, values, wide);
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the caller's instruction set must reach these loops")]
fn blocks(state: &mut FloatState, values: &[f64], wide: &mut Wide) {
    for block in values.chunks(BLOCK) {
        let (lanes, rest) = block.as_chunks::<LANES>();
        if !lanes.is_empty() && !block_exactly(state, lanes, wide) {
            lanes.as_flattened().iter().for_each(|value| state.add(*value, wide));
        }
        rest.iter().for_each(|value| state.add(*value, wide));
    }
}

/// Adds a block; `false`, and nothing added, where the two lines do not hold its sum.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the caller's instruction set must reach these loops")]
fn block_exactly(state: &mut FloatState, block: &[[f64; LANES]], wide: &mut Wide) -> bool {
    let (mut least, mut greatest) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    for values in block {
        for lane in 0..LANES {
            least[lane] = if values[lane] < least[lane] { values[lane] } else { least[lane] };
        }
    }
    // A loop for each: of both in one, the compiler makes masks that it shuffles, and the block takes twice as long.
    for values in block {
        for lane in 0..LANES {
            greatest[lane] = if values[lane] > greatest[lane] { values[lane] } else { greatest[lane] };
        }
    }
    let (least, greatest) = (
        least.into_iter().fold(f64::INFINITY, f64::min),
        greatest.into_iter().fold(f64::NEG_INFINITY, f64::max),
    );
    let largest = least.abs().max(greatest.abs());
    // Near the ends of the range the lines would be outside of it.
    if !(1e-200..1e200).contains(&largest) {
        return false;
    }
    // All values are below half of 2^exponent; what the first line leaves is at most half of 2^(exponent - 52). Each line is
    // 1.5 times its power, so that sums with it are between the power and its double, where units are the same.
    let exponent = i32::try_from(largest.to_bits() >> 52).unwrap_or_default() - 1_021;
    let (upper, lower) = (1.5 * power(exponent), 1.5 * power(exponent - 52));
    let (mut highs, mut lows, mut left) = ([0_u64; LANES], [0_u64; LANES], [0_u64; LANES]);
    for values in block {
        prefetch(values.as_ptr().wrapping_add(BLOCK));
        for lane in 0..LANES {
            let high = values[lane] + upper;
            let rest = values[lane] - (high - upper);
            let low = rest + lower;
            highs[lane] = highs[lane].wrapping_add(high.to_bits());
            lows[lane] = lows[lane].wrapping_add(low.to_bits());
            left[lane] |= rest.to_bits() ^ (low - lower).to_bits();
        }
    }
    // Zero may have a sign.
    if left.into_iter().fold(0, |all, bits| all | bits) << 1 != 0 {
        return false;
    }
    let count = block.len() * LANES;
    // Less than 2^51 each, the units of a thousand values fit 64 bits; those of the lines themselves wrap around.
    let units = |sums: [u64; LANES], line: f64| {
        let lines = line.to_bits().wrapping_mul(count as u64);
        sums.into_iter().fold(0, u64::wrapping_add).wrapping_sub(lines).cast_signed()
    };
    let (high, low) = (units(highs, upper), units(lows, lower));
    let (coarse, fine) = (power(exponent - 52), power(exponent - 104));
    let mean = (high as f64 * coarse + low as f64 * fine) / count as f64;
    let mut squares = [0.0; LANES];
    for values in block {
        for lane in 0..LANES {
            let distance = values[lane] - mean;
            squares[lane] += distance * distance;
        }
    }
    let moments = Moments { centre: mean, squares: squares.iter().sum() };
    // What is no number is neither least nor greatest, and may look like any number of units.
    if moments.squares.is_nan() {
        return false;
    }
    let sums = [(high, coarse), (low, fine)].map(halves);
    state.add_block(sums.as_flattened(), (least, greatest), (count as u64, moments), wide);
    true
}

/// Asks the memory for the values at this place, which are needed soon: it sends them while the processor computes. Behind
/// the last ones there are none, which costs nothing.
#[inline(always)]
#[allow(clippy::inline_always, reason = "it is one instruction for each line of the cache")]
fn prefetch(values: *const f64) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..LANES).step_by(8) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: nothing is read and nothing is written; an address may be any.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(values.wrapping_add(line).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// So many units as two numbers that are not rounded.
fn halves((count, unit): (i64, f64)) -> [f64; 2] {
    const HALF: i64 = 1 << 32;
    let low = count.rem_euclid(HALF);
    [(count - low) as f64 * unit, low as f64 * unit]
}

fn power(exponent: i32) -> f64 {
    f64::from_bits(u64::try_from(exponent + 1_023).unwrap_or_default() << 52)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blockwise(values: &[f64]) -> (FloatState, Wide) {
        let mut wide = Wide::new(Unit::fitting(values));
        let mut state = FloatState::default();
        add_all(&mut state, values, &mut wide);
        (state, wide)
    }

    fn check(values: &[f64]) {
        let mut wide = Wide::new(Unit::default());
        let mut one_by_one = FloatState::default();
        values.iter().for_each(|value| one_by_one.add(*value, &mut wide));
        let (state, blocks) = blockwise(values);
        let (sum, expected) = (state.sum(&blocks), one_by_one.sum(&wide));
        assert!(
            sum.to_bits() == expected.to_bits() || (sum.is_nan() && expected.is_nan()),
            "{sum} {expected}"
        );
        assert_eq!(
            (state.count, state.least, state.greatest),
            (one_by_one.count, one_by_one.least, one_by_one.greatest)
        );
        if values.iter().all(|value| value.abs() < 1e100) {
            let deviation = |state: &FloatState, wide: &Wide| state.moments(wide).deviation(state.count);
            let (found, expected) = (deviation(&state, &blocks), deviation(&one_by_one, &wide));
            let (found, expected) = (found.unwrap_or(0.0), expected.unwrap_or(0.0));
            let scale = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            assert!((found - expected).abs() <= 1e-9 * expected + 1e-12 * scale, "{found} {expected}");
        }
    }

    #[test]
    fn blocks_that_two_lines_do_not_hold_are_added_value_by_value() {
        check(&[1e100, 1.0, -1e100, 0.5].repeat(500));
        check(&[1e300, 1.0, -1e300].repeat(500));
        check(&[f64::NAN, 1.0, 2.0].repeat(500));
        check(&[f64::INFINITY, 1.0, 2.0].repeat(500));
        check(&vec![0.0; 3_000]);
        check(&vec![-0.1; 3_000]);
        check(&[-0.0, 1.5].repeat(1_000));
        check(&[f64::NAN; 2_000]);
    }

    #[test]
    fn two_lines_hold_103_bits_and_what_is_finer_is_noticed() {
        let below_two = 2.0_f64.next_down();
        let lowest = 2.0_f64.powi(-102);
        let cases: [(&[f64], bool); 8] = [
            (&[below_two], true),
            (&[-below_two], true),
            (&[-0.0, 1.5], true),
            (&[1.5, lowest, -lowest], true),
            (&[1.5, lowest * 1.5], false),
            (&[0.01, 123.45, -1e6 / 3.0], true),
            (&[f64::NAN, 1.0], false),
            (&[f64::NEG_INFINITY, 1.0], false),
        ];
        for (values, held) in cases {
            let all = values.repeat(BLOCK / values.len());
            let (block, _) = all.as_chunks::<LANES>();
            let mut wide = Wide::new(Unit::fitting(values));
            let done = block_exactly(&mut FloatState::default(), block, &mut wide);
            assert_eq!(done, held, "{values:?}");
            check(&all);
        }
    }

    proptest! {
        #[test]
        fn blocks_give_the_sum_of_single_values(
            seed: u64, size in 0..5_000_usize, scale in -60..60_i32
        ) {
            let mut state = seed | 1;
            let values: Vec<f64> = (0..size).map(|_| {
                state ^= state << 13; state ^= state >> 7; state ^= state << 17;
                (state as f64 / 2.0_f64.powi(63) - 1.0) * 2.0_f64.powi(scale)
            }).collect();
            check(&values);
        }
    }
}
