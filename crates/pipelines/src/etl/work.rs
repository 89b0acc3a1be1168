//! The second step, which most of the time goes to: the orders of a partition, cleaned, joined, added up and encoded.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use lab::procs::Bytes;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::csv_text;
use tabular::row_groups::{Encoder, Encoding};
use tabular::rows::{Part as Text, Reject, Rows};
use tabular::scan::plan::Segment;

use super::clean::{Cleaned, clean, cleaned};
use super::customers::{CustomerFiles, Customers};
use super::lake::{Keys, Source};
use super::revenue::{Group, Sums};
use super::shape::{CsvShape, Cut, ParquetShape, Part, Shape};

/// Rows of a batch that is read from Parquet.
pub(super) const BATCH_ROWS: usize = 8_192;

/// What every worker starts from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    pub(super) customers: CustomerFiles,
    pub(super) encoding: Encoding,
    /// Where the scheduler of a cluster listens, if it is to be done there.
    pub(super) scheduler: Option<String>,
}

/// Some rows of a file, and how to read them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Slice {
    pub(super) source: Source,
    pub(super) shape: Shape,
    pub(super) cut: Cut,
}

/// Rows of one partition that become one row group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Piece {
    /// The number of the partition.
    pub(super) partition: usize,
    pub(super) keys: Keys,
    /// Which one of how many pieces of the partition.
    pub(super) number: usize,
    pub(super) of: usize,
    pub(super) slices: Vec<Slice>,
    /// Where the file goes where the piece is all of its partition.
    pub(super) staged: PathBuf,
}

/// Neighbouring pieces that are done together: most partitions are small.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pieces(pub(super) Vec<Piece>);

impl fmt::Display for Pieces {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            |piece: &Piece| piece.slices.first().map_or_else(String::new, |slice| slice.source.name.clone());
        match &*self.0 {
            [] => Ok(()),
            [piece] if piece.of == 1 => out.write_str(&name(piece)),
            [piece] => write!(out, "{}, part {} of {}", name(piece), piece.number + 1, piece.of),
            [first, .., last] => write!(out, "{} to {}", name(first), name(last)),
        }
    }
}

/// What became of a piece.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Done {
    pub(super) rows_in: u64,
    pub(super) rows: u64,
    pub(super) rejected: u64,
    /// The rejected rows as lines of CSV.
    pub(super) rejects: Bytes,
    pub(super) groups: Vec<Group>,
    /// The row group, where it is not all of its partition.
    pub(super) encoded: Bytes,
    /// The length and the digest of the file, where it is.
    pub(super) file: Option<(u64, [u8; 32])>,
}

/// The job: cleans one piece after another.
#[derive(Debug)]
pub struct Clean {
    customers: Arc<Customers>,
    encoding: Encoding,
    sums: Sums,
}

impl Job for Clean {
    const NAME: &'static str = "etl-clean";
    type Setup = Setup;
    type Task = Pieces;
    /// For each piece; one that cannot be read costs its own partition and not the others of the task.
    type Reply = Vec<Result<Done, Problem>>;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let customers = setup.customers.get()?;
        Ok(Self { customers, encoding: setup.encoding.clone(), sums: Sums::default() })
    }

    fn run(&mut self, task: &Pieces, stop: &Stop) -> Result<Self::Reply, Problem> {
        let done = task.0.iter().map(|piece| {
            stop.check()?;
            let done = self.piece(piece, stop);
            // What a piece that failed has added up is not the next one's.
            self.sums.take(&self.customers.states);
            stop.check()?;
            Ok(done)
        });
        done.collect()
    }
}

impl Clean {
    fn piece(&mut self, piece: &Piece, stop: &Stop) -> Result<Done, Problem> {
        let mut making = Making::new(&piece.keys, &self.encoding)?;
        for slice in &piece.slices {
            match (&slice.shape, &slice.cut) {
                (Shape::Csv(shape), Cut::Csv(segment)) => {
                    self.csv(&slice.source, shape, segment, &mut making, stop)?;
                }
                (Shape::Parquet(shape), Cut::Parquet(part)) => {
                    self.parquet(&slice.source, shape, part, &mut making, stop)?;
                }
                _ => return Err(Problem::new("a part of another form than its file").at(&slice.source.name)),
            }
        }
        making.done.groups = self.sums.take(&self.customers.states);
        making.finish(piece)
    }

