//! The step that most of the time goes to: a piece of text to a row group.

use lab::procs::Bytes;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::columns::Column;
use tabular::ipc;
use tabular::row_groups::{Encoder, Encoding};
use tabular::rows::Reject;
use tabular::scan::plan::Segment;
use tabular::table::Table;

use super::args::Format;
use super::files::Source;
use super::observe::{Piece, rows};
use super::summary::Totals;

/// What every worker starts from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    pub(super) sources: Vec<Source>,
    pub(super) columns: Vec<Column>,
    /// Which columns have a type that was guessed: a value that does not fit calls for another guess.
    pub(super) open: Vec<bool>,
    pub(super) format: Format,
    pub(super) encoding: Encoding,
}

/// What became of a piece.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Encoded {
    /// Rows in the row group.
    pub(super) rows: u64,
    /// Rows that do not fit, each with the number of its file.
    pub(super) rejects: Vec<(u32, Reject)>,
    /// The number of a column whose guessed type does not fit. Then there is nothing else.
    pub(super) misfit: Option<usize>,
    /// The row group.
    pub(super) bytes: Bytes,
    /// What there is instead where a summary was asked for.
    pub(super) totals: Vec<Totals>,
}

/// The job: encodes one piece after another.
#[derive(Debug)]
pub struct Encode {
    sources: Vec<Source>,
    table: Table,
    format: Format,
    encoding: Encoding,
}

impl Job for Encode {
    const NAME: &'static str = "ingest-encode";
    type Setup = Setup;
    type Task = Piece;
    type Reply = Encoded;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let table = Table::new(setup.columns.clone()).with_open_types(&setup.open);
        Ok(Self {
            sources: setup.sources.clone(),
            table,
            format: setup.format,
            encoding: setup.encoding.clone(),
        })
    }

    fn run(&mut self, piece: &Piece, stop: &Stop) -> Result<Encoded, Problem> {
        let mut encoded = Encoded::default();
        let mut sink = Sink::new(self.format, &self.table, &self.encoding)?;
        for (number, segment) in &piece.segments {
            let source = &self.sources[*number as usize];
            let table = self.table.clone().at(source.places.clone());
            if !encode(source, *number, segment, &table, &mut sink, &mut encoded, stop)? {
                return Ok(Encoded { misfit: encoded.misfit, ..Encoded::default() });
            }
        }
        sink.finish(&mut encoded)?;
        Ok(encoded)
    }
}

/// Encodes the rows of one file; `false` where a value did not fit a type that was guessed.
fn encode(
    source: &Source,
    number: u32,
    segment: &Segment,
    table: &Table,
    sink: &mut Sink,
    encoded: &mut Encoded,
    stop: &Stop,
) -> Result<bool, Problem> {
    let file = source.open()?;
    let mut rows = rows(source, &file, segment);
    let mut units = segment.units;
    while let Some(block) = rows.next_block().or_problem(|| source.cannot())? {
        stop.check()?;
        let batch =
            table.batch(block).or_problem(|| format!("cannot make columns of {}", source.path.display()))?;
        match batch {
            Ok(batch) => {
                encoded.rows += batch.num_rows() as u64;
                sink.write(&batch)?;
            }
            Err(misfit) => {
                encoded.misfit = Some(misfit.column);
                return Ok(false);
            }
        }
        for mut reject in block.rejects() {
            if source.is_utf16() {
                reject.byte = source.mark + 2 * (units + block.units_before(reject.byte));
            }
            // The file has the column at another place than the table, perhaps.
            reject.column = reject.column.and_then(|at| source.places.iter().position(|place| *place == at));
            encoded.rejects.push((number, reject));
        }
        if source.is_utf16() {
            units += block.units();
        }
    }
    Ok(true)
}

/// What becomes of the rows of a piece.
enum Sink {
    Parquet(Box<Encoder>),
    Arrow(ipc::Encoder),
    Summary(Vec<Totals>),
}

const CANNOT: &str = "cannot encode a row group";

impl Sink {
    fn new(format: Format, table: &Table, encoding: &Encoding) -> Result<Self, Problem> {
        Ok(match format {
            Format::Parquet => {
                let encoder = Encoder::new(table.schema().clone(), encoding).or_problem(|| CANNOT)?;
                Self::Parquet(Box::new(encoder))
            }
            Format::Arrow => Self::Arrow(ipc::Encoder::new(table.schema().clone())),
            Format::Summary => Self::Summary(vec![Totals::default(); table.columns().len()]),
        })
    }

    fn write(&mut self, batch: &arrow_array::RecordBatch) -> Result<(), Problem> {
        match self {
            Self::Parquet(encoder) => encoder.write(batch).or_problem(|| CANNOT),
            Self::Arrow(encoder) => {
                encoder.write(batch);
                Ok(())
            }
            Self::Summary(totals) => {
                totals.iter_mut().zip(batch.columns()).for_each(|(total, column)| total.add(column));
                Ok(())
            }
        }
    }

    fn finish(self, encoded: &mut Encoded) -> Result<(), Problem> {
        match self {
            Self::Parquet(group) => encoded.bytes = Bytes(group.finish().or_problem(|| CANNOT)?),
            Self::Arrow(batch) => encoded.bytes = Bytes(batch.finish().or_problem(|| CANNOT)?),
            Self::Summary(totals) => encoded.totals = totals,
        }
        Ok(())
    }
}
