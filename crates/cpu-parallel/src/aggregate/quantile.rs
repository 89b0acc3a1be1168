//! A value at a place among others.

use super::values::{decimal_of_bytes, float_of_word, whole_of_word};

/// A quantile: the value at its place, and where the place is between two values, the next one and the share of the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    low: Value,
    high: Option<Value>,
    share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Word(u64),
    Decimal(i128),
    Float(f64),
}

/// A value's word, or the bytes of a decimal.
pub(super) enum Word<'a> {
    Word(u64),
    Bytes(&'a [u8]),
}

impl From<Word<'_>> for Value {
    fn from(word: Word<'_>) -> Self {
        match word {
            Word::Word(word) => Self::Word(word),
            Word::Bytes(bytes) => Self::Decimal(decimal_of_bytes(bytes)),
        }
    }
}

impl Quantile {
    /// A number that is near it.
    pub(super) fn about(value: f64) -> Self {
        Self { low: Value::Float(value), high: None, share: 0.0 }
    }

    /// The one at this place of the sorted words.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the values")]
    pub(super) fn of<'a>(sorted: &[u64], place: f64, word: impl Fn(u64) -> Word<'a>) -> Self {
        let (low, share) = (place.floor() as usize, place.fract());
        let value = |at: usize| Value::from(word(sorted[at.min(sorted.len() - 1)]));
        Self { low: value(low), high: (share > 0.0 && low + 1 < sorted.len()).then(|| value(low + 1)), share }
    }

    /// As a number, where words are whole numbers.
    pub fn whole(&self) -> f64 {
        self.between(|value| match value {
            Value::Word(word) => whole_of_word(word) as f64,
            Value::Decimal(value) => value as f64,
            Value::Float(value) => value,
        })
    }

    /// As a number, where words are floating-point numbers.
    pub fn float(&self) -> f64 {
        self.between(|value| match value {
            Value::Word(word) => float_of_word(word),
            Value::Decimal(value) => value as f64,
            Value::Float(value) => value,
        })
    }

    fn between(&self, number: impl Fn(Value) -> f64) -> f64 {
        let low = number(self.low);
        let Some(high) = self.high.map(number).filter(|high| *high > low) else { return low };
        low * (1.0 - self.share) + high * self.share
    }
}

/// Where a quantile stands among so many sorted values, from 0: `q (n - 1)`, as NumPy, Polars (`linear`) and DuckDB
/// (`quantile_cont`) have it.
pub(super) fn position(quantile: f64, count: u64) -> f64 {
    quantile * (count.saturating_sub(1)) as f64
}
