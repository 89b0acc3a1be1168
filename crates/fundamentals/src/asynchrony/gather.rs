//! Tasks and gather: coffee and toast.
//!
//! Calling an async function does nothing yet; it makes a *future*, a thing that can be asked to go on. `await` asks it and
//! waits for the answer. Awaiting the coffee and then the toast takes the time of both, however async they are. To have
//! them at the same time they must be under way at the same time: gathered (`join!`), or started as tasks of their own.
//!
//! Breakfast then takes as long as its longest part. One cook is enough, as the machine does the brewing.

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

/// How long the coffee takes, in units of which the toast takes two: the three and two seconds of the Python documentation
/// are scaled down.
const COFFEE: u32 = 1;
const TOAST: u32 = 2;

async fn make(what: &'static str, time: Duration) -> &'static str {
    tokio::time::sleep(time).drawn(span!(Task, "make", what)).await;
    what
}

/// Makes breakfast and returns how long it took in units, and what was made.
pub fn breakfast(unit: Duration, together: bool) -> (f64, [&'static str; 2]) {
    on_a_loop(async {
        let started = Instant::now();
        let (coffee, toast) = (make("coffee", COFFEE * unit), make("toast", TOAST * unit));
        let made = if together {
            let (coffee, toast) = futures::future::join(coffee, toast).await;
            [coffee, toast]
        } else {
            [coffee.await, toast.await]
        };
        (started.elapsed().as_secs_f64() / unit.as_secs_f64(), made)
    })
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "coffee-and-toast",
    about: Text::new(
        "tasks and gather: breakfast takes as long as its longest part",
        "tarefas e gather: o café da manhã leva o tempo da sua parte mais longa",
    ),
    show,
    claims: &[Claim {
        id: "gather-takes-the-longest",
        says: Text::new(
            "What takes 1 and 2 units one after the other takes 2 when gathered, and not 3.",
            "O que leva 1 e 2 unidades em sequência leva 2 com gather, e não 3.",
        ),
        source: Source {
            title: "Python documentation: coroutines and tasks",
            link: "https://docs.python.org/3/library/asyncio-task.html#coroutines",
            number: Text::new("3 s become 2 s", "3 s viram 2 s"),
        },
        unit: Text::new("units of time", "unidades de tempo"),
        holds: Threshold::Within(1.9, 2.6),
        breaks: Text::new(
            "the second is awaited after the first",
            "faz-se await da segunda depois da primeira",
        ),
        measure: |stage, mechanism| {
            let unit = Duration::from_millis(stage.amount(60, 40));
            let times = (0..stage.amount(5, 3)).map(|_| breakfast(unit, mechanism.is_sound()).0);
            Ok(Measured::median(&times.collect::<Vec<_>>()))
        },
    }],
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let unit = Duration::from_millis(stage.amount(60, 5));
    say!(stage, "awaited one after the other", "um await depois do outro");
    stage.drawn(|| breakfast(unit, false));
    say!(stage, "gathered", "com gather");
    stage.drawn(|| breakfast(unit, true));
    Ok(())
}
