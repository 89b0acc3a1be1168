//! What a run leaves behind: the records that the report and other programs read.

mod course;

use serde::{Deserialize, Serialize};

pub use course::{ChapterRecord, LessonRecord, PromiseRecord};

use crate::answer::Work;
use crate::cell::usage::Events;
use crate::exercise::Kind;
use crate::measure::{Limits, Noise};

/// One cell: one exercise under one strategy with one number of workers. A line of `cells.jsonl`; fields are only added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// The exercise's number.
    pub exercise: u8,
    /// The exercise's name.
    pub name: String,
    /// The strategy's name.
    pub strategy: String,
    /// The strategy's kind, which gives it its colour; `null` only in records of older versions.
    pub kind: Option<Kind>,
    /// Threads or processes that worked; for `threads`, one for each task.
    pub workers: usize,
    /// Wall-clock time of each timed sample, in nanoseconds, in the order in which they were taken.
    pub samples_ns: Vec<u64>,
    /// The median of the samples.
    pub median_ns: Option<u64>,
    /// The median absolute deviation from the median.
    pub mad_ns: Option<u64>,
    /// How much was done in one sample.
    #[serde(flatten)]
    pub work: Work,
    /// BLAKE3 of the canonical answer.
    pub digest: Option<String>,
    /// Whether every sample gave the answer of the reference strategy, with no task left out.
    pub verified: bool,
    /// Median of the reference divided by the median of this cell.
    pub speedup: Option<f64>,
    /// The 95 % bootstrap interval of the speed-up.
    pub speedup_ci: Option<[f64; 2]>,
    /// CPU time of one sample, with the children: the median, in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Peak resident memory of the cell's process and its worker processes together, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// What the kernel had to do for one sample, with the children: the median of each; `null` in older records.
    #[serde(default)]
    pub events: Option<Events>,
    /// The samples, counted from 0, that lie far from the others. They count like every other one.
    #[serde(default)]
    pub outliers: Vec<usize>,
    /// How many worker processes died; their tasks were done again.
    pub worker_deaths: u64,
    /// Why there is no answer, or no right one.
    pub error: Option<String>,
    /// Suspicious results of the newest sample that do not make its answer wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One exercise, as an exercise program lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExerciseRecord {
    /// The exercise's number.
    pub id: u8,
    /// The exercise's name.
    pub name: String,
    /// One sentence: what is done to what.
    pub about: String,
    /// The strategy that the tool takes by itself.
    pub best: String,
    /// All strategies, the reference first.
    pub strategies: Vec<StrategyRecord>,
}

/// One strategy of an exercise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrategyRecord {
    /// The strategy's name.
    pub name: String,
    /// The strategy's kind.
    pub kind: Kind,
    /// How many workers it has whatever is asked for; `null` if that is up to the user.
    #[serde(default)]
    pub fixed_workers: Option<usize>,
    /// Why the exercise does not offer it; `null` if it does.
    pub absent: Option<String>,
    /// The option with which it is offered all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
}

/// A whole run: `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of this format.
    pub format: u32,
    /// The project's version.
    pub version: String,
    /// How the program was built: `debug` or `release`.
    pub profile: String,
    /// Start, in UTC, as in RFC 3339.
    pub started: String,
    /// End, likewise; `null` while the run goes on.
    pub finished: Option<String>,
    /// The arguments of the run.
    pub arguments: Vec<String>,
    /// The seed of the data, the order of the samples and the bootstrap.
    pub seed: u64,
    /// How much data.
    pub scale: String,
    /// How many workers the strategies had.
    pub workers: usize,
    /// Timed samples for each cell, at the most.
    pub samples: usize,
    /// The machine.
    pub machine: Machine,
    /// The exercises, as their programs list them.
    pub exercises: Vec<ExerciseRecord>,
    /// How steady the machine was beside the samples; `null` while the run goes on and in older records.
    #[serde(default)]
    pub noise: Option<Noise>,
    /// What the machine can do at the most, measured in this run; `null` in older records.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// Exercise programs that were not there; nothing of theirs was measured.
    #[serde(default)]
    pub absent: Vec<String>,
    /// What went wrong beside the cells, such as a program that cannot list its exercises.
    #[serde(default)]
    pub problems: Vec<String>,
    /// Whether the run came to its end, every cell was verified and nothing else went wrong; `null` while the run goes on.
    pub ok: Option<bool>,
}

/// One exercise with growing numbers of workers. A line of `sweep.jsonl`; of lines for the same exercise the last one counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRecord {
    /// The exercise's number.
    pub exercise: u8,
    /// The exercise's name.
    pub name: String,
    /// How much data.
    pub scale: String,
    /// The seed of the data, of the order of the samples and of the bootstrap.
    pub seed: u64,
    /// The sequential version, which the numbers of workers are compared with.
    pub reference: CellRecord,
    /// A cell for each strategy and number of workers.
    pub cells: Vec<SweptCell>,
    /// How steady the machine was meanwhile.
    pub noise: Noise,
}

/// A cell of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweptCell {
    /// How many workers the strategy was given.
    pub given: u32,
    /// What was measured.
    pub cell: CellRecord,
}

