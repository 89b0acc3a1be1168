//! Sentences that say why a result is as it is, from what was measured: CPU time over wall time is how many cores were
//! kept busy, the timeline tells how much of its time a lane waited, and the intervals tell what can be told apart.

use lab::measure::nanoseconds;
use lab::record::{Bilingual, CellRecord};
use lab::timeline::State;

use super::figures::{interval, list, many, memory, percent, plain, times};
use super::picture::Timeline;
use super::words::both;
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
pub(super) fn sentences(section: &Section<'_>, cores: usize) -> Vec<Bilingual> {
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
        sentences.extend(outliers(section));
    }
    for Shown { cell, .. } in section.cells.iter().filter(|shown| !shown.cell.verified) {
        let (name, why) =
            (capital(&cell.strategy), cell.error.as_deref().unwrap_or("its answer was not verified"));
        sentences.push(both!("{name} has no right answer: {why}.", "{name} não tem resposta certa: {why}."));
    }
    sentences
}

/// What the reference shows about the work.
fn limit(nature: Nature, reference: &Measured<'_>) -> Bilingual {
    let share = percent(reference.busy.min(1.0));
    let (name, time) =
        (capital(reference.strategy()), nanoseconds(reference.cell.median_ns.unwrap_or_default()));
    match nature {
        Nature::Computes => both!(
            "{name} takes {time} and has a core for {share} of it: the work is limited by the processor, and only more cores at once make it faster.",
            "{name} leva {time} e tem um núcleo por {share} disso: o trabalho é limitado pelo processador, e só mais núcleos ao mesmo tempo o aceleram."
        ),
        Nature::Waits => both!(
            "{name} takes {time} and has a core for {share} of it: the rest is waiting, so the gain lies in many waits at once, not in more cores.",
            "{name} leva {time} e tem um núcleo por {share} disso: o resto é espera, e o ganho está em muitas esperas ao mesmo tempo, não em mais núcleos."
        ),
        Nature::Both => both!(
            "{name} takes {time} and has a core for {share} of it, and waits for some of the rest: more cores help, and so do more waits at once.",
            "{name} leva {time}, tem um núcleo por {share} disso e espera em parte do resto: mais núcleos ajudam, e mais esperas ao mesmo tempo também."
        ),
        Nature::HeldUp => both!(
            "{name} takes {time} and has a core for {share} of it, though it never says that it waits: the disk or other programs held it up, so these times say little about the strategies.",
            "{name} leva {time} e tem um núcleo por {share} disso, embora nunca diga que espera: o disco ou outros programas o detiveram, e estes tempos dizem pouco sobre as estratégias."
        ),
    }
}

