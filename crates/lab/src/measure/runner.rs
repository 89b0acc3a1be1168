//! The runner.
//!
//! The cells of one exercise live at the same time, each in a process of its own, and all but one of them sleep. In each
//! round every cell takes one sample, in an order drawn anew from the seed, so that a machine that drifts slows all of
//! them and favours none. The first round warms up and is not counted.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::noise::{Buffers, Noise};
use super::plan::{CellPlan, FEWEST, Settings};
use super::process::CellProcess;
use super::stats;
use crate::cell::Sample;
use crate::cell::usage::Events;
use crate::exercise::Kind;
use crate::out::Staging;
use crate::problem::Problem;
use crate::procs::supervise::{Place, watchdog};
use crate::record::CellRecord;
use crate::stop::Stop;

/// What takes the samples of one cell: a process, or in a test something whose times are known.
pub(super) trait Executor {
    /// Takes one sample; with a path, a recorded one whose timeline is written there.
    fn sample(&mut self, timeline: Option<&Path>) -> Result<Sample, Problem>;

    /// Lets go of the cell and waits until it has ended.
    fn end(self);
}

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
    measure_beside(cells, settings, stop, tell, &mut Noise::default())
}

/// The same, and keeps in `noise` how steady the machine was between the samples.
///
/// # Errors
/// Those of [`measure`].
pub fn measure_beside(
    cells: &[CellPlan],
    settings: &Settings,
    stop: &Stop,
    tell: &mut dyn FnMut(&CellPlan),
    noise: &mut Noise,
) -> Result<Vec<CellRecord>, Problem> {
    let scratch = Staging::within(&settings.scratch)?;
    let places: Vec<Arc<Place>> = cells.iter().map(|_| Arc::default()).collect();
    let (done, over) = bounded::<()>(0);
    let measured = thread::scope(|scope| {
        scope.spawn(|| watchdog(&places, stop, &over));
        let start = |number: usize| {
            let plan = &cells[number];
            let folder = format!("{}-{}-{}", plan.name, plan.strategy, plan.workers);
            CellProcess::start(&places[number], plan, &scratch.path(folder), settings.deadline)
        };
        let mut buffers = Buffers::default();
        let measured = rounds(cells, start, settings, stop, &mut |plan| {
            noise.probe(&mut buffers);
            tell(plan);
        });
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

impl Measured {
    fn times(&self) -> Vec<u64> {
        self.samples.iter().map(|sample| sample.wall_ns).collect()
    }

    /// The median of each of the kernel's counts.
    fn events(&self) -> Option<Events> {
        let median = |count: fn(&Events) -> u64| {
            stats::median(&self.samples.iter().map(|sample| count(&sample.events)).collect::<Vec<_>>())
        };
        Some(Events {
            voluntary_switches: median(|events| events.voluntary_switches)?,
            involuntary_switches: median(|events| events.involuntary_switches)?,
            minor_faults: median(|events| events.minor_faults)?,
            major_faults: median(|events| events.major_faults)?,
        })
    }
}

/// Starts every cell and takes the rounds.
fn rounds<E: Executor>(
    cells: &[CellPlan],
    mut start: impl FnMut(usize) -> Result<E, Problem>,
    settings: &Settings,
    stop: &Stop,
    tell: &mut dyn FnMut(&CellPlan),
) -> Vec<Measured> {
    let mut measured: Vec<Measured> = cells.iter().map(|_| Measured::default()).collect();
    let mut alive: Vec<Option<E>> = Vec::new();
    for (number, this) in measured.iter_mut().enumerate() {
        let started = stop.check().and_then(|()| start(number));
        alive.push(started.map_err(|problem| this.error = Some(cause(stop, problem))).ok());
    }
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut spent = vec![Duration::ZERO; cells.len()];
    // The first round warms up; the last one is recorded, if anything is to be.
    let timed = (0..=settings.samples).map(|round| (round, false));
    for (round, recorded) in timed.chain(settings.timelines.iter().map(|_| (settings.samples + 1, true))) {
        if !recorded && narrow(&measured, settings) {
            continue;
        }
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.shuffle(&mut random);
        for number in order {
            let (this, plan) = (&mut measured[number], &cells[number]);
            let enough = this.samples.len() >= FEWEST && spent[number] >= settings.enough;
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
    alive.into_iter().flatten().for_each(Executor::end);
    measured
}

/// Whether every cell's speed-up is known closely enough. Nobody stops alone: cells that have the same rounds can be
/// compared round by round.
fn narrow(measured: &[Measured], settings: &Settings) -> bool {
    let reference = measured.first().map(Measured::times).unwrap_or_default();
    let known = |this: &Measured| {
        let times = this.times();
        times.len() >= stats::ENOUGH
            && stats::speedup(&reference, &times, settings.seed)
                .and_then(|(ratio, interval)| {
                    interval.map(|[low, high]| high - low <= settings.narrow * ratio)
                })
                .unwrap_or_default()
    };
    // The reference's ratio to itself is known from the first sample on.
    measured.iter().skip(1).filter(|this| this.error.is_none()).all(known)
        && measured.iter().any(|this| this.samples.len() >= stats::ENOUGH)
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
    let reference = measured.iter().find_map(|cell| cell.samples.first()).map(|sample| sample.digest.clone());
    let reference_times = measured.first().map(Measured::times).unwrap_or_default();
    cells
        .iter()
        .zip(measured)
        .enumerate()
        .map(|(number, (plan, this))| {
            let samples_ns = this.times();
            let speedup = stats::speedup(&reference_times, &samples_ns, seed);
            // The reference against itself is 1 however its samples scatter.
            let interval = speedup.and_then(|(_, interval)| interval);
            let interval = interval.map(|ends| if number == 0 { [1.0; 2] } else { ends });
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
                outliers: stats::outliers(&samples_ns),
                events: this.events(),
                samples_ns,
                work,
                digest: newest.map(|sample| sample.digest.clone()),
                verified: error.is_none(),
                speedup: speedup.map(|(estimate, _)| estimate),
                speedup_ci: interval,
                cpu_ns: stats::median(&cpu),
                peak_rss_bytes: this.samples.iter().map(|sample| sample.peak_rss_bytes).max(),
                worker_deaths: all().map(|sample| sample.worker_deaths).sum(),
                error,
                warnings: newest.map(|sample| sample.warnings.clone()).unwrap_or_default(),
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
