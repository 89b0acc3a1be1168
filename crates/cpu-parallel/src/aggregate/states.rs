//! What is kept of the values of one group, by the kind of the column: 64 bytes for a number.

use serde::{Deserialize, Serialize};

use super::floats::Wide;
use super::moments::Moments;
use super::sum::{Accumulator, Overflow, Window};

/// After so many values their moments are settled once, so that the centre is the mean of these and not a single value, which
/// may be far from all others.
const EARLY: u64 = 16;

/// What is kept of floating-point values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FloatState {
    pub(super) window: Window,
    /// Values that are there.
    pub count: u64,
    /// The least value; infinity where there is none but what is no number.
    pub least: f64,
    /// The greatest value; minus infinity where there is none but what is no number.
    pub greatest: f64,
    /// Deviations.
    moments: Moments,
    /// The number of the accumulator of what did not fit the window, from 1; 0 where all did.
    pub(super) wide: u32,
    /// Whether the moments have another centre than the mean.
    loose: bool,
}

impl Default for FloatState {
    fn default() -> Self {
        Self {
            window: Window::default(),
            count: 0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            moments: Moments::default(),
            wide: 0,
            loose: false,
        }
    }
}

impl FloatState {
    /// Takes a value in.
    #[inline]
    pub fn add(&mut self, value: f64, wide: &mut Wide) {
        if let Err(overflow) = self.window.add(value, wide.unit) {
            wide.overflow(self, value, overflow);
        }
        self.count += 1;
        self.least = if value < self.least { value } else { self.least };
        self.greatest = if value > self.greatest { value } else { self.greatest };
        self.moments.add(value, self.count);
        self.loose = true;
        if self.count == EARLY {
            self.settle(wide);
        }
    }

    #[cold]
    #[inline(never)]
    fn settle(&mut self, wide: &Wide) {
        self.moments = self.moments(wide);
        self.loose = false;
    }

    /// Takes `count` values in whose exact sum is that of `sums`, and whose moments are settled.
    #[inline]
    pub(super) fn add_block(
        &mut self,
        sums: &[f64],
        (least, greatest): (f64, f64),
        (count, moments): (u64, Moments),
        wide: &mut Wide,
    ) {
        self.settle(wide);
        self.moments.merge(self.count, &moments, count);
        for sum in sums {
            if let Err(overflow) = self.window.add(*sum, wide.unit) {
                wide.overflow(self, *sum, overflow);
            }
        }
        self.count += count;
        self.least = self.least.min(least);
        self.greatest = self.greatest.max(greatest);
    }

    /// The moments about the mean.
    #[inline]
    pub fn moments(&self, wide: &Wide) -> Moments {
        let mut moments = self.moments;
        if self.loose {
            let exact =
                (self.wide == 0).then(|| self.window.less(moments.centre, self.count, wide.unit)).flatten();
            let distance = match exact {
                Some(rest) => rest / self.count as f64,
                None => self.mean(wide) - moments.centre,
            };
            moments.settle(distance, self.count);
        }
        moments
    }

    /// Takes the values of another state of the same unit in.
    pub fn merge(&mut self, wide: &mut Wide, other: &Self, theirs: &Wide) {
        self.settle(wide);
        self.moments.merge(self.count, &other.moments(theirs), other.count);
        if let Err(overflow) = self.window.merge(other.window) {
            wide.overflow(self, 0.0, overflow);
        }
        if other.wide > 0 {
            if self.wide == 0 {
                wide.overflow(self, 0.0, Overflow::Value);
            }
            wide.sums[self.wide as usize - 1].merge(&theirs.sums[other.wide as usize - 1]);
        }
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// The exact sum, rounded once.
    pub fn sum(&self, wide: &Wide) -> f64 {
        self.accumulated(wide).map_or_else(|| self.window.round(wide.unit), Accumulator::round)
    }

    /// The mean; it is in the range of the type also where the sum is not.
    pub fn mean(&self, wide: &Wide) -> f64 {
        let window = || self.window.round(wide.unit) / self.count as f64;
        self.accumulated(wide).map_or_else(window, |sum| sum.mean(self.count))
    }

    /// The whole sum, where it did not fit the window.
    fn accumulated(&self, wide: &Wide) -> Option<Accumulator> {
        let mut sum = wide.sums.get((self.wide as usize).checked_sub(1)?)?.clone();
        sum.add_units(self.window.units(), wide.unit);
        Some(sum)
    }
}

/// What is kept of whole numbers, dates, times and truths.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WholeState {
    /// The sum: it would take 2^64 values to pass 128 bits.
    pub sum: i128,
    /// Values that are there.
    pub count: u64,
    /// The least value.
    pub least: i64,
    /// The greatest value.
    pub greatest: i64,
    /// Deviations.
    moments: Moments,
    /// Whether the moments have another centre than the mean.
    loose: bool,
}

impl Default for WholeState {
    fn default() -> Self {
        Self {
            sum: 0,
            count: 0,
            least: i64::MAX,
            greatest: i64::MIN,
            moments: Moments::default(),
            loose: false,
        }
    }
}

/// What is kept of decimals: whole numbers of 128 bits that count some power of ten.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecimalState {
    /// The lower 128 bits of the sum.
    pub low: u128,
    /// What is above them, with the sign.
    pub high: i64,
    /// Values that are there.
    pub count: u64,
    /// The least value.
    pub least: i128,
    /// The greatest value.
    pub greatest: i128,
    /// Deviations, in the same units.
    moments: Moments,
    /// Whether the moments have another centre than the mean.
    loose: bool,
}

