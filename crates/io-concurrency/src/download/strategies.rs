//! The ways to download, side by side.

use lab::{Lab, Problem, ways};

use super::file::{Getter, download};
use super::list::{Input, Wanted};
use super::saved::Downloads;

/// One file after another. A large one still comes in several pieces at once.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Downloads, Problem> {
    by(input, lab, ways::sequential::<Getter>)
}

/// A thread, with an event loop and connections of its own, for each file.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Downloads, Problem> {
    by(input, lab, ways::threads::<Getter>)
}

/// As many files at once as there are workers.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Downloads, Problem> {
    by(input, lab, ways::pool::<Getter>)
}

/// Likewise: there is nothing to win by stealing work that waits.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Downloads, Problem> {
    by(input, lab, ways::rayon::<Getter>)
}

/// Likewise. Processes share no gate and no throttle, so each keeps its share of the rate.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Downloads, Problem> {
    let workers = lab.workers.min(input.wanted.len()).max(1);
    if input.setup.limits.host_at_once.is_some_and(|most| most < workers) {
        return Err(Problem::new(format!(
            "{workers} worker processes cannot keep --per-host: they share nothing"
        ))
        .hint("use fewer --workers, or another strategy"));
    }
    let setup = input.setup.at_rate(input.setup.rate.map(|rate| rate / workers as f64));
    gather(input, |sink| ways::processes::<Getter>(lab, &setup, &mut input.wanted.iter().cloned(), sink))
}

/// A task for each file on one thread, with one client whose connections they share.
pub(super) fn tasks(input: &Input, lab: &Lab) -> Result<Downloads, Problem> {
    let fetcher = input.setup.fetcher()?;
    let get = async |wanted: &Wanted| download(&fetcher, wanted, &lab.stop).await;
    gather(input, |sink| ways::tasks(lab, input.at_once, &mut input.wanted.iter().cloned(), sink, &get))
}

fn by(input: &Input, lab: &Lab, way: ways::Way<Getter>) -> Result<Downloads, Problem> {
    gather(input, |sink| way(lab, &input.setup, &mut input.wanted.iter().cloned(), sink))
}

fn gather(
    input: &Input,
    get: impl FnOnce(ways::Sink<'_, super::Saved>) -> Result<(), Problem>,
) -> Result<Downloads, Problem> {
    let bars = input.bars.then(|| input.setup.progress.live()).transpose()?;
    let mut downloads = Downloads::default();
    get(&mut |outcome| {
        downloads.add(outcome);
        Ok(())
    })?;
    drop(bars);
    Ok(downloads)
}