    fn csv(
        &mut self,
        source: &Source,
        shape: &CsvShape,
        segment: &Segment,
        making: &mut Making<'_>,
        stop: &Stop,
    ) -> Result<(), Problem> {
        let file = source.open()?;
        let table = shape.table();
        let text = Text::new(&file, segment);
        let mut rows = Rows::new(text, shape.dialect, shape.width, segment.line, segment.span.start);
        while let Some(block) = rows.next_block().or_problem(|| source.cannot())? {
            stop.check()?;
            let batch = table.batch(block).or_problem(|| source.cannot())?;
            let Ok(batch) = batch else { unreachable!("a column of a fixed type rejects the row") };
            let Cleaned { batch, refused } = self.clean(&batch, making)?;
            block.reject(refused.into_iter().map(|one| (one.row, shape.place_of(one.column), one.reason)));
            let rejects = block.rejects();
            making.done.rows_in += (batch.num_rows() + rejects.len()) as u64;
            making.write(&batch)?;
            for reject in rejects {
                let column = reject.column.map_or("", |place| shape.name_at(place));
                making.reject(&source.name, column, &reject);
            }
        }
        Ok(())
    }

    fn parquet(
        &mut self,
        source: &Source,
        shape: &ParquetShape,
        part: &Part,
        making: &mut Making<'_>,
        stop: &Stop,
    ) -> Result<(), Problem> {
        let cannot = || source.cannot();
        let file = shape.open(source)?;
        let mut row = part.first_row;
        for piece in &part.pieces {
            making.done.rows_in += piece.rows as u64;
            for batch in file.read(*piece, BATCH_ROWS).or_problem(cannot)? {
                stop.check()?;
                let read = batch.or_problem(cannot)?;
                let Cleaned { batch, refused } = self.clean(&read, making)?;
                making.write(&batch)?;
                for one in refused {
                    let reject = rejected_row(&read, one.row, row, one.reason)?;
                    making.reject(&source.name, one.column, &reject);
                }
                row += read.num_rows() as u64;
            }
        }
        Ok(())
    }

    fn clean(&mut self, batch: &RecordBatch, making: &Making<'_>) -> Result<Cleaned, Problem> {
        clean(batch, making.keys, &self.customers, &mut self.sums)
    }
}

/// A row of Parquet that is not clean: it has a number and neither line nor place. `first` rows of the file stand before `batch`.
///
/// # Errors
/// Those of the columnar library.
pub(super) fn rejected_row(
    batch: &RecordBatch,
    row: usize,
    first: u64,
    reason: String,
) -> Result<Reject, Problem> {
    let mut text = Vec::new();
    csv_text::write_batch(&batch.slice(row, 1), csv_text::Dialect::default(), &mut text)
        .or_problem(|| "cannot write a rejected row")?;
    text.truncate(text.trim_ascii_end().len());
    let (line, row) = (first + row as u64 + 1, String::from_utf8_lossy(&text).into_owned());
    Ok(Reject { line, column: Some(0), byte: 0, reason, row })
}

/// A piece that is being made.
pub(super) struct Making<'a> {
    encoder: Encoder,
    pub(super) done: Done,
    pub(super) keys: &'a Keys,
}

const CANNOT_ENCODE: &str = "cannot encode the clean orders";

impl<'a> Making<'a> {
    /// # Errors
    /// Those of the columnar library.
    pub(super) fn new(keys: &'a Keys, encoding: &Encoding) -> Result<Self, Problem> {
        let encoder = Encoder::new(cleaned(keys), encoding).or_problem(|| CANNOT_ENCODE)?;
        Ok(Self { encoder, done: Done::default(), keys })
    }

    /// Adds clean orders.
    ///
    /// # Errors
    /// Those of the columnar library.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        self.done.rows += batch.num_rows() as u64;
        self.encoder.write(batch).or_problem(|| CANNOT_ENCODE)
    }

    /// Adds an order that is not clean.
    pub(super) fn reject(&mut self, file: &str, column: &str, reject: &Reject) {
        self.done.rejected += 1;
        reject.write(file, column, &mut self.done.rejects.0);
    }

    /// The whole piece, written to its file where it is all of its partition.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub(super) fn finish(self, piece: &Piece) -> Result<Done, Problem> {
        let Self { encoder, mut done, .. } = self;
        let bytes = encoder.finish().or_problem(|| CANNOT_ENCODE)?;
        if piece.of > 1 {
            done.encoded = Bytes(bytes);
        } else if !bytes.is_empty() {
            fs::write(&piece.staged, &bytes).or_problem(|| "cannot write the clean orders")?;
            done.file = Some((bytes.len() as u64, blake3::hash(&bytes).into()));
        }
        Ok(done)
    }
}
