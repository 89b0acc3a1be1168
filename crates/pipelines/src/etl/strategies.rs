//! The ways to run the pipeline, side by side.

use lab::ways::{self, Way};
use lab::{Lab, Problem};

use super::steps::etl;
use super::{Clean, Input, Look, Output};

/// One way, for each of the steps.
pub(super) struct Ways {
    pub(super) look: Way<Look>,
    pub(super) clean: Way<Clean>,
}

/// The steps in one of the ways: each step is a function of its own type.
macro_rules! by {
    ($way:path) => {{
        use $way as way;
        &Ways { look: way::<Look>, clean: way::<Clean> }
    }};
}

/// One partition after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    etl(input, lab, by!(ways::sequential))
}

/// A thread for each task: each holds its row group, so memory grows with the lake.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    etl(input, lab, by!(ways::threads))
}

/// A fixed number of threads that take the next task when they are done with one.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    etl(input, lab, by!(ways::pool))
}

/// The same on threads that steal tasks from each other.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    etl(input, lab, by!(ways::rayon))
}

/// Tasks on one event loop: reading from the page cache never waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    etl(input, lab, by!(ways::event_loop))
}

/// A fixed number of processes. They read and write the files of the lake themselves, and only the row groups of partitions
/// that were split come back through pipes; each process loads the customers for itself.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    etl(input, lab, by!(ways::processes))
}
