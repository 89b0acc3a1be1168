//! What each stage did, which one holds up the others, and what the law of the bottleneck says of it.
//!
//! A pipeline passes on no more batches in a second than its slowest stage: where a batch takes a stage `s` and `k` workers
//! share the stage, that is `k / s`. The first batch has to reach that stage and the last one has to leave the pipeline, so
//! `n` batches take
//!
//! ```text
//! the bottleneck's ceil(n / k) · s, and s of each other stage once
//! ```
//!
//! Stages that share a thread or a pool are besides never faster than all their computing together on the processors that
//! they share. What the law says is computed from the stages' own times and set beside the time that the run took; how far
//! the two lie apart is what queues that ran empty, uneven batches and hand-overs have cost.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use lab::span;
use serde::{Deserialize, Serialize};

/// How the workers of one stage spent their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// Batches that they worked on.
    pub batches: u64,
    /// Working.
    pub computing: Duration,
    /// Waiting for somebody far away, as a part of the work (`--wait`).
    pub away: Duration,
    /// Without a batch: the stage before was slower.
    pub starved: Duration,
    /// With a batch that nobody had room for: the stage behind was slower. That is back-pressure.
    pub held_up: Duration,
}

impl Hours {
    /// Works on a batch.
    pub(super) fn work<R>(&mut self, wait: Duration, work: impl FnOnce() -> R) -> R {
        let done = self.compute(work);
        self.wait(wait);
        self.batches += 1;
        done
    }

    /// Makes the next batch, if there is one.
    pub(super) fn make<B>(&mut self, wait: Duration, next: impl FnOnce() -> Option<B>) -> Option<B> {
        let made = self.compute(next)?;
        self.wait(wait);
        self.batches += 1;
        Some(made)
    }

    /// Works, without a batch of its own.
    pub(super) fn compute<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let done = work();
        self.computing += started.elapsed();
        done
    }

    fn wait(&mut self, wait: Duration) {
        if !wait.is_zero() {
            let _span = span!(Waiting, "somebody far away", "").entered();
            let started = Instant::now();
            thread::sleep(wait);
            self.away += started.elapsed();
        }
    }

    /// A batch's time in the stage.
    fn each(&self) -> f64 {
        (self.computing + self.away).as_secs_f64() / self.batches.max(1) as f64
    }
}

impl std::iter::Sum for Hours {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            batches: sum.batches + one.batches,
            computing: sum.computing + one.computing,
            away: sum.away + one.away,
            starved: sum.starved + one.starved,
            held_up: sum.held_up + one.held_up,
        })
    }
}

/// What the stages share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Nothing: each has workers of its own.
    Nothing,
    /// One thread, on which one batch after another goes through all of them.
    Everything,
    /// One thread, on which another stage goes on while one waits.
    Loop,
    /// So many threads.
    Pool(usize),
}

/// A stage of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageHours {
    /// Its name.
    pub name: &'static str,
    /// How many workers it had.
    pub workers: usize,
    /// What they did together.
    pub hours: Hours,
    /// How many batches waited before it, on average over the time, and how many could: where it has a queue of ours.
    pub queue: Option<(f64, usize)>,
}

/// What a run measured of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// In the order of the pipeline.
    pub stages: Vec<StageHours>,
    /// What they share.
    pub shared: Shared,
    /// What was done once after the last batch: the footer of the file.
    pub end: Duration,
    /// The whole run.
    pub took: Duration,
}

impl Measured {
    /// The stage that holds up the others: the one that passes on the fewest batches in a second.
    pub fn bottleneck(&self) -> &'static str {
        slowest(&self.stages).map_or("", |stage| stage.name)
    }

    /// What the law says that the run takes, in seconds.
    pub fn predicted(&self) -> f64 {
        let all: f64 = self.stages.iter().map(|stage| stage.hours.each() * stage.hours.batches as f64).sum();
        let computing: f64 = self.stages.iter().map(|stage| stage.hours.computing.as_secs_f64()).sum();
        let batches = match self.shared {
            Shared::Nothing => law(&self.stages),
            Shared::Everything => all,
            Shared::Loop => law(&self.stages).max(computing),
            Shared::Pool(threads) => law(&self.stages).max(all / threads as f64),
        };
        batches + self.end.as_secs_f64()
    }

    /// What the law says that the same batches take where each stage has workers of its own, so many.
    pub fn forecast(&self, workers: [usize; 3]) -> f64 {
        let stages = self.stages.iter().zip(workers);
        let stages: Vec<_> = stages.map(|(stage, workers)| StageHours { workers, ..*stage }).collect();
        law(&stages) + self.end.as_secs_f64()
    }
}

