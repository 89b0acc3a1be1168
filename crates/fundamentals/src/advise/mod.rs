//! Advice: which model, and how many workers.
//!
//! There are two ways to find out. One is to *ask*: does the work wait or compute, are its parts independent, is it Python,
//! how many waits are there at once? Four answers lead to a model (`questions.rs`). The other is to *measure*, which is
//! better, because nobody knows his own program: the work is done with 1, 2, 3, 4, 6, 8 … workers and with each model that
//! applies, Amdahl's law and the Universal Scalability Law are fitted to what was measured (`lab::scaling`), and the
//! smallest number of workers that reaches the best throughput is recommended.
//!
//! An adviser that is never wrong has never been tested. So the largest number of workers is measured like the others but
//! kept from the fit, and the law has to predict it. Where the prediction fails, or where the measurements scatter so much
//! that anything would fit, the adviser says that it cannot tell, and why.
//!
//! ```text
//! advise -- ./convert --threads {workers} big.csv       the command's own workers
//! advise -- gzip -k big.csv                             so many copies of the command at once
//! advise --models pool,rayon -- ./job --way {model} --workers {workers}
//! advise --urls urls.txt                                threads and async tasks that fetch http:// addresses
//! advise --measurements points.csv                      `workers,throughput` lines from somewhere else
//! advise                                                asks questions
//! ```

mod claims;
mod command;
mod judge;
mod questions;
mod sweep;
mod tell;
mod urls;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use lab::cli::{End, say};
use lab::scaling::Point;
use lab::{OrProblem, Problem};

use crate::program::Chapter;
use crate::stage::Stage;
use crate::text::Text;
use judge::{Sample, judge};
use sweep::{Effort, Subject, counts, sweep};

/// The chapter.
pub const CHAPTER: Chapter =
    Chapter { title: Text::new("Advice", "Conselhos"), programs: &[claims::PROGRAM], roles: &[] };

/// The arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Fetch the http:// addresses of this file, one a line, with threads and with async tasks
    #[arg(long, value_name = "FILE", conflicts_with_all = ["measurements", "command"])]
    urls: Option<PathBuf>,
    /// Judge measurements from this file: lines of `workers,throughput`
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    measurements: Option<PathBuf>,
    /// What `{model}` in the command stands for, one after the other
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    models: Vec<String>,
    /// The most workers to try [default: twice the processors, at least 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    most: Option<u32>,
    /// How often each number of workers is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=100))]
    rounds: u32,
    /// Your command; `{workers}` in it stands for the number of workers
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Measures or asks, and advises.
///
/// # Errors
/// Work that fails, files that cannot be read, and measurements that are too few.
pub fn main(args: &Args, stage: &Stage) -> Result<End, Problem> {
    let samples = if let Some(file) = &args.measurements {
        vec![Sample { model: file.display().to_string(), points: read_points(file)? }]
    } else if let Some(file) = &args.urls {
        let urls = urls::read(file)?;
        measured(args, stage, &urls::subjects(&urls))?
    } else if args.command.is_empty() {
        return questions::ask(stage, &mut io::stdin().lock()).map(|()| End::Done);
    } else {
        measured(args, stage, &command::subjects(&args.command, &args.models))?
    };
    if stage.lab.stop.asked() {
        return Ok(End::Interrupted);
    }
    match judge(&samples, stage.lab.seed) {
        Ok(advice) => {
            tell::advice(&advice, stage);
            Ok(End::Done)
        }
        Err(problem) => {
            say(&problem);
            Ok(End::Failed)
        }
    }
}

/// Measures every subject with every number of workers, and says on standard error how far it is.
fn measured(args: &Args, stage: &Stage, subjects: &[Box<dyn Subject + '_>]) -> Result<Vec<Sample>, Problem> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let most = args.most.unwrap_or_else(|| u32::try_from(2 * processors).unwrap_or(8).max(8));
    let mut progress = |round: u32, model: &str, point: Point| {
        let model = tell::named(model, stage);
        let (workers, rate) = (point.workers, tell::rate(point.throughput));
        let line = crate::words!(
            stage,
            "round {} of {}: {model}, {workers} workers: {rate}",
            "rodada {} de {}: {model}, {workers} trabalhadores: {rate}",
            round,
            args.rounds
        );
        // A reader who has closed standard error misses the progress and nothing else.
        let _ = writeln!(io::stderr(), "{line}");
    };
    let effort = Effort { rounds: args.rounds, seed: stage.lab.seed };
    sweep(subjects, &counts(most), effort, &stage.lab.stop, &mut progress)
}

/// Reads `workers,throughput` lines; a first line that holds no numbers is a heading.
fn read_points(file: &std::path::Path) -> Result<Vec<Point>, Problem> {
    let text = std::fs::read_to_string(file).or_problem(|| format!("cannot read {}", file.display()))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let parse = |line: &str| {
        let (workers, throughput) = line.split_once([',', ';', '\t', ' '])?;
        Some(Point::new(workers.trim().parse().ok()?, throughput.trim().parse().ok()?))
    };
    let mut points = Vec::new();
    for (number, line) in lines {
        match parse(line) {
            Some(point) => points.push(point),
            None if number == 1 && line.chars().all(|letter| !letter.is_ascii_digit()) => {}
            None => {
                return Err(Problem::new(format!("`{line}` is no measurement"))
                    .at(format!("{}:{number}", file.display()))
                    .expected("workers,throughput such as `4,812.5`"));
            }
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests;
