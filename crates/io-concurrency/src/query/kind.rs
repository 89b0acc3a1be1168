//! The types of columns, and what becomes of a column whose values are of several.
//!
//! Databases differ in their types, and an SQLite column may hold anything. So a column's type is decided by all of its
//! values in all sources: it is the narrowest that holds each of them without loss.
//!
//! | values | SQLite | PostgreSQL | MariaDB | column |
//! |---|---|---|---|---|
//! | truth values | – | `boolean` | – (`BOOL` is `TINYINT`) | Boolean |
//! | whole numbers | `INTEGER` | `smallint`, `integer`, `bigint`, `oid` | all whole types but what follows | Int64 |
//! | past 64 bits | – | – | `BIGINT UNSIGNED` above 2^63-1 | Decimal128(20, 0) |
//! | floats of 32 bits | – | `real` | `FLOAT` | Float32 |
//! | floats | `REAL` | `double precision` | `DOUBLE` | Float64 |
//! | decimals | – | `numeric(p, s)` | `DECIMAL(p, s)` | Decimal128(p, s), where p ≤ 38 |
//! | days | text in a column declared `DATE…` | `date` | `DATE` | Date32 |
//! | moments | text in a column declared `DATETIME…` or `TIMESTAMP…` | `timestamp` | `DATETIME`, `TIMESTAMP` | Timestamp(µs) |
//! | moments of the world | – | `timestamptz` | – | Timestamp(µs, UTC) |
//! | text | `TEXT` | `text`, `varchar`, `char`, `name`, `json`; every other type, as the server writes it | text types, `TIME`, `JSON`, `ENUM` | Utf8 |
//! | bytes | `BLOB`, and `TEXT` that is not UTF-8 | `bytea` | `BLOB`, `BINARY` | Binary |
//!
//! Where values differ: floats of 32 bits and other numbers are floats of 64; whole numbers and floats are floats, unless a whole number is past 2^53 and would change; numbers
//! of one column share as many digits as they need; whatever else meets is text; and bytes stay bytes. A number in a text
//! column is written in its shortest form (`3`, `2.5`), a day as `2024-12-31`, a moment as `2024-12-31 23:59:59`. SQLite's
//! text is taken for a day or a moment only where it would be written back as it stood. A column without any value has the
//! type that it was declared with.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Decimal128Array, Float32Array, Float64Array, Int64Array, RecordBatch,
    new_null_array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::csv_text::{self, Dialect};

/// The largest whole number up to which a float has them all.
const EXACT: u64 = 1 << 53;
/// The digits of a 64-bit number.
const INT_DIGITS: u8 = 19;
/// The digits of a 128-bit decimal.
const DIGITS: u8 = 38;

/// The type of a column, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// No value so far.
    #[default]
    Null,
    /// Truth values.
    Bool,
    /// Whole numbers of 64 bits.
    Int {
        /// Whether one of them is past 2^53, so that a float would change it.
        wide: bool,
    },
    /// Floats of 32 bits.
    Single,
    /// Floats of 64 bits.
    Real,
    /// Decimals.
    Decimal {
        /// All digits.
        precision: u8,
        /// The digits behind the point.
        scale: u8,
    },
    /// Days.
    Date,
    /// Moments in microseconds.
    Instant {
        /// Whether they are those of the whole world.
        zoned: bool,
    },
    /// UTF-8.
    Text,
    /// Anything.
    Bytes,
}

impl Kind {
    /// The kind of a column with this number.
    pub fn of_int(value: i64) -> Self {
        Self::Int { wide: value.unsigned_abs() > EXACT }
    }

    /// The narrowest kind that holds the values of both without loss. The order in which kinds are joined makes no
    /// difference.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        use Kind::{Bool, Bytes, Decimal, Int, Null, Real, Single, Text};
        match (self, other) {
            (one, other) if one == other => one,
            (Null, one) | (one, Null) => one,
            (Bytes, _) | (_, Bytes) => Bytes,
            (Int { .. }, Int { .. }) => Int { wide: true },
            (Bool, Int { wide }) | (Int { wide }, Bool) => Int { wide },
            (Bool, Single) | (Single, Bool) => Single,
            (Bool | Int { wide: false } | Single, Real)
            | (Real, Bool | Int { wide: false } | Single)
            | (Int { wide: false }, Single)
            | (Single, Int { wide: false }) => Real,
            (Decimal { precision, scale }, Int { .. }) | (Int { .. }, Decimal { precision, scale }) => {
                Self::decimal((precision - scale).max(INT_DIGITS), scale)
            }
            (Decimal { precision, scale }, Bool) | (Bool, Decimal { precision, scale }) => {
                Self::decimal((precision - scale).max(1), scale)
            }
            (Decimal { precision: p, scale: s }, Decimal { precision: q, scale: t }) => {
                Self::decimal((p - s).max(q - t), s.max(t))
            }
            _ => Text,
        }
    }

    /// A decimal with so many digits before and behind the point; text where that is too many.
    pub fn decimal(before: u8, behind: u8) -> Self {
        match before.saturating_add(behind) {
            precision @ 1..=DIGITS => Self::Decimal { precision, scale: behind },
            _ => Self::Text,
        }
    }

    /// The Arrow type. A column without a value is text.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int { .. } => DataType::Int64,
            Self::Single => DataType::Float32,
            Self::Real => DataType::Float64,
            Self::Decimal { precision, scale } => {
                DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(0))
            }
            Self::Date => DataType::Date32,
            Self::Instant { zoned } => {
                DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| "UTC".into()))
            }
            Self::Null | Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
        }
    }
}

