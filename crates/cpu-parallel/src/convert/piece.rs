//! Converting a file, or a piece of one; knows nothing of strategies.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use lab::{OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::csv_text::{write_batch, write_header};
use tabular::parquet_batches::{ParquetFile, Piece};

use super::rules::{Packing, Rules, read_problem};

/// Rows that are decoded at a time: their columns stay in the cache of a core.
const BATCH_ROWS: usize = 4_096;
/// Text that is gathered before it is written, in bytes.
const WRITE_BYTES: usize = 1 << 18;
/// Bytes of a part before compression. Its text is some two or three times as long, and as many are in memory as there
/// are workers, twice.
pub(super) const PART_BYTES: u64 = 4 << 20;

/// What became of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// Rows written.
    pub rows: u64,
    /// Bytes of the Parquet file.
    pub bytes_in: u64,
    /// Bytes of the CSV file.
    pub bytes_out: u64,
}

/// An open file with the columns that the rules want of it.
pub(super) struct Source {
    pub(super) file: ParquetFile,
    filter: Option<tabular::filter::Bound>,
    written: usize,
    pub(super) bytes: u64,
}

impl Source {
    pub(super) fn open(from: &Path, rules: &Rules) -> Result<Self, Problem> {
        let (file, written) = rules.open(from)?;
        let bound = rules.filter.as_ref().map(|filter| filter.bind(file.schema())).transpose();
        let filter = bound.map_err(|error| {
            Problem::because(format!("the filter does not fit {}", from.display()), &error)
        })?;
        let bytes = from.metadata().or_problem(|| format!("cannot read {}", from.display()))?.len();
        Ok(Self { file, filter, written, bytes })
    }

    /// The columns that are written.
    pub(super) fn schema(&self) -> Result<Schema, Problem> {
        let columns: Vec<usize> = (0..self.written).collect();
        self.file.schema().project(&columns).or_problem(|| "cannot choose the columns".to_owned())
    }

    /// Appends the text of some pieces, as a packed member of its own, and returns how many rows it has.
    pub(super) fn write<W: Write>(
        &self,
        pieces: &[Piece],
        rules: &Rules,
        stop: &Stop,
        out: W,
    ) -> Result<u64, Problem> {
        let cannot_write = || "cannot write the text".to_owned();
        let mut out = rules.packing.pack(out).or_problem(cannot_write)?;
        let mut text = Vec::with_capacity(WRITE_BYTES + WRITE_BYTES / 4);
        let mut rows = 0;
        for piece in pieces {
            for batch in self.file.read(*piece, BATCH_ROWS).map_err(|error| read_problem(&error))? {
                stop.check()?;
                let batch = self.chosen(batch.map_err(|error| read_problem(&error))?)?;
                rows += batch.num_rows() as u64;
                write_batch(&batch, rules.dialect, &mut text)
                    .map_err(|error| Problem::because("cannot convert the file", &error))?;
                if text.len() >= WRITE_BYTES {
                    out.write(&text).or_problem(cannot_write)?;
                    text.clear();
                }
            }
        }
        out.write(&text).or_problem(cannot_write)?;
        out.finish().or_problem(cannot_write)?;
        Ok(rows)
    }

    /// The rows and columns of a batch that are written.
    fn chosen(&self, mut batch: RecordBatch) -> Result<RecordBatch, Problem> {
        if let Some(filter) = &self.filter {
            batch =
                filter.apply(&batch).map_err(|error| Problem::because("cannot choose the rows", &error))?;
        }
        if self.written < batch.num_columns() {
            let columns: Vec<usize> = (0..self.written).collect();
            batch = batch.project(&columns).or_problem(|| "cannot choose the columns".to_owned())?;
        }
        Ok(batch)
    }
}

/// Writes the line with the columns' names, as a packed member of its own, where the dialect has one.
pub(super) fn write_head<W: Write>(schema: &Schema, rules: &Rules, out: W) -> Result<(), Problem> {
    if !rules.dialect.header {
        return Ok(());
    }
    let mut text = Vec::new();
    write_header(schema, rules.dialect, &mut text);
    let pack = || {
        let mut out = rules.packing.pack(out)?;
        out.write(&text)?;
        out.finish().map(drop)
    };
    pack().or_problem(|| "cannot write the text".to_owned())
}

/// Converts the Parquet file `from` to the CSV file `to`, by way of `staged` on the same file system. Holds one batch of
/// 4 096 rows and its text in memory, however large the file is.
///
/// # Errors
/// A file that cannot be read as Parquet, with its row group, column and page; a disk that is full; a stop. Then `to` is as
/// it was before.
pub(super) fn convert_file(
    from: &Path,
    staged: &Path,
    to: &Path,
    rules: &Rules,
    stop: &Stop,
) -> Result<Converted, Problem> {
    let source = Source::open(from, rules)?;
    let mut file = File::create(staged).or_problem(|| format!("cannot write {}", to.display()))?;
    write_head(&source.schema()?, rules, &mut file)?;
    // Members that are packed apart are the same bytes, whoever packs them.
    let bytes = if rules.packing == Packing::None { u64::MAX } else { PART_BYTES };
    let mut rows = 0;
    for part in source.file.parts(bytes) {
        rows += source.write(&part, rules, stop, &mut file)?;
    }
    let bytes_out = file.metadata().or_problem(|| format!("cannot write {}", to.display()))?.len();
    rules.publish(staged, to)?;
    Ok(Converted { rows, bytes_in: source.bytes, bytes_out })
}
