//! The step that is left out where the guess was right: what all values say about the types.

use std::fmt;
use std::fs::File;

use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tabular::columns::{Column, ColumnType};
use tabular::infer::Evidence;
use tabular::rows::{Part, Rows};
use tabular::scan::plan::Segment;
use tabular::table::Table;

use super::files::Source;

/// Whole rows of one or of several files: what becomes one row group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Piece {
    pub(super) segments: Vec<(u32, Segment)>,
    pub(super) label: String,
}

impl fmt::Display for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.label)
    }
}

/// The job: looks at all values of one piece after another.
#[derive(Debug)]
pub struct Observe {
    sources: Vec<Source>,
    table: Table,
}

impl Job for Observe {
    const NAME: &'static str = "ingest-observe";
    type Setup = Vec<Source>;
    type Task = Piece;
    type Reply = Vec<Evidence>;

    fn start(sources: &Vec<Source>) -> Result<Self, Problem> {
        Ok(Self { sources: sources.clone(), table: table(sources) })
    }

    fn run(&mut self, piece: &Piece, stop: &Stop) -> Result<Vec<Evidence>, Problem> {
        let mut evidence = vec![Evidence::default(); self.table.columns().len()];
        for (number, segment) in &piece.segments {
            let source = &self.sources[*number as usize];
            self.table = std::mem::replace(&mut self.table, Table::new(Vec::new())).at(source.places.clone());
            let file = source.open()?;
            let mut rows = rows(source, &file, segment);
            while let Some(block) = rows.next_block().or_problem(|| source.cannot())? {
                stop.check()?;
                self.table.observe(block, *number, &mut evidence);
            }
        }
        Ok(evidence)
    }
}

/// A table of text, whose columns have no names yet.
pub(super) fn table(sources: &[Source]) -> Table {
    let width = sources.first().map_or(0, |source| source.places.len());
    Table::new(vec![Column::new("", ColumnType::Text); width])
}

/// The rows of a segment.
pub(super) fn rows<'a>(source: &Source, file: &'a File, segment: &Segment) -> Rows<Part<'a>> {
    Rows::new(Part::new(file, segment), source.dialect, source.width, segment.line, segment.span.start)
}
