//! Values, one after another, into a column whose kind they decide.

use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array,
    NullArray, StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use lab::{OrProblem, Problem};

use super::kind::{Kind, cast};

/// One value of a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// None.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A float of 32 bits.
    Single(f32),
    /// A float.
    Real(f64),
    /// A decimal of a column with this many digits.
    Decimal {
        /// Without the point.
        digits: i128,
        /// All digits of the column.
        precision: u8,
        /// The digits behind the point.
        scale: u8,
    },
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970.
    Instant {
        /// Microseconds.
        micros: i64,
        /// Whether it is a moment of the whole world.
        zoned: bool,
    },
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// The kind of a column with this value.
    pub fn kind(&self) -> Kind {
        match *self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(value) => Kind::of_int(value),
            Self::Single(_) => Kind::Single,
            Self::Real(_) => Kind::Real,
            Self::Decimal { precision, scale, .. } => Kind::Decimal { precision, scale },
            Self::Date(_) => Kind::Date,
            Self::Instant { zoned, .. } => Kind::Instant { zoned },
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
        }
    }
}

/// What a column holds; its variant follows from the kind.
#[derive(Debug, Default)]
enum Values {
    #[default]
    None,
    Bool(Vec<bool>),
    /// Whole numbers, and moments.
    Int(Vec<i64>),
    Single(Vec<f32>),
    Real(Vec<f64>),
    Decimal(Vec<i128>),
    Date(Vec<i32>),
    /// Text and bytes.
    Bytes {
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
}

/// A column that grows. No value costs an allocation of its own.
#[derive(Debug)]
pub struct Column {
    kind: Kind,
    nulls: NullBufferBuilder,
    values: Values,
    room: usize,
}

impl Column {
    /// An empty column, with room for this many rows.
    pub fn new(room: usize) -> Self {
        Self { kind: Kind::Null, nulls: NullBufferBuilder::new(room), values: Values::None, room }
    }

