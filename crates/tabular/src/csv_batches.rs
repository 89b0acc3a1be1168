//! CSV text to record batches of a given schema.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use csv::ByteRecord;

use crate::{Error, calendar};

/// How much of a bad value an error shows, in bytes.
const SHOWN: usize = 40;

/// A CSV file as batches of at most a stated number of rows; the last one may be shorter, and none is empty.
pub struct CsvBatches<R: Read = BufReader<File>> {
    reader: csv::Reader<R>,
    path: PathBuf,
    schema: SchemaRef,
    batch_rows: usize,
    record: ByteRecord,
}

impl CsvBatches {
    /// Opens a file whose first line names the columns.
    ///
    /// # Errors
    /// A file that cannot be opened, or whose names are not those of `schema`.
    pub fn open(path: &Path, schema: SchemaRef, batch_rows: usize) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Self::new(BufReader::with_capacity(1 << 18, file), path, schema, batch_rows)
    }
}

impl<R: Read> CsvBatches<R> {
    /// Reads from any source; `path` is its name in errors.
    ///
    /// # Errors
    /// Names in the first line that are not those of `schema`.
    pub fn new(source: R, path: &Path, schema: SchemaRef, batch_rows: usize) -> Result<Self, Error> {
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(source);
        let names = reader.byte_headers().map_err(|source| Error::Csv { path: path.into(), source })?;
        for (number, field) in schema.fields().iter().enumerate() {
            let found = names.get(number).unwrap_or_default();
            if found != field.name().as_bytes() {
                let (column, expected) = (format!("{}", number + 1), format!("the name `{}`", field.name()));
                return Err(Error::Row { path: path.into(), line: 1, column, expected, found: shown(found) });
            }
        }
        Ok(Self {
            reader,
            path: path.into(),
            schema,
            batch_rows: batch_rows.max(1),
            record: ByteRecord::new(),
        })
    }

    /// Bytes of the file that have been read as rows so far.
    pub fn bytes_read(&self) -> u64 {
        self.reader.position().byte()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let fields = self.schema.fields();
        let mut columns: Vec<Builder> =
            fields.iter().map(|field| Builder::new(field, self.batch_rows)).collect::<Result<_, _>>()?;
        let mut rows = 0;
        while rows < self.batch_rows {
            let read = self.reader.read_byte_record(&mut self.record);
            if !read.map_err(|source| Error::Csv { path: self.path.clone(), source })? {
                break;
            }
            for ((column, field), value) in columns.iter_mut().zip(fields).zip(&self.record) {
                if !column.push(value, field.is_nullable()) {
                    let line = self.record.position().map_or(0, csv::Position::line);
                    let (column, expected) = (field.name().clone(), expectation(field));
                    return Err(Error::Row {
                        path: self.path.clone(),
                        line,
                        column,
                        expected,
                        found: shown(value),
                    });
                }
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = columns.into_iter().map(Builder::finish).collect();
        Ok(Some(RecordBatch::try_new(Arc::clone(&self.schema), arrays)?))
    }
}

impl<R: Read> Iterator for CsvBatches<R> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(&value[..value.len().min(SHOWN)]).into_owned()
}

fn expectation(field: &Field) -> String {
    let what = match field.data_type() {
        DataType::Int32 => "a whole number of 32 bits",
        DataType::Int64 => "a whole number of 64 bits",
        DataType::Timestamp(..) => "a time as YYYY-MM-DD HH:MM:SS",
        _ => "text in UTF-8",
    };
    if field.is_nullable() { format!("{what} or nothing") } else { what.into() }
}

/// A column that is being filled.
enum Builder {
    Int32(Int32Builder),
    Int64(Int64Builder),
    Text(StringBuilder),
    Instant(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(field: &Field, rows: usize) -> Result<Self, Error> {
        Ok(match field.data_type() {
            DataType::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            DataType::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(rows, rows * 16)),
            data_type @ DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Instant(
                TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(data_type.clone()),
            ),
            other => {
                return Err(Error::Unsupported { column: field.name().clone(), data_type: other.clone() });
            }
        })
    }

