//! The end of the line: results are put in order, written, counted, and proved complete.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use lab::{OrProblem, Problem};
use serde::Serialize;

use super::message::Processed;

/// Waiting times are counted in steps of an eighth of a power of two: what is read off is at most 12.5 % too high.
const STEPS: u64 = 8;

/// What was measured; told on standard error.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// Messages that were processed.
    pub messages: u64,
    /// Of those, how many became dead letters.
    pub dead: u64,
    /// Messages a second.
    pub per_second: f64,
    /// Time in the queue, in microseconds: of half the messages at the most, of 99 in 100, and of all.
    pub waited_us: [f64; 3],
    /// Messages of the consumer that had the fewest, and of the one that had the most.
    pub shares: [u64; 2],
    /// Jain's index of the shares: 1 where all had the same, 1 / consumers where one had all.
    pub fairness: f64,
    /// Messages that did not come out, and that came out again.
    pub lost: u64,
    /// See `lost`.
    pub doubled: u64,
    /// The sources of which no message could be processed.
    #[serde(skip)]
    pub all_dead: Vec<AllDead>,
}

/// A source of which every message became a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllDead {
    /// Its name.
    pub source: String,
    /// How many messages it had.
    pub messages: u64,
    /// The reason of the first one.
    pub why: String,
}

/// Takes results in any order and writes those of each source in the order of its lines.
pub(super) struct Tally<'a> {
    folder: &'a Path,
    names: &'a [String],
    parts: Vec<Part>,
    waits: Vec<u64>,
    /// Messages of each consumer that had any, and how many consumers there are.
    shares: BTreeMap<u32, u64>,
    consumers: usize,
    measured: Measured,
    longest_ns: u64,
}

#[derive(Default)]
struct Part {
    out: Option<BufWriter<File>>,
    dead: Option<BufWriter<File>>,
    next: u64,
    early: BTreeMap<u64, Processed>,
    /// Messages that became dead letters, and the reason of the first.
    failed: u64,
    why: Option<String>,
}

impl<'a> Tally<'a> {
    /// Writes under `folder`; `names` are those of the sources.
    pub(super) fn new(folder: &'a Path, names: &'a [String], consumers: usize) -> Self {
        Self {
            folder,
            names,
            parts: names.iter().map(|_| Part::default()).collect(),
            waits: vec![0; 64 * 8],
            shares: BTreeMap::new(),
            consumers,
            measured: Measured::default(),
            longest_ns: 0,
        }
    }

    /// One result.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub(super) fn take(&mut self, result: Processed) -> Result<(), Problem> {
        let source = result.source as usize;
        let part = &mut self.parts[source];
        if result.number < part.next || part.early.contains_key(&result.number) {
            // What a broker gives out once more because it was not sure, and says so, counts once.
            self.measured.doubled += u64::from(!result.again);
            return Ok(());
        }
        self.measured.messages += 1;
        self.waits[step(result.waited_ns)] += 1;
        self.longest_ns = self.longest_ns.max(result.waited_ns);
        *self.shares.entry(result.consumer).or_default() += 1;
        // What came too early is held: as much as the other consumers do while one of them is busy with a single message.
        part.early.insert(result.number, result);
        while let Some(result) = part.early.remove(&part.next) {
            part.next += 1;
            if let Err((why, _)) = &result.outcome {
                self.measured.dead += 1;
                part.failed += 1;
                part.why.get_or_insert_with(|| why.clone());
            }
            part.write(self.folder, source, &self.names[source], result)
                .or_problem(|| "cannot write the results")?;
        }
        Ok(())
    }

    /// How many messages have come so far, each counted once.
    #[cfg(feature = "nats")]
    pub(super) fn messages(&self) -> u64 {
        self.measured.messages
    }

    /// Everything is through: `produced` is how many messages each source had. Puts the parts together and returns what was
    /// measured in `seconds`.
    ///
    /// # Errors
    /// A disk that takes no more, and messages that were lost or doubled.
    pub(super) fn finish(mut self, produced: &[u64], seconds: f64) -> Result<Measured, Problem> {
        let cannot = || "cannot write the results";
        let [mut all, mut dead] = ["all", "dead"].map(|name| File::create(self.folder.join(name)));
        for (number, (part, produced)) in self.parts.iter_mut().zip(produced).enumerate() {
            self.measured.lost += produced.saturating_sub(part.next);
            if let Some(why) = part.why.take().filter(|_| part.failed == part.next) {
                let source = self.names[number].clone();
                self.measured.all_dead.push(AllDead { source, messages: part.next, why });
            }
            for (kind, part, whole) in
                [("all", part.out.take(), &mut all), ("dead", part.dead.take(), &mut dead)]
            {
                let joined = whole.as_mut().map_err(|error| io::Error::other(error.to_string()));
                joined.and_then(|whole| join(self.folder, kind, number, part, whole)).or_problem(cannot)?;
            }
        }
        let measured = &mut self.measured;
        if measured.lost + measured.doubled > 0 {
            let Measured { lost, doubled, .. } = measured;
            return Err(Problem::new(format!("{lost} messages were lost and {doubled} came twice")));
        }
        measured.per_second = measured.messages as f64 / seconds.max(1e-9);
        let longest = self.longest_ns as f64 / 1e3;
        measured.waited_us =
            [quantile(&self.waits, 0.5).min(longest), quantile(&self.waits, 0.99).min(longest), longest];
        let mut shares: Vec<u64> = self.shares.into_values().collect();
        shares.resize(self.consumers.max(shares.len()), 0);
        shares.sort_unstable();
        measured.shares = [shares.first().copied().unwrap_or(0), shares.last().copied().unwrap_or(0)];
        measured.fairness = jain(&shares);
        Ok(measured.clone())
    }
}

