//! The GIL: one lock around a whole interpreter.
//!
//! `CPython` counts references. Every `x = y` changes a count, and two threads that change one count at the same time lose
//! changes (the race of the counter, two chapters back). `CPython`'s mend since 1992 is the simplest there is: one lock for
//! the whole interpreter, the *global interpreter lock*. Whoever holds it may run Python code, for about 5 ms; the others
//! wait. From this follow three sentences that every Python programmer learns the hard way, and that this program measures:
//!
//! - threads do not make a loop that computes any faster, because only one of them runs at a time;
//! - threads do make waiting faster, because whoever waits for a disk, a network or a clock lets the lock go;
//! - processes compute in parallel, because each is an interpreter with a lock of its own.
//!
//! None of it is a property of threads. The same loops in Rust run on all processors at once, and builds of `CPython` without
//! the lock (PEP 703, `python3.13t` and later) do the same: if there is one here, its row stands in the table too.
//!
//! What is measured is not time, which a busy machine stretches, but how many threads *could* run at the same moment
//! (`observe.rs`): under the lock it is one, whatever else happens on the machine.

pub(crate) mod model;
mod python;

use lab::Problem;
use lab::measure::nanoseconds;
use lab::record::Threshold;
use lab::timeline::State;

use crate::claim::{Claim, Mechanism, Source};
use crate::measured::Measured;
use crate::observe::Film;
use crate::program::{Chapter, Program};
use crate::stage::Stage;
use crate::text::Text;
use crate::{say, words};
use python::Python;

/// The chapter.
pub const CHAPTER: Chapter =
    Chapter { title: Text::new("The GIL", "O GIL"), programs: &[PROGRAM], roles: &[] };

const PROGRAM: Program = Program {
    name: "gil",
    about: Text::new(
        "the same loops in Python and in Rust, with threads and with processes",
        "os mesmos laços em Python e em Rust, com threads e com processos",
    ),
    show,
    claims: &[THREADS, WAITING, PROCESSES, RUST],
};

/// What each worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Steps of a small generator of numbers: nothing but computing.
    Compute { steps: u64 },
    /// Waits, as for an answer from the network.
    Wait { milliseconds: u64 },
}

impl Work {
    fn amount(self) -> u64 {
        match self {
            Self::Compute { steps } => steps,
            Self::Wait { milliseconds } => milliseconds,
        }
    }
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// One worker's work after the other's.
    OneByOne,
    /// A thread for each worker.
    Threads,
    /// A process for each worker.
    Processes,
}

/// One run of the loops.
#[derive(Clone, Copy, Debug)]
struct Run {
    work: Work,
    way: Way,
    workers: u32,
    /// Whether all workers share one more lock, which they hold while they work.
    locked: bool,
}

/// What came of a run.
struct Answers {
    seconds: f64,
    /// One for each worker.
    values: Vec<u32>,
    film: Film,
}

/// Two workers: as many as the smallest machine of today has processors, and enough to see whether they run at once.
const WORKERS: u32 = 2;

/// Steps that take a Python thread about a tenth of a second.
const STEPS: u64 = 1_000_000;

/// Steps that take a Rust thread about a tenth of a second.
const RUST_STEPS: u64 = 60_000_000;

/// Waiters, and for how long each waits.
const WAITERS: u32 = 4;
const WAIT_MS: u64 = 50;

const MODEL: Text = Text::new(
    "no Python with a GIL was found: this is a model, Rust threads under one big lock",
    "nenhum Python com GIL foi encontrado: isto é um modelo, threads de Rust sob uma única trava",
);

/// Runs the loops in the usual Python, or in the model where there is none; tells which.
fn in_python(run: Run, stage: &Stage) -> Result<(Answers, Option<Text>), Problem> {
    if let Some(python) = python::find().into_iter().find(|python| python.gil) {
        return Ok((python.run(run, &stage.lab.stop)?, None));
    }
    let work = match run.work {
        Work::Compute { steps } => Work::Compute { steps: steps * (RUST_STEPS / STEPS) },
        work @ Work::Wait { .. } => work,
    };
    Ok((model::run(Run { work, ..run }, true), Some(MODEL)))
}

/// How many of the workers could run at the same moment. Python's first thread, which waits for the others, is seen too; the
/// model's is not.
fn at_once(film: &Film, note: Option<Text>, first: usize) -> Measured {
    let measured =
        film.at_once(WORKERS as usize + if note.is_some() { 0 } else { first }).unwrap_or_else(|| {
            Measured::nothing(Text::new(
                "this system does not tell which threads could run",
                "este sistema não informa quais threads poderiam executar",
            ))
        });
    note.map_or(measured, |note| measured.noted(note))
}

const RUNNABLE: Text = Text::new("threads able to run at once", "threads aptas a executar ao mesmo tempo");

