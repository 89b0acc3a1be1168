//! How the orders of one file are written, and where they can be cut.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::columns::{Column, ColumnType};
use tabular::dialect::sniff::{self, HEAD, Known, Sniffed};
use tabular::dialect::{Dialect, Encoding};
use tabular::parquet_batches::{ParquetFile, Piece};
use tabular::scan::plan::{Segment, Span};
use tabular::table::Table;
use tabular::values::time::Order;

use super::lake::{Form, Source};

/// The columns of an order, their types in CSV, and whether a file may be without them.
pub(super) const WANTED: [(&str, ColumnType, bool); 11] = [
    ("order_id", ColumnType::Int64, false),
    ("customer_id", ColumnType::Int64, false),
    ("product_id", ColumnType::Int64, false),
    ("category", ColumnType::Text, false),
    ("quantity", ColumnType::Int64, false),
    ("unit_price_cents", ColumnType::Int64, false),
    ("discount_bp", ColumnType::Int64, false),
    ("status", ColumnType::Text, false),
    ("ordered_at", ColumnType::Timestamp(Order::Ymd), false),
    ("note", ColumnType::Text, true),
    ("uf", ColumnType::Text, true),
];

/// Bytes of a file in which its header is looked for first.
const SHORT_HEAD: usize = 4 << 10;

/// How a file is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Shape {
    /// As CSV.
    Csv(CsvShape),
    /// As Parquet.
    Parquet(ParquetShape),
}

/// What a reader of a CSV file must know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CsvShape {
    pub(super) dialect: Dialect,
    /// How many fields a row has.
    pub(super) width: usize,
    /// The numbers of the wanted columns that are there, and where each of them stands in a row.
    columns: Vec<(usize, usize)>,
    /// Where the rows are, and the line on which they begin.
    pub(super) data: Span,
    pub(super) line: u64,
}

/// What a reader of a Parquet file must know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ParquetShape {
    columns: Vec<usize>,
    pub(super) parts: Vec<Part>,
}

/// Rows of a Parquet file that are read together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) pieces: Vec<Piece>,
    /// How many rows of the file stand before them.
    pub(super) first_row: u64,
    /// Bytes before compression.
    pub(super) bytes: u64,
}

/// Some rows of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Cut {
    /// Of a CSV file.
    Csv(Segment),
    /// Of a Parquet file.
    Parquet(Part),
}

impl Cut {
    /// How much work it is, in bytes.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Csv(segment) => segment.span.len(),
            Self::Parquet(part) => part.bytes,
        }
    }
}

impl Shape {
    /// Looks at the beginning of a CSV file or at the end of a Parquet file, whose parts are of about `piece` bytes.
    ///
    /// # Errors
    /// A file that cannot be read, or without a column that an order must have.
    pub(super) fn of(source: &Source, piece: u64) -> Result<Self, Problem> {
        match source.form {
            Form::Csv => CsvShape::of(source).map(Self::Csv),
            Form::Parquet => ParquetShape::of(source, piece).map(Self::Parquet),
        }
    }
}

impl Source {
    pub(super) fn open(&self) -> Result<File, Problem> {
        File::open(&self.path).or_problem(|| self.cannot())
    }

    pub(super) fn cannot(&self) -> String {
        format!("cannot read {}", self.path.display())
    }
}

/// Reads a part of a file.
pub(super) fn read_span(file: &File, span: Span, into: &mut Vec<u8>) -> io::Result<()> {
    into.resize(usize::try_from(span.len()).unwrap_or(usize::MAX), 0);
    file.read_exact_at(into, span.start)
}

impl CsvShape {
    fn of(source: &Source) -> Result<Self, Problem> {
        let mut head = Vec::new();
        let read = source.open().and_then(|file| {
            let limit = u64::try_from(HEAD).unwrap_or(u64::MAX);
            file.take(limit).read_to_end(&mut head).or_problem(|| source.cannot())
        });
        let whole = u64::try_from(read?).is_ok_and(|read| read == source.bytes);
        // Most files are written in the usual way. Only where one is not, its dialect is looked for.
        let short = head.len().min(SHORT_HEAD);
        let usual = Known {
            delimiter: Some(b','),
            quote: Some(Some(b'"')),
            encoding: Some(Encoding::Utf8),
            header: Some(true),
        };
        let found = sniff::sniff(&head[..short], whole && short == head.len(), usual);
        if let Some(shape) = found.as_ref().and_then(|found| Self::with(found, source).ok()) {
            return Ok(shape);
        }
        let found = sniff::sniff(&head, whole, Known { header: Some(true), ..Known::default() });
        let found = found.ok_or_else(|| {
            Problem::new("there is no header")
                .at(source.path.display())
                .expected("a first line with the names of the columns")
        })?;
        if !found.dialect.encoding.is_ascii_compatible() {
            return Err(Problem::new(format!("it is written in {}", found.dialect.encoding))
                .at(source.path.display())
                .expected("UTF-8, latin-1 or Windows-1252")
                .hint("`io-concurrency ingest` reads it and writes Parquet"));
        }
        Self::with(&found, source)
    }

