//! Two threads count to two million, and do not arrive.
//!
//! `counter = counter + 1` reads as one step and is three: read the counter, add one, write the sum back. When both threads
//! read the same value before either writes, two additions leave one. Nobody sees an error; a number is just too small.
//!
//! In most languages the two threads would simply write to the same variable. In Rust that is a data race and does not
//! compile (`tests/compile_fail` shows the compiler's words). To lose updates one has to ask for it: an atomic, but read and
//! written in separate steps. So safe Rust has no data races, and still has race conditions, which are errors of meaning.
//!
//! There are three ways out:
//!
//! - **a mutex** around read and write makes the three steps one, for everyone who takes it;
//! - **an atomic addition** asks the processor to make them one;
//! - **not sharing**: each thread counts for itself, and the counts are added at the end. It is the fastest by far,
//!   because the threads do not even have to tell each other that they are there.

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Mechanism, Source};
use crate::measured::Measured;
use crate::others::undisturbed;
use crate::program::Program;
use crate::stage::{Stage, in_turns, timed};
use crate::text::Text;
use crate::world::{Lock, Number, Outcome, Threads, Work, World};
use crate::{say, words};

/// How the threads count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Read, add, write: the race.
    Race,
    /// Read, add, write, all while holding a lock.
    Mutex,
    /// A lock for the reading and another turn of it for the writing, which mends nothing.
    LockTooSmall,
    /// One atomic addition.
    Atomic,
    /// Each thread for itself; one atomic addition at its end.
    Merge,
    /// Each thread for itself, but the merge reads and writes, as the race does.
    CarelessMerge,
}

/// Two threads count `each` times in this way.
pub fn count<W: World>(way: Way, each: i64) -> Outcome {
    let counter = W::number(Text::new("counter", "contador"), 0);
    let lock = W::lock(Text::new("lock", "trava"));
    let work = [Text::same("thread 1"), Text::same("thread 2")].map(|name| {
        let (counter, lock) = (counter.clone(), lock.clone());
        let work: Work = Box::new(move || count_alone(way, each, &counter, &lock));
        (name, work)
    });
    W::together(work.into());
    Outcome { expected: 2 * each, found: counter.read() }
}

fn count_alone(way: Way, each: i64, counter: &impl Number, lock: &impl Lock) {
    match way {
        Way::Race => (0..each).for_each(|_| counter.write(counter.read() + 1)),
        Way::Mutex => (0..each).for_each(|_| lock.hold(|| counter.write(counter.read() + 1))),
        Way::LockTooSmall => {
            for _ in 0..each {
                let seen = lock.hold(|| counter.read());
                lock.hold(|| counter.write(seen + 1));
            }
        }
        Way::Atomic => (0..each).for_each(|_| counter.add(1)),
        Way::Merge => counter.add((0..each).fold(0, |mine, _| mine + std::hint::black_box(1))),
        Way::CarelessMerge => {
            let before = counter.read();
            counter.write(before + (0..each).fold(0, |mine, _| mine + std::hint::black_box(1)));
        }
    }
}

