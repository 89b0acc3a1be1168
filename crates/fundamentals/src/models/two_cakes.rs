//! Two cakes: concurrency is about waiting.
//!
//! Two cakes that need the oven and nobody's attention can be in the oven together. It takes one cook, who puts in the
//! second while the first one bakes. That is *concurrency*: two things are under way at the same time. It is not
//! *parallelism*, for which two things would have to be *done* at the same time, and it needs no second processor.
//!
//! Threads, an event loop and processes all do this, and all take the time of one cake. What they cost besides is another
//! question (`models-table`).

use lab::Problem;
use lab::record::Threshold;

use super::kitchen::{Cake, Wait, cakes, event_loop, one_by_one, processes, threads};
use crate::claim::{Claim, Mechanism, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_turns};
use crate::text::Text;

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "two-cakes",
    about: Text::new(
        "two cakes that only wait: one after another, with threads, with async, with processes",
        "dois bolos que só esperam: um após o outro, com threads, com async, com processos",
    ),
    show,
    claims: &[
        Claim {
            id: "cakes-overlap-threads",
            says: Text::new(
                "With threads, two cakes that only wait take the time of one.",
                "Com threads, dois bolos que só esperam levam o tempo de um.",
            ),
            source: PIKE,
            unit: TIMES,
            holds: Threshold::AtLeast(1.6),
            breaks: Text::new(
                "each thread is waited for before the next is started",
                "espera-se cada thread antes de iniciar a próxima",
            ),
            measure: |stage, mechanism| Ok(overlap(stage, mechanism, threads)),
        },
        Claim {
            id: "cakes-overlap-async",
            says: Text::new(
                "On an event loop of one thread, two cakes that only wait take the time of one.",
                "Em um laço de eventos de uma thread, dois bolos que só esperam levam o tempo de um.",
            ),
            source: PIKE,
            unit: TIMES,
            holds: Threshold::AtLeast(1.6),
            breaks: Text::new(
                "each cake is awaited before the next is started",
                "faz-se await de cada bolo antes de iniciar o próximo",
            ),
            measure: |stage, mechanism| Ok(overlap(stage, mechanism, event_loop)),
        },
    ],
};

const PIKE: Source = Source {
    title: "Rob Pike: Concurrency is not parallelism",
    link: "https://go.dev/blog/waza-talk",
    number: Text::new("no number; two waits overlap: 2", "sem número; duas esperas se sobrepõem: 2"),
};
const TIMES: Text = Text::new("times faster than one by one", "vezes mais rápido que um por um");

fn overlap(stage: &Stage, mechanism: Mechanism, way: fn(&[Cake], Wait) -> Vec<u64>) -> Measured {
    let two = cakes(2, 0, stage.amount(40, 20));
    let wait = mechanism.pick(Wait::AtTheEnd, Wait::AtOnce);
    let (one_by_one, way) = in_turns(stage.amount(7, 5), || one_by_one(&two), || way(&two, wait));
    Measured::ratio(&one_by_one, &way, stage.lab.seed)
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let two = cakes(2, 0, stage.amount(80, 10));
    say!(stage, "one after another", "um após o outro");
    stage.drawn(|| one_by_one(&two));
    say!(stage, "with threads", "com threads");
    stage.drawn(|| threads(&two, Wait::AtTheEnd));
    say!(stage, "with async: one thread, two tasks", "com async: uma thread, duas tarefas");
    stage.drawn(|| event_loop(&two, Wait::AtTheEnd));
    say!(stage, "with processes", "com processos");
    stage.drawn(|| processes(&two, &stage.lab_with(2))).map(drop)
}
