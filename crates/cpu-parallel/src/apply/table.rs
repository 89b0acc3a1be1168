//! Files to chunks of rows, and what was made of them to one file.

use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use lab::{OrProblem, Problem};
use tabular::csv_batches::CsvBatches;
use tabular::parquet_batches::ParquetBatches;
use tabular::row_groups::Encoding;

use crate::table_file::{Form, Part, TableFile};

/// Rows that are read at a time, and the most that a chunk has.
pub(super) const MOST_ROWS: usize = 8_192;
/// The most and the fewest rows of a group of results: a row group, where the file is a Parquet file.
const GROUP_ROWS: (usize, usize) = (32_768, 8_192);
/// Within these limits a table is cut into about so many groups: the last one is encoded when all else is done.
const GROUPS: usize = 8;

enum Batches {
    Csv(Box<CsvBatches<Box<dyn Read + Send>>>),
    Parquet(Box<ParquetBatches>),
}

fn open(path: &Path) -> Result<Batches, Problem> {
    let cannot = |error: tabular::Error| Problem::because("cannot read the table", &error);
    if Form::of(path) == Form::Csv {
        let (batches, _) = CsvBatches::sniffed(path, MOST_ROWS).map_err(cannot)?;
        return Ok(Batches::Csv(Box::new(batches)));
    }
    Ok(Batches::Parquet(Box::new(ParquetBatches::open(path, MOST_ROWS).map_err(cannot)?)))
}

/// Whether a comma stands before the fraction of a number: in a CSV file whose fields are separated by semicolons.
pub(super) fn has_decimal_commas(path: &Path) -> bool {
    let found = || CsvBatches::sniffed(path, 1).is_ok_and(|(_, dialect)| dialect.delimiter == b';');
    Form::of(path) == Form::Csv && found()
}

/// The columns of a file.
pub(super) fn columns(path: &Path) -> Result<SchemaRef, Problem> {
    Ok(match open(path)? {
        Batches::Csv(batches) => batches.schema().clone(),
        Batches::Parquet(batches) => batches.schema().clone(),
    })
}

/// The rows of several files, in pieces of the size that is asked for at each.
pub(super) struct Pieces {
    files: VecDeque<PathBuf>,
    reading: Option<(PathBuf, Batches)>,
    /// What is left of the last batch, and the number of its first row in its file.
    rest: Option<(RecordBatch, u64)>,
    /// Rows of the file that is being read that come before its next batch.
    rows_before: u64,
    /// Rows handed out so far, of all files.
    rows: u64,
}

/// A file that cannot be read, or not to its end.
pub(super) struct Unread {
    pub(super) file: PathBuf,
    pub(super) problem: Problem,
}

/// Some rows of one file.
pub(super) struct Piece {
    pub(super) file: PathBuf,
    /// The number of the first row in its file, from 0.
    pub(super) row: u64,
    /// The number of the first row in all files, from 0.
    pub(super) first: u64,
    pub(super) rows: RecordBatch,
}

impl Pieces {
    pub(super) fn new(files: &[PathBuf]) -> Self {
        Self { files: files.iter().cloned().collect(), reading: None, rest: None, rows_before: 0, rows: 0 }
    }

