//! Files to chunks of rows, and what was made of them to one file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use lab::{OrProblem, Problem};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use tabular::csv_batches::CsvBatches;
use tabular::csv_text::{self, Dialect};
use tabular::parquet_batches::ParquetBatches;

/// Rows that are read at a time, and the most that a chunk has.
pub(super) const MOST_ROWS: usize = 65_536;
/// Rows of a row group of a Parquet file, and rows that are written to it at a time. Both are fixed, because pages end where a
/// write ends: so the file does not depend on the chunks.
const GROUP_ROWS: usize = 65_536;
const WRITE_ROWS: usize = 8_192;

pub(super) fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "csv" || extension == "tsv")
}

enum Batches {
    Csv(Box<CsvBatches>),
    Parquet(Box<ParquetBatches>),
}

fn open(path: &Path) -> Result<Batches, Problem> {
    let cannot = |error: tabular::Error| Problem::because("cannot read the table", &error);
    if is_csv(path) {
        let file = File::open(path).or_problem(|| format!("cannot read {}", path.display()))?;
        let batches = CsvBatches::of_text(BufReader::with_capacity(1 << 18, file), path, MOST_ROWS);
        return Ok(Batches::Csv(Box::new(batches.map_err(cannot)?)));
    }
    Ok(Batches::Parquet(Box::new(ParquetBatches::open(path, MOST_ROWS).map_err(cannot)?)))
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
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Piece>, Problem> {
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
    fn fill(&mut self) -> Result<bool, Problem> {
        let mut row = self.rows_before;
        loop {
            if self.reading.is_none() {
                let Some(file) = self.files.pop_front() else { return Ok(false) };
                self.reading = Some((file.clone(), open(&file)?));
                row = 0;
            }
            let Some((_, batches)) = &mut self.reading else { continue };
            let batch = match batches {
                Batches::Csv(batches) => batches.next(),
                Batches::Parquet(batches) => batches.next(),
            };
            match batch.transpose().map_err(|error| Problem::because("cannot read the table", &error))? {
                None => self.reading = None,
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => {
                    self.rows_before = row + batch.num_rows() as u64;
                    self.rest = Some((batch, row));
                    return Ok(true);
                }
            }
        }
    }
}

/// The file of results: CSV if it is called so, otherwise Parquet. It takes its columns from the first rows.
pub(super) struct Results {
    path: PathBuf,
    csv: bool,
    text: Vec<u8>,
    to: Option<To>,
    columns: Option<SchemaRef>,
    pub(super) rows: u64,
}

enum To {
    Csv(BufWriter<File>),
    Parquet(Box<Groups>),
}

impl Results {
    pub(super) fn new(staged: PathBuf, csv: bool) -> Self {
        Self { path: staged, csv, text: Vec::new(), to: None, columns: None, rows: 0 }
    }

    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<(), Problem> {
        let cannot = || format!("cannot write {}", self.path.display());
        let columns = self.columns.get_or_insert_with(|| rows.schema());
        if columns.fields() != rows.schema_ref().fields() {
            return Err(Problem::new("the results of two chunks have different columns").expected(format!(
                "{:?}",
                columns.fields().iter().map(|field| field.name()).collect::<Vec<_>>()
            )));
        }
        self.rows += rows.num_rows() as u64;
        self.text.clear();
        let to = match &mut self.to {
            Some(to) => to,
            none => {
                let file = File::create(&self.path).or_problem(cannot)?;
                none.insert(if self.csv {
                    csv_text::write_header(columns, Dialect::default(), &mut self.text);
                    To::Csv(BufWriter::new(file))
                } else {
                    let settings = WriterProperties::builder()
                        .set_compression(Compression::SNAPPY)
                        .set_max_row_group_row_count(Some(GROUP_ROWS));
                    let writer = ArrowWriter::try_new(file, columns.clone(), Some(settings.build()));
                    To::Parquet(Box::new(Groups {
                        writer: writer.or_problem(cannot)?,
                        waiting: Vec::new(),
                        rows: 0,
                    }))
                })
            }
        };
        match to {
            To::Csv(file) => {
                csv_text::write_batch(rows, Dialect::default(), &mut self.text).map_err(|error| {
                    Problem::because("the results have no text in CSV", &error)
                        .hint("write Parquet: --out FILE.parquet")
                })?;
                file.write_all(&self.text).or_problem(cannot)
            }
            To::Parquet(groups) => groups.write(rows).or_problem(cannot),
        }
    }

    /// Completes the file and returns its length in bytes. Without any rows, the file is as empty as its form allows.
    pub(super) fn finish(mut self, columns: &SchemaRef) -> Result<u64, Problem> {
        if self.to.is_none() {
            self.write(&RecordBatch::new_empty(columns.clone()))?;
        }
        let cannot = || format!("cannot write {}", self.path.display());
        match self.to.take() {
            Some(To::Csv(mut file)) => file.flush().or_problem(cannot)?,
            Some(To::Parquet(groups)) => groups.finish().or_problem(cannot)?,
            None => {}
        }
        self.path.metadata().map(|found| found.len()).or_problem(cannot)
    }
}

/// A Parquet file that is written in pieces of one size, whatever pieces come.
struct Groups {
    writer: ArrowWriter<File>,
    waiting: Vec<RecordBatch>,
    /// How many rows wait.
    rows: usize,
}

impl Groups {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        self.waiting.push(rows.clone());
        self.rows += rows.num_rows();
        if self.rows < WRITE_ROWS {
            return Ok(());
        }
        let all = concat_batches(&rows.schema(), &self.waiting)?;
        let whole = self.rows - self.rows % WRITE_ROWS;
        for first in (0..whole).step_by(WRITE_ROWS) {
            self.writer.write(&all.slice(first, WRITE_ROWS))?;
        }
        self.rows -= whole;
        self.waiting = vec![all.slice(whole, self.rows)];
        Ok(())
    }

    fn finish(mut self) -> Result<(), ParquetError> {
        if let Some(first) = self.waiting.first() {
            self.writer.write(&concat_batches(&first.schema(), &self.waiting)?)?;
        }
        self.writer.close().map(drop)
    }
}
