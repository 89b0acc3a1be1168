//! The figures: a row for each cell, and the overview of all exercises.

use lab::record::CellRecord;
use maud::{Markup, html};

use super::figures::{interval, memory, time, times};
use super::words::{both, many, number, show, words};
use super::{Section, Shown};

/// The speed-ups of all exercises at a glance, coloured by their size; each leads to its exercise.
pub(super) fn overview(sections: &[Section<'_>]) -> Markup {
    let strategies = sections.iter().map(|section| section.exercise.strategies.len());
    let columns = strategies.max().unwrap_or_default();
    html! {
        div.overview style=(format!("--columns:{columns}")) {
            @for section in sections {
                a.exercise href=(format!("#{}", anchor(section))) {
                    span.number { (format!("{:02}", section.exercise.id)) } " " (section.exercise.name)
                }
                ul.chips {
                    @for strategy in &section.exercise.strategies {
                        @let shown = section.cells.iter().find(|shown| shown.cell.strategy == strategy.name);
                        @if let Some(why) = &strategy.absent {
                            li.chip.absent title=(why) { span.strategy { (strategy.name) } (words("not offered", "não oferecida")) }
                        }
                        @if let Some(Shown { cell, .. }) = shown { li.chip.wrong[!cell.verified] style=(format!("--heat:{:.0}%", heat(cell))) {
                            span.strategy { (cell.strategy) }
                            b {
                                @if !cell.verified { "✗" }
                                @else if let Some(speedup) = cell.speedup { (number(&times(speedup))) }
                            }
                        } }
                    }
                }
            }
        }
    }
}

/// The place of an exercise on the page.
pub(super) fn anchor(section: &Section<'_>) -> String {
    format!("{:02}-{}", section.exercise.id, section.exercise.name)
}

/// How strongly a speed-up is coloured, in percent: nothing at 1× or less, all of it at 100×.
fn heat(cell: &CellRecord) -> f64 {
    let speedup = cell.speedup.filter(|_| cell.verified).unwrap_or(1.0);
    (speedup.max(1.0).log10() / 2.0).sqrt().min(1.0) * 42.0
}

/// One row a cell.
pub(super) fn table(sections: &[Section<'_>]) -> Markup {
    html! {
        table.cells {
            caption { (words("Every cell", "Todas as células")) }
            thead {
                tr {
                    th scope="col" { (words("strategy", "estratégia")) }
                    th.n scope="col" { (words("median", "mediana")) }
                    th.n scope="col" { (words("speed-up", "ganho")) }
                    th.n scope="col" { (words("95 % interval", "intervalo de 95 %")) }
                    th.n scope="col" { (words("CPU time", "tempo de CPU")) }
                    th.n scope="col" { (words("peak memory", "pico de memória")) }
                    th scope="col" { (words("answer", "resposta")) }
                }
            }
            @for section in sections {
                tbody {
                    tr.group {
                        th colspan="7" scope="rowgroup" {
                            a href=(format!("#{}", anchor(section))) {
                                span.number { (format!("{:02}", section.exercise.id)) } " " (section.exercise.name)
                            }
                        }
                    }
                    @for Shown { cell, .. } in &section.cells { (row(cell)) }
                }
            }
        }
    }
}

fn row(cell: &CellRecord) -> Markup {
    let workers = many(cell.workers, "worker", ["trabalhador", "trabalhadores"]);
    html! {
        tr.wrong[!cell.verified] {
            th scope="row" { (cell.strategy) " " small { (show(&workers)) } }
            td.n data-label="median" data-rotulo="mediana" { (number(&time(cell.median_ns))) }
            td.n data-label="speed-up" data-rotulo="ganho" { b { (number(&cell.speedup.map_or("–".into(), times))) } }
            td.n data-label="95 % interval" data-rotulo="intervalo de 95 %" { (number(&cell.speedup_ci.map_or("–".into(), interval))) }
            td.n data-label="CPU time" data-rotulo="tempo de CPU" { (number(&time(cell.cpu_ns))) }
            td.n data-label="peak memory" data-rotulo="pico de memória" { (number(&cell.peak_rss_bytes.map_or("–".into(), memory))) }
            td.answer data-label="answer" data-rotulo="resposta" { (answer(cell)) }
        }
    }
}

fn answer(cell: &CellRecord) -> Markup {
    let digits = cell.digest.as_deref().map(|digest| &digest[..digest.len().min(8)]);
    html! {
        @match (&cell.error, digits) {
            (None, Some(digits)) if cell.verified => {
                @let checked = [("en", "verified: the same as the reference's answer"), ("pt-BR", "conferida: igual à resposta da referência")];
                @for (language, text) in checked { span lang=(language) title=(text) { span.good { "✓" } " " code { (digits) } } }
            }
            (error, _) => { span.bad { "✗ " @match error { Some(error) => (error), None => (words("not verified", "não conferida")) } } }
        }
        @if cell.worker_deaths > 0 {
            @let deaths = cell.worker_deaths;
            br; small { (show(&both!("{deaths} worker deaths, tasks done again", "{deaths} trabalhadores mortos, tarefas refeitas"))) }
        }
    }
}
