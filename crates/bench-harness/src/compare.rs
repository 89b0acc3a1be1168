//! Two runs, cell by cell: what became faster, what slower, and whether that is real.
//!
//! A cell is compared with the cell of the same exercise and strategy. The ratio of the times has an interval that holds
//! what it says without assuming how times are distributed ([`lab::measure::difference`]); slower is only what is slower
//! with its whole interval, by more than the tolerance. Rounds of different runs share nothing, so their samples are
//! compared each with each and not in pairs.

use std::path::Path;

use lab::cli::End;
use lab::measure::difference::Difference;
use lab::measure::nanoseconds;
use lab::record::CellRecord;
use lab::{Problem, Scale};
use serde::Serialize;

use crate::cli::{Form, Judge, Refused};
use crate::export::{self, csv, markdown};
use crate::folder::{Run, RunFolder};

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Faster, with the whole interval beyond the tolerance.
    Faster,
    /// No difference, or none that counts.
    Same,
    /// Slower, with the whole interval beyond the tolerance.
    Slower,
    /// Too few samples for an interval.
    Unknown,
    /// It had a right answer and has none now, or another one.
    Broken,
    /// It is not there any longer.
    Lost,
    /// It was not there before.
    New,
}

impl Change {
    /// Whether a gate closes before it.
    pub fn is_regression(self) -> bool {
        matches!(self, Self::Slower | Self::Broken | Self::Lost)
    }
}

/// A cell in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The exercise's number.
    pub exercise: u8,
    /// The exercise's name.
    pub name: String,
    /// The strategy.
    pub strategy: String,
    /// Its median in the older run, in nanoseconds.
    pub old_ns: Option<u64>,
    /// Its median in the newer run.
    pub new_ns: Option<u64>,
    /// The new time over the old one.
    pub ratio: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// What became of it.
    pub change: Change,
    /// Why it is broken or lost.
    pub why: Option<String>,
}

/// Compares two runs cell by cell, in the order of the newer one; `tolerance` is a share, such as 0.05.
pub fn cells(old: &Run, new: &Run, tolerance: f64) -> Vec<Compared> {
    let same =
        |one: &CellRecord, two: &CellRecord| one.exercise == two.exercise && one.strategy == two.strategy;
    let known = new.cells.iter().map(|cell| {
        let before = old.cells.iter().find(|other| same(cell, other));
        compared(before, Some(cell), tolerance)
    });
    let lost = old.cells.iter().filter(|cell| !new.cells.iter().any(|other| same(cell, other)));
    known.chain(lost.map(|cell| compared(Some(cell), None, tolerance))).flatten().collect()
}

fn compared(old: Option<&CellRecord>, new: Option<&CellRecord>, tolerance: f64) -> Option<Compared> {
    let shown = new.or(old)?;
    let difference = old.zip(new).and_then(|(old, new)| Difference::of(&old.samples_ns, &new.samples_ns));
    let (change, why) = judge(old, new, difference, tolerance);
    Some(Compared {
        exercise: shown.exercise,
        name: shown.name.clone(),
        strategy: shown.strategy.clone(),
        old_ns: old.and_then(|cell| cell.median_ns),
        new_ns: new.and_then(|cell| cell.median_ns),
        ratio: difference.map(|difference| difference.ratio),
        interval: difference.and_then(|difference| difference.interval),
        change,
        why,
    })
}

fn judge(
    old: Option<&CellRecord>,
    new: Option<&CellRecord>,
    difference: Option<Difference>,
    tolerance: f64,
) -> (Change, Option<String>) {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (Some(_), None) => return (Change::Lost, Some("it was not measured".into())),
        _ => return (Change::New, None),
    };
    if !new.verified {
        let why = new.error.clone().unwrap_or_else(|| "its answer was not verified".into());
        return if old.verified { (Change::Broken, Some(why)) } else { (Change::Same, Some(why)) };
    }
    if old.verified && old.digest != new.digest {
        return (Change::Broken, Some("another answer than before".into()));
    }
    match difference {
        Some(Difference { interval: Some([_, high]), .. }) if high * (1.0 + tolerance) < 1.0 => {
            (Change::Faster, None)
        }
        Some(found @ Difference { interval: Some(_), .. }) if found.is_slower_by(tolerance) => {
            (Change::Slower, None)
        }
        Some(Difference { interval: Some(_), .. }) => (Change::Same, None),
        _ => (Change::Unknown, None),
    }
}

