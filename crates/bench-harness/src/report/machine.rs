//! The machine: what it can do at the most, and how steady it was.

use lab::measure::{Calm, Noise};
use lab::record::RunRecord;
use maud::{Markup, html};

use super::costs::{bytes, limit_name};
use super::figures::{memory, percent, time};
use super::words::{both, number, show, words};

/// Limits and noise, as far as they were measured.
pub(super) fn section(record: &RunRecord) -> Markup {
    html! {
        @if record.limits.is_some() || record.noise.is_some() {
            section.machine #machine {
                h2 { (words("The machine", "A máquina")) }
                @if let Some(noise) = &record.noise { (steadiness(noise)) }
                @if let Some(limits) = &record.limits {
                    dl.facts {
                        @for (name, rate) in limits.rates() {
                            div { dt { (limit_name(name)) } dd { (number(&memory(bytes(rate)))) "/s" } }
                        }
                        div {
                            dt { (words("loopback round trip", "ida e volta na rede interna")) }
                            dd { (number(&time(Some(limits.loopback_trip_ns)))) }
                        }
                    }
                }
            }
        }
    }
}

fn steadiness(noise: &Noise) -> Markup {
    let (spin, copy, away) =
        (percent(noise.spin_ns.spread()), percent(noise.copy_ns.spread()), percent(noise.away()));
    let probes = noise.spin_ns.0.len();
    let facts = both!(
        "Between the samples, the same small work was done {probes} times: its times differed by {spin} (computing) and {copy} (copying memory), and the core was away for {away} of the time.",
        "Entre as amostras, o mesmo pequeno trabalho foi feito {probes} vezes: seus tempos diferiram em {spin} (cálculo) e {copy} (cópia de memória), e o núcleo esteve ausente por {away} do tempo."
    );
    html! {
        p.about {
            @match noise.calm() {
                Calm::Quiet => span.good { (words("The machine was quiet.", "A máquina estava calma.")) },
                Calm::Restless => b { (words("The machine was restless: small differences need more samples.", "A máquina estava inquieta: pequenas diferenças pedem mais amostras.")) },
                Calm::Loud => span.bad { (words("The machine was too noisy to conclude from anything but large differences.", "A máquina estava ruidosa demais para concluir algo além de grandes diferenças.")) },
            }
            " " (show(&facts))
        }
    }
}
