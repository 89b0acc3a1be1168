//! The two steps that are spread over workers: gathering pieces, and merging partitions.

use std::fmt;

use arrow_array::RecordBatch;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::columns::Column;
use tabular::infer::Evidence;
use tabular::parquet_batches::ParquetFile;
use tabular::rows::Reject;
use tabular::table::Table;

use super::part::{Gather, Merged, Part};
use super::question::Question;
use super::table::table;
use super::values::Values;
use super::wire::Batch;
use crate::csv_input::{CsvFile, Stretch, places_of};

/// Rows of a batch: their columns stay in a core's cache.
const BATCH_ROWS: usize = 8_192;

/// What every gathering worker starts from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    pub(super) question: Question,
    pub(super) partitions: usize,
    pub(super) files: Files,
}

/// The files of one format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Files {
    Parquet(Vec<std::path::PathBuf>),
    Csv {
        files: Vec<CsvFile>,
        /// The columns that are read, keys first, and which of them have a type that was guessed.
        columns: Vec<Column>,
        open: Vec<bool>,
        /// Whether the values are only looked at, to decide what they are.
        observe: bool,
    },
}

/// Rows that are aggregated together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Piece {
    /// Row groups of Parquet files: the number of the file and of the row group.
    Groups(Vec<(u32, u32)>, String),
    /// Rows of CSV files.
    Rows(Vec<Stretch>, String),
}

impl fmt::Display for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groups(_, label) | Self::Rows(_, label) => out.write_str(label),
        }
    }
}

/// What became of a piece.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Gathered {
    pub(super) parts: Vec<Part>,
    pub(super) rows: u64,
    /// Rows that do not fit, each with the number of its file.
    pub(super) rejects: Vec<(u32, Reject)>,
    /// A column whose guessed type does not fit. Then there is nothing else.
    pub(super) misfit: Option<usize>,
    /// What the values are, where that was the question.
    pub(super) evidence: Vec<Evidence>,
}

/// The job: aggregates one piece after another.
#[derive(Debug)]
pub struct GatherPiece {
    question: Question,
    partitions: usize,
    files: Files,
    /// Parquet files that are open, by their numbers.
    open: Vec<Option<(ParquetFile, Vec<usize>)>>,
}

impl Job for GatherPiece {
    const NAME: &'static str = "aggregate-gather";
    type Setup = Setup;
    type Task = Piece;
    type Reply = Gathered;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        Ok(Self {
            question: setup.question.clone(),
            partitions: setup.partitions,
            files: setup.files.clone(),
            open: Vec::new(),
        })
    }

    fn run(&mut self, piece: &Piece, stop: &Stop) -> Result<Gathered, Problem> {
        match piece {
            Piece::Groups(groups, _) => self.groups(groups, stop),
            Piece::Rows(stretches, _) => self.rows(stretches, stop),
        }
    }
}

impl GatherPiece {
    fn groups(&mut self, groups: &[(u32, u32)], stop: &Stop) -> Result<Gathered, Problem> {
        let mut gathered = Gathered::default();
        let question = self.question.clone();
        let mut gather = Gather::new(&question);
        for (file, group) in groups {
            let (file, columns) = self.parquet(*file as usize)?;
            let order = places_among(columns);
            let batches =
                file.read_group(*group as usize, columns, BATCH_ROWS).map_err(|error| unreadable(&error))?;
            for batch in batches {
                stop.check()?;
                let batch = batch.map_err(|error| unreadable(&error))?;
                add(&mut gather, &batch, &order, question.keys.len())?;
                gathered.rows += batch.num_rows() as u64;
            }
        }
        gathered.parts = gather.finish(self.partitions);
        Ok(gathered)
    }

    /// An open file, and where its columns of the question are.
    fn parquet(&mut self, number: usize) -> Result<&(ParquetFile, Vec<usize>), Problem> {
        let Files::Parquet(paths) = &self.files else { unreachable!("row groups are of Parquet files") };
        self.open.resize_with(paths.len(), || None);
        let place = &mut self.open[number];
        if place.is_none() {
            *place = Some(open_parquet(&paths[number], &self.question)?);
        }
        place.as_ref().ok_or_else(|| Problem::new("a file that was opened is not open"))
    }

