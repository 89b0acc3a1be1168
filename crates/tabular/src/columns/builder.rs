//! A column that is being filled.

use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampNanosecondType,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, NullBufferBuilder, OffsetBuffer, ScalarBuffer};

use super::ColumnType;
use crate::rows::Block;
use crate::values::{self, number, time};

/// A value as it stands in the file, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) text: &'a [u8],
    /// Whether it stood in quotes: an empty text in quotes is a text, and without them it is missing.
    pub(crate) quoted: bool,
}

/// The values of one column, and which of them are missing.
pub(crate) struct Builder {
    column_type: ColumnType,
    nulls: NullBufferBuilder,
    values: Values,
}

enum Values {
    Flags(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int128(Vec<i128>),
    Float(Vec<f64>),
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
}

impl Builder {
    pub(crate) fn new(column_type: ColumnType, rows: usize) -> Self {
        let values = match column_type {
            ColumnType::Flag => Values::Flags(BooleanBufferBuilder::new(rows)),
            ColumnType::Int32 | ColumnType::Date(_) => Values::Int32(Vec::with_capacity(rows)),
            ColumnType::Int64
            | ColumnType::Grouped(_)
            | ColumnType::Timestamp(_)
            | ColumnType::TimestampNanos(_)
            | ColumnType::Instant => Values::Int64(Vec::with_capacity(rows)),
            ColumnType::Decimal(..) => Values::Int128(Vec::with_capacity(rows)),
            ColumnType::Float(_) => Values::Float(Vec::with_capacity(rows)),
            ColumnType::Text | ColumnType::Empty => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Values::Text { offsets, bytes: Vec::with_capacity(rows * 16) }
            }
        };
        Self { column_type, nulls: NullBufferBuilder::new(rows), values }
    }

    /// Appends a column's field of each row; the number of the first row whose field does not fit, if there is one.
    ///
    /// The type is looked at once and not for every value: what is called in the loop is known to the compiler.
    pub(crate) fn extend(&mut self, block: &Block, column: usize) -> Option<usize> {
        let nulls = &mut self.nulls;
        let fields = Fields { block, column };
        match (&mut self.values, self.column_type) {
            (Values::Int64(values), ColumnType::Int64) => fill(fields, values, nulls, number::integer),
            (Values::Int64(values), ColumnType::Grouped(mark)) => fill(fields, values, nulls, |text| {
                i64::try_from(number::decimal(text, mark)?.scaled(0)?).ok()
            }),
            (Values::Int64(values), ColumnType::Timestamp(order)) => {
                fill(fields, values, nulls, |text| stamp(text, order, time::Instant::micros))
            }
            (Values::Int64(values), ColumnType::TimestampNanos(order)) => {
                fill(fields, values, nulls, |text| stamp(text, order, time::Instant::nanos))
            }
            (Values::Int64(values), ColumnType::Instant) => fill(fields, values, nulls, |text| {
                time::instant(text, time::Order::Ymd).filter(|read| read.zoned)?.micros()
            }),
            (Values::Int32(values), ColumnType::Date(order)) => {
                fill(fields, values, nulls, |text| time::date(text, order))
            }
            (Values::Int32(values), _) => {
                fill(fields, values, nulls, |text| i32::try_from(number::integer(text)?).ok())
            }
            (Values::Int128(values), ColumnType::Decimal(scale, mark)) => {
                fill(fields, values, nulls, |text| number::decimal(text, mark)?.scaled(scale))
            }
            (Values::Float(values), ColumnType::Float(mark)) => {
                fill(fields, values, nulls, |text| number::float(text, mark))
            }
            (Values::Flags(values), _) => block.each(column, |field| {
                let flag = values::flag(field.text);
                values.append(flag.unwrap_or_default());
                nulls.append(flag.is_some());
                flag.is_some() || field.text.is_empty()
            }),
            (Values::Text { offsets, bytes }, column_type) => {
                let encoding = block.dialect.encoding;
                block.each(column, |field| {
                    if field.text.is_empty() && !field.quoted {
                        nulls.append_null();
                    } else {
                        nulls.append_non_null();
                        if encoding.is_utf8() {
                            bytes.extend_from_slice(field.text);
                        } else {
                            bytes.extend(encoding.decode(field.text).unwrap_or_default().as_bytes());
                        }
                    }
                    let offset = i32::try_from(bytes.len());
                    offsets.push(offset.unwrap_or_default());
                    offset.is_ok() && (column_type == ColumnType::Text || field.text.is_empty())
                })
            }
            _ => unreachable!("a builder's values are chosen by its type"),
        }
    }

