//! Scoped threads, and why the compiler asks for them.
//!
//! A thread that is started with `thread::spawn` may live longer than the function that started it. What it borrows from
//! that function may then be gone, and so the compiler does not let it borrow anything: `tests/compile_fail/borrow.rs` shows
//! its words. Other languages let it happen.
//!
//! Within `thread::scope` the threads may borrow, for the scope does not end before they have. It joins them, also when the
//! code between panics. No thread is left behind, and nothing that it uses is freed under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
const THREADS: u64 = 8;

/// Starts threads that take a moment, and counts those that still run right after: within a scope, or without one.
pub fn still_running(scoped: bool) -> u64 {
    let running = Arc::new(AtomicU64::new(THREADS));
    let work = |running: &AtomicU64| {
        thread::sleep(Duration::from_millis(5));
        running.fetch_sub(1, Ordering::Release);
    };
    if scoped {
        thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(|| work(&running)))));
        return running.load(Ordering::Acquire);
    }
    let start = |_| {
        let running = Arc::clone(&running);
        thread::spawn(move || work(&running))
    };
    let threads: Vec<_> = (0..THREADS).map(start).collect();
    let left = running.load(Ordering::Acquire);
    // They are joined all the same: nothing of ours is detached, not even here.
    threads.into_iter().for_each(|thread| drop(thread.join()));
    left
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "scoped",
    about: Text::new(
        "scoped threads may borrow, because none of them outlives the scope",
        "threads com escopo podem tomar emprestado, porque nenhuma sobrevive ao escopo",
    ),
    show,
    claims: &[Claim {
        id: "scope-joins",
        says: Text::new(
            "When a scope ends, none of its threads runs any longer.",
            "Quando o escopo termina, nenhuma de suas threads ainda roda.",
        ),
        source: Source {
            title: "std::thread::scope",
            link: "https://doc.rust-lang.org/std/thread/fn.scope.html",
            number: Text::new("all threads are joined", "todas as threads passam por join"),
        },
        unit: Text::new("threads still running", "threads ainda rodando"),
        holds: Threshold::AtMost(0.0),
        breaks: Text::new("the threads are started without a scope", "as threads são iniciadas sem escopo"),
        measure: |_, mechanism| Ok(Measured::count(still_running(mechanism.is_sound()))),
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let orders = [Text::new("bread", "pão"), Text::new("rice", "arroz"), Text::new("beans", "feijão")];
    let orders = orders.map(|order| order.in_lang(stage.lang));
    let letters = AtomicU64::new(0);
    stage.drawn(|| {
        let _all = span!(Running, "scope", "").entered();
        thread::scope(|scope| {
            for order in orders {
                let letters = &letters;
                let work = move || {
                    let _working = span!(Waiting, "count", order).entered();
                    thread::sleep(Duration::from_millis(5 * order.len() as u64));
                    letters.fetch_add(order.chars().count() as u64, Ordering::Relaxed);
                };
                let named = thread::Builder::new().name(order.into());
                named.spawn_scoped(scope, work).expect("the system has threads for a lesson");
            }
        });
    });
    let letters = letters.into_inner();
    say!(
        stage,
        "three threads borrowed the orders and counted {letters} letters; the orders are still ours",
        "três threads tomaram emprestados os pedidos e contaram {letters} letras; os pedidos ainda são nossos"
    );
    Ok(())
}