    fn rows(&self, stretches: &[Stretch], stop: &Stop) -> Result<Gathered, Problem> {
        let Files::Csv { files, columns, open, observe } = &self.files else {
            unreachable!("rows are of CSV files")
        };
        let mut gathered = Gathered::default();
        let mut gather = Gather::new(&self.question);
        let order: Vec<usize> = (0..columns.len()).collect();
        let whole = Table::new(columns.clone()).with_open_types(open);
        if *observe {
            gathered.evidence = vec![Evidence::default(); columns.len()];
        }
        for (number, segment) in stretches {
            let file = &files[*number as usize];
            let places = places_of(&file.names, columns.iter().map(|column| &*column.name), &file.path)?;
            let table = whole.clone().at(places.clone());
            let handle = file.open()?;
            let mut rows = file.rows(&handle, segment);
            while let Some(block) = rows.next_block().or_problem(|| file.cannot())? {
                stop.check()?;
                if *observe {
                    table.observe(block, *number, &mut gathered.evidence);
                    continue;
                }
                match table.batch(block).or_problem(|| file.cannot())? {
                    Ok(batch) => {
                        gathered.rows += batch.num_rows() as u64;
                        add(&mut gather, &batch, &order, self.question.keys.len())?;
                    }
                    Err(misfit) => {
                        return Ok(Gathered { misfit: Some(misfit.column), ..Gathered::default() });
                    }
                }
                for mut reject in block.rejects() {
                    reject.column = reject.column.and_then(|at| places.iter().position(|place| *place == at));
                    gathered.rejects.push((*number, reject));
                }
            }
        }
        if !observe {
            gathered.parts = gather.finish(self.partitions);
        }
        Ok(gathered)
    }
}

/// Adds a batch whose columns stand where `order` says.
fn add(gather: &mut Gather<'_>, batch: &RecordBatch, order: &[usize], keys: usize) -> Result<(), Problem> {
    let values: Option<Vec<Values<'_>>> =
        order.iter().map(|place| Values::of(batch.column(*place))).collect();
    let values = values.ok_or_else(|| Problem::new("a column has a type that is not aggregated"))?;
    let (keys, measures) = values.split_at(keys);
    gather.add(keys, measures, batch.num_rows());
    Ok(())
}

/// A projection comes in the order of the file: where each of the columns stands in it. One may be asked for twice.
fn places_among(columns: &[usize]) -> Vec<usize> {
    let mut sorted = columns.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    columns.iter().map(|column| sorted.binary_search(column).unwrap_or_default()).collect()
}

/// Opens a file and finds the columns of the question in it.
pub(super) fn open_parquet(
    path: &std::path::Path,
    question: &Question,
) -> Result<(ParquetFile, Vec<usize>), Problem> {
    let file = ParquetFile::open_plain(path).map_err(|error| unreadable(&error))?;
    let wanted = question.schema.0.schema();
    let names: Vec<String> = file.schema().fields().iter().map(|field| field.name().clone()).collect();
    let columns = places_of(&names, wanted.fields().iter().map(|field| field.name().as_str()), path)?;
    for (field, column) in wanted.fields().iter().zip(&columns) {
        let found = file.schema().field(*column).data_type();
        if found != field.data_type() {
            return Err(Problem::new(format!(
                "column `{}` is {found} here and {} in the first file",
                field.name(),
                field.data_type()
            ))
            .at(path.display())
            .hint("aggregate files of different types apart"));
        }
    }
    let file = file.with_lists(&columns).map_err(|error| unreadable(&error))?;
    Ok((file, columns))
}

pub(super) fn unreadable(error: &tabular::Error) -> Problem {
    Problem::because("cannot read the file as Parquet", error)
        .hint("the file may be cut off or not Parquet at all; what could be read of the others is aggregated")
}

/// The parts of one partition, in the order of the input.
#[derive(Debug, Serialize, Deserialize)]
pub struct Partition {
    pub(super) number: usize,
    pub(super) parts: Vec<Part>,
}

impl fmt::Display for Partition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "partition {}", self.number)
    }
}

/// The job: merges one partition after another.
#[derive(Debug)]
pub struct MergePartition(Question);

impl Job for MergePartition {
    const NAME: &'static str = "aggregate-merge";
    type Setup = Question;
    type Task = Partition;
    type Reply = Batch;

    fn start(question: &Question) -> Result<Self, Problem> {
        Ok(Self(question.clone()))
    }

    fn run(&mut self, partition: &Partition, stop: &Stop) -> Result<Batch, Problem> {
        let mut merged = Merged::new(&self.0);
        for part in &partition.parts {
            stop.check()?;
            merged.add(part);
        }
        table(&merged.finish(&self.0), &self.0).map(Batch)
    }
}