const THREADS: Claim = Claim {
    id: "gil-one-thread-at-a-time",
    says: Text::new(
        "Of two Python threads that compute, only one runs at a time.",
        "De duas threads de Python que calculam, só uma executa por vez.",
    ),
    source: Source {
        title: "Python documentation, glossary: global interpreter lock",
        link: "https://docs.python.org/3/glossary.html#term-global-interpreter-lock",
        number: Text::new("only one thread at a time", "apenas uma thread por vez"),
    },
    unit: RUNNABLE,
    // Two that run at once give 2. Whoever waits for the lock wakes every 5 ms to ask for it, and on a busy machine is seen
    // waiting for a processor then.
    holds: Threshold::AtMost(1.6),
    breaks: Text::new(
        "processes take the threads' place, so each worker has an interpreter lock of its own",
        "processos ocupam o lugar das threads, e cada um tem a sua própria trava do interpretador",
    ),
    measure: |stage, mechanism| {
        let way = mechanism.pick(Way::Threads, Way::Processes);
        let work = Work::Compute { steps: stage.amount(3 * STEPS, 2 * STEPS) };
        let (answers, note) = in_python(Run { work, way, workers: WORKERS, locked: false }, stage)?;
        Ok(at_once(&answers.film, note, 1))
    },
};

const WAITING: Claim = Claim {
    id: "gil-waiting-overlaps",
    says: Text::new(
        "Four Python threads wait almost four times faster than one, because whoever waits lets the lock go.",
        "Quatro threads de Python esperam quase quatro vezes mais rápido que uma, pois quem espera solta a trava.",
    ),
    source: Source {
        title: "Python documentation, threading: GIL and performance considerations",
        link: "https://docs.python.org/3/library/threading.html",
        number: Text::new(
            "threads suit many I/O-bound tasks at once",
            "threads servem para muitas tarefas de E/S simultâneas",
        ),
    },
    unit: Text::new("times faster with 4 threads", "vezes mais rápido com 4 threads"),
    holds: Threshold::AtLeast(2.0),
    breaks: Text::new(
        "the threads hold a lock while they wait",
        "as threads seguram uma trava enquanto esperam",
    ),
    measure: |stage, mechanism| {
        let work = Work::Wait { milliseconds: WAIT_MS };
        let run = Run { work, way: Way::Threads, workers: WAITERS, locked: !mechanism.is_sound() };
        let alone = f64::from(WAITERS) * WAIT_MS as f64 / 1000.0;
        let mut note = None;
        let mut times = Vec::new();
        for _ in 0..stage.amount(5, 3) {
            let (answers, of) = in_python(run, stage)?;
            note = of;
            times.push(alone / answers.seconds);
        }
        let measured = Measured::median(&times);
        Ok(note.map_or(measured, |note| measured.noted(note)))
    },
};

const PROCESSES: Claim = Claim {
    id: "gil-processes-run-at-once",
    says: Text::new(
        "Two Python processes compute at the same time, because each has a lock of its own.",
        "Dois processos de Python calculam ao mesmo tempo, pois cada um tem a sua própria trava.",
    ),
    source: Source {
        title: "Python documentation, multiprocessing: introduction",
        link: "https://docs.python.org/3/library/multiprocessing.html",
        number: Text::new(
            "subprocesses side-step the lock and use several processors",
            "subprocessos contornam a trava e usam vários processadores",
        ),
    },
    unit: RUNNABLE,
    holds: Threshold::AtLeast(1.6),
    breaks: Text::new("the processes share one more lock", "os processos compartilham mais uma trava"),
    measure: |stage, mechanism| {
        let work = Work::Compute { steps: stage.amount(3 * STEPS, 2 * STEPS) };
        let run = Run { work, way: Way::Processes, workers: WORKERS, locked: !mechanism.is_sound() };
        let (answers, note) = in_python(run, stage)?;
        Ok(at_once(&answers.film, note, 1))
    },
};

const RUST: Claim = Claim {
    id: "gil-rust-threads-run-at-once",
    says: Text::new(
        "Two Rust threads that compute run at the same time: the limit is Python's lock and not the thread.",
        "Duas threads de Rust que calculam executam ao mesmo tempo: o limite é a trava do Python e não a thread.",
    ),
    source: Source {
        title: "PEP 703, Making the Global Interpreter Lock Optional in CPython",
        link: "https://peps.python.org/pep-0703/",
        number: Text::new(
            "the GIL is an obstacle to using several processors",
            "o GIL é um obstáculo ao uso de vários processadores",
        ),
    },
    unit: RUNNABLE,
    holds: Threshold::AtLeast(1.6),
    breaks: Text::new("the threads run under one big lock", "as threads executam sob uma única trava"),
    measure: |stage, mechanism| {
        let work = Work::Compute { steps: stage.amount(3 * RUST_STEPS, 2 * RUST_STEPS) };
        let run = Run { work, way: Way::Threads, workers: WORKERS, locked: false };
        Ok(at_once(&model::run(run, mechanism == Mechanism::Broken).film, None, 0))
    },
};

