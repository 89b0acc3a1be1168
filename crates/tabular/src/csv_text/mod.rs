//! Record batches to CSV text.
//!
//! The text follows RFC 4180 with `\n` line ends: a field is quoted when it holds the delimiter, a quote or a line break, and
//! quotes are doubled. A null is an empty field and an empty text is `""`, so the two stay apart; where another text stands
//! for a null, a value that happens to be that text is quoted.
//!
//! | type | its text |
//! |---|---|
//! | booleans | `true`, `false` |
//! | integers | all digits |
//! | floats | the shortest text that reads back to the same value; `NaN`, `inf`, `-inf` |
//! | decimals | all digits, as many behind the point as the type has |
//! | dates | `2024-02-29`; a year outside of 0 to 9999 has a sign and six digits |
//! | times of day | `05:02:44`, with the fraction where it is not zero, as many digits as the unit has |
//! | instants | `2024-11-17 05:02:44.000001`, and a `Z` where they are of the whole world: a zone is told as UTC |
//! | durations, intervals | ISO 8601: `P14M3DT2.500S`; months, days and seconds stay apart |
//! | texts | as they are |
//! | bytes | hexadecimal or Base64; UUIDs as RFC 9562 has them |
//! | lists, structs, maps | JSON: array, object; a map whose keys are no texts is an array of `{"key":…,"value":…}` |
//! | dictionaries | as their values |

mod bytes;
mod column;
mod nested;
mod scalar;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use serde::{Deserialize, Serialize};

use crate::Error;
pub use bytes::{BytesText, NullText};
use column::Column;
pub(crate) use column::write_text as write_field;

/// How fields are set apart and what stands for what has no text of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The byte between two fields.
    pub delimiter: u8,
    /// Whether the first line holds the columns' names.
    pub header: bool,
    /// What stands for a null.
    pub null: NullText,
    /// How bytes are written.
    pub bytes: BytesText,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', header: true, null: NullText::default(), bytes: BytesText::default() }
    }
}

/// Appends the header line, if the dialect has one.
pub fn write_header(schema: &Schema, dialect: Dialect, out: &mut Vec<u8>) {
    if dialect.header {
        for (number, field) in schema.fields().iter().enumerate() {
            if number > 0 {
                out.push(dialect.delimiter);
            }
            write_field(field.name().as_bytes(), dialect, out);
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
        columns.map(|(field, array)| Column::new(field, array.as_ref())).collect::<Result<_, _>>()?;
    for row in 0..batch.num_rows() {
        for (number, column) in columns.iter().enumerate() {
            if number > 0 {
                out.push(dialect.delimiter);
            }
            column.write(row, dialect, out);
        }
        out.push(b'\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests;
