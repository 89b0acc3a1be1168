//! The curve of a sweep: speed-up over workers, with intervals, the fitted laws, and the line that nothing crosses.

use std::fmt::Write as _;

use lab::record::{Bilingual, SweepRecord};
use lab::scaling::Curve;
use maud::{Markup, html};

use super::figures::{plain, times};
use super::ticks;
use super::words::{both, join, many, show, words};
use crate::sweep::{Growth, Step, growths};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
/// Room for the numbers at the axes.
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 30.0;

/// From workers and speed-ups to places.
struct Frame {
    most_workers: f64,
    most: f64,
}

impl Frame {
    fn x(&self, workers: f64) -> f64 {
        LEFT + (workers - 0.5) / self.most_workers * (WIDTH - LEFT)
    }

    fn y(&self, speedup: f64) -> f64 {
        (HEIGHT - BOTTOM) * (1.0 - speedup / self.most)
    }
}

/// Every strategy of the sweep of an exercise.
pub(super) fn figure(sweep: &SweepRecord) -> Markup {
    let growths = growths(sweep);
    html! {
        @for growth in &growths {
            figure.sweep {
                figcaption {
                    b { (growth.strategy) } " "
                    span.note { (words("speed-up over workers; whiskers: 95 % interval", "ganho por trabalhadores; hastes: intervalo de 95 %")) }
                }
                (chart(sweep, growth))
                ul.legend {
                    li { i.ideal {} (words("ideal", "ideal")) }
                    li { i.amdahl {} (words("Amdahl's law", "lei de Amdahl")) }
                    li { i.usl {} (words("Universal Scalability Law", "lei universal da escalabilidade")) }
                }
                ul.explain { @for sentence in sentences(growth) { li { (show(&sentence)) } } }
            }
        }
    }
}

fn chart(sweep: &SweepRecord, growth: &Growth<'_>) -> Markup {
    let most_workers = growth.steps.last().map_or(1, |step| step.workers);
    let reached = growth
        .steps
        .iter()
        .flat_map(|step| step.interval.map(|ends| ends[1]).into_iter().chain([step.speedup]));
    let frame =
        Frame { most_workers: f64::from(most_workers) + 0.5, most: reached.fold(1.2, f64::max) * 1.15 };
    let base = sweep.reference.median_ns.unwrap_or_default() as f64 / 1e9;
    let line = |curve: &Curve| path(&frame, most_workers, |workers| curve.at(workers) * base);
    let points: Vec<(&Step<'_>, Bilingual)> = growth.steps.iter().map(|step| (step, told(step))).collect();
    let all: Vec<Bilingual> = points.iter().map(|(_, text)| text.clone()).collect();
    let id = format!("sweep-{:02}-{}", sweep.exercise, growth.strategy);
    html! {
        p.unseen id=(id) { (growth.strategy) ": " (show(&join(&all, "; "))) }
        svg.curve role="img" aria-labelledby=(id) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) {
            @for tick in ticks::linear(frame.most, 5) {
                @let y = place(frame.y(tick));
                line.grid x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                text.tick x=(LEFT - 6.0) y=(y) text-anchor="end" dominant-baseline="middle" { (plain_tick(tick)) "×" }
            }
            path.ideal d=(ideal(&frame, most_workers)) {}
            @if let (Ok(fitted), true) = (&growth.usl, growth.fits()) { path.usl d=(line(&fitted.curve)) {} }
            @if let (Ok(fitted), true) = (&growth.amdahl, growth.fits()) { path.amdahl d=(line(&fitted.curve)) {} }
            @for step in &growth.steps {
                @let x = place(frame.x(step.workers.into()));
                text.tick x=(x) y=(HEIGHT - 10.0) text-anchor="middle" { (step.workers) }
                @if let Some([low, high]) = step.interval {
                    line.whisker x1=(x) x2=(x) y1=(place(frame.y(low))) y2=(place(frame.y(high))) {}
                }
                circle.point cx=(x) cy=(place(frame.y(step.speedup))) r="4.5" {}
            }
            @for (language, pick) in [("en", english as fn(&Bilingual) -> &str), ("pt-BR", portuguese)] {
                g.tips lang=(language) {
                    @for (step, text) in &points {
                        circle cx=(place(frame.x(step.workers.into()))) cy=(place(frame.y(step.speedup))) r="10" {
                            title { (pick(text)) }
                        }
                    }
                }
            }
        }
    }
}

