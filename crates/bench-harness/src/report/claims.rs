//! The claims of `fundamentals`: what is said, what was measured here, and whether it holds.

use lab::record::{Bilingual, ClaimRecord, Estimate, Threshold, Verdict};
use maud::{Markup, html};

use super::figures::plain;
use super::words::{both, number, show, words};

/// All claims, those of one program together.
pub(super) fn section(claims: &[ClaimRecord]) -> Markup {
    let count = |verdict| claims.iter().filter(|claim| claim.verdict == verdict).count();
    let (hold, refuted) = (count(Verdict::Holds), count(Verdict::Refuted));
    html! {
        @if !claims.is_empty() {
            section.claims #claims {
                h2 { (words("What is said of concurrency, measured here", "O que se diz da concorrência, medido aqui")) }
                p.about {
                    @let (all, open) = (claims.len(), claims.len() - hold - refuted);
                    (show(&both!(
                        "{all} claims: {hold} hold on this machine, {refuted} refuted, {open} inconclusive. A claim holds where the whole interval of the measured number lies where the claim is true. In full:",
                        "{all} afirmações: {hold} valem nesta máquina, {refuted} refutadas, {open} inconclusivas. Uma afirmação vale onde todo o intervalo do número medido está onde ela é verdadeira. Por extenso:"
                    ))) " "
                    code { "fundamentals run NAME" } "."
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
            p { (mark(claim.verdict)) " " (show(&claim.sentence)) }
            p.note {
                @if let Some(measured) = claim.measured {
                    b { (number(&plain(measured.value))) } " " (show(&claim.unit)) (number(&interval(measured))) "; " (words("holds", "vale")) " " (show(&holds(claim.holds))) ". "
                }
                @if let Some(note) = &claim.note { (show(note)) " " }
                @if let Some(error) = &claim.error { span.bad { (error) } " " }
                (words("Published:", "Publicado:")) " " a href=(claim.published.link) rel="noreferrer" { (claim.published.title) } ", "
                (show(&claim.published.number)) "."
            }
        }
    }
}

fn mark(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Holds => told("good", "✓", "holds", "vale"),
        Verdict::Refuted => told("bad", "✗", "refuted here", "refutada aqui"),
        Verdict::Inconclusive => told("note", "?", "inconclusive", "inconclusiva"),
    }
}

fn told(class: &str, sign: &str, en: &str, pt: &str) -> Markup {
    html! {
        span class=(class) lang="en" title=(en) { (sign) }
        span class=(class) lang="pt-BR" title=(pt) { (sign) }
    }
}

fn interval(measured: Estimate) -> String {
    if measured.samples < 2 {
        return String::new();
    }
    format!(" ({} … {})", plain(measured.low), plain(measured.high))
}

fn holds(threshold: Threshold) -> Bilingual {
    match threshold {
        Threshold::AtLeast(least) => {
            let least = plain(least);
            both!("from {least} on", "a partir de {least}")
        }
        Threshold::AtMost(most) => {
            let most = plain(most);
            both!("up to {most}", "até {most}")
        }
        Threshold::Within(least, most) => {
            let (least, most) = (plain(least), plain(most));
            both!("from {least} to {most}", "de {least} a {most}")
        }
    }
}
