//! The first stage: CSV files to batches of typed rows.

use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use lab::{Problem, span};
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

/// The orders of several CSV files, in order, in batches that never span two files.
pub struct Ingest {
    files: std::vec::IntoIter<PathBuf>,
    schema: SchemaRef,
    reading: Option<CsvBatches>,
}

impl Ingest {
    /// Will read `files`, each with a header line.
    pub fn new(files: &[PathBuf]) -> Self {
        Self { files: files.iter().cloned().collect::<Vec<_>>().into_iter(), schema: orders(), reading: None }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, tabular::Error> {
        loop {
            let mut reading = match (self.reading.take(), self.files.as_slice()) {
                (Some(reading), _) => reading,
                (None, []) => return Ok(None),
                (None, [file, ..]) => {
                    let opened = CsvBatches::open(file, self.schema.clone(), BATCH_ROWS)?;
                    self.files.next();
                    opened
                }
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
        let batch = self.next_batch().map_err(|error| {
            Problem::because("cannot ingest the orders", &error)
                .hint("`cargo run -p datagen -- orders` shows the columns that are expected")
        });
        batch.transpose()
    }
}
