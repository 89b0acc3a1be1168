//! A CSV file to record batches of a given schema, one after another.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::Error;
use crate::columns::{Column, ColumnType};
use crate::dialect::{Dialect, sniff};
use crate::rows::{Reject, Rows};
use crate::table::Table;
use crate::unpack::{self, Compression};

/// A CSV file as batches of at most a stated number of rows; none is empty. A row that does not fit is an error.
pub struct CsvBatches<R: Read = BufReader<File>> {
    rows: Rows<Chain<Cursor<Vec<u8>>, R>>,
    path: PathBuf,
    table: Table,
    batch_rows: usize,
    /// What is left of the last block.
    waiting: Option<RecordBatch>,
    header_bytes: u64,
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

impl CsvBatches<Box<dyn Read + Send>> {
    /// Reads any table in the dialect that its beginning shows, packed or not, with every column as text. Returns the dialect too.
    ///
    /// # Errors
    /// A file that cannot be read, that has no row, or whose characters are not made of bytes that ASCII knows.
    pub fn sniffed(path: &Path, batch_rows: usize) -> Result<(Self, Dialect), Error> {
        let fault = |source| Error::Io { path: path.into(), source };
        let compression = Compression::of(path).map_err(fault)?;
        let (head, whole) = unpack::head(path, compression, sniff::HEAD).map_err(fault)?;
        let known = sniff::Known { header: Some(true), ..sniff::Known::default() };
        let found = sniff::sniff(&head, whole, known);
        let found = found.ok_or_else(|| fault(io::Error::other("there is no row in the file")))?;
        if !found.dialect.encoding.is_ascii_compatible() {
            let text = format!("the file is {}: `ingest` reads it", found.dialect.encoding);
            return Err(fault(io::Error::other(text)));
        }

        let mut text = unpack::open(path, compression).map_err(fault)?;
        io::copy(&mut text.by_ref().take(found.data_start), &mut io::sink()).map_err(fault)?;
        let columns = found.names.iter().map(|name| Column::new(name, ColumnType::Text));
        let columns: Vec<Column> = columns.collect();
        let nothing = Cursor::new(Vec::new());
        let rows = Rows::new(nothing.chain(text), found.dialect, columns.len(), found.line, found.data_start);
        let batches = Self {
            rows,
            path: path.into(),
            table: Table::new(columns),
            batch_rows: batch_rows.max(1),
            waiting: None,
            header_bytes: found.data_start,
        };
        Ok((batches, found.dialect))
    }
}

impl<R: BufRead> CsvBatches<R> {
    /// Reads from any source in the dialect of RFC 4180; `path` is its name in errors.
    ///
    /// # Errors
    /// Names in the first line that are not those of `schema`, and types that are not read from CSV.
    #[allow(clippy::needless_pass_by_value, reason = "a schema is shared, and callers hand theirs over")]
    pub fn new(mut source: R, path: &Path, schema: SchemaRef, batch_rows: usize) -> Result<Self, Error> {
        let (head, names, header_bytes) = head(&mut source, path)?;
        for (number, field) in schema.fields().iter().enumerate() {
            let found = names.get(number).map_or("", String::as_str);
            if found != field.name() {
                let (column, expected) = (format!("{}", number + 1), format!("the name `{}`", field.name()));
                return Err(Error::Row { path: path.into(), line: 1, column, expected, found: found.into() });
            }
        }
        Self::after(head, header_bytes, source, path, &schema, batch_rows)
    }

    /// Reads any table with every column as text, as the first line names them.
    ///
    /// # Errors
    /// The source's.
    pub fn of_text(mut source: R, path: &Path, batch_rows: usize) -> Result<Self, Error> {
        let (head, names, header_bytes) = head(&mut source, path)?;
        let columns = schema(names.iter().map(|name| (name.as_str(), DataType::Utf8, true)));
        Self::after(head, header_bytes, source, path, &columns, batch_rows)
    }