/// One contender in a comparison with peers. A line of `peers.jsonl`; fields are only added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerRecord {
    /// The exercise's number.
    pub exercise: u8,
    /// The exercise's name.
    pub name: String,
    /// The peer's name; `paralelo` is ours.
    pub peer: String,
    /// How much data.
    pub scale: String,
    /// How many workers each was allowed.
    pub workers: usize,
    /// Time of each timed sample, in nanoseconds.
    pub samples_ns: Vec<u64>,
    /// Their median.
    pub median_ns: Option<u64>,
    /// How many times longer than ours it takes.
    pub ratio: Option<f64>,
    /// The 95 % interval of the ratio.
    pub ratio_ci: Option<[f64; 2]>,
    /// Peak memory in bytes: the median.
    pub peak_bytes: Option<u64>,
    /// The answer, as a digest.
    pub answer: Option<String>,
    /// Whether every answer was ours.
    pub equal: bool,
    /// What it lacks, if it was skipped.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Why there is no figure, or no right answer.
    pub error: Option<String>,
}

/// The machine on which a run was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and architecture.
    pub system: String,
    /// The processor's own name.
    pub processor: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Main memory in bytes.
    pub memory_bytes: u64,
}

impl Machine {
    /// This machine, as far as it can be read; what cannot is empty or 0.
    pub fn here() -> Self {
        let field = |file: &str, name: &str| -> Option<String> {
            let text = std::fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kibibytes =
            field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kibibytes.unwrap_or_default() * 1024,
        }
    }
}

/// One claim of `fundamentals`, measured on this machine. A line of `claims.jsonl`; fields are only added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// The claim's name, unique among all claims.
    pub id: String,
    /// The program that measured it.
    pub program: String,
    /// The sentence.
    pub sentence: Bilingual,
    /// Where it is published.
    pub published: Publication,
    /// What was measured here; `null` where this machine could not.
    pub measured: Option<Estimate>,
    /// The unit of the number and of the threshold.
    pub unit: Bilingual,
    /// For which numbers the sentence is true.
    pub holds: Threshold,
    /// What `holds` says of `measured`.
    pub verdict: Verdict,
    /// What a reader should know besides, such as why nothing was measured.
    #[serde(default)]
    pub note: Option<Bilingual>,
    /// Whether what the claim rests on was broken on purpose; such a line is a demonstration and no finding.
    #[serde(default)]
    pub broken: bool,
    /// Why there is no number although there should be one.
    #[serde(default)]
    pub error: Option<String>,
}

/// A text in the two languages that the course speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    /// English.
    pub en: String,
    /// Brazilian Portuguese.
    pub pt: String,
}

/// Where a claim is published, and with which number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The work's title.
    pub title: String,
    /// A link to it.
    pub link: String,
    /// The number that stands there, or the words where it gives none.
    pub number: Bilingual,
}

/// A number with an interval that is meant to hold the true one 95 times of 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The interval's lower end; the number itself where there is no spread.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// How many samples it comes from.
    pub samples: usize,
}

/// The numbers for which a claim is true.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// This one and greater ones.
    AtLeast(f64),
    /// This one and smaller ones.
    AtMost(f64),
    /// From the first to the second, both with it.
    Within(f64, f64),
}

/// What became of a claim on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is where the claim is true.
    Holds,
    /// No part of the interval is.
    Refuted,
    /// The interval reaches over the threshold, or there is no number.
    Inconclusive,
}

impl Threshold {
    /// Judges an estimate by where the whole of its interval lies.
    pub fn judge(self, estimate: Estimate) -> Verdict {
        let (least, most) = match self {
            Self::AtLeast(least) => (least, f64::INFINITY),
            Self::AtMost(most) => (f64::NEG_INFINITY, most),
            Self::Within(least, most) => (least, most),
        };
        if least <= estimate.low && estimate.high <= most {
            Verdict::Holds
        } else if estimate.high < least || most < estimate.low {
            Verdict::Refuted
        } else {
            Verdict::Inconclusive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(threshold: Threshold, low: f64, high: f64, expected: Verdict) {
        let estimate = Estimate { value: f64::midpoint(low, high), low, high, samples: 7 };
        assert_eq!(threshold.judge(estimate), expected, "{threshold:?} of {low} to {high}");
    }

    #[test]
    fn a_verdict_depends_on_the_whole_interval() {
        check(Threshold::AtLeast(2.0), 2.0, 3.0, Verdict::Holds);
        check(Threshold::AtLeast(2.0), 1.9, 3.0, Verdict::Inconclusive);
        check(Threshold::AtLeast(2.0), 1.0, 1.9, Verdict::Refuted);
        check(Threshold::AtMost(0.0), 0.0, 0.0, Verdict::Holds);
        check(Threshold::AtMost(0.0), 1.0, 1.0, Verdict::Refuted);
        check(Threshold::Within(1.0, 2.0), 1.2, 1.8, Verdict::Holds);
        check(Threshold::Within(1.0, 2.0), 0.9, 1.8, Verdict::Inconclusive);
        check(Threshold::Within(1.0, 2.0), 2.1, 2.2, Verdict::Refuted);
        check(Threshold::Within(1.0, 2.0), 0.5, 2.5, Verdict::Inconclusive);
    }

    #[test]
    fn a_number_that_is_none_decides_nothing() {
        check(Threshold::AtLeast(2.0), f64::NAN, f64::NAN, Verdict::Inconclusive);
    }
}
