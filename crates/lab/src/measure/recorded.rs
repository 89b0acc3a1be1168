//! What recording a timeline costs: one cell, sampled in pairs, with recording off and on.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::bounded;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::plan::{CellPlan, Settings};
use super::process::CellProcess;
use super::runner::Executor;
use crate::cell::Sample;
use crate::out::Staging;
use crate::problem::{OrProblem, Problem};
use crate::procs::supervise::{Place, watchdog};
use crate::stop::Stop;
use crate::timeline::read_chrome;

/// Two samples of one cell, taken one after the other.
#[derive(Clone, Debug)]
pub struct Pair {
    /// As all timed samples are taken.
    pub plain: Sample,
    /// With recording on.
    pub recorded: Sample,
    /// How many slices were recorded.
    pub slices: usize,
}

/// Takes `settings.samples` pairs of a cell after one that warms up. Which of a pair comes first is drawn from the seed, so
/// that a machine that drifts favours neither.
///
/// # Errors
/// A cell that gives no answer or another one while it is recorded, and a timeline that cannot be read.
pub fn recorded_pairs(plan: &CellPlan, settings: &Settings, stop: &Stop) -> Result<Vec<Pair>, Problem> {
    let scratch = Staging::within(&settings.scratch)?;
    let place: Arc<Place> = Arc::default();
    let (done, over) = bounded::<()>(0);
    thread::scope(|scope| {
        scope.spawn(|| watchdog(std::slice::from_ref(&place), stop, &over));
        let taken = CellProcess::start(&place, plan, &scratch.path("out"), settings.deadline)
            .and_then(|cell| pairs(cell, &scratch.path("timeline.json"), settings, stop));
        drop(done);
        taken.map_err(|problem| stop.check().err().unwrap_or(problem))
    })
}

fn pairs<E: Executor>(
    mut cell: E,
    timeline: &Path,
    settings: &Settings,
    stop: &Stop,
) -> Result<Vec<Pair>, Problem> {
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut pairs = Vec::new();
    for round in 0..=settings.samples {
        let mut order = [None, Some(timeline)];
        order.shuffle(&mut random);
        let (mut plain, mut recorded) = (None, None);
        for timeline in order {
            stop.check()?;
            let sample = cell.sample(timeline)?;
            *(if timeline.is_some() { &mut recorded } else { &mut plain }) = Some(sample);
        }
        let (Some(plain), Some(recorded)) = (plain, recorded) else { continue };
        if plain.digest != recorded.digest {
            return Err(Problem::new("the cell gives another answer while it is recorded"));
        }
        if round > 0 {
            pairs.push(Pair { plain, recorded, slices: slices(timeline)? });
        }
    }
    cell.end();
    Ok(pairs)
}

fn slices(timeline: &Path) -> Result<usize, Problem> {
    let cannot = || format!("cannot read the timeline {}", timeline.display());
    read_chrome(&fs::read(timeline).or_problem(cannot)?).or_problem(cannot).map(|slices| slices.len())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::measure::NARROW;
    use crate::timeline::{Slice, State, write_chrome};

    /// A cell that is slower while it is recorded, and drifts: each sample takes longer than the one before.
    struct Drifting {
        taken: u64,
        recorded_digest: &'static str,
    }

    impl Executor for Drifting {
        fn sample(&mut self, timeline: Option<&Path>) -> Result<Sample, Problem> {
            self.taken += 1;
            if let Some(path) = timeline {
                let slice = |number: u64| Slice {
                    lane: "main".into(),
                    state: State::Running,
                    name: "work".into(),
                    label: String::new(),
                    start_ns: number,
                    end_ns: number + 1,
                };
                write_chrome(&[slice(0), slice(1), slice(2)], File::create(path).unwrap()).unwrap();
            }
            let digest = if timeline.is_some() { self.recorded_digest } else { "a" };
            Ok(Sample {
                wall_ns: 1_000_000 + self.taken * 10 + if timeline.is_some() { 5_000 } else { 0 },
                cpu_ns: 1,
                peak_rss_bytes: 1,
                worker_deaths: 0,
                events: crate::cell::usage::Events::default(),
                digest: digest.into(),
                work: crate::answer::Work::default(),
                failures: Vec::new(),
                warnings: Vec::new(),
            })
        }

        fn end(self) {}
    }

    fn taken(recorded_digest: &'static str) -> Result<Vec<Pair>, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            samples: 40,
            enough: std::time::Duration::ZERO,
            narrow: NARROW,
            deadline: std::time::Duration::from_secs(1),
            seed: 42,
            scratch: folder.path().into(),
            timelines: None,
        };
        let cell = Drifting { taken: 0, recorded_digest };
        pairs(cell, &folder.path().join("timeline.json"), &settings, &Stop::new())
    }

    #[test]
    fn pairs_are_counted_after_the_first_and_either_of_them_comes_first() {
        let pairs = taken("a").unwrap();
        assert_eq!(pairs.len(), 40);
        assert!(pairs.iter().all(|pair| pair.slices == 3));
        // The one that came first is the one that drifted less.
        let first = pairs.iter().filter(|pair| pair.plain.wall_ns + 5_000 < pair.recorded.wall_ns).count();
        assert!((10..=30).contains(&first), "{first} of 40");
    }

    #[test]
    fn another_answer_while_recording_is_an_error() {
        assert!(taken("b").is_err());
    }
}
