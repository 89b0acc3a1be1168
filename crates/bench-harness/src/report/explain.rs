//! Sentences that say why a result is as it is, from what was measured: CPU time over wall time is how many cores were
//! kept busy, the timeline tells how much of its time a lane waited, and the intervals tell what can be told apart.

use lab::measure::nanoseconds;
use lab::record::CellRecord;
use lab::timeline::State;

use super::figures::{interval, list, many, memory, percent, plain, times};
use super::picture::Timeline;
use super::{Section, Shown};

/// Intervals wider than this share of their estimate are called wide.
const WIDE: f64 = 0.4;
/// CPU time and memory are worth a sentence from these ratios on.
const DEARER: f64 = 1.15;
const HUNGRIER: f64 = 1.5;
/// From this ratio on, more CPU time than the fastest's is a reason for being slower.
const MORE: f64 = 1.1;

/// What the work is limited by, as its reference shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// It has a core nearly all of the time.
    Computes,
    /// It says of most of its time that it waits.
    Waits,
    /// Some of each.
    Both,
    /// It never says that it waits, and yet had no core for much of the time.
    HeldUp,
}

impl Nature {
    fn of(reference: &Shown<'_>, busy: f64) -> Self {
        let waiting = reference.timeline.as_ref().map_or(1.0 - busy.min(1.0), waiting);
        match waiting {
            0.7.. => Self::Waits,
            0.2.. => Self::Both,
            _ if busy < 0.7 => Self::HeldUp,
            _ => Self::Computes,
        }
    }
}

/// A cell with everything that the sentences need.
struct Measured<'a> {
    cell: &'a CellRecord,
    timeline: Option<&'a Timeline>,
    speedup: f64,
    interval: [f64; 2],
    busy: f64,
}

impl<'a> Measured<'a> {
    fn of(shown: &'a Shown<'a>) -> Option<Self> {
        let cell = shown.cell;
        let busy = cell.cpu_ns? as f64 / cell.median_ns.filter(|ns| *ns > 0)? as f64;
        let (speedup, interval) = (cell.speedup?, cell.speedup_ci?);
        let timeline = shown.timeline.as_ref().ok();
        cell.verified.then_some(Self { cell, timeline, speedup, interval, busy })
    }

    fn strategy(&self) -> &'a str {
        &self.cell.strategy
    }
}

/// The sentences for an exercise, in the order in which they are read.
pub(super) fn sentences(section: &Section<'_>, cores: usize) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut measured: Vec<Measured<'_>> = section.cells.iter().filter_map(Measured::of).collect();
    let referenced = section.cells.first().zip(measured.first());
    if let Some((shown, _)) = referenced.filter(|(shown, first)| std::ptr::eq(shown.cell, first.cell)) {
        let reference = measured.remove(0);
        let nature = Nature::of(shown, reference.busy);
        sentences.push(limit(nature, &reference));
        sentences.extend(ranking(&measured, nature, cores));
        sentences.extend(price(&measured, &reference));
        sentences.extend(scatter(&measured));
    }
    for Shown { cell, .. } in section.cells.iter().filter(|shown| !shown.cell.verified) {
        let why = cell.error.as_deref().unwrap_or("its answer was not verified");
        sentences.push(format!("{} has no right answer: {why}.", capital(&cell.strategy)));
    }
    sentences
}

/// What the reference shows about the work.
fn limit(nature: Nature, reference: &Measured<'_>) -> String {
    let share = percent(reference.busy.min(1.0));
    let took = format!(
        "{} takes {} and has a core for {share} of it",
        capital(reference.strategy()),
        nanoseconds(reference.cell.median_ns.unwrap_or_default())
    );
    match nature {
        Nature::Computes => {
            format!(
                "{took}: the work is limited by the processor, and only more cores at once make it faster."
            )
        }
        Nature::Waits => {
            format!("{took}: the rest is waiting, so the gain lies in many waits at once, not in more cores.")
        }
        Nature::Both => {
            format!("{took}, and waits for some of the rest: more cores help, and so do more waits at once.")
        }
        Nature::HeldUp => format!(
            "{took}, though it never says that it waits: the disk or other programs held it up, so these times say \
             little about the strategies."
        ),
    }
}

