//! Our program beside its peers.

use lab::record::PeerRecord;
use maud::{Markup, html};

use super::figures::{interval, memory, time, times};
use super::words::words;
use crate::peers::{OURS, record_to_beat};

/// The contenders of one exercise: bars of time, and their figures.
pub(super) fn figure(peers: &[&PeerRecord]) -> Markup {
    let record = record_to_beat(peers);
    let most = peers.iter().filter_map(|peer| peer.median_ns).max().unwrap_or_default().max(1);
    let scale = peers.first().map_or("", |peer| peer.scale.as_str());
    html! {
        @if !peers.is_empty() {
            figure.peers {
                figcaption {
                    b { (words("Beside other programs", "Ao lado de outros programas")) } " "
                    span.note {
                        (words("same inputs, answers checked, rounds interleaved; scale", "mesmas entradas, respostas conferidas, rodadas intercaladas; escala")) " " (scale)
                    }
                }
                @for peer in peers {
                    @let ours = peer.peer == OURS;
                    div.bar {
                        span.name title=(peer.peer) { (peer.peer) }
                        span.stack {
                            @if let Some(median) = peer.median_ns {
                                i class=(if ours { "faster" } else { "same" }) style=(format!("width:{:.2}%", median as f64 / most as f64 * 100.0)) {}
                            }
                        }
                        span.value { (time(peer.median_ns)) }
                        span.events {
                            @if !peer.missing.is_empty() {
                                (words("skipped: it needs", "omitido: precisa de")) " " (peer.missing.join(", "))
                            } @else if let Some(error) = &peer.error { span.bad { "✗ " (error) } }
                            @else {
                                @if let (Some(ratio), Some(ends), false) = (peer.ratio, peer.ratio_ci, ours) {
                                    b { (times(ratio)) } " " (words("our time", "o nosso tempo")) " (" (interval(ends)) "), "
                                }
                                @else if let (Some(ratio), false) = (peer.ratio, ours) { b { (times(ratio)) } " " (words("our time", "o nosso tempo")) ", " }
                                @if let Some(bytes) = peer.peak_bytes { (memory(bytes)) ", " }
                                span.good { "✓" } " " (words("same answer", "mesma resposta"))
                                @if record.is_some_and(|record| record.peer == peer.peer) {
                                    ", " b { (words("the record to beat", "o recorde a bater")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
