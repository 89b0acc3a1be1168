//! The third stage: batches to one Parquet file.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use lab::{OrProblem, Problem, span};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::Stored;
use super::transform::transformed;

/// Rows of a row group: it is held in memory until it is full.
const GROUP_ROWS: usize = 65_536;
/// Columns whose values hardly ever come back: to look each of them up in a dictionary takes longer than to write it.
const WITHOUT_DICTIONARY: [&str; 5] = ["order_id", "customer_id", "gross_cents", "net_cents", "note"];

/// A Parquet file that is being written.
pub struct Store {
    path: PathBuf,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl Store {
    /// Creates the file.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn create(path: &Path) -> Result<Self, Problem> {
        let settings = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS));
        let properties = WITHOUT_DICTIONARY
            .into_iter()
            .fold(settings, |settings, name| settings.set_column_dictionary_enabled(name.into(), false))
            .build();
        let cannot = || format!("cannot write {}", path.display());
        let file = File::create(path).or_problem(cannot)?;
        let writer = ArrowWriter::try_new(file, transformed(), Some(properties)).or_problem(cannot)?;
        Ok(Self { path: path.into(), writer, rows: 0 })
    }

    /// Appends a batch of transformed orders.
    ///
    /// # Errors
    /// A disk that is full, or a batch of other columns.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        let _span = span!(Running, "store", "").entered();
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).or_problem(|| format!("cannot write {}", self.path.display()))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn finish(self) -> Result<Stored, Problem> {
        let _span = span!(Running, "store", "footer").entered();
        let cannot = || format!("cannot write {}", self.path.display());
        self.writer.close().or_problem(cannot)?;
        let bytes = self.path.metadata().or_problem(cannot)?.len();
        Ok(Stored { rows: self.rows, bytes })
    }
}
