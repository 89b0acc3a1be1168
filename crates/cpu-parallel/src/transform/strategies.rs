//! The ways to transform, side by side.

use lab::ways;
use lab::{Lab, Problem};

use super::ladder::Rung;
use super::steps::{Ways, transform};
use super::{Input, Output, TransformPiece};
use crate::csv_input::Survey;

/// The steps in one of the ways: each step is a function of its own type.
macro_rules! by {
    ($way:path, sharing: $sharing:literal) => {{
        use $way as way;
        &Ways { survey: way::<Survey>, transform: way::<TransformPiece>, sharing: $sharing }
    }};
}

/// One piece after another, each in batches of columns.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Columns, by!(ways::sequential, sharing: false))
}

/// One row after another, every value a text of its own.
pub(super) fn rows(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Rows, by!(ways::sequential, sharing: false))
}

/// One row after another, without allocating.
pub(super) fn no_allocation(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Buffers, by!(ways::sequential, sharing: false))
}

/// A thread for each piece. The first one loads the customers for all: they are in the memory that threads share.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Columns, by!(ways::threads, sharing: true))
}

/// A fixed number of threads that take the next piece when they are done with one.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Columns, by!(ways::pool, sharing: true))
}

/// The same on threads that steal from each other.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Columns, by!(ways::rayon, sharing: true))
}

/// Pieces on one event loop: nothing waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Columns, by!(ways::event_loop, sharing: false))
}

/// A fixed number of processes. Each loads the customers, and cleans those that it meets, for itself; encoded row groups
/// come back through pipes.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    transform(input, lab, Rung::Columns, by!(ways::processes, sharing: false))
}