    /// Reads what comes after the header, which is the first so many bytes of `head`.
    fn after(
        mut head: Vec<u8>,
        header_bytes: usize,
        source: R,
        path: &Path,
        schema: &Schema,
        batch_rows: usize,
    ) -> Result<Self, Error> {
        let dialect = Dialect::default();
        let column = |field: &Arc<Field>| {
            let column_type = ColumnType::of(field)?;
            Ok(Column { name: field.name().clone(), column_type, nullable: field.is_nullable() })
        };
        let columns: Vec<Column> = schema.fields().iter().map(column).collect::<Result<_, Error>>()?;
        let lines = memchr::memchr_iter(b'\n', &head[..header_bytes]).count() as u64;
        let rest = Cursor::new(head.split_off(header_bytes));
        let rows = Rows::new(rest.chain(source), dialect, columns.len(), 1 + lines, header_bytes as u64);
        let table = Table::new(columns);
        let batch_rows = batch_rows.max(1);
        Ok(Self {
            rows,
            path: path.into(),
            table,
            batch_rows,
            waiting: None,
            header_bytes: header_bytes as u64,
        })
    }
}

impl<R: Read> CsvBatches<R> {
    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.table.schema()
    }

    /// Bytes of the file that have been read as rows so far.
    pub fn bytes_read(&self) -> u64 {
        self.header_bytes + self.rows.bytes_used()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        let batch = if let Some(batch) = self.waiting.take() {
            batch
        } else {
            let fault = |source| Error::Io { path: self.path.clone(), source };
            let Some(block) = self.rows.next_block().map_err(fault)? else { return Ok(None) };
            let batch = self.table.batch(block)?;
            if let Some(reject) = block.rejects().into_iter().next() {
                return Err(self.refused(reject));
            }
            let Ok(batch) = batch else { unreachable!("a column of a fixed type rejects the row") };
            batch
        };
        if batch.num_rows() <= self.batch_rows {
            return Ok(Some(batch));
        }
        self.waiting = Some(batch.slice(self.batch_rows, batch.num_rows() - self.batch_rows));
        Ok(Some(batch.slice(0, self.batch_rows)))
    }

    fn refused(&self, reject: Reject) -> Error {
        let path = self.path.clone();
        let Reject { line, column, reason, .. } = reject;
        let column = column.map(|number| self.table.columns()[number].name.clone());
        Error::Rejected { path, line, column, reason }
    }
}

impl<R: Read> Iterator for CsvBatches<R> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

/// The beginning of a source, the names in it, and how many bytes they take.
fn head(source: &mut impl BufRead, path: &Path) -> Result<(Vec<u8>, Vec<String>, usize), Error> {
    let mut head = Vec::new();
    // A name may hold a line break, so lines are added until a row is whole.
    loop {
        let read = source.read_until(b'\n', &mut head);
        let read = read.map_err(|source| Error::Io { path: path.into(), source })?;
        let found = sniff::header(&head, Dialect::default(), read == 0);
        if found.is_some() || read == 0 {
            let (names, bytes) = found.unwrap_or_default();
            return Ok((head, names, bytes));
        }
    }
}

/// A schema from names, types and whether a value may be missing.
pub fn schema<'a>(columns: impl IntoIterator<Item = (&'a str, DataType, bool)>) -> SchemaRef {
    let fields = columns.into_iter().map(|(name, data_type, nullable)| Field::new(name, data_type, nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

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
    fn any_table_is_read_as_text_under_the_names_of_its_first_line() {
        let text = "id,\"a,b\"\n01,\n,\"\"\n";
        let mut batches = CsvBatches::of_text(text.as_bytes(), Path::new("any.csv"), 8).unwrap();
        let names: Vec<_> = batches.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut out = Vec::new();
        let batch = batches.next().unwrap().unwrap();
        crate::csv_text::write_batch(&batch, crate::csv_text::Dialect::default(), &mut out).unwrap();
        assert_eq!((names, out), (vec!["id".into(), "a,b".into()], b"01,\n,\"\"\n".to_vec()));
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
        assert_eq!(
            read("id,born,note\n1,,\n2,\n", 8).unwrap_err(),
            "people.csv:3: there are 2 fields where the table has 3 columns"
        );
    }
}
