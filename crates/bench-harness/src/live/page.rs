//! The page of `serve`.

use lab::record::ExerciseRecord;
use maud::{DOCTYPE, Markup, html};

use super::work::has_delay;
use crate::cli::cores;
use crate::discover::Found;

/// The form, the place of the lanes, and the newest report below.
pub(super) fn page(exercises: &[Found]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Paralelo, live" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/live.css";
                script src="/live.js" defer {}
            }
            body {
                main {
                    h1 { "Paralelo, live" }
                    noscript { p { "The live form needs script; " a href="/report" { "the newest report" } " does not." } }
                    form #form {
                        label { "Exercise" select #exercise name="exercise" {
                            @for Found { exercise, .. } in exercises {
                                option value=(exercise.id) { (format!("{:02} ", exercise.id)) (exercise.name) }
                            }
                        } }
                        @for (number, Found { exercise, .. }) in exercises.iter().enumerate() {
                            (strategies(exercise, number == 0))
                        }
                        label { "Workers" input type="number" name="workers" min="1" max="64" value=(cores()); }
                        label { "Samples" input type="number" name="samples" min="1" max="20" value="3"; }
                        button #go { "Start" }
                        button #halt type="button" disabled { "Stop" }
                    }
                    p #status role="status" aria-live="polite" { "Connecting…" }
                    div #lanes {}
                    table #cells hidden {
                        thead { tr { th { "strategy" } th { "median" } th { "speed-up" } th { "95 % interval" } th { "answer" } } }
                        tbody {}
                    }
                    h2 { "The newest run" }
                }
                iframe #report src="/report" title="The report of the newest run" {}
            }
        }
    }
}

/// The choices of one exercise; only those of the chosen one are shown and sent.
fn strategies(exercise: &ExerciseRecord, is_shown: bool) -> Markup {
    html! {
        fieldset data-exercise=(exercise.id) hidden[!is_shown] disabled[!is_shown] {
            legend { "Strategies" }
            @for strategy in exercise.strategies.iter().filter(|strategy| strategy.absent.is_none()) {
                label { input type="checkbox" name="strategy" value=(strategy.name) checked; (strategy.name) }
            }
            @if has_delay(&exercise.name) {
                label { "Delay, ms" input type="number" name="delay" min="0" max="5000" value="50"; }
            }
        }
    }
}
