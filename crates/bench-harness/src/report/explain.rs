//! Sentences that say why a result is as it is, from what was measured: CPU time over wall time is how many cores were
//! kept busy, the timeline tells how much of a lane's time was waiting, and the intervals tell what can be told apart.

use std::fmt::Write;

use lab::measure::nanoseconds;
use lab::record::CellRecord;
use lab::timeline::State;

use super::figures::{interval, list, many, memory, percent, plain, times};
use super::{Section, Shown};

/// At least this share of a core, and the processor is the limit; at most the other, and it is the waiting.
const COMPUTING: f64 = 0.8;
const WAITING: f64 = 0.3;

/// How many cores a cell kept busy.
fn cores_busy(cell: &CellRecord) -> Option<f64> {
    Some(cell.cpu_ns? as f64 / cell.median_ns.filter(|ns| *ns > 0)? as f64)
}

/// What the work is limited by, as its reference shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    Computes,
    Waits,
    Both,
}

/// The sentences for an exercise, in the order in which they are read.
pub(super) fn sentences(section: &Section<'_>, cores: usize) -> Vec<String> {
    let mut sentences = Vec::new();
    let right: Vec<&Shown<'_>> = section.cells.iter().filter(|shown| shown.cell.verified).collect();
    let reference = section.cells.first().filter(|shown| shown.cell.verified);
    if let Some(Shown { cell: reference, .. }) = reference
        && let (Some(busy), Some(median)) = (cores_busy(reference), reference.median_ns)
    {
        let nature = match busy {
            COMPUTING.. => Nature::Computes,
            ..=WAITING => Nature::Waits,
            _ => Nature::Both,
        };
        sentences.push(first(nature, &reference.strategy, busy, median));
        sentences.extend(fastest(&right, nature, cores));
        sentences.extend(no_gain(&right, nature));
        sentences.extend(dearer(&right, reference));
    }
    for Shown { cell, .. } in section.cells.iter().filter(|shown| !shown.cell.verified) {
        let why = cell.error.as_deref().unwrap_or("its answer was not verified");
        sentences.push(format!("{} has no right answer: {why}.", capital(&cell.strategy)));
    }
    sentences
}

fn first(nature: Nature, name: &str, busy: f64, median: u64) -> String {
    let (share, time) = (percent(busy.min(1.0)), nanoseconds(median));
    match nature {
        Nature::Computes if busy > 1.2 => format!(
            "Already {name} keeps {} cores busy during its {time}: the work is limited by the processor.",
            plain(busy)
        ),
        Nature::Computes => format!(
            "One after another it takes {time} and keeps one core busy for {share} of it: the work is limited by the \
             processor, and only more cores at once can make it faster."
        ),
        Nature::Waits => format!(
            "One after another it takes {time} and needs a core for {share} of it: the rest is waiting, so the gain lies \
             in waiting for many things at once, not in more cores."
        ),
        Nature::Both => format!(
            "One after another it takes {time} and keeps a core busy for {share} of it: it computes and it waits, so both \
             more cores and waiting at once help."
        ),
    }
}

