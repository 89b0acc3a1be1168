//! The first stage: CSV files to batches of typed rows.

use std::collections::VecDeque;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use lab::{Cause, Failure, Problem, span};
use tabular::csv_batches::{CsvBatches, schema};

/// Rows of a batch: enough that passing it on costs nothing beside working on it, and few enough for a core's cache.
const BATCH_ROWS: usize = 8_192;

/// The columns of the lab's orders.
fn orders() -> SchemaRef {
    schema([
        ("order_id", DataType::Int64, false),
        ("customer_id", DataType::Int64, false),
        ("product_id", DataType::Int64, false),
        ("category", DataType::Utf8, false),
        ("uf", DataType::Utf8, false),
        ("quantity", DataType::Int32, false),
        ("unit_price_cents", DataType::Int64, false),
        ("discount_bp", DataType::Int32, false),
        ("status", DataType::Utf8, false),
        ("ordered_at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        ("note", DataType::Utf8, true),
    ])
}

/// The files that begin as tables of orders do. The others become failures: each costs itself only.
///
/// # Errors
/// The first problem, where no file is left.
pub(super) fn readable(files: Vec<PathBuf>, failures: &mut Vec<Failure>) -> Result<Vec<PathBuf>, Problem> {
    let mut kept = Vec::new();
    let mut first = None;
    for file in files {
        match CsvBatches::open(&file, orders(), 1) {
            Ok(_) => kept.push(file),
            Err(error) => {
                let problem = not_ingested(&error);
                first.get_or_insert_with(|| problem.clone());
                failures.push(Failure { task: file.display().to_string(), cause: Cause::Problem(problem) });
            }
        }
    }
    match first {
        Some(problem) if kept.is_empty() => Err(problem),
        _ => Ok(kept),
    }
}

fn not_ingested(error: &tabular::Error) -> Problem {
    Problem::because("cannot ingest the orders", error)
        .hint("`cargo run -p datagen -- orders` shows the columns that are expected")
}

/// The orders of several CSV files, in order, in batches that never span two files.
pub struct Ingest {
    files: VecDeque<PathBuf>,
    schema: SchemaRef,
    reading: Option<CsvBatches>,
}

impl Ingest {
    /// Will read `files`, each with a header line.
    pub fn new(files: &[PathBuf]) -> Self {
        Self { files: files.iter().cloned().collect(), schema: orders(), reading: None }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, tabular::Error> {
        loop {
            let mut reading = match self.reading.take() {
                Some(reading) => reading,
                None => match self.files.pop_front() {
                    Some(file) => CsvBatches::open(&file, self.schema.clone(), BATCH_ROWS)?,
                    None => return Ok(None),
                },
            };
            if let Some(batch) = reading.next() {
                self.reading = Some(reading);
                return batch.map(Some);
            }
        }
    }
}

impl Iterator for Ingest {
    type Item = Result<RecordBatch, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let _span = span!(Running, "ingest", "").entered();
        self.next_batch().map_err(|error| not_ingested(&error)).transpose()
    }
}
