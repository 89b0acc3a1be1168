//! Speed-ups as bars with the whiskers of their intervals.
//!
//! The plots have no width of their own: every horizontal place is a percentage, so that the text keeps its size on a
//! narrow screen.

use lab::record::CellRecord;
use maud::{Markup, html};

use super::figures::{interval, plain, times};
use super::words::{both, join, number, show, tip, words};
use super::{Section, ticks};

/// From this speed-up on, an axis that starts at 0 would hide everything else.
const LINEAR_UP_TO: f64 = 6.0;

/// Where a speed-up lies on the axis.
enum Scale {
    Linear { high: f64 },
    Logarithmic { low: f64, high: f64 },
}

impl Scale {
    fn of(cells: &[&CellRecord]) -> Self {
        let ends = || {
            cells
                .iter()
                .flat_map(|cell| cell.speedup.into_iter().chain(cell.speedup_ci.into_iter().flatten()))
        };
        let high = ends().fold(1.0, f64::max);
        let low = ends().fold(1.0, f64::min);
        if high <= LINEAR_UP_TO {
            Self::Linear { high: (high * 1.08).max(1.25) }
        } else {
            Self::Logarithmic { low: (low * 0.8).clamp(0.01, 0.7), high: high * 1.3 }
        }
    }

    /// The place of a value, in percent of the width.
    fn place(&self, value: f64) -> f64 {
        let share = match self {
            Self::Linear { high } => value / high,
            Self::Logarithmic { low, high } => (value.max(*low) / low).ln() / (high / low).ln(),
        };
        share.clamp(0.0, 1.0) * 100.0
    }

    fn ticks(&self) -> Vec<f64> {
        match self {
            Self::Linear { high } => ticks::linear(*high, 5),
            Self::Logarithmic { low, high } => ticks::logarithmic(*low, *high),
        }
    }

    /// Where bars start: at 0, or at 1× on an axis that has no 0.
    fn base(&self) -> f64 {
        match self {
            Self::Linear { .. } => 0.0,
            Self::Logarithmic { .. } => self.place(1.0),
        }
    }
}

/// A bar for each cell of an exercise. `cores` is drawn as the limit of what computing alone can gain.
pub(super) fn figure(section: &Section<'_>, cores: usize) -> Markup {
    let cells: Vec<_> = section.cells.iter().map(|shown| shown.cell).collect();
    let scale = Scale::of(&cells);
    let reference = cells.first().map_or("", |cell| cell.strategy.as_str());
    let mut notes = vec![both!("whiskers: 95 % interval", "hastes: intervalo de 95 %")];
    if matches!(scale, Scale::Logarithmic { .. }) {
        notes.insert(0, both!("logarithmic scale", "escala logarítmica"));
    }
    if limit(&scale, cores).is_some() {
        notes.push(both!("dashed: {cores} cores", "tracejada: {cores} núcleos"));
    }
    html! {
        figure.bars {
            figcaption {
                b { (words("Speed-up", "Ganho")) } " " (words("against", "sobre")) " " (reference)
                span.note { (show(&join(&notes, "; "))) }
            }
            @for cell in &cells { (bar(cell, &scale, cores)) }
            div.axis aria-hidden="true" {
                span.corner {}
                span.scale {
                    @for tick in scale.ticks() {
                        span style=(format!("left:{:.2}%", scale.place(tick))) { (number(&format!("{}×", axis_value(tick)))) }
                    }
                }
            }
        }
    }
}

fn axis_value(value: f64) -> String {
    format!("{}", (value * 1000.0).round() / 1000.0)
}

fn bar(cell: &CellRecord, scale: &Scale, cores: usize) -> Markup {
    let verdict = match cell.speedup_ci {
        _ if !cell.verified => "wrong",
        Some([low, _]) if low > 1.0 => "faster",
        Some([_, high]) if high < 1.0 => "slower",
        _ => "same",
    };
    let name = &cell.strategy;
    let text = match (cell.speedup, cell.speedup_ci, &cell.error) {
        (Some(speedup), Some(ends), _) => {
            let (speedup, ends) = (plain(speedup), interval(ends));
            both!(
                "{name}: {speedup} times as fast, 95 % interval {ends}",
                "{name}: {speedup} vezes a velocidade, intervalo de 95 % {ends}"
            )
        }
        (.., Some(error)) => both!("{name}: {error}", "{name}: {error}"),
        _ => both!("{name}: not measured", "{name}: não medida"),
    };
    html! {
        div.bar {
            span.name { (cell.strategy) }
            span.value {
                @if let (Some(speedup), true) = (cell.speedup, cell.verified) { b { (number(&times(speedup))) } }
                @else { span.bad { "✗" } }
            }
            svg.plot aria-hidden="true" height="26" width="100%" {
                @for tick in scale.ticks() {
                    @let x = percent(scale.place(tick));
                    line.grid.one[(tick - 1.0).abs() < 1e-9] x1=(x) x2=(x) y1="0" y2="26" {}
                }
                @if let Some(limit) = limit(scale, cores) {
                    line.limit x1=(percent(limit)) x2=(percent(limit)) y1="0" y2="26" {}
                }
                @if let Some(speedup) = cell.speedup {
                    @let (from, to) = (scale.base(), scale.place(speedup));
                    rect class=(verdict) x=(percent(from.min(to))) y="5" height="16" rx="2"
                        width=(percent((to - from).abs().max(0.3))) {}
                }
                @if let Some(ends) = cell.speedup_ci {
                    @let [low, high] = ends.map(|end| percent(scale.place(end)));
                    line.whisker x1=(low) x2=(high) y1="13" y2="13" {}
                    line.whisker x1=(low) x2=(low) y1="9" y2="17" {}
                    line.whisker x1=(high) x2=(high) y1="9" y2="17" {}
                }
            }
            (tip(&text))
        }
    }
}

/// Where the line at the number of cores stands, if there is more than one core and the axis reaches so far.
fn limit(scale: &Scale, cores: usize) -> Option<f64> {
    let place = scale.place(cores as f64);
    (cores > 1 && place < 100.0).then_some(place)
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}
