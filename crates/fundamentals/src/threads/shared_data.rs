//! Several threads on the same data, without a conflict.
//!
//! Sharing is harmless as long as nobody writes, and writing is harmless as long as nobody shares. So a long list is cut
//! into parts, each thread gets a part of its own to write to, and no lock is needed, because there is nothing that two
//! threads could do to each other. Rust's `chunks_mut` gives out parts that cannot overlap, and the compiler knows it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use lab::record::Threshold;
use lab::{Problem, span};

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

/// How many threads there are.
const THREADS: usize = 4;
/// How many cells the list has.
const CELLS: usize = 100_000;

/// Each thread counts up the cells of its part, which reaches `overlap` cells into the next one. Returns how many cells were
/// counted up more or less than once.
///
/// Parts that overlap cannot be had with `chunks_mut`; to make the mistake at all the cells are atomics.
pub fn touched_wrongly(overlap: usize) -> u64 {
    let cells: Vec<AtomicU8> = (0..CELLS).map(|_| AtomicU8::new(0)).collect();
    let part = CELLS / THREADS;
    thread::scope(|scope| {
        for number in 0..THREADS {
            let end = ((number + 1) * part + overlap).min(CELLS);
            let mine = &cells[number * part..end];
            // Relaxed: the cells are read after the scope has joined the threads.
            scope.spawn(move || {
                for cell in mine {
                    cell.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    cells.iter().filter(|cell| cell.load(Ordering::Relaxed) != 1).count() as u64
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "shared-data",
    about: Text::new(
        "several threads write to one list without a lock, because each has a part of its own",
        "várias threads gravam em uma lista sem trava, porque cada uma tem a sua parte",
    ),
    show,
    claims: &[Claim {
        id: "parts-do-not-conflict",
        says: Text::new(
            "Threads that write to parts of their own touch every cell exactly once.",
            "Threads que gravam cada uma na sua parte tocam cada célula exatamente uma vez.",
        ),
        source: Source {
            title: "slice::chunks_mut",
            link: "https://doc.rust-lang.org/std/primitive.slice.html#method.chunks_mut",
            number: Text::new("the chunks do not overlap", "as partes não se sobrepõem"),
        },
        unit: Text::new("cells touched wrongly", "células tocadas de forma errada"),
        holds: Threshold::AtMost(0.0),
        breaks: Text::new(
            "each part reaches one cell into the next",
            "cada parte invade uma célula da seguinte",
        ),
        measure: |_, mechanism| Ok(Measured::count(touched_wrongly(mechanism.pick(0, 1)))),
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let mut cells = vec![0_u64; stage.amount(4_000_000, 4000)];
    let part = cells.len() / THREADS;
    stage.drawn(|| {
        thread::scope(|scope| {
            for (number, mine) in cells.chunks_mut(part).enumerate() {
                let named = thread::Builder::new().name(format!("part {}", number + 1));
                let work = move || {
                    let _working = span!(Running, "fill", number).entered();
                    (0..).zip(mine.iter_mut()).for_each(|(at, cell): (u64, _)| *cell = at * at);
                };
                named.spawn_scoped(scope, work).expect("the system has threads for a lesson");
            }
        });
    });
    let written = cells.iter().filter(|cell| **cell > 0).count();
    say!(
        stage,
        "{THREADS} threads wrote to {written} cells of one list, without a lock",
        "{THREADS} threads gravaram em {written} células de uma só lista, sem trava"
    );
    Ok(())
}