    /// Whether a value is missing.
    pub(crate) fn has_nulls(&self) -> bool {
        self.nulls.as_slice().is_some()
    }

    /// The column; `None` of text that is not UTF-8.
    pub(crate) fn finish(mut self) -> Option<ArrayRef> {
        let nulls = self.nulls.finish();
        Some(match self.values {
            Values::Flags(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int32(values) if matches!(self.column_type, ColumnType::Date(_)) => {
                Arc::new(PrimitiveArray::<Date32Type>::new(values.into(), nulls))
            }
            Values::Int32(values) => Arc::new(PrimitiveArray::<Int32Type>::new(values.into(), nulls)),
            Values::Int64(values) => {
                let values = ScalarBuffer::from(values);
                match self.column_type {
                    ColumnType::TimestampNanos(_) => {
                        Arc::new(PrimitiveArray::<TimestampNanosecondType>::new(values, nulls))
                    }
                    ColumnType::Timestamp(_) => {
                        Arc::new(PrimitiveArray::<TimestampMicrosecondType>::new(values, nulls))
                    }
                    ColumnType::Instant => Arc::new(
                        PrimitiveArray::<TimestampMicrosecondType>::new(values, nulls).with_timezone("UTC"),
                    ),
                    _ => Arc::new(PrimitiveArray::<Int64Type>::new(values, nulls)),
                }
            }
            Values::Int128(values) => {
                let array = PrimitiveArray::<Decimal128Type>::new(values.into(), nulls);
                Arc::new(array.with_data_type(self.column_type.data_type()))
            }
            Values::Float(values) => Arc::new(PrimitiveArray::<Float64Type>::new(values.into(), nulls)),
            Values::Text { offsets, bytes } => {
                Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), bytes.into(), nulls).ok()?)
            }
        })
    }
}

/// Appends what `read` makes of each field, and a null for one that is empty.
#[inline]
fn fill<T: Copy + Default>(
    fields: Fields<'_>,
    values: &mut Vec<T>,
    nulls: &mut NullBufferBuilder,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Option<usize> {
    fields.block.each(fields.column, |field| {
        let value = read(field.text);
        values.push(value.unwrap_or_default());
        nulls.append(value.is_some());
        value.is_some() || field.text.is_empty()
    })
}

/// One column of a block.
#[derive(Clone, Copy)]
struct Fields<'a> {
    block: &'a Block,
    column: usize,
}

#[inline]
fn stamp(text: &[u8], order: time::Order, unit: impl Fn(time::Instant) -> Option<i64>) -> Option<i64> {
    // A date alone is the first moment of its day, so that a column may hold both.
    let read = match time::instant(text, order) {
        Some(read) if read.zoned => return None,
        Some(read) => read,
        None => {
            let seconds = i64::from(time::date(text, order)?) * 86_400;
            time::Instant { seconds, nanos: 0, fraction: 0, zoned: false }
        }
    };
    unit(read)
}

impl ColumnType {
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Empty)
    }

    /// Whether a text that is not empty is a value of the type: by the same functions that a builder calls.
    pub(crate) fn fits(self, text: &[u8]) -> bool {
        match self {
            ColumnType::Empty => false,
            ColumnType::Text => true,
            ColumnType::Flag => values::flag(text).is_some(),
            ColumnType::Int32 => number::integer(text).is_some_and(|value| i32::try_from(value).is_ok()),
            ColumnType::Int64 => number::integer(text).is_some(),
            ColumnType::Grouped(mark) => {
                number::decimal(text, mark).and_then(|read| i64::try_from(read.scaled(0)?).ok()).is_some()
            }
            ColumnType::Float(mark) => number::float(text, mark).is_some(),
            ColumnType::Decimal(scale, mark) => {
                number::decimal(text, mark).is_some_and(|read| read.scaled(scale).is_some())
            }
            ColumnType::Date(order) => time::date(text, order).is_some(),
            ColumnType::Timestamp(order) => stamp(text, order, time::Instant::micros).is_some(),
            ColumnType::TimestampNanos(order) => stamp(text, order, time::Instant::nanos).is_some(),
            ColumnType::Instant => time::instant(text, time::Order::Ymd)
                .filter(|read| read.zoned)
                .is_some_and(|read| read.micros().is_some()),
        }
    }
}
