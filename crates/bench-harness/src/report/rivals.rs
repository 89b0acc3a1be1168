//! Our program beside its peers.

use lab::record::{Bilingual, PeerRecord};
use maud::{Markup, html};

use super::figures::{interval, memory, time, times};
use super::words::{both, join, number, show, words};
use crate::peers::{OURS, record_to_beat};

/// The contenders of one exercise: a row for each, with a bar of its time.
pub(super) fn figure(peers: &[&PeerRecord]) -> Markup {
    let record = record_to_beat(peers);
    let most = peers.iter().filter_map(|peer| peer.median_ns).max().unwrap_or_default().max(1);
    let (scale, workers) = peers.first().map_or(("", 0), |peer| (peer.scale.as_str(), peer.workers));
    html! {
        @if !peers.is_empty() {
            figure.peers {
                figcaption {
                    b { (words("Beside other programs", "Ao lado de outros programas")) } " "
                    span.note {
                        (show(&both!(
                            "same inputs, answers checked, rounds interleaved; scale {scale}, {workers} workers",
                            "mesmas entradas, respostas conferidas, rodadas intercaladas; escala {scale}, {workers} trabalhadores"
                        )))
                    }
                }
                table {
                    thead {
                        tr {
                            th scope="col" { (words("program", "programa")) }
                            th scope="col" { (words("time", "tempo")) }
                            th.n scope="col" {}
                            th.n scope="col" { (words("to ours", "ante o nosso")) }
                            th.n scope="col" { (words("95 % interval", "intervalo de 95 %")) }
                            th.n scope="col" { (words("peak memory", "pico de memória")) }
                            th scope="col" { (words("answer", "resposta")) }
                        }
                    }
                    tbody { @for peer in peers { (row(peer, most, record.is_some_and(|record| record.peer == peer.peer))) } }
                }
            }
        }
    }
}

/// What a skipped peer needs, in words: `tool:aria2c` is a program, `extension:sqlite` one of DuckDB's, and the rest are
/// Python's packages.
pub(crate) fn needs(missing: &[String]) -> Bilingual {
    let one = |need: &String| match need.split_once(':') {
        Some(("tool", name)) => both!("the program {name}", "o programa {name}"),
        Some(("extension", name)) => both!("DuckDB's extension {name}", "a extensão {name} do DuckDB"),
        _ => both!("the Python package {need}", "o pacote Python {need}"),
    };
    join(&missing.iter().map(one).collect::<Vec<_>>(), ", ")
}

fn row(peer: &PeerRecord, most: u64, is_record: bool) -> Markup {
    let ours = peer.peer == OURS;
    let class = if ours { "faster" } else { "same" };
    let theirs =
        |text: Option<String>| if ours { "–".into() } else { text.unwrap_or_else(|| "–".into()) };
    html! {
        tr.ours[ours] {
            th scope="row" {
                (peer.peer)
                @if is_record { " " small.record { (words("the record to beat", "o recorde a bater")) } }
            }
            @if !peer.missing.is_empty() {
                td.skipped colspan="6" { (words("skipped: it needs", "omitido: precisa de")) " " (show(&needs(&peer.missing))) }
            } @else if let Some(error) = &peer.error {
                td.skipped colspan="6" { span.bad { "✗ " (error) } }
            } @else {
                td.length {
                    @if let Some(median) = peer.median_ns {
                        span.stack aria-hidden="true" { i class=(class) style=(format!("width:{:.2}%", median as f64 / most as f64 * 100.0)) {} }
                    }
                }
                td.n data-label="time" data-rotulo="tempo" { (number(&time(peer.median_ns))) }
                td.n data-label="to ours" data-rotulo="ante o nosso" { b { (number(&theirs(peer.ratio.map(times)))) } }
                td.n data-label="95 % interval" data-rotulo="intervalo de 95 %" { (number(&theirs(peer.ratio_ci.map(interval)))) }
                td.n data-label="peak memory" data-rotulo="pico de memória" { (number(&peer.peak_bytes.map_or("–".into(), memory))) }
                td data-label="answer" data-rotulo="resposta" { span.good { "✓" } " " (words("the same", "a mesma")) }
            }
        }
    }
}
