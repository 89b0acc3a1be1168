//! Steps of a racing program, in words.

use lab::timeline::State;

use crate::lanes::{self, Step};
use crate::stage::Stage;
use crate::text::Text;
use crate::words;

/// What a thread does in one step. Names are those that the program gave its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Reads a number.
    Reads(Text, i64),
    /// Writes a number.
    Writes(Text, i64),
    /// Adds to a number and leaves it at this.
    Adds(Text, i64),
    /// Finds a lock held and waits for it.
    WaitsFor(Text),
    /// Takes a lock.
    Locks(Text),
    /// Gives a lock back.
    Unlocks(Text),
    /// Puts a number into a queue.
    Puts(Text, i64),
    /// Takes a number out of a queue.
    Takes(Text, i64),
    /// Finds a queue empty and waits.
    WaitsAt(Text),
    /// Finds a queue empty and goes on.
    FindsNothing(Text),
}

impl Op {
    /// Whether it is a wait.
    pub fn is_wait(&self) -> bool {
        matches!(self, Self::WaitsFor(_) | Self::WaitsAt(_))
    }

    fn in_words(&self, stage: &Stage) -> String {
        let name = |name: &Text| name.in_lang(stage.lang);
        match self {
            Self::Reads(it, value) => words!(stage, "reads {}: {value}", "lê {}: {value}", name(it)),
            Self::Writes(it, value) => words!(stage, "writes {}: {value}", "grava {}: {value}", name(it)),
            Self::Adds(it, value) => words!(stage, "adds to {}: {value}", "soma em {}: {value}", name(it)),
            Self::WaitsFor(it) => words!(stage, "waits for {}", "espera pela {}", name(it)),
            Self::Locks(it) => words!(stage, "takes {}", "pega a {}", name(it)),
            Self::Unlocks(it) => words!(stage, "gives back {}", "devolve a {}", name(it)),
            Self::Puts(it, value) => words!(stage, "puts {value} into {}", "põe {value} na {}", name(it)),
            Self::Takes(it, value) => words!(stage, "takes {value} from {}", "tira {value} da {}", name(it)),
            Self::WaitsAt(it) => words!(stage, "waits at {}", "espera na {}", name(it)),
            Self::FindsNothing(it) => words!(stage, "finds {} empty", "encontra a {} vazia", name(it)),
        }
    }

    fn state(&self) -> State {
        match self {
            Self::WaitsFor(_) => State::Blocked,
            Self::WaitsAt(_) | Self::FindsNothing(_) => State::Waiting,
            _ => State::Running,
        }
    }
}

/// A step: the number of the thread, and what it does.
pub type Told = (usize, Op);

/// Draws steps as lanes.
pub fn draw(stage: &Stage, threads: &[Text], steps: &[Told]) {
    let steps =
        steps.iter().map(|(lane, op)| Step { lane: *lane, state: op.state(), does: op.in_words(stage) });
    let threads: Vec<String> = threads.iter().map(|name| name.in_lang(stage.lang).to_owned()).collect();
    lanes::steps(&threads, &steps.collect::<Vec<_>>()).iter().for_each(|row| stage.line(row));
}