/// Prints what became of every cell.
///
/// # Errors
/// Runs that cannot be read or were not made of the same data.
pub fn compare(old: &Path, new: &Path, judge: Judge) -> Result<End, Refused> {
    both(old, new, judge).map(|_| End::Done)
}

/// The same, and fails if a cell is slower, broken or lost.
///
/// # Errors
/// Those of [`compare`].
pub fn gate(baseline: &Path, run: &Path, judge: Judge) -> Result<End, Refused> {
    let compared = both(baseline, run, judge)?;
    let bad: Vec<_> = compared.iter().filter(|cell| cell.change.is_regression()).collect();
    for cell in &bad {
        let what = match (cell.change, cell.ratio, cell.interval) {
            (Change::Slower, Some(ratio), Some([low, high])) => {
                format!("takes {ratio:.2} times as long ({low:.2} to {high:.2})")
            }
            (change, ..) => format!("is {}: {}", name(change), cell.why.as_deref().unwrap_or_default()),
        };
        anstream::eprintln!("regression: {:02} {} under {} {what}", cell.exercise, cell.name, cell.strategy);
    }
    if !compared.is_empty() && compared.iter().all(|cell| cell.change == Change::Unknown) {
        return Err(Refused::Failed(
            Problem::new("there are too few samples to tell anything")
                .hint("measure with --samples 7 or more"),
        ));
    }
    Ok(if bad.is_empty() { End::Done } else { End::Failed })
}

fn both(old: &Path, new: &Path, judge: Judge) -> Result<Vec<Compared>, Refused> {
    let (old, new) = (RunFolder::open(old).read()?, RunFolder::open(new).read()?);
    let (was, is) = (&old.record, &new.record);
    if (&was.scale, was.seed) != (&is.scale, is.seed) {
        let text = format!(
            "scale {} and seed {} are no baseline for scale {} and seed {}",
            was.scale, was.seed, is.scale, is.seed
        );
        let scale = Scale::default().name();
        return Err(Refused::Usage(
            Problem::new(text)
                .expected("two runs on the same data")
                .hint(format!("such as --scale {scale} for both")),
        ));
    }
    let differ = [
        (was.machine != is.machine, "the machine"),
        (was.workers != is.workers, "the number of workers"),
        (was.profile != is.profile, "the build's profile"),
    ];
    for (_, what) in differ.iter().filter(|(differs, _)| *differs) {
        anstream::eprintln!("warning: {what} is not the same in both runs; ratios say as much about that");
    }
    for (run, name) in [(was, "older"), (is, "newer")] {
        if let Some(warning) = run.noise.as_ref().and_then(lab::measure::Noise::warning) {
            anstream::eprintln!("warning: in the {name} run {warning}");
        }
    }
    let compared = cells(&old, &new, judge.tolerance / 100.0);
    print(&compared, judge.form)?;
    Ok(compared)
}

fn name(change: Change) -> &'static str {
    match change {
        Change::Faster => "faster",
        Change::Same => "same",
        Change::Slower => "slower",
        Change::Unknown => "too few samples",
        Change::Broken => "broken",
        Change::Lost => "lost",
        Change::New => "new",
    }
}

const COLUMNS: [&str; 7] = ["exercise", "strategy", "before", "now", "ratio", "95 % interval", "change"];

fn print(compared: &[Compared], form: Form) -> Result<(), Problem> {
    let time = |ns: Option<u64>| ns.map(nanoseconds).unwrap_or_default();
    let row = |cell: &Compared| {
        [
            format!("{:02} {}", cell.exercise, cell.name),
            cell.strategy.clone(),
            time(cell.old_ns),
            time(cell.new_ns),
            cell.ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default(),
            cell.interval.map(|[low, high]| format!("{low:.3} to {high:.3}")).unwrap_or_default(),
            name(cell.change).into(),
        ]
    };
    let rows = compared.iter().map(row);
    export::say(&match form {
        Form { json: true, .. } => export::json(compared)?,
        Form { csv: true, .. } => csv(COLUMNS, rows),
        _ => markdown(COLUMNS, rows),
    })
}