fn fastest(right: &[&Shown<'_>], nature: Nature, cores: usize) -> Option<String> {
    let others = right.get(1..).unwrap_or_default();
    let measured = |shown: &&&Shown<'_>| shown.cell.speedup.is_some() && shown.cell.speedup_ci.is_some();
    let best = others
        .iter()
        .filter(measured)
        .max_by(|one, two| one.cell.speedup.unwrap_or(0.0).total_cmp(&two.cell.speedup.unwrap_or(0.0)))?;
    let (cell, speedup, ends) = (best.cell, best.cell.speedup?, best.cell.speedup_ci?);
    if ends[0] <= 1.0 {
        return Some("No other strategy is faster beyond what the samples' spread can explain.".into());
    }
    let mut text = format!("{} is fastest, {} ({})", capital(&cell.strategy), times(speedup), interval(ends));
    if let Some(busy) = cores_busy(cell) {
        let how = match (nature, &best.timeline) {
            (Nature::Waits, Ok(timeline)) => format!(
                ": on average {} of its {} were under way at once, {} of their time waiting, on {} of a core",
                plain(timeline.in_flight()),
                many(timeline.lanes.len(), "lane"),
                percent(waiting(timeline)),
                percent(busy)
            ),
            (Nature::Waits, Err(_)) => format!(": it needs {} of a core", percent(busy)),
            _ => format!(": it keeps {} of {cores} cores busy", plain(busy)),
        };
        text.push_str(&how);
    }
    text.push('.');
    let close = others.iter().filter(measured).filter(|shown| {
        shown.cell.strategy != cell.strategy && shown.cell.speedup_ci.is_some_and(|[_, high]| high >= ends[0])
    });
    let close: Vec<&str> = close.map(|shown| shown.cell.strategy.as_str()).collect();
    if !close.is_empty() {
        let _ =
            write!(text, " {} cannot be told apart from it: the intervals overlap.", capital(&list(&close)));
    }
    Some(text)
}

/// Of the time in which the lanes were not idle, the share that was spent waiting.
fn waiting(timeline: &super::picture::Timeline) -> f64 {
    let total: u64 = State::ALL.iter().map(|state| timeline.total_ns(*state)).sum();
    timeline.total_ns(State::Waiting) as f64 / total.max(1) as f64
}

/// The strategies that gain nothing, and what they did with the processor meanwhile.
fn no_gain(right: &[&Shown<'_>], nature: Nature) -> Option<String> {
    let cells = || right.iter().skip(1).map(|shown| shown.cell);
    let none = |cell: &&CellRecord| cell.speedup_ci.is_some_and(|[low, _]| low <= 1.0);
    let words: Vec<String> = cells()
        .filter(none)
        .filter_map(|cell| {
            let verb = if cell.speedup_ci?[1] < 1.0 { "is slower" } else { "gains nothing" };
            let busy = match (nature, cores_busy(cell)?) {
                (Nature::Computes, busy) if busy < 1.2 => {
                    format!(", because it keeps {} cores busy like a plain loop", plain(busy))
                }
                (_, busy) => format!(" with {} cores busy", plain(busy)),
            };
            Some(format!("{} {verb} ({}){busy}", cell.strategy, times(cell.speedup?)))
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    (!words.is_empty()).then(|| format!("{}.", capital(&words.join("; "))))
}

/// What was paid for the speed: CPU time and memory well above those of the reference.
fn dearer(right: &[&Shown<'_>], reference: &CellRecord) -> Vec<String> {
    let mut sentences = Vec::new();
    let others = || right.iter().skip(1).map(|shown| shown.cell);
    let cpu = |cell: &CellRecord| Some(cell.cpu_ns? as f64 / reference.cpu_ns.filter(|ns| *ns > 0)? as f64);
    let most =
        others().filter_map(|cell| Some((cpu(cell)?, cell))).max_by(|one, two| one.0.total_cmp(&two.0));
    if let Some((ratio, cell)) = most.filter(|(ratio, _)| *ratio >= 1.15) {
        sentences.push(format!(
            "{} spends the most CPU time for the same answer, {} that of {}.",
            capital(&cell.strategy),
            times(ratio),
            reference.strategy
        ));
    }
    let hungriest = others().max_by_key(|cell| cell.peak_rss_bytes);
    if let Some(cell) = hungriest
        && let (Some(most), Some(least)) = (cell.peak_rss_bytes, reference.peak_rss_bytes)
        && least > 0
        && most as f64 >= 1.5 * least as f64
    {
        sentences.push(format!(
            "{} needs the most memory, {}, against {} for {}.",
            capital(&cell.strategy),
            memory(most),
            memory(least),
            reference.strategy
        ));
    }
    sentences
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
