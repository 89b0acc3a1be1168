//! The ways to probe, side by side.

use lab::{Lab, Problem, ways};

use super::board::{Board, Keeper};
use super::look::{Watched, Watcher, look};
use super::targets::Input;
use super::{metrics, schedule, table};

/// One probe after another: the waits add up.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Board, Problem> {
    once(input, lab, ways::sequential::<Watcher>)
}

/// A thread with an event loop for each target: all waits overlap.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Board, Problem> {
    once(input, lab, ways::threads::<Watcher>)
}

/// As many waits overlap as there are workers.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Board, Problem> {
    once(input, lab, ways::pool::<Watcher>)
}

/// Likewise: there is nothing to win by stealing work that waits.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Board, Problem> {
    once(input, lab, ways::rayon::<Watcher>)
}

/// Likewise, and each finding is copied through a pipe.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Board, Problem> {
    once(input, lab, ways::processes::<Watcher>)
}

/// A task for each target on one thread. It is the only way that keeps a schedule: a worker that waits for an answer is
/// not there when the next probe is due.
pub(super) fn tasks(input: &Input, lab: &Lab) -> Result<Board, Problem> {
    let mut keeper = Keeper::new(input.board(), lab)?;
    let shown = (metrics::serve(input.metrics, &keeper.board)?, table::live(input.live, &keeper.board)?);
    if let Some(every) = input.every {
        schedule::run(input, every, lab, &mut keeper)?;
    } else {
        let prober = input.setup.prober()?;
        let look = async |watched: &Watched| {
            Ok(look(&prober, &input.setup, watched, std::time::Duration::ZERO).await)
        };
        let at_once = input.at_once.min(input.room);
        round(&mut keeper, |sink| {
            ways::tasks(lab, at_once, &mut input.watched.iter().cloned(), sink, &look)
        })?;
    }
    drop(shown);
    keeper.close(lab)
}

fn once(input: &Input, lab: &Lab, way: ways::Way<Watcher>) -> Result<Board, Problem> {
    if input.every.is_some() {
        return Err(Problem::new("only the strategy `async` keeps a schedule: a worker that waits for an answer is not there when the next probe is due")
            .hint("leave --strategy away, or --every and --down"));
    }
    let mut keeper = Keeper::new(input.board(), lab)?;
    round(&mut keeper, |sink| way(lab, &input.setup, &mut input.watched.iter().cloned(), sink))?;
    keeper.close(lab)
}

/// One round, whose findings come in the order of the targets. A probe that was called off is none.
fn round(
    keeper: &mut Keeper,
    probe: impl FnOnce(ways::Sink<'_, super::Sighting>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut number = 0;
    probe(&mut |outcome| {
        number += 1;
        match outcome {
            Ok(seen) => keeper.keep(number - 1, 0, seen, &[]),
            Err(failure) => {
                tracing::debug!(%failure, "a probe was not made");
                Ok(())
            }
        }
    })
}
