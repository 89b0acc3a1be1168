//! What every table of rows offers to the writers.

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::page::Page;

/// A table whose rows can be made in any order and any number of times.
///
/// Calls take whole ranges, so that the price of dynamic dispatch is paid once for thousands of rows.
pub trait Table: Send + Sync {
    /// The table's name, which is also its folder's.
    fn name(&self) -> &'static str;

    /// The column names as a CSV header, with its line end.
    fn csv_header(&self) -> &'static str;

    /// Writes `rows`, counted from 0, as RFC 4180 records that end in `\n`.
    fn csv(&self, rows: Range<u64>, page: &mut Page);

    /// The columns' types, as Parquet and Arrow files state them.
    fn schema(&self) -> SchemaRef;

    /// `rows`, counted from 0, as one batch of [`Table::schema`].
    fn batch(&self, rows: Range<u64>) -> RecordBatch;
}
