//! A cache that leaks, and one with a limit.
//!
//! Rust frees what nobody holds any longer. A cache holds everything it ever saw, so everything it ever saw stays: no error,
//! no leak that a tool would find, only a program that grows until the kernel ends it, after a day or after a month. A cache
//! is not finished before it says what it *forgets*. The usual answer is *least recently used*: at the limit, what was not
//! asked for longest goes. It stays as small as it was made, and of a few popular keys it forgets none.
//!
//! Both caches here are read by the same skewed questions. What they hold is counted by the allocator itself
//! (`counting.rs`), in a process of its own, so that nothing else is counted and nothing else pays for the counting.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use lab::record::Threshold;
use lab::{Cause, Job, Lab, Problem, Role, Stop, ways};
use serde::{Deserialize, Serialize};

use super::counting::Counting;
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "cache",
    about: Text::new(
        "a cache without a limit leaks; one with a limit does not",
        "um cache sem limite vaza memória; um com limite, não",
    ),
    show,
    claims: &[LEAKS, BOUNDED],
};

pub(super) const ROLE: Role = Role::worker::<Ask>();

/// A cache that forgets what was not asked for longest.
///
/// The map finds an entry; the tree holds the keys in the order in which they were last asked for. Every question moves its
/// key to the tree's end, so a question costs the logarithm of the size.
#[derive(Debug, Default)]
struct Lru {
    limit: Option<usize>,
    entries: HashMap<u64, (u64, Box<[u8]>)>,
    order: BTreeMap<u64, u64>,
    questions: u64,
}

impl Lru {
    /// An empty cache of at most `limit` entries; `None` is without a limit, which leaks.
    fn new(limit: Option<usize>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The value of a key, made where it is not known; also whether it was known.
    fn get(&mut self, key: u64, make: impl FnOnce() -> Box<[u8]>) -> (&[u8], bool) {
        self.questions += 1;
        let known = self.entries.contains_key(&key);
        let (asked, value) = self.entries.entry(key).or_insert_with(|| (0, make()));
        self.order.remove(asked);
        *asked = self.questions;
        self.order.insert(self.questions, key);
        let _ = value;
        if self.limit.is_some_and(|limit| self.entries.len() > limit)
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        // The key that was just asked for is the youngest, so with any limit from 1 on it is still there.
        (self.entries.get(&key).map_or(&[], |(_, value)| value), known)
    }
}

/// Bytes of a value.
const VALUE: usize = 1024;
/// Entries of the cache with a limit.
const LIMIT: usize = 500;
/// At so many moments what is held is looked at.
const MOMENTS: u64 = 8;

/// Questions for a cache.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Questions {
    limit: Option<usize>,
    count: u64,
}

impl fmt::Display for Questions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} questions with a limit of {:?}", self.count, self.limit)
    }
}

/// What came of the questions.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    /// Bytes held after each eighth of the questions.
    bytes: Vec<i64>,
    /// Questions whose answer was known, in percent.
    known: f64,
}

/// Asks a cache.
struct Ask;

impl Job for Ask {
    const NAME: &'static str = "ask-cache";
    type Setup = ();
    type Task = Questions;
    type Reply = Held;

    fn start((): &()) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn run(&mut self, questions: &Questions, _: &Stop) -> Result<Held, Problem> {
        let part = questions.count / MOMENTS;
        let mut bytes = Vec::with_capacity(8);
        let mut known = 0_u64;
        Counting::start();
        let mut cache = Lru::new(questions.limit);
        for moment in 0..MOMENTS {
            for number in moment * part..(moment + 1) * part {
                known += u64::from(cache.get(key(number), || vec![0; VALUE].into()).1);
            }
            bytes.push(Counting::held());
        }
        if Counting::asked() == 0 {
            return Err(Problem::new("this process does not count its allocations")
                .expected("the fundamentals program itself, whose allocator counts"));
        }
        Ok(Held { bytes, known: 100.0 * known as f64 / questions.count as f64 })
    }
}

/// The key of a question: every other one is for one of a hundred popular keys, the rest are for keys never seen before.
fn key(number: u64) -> u64 {
    if number.is_multiple_of(2) { number / 2 * 7 % 100 } else { 1_000 + number }
}

