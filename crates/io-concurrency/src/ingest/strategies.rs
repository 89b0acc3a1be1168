//! The ways to ingest, side by side.

use lab::ways::{self, Way};
use lab::{Lab, Problem};

use super::steps::ingest;
use super::{Encode, Input, Observe, Survey, Table, Unpack};

/// One way, for each of the steps.
pub(super) struct Ways {
    pub(super) unpack: Way<Unpack>,
    pub(super) survey: Way<Survey>,
    pub(super) observe: Way<Observe>,
    pub(super) encode: Way<Encode>,
}

/// The steps in one of the ways: each step is a function of its own type.
macro_rules! by {
    ($way:path) => {{
        use $way as way;
        &Ways { unpack: way::<Unpack>, survey: way::<Survey>, observe: way::<Observe>, encode: way::<Encode> }
    }};
}

/// One piece after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Table, Problem> {
    ingest(input, lab, by!(ways::sequential))
}

/// A thread for each piece: each holds its row group, so memory grows with the input.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Table, Problem> {
    ingest(input, lab, by!(ways::threads))
}

/// A fixed number of threads that take the next piece when they are done with one.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Table, Problem> {
    ingest(input, lab, by!(ways::pool))
}

/// The same on threads that steal pieces from each other.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Table, Problem> {
    ingest(input, lab, by!(ways::rayon))
}

/// Pieces on one event loop: reading from the page cache never waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Table, Problem> {
    ingest(input, lab, by!(ways::event_loop))
}

/// A fixed number of processes. They read the files themselves; the encoded row groups, a quarter of the text, come back
/// through pipes.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Table, Problem> {
    ingest(input, lab, by!(ways::processes))
}
