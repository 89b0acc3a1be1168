//! What is to be measured, and how.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::exercise::Kind;

/// A cell that is to be measured.
#[derive(Clone, Debug)]
pub struct CellPlan {
    /// The exercise program.
    pub program: PathBuf,
    /// Its arguments: the exercise's name and what the user gave it.
    pub args: Vec<OsString>,
    /// The exercise's number.
    pub exercise: u8,
    /// The exercise's name.
    pub name: String,
    /// The strategy's name.
    pub strategy: String,
    /// The strategy's kind.
    pub kind: Kind,
    /// How many workers the strategy may use.
    pub workers: usize,
    /// How many it has whatever it may use.
    pub fixed_workers: Option<usize>,
}

/// A speed-up that is known to 2 % is known well enough for any table.
pub const NARROW: f64 = 0.02;

/// With fewer samples a cell never stops early: two runs of three cannot be told apart for certain.
pub(super) const FEWEST: usize = 4;

/// How to measure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Timed samples for each cell, at the most.
    pub samples: usize,
    /// A cell that has taken four samples and spent this much time is measured well enough.
    pub enough: Duration,
    /// From [`super::stats::ENOUGH`] samples on, an exercise whose speed-ups all have intervals narrower than this share of
    /// themselves is measured well enough.
    pub narrow: f64,
    /// The longest that a sample or the preparation may take before the cell is killed.
    pub deadline: Duration,
    /// The seed of the samples' order and of the bootstrap.
    pub seed: u64,
    /// Where a hidden folder for the cells' output is made; it is removed at the end.
    pub scratch: PathBuf,
    /// Where to write a timeline of each cell, if anywhere.
    pub timelines: Option<PathBuf>,
}