    /// At most `most` rows, which stand one after another in one file.
    ///
    /// # Errors
    /// A file that cannot be read any further. The next call goes on with the next file.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Piece>, Unread> {
        loop {
            if let (Some((rest, row)), Some((file, _))) = (self.rest.take(), &self.reading) {
                let count = most.clamp(1, rest.num_rows());
                if count < rest.num_rows() {
                    self.rest = Some((rest.slice(count, rest.num_rows() - count), row + count as u64));
                }
                let first = self.rows;
                self.rows += count as u64;
                return Ok(Some(Piece { file: file.clone(), row, first, rows: rest.slice(0, count) }));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads the next batch that has rows; false at the end.
    fn fill(&mut self) -> Result<bool, Unread> {
        let mut row = self.rows_before;
        loop {
            if self.reading.is_none() {
                let Some(file) = self.files.pop_front() else { return Ok(false) };
                match open(&file) {
                    Ok(batches) => self.reading = Some((file, batches)),
                    Err(problem) => return Err(Unread { file, problem }),
                }
                row = 0;
            }
            let Some((file, batches)) = &mut self.reading else { continue };
            let batch = match batches {
                Batches::Csv(batches) => batches.next(),
                Batches::Parquet(batches) => batches.next(),
            };
            match batch.transpose() {
                Err(error) => {
                    let problem = Problem::because("cannot read the table to its end", &error)
                        .hint(format!("the {row} rows before it were read"));
                    let file = file.clone();
                    self.reading = None;
                    self.rows_before = 0;
                    return Err(Unread { file, problem });
                }
                Ok(None) => self.reading = None,
                Ok(Some(batch)) if batch.num_rows() == 0 => {}
                Ok(Some(batch)) => {
                    self.rows_before = row + batch.num_rows() as u64;
                    self.rest = Some((batch, row));
                    return Ok(true);
                }
            }
        }
    }
}

/// The file of results. It takes its columns from the first rows. What comes in pieces of any size goes out in groups of
/// one size, so that the file does not depend on the chunks; whoever has time encodes them.
pub(super) struct Results {
    path: PathBuf,
    form: Form,
    columns: Option<SchemaRef>,
    /// Rows of a group.
    group: usize,
    waiting: VecDeque<RecordBatch>,
    /// How many rows wait.
    rows_waiting: usize,
    to: Option<TableFile>,
    /// Rows so far.
    pub(super) rows: u64,
}

impl Results {
    /// Of a table of so many rows, as far as that is known.
    pub(super) fn new(staged: PathBuf, form: Form, rows: Option<u64>) -> Self {
        let (most, fewest) = GROUP_ROWS;
        let group = rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX) / GROUPS;
        let (group, waiting, rows_waiting) = (group.clamp(fewest, most), VecDeque::new(), 0);
        Self { path: staged, form, columns: None, group, waiting, rows_waiting, to: None, rows: 0 }
    }

    /// Takes results in.
    pub(super) fn keep(&mut self, rows: RecordBatch) -> Result<(), Problem> {
        let columns = self.columns.get_or_insert_with(|| rows.schema());
        if columns.fields() != rows.schema_ref().fields() {
            return Err(Problem::new("the results of two chunks have different columns").expected(format!(
                "{:?}",
                columns.fields().iter().map(|field| field.name()).collect::<Vec<_>>()
            )));
        }
        self.rows += rows.num_rows() as u64;
        self.rows_waiting += rows.num_rows();
        self.waiting.push_back(rows);
        Ok(())
    }

    /// The next group of results, to be encoded; none while it is not full.
    pub(super) fn group(&mut self) -> Option<Result<RecordBatch, Problem>> {
        (self.rows_waiting >= self.group).then(|| self.take(self.group))
    }

    /// What is left when all results are there, as [`group`](Self::group) gives it.
    pub(super) fn rest(&mut self) -> Option<Result<RecordBatch, Problem>> {
        (self.rows_waiting > 0).then(|| self.take(self.group.min(self.rows_waiting)))
    }

    fn take(&mut self, rows: usize) -> Result<RecordBatch, Problem> {
        let (mut parts, mut wanted) = (Vec::new(), rows);
        while wanted > 0 {
            let Some(part) = self.waiting.pop_front() else { break };
            let count = wanted.min(part.num_rows());
            if count < part.num_rows() {
                self.waiting.push_front(part.slice(count, part.num_rows() - count));
            }
            wanted -= count;
            parts.push(part.slice(0, count));
        }
        self.rows_waiting -= rows;
        concat_batches(&parts[0].schema(), &parts).or_problem(|| "results cannot be put together")
    }

    /// Appends a group that was encoded.
    pub(super) fn append(&mut self, group: Vec<u8>) -> Result<(), Problem> {
        let to = match &mut self.to {
            Some(to) => to,
            none => {
                let columns = self.columns.clone().unwrap_or_else(|| Schema::empty().into());
                none.insert(TableFile::create(&self.path, self.form, columns, &Encoding::default())?)
            }
        };
        to.append(group)
    }

    /// Completes the file and returns its length in bytes. Without any rows, the file is as empty as its form allows.
    pub(super) fn finish(mut self, columns: &SchemaRef) -> Result<u64, Problem> {
        if self.to.is_none() {
            self.columns.get_or_insert_with(|| columns.clone());
            self.append(Vec::new())?;
        }
        self.to.take().map_or(Ok(0), TableFile::finish)
    }
}

/// A group of results as it stands in the file.
pub(super) fn encode(form: Form, rows: &RecordBatch) -> Result<Vec<u8>, Problem> {
    let mut part = Part::new(form, rows.schema(), &Encoding::default())?;
    part.write(rows)?;
    part.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn groups_do_not_depend_on_the_pieces_that_come(
            pieces in proptest::collection::vec(0..100_000_usize, 0..6), known: bool
        ) {
            let all = pieces.iter().sum::<usize>() as u64;
            let mut results = Results::new("unused.parquet".into(), Form::Parquet, known.then_some(all));
            let size = if known { usize::try_from(all / 8).unwrap().clamp(8_192, 32_768) } else { 32_768 };
            let (mut groups, mut next) = (Vec::new(), 0_i64);
            for rows in &pieces {
                let end = next + i64::try_from(*rows).unwrap();
                let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(next..end));
                results.keep(RecordBatch::try_from_iter([("n", numbers)]).unwrap()).unwrap();
                groups.extend(std::iter::from_fn(|| results.group()));
                next = end;
            }
            groups.extend(std::iter::from_fn(|| results.rest()));
            let groups: Vec<_> = groups.into_iter().map(Result::unwrap).collect();
            let (last, whole) = groups.split_last().map_or((0, &[][..]), |(last, whole)| (last.num_rows(), whole));
            prop_assert!(whole.iter().all(|group| group.num_rows() == size) && last <= size);
            let column = |group: &RecordBatch| group.column(0).as_primitive::<Int64Type>().values().to_vec();
            prop_assert_eq!(groups.iter().flat_map(column).collect::<Vec<_>>(), (0..next).collect::<Vec<_>>());
        }
    }
}
