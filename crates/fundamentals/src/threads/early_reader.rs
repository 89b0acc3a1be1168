//! A reader that runs before its writer.
//!
//! A thread prepares something and another one uses it. They are started in that order, and they run in whichever order
//! the system likes. A reader that comes first finds what was there before: nothing. A `sleep` in the reader makes this
//! rare and leaves it wrong; it also makes the program slow.
//!
//! The reader does not need to know *when* the writer is done. It needs to wait until there is something. A queue is made
//! of exactly this: taking from an empty one waits. It is also the only thing that the two threads then share.

use std::time::{Duration, Instant};

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;
use crate::world::{Number, Outcome, Queue, Threads, Work, World};

/// What the writer writes.
const LETTER: i64 = 42;

/// How the reader gets what the writer made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through a number that both see.
    Shared,
    /// Through a queue, without waiting.
    QueueWithoutWaiting,
    /// Through a queue.
    Queue,
}

/// A reader and a writer, started in that order; the answer is what the reader read.
pub fn correspond<W: World>(way: Way) -> Outcome {
    let (letter, read) = (
        W::number(Text::new("letter", "carta"), 0),
        W::number(Text::new("what was read", "o que foi lido"), 0),
    );
    let queue = W::queue(Text::new("queue", "fila"), 1);
    let reader: Work = {
        let (letter, queue, read) = (letter.clone(), queue.clone(), read.clone());
        Box::new(move || {
            read.write(match way {
                Way::Shared => letter.read(),
                Way::QueueWithoutWaiting => queue.try_take().unwrap_or_default(),
                Way::Queue => queue.take(),
            });
        })
    };
    let writer: Work = Box::new(move || match way {
        Way::Shared => letter.write(LETTER),
        Way::Queue | Way::QueueWithoutWaiting => queue.put(LETTER),
    });
    W::together(vec![(Text::new("reader", "leitor"), reader), (Text::new("writer", "escritor"), writer)]);
    Outcome { expected: LETTER, found: read.read() }
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "early-reader",
    about: Text::new(
        "a reader runs before its writer and finds nothing; a queue makes it wait",
        "um leitor roda antes do escritor e não acha nada; uma fila o faz esperar",
    ),
    show,
    claims: &[
        Claim {
            id: "early-reader-finds-nothing",
            says: Text::new(
                "A reader that does not wait can find nothing.",
                "Um leitor que não espera pode não encontrar nada.",
            ),
            source: SOURCE,
            unit: Text::new("readers found nothing", "leitores não acharam nada"),
            holds: Threshold::AtLeast(1.0),
            breaks: Text::new("the reader waits at a queue", "o leitor espera em uma fila"),
            measure: |stage, mechanism| Ok(early(stage, mechanism.pick(Way::Shared, Way::Queue))),
        },
        Claim {
            id: "queue-waits",
            says: Text::new(
                "A reader that takes from a queue always finds the letter.",
                "Um leitor que tira de uma fila sempre encontra a carta.",
            ),
            source: SOURCE,
            unit: Text::new("readers found nothing", "leitores não acharam nada"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new("the reader does not wait at the queue", "o leitor não espera na fila"),
            measure: |stage, mechanism| {
                Ok(early(stage, mechanism.pick(Way::Queue, Way::QueueWithoutWaiting)))
            },
        },
    ],
};

const SOURCE: Source = Source {
    title: "Python documentation: queue, a synchronized queue class",
    link: "https://docs.python.org/3/library/queue.html#queue.Queue.get",
    number: Text::new("blocks until an item is available", "bloqueia até haver um item"),
};

/// So long readers and writers are sent out at the least: where other programs hold the processors, all readers of some
/// hundred rounds may come late.
const HUNT: Duration = Duration::from_millis(500);

/// How many readers found nothing; one is enough.
fn early(stage: &Stage, way: Way) -> Measured {
    let (started, rounds) = (Instant::now(), stage.amount(400, 200));
    let (mut sent, mut nothing) = (0, 0);
    while nothing == 0 && (sent < rounds || started.elapsed() < HUNT) {
        nothing += u64::from(!correspond::<Threads>(way).is_right());
        sent += 1;
    }
    Measured::count(nothing)
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let rounds = stage.amount(200, 20);
    for (way, name) in [
        (Way::Shared, Text::new("a shared number", "um número compartilhado")),
        (Way::QueueWithoutWaiting, Text::new("a queue, not waiting", "uma fila, sem esperar")),
        (Way::Queue, Text::new("a queue", "uma fila")),
    ] {
        let name = name.in_lang(stage.lang);
        let found = (0..rounds).filter(|_| correspond::<Threads>(way).is_right()).count();
        say!(
            stage,
            "{name:24} the reader found the letter {found} times of {rounds}",
            "{name:24} o leitor achou a carta {found} vezes em {rounds}"
        );
    }
    Ok(())
}