/// Who is fastest and why, who gains less, and who gains nothing.
fn ranking(others: &[Measured<'_>], nature: Nature, cores: usize) -> Vec<Bilingual> {
    let best = others.iter().max_by(|one, two| one.speedup.total_cmp(&two.speedup));
    let Some(best) = best.filter(|best| best.interval[0] > 1.0) else {
        let Some(busy) = others.iter().map(|one| one.busy).reduce(f64::max).map(plain) else {
            return Vec::new();
        };
        return vec![both!(
            "No other strategy is faster by more than the scatter of its samples: none keeps more than {busy} of {cores} cores busy.",
            "Nenhuma outra estratégia é mais rápida além da dispersão das suas amostras: nenhuma ocupa mais de {busy} de {cores} núcleos."
        )];
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
    let mut sentences = vec![fastest(best, nature, cores)];
    if !close.is_empty() {
        let Bilingual { en, pt } = names(&close);
        let (en, pt) = (capital(&en), capital(&pt));
        sentences
            .push(both!("{en} cannot be told apart from it.", "{pt}: sem diferença que se possa afirmar."));
    }
    for (group, gains) in [(less, true), (none, false)] {
        if group.is_empty() {
            continue;
        }
        let Bilingual { en, pt } = names(&group);
        let (en, pt, range) = (capital(&en), capital(&pt), range(group.iter().map(|one| one.speedup)));
        let faixa = range.replace(" to ", " a ");
        let one = group.len() == 1;
        let (verb, verbo) = match (gains, one) {
            (true, true) => ("gains less", "ganha menos"),
            (true, false) => ("gain less", "ganham menos"),
            (false, true) => ("gains nothing", "não ganha nada"),
            (false, false) => ("gain nothing", "não ganham nada"),
        };
        let why = at_most(&group, best, nature);
        let (why, razao) = (why.en, why.pt);
        sentences.push(both!("{en} {verb}, {range}×: {why}.", "{pt} {verbo}, {faixa}×: {razao}."));
    }
    sentences
}

/// Who is fastest, and what it did with its time.
fn fastest(best: &Measured<'_>, nature: Nature, cores: usize) -> Bilingual {
    let (name, speedup, ends) = (capital(best.strategy()), times(best.speedup), interval(best.interval));
    let busy = plain(best.busy);
    match (nature, best.timeline) {
        (Nature::Waits | Nature::Both, Some(timeline)) => {
            let (lanes, flights) = (timeline.lanes.len(), plain(timeline.in_flight()));
            let waiting = percent(waiting(timeline));
            let word = many(lanes, "lane");
            both!(
                "{name} is fastest, {speedup} ({ends}): of its {word} an average of {flights} are under way at once, waiting for {waiting} of their time, and it keeps {busy} of {cores} cores busy.",
                "{name} é a mais rápida, {speedup} ({ends}): de suas {lanes} raias, em média {flights} estão em curso ao mesmo tempo, esperando por {waiting} do seu tempo, e ela ocupa {busy} de {cores} núcleos."
            )
        }
        _ => both!(
            "{name} is fastest, {speedup} ({ends}): it keeps {busy} of {cores} cores busy.",
            "{name} é a mais rápida, {speedup} ({ends}): ela ocupa {busy} de {cores} núcleos."
        ),
    }
}

/// What kept the others from being as fast.
fn at_most(others: &[&Measured<'_>], best: &Measured<'_>, nature: Nature) -> Bilingual {
    let busiest = others.iter().map(|one| one.busy).fold(0.0, f64::max);
    let busy = plain(busiest);
    let flights = others.iter().filter_map(|one| Some(one.timeline?.in_flight()));
    match (nature, flights.reduce(f64::max)) {
        (Nature::Waits | Nature::Both, Some(flights)) => {
            let flights = plain(flights);
            both!(
                "on average no more than {flights} lanes are under way at once",
                "em média não mais de {flights} raias estão em curso ao mesmo tempo"
            )
        }
        (Nature::Computes, _) if busiest < 1.2 => {
            both!(
                "no more than {busy} cores busy, like a plain loop",
                "não mais de {busy} núcleos ocupados, como um laço simples"
            )
        }
        _ => {
            let work = others.iter().filter_map(|one| one.cell.cpu_ns).min().unwrap_or_default() as f64
                / best.cell.cpu_ns.filter(|ns| *ns > 0).unwrap_or(u64::MAX) as f64;
            let ratio = times(work);
            if work < MORE {
                both!("no more than {busy} cores busy", "não mais de {busy} núcleos ocupados")
            } else {
                both!(
                    "no more than {busy} cores busy, with {ratio} the CPU time",
                    "não mais de {busy} núcleos ocupados, com {ratio} o tempo de CPU"
                )
            }
        }
    }
}

/// What was paid for the speed: CPU time and memory well above those of the reference.
fn price(others: &[Measured<'_>], reference: &Measured<'_>) -> Vec<Bilingual> {
    let mut sentences = Vec::new();
    let most = |field: fn(&CellRecord) -> Option<u64>, least: f64| {
        let base = field(reference.cell).filter(|base| *base > 0)?;
        let most = others.iter().max_by_key(|other| field(other.cell))?;
        let value = field(most.cell)?;
        (value as f64 >= least * base as f64).then_some((capital(most.strategy()), value, base))
    };
    let base_name = reference.strategy();
    if let Some((name, value, base)) = most(|cell| cell.cpu_ns, DEARER) {
        let ratio = times(value as f64 / base as f64);
        sentences.push(both!(
            "{name} spends {ratio} the CPU time of {base_name}.",
            "{name} gasta {ratio} o tempo de CPU de {base_name}."
        ));
    }
    if let Some((name, value, base)) = most(|cell| cell.peak_rss_bytes, HUNGRIER) {
        let (value, base) = (memory(value), memory(base));
        sentences.push(both!(
            "{name} needs the most memory, {value} against {base} of {base_name}.",
            "{name} precisa de mais memória, {value} contra {base} de {base_name}."
        ));
    }
    sentences
}

/// A warning where the samples scatter too much to conclude.
fn scatter(others: &[Measured<'_>]) -> Option<Bilingual> {
    let wide = |one: &&Measured<'_>| (one.interval[1] - one.interval[0]) / one.speedup > WIDE;
    let wide: Vec<_> = others.iter().filter(wide).collect();
    (wide.len() * 2 > others.len()).then(|| {
        both!(
            "Most intervals are wide: measure again on a quieter machine, or with more samples, before you conclude.",
            "A maioria dos intervalos é larga: meça de novo numa máquina mais calma, ou com mais amostras, antes de concluir."
        )
    })
}

/// How many samples lie far from the others; they count like all.
fn outliers(section: &Section<'_>) -> Option<Bilingual> {
    let cells = || section.cells.iter().map(|shown| shown.cell);
    let (far, all) = (
        cells().map(|cell| cell.outliers.len()).sum::<usize>(),
        cells().map(|cell| cell.samples_ns.len()).sum::<usize>(),
    );
    (far > 0).then(|| {
        both!(
            "{far} of {all} samples lie far from the others of their cell; they are counted.",
            "{far} de {all} amostras ficam longe das outras da sua célula; elas contam."
        )
    })
}

/// Of the time in which the lanes were not idle, the share that was spent waiting.
fn waiting(timeline: &Timeline) -> f64 {
    let total: u64 = State::ALL.iter().map(|state| timeline.total_ns(*state)).sum();
    timeline.total_ns(State::Waiting) as f64 / total.max(1) as f64
}

fn names(measured: &[&Measured<'_>]) -> Bilingual {
    let names: Vec<&str> = measured.iter().map(|one| one.strategy()).collect();
    Bilingual { en: list(&names, "and"), pt: list(&names, "e") }
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
