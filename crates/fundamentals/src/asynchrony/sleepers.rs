//! Ten to a hundred thousand sleepers.
//!
//! Somebody who sleeps needs nothing but a place to remember where to go on. A task keeps it in a few hundred bytes; a
//! thread keeps a whole stack, of which it touches a few pages, and an entry in the system's tables. With ten of them nobody
//! sees the difference. With ten thousand one of the two programs is not running any more.
//!
//! Each crowd is gathered in a fresh process, so that its memory is not what another one left behind.

use std::fmt;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use lab::measure::nanoseconds;
use lab::record::Threshold;
use lab::{Job, Problem, Stop};
use serde::{Deserialize, Serialize};

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::models::kitchen::on_a_loop;
use crate::program::Program;
use crate::stage::{Stage, in_processes};
use crate::text::Text;
use crate::{say, words};

/// What the sleepers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    /// The process that is asked, and no other sleeper.
    Processes,
    /// Threads.
    Threads,
    /// Tasks on an event loop.
    Tasks,
}

/// A crowd of sleepers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crowd {
    /// What they are.
    pub model: Model,
    /// How many they are.
    pub count: usize,
    /// How many bytes each of them holds besides.
    pub ballast: usize,
}

impl fmt::Display for Crowd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {:?}", self.count, self.model)
    }
}

/// What a crowd costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Resident memory that each of them added, in bytes.
    pub bytes_each: f64,
    /// How long it took to start all of them and to see all of them end, in nanoseconds.
    pub nanoseconds: u64,
}

/// How long each sleeps.
const NAP: Duration = Duration::from_millis(100);

/// Gathers a crowd in a process of its own and tells what it costs.
///
/// # Errors
/// A crowd that the system does not let in.
pub fn gather(stage: &Stage, crowd: Crowd) -> Result<Cost, Problem> {
    let mut costs = in_processes::<Gather>(&stage.lab_with(1), &(), &[crowd])?;
    Ok(costs.pop().unwrap_or_else(|| unreachable!("one crowd, one cost")))
}

/// The worker process's job.
#[derive(Debug)]
pub struct Gather;

impl Job for Gather {
    const NAME: &'static str = "crowd";
    type Setup = ();
    type Task = Crowd;
    type Reply = Cost;

    fn start((): &()) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn run(&mut self, crowd: &Crowd, _: &Stop) -> Result<Cost, Problem> {
        let before = resident();
        let started = Instant::now();
        let with_all = match crowd.model {
            Model::Processes => 2 * before,
            Model::Threads => threads(crowd),
            Model::Tasks => tasks(crowd),
        };
        let nanoseconds = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(Cost { bytes_each: with_all.saturating_sub(before) as f64 / crowd.count as f64, nanoseconds })
    }
}

/// Anonymous resident memory of this process in bytes; 0 where it cannot be told.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    1024 * line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
}

/// Starts threads that sleep, and returns the memory in use while they do.
fn threads(crowd: &Crowd) -> u64 {
    let all_asleep = &Barrier::new(crowd.count + 1);
    thread::scope(|scope| {
        for _ in 0..crowd.count {
            scope.spawn(|| {
                let ballast = black_box(vec![1_u8; crowd.ballast]);
                all_asleep.wait();
                thread::sleep(NAP);
                drop(black_box(ballast));
            });
        }
        all_asleep.wait();
        resident()
    })
}

/// Starts tasks that sleep, and returns the memory in use while they do.
fn tasks(crowd: &Crowd) -> u64 {
    let asleep = Arc::new(AtomicUsize::new(0));
    on_a_loop(async {
        let start = || {
            let (asleep, ballast) = (Arc::clone(&asleep), crowd.ballast);
            tokio::spawn(async move {
                let ballast = black_box(vec![1_u8; ballast]);
                // Relaxed: all of it happens on one thread.
                asleep.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(NAP).await;
                drop(black_box(ballast));
            })
        };
        let all: Vec<_> = (0..crowd.count).map(|_| start()).collect();
        while asleep.load(Ordering::Relaxed) < crowd.count {
            tokio::task::yield_now().await;
        }
        let memory = resident();
        futures::future::join_all(all).await;
        memory
    })
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "sleepers",
    about: Text::new(
        "ten to a hundred thousand sleeping tasks against threads: time and memory",
        "de dez a cem mil tarefas dormindo contra threads: tempo e memória",
    ),
    show,
    claims: &[
        Claim {
            id: "task-is-small",
            says: Text::new(
                "A sleeping task takes less than 2 KiB.",
                "Uma tarefa que dorme ocupa menos de 2 KiB.",
            ),
            source: BLANDY,
            unit: Text::new("bytes a task", "bytes por tarefa"),
            holds: Threshold::AtMost(2048.0),
            breaks: Text::new("each task holds 16 KiB", "cada tarefa guarda 16 KiB"),
            measure: |stage, mechanism| {
                let (count, ballast) = (stage.amount(100_000, 5_000), mechanism.pick(0, 16 << 10));
                let count = if mechanism.is_sound() { count } else { 5_000 };
                weigh(stage, Crowd { model: Model::Tasks, count, ballast })
            },
        },
        Claim {
            id: "thread-is-large",
            says: Text::new(
                "A sleeping thread takes more than 4 KiB.",
                "Uma thread que dorme ocupa mais de 4 KiB.",
            ),
            source: BLANDY,
            unit: Text::new("bytes a thread", "bytes por thread"),
            holds: Threshold::AtLeast(4096.0),
            breaks: Text::new("the sleepers are tasks", "quem dorme são tarefas"),
            measure: |stage, mechanism| {
                let model = mechanism.pick(Model::Threads, Model::Tasks);
                weigh(
                    stage,
                    Crowd { model, count: stage.amount(500, 200) * mechanism.pick(1, 10), ballast: 0 },
                )
            },
        },
    ],
};

const BLANDY: Source = Source {
    title: "Jim Blandy: context-switch, measuring memory use",
    link: "https://github.com/jimblandy/context-switch#measuring-memory-use",
    number: Text::new("0.4 KiB a task, 9.5 KiB a thread", "0,4 KiB por tarefa, 9,5 KiB por thread"),
};

/// The memory of each of a crowd, from a few crowds.
fn weigh(stage: &Stage, crowd: Crowd) -> Result<Measured, Problem> {
    let costs = (0..3).map(|_| Ok(gather(stage, crowd)?.bytes_each)).collect::<Result<Vec<_>, Problem>>()?;
    Ok(Measured::median(&costs))
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let tasks = stage.amount(&[10, 100, 1_000, 10_000, 100_000][..], &[10][..]);
    let threads = stage.amount(&[10, 100, 1_000, 2_000][..], &[10][..]);
    let crowds = tasks.iter().map(|count| (Model::Tasks, *count));
    for (model, count) in crowds.chain(threads.iter().map(|count| (Model::Threads, *count))) {
        let Cost { bytes_each, nanoseconds: time } = gather(stage, Crowd { model, count, ballast: 0 })?;
        let (time, each) = (nanoseconds(time), bytes_each / 1024.0);
        let who =
            if model == Model::Threads { "threads".to_owned() } else { words!(stage, "tasks  ", "tarefas") };
        say!(
            stage,
            "{count:>7} {who} slept 100 ms in {time:>8}, {each:>6.2} KiB each",
            "{count:>7} {who} dormiram 100 ms em {time:>8}, {each:>6.2} KiB cada"
        );
    }
    Ok(())
}
