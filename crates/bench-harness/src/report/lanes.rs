//! The picture of who worked and who waited: a lane for each thread, task or process.
//!
//! All strategies of an exercise are drawn to the same scale of time, so that one look shows concurrency, parallelism or
//! neither. A strategy that would be too narrow to read is drawn a second time, magnified. Lanes are stretched to the
//! width of the page; their labels are not.

use lab::measure::nanoseconds;
use lab::record::Bilingual;
use lab::timeline::State;
use maud::{Markup, html};

use super::figures::percent;
use super::picture::Timeline;
use super::shapes::{Budget, Shapes};
use super::words::{both, join, many, number, show, state, words};
use super::{Section, Shown, ticks};

/// Narrower than this share of the width, a picture is magnified.
pub(super) const READABLE: f64 = 0.25;

/// The colours and what they mean.
pub(super) fn legend() -> Markup {
    let meanings = [
        (State::Running, "running", "executando"),
        (State::Waiting, "waiting for something outside", "esperando por algo de fora"),
        (State::Blocked, "blocked by a lock or a full queue", "bloqueada por um cadeado ou uma fila cheia"),
        (State::Sending, "sending between processes", "enviando entre processos"),
    ];
    html! {
        ul.legend {
            @for (state, en, pt) in meanings { li { i class=(state.name()) {} (words(en, pt)) } }
            li { i.idle {} (words("idle", "ociosa")) }
        }
    }
}

/// The lanes of every strategy of an exercise.
pub(super) fn figure(section: &Section<'_>, budget: Budget) -> Markup {
    let lengths = section.cells.iter().filter_map(|shown| Some(shown.timeline.as_ref().ok()?.length_ns));
    let Some(longest) = lengths.max() else {
        return html! { p.note { (words("No timeline was recorded.", "Nenhuma linha do tempo foi gravada.")) } };
    };
    let (_, size) = ticks::unit(longest);
    let end = longest as f64 / size;
    let step = ticks::linear(end, 5).get(1).map_or(100.0, |tick| tick / end * 100.0);
    html! {
        figure.timeline style=(format!("--step:{step:.3}%")) {
            figcaption {
                b { (words("Who worked, who waited", "Quem trabalhou, quem esperou")) } " "
                (words("one recorded run of each strategy, the same scale of time", "uma execução gravada de cada estratégia, na mesma escala de tempo"))
            }
            (legend())
            label.zoom { input type="checkbox"; span { (words("Zoom in: four times as wide, to scroll", "Ampliar: quatro vezes mais largo, com rolagem")) } }
            (axis(longest, 1.0))
            @for (number, shown) in section.cells.iter().enumerate() {
                (strategy(shown, &format!("lanes-{:02}-{number}", section.exercise.id), longest, budget))
            }
        }
    }
}

fn axis(length_ns: u64, magnified: f64) -> Markup {
    let (unit, size) = ticks::unit(length_ns);
    let end = length_ns as f64 / size;
    let all = ticks::linear(end, 5);
    html! {
        div.axis aria-hidden="true" {
            span.corner { @if magnified > 1.0 { (format!("{magnified:.0}×")) " " span.wide { (words("magnified", "ampliado")) } } }
            span.scale {
                @for tick in &all {
                    @let place = tick / end * 100.0;
                    span.last[place > 96.0] style=(format!("left:{place:.2}%")) {
                        (number(&((tick * 1e6).round() / 1e6).to_string())) " " (unit)
                    }
                }
            }
        }
    }
}

fn strategy(shown: &Shown<'_>, id: &str, longest: u64, budget: Budget) -> Markup {
    let cell = shown.cell;
    let timeline = match &shown.timeline {
        Ok(timeline) => timeline,
        Err(why) => {
            let why = cell.error.as_ref().unwrap_or(why);
            return html! { div.strategy { h4 { (cell.strategy) span.facts { (why) } } } };
        }
    };
    let words = format!("{id}-words");
    let share = timeline.length_ns as f64 / longest as f64;
    let shapes = Shapes::of(timeline, share, budget);
    html! {
        div.strategy {
            h4 id=(words) { (cell.strategy) " " span.facts { (show(&facts(timeline))) } }
            @if share >= READABLE {
                div.lanes.ruled { (shapes.names()) div.plot { (shapes.svg(share, id, &words)) } }
            } @else {
                div.lanes.ruled {
                    ol.names {}
                    div.plot { (shapes.strip(share, id)) }
                }
                div.lanes aria-hidden="true" { ol.names {} div.plot { (beam(share)) } }
                (axis(timeline.length_ns, 1.0 / share))
                div.lanes { (shapes.names()) div.plot { (shapes.svg(1.0, id, &words)) } }
            }
            @if shapes.lanes.len() < timeline.lanes.len() {
                @let (drawn, all) = (shapes.lanes.len(), timeline.lanes.len());
                p.note {
                    (show(&both!(
                        "{drawn} of {all} lanes are drawn, evenly chosen.",
                        "{drawn} de {all} raias são desenhadas, escolhidas por igual."
                    )))
                }
            }
        }
    }
}

/// What the picture shows, in words.
fn facts(timeline: &Timeline) -> Bilingual {
    let total: u64 = State::ALL.iter().map(|state| timeline.total_ns(*state)).sum();
    let shares = [State::Running, State::Waiting, State::Blocked, State::Sending]
        .into_iter()
        .map(|state| (state, timeline.total_ns(state) as f64 / total.max(1) as f64))
        .filter(|(_, share)| *share >= 0.005)
        .map(|(which, share)| {
            let (share, Bilingual { en, pt }) = (percent(share), state(which));
            both!("{share} {en}", "{share} {pt}")
        });
    let shares: Vec<Bilingual> = shares.collect();
    let length = nanoseconds(timeline.length_ns);
    let facts = [both!("{length}", "{length}"), lanes(timeline.lanes.len())];
    join(&[&facts[..], &shares].concat(), ", ")
}

/// So many lanes.
pub(super) fn lanes(number: usize) -> Bilingual {
    many(number, "lane", ["raia", "raias"])
}

/// The beam from a narrow picture to its magnified one.
fn beam(share: f64) -> Markup {
    html! {
        svg.beam viewBox="0 0 1000 16" width="100%" height="16" preserveAspectRatio="none" {
            polygon points=(format!("0,0 {:.1},0 1000,16 0,16", (share * 1000.0).max(1.5))) {}
        }
    }
}
