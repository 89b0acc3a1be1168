//! The ways to crawl, side by side.

use fetch::Client;
use lab::{Lab, OrProblem, Problem, ways};

use super::{Crawler, Input, Pages, fetch_page};

/// One request after another: the waits add up.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    by(input, lab, ways::sequential::<Crawler>)
}

/// A thread, with an event loop and a connection of its own, for each URL: all waits overlap.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    by(input, lab, ways::threads::<Crawler>)
}

/// As many waits overlap as there are workers.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    by(input, lab, ways::pool::<Crawler>)
}

/// Likewise: there is nothing to win by stealing work that waits.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    by(input, lab, ways::rayon::<Crawler>)
}

/// Likewise, and each answer is copied through a pipe.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    by(input, lab, ways::processes::<Crawler>)
}

fn by(input: &Input, lab: &Lab, way: ways::Way<Crawler>) -> Result<Pages, Problem> {
    Pages::gather(way(lab, &input.manners, &input.errands), lab)
}

/// A task for each URL on one thread, with one client whose connections they share: as many waits overlap as are allowed,
/// and no thread waits.
pub(super) fn tasks(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    let client = Client::new(input.manners.clone()).or_problem(|| "there is no client to fetch with")?;
    let fetch = async |errand| fetch_page(&client, errand, &lab.stop).await;
    Pages::gather(ways::tasks(lab, input.at_once, &input.errands, fetch), lab)
}
