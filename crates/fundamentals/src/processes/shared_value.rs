//! A shared value and a shared array, with and without a lock.
//!
//! Processes share nothing, unless they ask for it. A page of memory that both have mapped is the fastest way to tell each
//! other something, and it brings back everything that threads have to fear: two processes that count on one number lose
//! updates as two threads do, and no compiler notices, for it sees one process at a time.
//!
//! An array that is cut into parts needs no lock here either. A value that all change does, and the lock has to lie in
//! shared memory too.

use std::fmt;
use std::sync::atomic::Ordering;

use lab::record::Threshold;
use lab::{Job, Problem, Stop, span};
use serde::{Deserialize, Serialize};

use super::shared::{Place, SharedLock, SharedNumbers};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_processes};
use crate::text::Text;

/// How the processes work on the shared numbers. The first number is the lock, the second the value, the others the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// All count on the value, reading and writing it.
    Value,
    /// The same, holding the lock.
    LockedValue,
    /// Each writes to its own part of the array.
    OwnPart,
    /// Each writes to the whole array.
    WholeArray,
}

/// What one process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    way: Way,
    number: usize,
    of: usize,
    each: u64,
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "share {} of {}", self.number + 1, self.of)
    }
}

/// The numbers before the array: the lock, the value, and how many processes have arrived.
const BEFORE: usize = 3;
/// How many cells the array has.
const CELLS: usize = 1000;
/// How often a race is given the chance to be lost.
const CHANCES: usize = 40;
/// How many processes there are.
const PROCESSES: usize = 2;

/// The worker process's job.
#[derive(Debug)]
pub struct Count(SharedNumbers);

impl Job for Count {
    const NAME: &'static str = "shared value";
    type Setup = Place;
    type Task = Share;
    type Reply = ();

    fn start(place: &Place) -> Result<Self, Problem> {
        SharedNumbers::open(*place).map(Self)
    }

    fn run(&mut self, share: &Share, stop: &Stop) -> Result<(), Problem> {
        let numbers = self.0.numbers();
        let (lock, value, cells) = (SharedLock(&numbers[0]), &numbers[1], &numbers[BEFORE..]);
        // Starting a process takes longer than counting, so the first one waits for the last.
        numbers[2].fetch_add(1, Ordering::Relaxed);
        while numbers[2].load(Ordering::Relaxed) < share.of as u64 && !stop.asked() {
            std::thread::yield_now();
        }
        let _working = span!(Running, "count", share).entered();
        // Relaxed: the parent reads after the processes have replied.
        let add = || value.store(value.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        match share.way {
            Way::Value => (0..share.each).for_each(|_| add()),
            Way::LockedValue => (0..share.each).for_each(|_| lock.hold(add)),
            Way::OwnPart | Way::WholeArray => {
                let part = cells.len() / share.of;
                let mine = if share.way == Way::OwnPart {
                    &cells[share.number * part..(share.number + 1) * part]
                } else {
                    cells
                };
                for cell in mine {
                    cell.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
}

/// Lets two processes work, and returns the value and how many cells were touched more or less than once.
fn work(stage: &Stage, way: Way, each: u64) -> Result<(u64, u64), Problem> {
    let shared = SharedNumbers::new(BEFORE + CELLS)?;
    let work: Vec<Share> = (0..PROCESSES).map(|number| Share { way, number, of: PROCESSES, each }).collect();
    in_processes::<Count>(&stage.lab_with(PROCESSES), &shared.place(), &work)?;
    let numbers = shared.numbers();
    let wrong = numbers[BEFORE..].iter().filter(|cell| cell.load(Ordering::Relaxed) != 1).count();
    Ok((numbers[1].load(Ordering::Relaxed), wrong as u64))
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "shared-value",
    about: Text::new(
        "a value and an array in memory that two processes share, with and without a lock",
        "um valor e um vetor na memória que dois processos compartilham, com e sem trava",
    ),
    show,
    claims: &[
        Claim {
            id: "shared-value-loses",
            says: Text::new(
                "Two processes that count on one shared value without a lock lose updates.",
                "Dois processos que contam em um valor compartilhado sem trava perdem atualizações.",
            ),
            source: PYTHON,
            unit: LOST,
            holds: Threshold::AtLeast(1.0),
            breaks: Text::new("both take the lock", "os dois usam a trava"),
            measure: |stage, mechanism| lost(stage, mechanism.pick(Way::Value, Way::LockedValue)),
        },
        Claim {
            id: "shared-value-lock-exact",
            says: Text::new(
                "A lock in shared memory loses nothing.",
                "Uma trava na memória compartilhada não perde nada.",
            ),
            source: PYTHON,
            unit: LOST,
            holds: Threshold::AtMost(0.0),
            breaks: Text::new("nobody takes the lock", "ninguém usa a trava"),
            measure: |stage, mechanism| lost(stage, mechanism.pick(Way::LockedValue, Way::Value)),
        },
        Claim {
            id: "shared-array-parts",
            says: Text::new(
                "Processes that write to parts of their own touch every cell of a shared array once.",
                "Processos que gravam cada um na sua parte tocam cada célula do vetor compartilhado uma vez.",
            ),
            source: Source {
                title: "Python documentation: multiprocessing.shared_memory",
                link: "https://docs.python.org/3/library/multiprocessing.shared_memory.html",
                number: Text::new("no number", "sem número"),
            },
            unit: Text::new("cells touched wrongly", "células tocadas de forma errada"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new("each writes to the whole array", "cada um grava no vetor inteiro"),
            measure: |stage, mechanism| {
                Ok(Measured::count(work(stage, mechanism.pick(Way::OwnPart, Way::WholeArray), 0)?.1))
            },
        },
    ],
};

const PYTHON: Source = Source {
    title: "Python documentation: multiprocessing.Value",
    link: "https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Value",
    number: Text::new("+= is not atomic, no number", "+= não é atômico, sem número"),
};
const LOST: Text = Text::new("updates lost", "atualizações perdidas");

fn lost(stage: &Stage, way: Way) -> Result<Measured, Problem> {
    let each = 500_000;
    // A race that is not lost today is still a race, so it is given some chances.
    for _ in 0..CHANCES {
        let lost = PROCESSES as u64 * each - work(stage, way, each)?.0;
        if lost > 0 {
            return Ok(Measured::count(lost));
        }
    }
    Ok(Measured::count(0))
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let each = stage.amount(500_000, 1000);
    for (way, name) in [
        (Way::Value, Text::new("without a lock", "sem trava")),
        (Way::LockedValue, Text::new("with a lock", "com trava")),
    ] {
        let (name, right) = (name.in_lang(stage.lang), PROCESSES as u64 * each);
        let mut value = right;
        for _ in 0..if way == Way::Value { CHANCES } else { 1 } {
            value = work(stage, way, each)?.0;
            if value != right {
                break;
            }
        }
        say!(
            stage,
            "{name:16} two processes counted to {value} of {right}",
            "{name:16} dois processos contaram até {value} de {right}"
        );
    }
    let (_, wrong) = work(stage, Way::OwnPart, 0)?;
    say!(
        stage,
        "an array in parts: {wrong} of {CELLS} cells wrong, without a lock",
        "um vetor em partes: {wrong} de {CELLS} células erradas, sem trava"
    );
    Ok(())
}