fn slowest(stages: &[StageHours]) -> Option<&StageHours> {
    let pace = |stage: &StageHours| stage.hours.each() / stage.workers as f64;
    stages.iter().max_by(|one, two| pace(one).total_cmp(&pace(two)))
}

fn law(stages: &[StageHours]) -> f64 {
    let Some(slowest) = slowest(stages) else { return 0.0 };
    let once: f64 = stages.iter().map(|stage| stage.hours.each()).sum();
    let turns = slowest.hours.batches.div_ceil(slowest.workers as u64).max(1);
    once + (turns - 1) as f64 * slowest.hours.each()
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "stage      workers  batches   a batch   works  starved  held up  queue before it")?;
        for StageHours { name, workers, hours, queue } in &self.stages {
            let whole = self.took.as_secs_f64() * *workers as f64;
            let share = |time: Duration| 100.0 * time.as_secs_f64() / whole.max(1e-9);
            let queue = queue.map_or("-".into(), |(mean, room)| format!("{mean:.1} of {room}"));
            writeln!(
                out,
                "{name:10} {workers:7} {:8} {:6.2} ms {:6.0}% {:7.0}% {:7.0}%  {queue}",
                hours.batches,
                hours.each() * 1e3,
                share(hours.computing + hours.away),
                share(hours.starved),
                share(hours.held_up),
            )?;
        }
        let (said, took) = (self.predicted(), self.took.as_secs_f64());
        write!(
            out,
            "bottleneck: {}; its law says {said:.3} s, the run took {took:.3} s ({:+.1} %)",
            self.bottleneck(),
            100.0 * (took / said.max(1e-9) - 1.0),
        )?;
        if self.shared == Shared::Everything {
            let (one, two) = (self.forecast([1, 1, 1]), self.forecast([1, 2, 1]));
            write!(
                out,
                "\noverlapped it says {one:.3} s, and {two:.3} s with 2 workers for the stage in the middle, if each has a processor"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(workers: [usize; 3], milliseconds: [u64; 3]) -> Measured {
        let stage = |(name, (workers, each)): (&'static str, (usize, u64))| {
            let computing = Duration::from_millis(each * 10);
            let hours = Hours { batches: 10, computing, ..Hours::default() };
            StageHours { name, workers, hours, queue: None }
        };
        Measured {
            stages: ["a", "b", "c"]
                .into_iter()
                .zip(workers.into_iter().zip(milliseconds))
                .map(stage)
                .collect(),
            shared: Shared::Nothing,
            end: Duration::from_millis(5),
            took: Duration::from_millis(100),
        }
    }

    #[track_caller]
    fn check(measured: &Measured, bottleneck: &str, milliseconds: f64) {
        assert_eq!(measured.bottleneck(), bottleneck);
        assert!((measured.predicted() * 1e3 - milliseconds).abs() < 1e-6, "{}", measured.predicted());
    }

    #[test]
    fn the_bottleneck_is_the_stage_that_passes_on_the_least_and_workers_may_move_it() {
        // Once through all, and nine more times through the slowest, and the end.
        check(&stages([1, 1, 1], [2, 6, 3]), "b", 11.0 + 9.0 * 6.0 + 5.0);
        // Four turns of three workers.
        check(&stages([1, 3, 1], [1, 9, 2]), "b", 12.0 + 3.0 * 9.0 + 5.0);
        check(&stages([1, 4, 1], [1, 8, 3]), "c", 12.0 + 9.0 * 3.0 + 5.0);
    }

    #[test]
    fn stages_that_share_threads_are_not_faster_than_their_computing_together() {
        let one = |shared| Measured { shared, ..stages([1, 1, 1], [2, 6, 3]) };
        check(&one(Shared::Everything), "b", 110.0 + 5.0);
        check(&one(Shared::Loop), "b", 110.0 + 5.0);
        check(&one(Shared::Pool(1)), "b", 110.0 + 5.0);
        check(&one(Shared::Pool(3)), "b", 65.0 + 5.0);
        assert!((one(Shared::Everything).forecast([1, 1, 1]) - 0.070).abs() < 1e-9);
    }
}
