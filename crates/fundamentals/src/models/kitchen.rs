//! A kitchen: the cakes of this chapter, and the four ways to bake several.
//!
//! A cake has two kinds of work in it. In the oven it needs time and nobody; while it is stirred it needs somebody's whole
//! attention. Which of the two a job is made of decides which model helps, and nothing else does.

use std::fmt;
use std::time::Duration;

use lab::timeline::Drawn as _;
use lab::{Job, Lab, Problem, Stop, span};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::stage::in_processes;

/// A cake to be baked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cake {
    /// Its number, counted from 1.
    pub number: u64,
    /// How often it is stirred; a round takes a nanosecond or two.
    pub stirs: u64,
    /// How long it is in the oven, in milliseconds.
    pub oven_ms: u64,
}

impl fmt::Display for Cake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "cake {}", self.number)
    }
}

/// So many cakes of one kind.
pub fn cakes(count: u64, stirs: u64, oven_ms: u64) -> Vec<Cake> {
    (1..=count).map(|number| Cake { number, stirs, oven_ms }).collect()
}

impl Cake {
    /// Stirs: work that needs a processor. The result depends on every round, so that none can be left out.
    pub fn stir(&self) -> u64 {
        let _working = span!(Running, "stir", self).entered();
        (0..self.stirs).fold(self.number, |dough, round| {
            (dough ^ round).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
        })
    }

    fn oven(&self) -> Duration {
        Duration::from_millis(self.oven_ms)
    }

    /// Bakes on the calling thread.
    pub fn bake(&self) -> u64 {
        let dough = self.stir();
        let _waiting = span!(Waiting, "oven", self).entered();
        std::thread::sleep(self.oven());
        dough
    }

    /// Bakes on an event loop: while the cake is in the oven, the loop may do something else.
    pub async fn bake_async(&self) -> u64 {
        let cake = async {
            let dough = self.stir();
            tokio::time::sleep(self.oven()).await;
            dough
        };
        cake.drawn(span!(Task, "cake", self)).await
    }
}

/// When the kitchen waits for what it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// After everything was started.
    AtTheEnd,
    /// For each before the next is started: concurrency in name only.
    AtOnce,
}

/// One after another.
pub fn one_by_one(cakes: &[Cake]) -> Vec<u64> {
    cakes.iter().map(Cake::bake).collect()
}

/// A thread for each cake.
///
/// # Panics
/// When the system has no threads left.
pub fn threads(cakes: &[Cake], wait: Wait) -> Vec<u64> {
    let join = |thread: std::thread::ScopedJoinHandle<'_, u64>| thread.join().expect("a cake does not panic");
    std::thread::scope(|scope| {
        let start = |cake: &Cake| {
            let cake = *cake;
            let thread = std::thread::Builder::new().name(format!("thread {}", cake.number));
            thread.spawn_scoped(scope, move || cake.bake()).expect("the system has threads for a few cakes")
        };
        match wait {
            Wait::AtTheEnd => {
                let started: Vec<_> = cakes.iter().map(start).collect();
                started.into_iter().map(join).collect()
            }
            Wait::AtOnce => cakes.iter().map(|cake| join(start(cake))).collect(),
        }
    })
}

/// A thread for each cake and one spoon for all: what a big lock around the work makes of threads.
///
/// # Panics
/// When the system has no threads left.
pub fn one_spoon(cakes: &[Cake]) -> Vec<u64> {
    // Held for the whole of the stirring: that is the point.
    let spoon = &Mutex::new(());
    std::thread::scope(|scope| {
        let stir = |cake: Cake| {
            move || {
                let _mine = {
                    let _waiting = span!(Blocked, "spoon", cake).entered();
                    spoon.lock()
                };
                cake.stir()
            }
        };
        let start = |cake: &Cake| {
            let thread = std::thread::Builder::new().name(format!("thread {}", cake.number));
            thread.spawn_scoped(scope, stir(*cake)).expect("the system has threads for a few cakes")
        };
        let started: Vec<_> = cakes.iter().map(start).collect();
        started.into_iter().map(|thread| thread.join().expect("a cake does not panic")).collect()
    })
}

/// All on one event loop.
pub fn event_loop(cakes: &[Cake], wait: Wait) -> Vec<u64> {
    on_a_loop(async {
        match wait {
            Wait::AtTheEnd => futures::future::join_all(cakes.iter().map(Cake::bake_async)).await,
            Wait::AtOnce => {
                let mut done = Vec::new();
                for cake in cakes {
                    done.push(cake.bake_async().await);
                }
                done
            }
        }
    })
}

/// On an event loop that hands the stirring to threads.
///
/// # Panics
/// When the system has no threads left.
pub fn event_loop_with_helpers(cakes: &[Cake]) -> Vec<u64> {
    on_a_loop(async {
        let start = |cake: &Cake| {
            let cake = *cake;
            tokio::task::spawn_blocking(move || cake.stir())
        };
        let started: Vec<_> = cakes.iter().map(start).collect();
        let done = futures::future::join_all(started).await;
        done.into_iter().map(|cake| cake.expect("a cake does not panic")).collect()
    })
}

/// Runs a future on an event loop of one thread: the calling one.
///
/// # Panics
/// When the system has no file descriptors left.
pub fn on_a_loop<R>(work: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("an event loop needs no more than a few file descriptors");
    runtime.block_on(work)
}

/// In worker processes, as many as `lab` has workers.
///
/// # Errors
/// What kept a worker from its cake.
pub fn processes(cakes: &[Cake], lab: &Lab) -> Result<Vec<u64>, Problem> {
    in_processes::<Baker>(lab, &(), cakes)
}

/// What a worker process of the kitchen does.
#[derive(Debug)]
pub struct Baker;

impl Job for Baker {
    const NAME: &'static str = "baker";
    type Setup = ();
    type Task = Cake;
    type Reply = u64;

    fn start((): &()) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn run(&mut self, cake: &Cake, _: &Stop) -> Result<u64, Problem> {
        Ok(cake.bake())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_bakes_the_same_cakes() {
        let cakes = cakes(4, 1000, 1);
        let expected = one_by_one(&cakes);
        assert_eq!(threads(&cakes, Wait::AtTheEnd), expected);
        assert_eq!(threads(&cakes, Wait::AtOnce), expected);
        assert_eq!(one_spoon(&cakes), expected);
        assert_eq!(event_loop(&cakes, Wait::AtTheEnd), expected);
        assert_eq!(event_loop(&cakes, Wait::AtOnce), expected);
        assert_eq!(event_loop_with_helpers(&cakes), expected);
    }
}
