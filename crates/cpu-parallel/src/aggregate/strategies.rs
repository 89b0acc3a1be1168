//! The ways to aggregate, side by side.

use lab::ways;
use lab::{Lab, Problem};

use super::jobs::{GatherPiece, MergePartition};
use super::steps::{Ways, aggregate};
use super::{Input, Output};
use crate::csv_input::Survey;

/// The steps in one of the ways: each step is a function of its own type.
macro_rules! by {
    ($way:path) => {{
        use $way as way;
        &Ways { survey: way::<Survey>, gather: way::<GatherPiece>, merge: way::<MergePartition> }
    }};
}

/// One piece after another, then one partition after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    aggregate(input, lab, by!(ways::sequential))
}

/// A thread for each piece and for each partition.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    aggregate(input, lab, by!(ways::threads))
}

/// A fixed number of threads that take the next piece, and later the next partition, when they are done with one.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    aggregate(input, lab, by!(ways::pool))
}

/// The same on threads that steal from each other.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    aggregate(input, lab, by!(ways::rayon))
}

/// Pieces on one event loop: nothing waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    aggregate(input, lab, by!(ways::event_loop))
}

/// A fixed number of processes. With few groups only those come back through the pipes; with many, every row goes through
/// them twice, which no longer pays.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    aggregate(input, lab, by!(ways::processes))
}
