//! The race explorer: a program's own code under every interleaving within a stated bound.
//!
//! A test that runs a racing program a thousand times tries a thousand schedules that the system happens to like, and most
//! of them are the same. The explorer takes the choice away from the system. It runs the program again and again, each time
//! under another schedule, until one fails or none is left. What it finds, it finds every time; what it certifies holds for
//! every schedule, and not for those that were lucky today.
//!
//! | file | what it holds |
//! |---|---|
//! | [`explored`] | the world in which every use of a shared part is a place to change threads |
//! | [`mod@search`] | which schedules are tried, in which order, and how one is replayed |
//! | [`cases`] | the programs, as they are in their chapters |
//! | [`interleavings`] | the lesson, with what the explorer itself claims |

pub mod cases;
pub mod explored;
pub mod interleavings;
pub mod search;

use lab::cli::{End, say as complain};
use lab::{OrProblem, Problem};
use owo_colors::OwoColorize;

use crate::program::Chapter;
use crate::stage::Stage;
use crate::text::Text;
use crate::{say, told};

pub use explored::Explored;

use cases::{CASES, Case};
use search::{Trial, replay, search};

/// The chapter.
pub const CHAPTER: Chapter = Chapter {
    title: Text::new("The race explorer", "O explorador de corridas"),
    programs: &[interleavings::PROGRAM],
    roles: &[],
};

/// The arguments of `explore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The program: bank, counter, locks or queue
    #[arg(value_name = "PROGRAM")]
    program: String,
    /// What is tried against the failure; without a right name, those that there are are listed
    #[arg(long, value_name = "NAME")]
    fix: Option<String>,
    /// Run only the schedule of this seed, as an earlier search printed it
    #[arg(long, value_name = "SEED")]
    replay: Option<String>,
    /// The most schedules to try for each number of preemptions
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..))]
    schedules: u32,
}

/// Explores a program. The exit code is 1 when a schedule fails, so that a script can ask.
///
/// # Errors
/// A number of schedules that this machine cannot count.
pub fn main(args: &Args, stage: &Stage) -> Result<End, Problem> {
    let (case, program) = match choose(args) {
        Ok(chosen) => chosen,
        Err(problem) => {
            complain(&problem);
            return Ok(End::Usage);
        }
    };
    if let Some(seed) = &args.replay {
        let trial = replay(program, seed);
        draw(case, &trial, stage);
        return Ok(if trial.is_right() { End::Done } else { End::Failed });
    }
    let budget = usize::try_from(args.schedules).or_problem(|| "too many schedules")?;
    let started = std::time::Instant::now();
    let found = search(program, budget, usize::MAX);
    let time = format!("{:.1?}", started.elapsed());
    let schedules = found.schedules;
    if let Some(trial) = found.failure {
        draw(case, &trial, stage);
        let (failing, seed, preemptions) = (found.failing, &trial.seed, trial.preemptions);
        say!(
            stage,
            "{failing} of {schedules} schedules with at most {preemptions} preemptions fail; found in {time}",
            "{failing} de {schedules} escalonamentos com no máximo {preemptions} preempções falham; achado em {time}"
        );
        let fix = args.fix.as_ref().map_or(String::new(), |fix| format!(" --fix {fix}"));
        say!(
            stage,
            "again: explore {}{fix} --replay {seed}",
            "de novo: explore {}{fix} --replay {seed}",
            case.name
        );
        return Ok(End::Failed);
    }
    if found.exhaustive {
        say!(
            stage,
            "no failure in {schedules} schedules, which are all there are ({time})",
            "nenhuma falha em {schedules} escalonamentos, que são todos os que existem ({time})"
        );
    } else {
        say!(
            stage,
            "no failure in {schedules} schedules ({time}); there are more: this is no proof",
            "nenhuma falha em {schedules} escalonamentos ({time}); existem mais: isto não é uma prova"
        );
    }
    say!(
        stage,
        "explored: every order of steps; not explored: what a weak memory model adds to them",
        "explorado: toda ordem dos passos; não explorado: o que um modelo de memória fraco acrescenta"
    );
    Ok(End::Done)
}

/// The program that was asked for.
fn choose(args: &Args) -> Result<(&'static Case, search::Explored), Problem> {
    let names = |names: &mut dyn Iterator<Item = &'static str>| names.collect::<Vec<_>>().join(", ");
    let case = CASES.iter().find(|case| case.name == args.program).ok_or_else(|| {
        let all = names(&mut CASES.iter().map(|case| case.name));
        Problem::new(format!("`{}` cannot be explored", args.program)).expected(format!("one of {all}"))
    })?;
    let Some(fix) = &args.fix else { return Ok((case, case.program)) };
    let found = case.fixes.iter().find(|(name, _)| name == fix).ok_or_else(|| {
        let all = names(&mut case.fixes.iter().map(|(name, _)| *name));
        Problem::new(format!("`{}` has no fix `{fix}`", case.name)).expected(format!("one of {all}"))
    })?;
    Ok((case, found.1))
}

/// Draws a schedule as lanes and says what it came to.
fn draw(case: &Case, trial: &Trial, stage: &Stage) {
    told::draw(stage, &trial.threads, &trial.steps);
    let answer = case.answer.in_lang(stage.lang);
    let Some(outcome) = trial.outcome else {
        say!(
            stage,
            "deadlock: everybody waits, and nobody is left to give anything back",
            "deadlock: todos esperam, e não sobra ninguém para devolver nada"
        );
        return;
    };
    let found = outcome.found;
    let found = if outcome.is_right() { found.green().to_string() } else { found.red().to_string() };
    say!(stage, "{found} {answer}, should be {}", "{found} {answer}, deveria ser {}", outcome.expected);
}
