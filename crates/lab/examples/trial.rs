//! The smallest exercise program: one job that does what its tasks say, well or badly.
//!
//! It shows what an exercise crate consists of, and the tests of the process pool and of the runner start it, because
//! only a real process can really die:
//!
//! ```text
//! cargo run -p lab --example trial -- trial 3 abort 4 --strategy processes
//! ```

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lab::exercise::Kind;
use lab::formats::Out;
use lab::out::Files;
use lab::ways::{self, Way};
use lab::{Answer, Digest, Exercise, Failure, Job, Lab, OrProblem, Problem, Role, Stop, Strategy, Work};
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    static EXERCISES: &[lab::cli::Entry] = &[lab::cli::Entry::of::<Trial>()];
    lab::cli::main("trial", "Does what its tasks say, well or badly", EXERCISES)
}

/// The exercise.
struct Trial;

/// What it is asked to do.
#[derive(clap::Args)]
struct Args {
    /// Numbers to square, or: abort, abort-once=FILE, exit, hang, slow=MILLISECONDS, panic, print, chatter, hoard, pid, suspicious, wrong
    tasks: Vec<String>,
}

/// A task, as it stands on the command line.
#[derive(Clone, Serialize, Deserialize)]
struct Task(String);

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The squares, in order, and what failed.
struct Squares {
    values: Vec<i64>,
    failures: Vec<Failure>,
    warnings: Vec<Problem>,
}

impl Exercise for Trial {
    const ID: u8 = 0;
    const NAME: &'static str = "trial";
    const ABOUT: &'static str = "Squares numbers, and misbehaves where it is told to.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, |input: &Vec<Task>, lab| {
            Ok(squares(input, lab, ways::sequential::<Obey>))
        }),
        Strategy::absent(Kind::Threads, "the example has enough with the others"),
        Strategy::new(Kind::Pool, |input: &Vec<Task>, lab| Ok(squares(input, lab, ways::pool::<Obey>))),
        Strategy::new(Kind::Rayon, |input: &Vec<Task>, lab| Ok(wrong_on_demand(input, lab))),
        Strategy::new(Kind::Async, |input: &Vec<Task>, lab| {
            Ok(squares(input, lab, ways::event_loop::<Obey>))
        }),
        Strategy::new(Kind::Processes, |input: &Vec<Task>, lab| {
            Ok(squares(input, lab, ways::processes::<Obey>))
        }),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const RESUMES: bool = true;
    const ROLES: &'static [Role] = &[Role::worker::<Obey>()];
    type Args = Args;
    type Input = Vec<Task>;
    type Output = Squares;

    fn files(_: &Args, _: &Lab) -> Files {
        Files::new(Out::Nothing)
    }

    fn prepare(args: &Args, _: &Lab) -> Result<Vec<Task>, Problem> {
        Ok(args.tasks.iter().cloned().map(Task).collect())
    }

    fn deliver(output: &Squares, _: &Args, _: &Lab) -> Result<(), Problem> {
        println!("{:?}", output.values);
        Ok(())
    }
}

fn squares(tasks: &[Task], lab: &Lab, way: Way<Obey>) -> Squares {
    let mut answer = Squares { values: Vec::new(), failures: Vec::new(), warnings: Vec::new() };
    let suspicious = tasks.iter().filter(|task| task.0 == "suspicious");
    answer.warnings.extend(suspicious.map(|_| Problem::new("this is suspicious").hint("look at it")));
    for outcome in ways::collect::<Obey>(way, lab, &(), tasks) {
        match outcome {
            Ok(square) => answer.values.push(square),
            Err(failure) => answer.failures.push(failure),
        }
    }
    answer
}

/// Gives another answer than its siblings when a task says `wrong`.
fn wrong_on_demand(tasks: &[Task], lab: &Lab) -> Squares {
    let mut answer = squares(tasks, lab, ways::rayon::<Obey>);
    if tasks.iter().any(|task| task.0 == "wrong") {
        answer.values.push(0);
    }
    answer
}

impl Answer for Squares {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        for square in &self.values {
            digest.add(&square.to_le_bytes());
        }
        Ok(())
    }

    fn work(&self) -> Work {
        Work { items: (self.values.len() + self.failures.len()) as u64, ..Work::default() }
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }

    fn warnings(&self) -> Vec<Problem> {
        self.warnings.clone()
    }
}

/// The job: does what the task says.
struct Obey;

impl Job for Obey {
    const NAME: &'static str = "obey";
    type Setup = ();
    type Task = Task;
    type Reply = i64;

    fn start((): &()) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn run(&mut self, task: &Task, stop: &Stop) -> Result<i64, Problem> {
        let (word, value) = task.0.split_once('=').unwrap_or((&task.0, ""));
        match word {
            "abort" => {
                eprintln!("these are my last words");
                std::process::abort()
            }
            "abort-once" if !Path::new(value).exists() => {
                std::fs::write(value, "").or_problem(|| "cannot leave a mark")?;
                std::process::abort()
            }
            "exit" => std::process::exit(3),
            "hang" => loop {
                std::thread::park();
            },
            "slow" => {
                let end = Instant::now() + Duration::from_millis(value.parse().or_problem(|| "no number")?);
                while Instant::now() < end && !stop.asked() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                stop.check().map(|()| 0)
            }
            // More memory than any limit in the tests, touched, and kept until somebody does something about it.
            "hoard" => {
                let hoard = vec![1_u8; 256 << 20];
                let end = Instant::now() + Duration::from_secs(20);
                while Instant::now() < end && !stop.asked() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                stop.check().map(|()| i64::from(hoard[0]))
            }
            "pid" => Ok(i64::from(std::process::id())),
            "panic" => panic!("told to"),
            "print" => {
                println!("a line that must not damage the protocol");
                Ok(1)
            }
            // Far more than a pipe holds, to a stream that somebody must drain.
            "chatter" => {
                (0..20_000)
                    .try_for_each(|line| writeln!(std::io::stderr(), "line {line}"))
                    .or_problem(|| "nobody listens")?;
                Ok(2)
            }
            "abort-once" | "suspicious" | "wrong" => Ok(3),
            number => {
                let number: i64 = number
                    .parse()
                    .or_problem(|| "no number")
                    .map_err(|problem| problem.hint("give a number"))?;
                Ok(number * number)
            }
        }
    }
}
