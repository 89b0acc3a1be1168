//! Converting one file; knows nothing of strategies.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use lab::{OrProblem, Problem, Stop, out};
use serde::{Deserialize, Serialize};
use tabular::csv_text::{Dialect, write_batch, write_header};
use tabular::parquet_batches::ParquetBatches;

/// Rows that are decoded at a time: their columns stay in the cache of a core.
const BATCH_ROWS: usize = 4_096;
/// Text that is gathered before it is written, in bytes.
const WRITE_BYTES: usize = 1 << 18;

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// Rows written.
    pub rows: u64,
    /// Bytes of the Parquet file.
    pub bytes_in: u64,
    /// Bytes of the CSV file.
    pub bytes_out: u64,
}

/// Converts the Parquet file `from` to the CSV file `to`, by way of `staged` on the same file system. Holds one batch of
/// 4 096 rows and its text in memory, however large the file is.
///
/// # Errors
/// A file that cannot be read as Parquet, with its row group; a column without a text; a disk that is full; a stop. Then
/// `to` is as it was before.
#[tracing::instrument(err(level = "info"), skip(stop), fields(from = %from.display(), to = %to.display(), staged))]
pub fn convert_file(
    from: &Path,
    staged: &Path,
    to: &Path,
    dialect: Dialect,
    stop: &Stop,
) -> Result<Converted, Problem> {
    let batches = ParquetBatches::open(from, BATCH_ROWS).map_err(|error| read_problem(&error))?;
    let cannot_write = || format!("cannot write {}", to.display());
    let mut file = File::create(staged).or_problem(cannot_write)?;
    let bytes_in =
        from.metadata().map(|found| found.len()).or_problem(|| format!("cannot read {}", from.display()))?;
    let mut converted = Converted { rows: 0, bytes_in, bytes_out: 0 };
    let mut text = Vec::with_capacity(WRITE_BYTES);
    write_header(batches.schema(), dialect, &mut text);
    let mut write = |text: &mut Vec<u8>| {
        converted.bytes_out += text.len() as u64;
        let written = file.write_all(text);
        text.clear();
        written.or_problem(cannot_write)
    };
    for batch in batches {
        stop.check()?;
        let batch = batch.map_err(|error| read_problem(&error))?;
        converted.rows += batch.num_rows() as u64;
        write_batch(&batch, dialect, &mut text)
            .map_err(|error| Problem::because("cannot convert the file", &error))?;
        if text.len() >= WRITE_BYTES {
            write(&mut text)?;
        }
    }
    write(&mut text)?;
    out::publish(staged, to)?;
    Ok(converted)
}

fn read_problem(error: &tabular::Error) -> Problem {
    Problem::because("cannot read the file as Parquet", error)
        .hint("the file may be cut off or not Parquet at all; the others are converted")
}
