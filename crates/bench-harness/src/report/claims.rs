//! The claims of `fundamentals`: what is said, what was measured here, and whether it holds.

use lab::record::{ClaimRecord, Estimate, Threshold, Verdict};
use maud::{Markup, html};

use super::figures::{many, plain};

/// All claims, those of one program together.
pub(super) fn section(claims: &[ClaimRecord]) -> Markup {
    let count = |verdict| claims.iter().filter(|claim| claim.verdict == verdict).count();
    let (hold, refuted) = (count(Verdict::Holds), count(Verdict::Refuted));
    html! {
        @if !claims.is_empty() {
            section.claims #claims {
                h2 { "What is said of concurrency, measured here" }
                p.about {
                    (many(claims.len(), "claim")) ": " (hold) " hold on this machine, " (refuted) " refuted, "
                    (claims.len() - hold - refuted) " inconclusive. A claim holds where the whole interval of the measured "
                    "number lies where the claim is true. "
                    code { "fundamentals run NAME" } " shows each in full."
                }
                @for program in claims.chunk_by(|one, next| one.program == next.program) {
                    details open[program.iter().any(|claim| claim.verdict == Verdict::Refuted)] {
                        summary {
                            b { (program[0].program) }
                            @for claim in program { " " (mark(claim.verdict)) }
                        }
                        @for claim in program { (row(claim)) }
                    }
                }
            }
        }
    }
}

fn row(claim: &ClaimRecord) -> Markup {
    html! {
        div.claim {
            p { (mark(claim.verdict)) " " (claim.sentence.en) }
            p.note {
                @if let Some(measured) = claim.measured {
                    b { (plain(measured.value)) } " " (claim.unit.en) (interval(measured)) "; holds " (holds(claim.holds)) ". "
                }
                @if let Some(note) = &claim.note { (note.en) " " }
                @if let Some(error) = &claim.error { span.bad { (error) } " " }
                "Published: " a href=(claim.published.link) rel="noreferrer" { (claim.published.title) } ", "
                (claim.published.number.en) "."
            }
        }
    }
}

fn mark(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Holds => html! { span.good title="holds" { "✓" } },
        Verdict::Refuted => html! { span.bad title="refuted here" { "✗" } },
        Verdict::Inconclusive => html! { span.note title="inconclusive" { "?" } },
    }
}

fn interval(measured: Estimate) -> String {
    if measured.samples < 2 {
        return String::new();
    }
    format!(" ({} … {})", plain(measured.low), plain(measured.high))
}

fn holds(threshold: Threshold) -> String {
    match threshold {
        Threshold::AtLeast(least) => format!("from {} on", plain(least)),
        Threshold::AtMost(most) => format!("up to {}", plain(most)),
        Threshold::Within(least, most) => format!("from {} to {}", plain(least), plain(most)),
    }
}
