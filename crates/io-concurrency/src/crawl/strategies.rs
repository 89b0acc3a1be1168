//! The ways to crawl, side by side.

use fetch::Limits;
use lab::{Lab, Problem, ways};

use super::{Crawler, Errand, Input, Pages, fetch_page};

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

/// Likewise, and each answer is copied through a pipe. Processes share no gate, so each keeps its share of the rates.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    let workers = lab.workers.min(input.errands.len()).max(1);
    let limits = input.setup.limits;
    if limits.host_at_once.is_some_and(|most| most < workers) {
        return Err(Problem::new(format!(
            "{workers} worker processes cannot keep --per-host: they share nothing"
        ))
        .hint("use fewer --workers, or another strategy"));
    }
    let share = |rate: Option<f64>| rate.map(|rate| rate / workers as f64);
    let limits = Limits { rate: share(limits.rate), host_rate: share(limits.host_rate), ..limits };
    let setup = input.setup.limited(limits);
    Pages::gather(input, lab, |errands, sink| ways::processes::<Crawler>(lab, &setup, errands, sink))
}

fn by(input: &Input, lab: &Lab, way: ways::Way<Crawler>) -> Result<Pages, Problem> {
    Pages::gather(input, lab, |errands, sink| way(lab, &input.setup, errands, sink))
}

/// A task for each URL on one thread, with one client whose connections they share: as many waits overlap as are allowed,
/// and no thread waits.
///
/// Where a host has a limit of its own, the list is looked at further ahead than requests are in flight, so that URLs of
/// one host that wait for their turn do not keep those of another from being asked.
pub(super) fn tasks(input: &Input, lab: &Lab) -> Result<Pages, Problem> {
    const AHEAD: usize = 4_096;
    let Limits { host_at_once, host_rate, .. } = input.setup.limits;
    let by_host = host_at_once.is_some() || host_rate.is_some();
    let in_hand = if by_host { AHEAD.max(input.at_once) } else { input.at_once };
    let limits = Limits { at_once: by_host.then_some(input.at_once), ..input.setup.limits };
    let setup = input.setup.limited(limits);
    let fetcher = setup.fetcher()?;
    let fetch = async |errand: &Errand| fetch_page(&fetcher, errand).await;
    Pages::gather(input, lab, |errands, sink| ways::tasks(lab, in_hand, errands, sink, &fetch))
}
