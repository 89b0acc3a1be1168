//! The runner.
//!
//! The cells of one exercise live at the same time, each in a process of its own, and all but one of them sleep. In each
//! round every cell takes one sample, in an order drawn anew from the seed, so that a machine that drifts slows all of
//! them and favours none. The first round warms up and is not counted.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::plan::{CellPlan, Settings};
use super::process::CellProcess;
use super::stats;
use crate::cell::Sample;
use crate::exercise::Kind;
use crate::out::Staging;
use crate::problem::Problem;
use crate::procs::supervise::{GOODBYE, Place, watchdog};
use crate::record::CellRecord;
use crate::stop::Stop;

/// Measures the cells of one exercise, the reference first, and returns a record for each, also for those that failed.
/// `tell` is called before each sample with the cell's plan.
///
/// # Errors
/// When there is no room for the cells' output.
pub fn measure(
    cells: &[CellPlan],
    settings: &Settings,
    stop: &Stop,
    tell: &mut dyn FnMut(&CellPlan),
) -> Result<Vec<CellRecord>, Problem> {
    let scratch = Staging::within(&settings.scratch)?;
    let places: Vec<Arc<Place>> = cells.iter().map(|_| Arc::default()).collect();
    let (done, over) = bounded::<()>(0);
    let measured = thread::scope(|scope| {
        scope.spawn(|| watchdog(&places, stop, &over));
        let measured = rounds(cells, &places, settings, &scratch, stop, tell);
        drop(done);
        measured
    });
    Ok(records(cells, &measured, settings.seed))
}

/// What was learnt of one cell.
#[derive(Default)]
struct Measured {
    samples: Vec<Sample>,
    /// Samples that were not timed, but whose answers count: the warm-up and the recorded one.
    untimed: Vec<Sample>,
    error: Option<Problem>,
}

fn rounds(
    cells: &[CellPlan],
    places: &[Arc<Place>],
    settings: &Settings,
    scratch: &Staging,
    stop: &Stop,
    tell: &mut dyn FnMut(&CellPlan),
) -> Vec<Measured> {
    let mut measured: Vec<Measured> = cells.iter().map(|_| Measured::default()).collect();
    let mut alive: Vec<Option<CellProcess<'_>>> = Vec::new();
    for (number, (plan, place)) in cells.iter().zip(places).enumerate() {
        let scratch = scratch.path(format!("{}-{}", plan.name, plan.strategy));
        let started =
            stop.check().and_then(|()| CellProcess::start(place, plan, &scratch, settings.deadline));
        let started = started.map_err(|problem| measured[number].error = Some(cause(stop, problem)));
        alive.push(started.ok());
    }
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut spent = vec![Duration::ZERO; cells.len()];
    let last = settings.samples + usize::from(settings.timelines.is_some());
    for round in 0..=last {
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.shuffle(&mut random);
        for number in order {
            let (this, plan) = (&mut measured[number], &cells[number]);
            let recorded = round > settings.samples;
            let enough = this.samples.len() >= 3 && spent[number] >= settings.enough;
            if (enough && !recorded) || this.error.is_some() {
                continue;
            }
            let Some(cell) = &mut alive[number] else { continue };
            tell(plan);
            let name = timeline_name(plan.exercise, &plan.name, &plan.strategy, plan.workers);
            let timeline = settings.timelines.as_deref().filter(|_| recorded).map(|folder| folder.join(name));
            let started = Instant::now();
            match stop.check().and_then(|()| cell.sample(timeline.as_deref())) {
                Ok(sample) if round == 0 || recorded => this.untimed.push(sample),
                Ok(sample) => this.samples.push(sample),
                Err(problem) => {
                    this.error = Some(cause(stop, problem));
                    // A cell that failed has nothing more to say, and its memory may be needed.
                    alive[number] = None;
                }
            }
            spent[number] += started.elapsed();
        }
    }
    for cell in alive.into_iter().flatten() {
        cell.end(GOODBYE);
    }
    measured
}

/// Why a cell has no answer: one that the watchdog killed because of a stop did not die of itself.
fn cause(stop: &Stop, problem: Problem) -> Problem {
    stop.check().err().unwrap_or(problem)
}

/// The file name of a cell's timeline; `workers` is how many the strategy was allowed.
pub fn timeline_name(exercise: u8, name: &str, strategy: &str, workers: usize) -> String {
    format!("{exercise:02}-{name}-{strategy}-{workers}.json")
}

/// Compares the times with those of the first cell, and the answers with those of the first cell that has one.
fn records(cells: &[CellPlan], measured: &[Measured], seed: u64) -> Vec<CellRecord> {
    let times =
        |measured: &Measured| measured.samples.iter().map(|sample| sample.wall_ns).collect::<Vec<_>>();
    let reference = measured.iter().find_map(|cell| cell.samples.first()).map(|sample| sample.digest.clone());
    let reference_times = measured.first().map(&times).unwrap_or_default();
    cells
        .iter()
        .zip(measured)
        .map(|(plan, this)| {
            let samples_ns = times(this);
            let speedup = stats::speedup(&reference_times, &samples_ns, seed);
            let newest = this.samples.last();
            let cpu: Vec<u64> = this.samples.iter().map(|sample| sample.cpu_ns).collect();
            let all = || this.untimed.iter().chain(&this.samples);
            let error = this.error.as_ref().map(Problem::line).or_else(|| wrong(all(), reference.as_deref()));
            let work = newest.map(|sample| sample.work).unwrap_or_default();
            let workers = plan.fixed_workers.unwrap_or_else(|| match plan.kind {
                Kind::Sequential | Kind::Async => 1,
                Kind::Threads => usize::try_from(work.items).unwrap_or(usize::MAX),
                _ => plan.workers,
            });
            CellRecord {
                exercise: plan.exercise,
                name: plan.name.clone(),
                strategy: plan.strategy.clone(),
                kind: Some(plan.kind),
                workers,
                median_ns: stats::median(&samples_ns),
                mad_ns: stats::mad(&samples_ns),
                samples_ns,
                work,
                digest: newest.map(|sample| sample.digest.clone()),
                verified: error.is_none(),
                speedup: speedup.map(|(estimate, _)| estimate),
                speedup_ci: speedup.and_then(|(_, interval)| interval),
                cpu_ns: stats::median(&cpu),
                peak_rss_bytes: this.samples.iter().map(|sample| sample.peak_rss_bytes).max(),
                worker_deaths: all().map(|sample| sample.worker_deaths).sum(),
                error,
            }
        })
        .collect()
}

/// What is wrong with a cell's answers, if anything.
fn wrong<'a>(samples: impl Iterator<Item = &'a Sample>, reference: Option<&str>) -> Option<String> {
    let Some(reference) = reference else {
        return Some("there is no reference answer to compare with".into());
    };
    let mut none = true;
    for sample in samples {
        none = false;
        if let Some(failure) = sample.failures.first() {
            let first = failure.lines().map(str::trim).collect::<Vec<_>>().join("; ");
            return Some(format!(
                "{} of {} items were not done, first {first}",
                sample.failures.len(),
                sample.work.items
            ));
        }
        if sample.digest != reference {
            return Some("another answer than the reference strategy's".into());
        }
    }
    none.then(|| "no sample was taken".into())
}

#[cfg(test)]
mod tests;
