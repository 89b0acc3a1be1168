//! The command line: `list`, `run`, and the three programs that take the user's own input.

mod check;
mod help;
mod list;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use lab::cli::{End, say};
use lab::{Lab, OrProblem, Problem};

use crate::stage::{Effort, Stage};
use crate::text::Lang;
use crate::{CHAPTERS, advise, classify, explorer, loader, memory};

/// The small programs behind the exercises: each one a claim that is measured or proved on this machine.
#[derive(Debug, Parser)]
#[command(name = "fundamentals", version, args_override_self = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    task: Option<Task>,
}

const EXAMPLES: &str = "\
Examples:
  cargo run -p fundamentals                                  the programs in reading order
  cargo run -p fundamentals -- run bank                      one program, its drawing and its claims
  cargo run -p fundamentals -- run bank --break bank-loses   the same with the claim's mechanism broken
  cargo run -p fundamentals -- run all --out data/out        every program, and claims.jsonl
  cargo run -p fundamentals -- explore bank                  the shortest schedule that loses money
  cargo run -p fundamentals -- classify -- gzip -k big.csv   is it CPU-bound or I/O-bound?
  cargo run -p fundamentals -- advise -- ./job -j {workers}  how many workers, and how far does it scale?";

#[derive(Debug, clap::Args)]
struct Options {
    /// The language of all texts: en or pt-BR [default: the locale's]
    #[arg(long, global = true, value_name = "LANG")]
    lang: Option<Lang>,
    /// How many workers a program may use [default: the processors of this machine]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// The seed of everything random
    #[arg(long, global = true, value_name = "N", default_value_t = 42)]
    seed: u64,
    /// Say nothing but verdicts and errors
    #[arg(long, global = true)]
    quiet: bool,
    /// End when standard input ends, as a program that was started by another one should
    #[arg(long, global = true, hide = true)]
    stop_with_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// List the programs in reading order; that is also what happens without a command
    List {
        /// Print chapters, programs and claims as one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Run programs: show what they show, measure what they claim
    Run(RunArgs),
    /// Run a program's own code under every interleaving, and draw the shortest that fails
    Explore(explorer::Args),
    /// Run a command and say whether it is CPU-bound or I/O-bound, with the evidence
    Classify(classify::Args),
    /// Measure your own work with several models and numbers of workers, and recommend one
    Advise(advise::Args),
    /// Prepare batches, as a worker of the data loader
    #[command(hide = true)]
    PrepareBatches(loader::Worker),
    /// Go down deeper than a stack, as the child of the lesson on memory
    #[command(hide = true)]
    Descend(memory::Descent),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The programs' names, or `all`
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Where `claims.jsonl` goes [default with `all`: data/out]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Break on purpose what this claim rests on, to see that its verdict is about it
    #[arg(long = "break", value_name = "CLAIM")]
    broken: Option<String>,
    /// Measure only as much as a test needs
    #[arg(long)]
    brief: bool,
}

/// The whole program: parses the arguments, runs what they ask for, and returns the exit code.
pub fn main() -> ExitCode {
    if let Some(end) = papers::asked(Cli::command) {
        return end;
    }
    if let Some(end) = lab::cli::as_worker(CHAPTERS.iter().flat_map(|chapter| chapter.roles)) {
        return end;
    }
    run(std::env::args_os()).into()
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> End {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let command = help::in_lang(Cli::command(), help::lang_of(&arguments));
    let matches = command.try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help is data and goes to standard output, wrong usage to standard error: clap knows which is which.
            let _ = error.print();
            return if error.use_stderr() { End::Usage } else { End::Done };
        }
    };
    dispatch(&cli).unwrap_or_else(|problem| {
        say(&problem);
        End::Failed
    })
}

fn dispatch(cli: &Cli) -> Result<End, Problem> {
    let Options { lang, workers, seed, .. } = cli.options;
    let lang = lang.unwrap_or_else(Lang::of_user);
    let mut lab = Lab::new(
        workers.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from),
    );
    lab.seed = seed;
    lab.stop.on_ctrl_c()?;
    if cli.options.stop_with_stdin {
        lab.stop.on_stdin_end()?;
    }
    // What the programs break on purpose is no news for the console.
    let _guard = lab::logs::init("fundamentals", tracing::level_filters::LevelFilter::ERROR, &lab.home);
    let brief = matches!(&cli.task, Some(Task::Run(run)) if run.brief);
    let effort = if brief { Effort::Brief } else { Effort::Full };
    let stage = Stage::new(lab, lang, effort, Box::new(anstream::stdout()));
    let end = match &cli.task {
        Some(Task::List { json: true }) => list::json(&stage).map(|()| End::Done)?,
        None | Some(Task::List { .. }) => {
            list::list(&stage);
            End::Done
        }
        Some(Task::Run(args)) => check::run(args, cli.options.quiet, &stage)?,
        Some(Task::Explore(args)) => explorer::main(args, &stage)?,
        Some(Task::Classify(args)) => classify::main(args, &stage)?,
        Some(Task::Advise(args)) => advise::main(args, &stage)?,
        Some(Task::PrepareBatches(worker)) => worker.work(seed).map(|()| End::Done)?,
        Some(Task::Descend(descent)) => descent.descend().map(|()| End::Done)?,
    };
    stage.finish().or_problem(|| "cannot write to standard output")?;
    Ok(if stage.lab.stop.asked() { End::Interrupted } else { end })
}
