//! The advice in words, with the measurements it rests on.

use lab::scaling::{Law, Peak};
use owo_colors::OwoColorize;

use super::command::{COPIES, OWN_WORKERS};
use super::judge::{Advice, Doubt, Opinion};
use crate::say;
use crate::stage::Stage;

/// Columns of the longest bar.
const WIDTH: f64 = 36.0;

/// A throughput with as many digits as a reader can use.
pub(super) fn rate(throughput: f64) -> String {
    match throughput {
        large if large >= 100.0 => format!("{large:.0}/s"),
        middle if middle >= 1.0 => format!("{middle:.2}/s"),
        small => format!("{small:.4}/s"),
    }
}

/// Tells what was measured, what the laws make of it, and what to do.
pub(super) fn advice(advice: &Advice, stage: &Stage) {
    advice.opinions.iter().for_each(|opinion| tell(opinion, stage));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if let Some(opinion) = advice.take.map(|at| &advice.opinions[at]) {
        let model = named(&opinion.sample.model, stage);
        let (model, workers) = (model.bold(), opinion.workers.bold());
        let speedup = opinion.throughput() / opinion.sample.median(1).max(f64::MIN_POSITIVE);
        say!(
            stage,
            "→ Take {model} with {workers} workers: {speedup:.2} times what one worker gets done, on {processors} processors.",
            "→ Use {model} com {workers} trabalhadores: {speedup:.2} vezes o que um só trabalhador faz, em {processors} processadores."
        );
        if opinion.workers == 1 {
            say!(
                stage,
                "  More workers bring nothing here, so one is enough.",
                "  Mais trabalhadores não trazem nada aqui, então um basta."
            );
        }
    } else {
        let cannot = crate::words!(stage, "I cannot tell.", "Não dá para dizer.");
        stage.line(format_args!("→ {}", cannot.bold()));
        for opinion in &advice.opinions {
            opinion.doubts.iter().for_each(|doubt| tell_doubt(opinion, *doubt, stage));
        }
    }
}

/// The name of a model in the reader's language; the user's own names stay as they are.
pub(super) fn named(model: &str, stage: &Stage) -> String {
    match model {
        OWN_WORKERS => {
            crate::words!(stage, "the command's own workers", "os trabalhadores do próprio comando")
        }
        COPIES => crate::words!(stage, "processes", "processos"),
        other => other.to_owned(),
    }
}

fn tell(opinion: &Opinion, stage: &Stage) {
    let curve = &opinion.fit.curve;
    let model = named(&opinion.sample.model, stage);
    say!(stage, "Measured with {}:", "Medido com {}:", model.bold());
    let counts = opinion.sample.counts();
    let most = counts.iter().map(|count| opinion.sample.median(*count)).fold(f64::MIN_POSITIVE, f64::max);
    for count in counts {
        let (seen, law) = (opinion.sample.median(count), curve.at(count.into()));
        let columns = |value: f64| {
            let columns = (WIDTH * value / most).round().clamp(0.0, 2.0 * WIDTH);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to a few columns"
            )]
            let columns = columns as usize;
            columns
        };
        let mut bar: Vec<char> = "█".repeat(columns(seen)).chars().collect();
        let mark = columns(law).saturating_sub(1);
        bar.resize(bar.len().max(mark + 1), ' ');
        bar[mark] = '│';
        let kept = if count == opinion.kept {
            crate::words!(stage, "  kept from the fit", "  fora do ajuste")
        } else {
            String::new()
        };
        stage.line(format_args!(
            "  {count:>4} {:>10}  {}{kept}",
            rate(seen),
            bar.iter().collect::<String>().blue()
        ));
    }
    let name = match opinion.fit.law {
        Law::Amdahl => crate::words!(stage, "Amdahl's law (│)", "lei de Amdahl (│)"),
        Law::Usl => {
            crate::words!(stage, "Universal Scalability Law (│)", "Lei Universal de Escalabilidade (│)")
        }
    };
    let percent = |[low, high]: [f64; 2]| format!("{:.1} … {:.1} %", 100.0 * low, 100.0 * high);
    say!(
        stage,
        "  {name}: contention {:.1} % ({}), coherency {:.2} % ({})",
        "  {name}: contenção {:.1} % ({}), coerência {:.2} % ({})",
        100.0 * curve.alpha,
        percent(opinion.alpha),
        100.0 * curve.beta,
        percent(opinion.beta)
    );
    match (curve.peak(), opinion.peak) {
        (Peak::At { .. }, _) if opinion.fit.law == Law::Amdahl => say!(
            stage,
            "  more workers get no more done than one",
            "  mais trabalhadores não fazem mais do que um"
        ),
        (Peak::At { .. }, Some((peak, [low, high]))) => say!(
            stage,
            "  beyond {peak:.1} workers ({low:.1} … {high:.1}) more get less done",
            "  acima de {peak:.1} trabalhadores ({low:.1} … {high:.1}), mais deles fazem menos"
        ),
        (Peak::Below(limit), _) => {
            let (limit, times) = (rate(limit), 1.0 / curve.alpha);
            say!(
                stage,
                "  no number of workers gets {limit} done, {times:.1} times one worker",
                "  nenhum número de trabalhadores chega a {limit}, {times:.1} vezes um trabalhador"
            );
        }
        _ => say!(stage, "  no limit in sight", "  nenhum limite à vista"),
    }
    let (kept, predicted, seen) = (opinion.kept, rate(opinion.predicted), rate(opinion.measured));
    let (low, high) = (rate(opinion.interval[0].max(0.0)), rate(opinion.interval[1]));
    let verdict = if opinion.doubts.contains(&Doubt::Missed) {
        "✗".red().to_string()
    } else {
        "✓".green().to_string()
    };
    say!(
        stage,
        "  {verdict} predicted for {kept} workers, which the fit had not seen: {predicted} ({low} … {high}); measured: {seen}",
        "  {verdict} previsto para {kept} trabalhadores, que o ajuste não viu: {predicted} ({low} … {high}); medido: {seen}"
    );
}

fn tell_doubt(opinion: &Opinion, doubt: Doubt, stage: &Stage) {
    let model = named(&opinion.sample.model, stage);
    match doubt {
        Doubt::Missed => say!(
            stage,
            "  {model}: the law did not predict {} workers, so it says nothing of others either.",
            "  {model}: a lei não previu {} trabalhadores, logo também não diz nada sobre outros números.",
            opinion.kept
        ),
        Doubt::Vague => say!(
            stage,
            "  {model}: the prediction for {} workers was so vague that it could not have failed.",
            "  {model}: a previsão para {} trabalhadores foi tão vaga que não teria como falhar.",
            opinion.kept
        ),
        Doubt::Noisy(scatter) => {
            let percent = 100.0 * scatter;
            say!(
                stage,
                "  {model}: the same work differs by {percent:.0} % from run to run. Measure on a quiet machine, or with more --rounds.",
                "  {model}: o mesmo trabalho varia {percent:.0} % de uma execução a outra. Meça numa máquina tranquila, ou com mais --rounds."
            );
        }
    }
}
