//! Where the time went, what it cost, and how close the machine's limits are: a row for each strategy.

use lab::measure::Limits;
use lab::record::{Bilingual, CellRecord};
use lab::timeline::State;
use maud::{Markup, html};

use super::figures::{self, memory, percent};
use super::words::{both, join, number, state, tip, words};
use super::{Section, Shown};

/// The states in the order of the stack.
const STACK: [State; 4] = [State::Running, State::Waiting, State::Blocked, State::Sending];

/// The share of all lanes' time that each state took, and what is left of it.
pub(super) fn times(section: &Section<'_>) -> Markup {
    let shown: Vec<_> =
        section.cells.iter().filter_map(|shown| Some((shown, shown.timeline.as_ref().ok()?))).collect();
    html! {
        @if !shown.is_empty() {
            figure.times {
                figcaption {
                    b { (words("Where the time went", "Para onde foi o tempo")) } " "
                    span.note { (words("share of all lanes' time; what is empty is idle", "parte do tempo de todas as raias; o vazio é ócio")) }
                }
                @for (Shown { cell, .. }, timeline) in shown {
                    @let whole = (timeline.length_ns as f64 * timeline.lanes.len() as f64).max(1.0);
                    @let shares = STACK.map(|state| (state, timeline.total_ns(state) as f64 / whole));
                    div.bar {
                        span.name { (cell.strategy) }
                        span.stack aria-hidden="true" {
                            @for (state, share) in shares {
                                @if share >= 0.0005 { i class=(state.name()) style=(format!("width:{:.2}%", share * 100.0)) {} }
                            }
                        }
                        (tip(&told(&cell.strategy, &shares)))
                        span.value { (percent(shares[0].1)) }
                    }
                }
            }
        }
    }
}

/// The shares of a strategy in words.
fn told(strategy: &str, shares: &[(State, f64)]) -> Bilingual {
    let seen = shares.iter().filter(|(_, share)| *share >= 0.005);
    let parts: Vec<Bilingual> = seen
        .map(|(which, share)| {
            let (share, Bilingual { en, pt }) = (percent(*share), state(*which));
            both!("{en} {share}", "{pt} {share}")
        })
        .collect();
    let Bilingual { en, pt } = join(&parts, ", ");
    both!("{strategy}: {en}", "{strategy}: {pt}")
}

/// Peak memory of each strategy, and what the kernel had to do.
pub(super) fn memories(section: &Section<'_>) -> Markup {
    let cells = || section.cells.iter().map(|shown| shown.cell);
    let most = cells().filter_map(|cell| cell.peak_rss_bytes).max().unwrap_or_default().max(1);
    html! {
        figure.memory {
            figcaption {
                b { (words("Peak memory", "Pico de memória")) } " "
                span.note { (words("with the worker processes; beside it what the kernel had to do in a sample", "com os processos trabalhadores; ao lado, o que o núcleo teve de fazer numa amostra")) }
            }
            @for cell in cells() {
                @if let Some(peak) = cell.peak_rss_bytes {
                    div.bar {
                        span.name { (cell.strategy) }
                        span.stack { i.same style=(format!("width:{:.2}%", peak as f64 / most as f64 * 100.0)) {} }
                        span.value { (number(&memory(peak))) }
                        @if let Some(events) = cell.events {
                            span.events {
                                (figures::count(events.voluntary_switches)) " " (words("waits", "esperas")) ", "
                                (figures::count(events.involuntary_switches)) " " (words("preemptions", "preempções")) ", "
                                (figures::count(events.minor_faults + events.major_faults)) " " (words("page faults", "faltas de página"))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a cell moved in a second: bytes read and written over its median.
fn throughput(cell: &CellRecord) -> Option<f64> {
    let bytes = cell.work.bytes_in + cell.work.bytes_out;
    let seconds = cell.median_ns.filter(|ns| *ns > 0)? as f64 / 1e9;
    (cell.verified && bytes > 0).then(|| bytes as f64 / seconds)
}

/// Bytes a second of each strategy, on a logarithmic axis with the machine's limits as lines.
pub(super) fn limits(section: &Section<'_>, limits: Option<&Limits>) -> Markup {
    let rates: Vec<_> =
        section.cells.iter().filter_map(|shown| Some((shown.cell, throughput(shown.cell)?))).collect();
    let (Some(limits), false) = (limits, rates.is_empty()) else { return html! {} };
    let lines = limits.rates();
    let all = || lines.iter().map(|(_, rate)| *rate).chain(rates.iter().map(|(_, rate)| *rate));
    let (low, high) = (all().fold(f64::INFINITY, f64::min) * 0.7, all().fold(0.0, f64::max) * 1.15);
    let place = |rate: f64| (rate / low).ln() / (high / low).ln() * 100.0;
    let fastest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    html! {
        figure.limits {
            figcaption {
                b { (words("How close to the machine", "Quão perto da máquina")) } " "
                span.note { (words("bytes read and written a second, logarithmic; lines: measured limits", "bytes lidos e escritos por segundo, escala logarítmica; linhas: limites medidos")) }
            }
            @for (cell, rate) in &rates {
                @let (name, amount) = (&cell.strategy, memory(bytes(*rate)));
                div.bar {
                    span.name { (cell.strategy) }
                    svg.plot aria-hidden="true" height="20" width="100%" {
                        @for (_, limit) in lines {
                            @let x = format!("{:.2}%", place(limit));
                            line.limit x1=(x) x2=(x) y1="0" y2="20" {}
                        }
                        rect.faster x="0" y="3" height="14" rx="2" width=(format!("{:.2}%", place(*rate).max(0.3))) {}
                    }
                    (tip(&both!("{name}: {amount} a second", "{name}: {amount} por segundo")))
                    span.value { (number(&amount)) "/s" }
                }
            }
            ul.legend {
                @for (name, limit) in lines {
                    li {
                        (limit_name(name)) " " (number(&memory(bytes(limit)))) "/s: " b { (percent(fastest / limit)) }
                    }
                }
            }
        }
    }
}

/// A limit's name in both languages.
pub(super) fn limit_name(name: &str) -> Markup {
    match name {
        "memory" => words("memory copy", "cópia de memória"),
        "page cache" => words("page-cache read", "leitura do cache de páginas"),
        "disk write" => words("disk write", "escrita no disco"),
        _ => words("loopback", "rede interna"),
    }
}

/// A rate as whole bytes.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn bytes(rate: f64) -> u64 {
    rate.max(0.0) as u64
}
