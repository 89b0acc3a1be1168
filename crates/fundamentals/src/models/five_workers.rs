//! Five workers under three models, and one answer.
//!
//! Real work computes a little and waits a little. Five such workers overlap their waiting under every model, and their
//! computing as far as there are processors. They finish in an order that nobody planned. An answer that depends on that
//! order is a different one each time; so results are kept by the number of the worker, and never by who came first.

use std::sync::mpsc::channel;

use lab::Problem;
use lab::record::Threshold;

use super::kitchen::{Cake, Wait, cakes, event_loop, one_by_one, processes, threads};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, in_turns};
use crate::text::Text;

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "five-workers",
    about: Text::new(
        "five workers that compute a little and wait a little, under threads, async and processes",
        "cinco trabalhadores que calculam um pouco e esperam um pouco, com threads, async e processos",
    ),
    show,
    claims: &[
        Claim {
            id: "five-workers-overlap",
            says: Text::new(
                "Five threads that mostly wait take less than twice the time of one.",
                "Cinco threads que mais esperam do que calculam levam menos que o dobro do tempo de uma.",
            ),
            source: Source {
                title: "Python documentation: asyncio, coroutines and tasks",
                link: "https://docs.python.org/3/library/asyncio-task.html#coroutines",
                number: Text::new("3 s become 2 s", "3 s viram 2 s"),
            },
            unit: Text::new("times the time of one", "vezes o tempo de um"),
            holds: Threshold::AtMost(2.0),
            breaks: Text::new(
                "each thread is waited for before the next is started",
                "espera-se cada thread antes de iniciar a próxima",
            ),
            measure: |stage, mechanism| {
                let wait = mechanism.pick(Wait::AtTheEnd, Wait::AtOnce);
                let (five, one) = (crew(5), crew(1));
                let (five, one) =
                    in_turns(stage.amount(7, 5), || threads(&five, wait), || threads(&one, wait));
                Ok(Measured::ratio(&five, &one, stage.lab.seed))
            },
        },
        Claim {
            id: "five-workers-in-order",
            says: Text::new(
                "Results that are kept by the worker's number are the same under every model.",
                "Resultados guardados pelo número do trabalhador são iguais em todos os modelos.",
            ),
            source: Source {
                title: "Python documentation: asyncio.gather",
                link: "https://docs.python.org/3/library/asyncio-task.html#asyncio.gather",
                number: Text::new(
                    "the order of results is that of the inputs",
                    "a ordem dos resultados é a das entradas",
                ),
            },
            unit: Text::new("results in a wrong place", "resultados em lugar errado"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "results are kept as they arrive",
                "os resultados são guardados conforme chegam",
            ),
            measure: |stage, mechanism| {
                // The first is the slowest, so that the order of arrival is not that of the numbers.
                let crew: Vec<Cake> =
                    (1..=5).map(|number| Cake { number, stirs: 1000, oven_ms: 60 - 10 * number }).collect();
                let expected = one_by_one(&crew);
                let found = if mechanism.is_sound() {
                    let processes = processes(&crew, &stage.lab_with(2))?;
                    [threads(&crew, Wait::AtTheEnd), event_loop(&crew, Wait::AtTheEnd), processes].concat()
                } else {
                    as_they_arrive(&crew)
                };
                let wrong = found.iter().zip(expected.iter().cycle()).filter(|(one, other)| one != other);
                Ok(Measured::count(wrong.count() as u64))
            },
        },
    ],
};

fn crew(count: u64) -> Vec<Cake> {
    cakes(count, 200_000, 25)
}

/// Results in the order in which the threads are done.
fn as_they_arrive(crew: &[Cake]) -> Vec<u64> {
    let (send, receive) = channel();
    std::thread::scope(|scope| {
        for cake in crew {
            let send = send.clone();
            scope.spawn(move || send.send(cake.bake()));
        }
    });
    drop(send);
    receive.into_iter().collect()
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let five = cakes(5, stage.amount(4_000_000, 100_000), stage.amount(40, 5));
    say!(stage, "five threads", "cinco threads");
    stage.drawn(|| threads(&five, Wait::AtTheEnd));
    say!(stage, "five tasks on one thread", "cinco tarefas em uma thread");
    stage.drawn(|| event_loop(&five, Wait::AtTheEnd));
    say!(stage, "five tasks for two processes", "cinco tarefas para dois processos");
    stage.drawn(|| processes(&five, &stage.lab_with(2))).map(drop)
}
