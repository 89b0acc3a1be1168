//! Single rows to bytes and back, for messages that carry one row each.
//!
//! A row is its values in the order of the columns: a byte that is 1 where there is a value, in columns that may have none,
//! and then the value: whole and real numbers little-endian in their width, a text as its length (4 bytes) and its bytes.

use std::io;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int32Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, SchemaRef};
use lab::{OrProblem, Problem};

/// One column of a batch whose rows are sent one by one.
enum Column<'a> {
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Float64(&'a [f64]),
    Text(&'a StringArray),
}

/// The rows of a batch, one by one.
pub(super) struct Encoder<'a>(Vec<(Option<&'a ArrayRef>, Column<'a>)>);

impl<'a> Encoder<'a> {
    pub(super) fn new(batch: &'a RecordBatch) -> Result<Self, Problem> {
        let schema = batch.schema_ref();
        let columns = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
            let column = match field.data_type() {
                DataType::Int32 => Column::Int32(array.as_primitive::<Int32Type>().values()),
                DataType::Int64 => Column::Int64(array.as_primitive::<Int64Type>().values()),
                DataType::Float64 => Column::Float64(array.as_primitive::<Float64Type>().values()),
                DataType::Utf8 => Column::Text(array.as_string()),
                _ => return Err(unsupported(field)),
            };
            Ok((field.is_nullable().then_some(array), column))
        });
        columns.collect::<Result<_, _>>().map(Self)
    }

    /// Appends one row.
    pub(super) fn row(&self, row: usize, out: &mut Vec<u8>) {
        for (nullable, column) in &self.0 {
            if let Some(array) = nullable {
                out.push(u8::from(array.is_valid(row)));
                if array.is_null(row) {
                    continue;
                }
            }
            match column {
                Column::Int32(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                Column::Int64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                Column::Float64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                Column::Text(texts) => {
                    let text = texts.value(row).as_bytes();
                    // Offsets of a text column have 32 bits, so a length has too.
                    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or_default().to_le_bytes());
                    out.extend_from_slice(text);
                }
            }
        }
    }
}

fn unsupported(field: &arrow_schema::Field) -> Problem {
    let what =
        format!("column `{}` has the type {}, which is not sent row by row", field.name(), field.data_type());
    Problem::new(what).hint("leave --single away: then a message is a batch, of any type")
}

enum Builder {
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Text(StringBuilder),
}

/// Rows that were received, until they are a batch.
pub(super) struct Decoder {
    columns: SchemaRef,
    builders: Vec<(bool, Builder)>,
}

impl Decoder {
    pub(super) fn new(columns: SchemaRef) -> Result<Self, Problem> {
        let builders = columns.fields().iter().map(|field| {
            let builder = match field.data_type() {
                DataType::Int32 => Builder::Int32(Int32Builder::new()),
                DataType::Int64 => Builder::Int64(Int64Builder::new()),
                DataType::Float64 => Builder::Float64(Float64Builder::new()),
                DataType::Utf8 => Builder::Text(StringBuilder::new()),
                _ => return Err(unsupported(field)),
            };
            Ok((field.is_nullable(), builder))
        });
        Ok(Self { builders: builders.collect::<Result<_, _>>()?, columns })
    }

    /// Adds one row.
    pub(super) fn add(&mut self, mut row: &[u8]) -> io::Result<()> {
        for (nullable, builder) in &mut self.builders {
            let there = !*nullable || take::<1>(&mut row)? != [0];
            match builder {
                Builder::Int32(column) if there => column.append_value(i32::from_le_bytes(take(&mut row)?)),
                Builder::Int64(column) if there => column.append_value(i64::from_le_bytes(take(&mut row)?)),
                Builder::Float64(column) if there => column.append_value(f64::from_le_bytes(take(&mut row)?)),
                Builder::Text(column) if there => {
                    let length = u32::from_le_bytes(take(&mut row)?) as usize;
                    let (text, rest) = row.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
                    row = rest;
                    let text = std::str::from_utf8(text);
                    column.append_value(
                        text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?,
                    );
                }
                Builder::Int32(column) => column.append_null(),
                Builder::Int64(column) => column.append_null(),
                Builder::Float64(column) => column.append_null(),
                Builder::Text(column) => column.append_null(),
            }
        }
        if row.is_empty() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "a row has more values than columns"))
        }
    }

    /// The rows as a batch; the next ones begin anew.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, Problem> {
        let arrays = self.builders.iter_mut().map(|(_, builder)| -> ArrayRef {
            match builder {
                Builder::Int32(column) => Arc::new(column.finish()),
                Builder::Int64(column) => Arc::new(column.finish()),
                Builder::Float64(column) => Arc::new(column.finish()),
                Builder::Text(column) => Arc::new(column.finish()),
            }
        });
        RecordBatch::try_new(self.columns.clone(), arrays.collect())
            .or_problem(|| "the rows that came are no batch")
    }
}

fn take<const N: usize>(row: &mut &[u8]) -> io::Result<[u8; N]> {
    let (bytes, rest) = row.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    *row = rest;
    Ok(*bytes)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, Int32Array, Int64Array};
    use proptest::prelude::*;

    use super::*;

    type Row = (i64, Option<i32>, Option<f64>, Option<String>);

    proptest! {
        #[test]
        fn rows_come_back_as_they_went_and_a_row_cut_short_is_an_error(rows in proptest::collection::vec(any::<Row>(), 1..40)) {
            let (keys, (small, (real, text))): (Vec<_>, (Vec<_>, (Vec<_>, Vec<_>))) =
                rows.into_iter().map(|(key, small, real, text)| (key, (small, (real, text)))).unzip();
            let arrays: [(&str, ArrayRef, bool); 4] = [
                ("key", Arc::new(Int64Array::from(keys)), false),
                ("small", Arc::new(Int32Array::from(small)), true),
                ("real", Arc::new(Float64Array::from(real)), true),
                ("text", Arc::new(StringArray::from(text)), true),
            ];
            let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
            let encoder = Encoder::new(&batch).unwrap();
            let mut decoder = Decoder::new(batch.schema()).unwrap();
            let mut row = Vec::new();
            for number in 0..batch.num_rows() {
                row.clear();
                encoder.row(number, &mut row);
                decoder.add(&row).unwrap();
            }
            prop_assert_eq!(decoder.finish().unwrap(), batch);
            prop_assert!(decoder.add(&row[..row.len() - 1]).is_err());
        }
    }
}
