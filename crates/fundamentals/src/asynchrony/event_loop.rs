//! The event loop, drawn.
//!
//! An event loop is one thread and a list of tasks that can go on. It takes one, lets it run until its next `await`, and
//! takes the next. Nobody interrupts a task; it says itself when it can wait. So between two awaits a task has everything
//! for itself, and needs no lock for it. It also has everybody else waiting for it.
//!
//! The drawing has a lane for each task. In no column do two of them run.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use lab::record::Threshold;
use lab::timeline::Drawn as _;
use lab::{Problem, span};

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::models::kitchen::on_a_loop;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

/// Computes for a moment: a task that has something to do between two awaits.
fn compute(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Runs tasks that compute and wait in turns; returns on which threads they ran. With helpers, the computing is handed to
/// the runtime's other threads.
fn threads_of(tasks: u64, turns: u64, moment: Duration, helpers: bool) -> BTreeSet<String> {
    on_a_loop(async {
        let task = |number: u64| {
            let task = async move {
                let mut threads = BTreeSet::new();
                for _ in 0..turns {
                    let computing = move || {
                        compute(moment);
                        format!("{:?}", thread::current().id())
                    };
                    let thread = if helpers {
                        tokio::task::spawn_blocking(computing).await.unwrap_or_default()
                    } else {
                        computing()
                    };
                    threads.insert(thread);
                    tokio::time::sleep(moment * u32::try_from(number).unwrap_or(1)).await;
                }
                threads
            };
            tokio::spawn(task.drawn(span!(Task, "task", format_args!("task {number}"))))
        };
        let started: Vec<_> = (1..=tasks).map(task).collect();
        futures::future::join_all(started).await.into_iter().flatten().flatten().collect()
    })
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "event-loop",
    about: Text::new(
        "an event loop drawn: many tasks under way, one of them running",
        "um laço de eventos desenhado: muitas tarefas em andamento, uma delas executando",
    ),
    show,
    claims: &[Claim {
        id: "loop-has-one-thread",
        says: Text::new(
            "All tasks of an event loop run on one thread.",
            "Todas as tarefas de um laço de eventos rodam em uma só thread.",
        ),
        source: Source {
            title: "Python documentation: developing with asyncio, concurrency and multithreading",
            link: "https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading",
            number: Text::new("one task at a time in one thread", "uma tarefa por vez em uma thread"),
        },
        unit: Text::new("threads", "threads usadas"),
        holds: Threshold::Within(1.0, 1.0),
        breaks: Text::new(
            "the computing is handed to helper threads",
            "o cálculo é entregue a outras threads",
        ),
        measure: |_, mechanism| {
            let threads = threads_of(4, 3, Duration::from_millis(2), !mechanism.is_sound());
            Ok(Measured::count(threads.len() as u64))
        },
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let moment = Duration::from_millis(stage.amount(6, 1));
    let threads = stage.drawn(|| threads_of(4, 4, moment, false)).len();
    say!(stage, "4 tasks ran on {threads} thread", "4 tarefas rodaram em {threads} thread");
    Ok(())
}
