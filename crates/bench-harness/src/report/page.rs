//! The page as a whole.

use std::time::Duration;

use jiff::Timestamp;
use lab::record::RunRecord;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::figures::{count, many, memory};
use super::{Section, bars, claims, explain, lanes, shapes, table};
use crate::folder::Run;
use crate::verify;

const STYLE: &str = include_str!("style.css");

/// The whole document.
pub(super) fn page(run: &Run, sections: &[Section<'_>]) -> Markup {
    let pictures = sections.iter().flat_map(|section| &section.cells);
    let budget = shapes::Budget::of(pictures.filter(|shown| shown.timeline.is_ok()).count());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Paralelo: run of " (date(&run.record.started)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#cells" { "To the figures" }
                (head(run))
                main {
                    (table::overview(sections))
                    section.figures #cells { (table::table(sections)) }
                    @for section in sections { (exercise(section, &run.record, budget)) }
                    (claims::section(&run.claims))
                    (method())
                }
            }
        }
    }
}

fn head(run: &Run) -> Markup {
    let record = &run.record;
    let faults = verify::faults(run);
    let interrupted = run.cells.iter().any(|cell| cell.error.as_deref() == Some("interrupted"));
    html! {
        header {
            div.brand {
                span { "Paralelo" }
                label.theme { input type="checkbox" #theme; span { "Light or dark" } }
            }
            @if faults.is_empty() {
                h1 { "All " (run.cells.len()) " answers agree" span.good { " ✓" } }
            } @else if record.finished.is_none() || interrupted {
                h1 { "This run did not come to its end" span.bad { " ✗" } }
            } @else {
                h1 { "Not every answer is right" span.bad { " ✗" } }
            }
            p.lead {
                (many(record.exercises.len(), "exercise")) " under every strategy that can do "
                @if record.exercises.len() == 1 { "it" } @else { "them" } ", measured on "
                time datetime=(record.started) { (date(&record.started)) }
                @if let Some(took) = took(record) { " in " (took) }
                "."
                @if faults.is_empty() { " In each exercise, all strategies gave the same answer to the last byte." }
            }
            @if !faults.is_empty() { ul.faults { @for fault in &faults { li { (fault) } } } }
            (facts(record))
        }
    }
}

fn facts(record: &RunRecord) -> Markup {
    let machine = &record.machine;
    html! {
        dl.facts {
            div { dt { "Processor" } dd { (machine.processor) } }
            div { dt { "Cores" } dd { (machine.cores) } }
            div { dt { "Memory" } dd { (memory(machine.memory_bytes)) } }
            div { dt { "System" } dd { (machine.system) } }
            div { dt { "Workers" } dd { (record.workers) } }
            div { dt { "Scale" } dd { (record.scale) } }
            div { dt { "Seed" } dd { (record.seed) } }
            div { dt { "Samples" } dd { "up to " (record.samples) " a cell" } }
            div { dt { "Version" } dd { (record.version) ", " (record.profile) } }
            @if !record.absent.is_empty() { div { dt { "Not there" } dd { (record.absent.join(", ")) } } }
        }
    }
}

fn exercise(section: &Section<'_>, record: &RunRecord, budget: shapes::Budget) -> Markup {
    let cores = record.machine.cores;
    let absent: Vec<_> = section
        .exercise
        .strategies
        .iter()
        .filter_map(|strategy| Some((&strategy.name, strategy.absent.as_ref()?)))
        .collect();
    html! {
        section.exercise id=(table::anchor(section)) {
            h2 { span.number { (format!("{:02}", section.exercise.id)) } " " (section.exercise.name) }
            p.about { (section.exercise.about) (amount(section)) }
            @if section.cells.is_empty() { p.note { "Nothing was measured." } }
            @else {
                ul.explain { @for sentence in explain::sentences(section, cores) { li { (sentence) } } }
                (bars::figure(section, cores))
                (lanes::figure(section, budget))
            }
            @if !absent.is_empty() {
                dl.absent {
                    @for (name, why) in absent { div { dt { (name) " is not offered" } dd { (why) } } }
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
            span.amount {
                (count(work.items)) " items, " (count(work.rows)) " rows, " (memory(work.bytes_in)) " in, "
                (memory(work.bytes_out)) " out"
            }
        }
    }
}

fn method() -> Markup {
    html! {
        footer {
            h2 { "How to read this" }
            p {
                "Every cell is a process of its own. The strategies of an exercise take their samples in turn, in an order "
                "drawn anew for each round, so that a machine that slows down favours none. The first round warms up and is "
                "not counted. " b { "Speed-up" } " is the median of the reference divided by the median of the strategy; its "
                b { "interval" } " is a 95 % bootstrap, or the whole range of what fewer than six samples allow. " b { "CPU time" } " and " b { "peak memory" }
                " include the worker processes; the memory of several processes is added up. "
                b { "The answer" } " is compared by its BLAKE3, of which eight digits are shown. "
                b { "The lanes" } " come from one more run of each cell, recorded and not timed; stretches too short to be "
                "seen are merged with what surrounds them."
            }
            p {
                "The figures are in " code { "cells.jsonl" } ", the run in " code { "run.json" } " and the whole timelines in "
                code { "timeline/" } " beside this file; Perfetto opens them."
            }
        }
    }
}

fn date(stamp: &str) -> String {
    stamp
        .parse::<Timestamp>()
        .map_or_else(|_| stamp.into(), |time| time.strftime("%-d %B %Y, %H:%M UTC").to_string())
}

/// How long the run took, to the second.
fn took(record: &RunRecord) -> Option<String> {
    let started: Timestamp = record.started.parse().ok()?;
    let finished: Timestamp = record.finished.as_ref()?.parse().ok()?;
    let seconds = Duration::try_from(finished.duration_since(started)).ok()?.as_secs();
    Some(match seconds {
        ..60 => many(usize::try_from(seconds).ok()?, "second"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    })
}
