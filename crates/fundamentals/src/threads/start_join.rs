//! Start, join, arguments, results, names.
//!
//! A thread is a second place in the same program. It is started with what it is to do, which may carry arguments along; it
//! has a name, so that a debugger, a log and a timeline can tell who it was; and it has a result, which is there for whoever
//! *joins* it. Joining is waiting for its end, and it is the only moment after which one knows that it is done. Reading
//! what a thread makes without joining it is reading a newspaper that is still being printed.
//!
//! A thread also costs a stack. It is reserved at once, though only the pages that are touched take memory.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use lab::record::Threshold;
use lab::{Problem, span};

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

/// How many threads there are.
const THREADS: u64 = 16;

/// Squares numbers, each on a thread that takes a moment for it, and counts the results that are there when it reads them:
/// after joining the threads, or before.
pub fn missing(join_first: bool) -> u64 {
    let results: Vec<OnceLock<u64>> = (0..THREADS).map(|_| OnceLock::new()).collect();
    let count = || {
        let right = |(number, result): &(u64, &OnceLock<u64>)| result.get() == Some(&(number * number));
        THREADS - (0..).zip(&results).filter(right).count() as u64
    };
    let mut before = 0;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(&results)
            .map(|(number, result): (u64, _)| {
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(2));
                    let _ = result.set(number * number);
                })
            })
            .collect();
        before = count();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    });
    if join_first { count() } else { before }
}

/// The size in bytes of the region that holds the stack of a new thread, as the system sees it.
fn stack_size(ask_for: Option<usize>) -> Option<u64> {
    let builder = thread::Builder::new();
    let builder = if let Some(bytes) = ask_for { builder.stack_size(bytes) } else { builder };
    let look = || {
        let local = 0_u8;
        let here = std::ptr::from_ref(&local).addr() as u64;
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        let mut sizes = maps.lines().filter_map(|line| {
            let (low, high) = line.split_whitespace().next()?.split_once('-')?;
            let (low, high) = (u64::from_str_radix(low, 16).ok()?, u64::from_str_radix(high, 16).ok()?);
            (low <= here && here < high).then_some(high - low)
        });
        sizes.next_back()
    };
    builder.spawn(look).ok()?.join().ok()?
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "start-join",
    about: Text::new(
        "threads with names, arguments and results, and what joining them is for",
        "threads com nomes, argumentos e resultados, e para que serve o join",
    ),
    show,
    claims: &[
        Claim {
            id: "join-returns",
            says: Text::new(
                "After joining the threads, every result is there.",
                "Depois do join nas threads, todos os resultados estão lá.",
            ),
            source: Source {
                title: "std::thread::JoinHandle::join",
                link: "https://doc.rust-lang.org/std/thread/struct.JoinHandle.html#method.join",
                number: Text::new("waits for the thread to finish", "espera a thread terminar"),
            },
            unit: Text::new("results of 16 missing", "resultados de 16 faltando"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "the results are read before the join",
                "os resultados são lidos antes do join",
            ),
            measure: |_, mechanism| Ok(Measured::count(missing(mechanism.is_sound()))),
        },
        Claim {
            id: "stack-two-mib",
            says: Text::new(
                "A thread of Rust's reserves a stack of 2 MiB unless it is told otherwise.",
                "Uma thread do Rust reserva uma pilha de 2 MiB, salvo outra indicação.",
            ),
            source: Source {
                title: "std::thread, stack size",
                link: "https://doc.rust-lang.org/std/thread/index.html#stack-size",
                number: Text::same("2 MiB"),
            },
            unit: Text::new("MiB reserved", "MiB reservados"),
            holds: Threshold::Within(1.9, 2.2),
            breaks: Text::new("it is told to reserve 16 MiB", "pede-se a ela que reserve 16 MiB"),
            measure: |_, mechanism| {
                // `RUST_MIN_STACK` would be such a telling; without it the default is what the claim says.
                let bytes = stack_size(mechanism.pick(None, Some(16 << 20)));
                let unknown =
                    || Measured::nothing(Text::new("this system does not tell", "este sistema não informa"));
                Ok(bytes.map_or_else(unknown, |bytes| Measured::exactly(bytes as f64 / f64::from(1 << 20))))
            },
        },
    ],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let squares = stage.drawn(|| {
        let start = |number: u64| {
            let thread = thread::Builder::new().name(format!("square of {number}"));
            let work = move || {
                let _working = span!(Waiting, "square", number).entered();
                thread::sleep(Duration::from_millis(10 * number));
                number * number
            };
            thread.spawn(work)
        };
        let started: Vec<_> = (1..=4).map(start).collect();
        started.into_iter().filter_map(|thread| thread.ok()?.join().ok()).collect::<Vec<_>>()
    });
    for (number, square) in (1..).zip(squares) {
        say!(
            stage,
            "the thread with argument {number} returned {square}",
            "a thread com argumento {number} devolveu {square}"
        );
    }
    Ok(())
}