/// The table, and the picture of two Python threads that take turns.
fn show(stage: &Stage) -> Result<(), Problem> {
    let pythons = python::find();
    if pythons.is_empty() {
        say!(
            stage,
            "There is no Python here, so one big lock around Rust threads stands in for it: a model.",
            "Não há Python aqui; no lugar dele, threads de Rust sob uma única trava: um modelo."
        );
    }
    let work = Work::Compute { steps: STEPS };
    let expected =
        model::run(Run { work, way: Way::OneByOne, workers: WORKERS, locked: false }, false).values;
    for python in &pythons {
        row(stage, &python_name(stage, python), &expected, |run| python.run(run, &stage.lab.stop))?;
    }
    if pythons.is_empty() {
        row(stage, &words!(stage, "the model", "o modelo"), &expected, |run| Ok(model::run(run, true)))?;
    }
    row(stage, "Rust", &expected, |run| Ok(model::run(run, false)))?;
    say!(
        stage,
        "Two threads that compute, as the kernel sees them (blocked: waiting for the lock):",
        "Duas threads que calculam, como o kernel as vê (bloqueada: esperando pela trava):"
    );
    let run = Run { work, way: Way::Threads, workers: WORKERS, locked: false };
    let (answers, _) = in_python(run, stage)?;
    stage.draw(&answers.film.slices("thread", State::Blocked));
    Ok(())
}

fn python_name(stage: &Stage, python: &Python) -> String {
    let version = &python.version;
    if python.gil {
        words!(stage, "Python {version}", "o Python {version}")
    } else {
        words!(stage, "Python {version} without the GIL", "o Python {version} sem o GIL")
    }
}

/// One line of the table: the same work in three ways, and whether the answers are those of Rust.
fn row(
    stage: &Stage,
    name: &str,
    expected: &[u32],
    run: impl Fn(Run) -> Result<Answers, Problem>,
) -> Result<(), Problem> {
    let mut times = Vec::new();
    for way in [Way::OneByOne, Way::Threads, Way::Processes] {
        let answers =
            run(Run { work: Work::Compute { steps: STEPS }, way, workers: WORKERS, locked: false })?;
        if answers.values != expected {
            return Err(Problem::new(format!("{name} gave {:?} and not {expected:?}", answers.values)));
        }
        times.push(nanoseconds(to_nanoseconds(answers.seconds)));
    }
    let (one, threads, processes) = (&times[0], &times[1], &times[2]);
    say!(
        stage,
        "{name:24} one by one {one:>9}   2 threads {threads:>9}   2 processes {processes:>9}   same answer",
        "{name:24} um a um {one:>9}   2 threads {threads:>9}   2 processos {processes:>9}   mesma resposta"
    );
    Ok(())
}

fn to_nanoseconds(seconds: f64) -> u64 {
    u64::try_from(std::time::Duration::from_secs_f64(seconds.max(0.0)).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(python: Option<&Python>, way: Way) -> Vec<u32> {
        let run = Run { work: Work::Compute { steps: 50_000 }, way, workers: 3, locked: false };
        match python {
            Some(python) => python.run(run, &lab::Stop::new()).unwrap().values,
            None => model::run(run, false).values,
        }
    }

    #[test]
    fn every_way_in_every_language_gives_the_same_answers() {
        let expected = answers(None, Way::OneByOne);
        // Three steps of the generator by hand: 0 → 12345 → 1406932606 → 654583775.
        let three = Run { work: Work::Compute { steps: 3 }, way: Way::OneByOne, workers: 1, locked: false };
        assert_eq!(model::run(three, true).values, [654_583_775]);
        for way in [Way::OneByOne, Way::Threads, Way::Processes] {
            assert_eq!(answers(None, way), expected);
            for python in python::find() {
                assert_eq!(answers(Some(&python), way), expected, "{python:?} {way:?}");
            }
        }
    }

    #[test]
    fn the_model_lets_one_thread_run_at_a_time_and_rust_two() {
        let run = |gil| {
            let work = Work::Compute { steps: RUST_STEPS };
            let run = Run { work, way: Way::Threads, workers: 2, locked: false };
            model::run(run, gil).film.at_once(2).unwrap().estimate.unwrap().value
        };
        // On a busy machine a thread that was woken waits for a processor while the other one goes on: once is enough.
        let seen: Vec<_> = (0..5).map(|_| (run(true), run(false))).collect();
        assert!(seen.iter().any(|(locked, free)| *locked < 1.4 && *free > 1.6), "{seen:?}");
    }

    #[test]
    fn a_python_that_fails_says_why() {
        let python = Python { program: "/bin/false".into(), version: "0".into(), gil: true };
        let run = Run { work: Work::Compute { steps: 1 }, way: Way::OneByOne, workers: 1, locked: false };
        let problem = python.run(run, &lab::Stop::new()).map(|answers| answers.values).unwrap_err();
        assert!(problem.to_string().contains("cannot run the loops in /bin/false"), "{problem}");
    }
}
