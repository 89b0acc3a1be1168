//! What every table of rows offers to the writers, and how a table gets it by saying only what its cells are.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef, TimeUnit};

use crate::cells::{Cells, Columns, Csv, Fields, Json};
use crate::page::Page;

/// A column: its name, its type, and whether it may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// Whether a value may be missing.
    pub nullable: bool,
}

/// A column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 32-bit integers.
    Int32,
    /// 64-bit integers.
    Int64,
    /// Money in cents, as 64-bit integers.
    Cents,
    /// Numbers with one decimal place; 64-bit floats in Parquet and Arrow.
    Tenths,
    /// UTF-8.
    Text,
    /// Microseconds since the epoch, UTC.
    Time,
}

impl Column {
    /// A column without empty values.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, nullable: false }
    }

    /// The same column with empty values.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    fn arrow(&self) -> arrow_schema::Field {
        let kind = match self.kind {
            Kind::Int32 => DataType::Int32,
            Kind::Int64 | Kind::Cents => DataType::Int64,
            Kind::Tenths => DataType::Float64,
            Kind::Text => DataType::Utf8,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        arrow_schema::Field::new(self.name, kind, self.nullable)
    }
}

/// A cell as CSV has it, but without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its text; empty for no value.
    pub text: Vec<u8>,
    /// Its column's type.
    pub kind: Kind,
}

/// A table whose rows can be made in any order and any number of times.
///
/// Calls take whole ranges, so that the price of dynamic dispatch is paid once for thousands of rows.
pub trait Table: Send + Sync {
    /// The columns in order.
    fn columns(&self) -> &'static [Column];

    /// Writes `rows`, counted from 0, as RFC 4180 records that end in `\n`.
    fn csv(&self, rows: Range<u64>, page: &mut Page);

    /// Writes `rows`, counted from 0, as one JSON object a line.
    fn ndjson(&self, rows: Range<u64>, page: &mut Page);

    /// `rows`, counted from 0, as one batch of [`Table::schema`].
    fn batch(&self, rows: Range<u64>) -> RecordBatch;

    /// The cells of one row as CSV has them, but without quotes. Slow; for rows that are to be changed.
    fn fields(&self, row: u64) -> Vec<Field>;

    /// Writes `rows`, counted from 0, as one JSON array.
    fn json_array(&self, rows: Range<u64>, page: &mut Page) {
        page.text(b"[");
        let start = page.len();
        self.ndjson(rows, page);
        page.join_lines(start);
        page.text(b"]");
    }

    /// The column names as a CSV header, with its line end.
    fn csv_header(&self) -> String {
        let names: Vec<&str> = self.columns().iter().map(|column| column.name).collect();
        names.join(",") + "\n"
    }

    /// The columns' types, as Parquet and Arrow files state them.
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns().iter().map(Column::arrow).collect::<Vec<_>>()))
    }
}

/// A table that says what its cells are and leaves the writing to [`Cells`].
pub trait Rows: Send + Sync {
    /// The columns in order.
    const COLUMNS: &'static [Column];

    /// Gives the cells of `rows`, counted from 0: one call a column, in order, then [`Cells::end`].
    fn rows(&self, rows: Range<u64>, cells: &mut impl Cells);
}

/// The table of any [`Rows`].
#[derive(Debug, Clone)]
pub struct ByRows<T>(pub T);

impl<T: Rows> Table for ByRows<T> {
    fn columns(&self) -> &'static [Column] {
        T::COLUMNS
    }

    fn csv(&self, rows: Range<u64>, page: &mut Page) {
        self.0.rows(rows, &mut Csv::new(page));
    }

    fn ndjson(&self, rows: Range<u64>, page: &mut Page) {
        self.0.rows(rows, &mut Json::new(T::COLUMNS, page));
    }

    fn batch(&self, rows: Range<u64>) -> RecordBatch {
        let mut columns = Columns::new(T::COLUMNS);
        self.0.rows(rows, &mut columns);
        columns.finish(self.schema())
    }

    fn fields(&self, row: u64) -> Vec<Field> {
        field_of(T::COLUMNS, |fields| self.0.rows(row..row + 1, fields))
    }
}

/// The fields that `write` gives.
pub(crate) fn field_of(columns: &'static [Column], write: impl FnOnce(&mut Fields)) -> Vec<Field> {
    let mut fields = Fields::new(columns);
    write(&mut fields);
    fields.finish()
}