/// Who is fastest and why, who gains less, and who gains nothing.
fn ranking(others: &[Measured<'_>], nature: Nature, cores: usize) -> Vec<String> {
    let best = others.iter().max_by(|one, two| one.speedup.total_cmp(&two.speedup));
    let Some(best) = best.filter(|best| best.interval[0] > 1.0) else {
        let busy = others.iter().map(|one| one.busy).reduce(f64::max);
        let busy = busy.map_or(String::new(), |busy| {
            format!(": none keeps more than {} of {cores} cores busy", plain(busy))
        });
        return vec![format!("No other strategy is faster by more than the scatter of its samples{busy}.")];
    };
    let (mut close, mut less, mut none) = (Vec::new(), Vec::new(), Vec::new());
    for other in others.iter().filter(|other| other.strategy() != best.strategy()) {
        if other.interval[0] <= 1.0 {
            none.push(other);
        } else if other.interval[1] >= best.interval[0] {
            close.push(other);
        } else {
            less.push(other);
        }
    }
    let mut first = format!(
        "{} is fastest, {} ({}): {}.",
        capital(best.strategy()),
        times(best.speedup),
        interval(best.interval),
        evidence(best, nature, cores)
    );
    if !close.is_empty() {
        first = format!("{first} {} cannot be told apart from it.", capital(&names(&close)));
    }
    let mut sentences = vec![first];
    if !less.is_empty() {
        let verb = if less.len() == 1 { "gains less" } else { "gain less" };
        let range = range(less.iter().map(|one| one.speedup));
        let why = at_most(&less, best, nature);
        sentences.push(format!("{} {verb}, {range}×: {why}.", capital(&names(&less))));
    }
    if !none.is_empty() {
        let verb = if none.len() == 1 { "gains nothing" } else { "gain nothing" };
        let range = range(none.iter().map(|one| one.speedup));
        let why = at_most(&none, best, nature);
        sentences.push(format!("{} {verb}, {range}×: {why}.", capital(&names(&none))));
    }
    sentences
}

/// What the fastest did with its time.
fn evidence(best: &Measured<'_>, nature: Nature, cores: usize) -> String {
    let busy = format!("it keeps {} of {cores} cores busy", plain(best.busy));
    match (nature, best.timeline) {
        (Nature::Waits | Nature::Both, Some(timeline)) => format!(
            "of its {} an average of {} are under way at once, waiting for {} of their time, and {busy}",
            many(timeline.lanes.len(), "lane"),
            plain(timeline.in_flight()),
            percent(waiting(timeline)),
        ),
        _ => busy,
    }
}

/// What kept the others from being as fast.
fn at_most(others: &[&Measured<'_>], best: &Measured<'_>, nature: Nature) -> String {
    let busy = others.iter().map(|one| one.busy).fold(0.0, f64::max);
    let flights = others.iter().filter_map(|one| Some(one.timeline?.in_flight()));
    match (nature, flights.reduce(f64::max)) {
        (Nature::Waits | Nature::Both, Some(flights)) => {
            format!("on average no more than {} lanes are under way at once", plain(flights))
        }
        (Nature::Computes, _) if busy < 1.2 => {
            format!("no more than {} cores busy, like a plain loop", plain(busy))
        }
        _ => {
            let work = others.iter().filter_map(|one| one.cell.cpu_ns).min().unwrap_or_default() as f64
                / best.cell.cpu_ns.filter(|ns| *ns > 0).unwrap_or(u64::MAX) as f64;
            let more =
                if work < MORE { String::new() } else { format!(", with {} the CPU time", times(work)) };
            format!("no more than {} cores busy{more}", plain(busy))
        }
    }
}

/// What was paid for the speed: CPU time and memory well above those of the reference.
fn price(others: &[Measured<'_>], reference: &Measured<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    let most = |field: fn(&CellRecord) -> Option<u64>, least: f64| {
        let base = field(reference.cell).filter(|base| *base > 0)?;
        let most = others.iter().max_by_key(|other| field(other.cell))?;
        let value = field(most.cell)?;
        (value as f64 >= least * base as f64).then_some((most.strategy(), value, base))
    };
    if let Some((name, value, base)) = most(|cell| cell.cpu_ns, DEARER) {
        let ratio = times(value as f64 / base as f64);
        let reference = reference.strategy();
        sentences.push(format!("{} spends {ratio} the CPU time of {reference}.", capital(name)));
    }
    if let Some((name, value, base)) = most(|cell| cell.peak_rss_bytes, HUNGRIER) {
        let (value, base, reference) = (memory(value), memory(base), reference.strategy());
        sentences
            .push(format!("{} needs the most memory, {value} against {base} of {reference}.", capital(name)));
    }
    sentences
}

/// A warning where the samples scatter too much to conclude.
fn scatter(others: &[Measured<'_>]) -> Option<String> {
    let wide = |one: &&Measured<'_>| (one.interval[1] - one.interval[0]) / one.speedup > WIDE;
    let wide: Vec<_> = others.iter().filter(wide).collect();
    (wide.len() * 2 > others.len()).then(|| {
        "Most intervals are wide: measure again on a quieter machine, or with more samples, before you conclude."
            .into()
    })
}

/// Of the time in which the lanes were not idle, the share that was spent waiting.
fn waiting(timeline: &Timeline) -> f64 {
    let total: u64 = State::ALL.iter().map(|state| timeline.total_ns(*state)).sum();
    timeline.total_ns(State::Waiting) as f64 / total.max(1) as f64
}

fn names(measured: &[&Measured<'_>]) -> String {
    list(&measured.iter().map(|one| one.strategy()).collect::<Vec<_>>())
}

fn range(values: impl Iterator<Item = f64> + Clone) -> String {
    let (low, high) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
    let (low, high) = (plain(low), plain(high));
    if low == high { low } else { format!("{low} to {high}") }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
