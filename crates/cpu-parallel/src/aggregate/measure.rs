//! What is kept of one column, by the number of the group.

use serde::{Deserialize, Serialize};

use super::floats::{self, Wide};
use super::states::{DecimalState, FloatState, State, TextState, WholeState};
use super::sum::Unit;
use super::values::{Kind, Values};

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
