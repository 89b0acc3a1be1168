//! Record batches to CSV text.
//!
//! The text follows RFC 4180 with `\n` line ends: a field is quoted when it holds the delimiter, a quote or a line break, and
//! quotes are doubled. A null is an empty field and an empty text is `""`, so the two stay apart. Numbers are written in
//! the shortest form that reads back to the same value.

mod column;

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use crate::Error;
use column::Column;
pub(crate) use column::write_text as write_field;

/// How fields are set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between two fields.
    pub delimiter: u8,
    /// Whether the first line holds the columns' names.
    pub header: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', header: true }
    }
}

/// Appends the header line, if the dialect has one.
pub fn write_header(schema: &Schema, dialect: Dialect, out: &mut Vec<u8>) {
    if dialect.header {
        for (number, field) in schema.fields().iter().enumerate() {
            if number > 0 {
                out.push(dialect.delimiter);
            }
            column::write_text(field.name().as_bytes(), dialect.delimiter, out);
        }
        out.push(b'\n');
    }
}

/// Appends the batch's rows.
///
/// # Errors
/// [`Error::Unsupported`] names the first column whose type has no text; then nothing was appended.
pub fn write_batch(batch: &RecordBatch, dialect: Dialect, out: &mut Vec<u8>) -> Result<(), Error> {
    let schema = batch.schema_ref();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns: Vec<_> =
        columns.map(|(field, array)| Column::new(field, array)).collect::<Result<_, _>>()?;
    for row in 0..batch.num_rows() {
        for (number, column) in columns.iter().enumerate() {
            if number > 0 {
                out.push(dialect.delimiter);
            }
            column.write(row, dialect.delimiter, out);
        }
        out.push(b'\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests;
