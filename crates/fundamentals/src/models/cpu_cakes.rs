//! Two cakes that must be stirred: parallelism is about doing.
//!
//! One cook with two bowls is not faster than one cook with one. Stirring needs a processor the whole time, so two of them
//! need two processors, and something that runs on two: threads, or processes. An event loop has one thread; async tasks
//! that compute take turns on it and finish no earlier. A lock around the whole work does the same to threads. That is what
//! a global interpreter lock is.

use lab::Problem;
use lab::record::Threshold;

use super::kitchen::{
    Wait, cakes, event_loop, event_loop_with_helpers, one_by_one, one_spoon, processes, threads,
};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::others::undisturbed;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_turns};
use crate::text::Text;

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "cpu-cakes",
    about: Text::new(
        "two cakes that must be stirred: threads and processes help, async does not",
        "dois bolos que precisam ser batidos: threads e processos ajudam, async não",
    ),
    show,
    claims: &[
        Claim {
            id: "cpu-cakes-threads",
            says: Text::new(
                "Two threads on two processors compute at least 1.3 times faster than one.",
                "Duas threads em dois processadores calculam pelo menos 1,3 vez mais rápido que uma.",
            ),
            source: AMDAHL,
            unit: TIMES,
            holds: Threshold::AtLeast(1.3),
            breaks: Text::new("one lock is held around all the work", "uma só trava cobre todo o trabalho"),
            measure: |stage, mechanism| {
                let two = dough(stage);
                let way = || {
                    if mechanism.is_sound() { threads(&two, Wait::AtTheEnd) } else { one_spoon(&two) }
                };
                Ok(undisturbed(|| faster(stage, way)))
            },
        },
        Claim {
            id: "cpu-cakes-async",
            says: Text::new(
                "An event loop does not make work that computes faster.",
                "Um laço de eventos não acelera trabalho que calcula.",
            ),
            source: Source {
                title: "Tokio documentation: CPU-bound tasks and blocking code",
                link: "https://docs.rs/tokio/latest/tokio/index.html#cpu-bound-tasks-and-blocking-code",
                number: Text::new(
                    "no number: use another pool for it",
                    "sem número: use outro pool para isso",
                ),
            },
            unit: TIMES,
            holds: Threshold::AtMost(1.2),
            breaks: Text::new("the loop hands the stirring to threads", "o laço entrega a batida a threads"),
            measure: |stage, mechanism| {
                let two = dough(stage);
                let way = || {
                    if mechanism.is_sound() {
                        event_loop(&two, Wait::AtTheEnd)
                    } else {
                        event_loop_with_helpers(&two)
                    }
                };
                Ok(undisturbed(|| faster(stage, way)))
            },
        },
        Claim {
            id: "cpu-cakes-processes",
            says: Text::new(
                "Two worker processes compute at least 1.2 times faster than one thread, their start included.",
                "Dois processos calculam pelo menos 1,2 vez mais rápido que uma thread, contando o seu início.",
            ),
            source: AMDAHL,
            unit: TIMES,
            holds: Threshold::AtLeast(1.2),
            breaks: Text::new("the pool has one process", "o pool tem um só processo"),
            measure: |stage, mechanism| {
                let two = dough(stage);
                let lab = stage.lab_with(mechanism.pick(2, 1));
                processes(&two, &lab)?;
                Ok(undisturbed(|| faster(stage, || processes(&two, &lab))))
            },
        },
    ],
};

const AMDAHL: Source = Source {
    title: "Amdahl: Validity of the single processor approach (1967)",
    link: "https://doi.org/10.1145/1465482.1465560",
    number: Text::new("2 on two processors at the most", "no máximo 2 em dois processadores"),
};
const TIMES: Text = Text::new("times faster than one by one", "vezes mais rápido que um por um");

fn dough(stage: &Stage) -> Vec<super::kitchen::Cake> {
    cakes(2, stage.amount(30_000_000, 20_000_000), 0)
}

fn faster<R>(stage: &Stage, way: impl FnMut() -> R) -> Measured {
    let two = dough(stage);
    let (one_by_one, way) = in_turns(stage.amount(7, 5), || one_by_one(&two), way);
    Measured::ratio(&one_by_one, &way, stage.lab.seed)
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let two = cakes(2, stage.amount(40_000_000, 1_000_000), 0);
    say!(stage, "one after another", "um após o outro");
    stage.drawn(|| one_by_one(&two));
    say!(stage, "with threads", "com threads");
    stage.drawn(|| threads(&two, Wait::AtTheEnd));
    say!(stage, "with threads and one lock around the work", "com threads e uma trava em volta do trabalho");
    stage.drawn(|| one_spoon(&two));
    say!(stage, "with async: one thread, two tasks", "com async: uma thread, duas tarefas");
    stage.drawn(|| event_loop(&two, Wait::AtTheEnd));
    say!(stage, "with processes", "com processos");
    stage.drawn(|| processes(&two, &stage.lab_with(2))).map(drop)
}