/// A point of the curve in words.
fn told(step: &Step<'_>) -> Bilingual {
    let (speedup, efficiency) = (times(step.speedup), format!("{:.0}", step.efficiency * 100.0));
    let Bilingual { en, pt } = many(step.workers as usize, "worker", ["trabalhador", "trabalhadores"]);
    both!("{en}: {speedup}, efficiency {efficiency} %", "{pt}: {speedup}, eficiência {efficiency} %")
}

fn english(text: &Bilingual) -> &str {
    &text.en
}

fn portuguese(text: &Bilingual) -> &str {
    &text.pt
}

/// The line of as many times as workers, as far as the chart reaches.
fn ideal(frame: &Frame, most_workers: u32) -> String {
    let end = f64::from(most_workers).min(frame.most);
    format!("M{:.1} {:.1}L{:.1} {:.1}", frame.x(1.0), frame.y(1.0), frame.x(end), frame.y(end))
}

fn path(frame: &Frame, most_workers: u32, speedup: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    for step in 0..=(most_workers - 1) * 8 {
        let workers = 1.0 + f64::from(step) / 8.0;
        let letter = if step == 0 { 'M' } else { 'L' };
        let _ =
            write!(path, "{letter}{:.1} {:.1}", frame.x(workers), frame.y(speedup(workers).min(frame.most)));
    }
    path
}

fn place(value: f64) -> String {
    format!("{value:.1}")
}

fn plain_tick(tick: f64) -> String {
    format!("{}", (tick * 100.0).round() / 100.0)
}

/// The same facts that the console tells, in both languages.
fn sentences(growth: &Growth<'_>) -> Vec<Bilingual> {
    let mut all = Vec::new();
    if let Some(best) = growth.steps.iter().find(|step| step.workers == growth.best) {
        let (workers, speedup) = (best.workers, times(best.speedup));
        let efficiency = format!("{:.0}", best.efficiency * 100.0);
        all.push(both!(
            "Best number of workers: {workers}, with {speedup} and an efficiency of {efficiency} %.",
            "Melhor número de trabalhadores: {workers}, com {speedup} e eficiência de {efficiency} %."
        ));
    }
    all.push(match growth.cost {
        Some(cost) => both!(
            "COST is {cost}: with so many workers it beats the sequential version for certain.",
            "COST é {cost}: com esse número de trabalhadores supera a versão sequencial com certeza."
        ),
        None if growth.steps.iter().all(|step| step.interval.is_none()) => both!(
            "COST is unknown: so few samples tell nothing for certain.",
            "COST é desconhecido: tão poucas amostras não dizem nada com certeza."
        ),
        None => both!(
            "COST is unbounded here: no number of workers beat the sequential version for certain.",
            "COST é ilimitado aqui: nenhum número de trabalhadores superou a versão sequencial com certeza."
        ),
    });
    if !growth.fits() {
        all.push(both!(
            "Neither law explains half of the scatter: measure again on a quieter machine.",
            "Nenhuma das leis explica metade da dispersão: meça de novo numa máquina mais calma."
        ));
        return all;
    }
    if let Ok(usl) = &growth.usl {
        let (alpha, beta, r) = (plain_3(usl.curve.alpha), plain_3(usl.curve.beta), plain_3(usl.r_squared));
        let ([a_low, a_high], [b_low, b_high]) = (usl.alpha.map(plain_3), usl.beta.map(plain_3));
        all.push(both!(
            "Universal Scalability Law: contention {alpha} ({a_low} to {a_high}), coherency {beta} ({b_low} to {b_high}), R² {r}.",
            "Lei universal da escalabilidade: contenção {alpha} ({a_low} a {a_high}), coerência {beta} ({b_low} a {b_high}), R² {r}."
        ));
    }
    if let Ok(amdahl) = &growth.amdahl {
        let (share, r) = (plain(amdahl.curve.alpha * 100.0), plain_3(amdahl.r_squared));
        all.push(both!(
            "Amdahl's law: {share} % of the work is sequential, R² {r}.",
            "Lei de Amdahl: {share} % do trabalho é sequencial, R² {r}."
        ));
    }
    all
}

fn plain_3(value: f64) -> String {
    format!("{value:.3}")
}
