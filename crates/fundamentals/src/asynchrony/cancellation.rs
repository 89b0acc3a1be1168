//! Cancellation, and what is cleaned up.
//!
//! A future that is dropped stops where it waits. It is not told, it is simply never asked to go on, and what it holds is
//! dropped with it: files are closed, locks given back, places in a queue freed. So cleaning up belongs into values that are
//! dropped, and not into lines after the last `await`, for those may never run.
//!
//! A thread cannot be cancelled. It can be asked, and it can look (`lab::Stop`); nothing else is safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::models::kitchen::on_a_loop;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

/// How many tasks there are.
const TASKS: u64 = 100;

/// Counts itself as long as it lives.
struct Held(Arc<AtomicU64>);

impl Held {
    fn new(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Cancels tasks in the middle of a wait; returns how many of the things that they held are still held.
pub fn still_held(in_a_value: bool) -> u64 {
    let held = Arc::new(AtomicU64::new(0));
    on_a_loop(async {
        let task = || {
            let held = Arc::clone(&held);
            tokio::spawn(async move {
                if in_a_value {
                    let _held = Held::new(&held);
                    tokio::time::sleep(Duration::from_hours(1)).await;
                } else {
                    held.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_hours(1)).await;
                    held.fetch_sub(1, Ordering::Relaxed);
                }
            })
        };
        let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
        while held.load(Ordering::Relaxed) < TASKS {
            tokio::task::yield_now().await;
        }
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    });
    held.load(Ordering::Relaxed)
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "cancellation",
    about: Text::new(
        "a cancelled task stops where it waits, and what it holds is dropped",
        "uma tarefa cancelada para onde espera, e o que ela tem é liberado",
    ),
    show,
    claims: &[Claim {
        id: "cancel-drops",
        says: Text::new(
            "What a cancelled task holds in values is given back.",
            "O que uma tarefa cancelada guarda em valores é devolvido.",
        ),
        source: Source {
            title: "Tokio documentation: JoinHandle::abort",
            link: "https://docs.rs/tokio/latest/tokio/task/index.html#cancellation",
            number: Text::new("local variables are destroyed", "as variáveis locais são destruídas"),
        },
        unit: Text::new("of 100 things still held", "de 100 coisas ainda presas"),
        holds: Threshold::AtMost(0.0),
        breaks: Text::new(
            "it is given back by a line after the wait",
            "a devolução está em uma linha depois da espera",
        ),
        measure: |_, mechanism| Ok(Measured::count(still_held(mechanism.is_sound()))),
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let (values, lines) = (still_held(true), still_held(false));
    say!(
        stage,
        "after {TASKS} cancellations, {values} things in values are still held, and {lines} that a line should free",
        "após {TASKS} cancelamentos, {values} coisas em valores seguem presas, e {lines} que uma linha devia soltar"
    );
    Ok(())
}
