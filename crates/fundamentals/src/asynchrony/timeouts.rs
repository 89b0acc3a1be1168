//! Time-outs.
//!
//! A time-out is a race between the work and a clock; who comes first wins, and the other is dropped. The clock can only
//! win while the work waits: a task that blocks never lets the loop look at the clock, and its time-out comes when it is
//! done. Anything that waits for the world outside needs a time-out, or one silent server stops the program for ever.

use std::time::{Duration, Instant};

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::models::kitchen::on_a_loop;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

/// How long the work would take.
const WORK: Duration = Duration::from_millis(200);
/// How long it may take.
const LIMIT: Duration = Duration::from_millis(20);

/// Gives work a time-out, and returns how long it took until that was over.
pub fn until_it_gives_up(work_waits: bool) -> Duration {
    on_a_loop(async {
        let started = Instant::now();
        let work = async {
            if work_waits {
                tokio::time::sleep(WORK).await;
            } else {
                std::thread::sleep(WORK);
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(LIMIT, work).await;
        started.elapsed()
    })
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "timeouts",
    about: Text::new(
        "a time-out ends a wait, and cannot end what blocks",
        "um tempo-limite encerra uma espera, e não pode encerrar o que bloqueia",
    ),
    show,
    claims: &[Claim {
        id: "timeout-in-time",
        says: Text::new(
            "A time-out of 20 ms ends a wait of 200 ms within 100 ms.",
            "Um tempo-limite de 20 ms encerra uma espera de 200 ms em menos de 100 ms.",
        ),
        source: Source {
            title: "Tokio documentation: sleep",
            link: "https://docs.rs/tokio/latest/tokio/time/fn.sleep.html",
            number: Text::new("millisecond granularity", "granularidade de um milissegundo"),
        },
        unit: Text::new("ms until it gave up", "ms até desistir"),
        holds: Threshold::AtMost(100.0),
        breaks: Text::new("the work blocks and does not wait", "o trabalho bloqueia em vez de esperar"),
        measure: |stage, mechanism| {
            let waits = mechanism.is_sound();
            let times = (0..stage.amount(5, 3)).map(|_| 1e3 * until_it_gives_up(waits).as_secs_f64());
            Ok(Measured::median(&times.collect::<Vec<_>>()))
        },
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let (waits, blocks) = (until_it_gives_up(true), until_it_gives_up(false));
    say!(
        stage,
        "a limit of {LIMIT:?}: work that waits was ended after {waits:.1?}, work that blocks after {blocks:.1?}",
        "limite de {LIMIT:?}: trabalho que espera foi encerrado após {waits:.1?}; o que bloqueia, após {blocks:.1?}"
    );
    Ok(())
}
