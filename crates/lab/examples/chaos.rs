//! Kills worker processes at random, from inside and from outside, and shows that the pool loses nothing:
//!
//! ```text
//! cargo run -p lab --example chaos -- chaos --faults 10000 --worker-deaths 50 --worker-memory 64MiB --deadline 1
//! ```
//!
//! Most tasks end their worker the first time they are run: by an abort, by signal 9 (before the work, or between the work
//! and the reply), by exiting, by hanging until the deadline, or by taking memory until the limit. Meanwhile the parent
//! kills whichever worker it finds. Each reply must come exactly once and be right.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lab::exercise::Kind;
use lab::formats::Out;
use lab::out::{Files, Staging};
use lab::procs::Pool;
use lab::{Answer, Digest, Exercise, Failure, Job, Lab, OrProblem, Problem, Role, Stop, Strategy, Work};
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    static EXERCISES: &[lab::cli::Entry] = &[lab::cli::Entry::of::<Chaos>()];
    lab::cli::main("chaos", "Kills workers at random and counts what comes back", EXERCISES)
}

struct Chaos;

#[derive(Clone, clap::Args)]
struct Args {
    /// At least so many workers die
    #[arg(long, default_value_t = 300)]
    faults: u64,
}

/// What came back.
struct Tally {
    /// How often each task's reply came.
    replies: HashMap<u64, u32>,
    wrong: u64,
    failures: Vec<Failure>,
    deaths: u64,
    from_outside: u64,
}

impl Exercise for Chaos {
    const ID: u8 = 0;
    const NAME: &'static str = "chaos";
    const ABOUT: &'static str = "Kills workers at random, and counts what is lost and what comes twice.";
    const STRATEGIES: &'static [Strategy<Self>] = &[Strategy::new(Kind::Processes, survive)];
    const BEST: &'static str = Kind::Processes.name();
    const ROLES: &'static [Role] = &[Role::worker::<Perish>()];
    type Args = Args;
    type Input = Args;
    type Output = Tally;

    fn files(_: &Args, _: &Lab) -> Files {
        Files::new(Out::Nothing)
    }

    fn prepare(args: &Args, _: &Lab) -> Result<Args, Problem> {
        Ok(args.clone())
    }

    fn deliver(tally: &Tally, _: &Args, _: &Lab) -> Result<(), Problem> {
        let tasks = tally.replies.len() + tally.failures.len();
        let double = tally.replies.values().filter(|count| **count != 1).count();
        println!(
            "{tasks} tasks, {} deaths of workers ({} killed from outside): {} lost, {double} double, {} wrong",
            tally.deaths,
            tally.from_outside,
            tally.failures.len(),
            tally.wrong,
        );
        Ok(())
    }
}

/// Gives out tasks until enough workers have died.
fn survive(args: &Args, lab: &Lab) -> Result<Tally, Problem> {
    let marks = Staging::within(&std::env::temp_dir())?;
    let pool = Pool::<Perish>::start(lab, &Setup { seed: lab.seed, marks: marks.path("") })?;
    let mut tally =
        Tally { replies: HashMap::new(), wrong: 0, failures: Vec::new(), deaths: 0, from_outside: 0 };
    let (over, from_outside) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The flag ends a loop and carries no data.
            for round in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(25));
                from_outside.fetch_add(u64::from(kill_one(Perish::work(lab.seed, round))), Ordering::Relaxed);
            }
        });
        let mut tasks = (0..).map(Task).take_while(|_| pool.progress().deaths < args.faults);
        let given = pool.map_unordered(&mut tasks, &mut |number, outcome| {
            match outcome {
                Ok(reply) => {
                    *tally.replies.entry(number as u64).or_default() += 1;
                    tally.wrong += u64::from(reply != Perish::work(lab.seed, number as u64));
                }
                Err(failure) => tally.failures.push(failure),
            }
            Ok(())
        });
        over.store(true, Ordering::Relaxed);
        given
    })?;
    tally.deaths = pool.progress().deaths;
    tally.from_outside = from_outside.into_inner();
    Ok(tally)
}

/// Kills one of this process's children, if there is one, and tells whether.
fn kill_one(choice: u64) -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    let children =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let found: Vec<i32> = children
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    let chosen =
        usize::try_from(choice >> 1).unwrap_or_default().checked_rem(found.len()).map(|at| found[at]);
    // A child that ends in between is a zombie until it is reaped, so its number is nobody else's. One that was reaped in
    // between could in principle have a successor; the numbers of this system would have to be used up for that.
    chosen.is_some_and(|pid| kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok())
}

impl Answer for Tally {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add(&self.wrong.to_le_bytes());
        Ok(())
    }

    fn work(&self) -> Work {
        Work { items: (self.replies.len() + self.failures.len()) as u64, ..Work::default() }
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

#[derive(Serialize, Deserialize)]
struct Setup {
    seed: u64,
    /// A folder in which each task leaves a mark before it dies, so that it dies once.
    marks: PathBuf,
}

#[derive(Clone, Serialize, Deserialize)]
struct Task(u64);

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "task {}", self.0)
    }
}

/// The job: a little arithmetic, and mostly a death.
struct Perish {
    setup: Setup,
}

impl Perish {
    /// The right reply: some rounds of `SplitMix64`, whose constants are those of Vigna's public-domain code.
    fn work(seed: u64, task: u64) -> u64 {
        (0..1_000).fold(seed ^ task, |state: u64, _| {
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ mixed >> 31).wrapping_add(0x9e37_79b9_7f4a_7c15)
        })
    }
}

impl Job for Perish {
    const NAME: &'static str = "perish";
    type Setup = Setup;
    type Task = Task;
    type Reply = u64;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        Ok(Self { setup: Setup { seed: setup.seed, marks: setup.marks.clone() } })
    }

    fn run(&mut self, task: &Task, _: &Stop) -> Result<u64, Problem> {
        let mark = self.setup.marks.join(task.0.to_string());
        let first = OpenOptions::new().write(true).create_new(true).open(mark).is_ok();
        let fate = if first { Self::work(!self.setup.seed, task.0) % 100 } else { 100 };
        match fate {
            0..20 => std::process::abort(),
            20..40 => drop(raise(Signal::SIGKILL)),
            40..55 => std::process::exit(7),
            55 => loop {
                std::thread::park();
            },
            56 => {
                let hoard = vec![1_u8; 1 << 30];
                std::thread::sleep(Duration::from_secs(10));
                return Err(Problem::new(format!("nobody minded {} bytes", hoard.len())));
            }
            _ => {}
        }
        let reply = Self::work(self.setup.seed, task.0);
        if (57..70).contains(&fate) {
            raise(Signal::SIGKILL).or_problem(|| "cannot die")?;
        }
        Ok(reply)
    }
}