impl Default for DecimalState {
    fn default() -> Self {
        let (least, greatest) = (i128::MAX, i128::MIN);
        Self { low: 0, high: 0, count: 0, least, greatest, moments: Moments::default(), loose: false }
    }
}

impl DecimalState {
    fn add_sum(&mut self, low: u128, high: i64) {
        let (sum, carried) = self.low.overflowing_add(low);
        self.low = sum;
        self.high += high + i64::from(carried);
    }
}

/// What is kept of texts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TextState {
    /// Values that are there.
    pub count: u64,
    /// The least and the greatest by their bytes, which is the order of code points.
    pub ends: Option<(Box<str>, Box<str>)>,
}

/// A kind of state that needs nothing but itself.
pub trait State: Clone + Default {
    /// What is taken in.
    type Value: Copy;

    /// Takes a value in.
    fn add(&mut self, value: Self::Value);

    /// Takes what another state has seen in.
    fn merge(&mut self, other: &Self);

    /// The mean of the values, of which there is one.
    fn mean(&self) -> f64;

    /// The moments about the mean.
    fn moments(&self) -> Moments;
}

impl WholeState {
    #[cold]
    #[inline(never)]
    fn settle(&mut self) {
        self.moments = self.moments();
        self.loose = false;
    }
}

impl State for WholeState {
    type Value = i64;

    #[inline]
    fn add(&mut self, value: i64) {
        self.sum += i128::from(value);
        self.count += 1;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.moments.add(value as f64, self.count);
        self.loose = true;
        if self.count == EARLY {
            self.settle();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.settle();
        self.moments.merge(self.count, &other.moments(), other.count);
        self.sum += other.sum;
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }

    fn moments(&self) -> Moments {
        let mut moments = self.moments;
        if self.loose {
            // What is above the point is subtracted exactly: the sum may be as large as the centre is far from zero.
            #[allow(clippy::cast_possible_truncation, reason = "the centre is among values of 64 bits")]
            let above = moments.centre.trunc() as i128 * i128::from(self.count);
            let distance = (self.sum - above) as f64 / self.count as f64 - moments.centre.fract();
            moments.settle(distance, self.count);
        }
        moments
    }
}

impl DecimalState {
    #[cold]
    #[inline(never)]
    fn settle(&mut self) {
        self.moments = self.moments();
        self.loose = false;
    }
}

impl State for DecimalState {
    type Value = i128;

    fn add(&mut self, value: i128) {
        self.add_sum(value.cast_unsigned(), if value < 0 { -1 } else { 0 });
        self.count += 1;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.moments.add(value as f64, self.count);
        self.loose = true;
        if self.count == EARLY {
            self.settle();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.settle();
        self.moments.merge(self.count, &other.moments(), other.count);
        self.add_sum(other.low, other.high);
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    fn mean(&self) -> f64 {
        let sum = match self.high {
            -1 => self.low.cast_signed() as f64,
            high => high as f64 * 2_f64.powi(128) + self.low as f64,
        };
        sum / self.count as f64
    }

    fn moments(&self) -> Moments {
        let mut moments = self.moments;
        if self.loose {
            moments.settle(self.mean() - moments.centre, self.count);
        }
        moments
    }
}

impl TextState {
    /// Takes a text in.
    pub fn add(&mut self, value: &str) {
        self.count += 1;
        self.widen(value, value);
    }

    /// Takes the ends of other texts in.
    pub fn widen(&mut self, low: &str, high: &str) {
        let Some((least, greatest)) = &mut self.ends else {
            self.ends = Some((low.into(), high.into()));
            return;
        };
        // Most values are neither, so none is copied for them.
        if low < &**least {
            *least = low.into();
        }
        if high > &**greatest {
            *greatest = high.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_a_number_is_one_line_of_the_cache() {
        assert!(size_of::<FloatState>() <= 64 && size_of::<WholeState>() <= 64);
    }

    #[test]
    fn a_first_value_far_from_all_others_does_not_drown_them() {
        let value = |number: i32| if number == 0 { 1e6 } else { f64::from(number % 2) };
        let mean = (0..100_000).map(value).sum::<f64>() / 1e5;
        let expected =
            ((0..100_000).map(|number| (value(number) - mean).powi(2)).sum::<f64>() / 99_999.0).sqrt();
        let (mut float, mut whole, mut wide) =
            (FloatState::default(), WholeState::default(), Wide::default());
        #[allow(clippy::cast_possible_truncation, reason = "they are whole numbers")]
        (0..100_000).for_each(|number| {
            float.add(value(number), &mut wide);
            whole.add(value(number) as i64);
        });
        for moments in [float.moments(&wide), whole.moments()] {
            let found = moments.deviation(100_000).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-11, "{found} {expected}");
        }
    }

    #[test]
    fn sums_past_64_and_past_128_bits_are_exact() {
        let mut whole = WholeState::default();
        (0..4).for_each(|_| whole.add(i64::MAX));
        assert_eq!(whole.sum, 4 * i128::from(i64::MAX));
        let (mut one, mut two) = (DecimalState::default(), DecimalState::default());
        (0..3).for_each(|_| one.add(i128::MAX));
        (0..2).for_each(|_| two.add(i128::MIN));
        one.merge(&two);
        // 3 (2^127 - 1) - 2 · 2^127 is 2^127 - 3.
        assert_eq!((one.high, one.low), (0, (1 << 127) - 3));
        two.add(-1);
        assert_eq!((two.high, two.low), (-2, u128::MAX));
    }
}
