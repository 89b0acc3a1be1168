//! Blocking inside async, and what it does to the others.
//!
//! A task that computes for a second, or calls something that blocks for a second, keeps the only thread for that second.
//! Nobody else goes on: no answer is read, no timer fires, no health check is answered. The program is not slow, it is
//! absent. What blocks belongs on a thread of its own (`spawn_blocking`), and the task awaits it as it awaits anything else.

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

/// How often the heart beats.
const BEAT: Duration = Duration::from_millis(2);

/// A task that should beat every two milliseconds, beside one that blocks. Returns the longest time between two beats.
pub fn longest_pause(blocks_for: Duration, on_a_helper: bool) -> Duration {
    on_a_loop(async {
        let heart = async {
            let (started, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
            while started.elapsed() < 2 * blocks_for {
                tokio::time::sleep(BEAT).await;
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            longest
        };
        let blocking = async {
            tokio::time::sleep(blocks_for / 2).await;
            let block = move || {
                let _blocking = span!(Running, "block", "").entered();
                std::thread::sleep(blocks_for);
            };
            if on_a_helper {
                let _ = tokio::task::spawn_blocking(block).await;
            } else {
                block();
            }
        };
        let heart = heart.drawn(span!(Task, "task", "heart"));
        let (longest, ()) =
            futures::future::join(heart, blocking.drawn(span!(Task, "task", "blocking"))).await;
        longest
    })
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "blocking-in-async",
    about: Text::new(
        "one task that blocks stops all others of its event loop",
        "uma tarefa que bloqueia faz parar todas as outras do seu laço de eventos",
    ),
    show,
    claims: &[Claim {
        id: "blocking-delays-all",
        says: Text::new(
            "A task that blocks for a time delays every other task by that time.",
            "Uma tarefa que bloqueia por um tempo atrasa todas as outras por esse tempo.",
        ),
        source: Source {
            title: "Python documentation: developing with asyncio, running blocking code",
            link: "https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code",
            number: Text::new("1 second delays all by 1 second", "1 segundo atrasa todas em 1 segundo"),
        },
        unit: Text::new("times the time of the blocking", "vezes o tempo do bloqueio"),
        holds: Threshold::AtLeast(0.95),
        breaks: Text::new("what blocks is handed to a helper thread", "o que bloqueia vai para outra thread"),
        measure: |stage, mechanism| {
            let time = Duration::from_millis(stage.amount(100, 60));
            let pauses =
                (0..3).map(|_| longest_pause(time, !mechanism.is_sound()).as_secs_f64() / time.as_secs_f64());
            Ok(Measured::median(&pauses.collect::<Vec<_>>()))
        },
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let time = Duration::from_millis(stage.amount(50, 5));
    for on_a_helper in [false, true] {
        let longest = stage.drawn(|| longest_pause(time, on_a_helper));
        say!(
            stage,
            "blocked for {time:?}: the longest pause between two heartbeats was {longest:.1?}",
            "bloqueio de {time:?}: a maior pausa entre duas batidas foi de {longest:.1?}"
        );
    }
    Ok(())
}
