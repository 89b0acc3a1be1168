//! The answer, and how the user gets it.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use lab::out::{Staging, publish};
use lab::{Answer, Cause, Digest, Failure, OrProblem, Problem, Work};
use tabular::csv_text::{Dialect, write_batch, write_header};
use tabular::ipc;
use tabular::row_groups::{Assembler, Encoder, Encoding};
use tabular::rows::{REJECTS_HEADER, Reject};

use super::keys::Keys;
use super::values::{Kind, Values};

/// How many of the rows that do not fit are named.
const NAMED: usize = 10;
/// Rows of the answer that become text, or a row group, at a time.
const ROWS: usize = 1 << 16;

/// The groups, and what could not be aggregated.
#[derive(Debug)]
pub struct Output {
    /// Each sorted by its keys; together where there is only one.
    batches: Vec<RecordBatch>,
    keys: usize,
    work: Work,
    failures: Vec<Failure>,
    rejects: Rejects,
}

/// Rows that are in no group, because they do not fit.
#[derive(Default)]
pub(super) struct Rejects {
    count: u64,
    named: Vec<Failure>,
    text: Vec<u8>,
}

impl fmt::Debug for Rejects {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} rejects", self.count)
    }
}

impl Rejects {
    pub(super) fn add(&mut self, path: &Path, column: &str, reject: &Reject) {
        self.count += 1;
        reject.write(&path.display().to_string(), column, &mut self.text);
        if self.named.len() < NAMED {
            let column = if column.is_empty() { String::new() } else { format!(", column `{column}`") };
            let problem = Problem::new(reject.reason.clone())
                .hint("--rejects FILE keeps such rows; the others are aggregated");
            let task = format!("{}:{}{column}", path.display(), reject.line);
            self.named.push(Failure { task, cause: Cause::Problem(problem) });
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

impl Output {
    pub(super) fn new(
        batches: Vec<RecordBatch>,
        keys: usize,
        work: Work,
        mut failures: Vec<Failure>,
        rejects: Rejects,
    ) -> Self {
        failures.extend(rejects.named.iter().cloned());
        Self { batches, keys, work, failures, rejects }
    }

    /// All groups, sorted by their keys.
    ///
    /// # Errors
    /// Those of the columnar library.
    pub fn table(&self) -> Result<RecordBatch, Problem> {
        let cannot = || "cannot sort the groups";
        let [first, ..] = &*self.batches else { return Err(Problem::new("there is no answer")) };
        if self.batches.len() == 1 {
            return Ok(first.clone());
        }
        let whole = concat_batches(first.schema_ref(), &self.batches).or_problem(cannot)?;
        let columns = &whole.columns()[..self.keys];
        let kinds: Option<Vec<Kind>> = columns.iter().map(|column| Kind::of(column.data_type())).collect();
        let values: Option<Vec<Values<'_>>> = columns.iter().map(Values::of).collect();
        let (Some(kinds), Some(values)) = (kinds, values) else { return Err(Problem::new(cannot())) };
        // Every row has a group of its own, so the groups' order is that of the rows.
        let mut keys = Keys::new(&kinds);
        keys.number(&values, whole.num_rows());
        let order = UInt32Array::from(keys.pick(keys.numbers()).order());
        let sorted = whole.columns().iter().map(|column| take(column, &order, None));
        let sorted: Vec<ArrayRef> = sorted.collect::<Result<_, _>>().or_problem(cannot)?;
        RecordBatch::try_new(whole.schema(), sorted).or_problem(cannot)
    }

    /// Writes the groups: as Parquet or CSV to a file, by its name, or as CSV to standard output.
    pub(super) fn deliver(&self, out: Option<&Path>, rejects: Option<&PathBuf>) -> Result<(), Problem> {
        if let Some(path) = rejects {
            let staging = Staging::beside(path)?;
            let staged = staging.path("rejects");
            let text = [REJECTS_HEADER.as_bytes(), &self.rejects.text].concat();
            std::fs::write(&staged, text).or_problem(|| format!("cannot write {}", path.display()))?;
            publish(&staged, path)?;
        }
        let table = self.table()?;
        let Some(path) = out else {
            let mut out = std::io::stdout().lock();
            return match write_csv(&table, &mut out) {
                // A reader that has seen enough is no error.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    Err(Problem::because("cannot write to standard output", &error))
                }
                _ => Ok(()),
            };
        };
        let cannot = || format!("cannot write {}", path.display());
        let staging = Staging::beside(path)?;
        let staged = staging.path("groups");
        let file = BufWriter::with_capacity(1 << 18, File::create(&staged).or_problem(cannot)?);
        if path.extension().is_some_and(|ending| ending == "parquet") {
            write_parquet(&table, file).or_problem(cannot)?;
        } else {
            write_csv(&table, file).or_problem(cannot)?;
        }
        publish(&staged, path)
    }
}

fn slices(table: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    (0..table.num_rows()).step_by(ROWS).map(|from| table.slice(from, ROWS.min(table.num_rows() - from)))
}

fn write_csv(table: &RecordBatch, mut out: impl Write) -> std::io::Result<()> {
    let mut text = Vec::new();
    write_header(table.schema_ref(), Dialect::default(), &mut text);
    for slice in slices(table) {
        write_batch(&slice, Dialect::default(), &mut text).map_err(std::io::Error::other)?;
        out.write_all(&text)?;
        text.clear();
    }
    out.write_all(&text)?;
    out.flush()
}

fn write_parquet(table: &RecordBatch, out: impl Write + Send) -> Result<(), parquet::errors::ParquetError> {
    let encoding = Encoding::default();
    let mut file = Assembler::new(out, table.schema(), &encoding)?;
    for slice in slices(table) {
        let mut group = Encoder::new(table.schema(), &encoding)?;
        group.write(&slice)?;
        file.append(group.finish()?)?;
    }
    file.finish()?.flush()?;
    Ok(())
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add(&ipc::to_bytes(&self.table()?).or_problem(|| "cannot read the answer")?);
        digest.add(&self.rejects.text);
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
