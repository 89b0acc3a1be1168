//! What the values of a column have ruled out.

use serde::{Deserialize, Serialize};

use crate::columns::{ColumnType, RawField};
use crate::values::number::{FLOAT_DIGITS, Mark, decimal, float, integer};
use crate::values::time::Order;

/// The types that a value is tried as, the most particular first.
pub(super) const CANDIDATES: [ColumnType; 14] = [
    ColumnType::Flag,
    ColumnType::Int64,
    // The numbers stand for all numbers with that mark; their digits decide which.
    ColumnType::Float(Mark::Point),
    ColumnType::Float(Mark::Comma),
    ColumnType::Date(Order::Ymd),
    ColumnType::Date(Order::Dmy),
    ColumnType::Date(Order::Mdy),
    ColumnType::Timestamp(Order::Ymd),
    ColumnType::Timestamp(Order::Dmy),
    ColumnType::Timestamp(Order::Mdy),
    ColumnType::TimestampNanos(Order::Ymd),
    ColumnType::TimestampNanos(Order::Dmy),
    ColumnType::TimestampNanos(Order::Mdy),
    ColumnType::Instant,
];
pub(super) const INTEGER: usize = 1;
pub(super) const POINT: usize = 2;
pub(super) const COMMA: usize = 3;
const NUMBERS: u16 = 1 << INTEGER | 1 << POINT | 1 << COMMA;
const ALL: u16 = (1 << CANDIDATES.len()) - 1;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The number of the file.
    pub file: u32,
    /// The line, from 1, on which its row begins.
    pub line: u64,
}

/// A value that took a type away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The beginning of the value.
    pub value: String,
    /// Where it stands.
    pub place: Place,
}

/// How long the numbers of a column are, read with one of the marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lengths {
    /// The most digits before the mark.
    pub(super) whole: u8,
    /// The most digits behind it.
    pub(super) fraction: u8,
    /// Whether one has more digits than a float gives back.
    pub(super) long: bool,
    /// Whether one has an exponent.
    pub(super) exponent: bool,
    /// Whether one that is whole does not fit 64 bits.
    pub(super) past_64: bool,
}

/// What the values of a column have ruled out so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub(super) alive: u16,
    pub(super) point: Lengths,
    pub(super) comma: Lengths,
    pub(super) lost: [Option<Box<Witness>>; CANDIDATES.len()],
    /// Values that are there.
    pub values: u64,
    /// Values that are missing.
    pub missing: u64,
}

impl Default for Evidence {
    fn default() -> Self {
        let lost = [const { None }; CANDIDATES.len()];
        let (point, comma) = (Lengths::default(), Lengths::default());
        Self { alive: ALL, point, comma, lost, values: 0, missing: 0 }
    }
}

impl Evidence {
    /// Takes a value into account; `place` is asked only where the value takes a type away.
    #[inline]
    pub(crate) fn observe(&mut self, field: RawField<'_>, place: impl FnOnce() -> Place) {
        if field.text.is_empty() {
            // An empty text in quotes is a missing value of every type but text.
            self.missing += u64::from(!field.quoted);
            self.values += u64::from(field.quoted);
            return;
        }
        self.values += 1;
        if self.alive == 0 {
            return;
        }
        if self.alive & !NUMBERS == 0 && self.alive & 1 << INTEGER != 0 && self.counts(field.text) {
            return;
        }
        let mut lost = 0_u16;
        for (number, candidate) in CANDIDATES.iter().enumerate() {
            if self.alive >> number & 1 == 1 {
                let fits = match number {
                    POINT => self.point.observe(field.text, Mark::Point),
                    COMMA => self.comma.observe(field.text, Mark::Comma),
                    _ => candidate.fits(field.text),
                };
                lost |= u16::from(!fits) << number;
            }
        }
        if lost != 0 {
            self.lose(lost, field.text, place());
        }
    }

    /// A whole number in a column of whole numbers, which is the common case.
    fn counts(&mut self, text: &[u8]) -> bool {
        let digits = text.len() - usize::from(text.first() == Some(&b'-'));
        let common = digits <= usize::from(FLOAT_DIGITS) && integer(text).is_some();
        if common {
            let digits = u8::try_from(digits).unwrap_or(u8::MAX);
            self.point.whole = self.point.whole.max(digits);
            self.comma.whole = self.comma.whole.max(digits);
        }
        common
    }

    fn lose(&mut self, lost: u16, text: &[u8], place: Place) {
        self.alive &= !lost;
        let shown: String = String::from_utf8_lossy(text).chars().take(40).collect();
        for (number, witness) in self.lost.iter_mut().enumerate() {
            if lost >> number & 1 == 1 {
                *witness = Some(Box::new(Witness { value: shown.clone(), place }));
            }
        }
    }

    /// Takes the evidence of another part into account.
    pub fn merge(&mut self, other: Self) {
        self.alive &= other.alive;
        self.point.merge(other.point);
        self.comma.merge(other.comma);
        self.values += other.values;
        self.missing += other.missing;
        for (mine, theirs) in self.lost.iter_mut().zip(other.lost) {
            let earlier = match (&*mine, &theirs) {
                (Some(mine), Some(theirs)) => theirs.place < mine.place,
                (mine, _) => mine.is_none(),
            };
            if earlier {
                *mine = theirs;
            }
        }
    }
}

impl Lengths {
    /// Whether the text is a number with this mark; then its length counts.
    fn observe(&mut self, text: &[u8], mark: Mark) -> bool {
        if let Some(read) = decimal(text, mark) {
            self.whole = self.whole.max(read.whole);
            self.fraction = self.fraction.max(read.fraction);
            self.long |= read.significant > FLOAT_DIGITS || read.float().is_none();
            self.past_64 |= read.scaled(read.fraction).is_none_or(|value| i64::try_from(value).is_err());
            true
        } else {
            let fits = float(text, mark).is_some();
            self.exponent |= fits;
            fits
        }
    }

    fn merge(&mut self, other: Self) {
        self.whole = self.whole.max(other.whole);
        self.fraction = self.fraction.max(other.fraction);
        self.long |= other.long;
        self.exponent |= other.exponent;
        self.past_64 |= other.past_64;
    }
}