/// The values of a column of one kind as those of a wider one.
///
/// # Errors
/// A kind that is not wider; it is a mistake of this program.
pub fn cast(array: &ArrayRef, from: Kind, to: Kind) -> Result<ArrayRef, Problem> {
    use Kind::{Bool, Bytes, Decimal, Int, Null, Real, Single, Text};
    let wanted = to.data_type();
    if from != Null && array.data_type() == &wanted {
        return Ok(Arc::clone(array));
    }
    Ok(match (from, to) {
        (Null, _) => new_null_array(&wanted, array.len()),
        (Bool, Int { .. }) => {
            Arc::new(array.as_boolean().iter().map(|v| v.map(i64::from)).collect::<Int64Array>())
        }
        (Bool, Single) => {
            let number = |value| if value { 1.0 } else { 0.0 };
            Arc::new(array.as_boolean().iter().map(|v| v.map(number)).collect::<Float32Array>())
        }
        (Single, Real) => {
            let floats = array.as_primitive::<Float32Type>();
            Arc::new(floats.unary::<_, Float64Type>(f64::from)) as Arc<Float64Array>
        }
        (Bool, _) if matches!(to, Real | Decimal { .. }) => {
            cast(&cast(array, Bool, Int { wide: false })?, Int { wide: false }, to)?
        }
        #[allow(clippy::cast_precision_loss, reason = "a number past 2^53 is never joined with floats")]
        (Int { .. }, Real) => {
            Arc::new(array.as_primitive::<Int64Type>().unary::<_, Float64Type>(|v| v as f64))
                as Arc<Float64Array>
        }
        (Int { .. }, Decimal { precision, scale }) => {
            let shift = 10_i128.pow(u32::from(scale));
            decimals(array.as_primitive::<Int64Type>().unary(|v| i128::from(v) * shift), precision, scale)?
        }
        (Decimal { scale: before, .. }, Decimal { precision, scale }) => {
            let shift = 10_i128.pow(u32::from(scale.saturating_sub(before)));
            decimals(array.as_primitive::<Decimal128Type>().unary(|v| v * shift), precision, scale)?
        }
        (Text, Bytes) => Arc::new(BinaryArray::from(array.as_string::<i32>().clone())),
        (_, Text) => Arc::new(written(array)?),
        (_, Bytes) => Arc::new(BinaryArray::from(written(array)?)),
        _ => return Err(Problem::new(format!("{from:?} does not become {to:?}"))),
    })
}

fn decimals(values: Decimal128Array, precision: u8, scale: u8) -> Result<ArrayRef, Problem> {
    let scale = i8::try_from(scale).unwrap_or(0);
    Ok(Arc::new(values.with_precision_and_scale(precision, scale).or_problem(|| "a decimal is too long")?))
}

/// Numbers, days and moments as text. None of them holds what CSV would quote, so a line is a value.
fn written(array: &ArrayRef) -> Result<arrow_array::StringArray, Problem> {
    let field = Field::new("", array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(array)]);
    let mut lines = Vec::new();
    let batch = batch.or_problem(|| "a column cannot be written")?;
    csv_text::write_batch(&batch, Dialect { header: false, ..Dialect::default() }, &mut lines)
        .or_problem(|| "a column cannot be written")?;
    let lines = std::str::from_utf8(&lines).or_problem(|| "a column cannot be written")?;
    let mut texts = StringBuilder::with_capacity(array.len(), lines.len());
    let real = array.data_type().is_floating();
    for (row, line) in lines.lines().enumerate() {
        let line = if real { line.strip_suffix(".0").unwrap_or(line) } else { line };
        texts.append_option(array.is_valid(row).then_some(line));
    }
    Ok(texts.finish())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Null),
            Just(Kind::Bool),
            any::<bool>().prop_map(|wide| Kind::Int { wide }),
            Just(Kind::Single),
            Just(Kind::Real),
            (1_u8..=38)
                .prop_flat_map(|precision| (Just(precision), 0..=precision))
                .prop_map(|(precision, scale)| Kind::Decimal { precision, scale }),
            Just(Kind::Date),
            any::<bool>().prop_map(|zoned| Kind::Instant { zoned }),
            Just(Kind::Text),
            Just(Kind::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn kinds_are_joined_in_any_order(a in kinds(), b in kinds(), c in kinds()) {
            prop_assert_eq!(a.join(b), b.join(a));
            prop_assert_eq!(a.join(b).join(c), a.join(b.join(c)));
            prop_assert_eq!(a.join(a), a);
        }

        #[test]
        fn a_column_can_always_become_what_it_is_joined_to(a in kinds(), b in kinds()) {
            let array = new_null_array(&a.data_type(), 2);
            let wider = cast(&array, a, a.join(b)).unwrap();
            prop_assert_eq!(wider.data_type(), &a.join(b).data_type());
        }
    }

    #[test]
    fn numbers_among_text_are_written_in_their_shortest_form() {
        let reals: ArrayRef = Arc::new(Float64Array::from(vec![Some(3.0), None, Some(2.5), Some(1e300)]));
        let texts = cast(&reals, Kind::Real, Kind::Text).unwrap();
        let texts: Vec<_> = texts.as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("3"), None, Some("2.5"), Some("1e+300")]);
        let singles: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.1), Some(-3.0)]));
        let texts = cast(&singles, Kind::Single, Kind::Text).unwrap();
        let texts: Vec<_> = texts.as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("1.1"), Some("-3")]);
    }
}
