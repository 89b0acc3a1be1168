//! What is kept of the values of each group, by the kind of the column: 64 bytes for a number.

use serde::{Deserialize, Serialize};

use super::floats::{self, Wide};
use super::moments::Moments;
use super::sum::{Unit, Window};
use super::values::{Kind, Values};

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
    /// Mean and deviations.
    pub moments: Moments,
    /// The number of the accumulator of what did not fit the window, from 1; 0 where all did.
    pub(super) wide: u32,
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
    }

    /// Takes the values of another state of the same unit in.
    pub fn merge(&mut self, wide: &mut Wide, other: &Self, theirs: &Wide) {
        if let Err(overflow) = self.window.merge(other.window) {
            wide.overflow(self, 0.0, overflow);
        }
        if other.wide > 0 {
            if self.wide == 0 {
                wide.overflow(self, 0.0, super::sum::Overflow::Value);
            }
            wide.sums[self.wide as usize - 1].merge(&theirs.sums[other.wide as usize - 1]);
        }
        self.moments.merge(self.count, &other.moments, other.count);
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// The exact sum, rounded once.
    pub fn sum(&self, wide: &Wide) -> f64 {
        if self.wide == 0 {
            return self.window.round(wide.unit);
        }
        let mut sum = wide.sums[self.wide as usize - 1].clone();
        sum.add_units(self.window.units(), wide.unit);
        sum.round()
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
    /// Mean and deviations.
    pub moments: Moments,
}

impl Default for WholeState {
    fn default() -> Self {
        Self { sum: 0, count: 0, least: i64::MAX, greatest: i64::MIN, moments: Moments::default() }
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
    /// Mean and deviations, in the same units.
    pub moments: Moments,
}

impl Default for DecimalState {
    fn default() -> Self {
        let (least, greatest) = (i128::MAX, i128::MIN);
        Self { low: 0, high: 0, count: 0, least, greatest, moments: Moments::default() }
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
    }

    fn merge(&mut self, other: &Self) {
        self.moments.merge(self.count, &other.moments, other.count);
        self.sum += other.sum;
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
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
    }

    fn merge(&mut self, other: &Self) {
        self.moments.merge(self.count, &other.moments, other.count);
        self.add_sum(other.low, other.high);
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }
}

impl TextState {
    fn add(&mut self, value: &str) {
        self.count += 1;
        self.widen(value, value);
    }

    fn widen(&mut self, low: &str, high: &str) {
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

/// What is kept of one column, by the number of the group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Measure {
    /// Of whole numbers.
    Whole(Vec<WholeState>),
    /// Of floating-point numbers: the unit of their windows, and the sums that did not fit one.
    Float(Vec<FloatState>, Wide),
    /// Of decimals.
    Decimal(Vec<DecimalState>),
    /// Of texts.
    Text(Vec<TextState>),
}

impl Measure {
    /// No group yet.
    pub fn new(kind: Kind, unit: Unit) -> Self {
        match kind {
            Kind::Float => Self::Float(Vec::new(), Wide::new(unit)),
            Kind::Decimal(_) => Self::Decimal(Vec::new()),
            Kind::Text => Self::Text(Vec::new()),
            _ => Self::Whole(Vec::new()),
        }
    }

    /// Room for so many groups.
    pub fn resize(&mut self, groups: usize) {
        match self {
            Self::Whole(states) => states.resize_with(groups, WholeState::default),
            Self::Float(states, _) => states.resize_with(groups, FloatState::default),
            Self::Decimal(states) => states.resize_with(groups, DecimalState::default),
            Self::Text(states) => states.resize_with(groups, TextState::default),
        }
    }

    /// Takes a value for each row in, of the group whose number stands beside it.
    pub fn add(&mut self, groups: &[u32], values: &Values<'_>) {
        match (self, values) {
            (Self::Whole(states), Values::Whole(values, nulls)) => {
                each(groups, values, nulls.as_ref(), |group, value| states[group].add(value));
            }
            (Self::Float(states, wide), Values::Float(values, nulls)) => {
                each(groups, values, nulls.as_ref(), |group, value| states[group].add(value, wide));
            }
            (Self::Decimal(states), Values::Decimal(values, nulls)) => {
                each(groups, values, nulls.as_ref(), |group, value| states[group].add(value));
            }
            (Self::Text(states), Values::Text(values)) => {
                for (row, group) in groups.iter().enumerate() {
                    if let Some(value) = values.get(row) {
                        states[*group as usize].add(value);
                    }
                }
            }
            _ => unreachable!("a measure is made for the kind of its column"),
        }
    }

    /// Takes all values in, all of group 0.
    pub fn add_all(&mut self, values: &Values<'_>) {
        match (self, values) {
            (Self::Whole(states), Values::Whole(values, None)) => {
                values.iter().for_each(|value| states[0].add(*value));
            }
            (Self::Float(states, wide), Values::Float(values, None)) => {
                floats::add_all(&mut states[0], values, wide);
            }
            (Self::Float(states, wide), Values::Float(values, Some(nulls))) => {
                let there: Vec<f64> = nulls.valid_indices().map(|row| values[row]).collect();
                floats::add_all(&mut states[0], &there, wide);
            }
            (measure, values) => measure.add(&vec![0; values.len()], values),
        }
    }

    /// Takes in what another part has of group `from` as of group `to`.
    pub fn merge(&mut self, to: usize, other: &Self, from: usize) {
        match (self, other) {
            (Self::Whole(states), Self::Whole(others)) => states[to].merge(&others[from]),
            (Self::Float(states, wide), Self::Float(others, theirs)) => {
                states[to].merge(wide, &others[from], theirs);
            }
            (Self::Decimal(states), Self::Decimal(others)) => states[to].merge(&others[from]),
            (Self::Text(states), Self::Text(others)) => {
                let other = &others[from];
                states[to].count += other.count;
                if let Some((least, greatest)) = &other.ends {
                    states[to].widen(least, greatest);
                }
            }
            _ => unreachable!("parts of one column are of one kind"),
        }
    }

    /// What is kept of these groups, in this order.
    #[must_use]
    pub fn pick(&self, groups: &[u32]) -> Self {
        match self {
            Self::Whole(states) => Self::Whole(picked(states, groups)),
            Self::Decimal(states) => Self::Decimal(picked(states, groups)),
            Self::Text(states) => Self::Text(picked(states, groups)),
            Self::Float(states, wide) => {
                let mut kept = Wide::new(wide.unit);
                let mut states = picked(states, groups);
                for state in states.iter_mut().filter(|state| state.wide > 0) {
                    kept.sums.push(wide.sums[state.wide as usize - 1].clone());
                    state.wide = u32::try_from(kept.sums.len()).unwrap_or(u32::MAX);
                }
                Self::Float(states, kept)
            }
        }
    }
}

fn picked<T: Clone>(states: &[T], groups: &[u32]) -> Vec<T> {
    groups.iter().map(|group| states[*group as usize].clone()).collect()
}

/// Calls `take` with each value that is there and the number of its group.
#[inline]
fn each<T: Copy>(
    groups: &[u32],
    values: &[T],
    nulls: Option<&arrow_buffer::NullBuffer>,
    mut take: impl FnMut(usize, T),
) {
    match nulls {
        None => groups.iter().zip(values).for_each(|(group, value)| take(*group as usize, *value)),
        Some(nulls) => nulls.valid_indices().for_each(|row| take(groups[row] as usize, values[row])),
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