fn ask(stage: &Stage, limit: Option<usize>) -> Result<Held, Problem> {
    let count = stage.amount(80_000, 16_000);
    let mut lab = Lab::new(1);
    lab.launch = stage.lab.launch.clone();
    lab.stop = stage.lab.stop.child();
    let outcome =
        ways::collect::<Ask>(ways::processes::<Ask>, &lab, &(), &[Questions { limit, count }]).pop();
    let outcome = outcome.ok_or_else(|| Problem::new("the child gave no answer"))?;
    outcome.map_err(|failure| match failure.cause {
        Cause::Problem(problem) => problem,
        _ => Problem::new(failure.to_string()),
    })
}

const LEAKS: Claim = Claim {
    id: "cache-without-a-limit-leaks",
    says: Text::new(
        "A cache without a limit holds twice as much after twice as many questions.",
        "Um cache sem limite guarda o dobro depois do dobro de perguntas.",
    ),
    source: Source {
        title: "Google SRE Book, Addressing Cascading Failures, Resource Exhaustion: Memory",
        link: "https://sre.google/sre-book/addressing-cascading-failures/",
        number: Text::new("memory runs out; tasks are killed", "a memória acaba; tarefas são encerradas"),
    },
    unit: Text::new(
        "times as many bytes after twice the questions",
        "vezes os bytes após o dobro de perguntas",
    ),
    holds: Threshold::AtLeast(1.7),
    breaks: Text::new("the cache has a limit", "o cache tem um limite"),
    measure: |stage, mechanism| {
        let held = ask(stage, mechanism.pick(None, Some(LIMIT)))?.bytes;
        Ok(Measured::exactly(held[7] as f64 / held[3].max(1) as f64))
    },
};

const BOUNDED: Claim = Claim {
    id: "cache-with-a-limit-stays-small",
    says: Text::new(
        "A cache of 500 entries of 1 KiB never holds more than 1 MiB, however much it is asked.",
        "Um cache de 500 entradas de 1 KiB nunca guarda mais de 1 MiB, por mais que seja consultado.",
    ),
    source: Source {
        title: "Python documentation, functools.lru_cache",
        link: "https://docs.python.org/3/library/functools.html#functools.lru_cache",
        number: Text::new(
            "a size limit keeps the cache from growing in long-running processes",
            "um limite impede que o cache cresça em processos de longa duração",
        ),
    },
    unit: Text::new("MiB held at most", "MiB guardados no máximo"),
    holds: Threshold::AtMost(1.0),
    breaks: Text::new("nothing is forgotten at the limit", "nada é esquecido ao chegar ao limite"),
    measure: |stage, mechanism| {
        let held = ask(stage, mechanism.pick(Some(LIMIT), None))?.bytes;
        Ok(Measured::exactly(held.into_iter().max().unwrap_or_default() as f64 / 1_048_576.0))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let (leaky, lru) = (ask(stage, None)?, ask(stage, Some(LIMIT))?);
    let most = leaky.bytes.iter().max().copied().unwrap_or(1).max(1);
    let bars = |held: &Held| -> String {
        let height = |bytes: &i64| usize::try_from(bytes * 8 / most).unwrap_or_default().min(7);
        held.bytes.iter().map(|bytes| ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][height(bytes)]).collect()
    };
    let mib = |held: &Held| held.bytes.last().copied().unwrap_or_default() as f64 / 1_048_576.0;
    let (one, two) = (bars(&leaky), bars(&lru));
    say!(
        stage,
        "no limit      {one}  {:6.2} MiB at the end, {:.0} % of the answers known",
        "sem limite    {one}  {:6.2} MiB no fim, {:.0} % das respostas já conhecidas",
        mib(&leaky),
        leaky.known
    );
    say!(
        stage,
        "500 entries   {two}  {:6.2} MiB at the end, {:.0} % of the answers known",
        "500 entradas  {two}  {:6.2} MiB no fim, {:.0} % das respostas já conhecidas",
        mib(&lru),
        lru.known
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_cache_holds_the_last_keys_that_were_asked_for(
            limit in 1_usize..12, keys in proptest::collection::vec(0_u64..20, 0..200),
        ) {
            let mut cache = Lru::new(Some(limit));
            // The model: the keys in the order of their last question.
            let mut recent: Vec<u64> = Vec::new();
            for key in keys {
                let value = || vec![u8::try_from(key).unwrap(); 3].into();
                let (got, known) = cache.get(key, value);
                prop_assert_eq!(got, &[u8::try_from(key).unwrap(); 3][..]);
                prop_assert_eq!(known, recent.contains(&key));
                recent.retain(|other| *other != key);
                recent.push(key);
                if recent.len() > limit {
                    recent.remove(0);
                }
                prop_assert_eq!(cache.entries.len(), recent.len());
            }
        }
    }
}
