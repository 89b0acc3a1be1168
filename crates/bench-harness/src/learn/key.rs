//! The answer key, for whoever hands out the questions.

use lab::{Problem, number, words};
use owo_colors::OwoColorize as _;

use super::Walk;
use super::steps::{Step, Subject};

/// Prints all questions of a walk: the choices that are to be expected, and what was measured on this machine.
pub(super) fn print(walk: &Walk) -> Result<(), Problem> {
    let screen = walk.screen;
    let lang = screen.lang;
    let title = words!(lang, "Answer key · {}", "Gabarito · {}", walk.name);
    screen.rule(&title, &walk.steps.len().to_string())?;
    for (index, step) in walk.steps.iter().enumerate() {
        screen.line(&format!("\n  {:>2}  {}{}", index + 1, step.name.cyan().bold(), about(step)))?;
        screen.paragraph(screen.of(&step.question.ask), str::to_owned)?;
        if let Some(given) = &step.question.given {
            screen.paragraph(&format!("({})", screen.of(given)), |line| line.dimmed().to_string())?;
        }
        let expected: Vec<String> =
            step.question.expected.iter().map(|choice| label(walk, step, *choice)).collect();
        let mut said = if expected.is_empty() {
            words!(
                lang,
                "expected: whatever is measured; nothing simple predicts it",
                "esperado: o que for medido; nada simples o prevê"
            )
        } else {
            let or = words!(lang, " or ", " ou ");
            words!(lang, "expected: {}", "esperado: {}", expected.join(&or))
        };
        if let Some(model) = step.question.model {
            said = format!("{said} ({}×)", number(model, lang));
        }
        screen.paragraph(&said, |line| line.green().to_string())?;
        let Some(answered) = walk.answered(step) else { continue };
        let (right, at) = (answered.right.map(|right| label(walk, step, right)), &answered.at);
        let value = answered.measured.map(|value| number(value, lang)).unwrap_or_default();
        let (right, unit) = (right.unwrap_or_else(|| "?".into()), screen.of(&answered.unit));
        let said = words!(
            lang,
            "measured here: {right}, {value} {unit}, {at}",
            "medido aqui: {right}, {value} {unit}, {at}"
        );
        screen.paragraph(&said, str::to_owned)?;
    }
    screen.line("")
}

/// What decides the answer.
fn about(step: &Step) -> String {
    match &step.subject {
        Subject::Lesson { claim, broken: false } => format!("  {claim}"),
        Subject::Lesson { claim, broken: true } => format!("  --break {claim}"),
        Subject::Exercise { strategy, workers, args, .. } => {
            format!("  {strategy}, --workers {workers} {}", args.join(" ")).trim_end().to_owned()
        }
    }
}

fn label(walk: &Walk, step: &Step, choice: usize) -> String {
    let label = step.question.choices.get(choice).map(|choice| walk.screen.of(choice)).unwrap_or_default();
    format!("{}) {label}", choice + 1)
}