    fn with(found: &Sniffed, source: &Source) -> Result<Self, Problem> {
        let columns = wanted(source, |name| found.names.iter().position(|known| known == name))?;
        let data = Span { start: found.data_start, end: source.bytes.max(found.data_start) };
        Ok(Self { dialect: found.dialect, width: found.names.len(), columns, data, line: found.line })
    }

    /// The columns that are there, as a table that rejects what does not fit.
    pub(super) fn table(&self) -> Table {
        let column = |(number, _): &(usize, usize)| {
            let (name, column_type, nullable) = WANTED[*number];
            Column { name: name.into(), column_type, nullable }
        };
        let columns = self.columns.iter().map(column).collect();
        Table::new(columns).at(self.columns.iter().map(|(_, place)| *place).collect())
    }

    /// The name of the column at this place of a row.
    pub(super) fn name_at(&self, place: usize) -> &'static str {
        self.columns.iter().find(|(_, at)| *at == place).map_or("", |(number, _)| WANTED[*number].0)
    }

    /// The place in a row of the column of this name.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().find(|(number, _)| WANTED[*number].0 == name).map(|(_, place)| *place)
    }
}

impl ParquetShape {
    fn of(source: &Source, piece: u64) -> Result<Self, Problem> {
        let cannot = || source.cannot();
        let file = ParquetFile::open(&source.path).or_problem(cannot)?;
        let columns = wanted(source, |name| file.schema().index_of(name).ok())?;
        let columns: Vec<usize> = columns.into_iter().map(|(number, _)| number).collect();
        let shape = Self { columns, parts: Vec::new() };
        let file = shape.open(source)?;
        shape.check_types(&file, source)?;
        let (rows, bytes) = (file.rows().max(1), file.bytes());
        let mut first_row = 0;
        let parts = file.parts(piece).into_iter().map(|pieces| {
            let count: u64 = pieces.iter().map(|piece| piece.rows as u64).sum();
            let weight = u128::from(bytes) * u128::from(count) / u128::from(rows);
            let part = Part { pieces, first_row, bytes: u64::try_from(weight).unwrap_or(u64::MAX).max(1) };
            first_row += count;
            part
        });
        let parts = parts.collect();
        Ok(Self { parts, ..shape })
    }

    /// The file, of which only orders' columns are wanted.
    pub(super) fn open(&self, source: &Source) -> Result<ParquetFile, Problem> {
        let names = self.columns.iter().map(|number| WANTED[*number].0);
        ParquetFile::open(&source.path)
            .and_then(|file| file.with_columns(names))
            .or_problem(|| source.cannot())
    }

    fn check_types(&self, file: &ParquetFile, source: &Source) -> Result<(), Problem> {
        let empty = RecordBatch::new_empty(file.schema().clone());
        for (number, column) in self.columns.iter().zip(empty.columns()) {
            let (name, column_type, _) = WANTED[*number];
            let (fits, expected) = match column_type {
                ColumnType::Int64 => (super::cast::integers(column).is_some(), "whole numbers"),
                ColumnType::Text => (super::cast::texts(column).is_some(), "text"),
                _ => (super::cast::instants(column).is_some(), "moments"),
            };
            if !fits {
                let found: &DataType = column.data_type();
                return Err(Problem::new(format!("column `{name}` has the type {found}"))
                    .at(source.path.display())
                    .expected(expected));
            }
        }
        Ok(())
    }
}

/// The numbers of the wanted columns that a file has, and where they are.
fn wanted(source: &Source, place: impl Fn(&str) -> Option<usize>) -> Result<Vec<(usize, usize)>, Problem> {
    let mut found = Vec::new();
    for (number, (name, _, optional)) in WANTED.iter().enumerate() {
        match place(name) {
            Some(place) => found.push((number, place)),
            None if *optional => {}
            None => {
                let needed = WANTED.iter().filter(|(_, _, optional)| !optional).map(|(name, ..)| *name);
                return Err(Problem::new(format!("there is no column `{name}`"))
                    .at(source.path.display())
                    .expected(format!("the columns {}", needed.collect::<Vec<_>>().join(", "))));
            }
        }
    }
    Ok(found)
}
