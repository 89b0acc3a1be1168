//! The page as a whole.

use std::time::Duration;

use jiff::Timestamp;
use lab::record::{Bilingual, PeerRecord, RunRecord};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::figures::{count, memory};
use super::shapes::Budget;
use super::words::{both, join, many, number, show, words};
use super::{Language, Section, about, bars, claims, costs, explain, lanes, machine, rivals, sweeps, table};
use crate::folder::Run;
use crate::verify;

const STYLE: &str = include_str!("style.css");

/// The whole document. Both languages are in it; `language` is the one that is shown first.
pub(super) fn page(run: &Run, sections: &[Section<'_>], language: Language, budget: Budget) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Paralelo: " (match language { Language::English => date(&run.record.started).en, Language::Portuguese => date(&run.record.started).pt }) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#cells" { (words("To the figures", "Para os números")) }
                (head(run, language))
                main {
                    @if !sections.is_empty() {
                        (table::overview(sections))
                        section.figures #cells { (table::table(sections)) }
                    }
                    @for section in sections { (exercise(section, run, budget)) }
                    (beside(run, sections))
                    (claims::section(&run.claims))
                    (machine::section(&run.record))
                    (method())
                }
            }
        }
    }
}

/// Sweeps and peers of exercises that the run itself did not measure.
fn beside(run: &Run, sections: &[Section<'_>]) -> Markup {
    let known = |id: u8| sections.iter().any(|section| section.exercise.id == id);
    let mut ids: Vec<(u8, &str)> =
        run.sweeps.iter().map(|sweep| (sweep.exercise, sweep.name.as_str())).collect();
    ids.extend(run.peers.iter().map(|peer| (peer.exercise, peer.name.as_str())));
    ids.retain(|(id, _)| !known(*id));
    ids.sort_unstable();
    ids.dedup();
    html! {
        @for (id, name) in ids {
            section.exercise id=(format!("{id:02}-{name}")) {
                h2 { span.number { (format!("{id:02}")) } " " (name) }
                (grown(run, id))
            }
        }
    }
}

/// The sweep and the peers of an exercise.
fn grown(run: &Run, id: u8) -> Markup {
    let peers: Vec<&PeerRecord> = run.peers.iter().filter(|peer| peer.exercise == id).collect();
    html! {
        @for sweep in run.sweeps.iter().filter(|sweep| sweep.exercise == id) { (sweeps::figure(sweep)) }
        (rivals::figure(&peers))
    }
}

fn head(run: &Run, language: Language) -> Markup {
    let record = &run.record;
    let faults = verify::faults(run);
    let interrupted = run.cells.iter().any(|cell| cell.error.as_deref() == Some("interrupted"));
    let cells = run.cells.len();
    html! {
        header {
            div.brand {
                span { "Paralelo" }
                span.switches {
                    label.theme { input type="checkbox" #language checked[language == Language::Portuguese]; span { "English / Português" } }
                    label.theme { input type="checkbox" #theme; span.moon { (words("Light or dark", "Claro ou escuro")) } }
                }
            }
            @if record.exercises.is_empty() {
                h1 { (words("Beside the exercises", "Ao lado dos exercícios")) }
            } @else if faults.is_empty() {
                h1 { (show(&both!("All {cells} answers agree", "Todas as {cells} respostas coincidem"))) span.good { " ✓" } }
            } @else if record.finished.is_none() || interrupted {
                h1 { (words("This run did not come to its end", "Esta execução não chegou ao fim")) span.bad { " ✗" } }
            } @else {
                h1 { (words("Not every answer is right", "Nem toda resposta está certa")) span.bad { " ✗" } }
            }
            p.lead { (show(&lead(record, faults.is_empty()))) }
            @if !faults.is_empty() { ul.faults { @for fault in &faults { li { (fault) } } } }
            (facts(record))
        }
    }
}

/// What was measured, when and for how long.
fn lead(record: &RunRecord, is_sound: bool) -> Bilingual {
    let count = record.exercises.len();
    let exercises = many(count, "exercise", ["exercício", "exercícios"]);
    let (when, took) = (date(&record.started), took(record).unwrap_or_else(|| both!("?", "?")));
    let mut parts = vec![Bilingual {
        en: format!("{} under every strategy, measured on {} in {}.", exercises.en, when.en, took.en),
        pt: format!("{} sob todas as estratégias; medição de {} em {}.", exercises.pt, when.pt, took.pt),
    }];
    if is_sound && count > 0 {
        parts.push(both!(
            "In each exercise, all strategies gave the same answer to the last byte.",
            "Em cada exercício, todas as estratégias deram a mesma resposta, até o último byte."
        ));
    }
    join(&parts, " ")
}

fn facts(record: &RunRecord) -> Markup {
    let machine = &record.machine;
    let fact = |en: &str, pt: &str, value: &str| html! { div { dt { (words(en, pt)) } dd { (value) } } };
    html! {
        dl.facts {
            (fact("Processor", "Processador", &machine.processor))
            (fact("Cores", "Núcleos", &machine.cores.to_string()))
            div { dt { (words("Memory", "Memória")) } dd { (number(&memory(machine.memory_bytes))) } }
            (fact("System", "Sistema", &machine.system))
            (fact("Workers", "Trabalhadores", &record.workers.to_string()))
            (fact("Scale", "Escala", &record.scale))
            (fact("Seed", "Semente", &record.seed.to_string()))
            (fact("Samples a cell, up to", "Amostras por célula, até", &record.samples.to_string()))
            (fact("Version", "Versão", &format!("{}, {}", record.version, record.profile)))
            @if !record.absent.is_empty() { (fact("Not there", "Ausentes", &record.absent.join(", "))) }
        }
    }
}

fn exercise(section: &Section<'_>, run: &Run, budget: Budget) -> Markup {
    let cores = run.record.machine.cores;
    let absent: Vec<_> = section
        .exercise
        .strategies
        .iter()
        .filter_map(|strategy| Some((&strategy.name, about::why_absent(section.exercise, strategy)?)))
        .collect();
    html! {
        section.exercise id=(table::anchor(section)) {
            h2 { span.number { (format!("{:02}", section.exercise.id)) } " " (section.exercise.name) }
            p.about { (show(&about::about(section.exercise))) (amount(section)) }
            @if section.cells.is_empty() { p.note { (words("Nothing was measured.", "Nada foi medido.")) } }
            @else {
                ul.explain { @for sentence in explain::sentences(section, cores) { li { (show(&sentence)) } } }
                (bars::figure(section, cores))
                (lanes::figure(section, budget))
                (costs::times(section))
                (costs::memories(section))
                (costs::limits(section, run.record.limits.as_ref()))
                (grown(run, section.exercise.id))
            }
            @if !absent.is_empty() {
                dl.absent {
                    @for (name, why) in &absent { div { dt { (show(&both!("{name} is not offered", "{name} não é oferecida"))) } dd { (show(why)) } } }
                }
            }
        }
    }
}

/// How much one sample did.
fn amount(section: &Section<'_>) -> Markup {
    let work = section.cells.iter().find(|shown| shown.cell.verified).map(|shown| shown.cell.work);
    html! {
        @if let Some(work) = work {
            @let (items, rows) = (count(work.items), count(work.rows));
            @let (read, written) = (memory(work.bytes_in), memory(work.bytes_out));
            span.amount {
                (show(&both!(
                    "{items} items, {rows} rows, {read} in, {written} out",
                    "{items} itens, {rows} linhas, {read} lidos, {written} escritos"
                )))
            }
        }
    }
}

/// How to read the page, in both languages.
const METHOD: [(&str, &str); 5] = [
    (
        "Every cell is a process of its own. The strategies of an exercise take their samples in turn, in an order drawn anew for each round, so that a machine that slows down favours none. The first round warms up and is not counted.",
        "Cada célula é um processo próprio. As estratégias de um exercício tomam suas amostras em rodízio, em ordem sorteada a cada rodada, para que uma máquina que desacelera não favoreça nenhuma. A primeira rodada aquece e não conta.",
    ),
    (
        "Speed-up is the median of the reference divided by the median of the strategy; its interval is a 95 % bootstrap, or the whole range of what fewer than six samples allow. CPU time and peak memory include the worker processes.",
        "O ganho é a mediana da referência dividida pela mediana da estratégia; seu intervalo é um bootstrap de 95 %, ou toda a faixa que menos de seis amostras permitem. Tempo de CPU e pico de memória incluem os processos trabalhadores.",
    ),
    (
        "The answer is compared by its BLAKE3, of which eight digits are shown.",
        "A resposta é comparada por seu BLAKE3, do qual oito dígitos são mostrados.",
    ),
    (
        "The lanes come from one more run of each cell, recorded and not timed; stretches too short to be seen are merged with what surrounds them.",
        "As raias vêm de mais uma execução de cada célula, gravada e não cronometrada; trechos curtos demais para se ver são unidos aos vizinhos.",
    ),
    (
        "The figures are in cells.jsonl, the run in run.json and the whole timelines in timeline/ beside this file; Perfetto opens them.",
        "Os números estão em cells.jsonl, a execução em run.json e as linhas do tempo completas em timeline/ ao lado deste arquivo; o Perfetto as abre.",
    ),
];

fn method() -> Markup {
    html! {
        footer {
            h2 { (words("How to read this", "Como ler isto")) }
            @for (en, pt) in METHOD { p { (words(en, pt)) } }
        }
    }
}

fn date(stamp: &str) -> Bilingual {
    const MONTHS: [&str; 12] = [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ];
    let Ok(time) = stamp.parse::<Timestamp>() else {
        return Bilingual { en: stamp.into(), pt: stamp.into() };
    };
    let (day, hour) = (time.strftime("%-d"), time.strftime("%Y, %H:%M UTC"));
    let month = time.to_zoned(jiff::tz::TimeZone::UTC).month();
    let month = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
    Bilingual {
        en: format!("{day} {} {hour}", time.strftime("%B")),
        pt: format!("{day} de {month} de {hour}"),
    }
}

/// How long the run took, to the second.
fn took(record: &RunRecord) -> Option<Bilingual> {
    let started: Timestamp = record.started.parse().ok()?;
    let finished: Timestamp = record.finished.as_ref()?.parse().ok()?;
    let seconds = Duration::try_from(finished.duration_since(started)).ok()?.as_secs();
    if seconds < 60 {
        return Some(many(usize::try_from(seconds).ok()?, "second", ["segundo", "segundos"]));
    }
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    Some(both!("{minutes} min {seconds} s", "{minutes} min {seconds} s"))
}