/// How often a race is given the chance to be lost.
const RUNS: usize = 30;
/// And for how long at least: where both threads take turns on one processor, most runs fit into one turn.
const HUNT: std::time::Duration = std::time::Duration::from_millis(500);

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "counter",
    about: Text::new(
        "two threads count to two million and lose updates; a mutex, an atomic and not sharing mend it",
        "duas threads contam até dois milhões e perdem atualizações; mutex, atômico ou não compartilhar resolvem",
    ),
    show,
    claims: &[
        Claim {
            id: "counter-loses",
            says: Text::new(
                "Two threads that read, add and write a shared counter lose updates.",
                "Duas threads que leem, somam e gravam um contador compartilhado perdem atualizações.",
            ),
            source: Source {
                title: "Rust Atomics and Locks, chapter 2",
                link: "https://marabos.nl/atomics/atomics.html",
                number: Text::new("a lost update, no number", "atualização perdida, sem número"),
            },
            unit: LOST,
            holds: Threshold::AtLeast(1.0),
            breaks: Text::new("the addition is one atomic step", "a soma é um único passo atômico"),
            measure: |stage, mechanism| Ok(lost(stage, mechanism.pick(Way::Race, Way::Atomic))),
        },
        Claim {
            id: "counter-mutex-exact",
            says: Text::new(
                "A mutex around read and write loses nothing.",
                "Um mutex em volta da leitura e da gravação não perde nada.",
            ),
            source: MUTEX,
            unit: LOST,
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "the lock is given back between reading and writing",
                "a trava é devolvida entre a leitura e a gravação",
            ),
            measure: |stage, mechanism| Ok(lost(stage, mechanism.pick(Way::Mutex, Way::LockTooSmall))),
        },
        Claim {
            id: "counter-atomic-exact",
            says: Text::new("An atomic addition loses nothing.", "Uma soma atômica não perde nada."),
            source: Source {
                title: "std::sync::atomic",
                link: "https://doc.rust-lang.org/std/sync/atomic/struct.AtomicU64.html#method.fetch_add",
                number: Text::new("0, by definition", "0, por definição"),
            },
            unit: LOST,
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "the atomic is read and written in two steps",
                "o atômico é lido e gravado em dois passos",
            ),
            measure: |stage, mechanism| Ok(lost(stage, mechanism.pick(Way::Atomic, Way::Race))),
        },
        Claim {
            id: "counter-merge-cheap",
            says: Text::new(
                "Counting apart and merging at the end is at least 3 times faster than a mutex for each step.",
                "Contar em separado e juntar no fim é pelo menos 3 vezes mais rápido que um mutex a cada passo.",
            ),
            source: Source {
                title: "Is Parallel Programming Hard, And, If So, What Can You Do About It?, chapter 5",
                link: "https://mirrors.edge.kernel.org/pub/linux/kernel/people/paulmck/perfbook/perfbook.html",
                number: Text::new("orders of magnitude", "ordens de grandeza"),
            },
            unit: Text::new("times the time of counting apart", "vezes o tempo de contar em separado"),
            holds: Threshold::AtLeast(3.0),
            breaks: Text::new(
                "the threads that count apart merge after every step, under the mutex",
                "as threads que contam em separado juntam a cada passo, sob o mutex",
            ),
            measure: price,
        },
    ],
};

const LOST: Text = Text::new("updates lost", "atualizações perdidas");
const MUTEX: Source = Source {
    title: "The Rust Programming Language, chapter 16.3",
    link: "https://doc.rust-lang.org/book/ch16-03-shared-state.html",
    number: Text::new("0, by definition", "0, por definição"),
};

/// How many updates are lost: those of the first of many runs that loses any. A race that is not lost today is still a race.
fn lost(stage: &Stage, way: Way) -> Measured {
    let (started, runs) = (std::time::Instant::now(), stage.amount(RUNS, RUNS / 3));
    let chances = (0..).take_while(|run| *run < runs || started.elapsed() < HUNT);
    let mut runs = chances.map(|_| count::<Threads>(way, 1_000_000).wrong_by());
    Measured::count(runs.find(|lost| *lost > 0).unwrap_or_default())
}

fn price(stage: &Stage, mechanism: Mechanism) -> Result<Measured, Problem> {
    let each = 2_000_000;
    let apart = mechanism.pick(Way::Merge, Way::Mutex);
    Ok(undisturbed(|| {
        let (mutex, merge) = in_turns(
            stage.amount(9, 5),
            || count::<Threads>(Way::Mutex, each),
            || count::<Threads>(apart, each),
        );
        Measured::ratio(&mutex, &merge, stage.lab.seed)
    }))
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let each = stage.amount(1_000_000, 100_000);
    let shown = [Way::Race, Way::Mutex, Way::Atomic, Way::Merge, Way::CarelessMerge];
    for way in shown {
        let name = match way {
            Way::Race => words!(stage, "read, add, write", "ler, somar, gravar"),
            Way::Mutex => words!(stage, "with a mutex", "com um mutex"),
            Way::Atomic => words!(stage, "atomic addition", "soma atômica"),
            Way::Merge => words!(stage, "apart, then merged", "em separado, juntar"),
            Way::CarelessMerge | Way::LockTooSmall => words!(stage, "a careless merge", "juntar sem cuidado"),
        };
        // The race is shown when it is lost; that takes a few runs on a day when the threads hardly meet.
        let mut outcome = Outcome { expected: 0, found: 0 };
        let mut time = 0;
        for _ in 0..if way == Way::Race { RUNS } else { 1 } {
            time = timed(|| outcome = count::<Threads>(way, each));
            if !outcome.is_right() {
                break;
            }
        }
        let (Outcome { expected, found }, time) = (outcome, lab::measure::nanoseconds(time));
        say!(
            stage,
            "{name:20} {found:>9} of {expected} in {time}",
            "{name:20} {found:>9} de {expected} em {time}"
        );
    }
    say!(
        stage,
        "the careless merge is right almost every time: `explore counter --fix careless-merge` finds when not",
        "juntar sem cuidado quase sempre dá certo: `explore counter --fix careless-merge` mostra quando não dá"
    );
    Ok(())
}