    /// Appends a value; `false` where it does not fit.
    fn push(&mut self, value: &[u8], nullable: bool) -> bool {
        if value.is_empty() && nullable {
            match self {
                Self::Int32(builder) => builder.append_null(),
                Self::Int64(builder) => builder.append_null(),
                Self::Text(builder) => builder.append_null(),
                Self::Instant(builder) => builder.append_null(),
            }
            return true;
        }
        let text = str::from_utf8(value).ok();
        match self {
            Self::Int32(builder) => {
                text.and_then(|text| text.parse().ok()).map(|value| builder.append_value(value))
            }
            Self::Int64(builder) => {
                text.and_then(|text| text.parse().ok()).map(|value| builder.append_value(value))
            }
            Self::Text(builder) => text.map(|text| builder.append_value(text)),
            Self::Instant(builder) => instant(value).map(|value| builder.append_value(value)),
        }
        .is_some()
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Int32(mut builder) => Arc::new(builder.finish()),
            Self::Int64(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Instant(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// Microseconds since 1970 of `YYYY-MM-DD HH:MM:SS`.
fn instant(text: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b' ' | b'T', h1, h2, b':', n1, n2, b':', s1, s2] = text
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    };
    let days = calendar::days(number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?)?;
    let (hours, minutes, seconds) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    let in_range = hours < 24 && minutes < 60 && seconds < 60;
    in_range.then(|| (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000)
}

/// A schema from names, types and whether a value may be missing.
pub fn schema<'a>(columns: impl IntoIterator<Item = (&'a str, DataType, bool)>) -> SchemaRef {
    let fields = columns.into_iter().map(|(name, data_type, nullable)| Field::new(name, data_type, nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> SchemaRef {
        schema([
            ("id", DataType::Int64, false),
            ("born", DataType::Timestamp(TimeUnit::Microsecond, None), true),
            ("note", DataType::Utf8, true),
        ])
    }

    fn read(text: &str, rows: usize) -> Result<Vec<RecordBatch>, String> {
        let batches = CsvBatches::new(text.as_bytes(), Path::new("people.csv"), people(), rows)
            .map_err(|error| error.to_string())?;
        batches.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    #[test]
    fn rows_become_typed_batches_of_the_stated_size() {
        let text = "id,born,note\n1,1970-01-01 00:00:01,\"a\nb\"\n2,,\n3,2024-02-29T23:59:59,\"x\"\"y\"\n";
        let batches = read(text, 2).unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
        let mut out = Vec::new();
        for batch in &batches {
            crate::csv_text::write_batch(batch, crate::csv_text::Dialect::default(), &mut out).unwrap();
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "1,1970-01-01 00:00:01,\"a\nb\"\n2,,\n3,2024-02-29 23:59:59,\"x\"\"y\"\n"
        );
    }

    #[test]
    fn a_bad_value_is_an_error_with_its_line_and_column() {
        let text = "id,born,note\n1,,\"two\nlines\"\nx2,,\n";
        assert_eq!(
            read(text, 8).unwrap_err(),
            "people.csv:4, column `id`: expected a whole number of 64 bits, found \"x2\""
        );
        let late = "id,born,note\n1,2024-02-30 00:00:00,\n";
        assert!(read(late, 8).unwrap_err().contains("people.csv:2, column `born`: expected a time"));
    }

    #[test]
    fn another_header_is_an_error_that_names_the_column() {
        assert!(
            read("id,name,note\n", 8)
                .unwrap_err()
                .contains("column `2`: expected the name `born`, found \"name\"")
        );
    }

    #[test]
    fn a_ragged_row_is_an_error_with_its_line() {
        assert!(read("id,born,note\n1,,\n2,\n", 8).unwrap_err().contains("line: 3"));
    }
}