    /// Adds a value. One that does not fit widens the column first.
    ///
    /// # Errors
    /// More than 2 GiB of text in one batch.
    #[inline]
    pub fn push(&mut self, value: Value<'_>) -> Result<(), Problem> {
        match (&mut self.values, value) {
            (Values::Int(values), Value::Int(value)) if matches!(self.kind, Kind::Int { .. }) => {
                if value.unsigned_abs() > 1 << 53 {
                    self.kind = Kind::Int { wide: true };
                }
                values.push(value);
            }
            (Values::Bytes { ends, bytes }, Value::Text(value)) => {
                bytes.extend_from_slice(value.as_bytes());
                ends.push(end(bytes)?);
            }
            (Values::Real(values), Value::Real(value)) => values.push(value),
            (Values::Single(values), Value::Single(value)) => values.push(value),
            #[allow(clippy::cast_precision_loss, reason = "a float has all whole numbers up to 2^53")]
            (Values::Real(values), Value::Int(value)) if value.unsigned_abs() <= 1 << 53 => {
                values.push(value as f64);
            }
            (Values::Int(values), Value::Instant { micros, zoned })
                if self.kind == (Kind::Instant { zoned }) =>
            {
                values.push(micros);
            }
            (Values::Date(values), Value::Date(value)) => values.push(value),
            (Values::Bool(values), Value::Bool(value)) => values.push(value),
            (Values::Decimal(values), Value::Decimal { digits, precision, scale })
                if self.kind == (Kind::Decimal { precision, scale }) =>
            {
                values.push(digits);
            }
            (_, Value::Null) => {
                self.push_default();
                self.nulls.append_null();
                return Ok(());
            }
            _ => return self.push_other(value),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// Adds a value that is not of the column's kind: the column is widened, or the value.
    #[cold]
    fn push_other(&mut self, value: Value<'_>) -> Result<(), Problem> {
        let joined = self.kind.join(value.kind());
        if joined != self.kind {
            self.widen(joined)?;
        }
        if value.kind() == joined || matches!((value, joined), (Value::Int(_), Kind::Int { .. })) {
            match (value, &mut self.values) {
                (Value::Bytes(value), Values::Bytes { ends, bytes }) => {
                    bytes.extend_from_slice(value);
                    ends.push(end(bytes)?);
                    self.nulls.append_non_null();
                    return Ok(());
                }
                _ => return self.push(value),
            }
        }
        let mut single = Self::new(1);
        single.widen(value.kind())?;
        single.push(value)?;
        let (kind, array) = single.finish()?;
        let mut rest = Self::of(joined, &cast(&array, kind, joined)?, 1);
        self.append(&mut rest)
    }

    fn push_default(&mut self) {
        match &mut self.values {
            Values::None => {}
            Values::Bool(values) => values.push(false),
            Values::Int(values) => values.push(0),
            Values::Single(values) => values.push(0.0),
            Values::Real(values) => values.push(0.0),
            Values::Decimal(values) => values.push(0),
            Values::Date(values) => values.push(0),
            Values::Bytes { ends, .. } => ends.push(ends.last().copied().unwrap_or(0)),
        }
    }

    fn append(&mut self, other: &mut Self) -> Result<(), Problem> {
        match (&mut self.values, &mut other.values) {
            (Values::Int(values), Values::Int(more)) => values.append(more),
            (Values::Single(values), Values::Single(more)) => values.append(more),
            (Values::Real(values), Values::Real(more)) => values.append(more),
            (Values::Decimal(values), Values::Decimal(more)) => values.append(more),
            (Values::Bytes { ends, bytes }, Values::Bytes { bytes: more, .. }) => {
                bytes.append(more);
                ends.push(end(bytes)?);
            }
            _ => return Err(Problem::new("a value and its column differ")),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    fn widen(&mut self, to: Kind) -> Result<(), Problem> {
        let from = self.kind;
        if matches!((from, to), (Kind::Int { .. }, Kind::Int { .. })) {
            self.kind = to;
            return Ok(());
        }
        let (_, array) = std::mem::replace(self, Self::new(self.room)).finish()?;
        let room = self.room;
        *self = Self::of(to, &cast(&array, from, to)?, room);
        Ok(())
    }

    /// A column of the values of an array, which can grow.
    fn of(kind: Kind, array: &ArrayRef, room: usize) -> Self {
        let mut nulls = NullBufferBuilder::new(room.max(array.len()));
        (0..array.len()).for_each(|row| nulls.append(array.is_valid(row)));
        let bytes = |offsets: &[i32], bytes: &[u8]| Values::Bytes {
            ends: roomy(&offsets[1..], room),
            bytes: bytes.to_vec(),
        };
        let values = match kind {
            Kind::Null => Values::None,
            Kind::Bool => Values::Bool(array.as_boolean().values().iter().collect()),
            Kind::Int { .. } => Values::Int(roomy(array.as_primitive::<Int64Type>().values(), room)),
            Kind::Instant { .. } => {
                Values::Int(roomy(array.as_primitive::<TimestampMicrosecondType>().values(), room))
            }
            Kind::Single => Values::Single(roomy(array.as_primitive::<Float32Type>().values(), room)),
            Kind::Real => Values::Real(roomy(array.as_primitive::<Float64Type>().values(), room)),
            Kind::Decimal { .. } => {
                Values::Decimal(roomy(array.as_primitive::<Decimal128Type>().values(), room))
            }
            Kind::Date => Values::Date(roomy(array.as_primitive::<Date32Type>().values(), room)),
            Kind::Text => {
                bytes(array.as_string::<i32>().value_offsets(), array.as_string::<i32>().value_data())
            }
            Kind::Bytes => {
                bytes(array.as_binary::<i32>().value_offsets(), array.as_binary::<i32>().value_data())
            }
        };
        Self { kind, nulls, values, room }
    }

    /// How many bytes of text there are.
    pub fn text_bytes(&self) -> usize {
        if let Values::Bytes { bytes, .. } = &self.values { bytes.len() } else { 0 }
    }

    /// The column as an array.
    ///
    /// # Errors
    /// None that this program's own values can cause.
    pub fn finish(mut self) -> Result<(Kind, ArrayRef), Problem> {
        let rows = self.nulls.len();
        let nulls = self.nulls.finish();
        let offsets = |ends: Vec<i32>| {
            let all: Vec<i32> = std::iter::once(0).chain(ends).collect();
            OffsetBuffer::new(ScalarBuffer::from(all))
        };
        let array: ArrayRef = match self.values {
            Values::None => Arc::new(NullArray::new(rows)),
            Values::Bool(values) => {
                let mut builder = BooleanBuilder::with_capacity(rows);
                for (row, value) in values.into_iter().enumerate() {
                    builder.append_option(
                        nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then_some(value),
                    );
                }
                Arc::new(builder.finish())
            }
            Values::Int(values) => match self.kind {
                Kind::Instant { zoned } => {
                    let array = TimestampMicrosecondArray::new(values.into(), nulls);
                    Arc::new(if zoned { array.with_timezone("UTC") } else { array })
                }
                _ => Arc::new(Int64Array::new(values.into(), nulls)),
            },
            Values::Single(values) => Arc::new(Float32Array::new(values.into(), nulls)),
            Values::Real(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Date(values) => Arc::new(Date32Array::new(values.into(), nulls)),
            Values::Decimal(values) => {
                let Kind::Decimal { precision, scale } = self.kind else {
                    return Err(Problem::new("a decimal column has lost its digits"));
                };
                let array = Decimal128Array::new(values.into(), nulls);
                let scale = i8::try_from(scale).unwrap_or(0);
                Arc::new(
                    array
                        .with_precision_and_scale(precision, scale)
                        .or_problem(|| "a decimal is too long")?,
                )
            }
            Values::Bytes { ends, bytes } if self.kind == Kind::Text => {
                let texts = StringArray::try_new(offsets(ends), bytes.into(), nulls);
                Arc::new(texts.or_problem(|| "text is not UTF-8")?)
            }
            Values::Bytes { ends, bytes } => Arc::new(BinaryArray::new(offsets(ends), bytes.into(), nulls)),
        };
        Ok((self.kind, array))
    }
}

/// The values, with room for more.
fn roomy<T: Copy>(values: &[T], room: usize) -> Vec<T> {
    let mut all = Vec::with_capacity(room.max(values.len()));
    all.extend_from_slice(values);
    all
}

fn end(bytes: &[u8]) -> Result<i32, Problem> {
    i32::try_from(bytes.len()).or_problem(|| "one value is longer than 2 GiB")
}

#[cfg(test)]
mod tests {
    use tabular::csv_text::{Dialect, write_batch};

    use super::*;

    #[track_caller]
    fn check(values: &[Value<'_>], kind: Kind, text: &str) {
        // The kind is the same whatever comes first.
        let mut backwards = Column::new(4);
        values.iter().rev().for_each(|value| backwards.push(*value).unwrap());
        let mut column = Column::new(4);
        values.iter().for_each(|value| column.push(*value).unwrap());
        let (found, array) = column.finish().unwrap();
        assert_eq!((found, backwards.finish().unwrap().0), (kind, kind));
        let array = if kind == Kind::Bytes {
            let texts = array.as_binary::<i32>().iter().map(|bytes| bytes.map(|bytes| format!("{bytes:?}")));
            Arc::new(texts.collect::<StringArray>()) as ArrayRef
        } else {
            array
        };
        let batch = arrow_array::RecordBatch::try_from_iter_with_nullable([("a", array, true)]).unwrap();
        let mut lines = Vec::new();
        write_batch(&batch, Dialect { delimiter: b';', header: false, ..Dialect::default() }, &mut lines)
            .unwrap();
        let lines = String::from_utf8(lines).unwrap();
        assert_eq!(lines.strip_suffix('\n').unwrap().replace('\n', "|"), text);
    }

    #[test]
    fn a_column_is_as_wide_as_its_values_and_none_of_them_changes() {
        use Value::{Bool, Bytes, Date, Int, Null, Real, Single, Text};
        check(&[Null, Int(1), Null, Int(-2)], Kind::Int { wide: false }, "|1||-2");
        check(&[Int(1), Real(2.5), Null], Kind::Real, "1.0|2.5|");
        check(&[Single(1.1), Null, Single(-3.0)], Kind::Single, "1.1||-3.0");
        check(&[Single(1.5), Real(2.1)], Kind::Real, "1.5|2.1");
        check(&[Single(1.5), Int(7)], Kind::Real, "1.5|7.0");
        check(&[Single(1.5), Bool(true)], Kind::Single, "1.5|1.0");
        check(&[Single(1.1), Text("x")], Kind::Text, "1.1|x");
        check(&[Int((1 << 53) + 1), Real(2.5)], Kind::Text, "9007199254740993|2.5");
        check(&[Int(1), Null, Text("a"), Real(3.0)], Kind::Text, "1||a|3");
        check(&[Text("a"), Bytes(&[255]), Int(7)], Kind::Bytes, "[97]|[255]|[55]");
        check(&[Bool(true), Int(7)], Kind::Int { wide: false }, "1|7");
        check(&[Bool(true), Text("x")], Kind::Text, "true|x");
        check(&[Date(0), Text("")], Kind::Text, "1970-01-01|\"\"");
        let half = Value::Decimal { digits: 150, precision: 5, scale: 2 };
        check(&[half, Int(3)], Kind::Decimal { precision: 21, scale: 2 }, "1.50|3.00");
        let moment = Value::Instant { micros: 1_500_000, zoned: false };
        check(&[moment, Text("x")], Kind::Text, "1970-01-01 00:00:01.500000|x");
    }
}
