//! Semaphores: not all at once.
//!
//! That a hundred thousand tasks can wait at the same time does not mean that a server can answer a hundred thousand
//! requests at the same time. A semaphore has so many permits; a task takes one before it asks and gives it back after. It
//! is the difference between a client and an attack.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lab::record::Threshold;
use lab::timeline::Drawn as _;
use lab::{Problem, span};
use tokio::sync::Semaphore;

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::models::kitchen::on_a_loop;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

/// How many may be inside.
const PERMITS: usize = 3;

/// Lets tasks ask a server; returns the most that it saw at the same time.
pub fn most_at_once(tasks: usize, time: Duration, with_semaphore: bool) -> usize {
    let (semaphore, inside, most) = (Semaphore::new(PERMITS), AtomicUsize::new(0), AtomicUsize::new(0));
    on_a_loop(async {
        let (semaphore, inside, most) = (&semaphore, &inside, &most);
        let ask = |number: usize| {
            let request = async move {
                let _permit = if with_semaphore { semaphore.acquire().await.ok() } else { None };
                // Relaxed: all of it happens on one thread.
                most.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::time::sleep(time).await;
                inside.fetch_sub(1, Ordering::Relaxed);
            };
            request.drawn(span!(Task, "request", format_args!("request {}", number + 1)))
        };
        futures::future::join_all((0..tasks).map(ask)).await;
    });
    most.into_inner()
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "semaphore",
    about: Text::new(
        "a semaphore lets three requests in at a time, however many wait",
        "um semáforo deixa entrar três requisições por vez, não importa quantas esperem",
    ),
    show,
    claims: &[Claim {
        id: "semaphore-bounds",
        says: Text::new(
            "With 3 permits, never more than 3 requests are inside.",
            "Com 3 permissões, nunca há mais de 3 requisições dentro.",
        ),
        source: Source {
            title: "Dijkstra: Cooperating sequential processes (EWD 123)",
            link: "https://www.cs.utexas.edu/~EWD/transcriptions/EWD01xx/EWD123.html",
            number: Text::new("as many as the semaphore says: 3", "tantas quantas o semáforo diz: 3"),
        },
        unit: Text::new("requests inside at the most", "requisições dentro, no máximo"),
        holds: Threshold::AtMost(3.0),
        breaks: Text::new("nobody takes a permit", "ninguém pega permissão"),
        measure: |stage, mechanism| {
            let tasks = stage.amount(300, 50);
            let most = most_at_once(tasks, Duration::from_millis(1), mechanism.is_sound());
            Ok(Measured::count(most as u64))
        },
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let time = Duration::from_millis(stage.amount(20, 2));
    let most = stage.drawn(|| most_at_once(9, time, true));
    let without = most_at_once(9, time, false);
    say!(
        stage,
        "9 tasks, {PERMITS} permits: {most} inside at the most; without a semaphore {without}",
        "9 tarefas, {PERMITS} permissões: no máximo {most} dentro; sem semáforo, {without}"
    );
    Ok(())
}