impl Part {
    fn write(&mut self, folder: &Path, source: usize, name: &str, result: Processed) -> io::Result<()> {
        let (kind, file, line) = match result.outcome {
            Ok(line) => ("all", &mut self.out, line),
            Err((why, text)) => {
                let letter =
                    serde_json::json!({ "file": name, "line": result.number + 1, "why": why, "text": text });
                ("dead", &mut self.dead, letter.to_string())
            }
        };
        let file = match file {
            Some(file) => file,
            none => none.insert(BufWriter::new(File::create(part_path(folder, kind, source))?)),
        };
        writeln!(file, "{line}")
    }
}

/// Appends a part, if there is one, to the whole, and removes it.
fn join(
    folder: &Path,
    kind: &str,
    number: usize,
    part: Option<BufWriter<File>>,
    whole: &mut File,
) -> io::Result<()> {
    let Some(mut part) = part else { return Ok(()) };
    part.flush()?;
    let path = part_path(folder, kind, number);
    io::copy(&mut File::open(&path)?, whole)?;
    std::fs::remove_file(path)
}

fn part_path(folder: &Path, kind: &str, number: usize) -> PathBuf {
    folder.join(format!("{kind}-{number}"))
}

fn step(nanoseconds: u64) -> usize {
    let power = nanoseconds.max(STEPS).ilog2();
    let within = (nanoseconds >> (power - STEPS.ilog2())) % STEPS;
    usize::try_from(u64::from(power) * STEPS + within).unwrap_or(0)
}

/// The end of the step that holds this share of all waits, in microseconds.
fn quantile(waits: &[u64], share: f64) -> f64 {
    let all: u64 = waits.iter().sum();
    let mut before = 0;
    for (step, count) in (0_u64..).zip(waits) {
        before += count;
        if all > 0 && before as f64 >= share * all as f64 {
            let (power, within) = (step / STEPS, step % STEPS);
            return 2_f64.powf(power as f64) * (1.0 + (within + 1) as f64 / STEPS as f64) / 1e3;
        }
    }
    0.0
}

/// Jain, Chiu and Hawe 1984: the square of the sum over the number times the sum of the squares.
fn jain(shares: &[u64]) -> f64 {
    let sum: f64 = shares.iter().map(|share| *share as f64).sum();
    let squares: f64 = shares.iter().map(|share| (*share as f64).powi(2)).sum();
    if squares > 0.0 { sum * sum / (shares.len() as f64 * squares) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_at_most_an_eighth_too_high() {
        let mut waits = vec![0; 512];
        (1..=10_000_u64).for_each(|micros| waits[step(micros * 1_000)] += 1);
        for share in [0.5, 0.9, 0.99] {
            let (found, exact) = (quantile(&waits, share), share * 10_000.0);
            assert!(found >= exact * 0.999 && found <= exact * 1.13, "{found} for {exact}");
        }
    }

    #[test]
    fn the_index_of_fairness_is_one_for_equals_and_a_part_for_one_who_has_all() {
        assert!((jain(&[5, 5, 5]) - 1.0).abs() < 1e-12 && (jain(&[9, 0, 0]) - 1.0 / 3.0).abs() < 1e-12);
    }
}
