//! What goes through the queue, where it comes from, and what is done with it. Knows nothing of queues.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Instant;

use lab::{OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message: a line of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which source.
    pub(super) source: u32,
    /// Which of its lines, from 0.
    pub(super) number: u64,
    pub(super) text: String,
    /// When it was put into the queue, in nanoseconds since the run began.
    pub(super) put_ns: u64,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processed {
    pub(super) source: u32,
    pub(super) number: u64,
    /// The line that is written, or why there is none, with the message itself.
    pub(super) outcome: Result<String, (String, String)>,
    /// How long it was in the queue, in nanoseconds.
    pub(super) waited_ns: u64,
    /// Which consumer had it.
    pub(super) consumer: u32,
    /// Whether a broker says that it gave the message out before: then it may have been processed already.
    pub(super) again: bool,
}

/// The messages that a source gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Production {
    pub(super) messages: u64,
    /// The error that ended it before its end.
    pub(super) problem: Option<Problem>,
}

/// Where messages come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The lines of a file.
    Lines(PathBuf),
    /// So many made-up records, of which one in a thousand is broken.
    Made { seed: u64, count: u64 },
}

impl Source {
    /// Puts every message of the source, until there is no more, nobody takes them, a stop, or a file that cannot be read on.
    pub(super) fn produce(
        &self,
        source: u32,
        began: Instant,
        stop: &Stop,
        put: &mut dyn FnMut(Message) -> bool,
    ) -> Production {
        let mut number = 0;
        let mut give = |text: String| {
            let message = Message { source, number, text, put_ns: since(began) };
            let taken = !stop.asked() && put(message);
            number += u64::from(taken);
            taken
        };
        let problem = match self {
            Self::Made { seed, count } => {
                let _ = (0..*count).all(|number| give(made(*seed, source, number)));
                None
            }
            Self::Lines(path) => each_line(path, &mut give).err(),
        };
        Production { messages: number, problem }
    }

    /// How errors and dead letters call it.
    pub(super) fn name(&self, number: usize) -> String {
        match self {
            Self::Lines(path) => path.display().to_string(),
            Self::Made { .. } => format!("made-{number}"),
        }
    }
}

/// Gives every line of a file, without its end, until nobody takes them.
fn each_line(path: &Path, give: &mut dyn FnMut(String) -> bool) -> Result<(), Problem> {
    let cannot = || format!("cannot read {}", path.display());
    let mut lines = BufReader::with_capacity(1 << 18, File::open(path).or_problem(cannot)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).or_problem(cannot)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if !give(text.trim_end_matches(['\n', '\r']).to_owned()) {
            break;
        }
        line.clear();
    }
    Ok(())
}

/// Nanoseconds since the run began.
pub(super) fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn made(seed: u64, source: u32, number: u64) -> String {
    let mut dice = fastrand::Rng::with_seed(seed ^ u64::from(source) << 40 ^ number);
    let (account, cents) = (dice.u32(..10_000), dice.u32(1..1_000_000));
    let end = if dice.u16(..1_000) == 0 { "" } else { "}" };
    format!("{{\"account\": {account}, \"cents\": {cents}, \"kind\": \"transfer\", \"number\": {number}{end}")
}

/// Processes one message: a JSON object is checked for the fields that it needs, written in one canonical form, and
/// fingerprinted.
///
/// # Errors
/// In words, why the message cannot be processed.
pub(super) fn process(text: &str, needed: &[String]) -> Result<String, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let Value::Object(mut object) = value else { return Err("it is no JSON object".into()) };
    if let Some(missing) = needed.iter().find(|name| object.get(*name).is_none_or(Value::is_null)) {
        return Err(format!("the field `{missing}` is not there"));
    }
    let canonical = Value::Object(object.clone()).to_string();
    object.insert("blake3".into(), blake3::hash(canonical.as_bytes()).to_hex()[..16].into());
    Ok(Value::Object(object).to_string())
}

impl Message {
    /// Processes the message for the consumer of this number.
    pub(super) fn processed(self, needed: &[String], now_ns: u64, consumer: u32) -> Processed {
        let outcome = process(&self.text, needed);
        let waited_ns = now_ns.saturating_sub(self.put_ns);
        let outcome = outcome.map_err(|why| (why, self.text));
        Processed { source: self.source, number: self.number, outcome, waited_ns, consumer, again: false }
    }
}
