//! Orders that the engine refuses, asked for once more: where a wrong value stands is known to its file alone.

use std::collections::VecDeque;
use std::fs::File;

use arrow_array::RecordBatch;
use lab::{OrProblem, Problem};
use tabular::parquet_batches::{Batches, ParquetFile, Piece};
use tabular::rows::{Part as Text, Reject, Rows};
use tabular::scan::plan::{Segment, Span};

use super::super::lake::Source;
use super::super::shape::{CsvShape, Cut, ParquetShape, Part, Shape};
use super::super::work::{BATCH_ROWS, Slice, rejected_row};
use super::verdict::Verdicts;

/// The file that was asked last: the orders come in its order.
#[derive(Default)]
pub(super) struct Refused<'a>(Option<(&'a Slice, Asked)>);

enum Asked {
    Csv(File),
    Parquet(Box<Cursor>),
}

/// Where one is in a Parquet file.
struct Cursor {
    file: ParquetFile,
    pieces: VecDeque<Piece>,
    batches: Option<Batches>,
    batch: Option<RecordBatch>,
    /// Rows of the file before the batch.
    first: u64,
}

impl<'a> Refused<'a> {
    /// The name of the column that is to blame, and the reject as every other strategy has it.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub(super) fn told(
        &mut self,
        verdicts: &Verdicts<'_>,
        row: usize,
        slice: &'a Slice,
    ) -> Result<(&'static str, Reject), Problem> {
        if let (Some(unread), Shape::Csv(shape)) = (verdicts.unread(row), &slice.shape) {
            let reject: Reject = serde_json::from_str(unread).or_problem(|| "cannot read a rejected row")?;
            return Ok((reject.column.map_or("", |place| shape.name_at(place)), reject));
        }
        let (column, reason) = verdicts.wrong(row, |wrong| (wrong.column(), wrong.to_string()))?;
        let place = verdicts.place(row)?;
        let known = self.0.take().filter(|(known, _)| std::ptr::eq(*known, slice));
        let mut asked = match known {
            Some((_, asked)) => asked,
            None => Asked::open(slice)?,
        };
        let reject = match (&mut asked, &slice.shape) {
            (Asked::Csv(file), Shape::Csv(shape)) => csv(file, &slice.source, shape, place, (column, reason)),
            (Asked::Parquet(cursor), _) => cursor.reject(&slice.source, place.0, reason),
            _ => Err(gone(&slice.source)),
        };
        self.0 = Some((slice, asked));
        Ok((column, reject?))
    }
}

impl Asked {
    fn open(slice: &Slice) -> Result<Self, Problem> {
        match (&slice.shape, &slice.cut) {
            (Shape::Parquet(shape), Cut::Parquet(part)) => {
                Ok(Self::Parquet(Box::new(Cursor::open(&slice.source, shape, part)?)))
            }
            _ => slice.source.open().map(Self::Csv),
        }
    }
}

/// Reads the one row, which is then found fault with as it would have been among its neighbours.
fn csv(
    file: &File,
    source: &Source,
    shape: &CsvShape,
    (line, start, end): (u64, u64, u64),
    (column, reason): (&str, String),
) -> Result<Reject, Problem> {
    let segment = Segment { span: Span { start, end }, line, units: 0 };
    let window = usize::try_from(end.saturating_sub(start)).unwrap_or_default() + 1;
    let rows = Rows::new(Text::new(file, &segment), shape.dialect, shape.width, line, start);
    let mut rows = rows.with_window(window);
    let block = rows.next_block().or_problem(|| source.cannot())?.ok_or_else(|| gone(source))?;
    if block.rows() != 1 {
        return Err(gone(source));
    }
    block.reject([(0, shape.place_of(column), reason)]);
    block.rejects().into_iter().next().ok_or_else(|| gone(source))
}

fn gone(source: &Source) -> Problem {
    Problem::new("a rejected row is not there any more")
        .at(&source.name)
        .hint("the file has changed meanwhile")
}

impl Cursor {
    fn open(source: &Source, shape: &ParquetShape, part: &Part) -> Result<Self, Problem> {
        let (file, pieces) = (shape.open(source)?, part.pieces.iter().copied().collect());
        Ok(Self { file, pieces, batches: None, batch: None, first: part.first_row })
    }

    /// The row of this number, which is behind all that were asked for.
    fn reject(&mut self, source: &Source, line: u64, reason: String) -> Result<Reject, Problem> {
        loop {
            if let Some(batch) = &self.batch {
                let behind = self.first + batch.num_rows() as u64;
                if line <= behind {
                    let row = usize::try_from(line - self.first - 1).unwrap_or_default();
                    return rejected_row(batch, row, self.first, reason);
                }
                self.first = behind;
            }
            self.batch = Some(self.next(source)?.ok_or_else(|| gone(source))?);
        }
    }

    fn next(&mut self, source: &Source) -> Result<Option<RecordBatch>, Problem> {
        loop {
            if let Some(batch) = self.batches.as_mut().and_then(Iterator::next) {
                return batch.or_problem(|| source.cannot()).map(Some);
            }
            let Some(piece) = self.pieces.pop_front() else { return Ok(None) };
            self.batches = Some(self.file.read(piece, BATCH_ROWS).or_problem(|| source.cannot())?);
        }
    }
}
