//! The command line that every exercise program has: `list`, one subcommand for each exercise, and nothing at all, which
//! measures every exercise of the program on the lab's own data.

mod entry;
mod options;
mod report;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Command, FromArgMatches};

use entry::described;
pub use entry::{Entry, unlisted_paths};
pub use options::Options;

use crate::context::Lab;
use crate::launch::{CELL, CELL_ARGUMENTS, Launch, WORKER};
use crate::ledger::Ledger;
use crate::logs;
use crate::measure::{CellPlan, NARROW, Settings, measure, picture, screen_width, table, timeline_name};
use crate::memory;
use crate::out::Staging;
use crate::problem::{OrProblem, Problem};
use crate::procs::Role;
use crate::record::CellRecord;
use crate::timeline::{Slice, read_chrome};

/// A cell that has taken three samples and this much time is measured well enough for a table on the console.
const ENOUGH: Duration = Duration::from_secs(3);

/// How a program ended, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All done.
    Done,
    /// Something failed or differed; it was said what.
    Failed,
    /// Wrong usage; it was said what is right.
    Usage,
    /// Interrupted; it was said what is done.
    Interrupted,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Done => Self::SUCCESS,
            End::Failed => Self::from(1),
            End::Usage => Self::from(2),
            End::Interrupted => Self::from(130),
        }
    }
}

/// The whole of an exercise program: parses the arguments, runs what they ask for, and returns the exit code.
pub fn main(program: &'static str, about: &'static str, exercises: &'static [Entry]) -> ExitCode {
    memory::keep_freed();
    if let Some(end) = papers::asked(|| command(program, about, exercises)) {
        return end;
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let call = Call::from(arguments);
    let user = match &call {
        Call::Worker(role) => {
            return play(exercises.iter().flat_map(|exercise| exercise.roles), role);
        }
        Call::Cell(_, user) | Call::User(user) => user,
    };
    let matches =
        command(program, about, exercises).get_matches_from(std::iter::once(&program.into()).chain(user));
    let options = Options::from_arg_matches(&matches).or_problem(|| "the arguments cannot be read");
    let end = options.and_then(|options| match &call {
        Call::Cell(which, _) => cell_of(program, exercises, &matches, options, which),
        _ => dispatch(program, exercises, &matches, &options, user),
    });
    end.unwrap_or_else(|problem| {
        say(&problem);
        End::Failed
    })
    .into()
}

/// As what the program was started. The hidden ways to start it have fixed first arguments, which no argument of a user
/// can be taken for.
enum Call {
    /// `worker ROLE`.
    Worker(String),
    /// `cell FOLDER STRATEGY WORKERS`, and then what the user had given.
    Cell(CellCall, Vec<OsString>),
    /// By a user.
    User(Vec<OsString>),
}

/// How the runner starts a cell.
struct CellCall {
    scratch: OsString,
    strategy: String,
    workers: usize,
}

impl From<Vec<OsString>> for Call {
    fn from(mut arguments: Vec<OsString>) -> Self {
        let text = |at: usize| {
            arguments.get(at).map(|argument| argument.to_string_lossy().into_owned()).unwrap_or_default()
        };
        if text(0) == WORKER {
            return Self::Worker(text(1));
        }
        if text(0) != CELL || arguments.len() < CELL_ARGUMENTS {
            return Self::User(arguments);
        }
        let (scratch, strategy, workers) = (arguments[1].clone(), text(2), text(3).parse().unwrap_or(1));
        Self::Cell(CellCall { scratch, strategy, workers }, arguments.split_off(CELL_ARGUMENTS))
    }
}

/// Prints an error to standard error.
pub fn say(problem: &Problem) {
    use owo_colors::OwoColorize;
    anstream::eprintln!("{}: {problem}", "error".red().bold());
}

fn command(program: &'static str, about: &'static str, exercises: &[Entry]) -> Command {
    let base = Command::new(program)
        .version(env!("CARGO_PKG_VERSION"))
        .args_override_self(true)
        .after_help("Without a command, every exercise runs on the lab's own data under every strategy, and a table is printed.")
        .subcommand(Command::new("list").about("Lists the exercises and their strategies"));
    let base = described(<Options as clap::Args>::augment_args(base), about);
    exercises
        .iter()
        .fold(base, |command, exercise| command.subcommand((exercise.command)().args_override_self(true)))
}

/// If this process was started as a worker, plays its role to the end and returns the exit code. The first thing that a
/// program of its own command line does; [`main`] does it for the exercise programs.
pub fn as_worker<'a>(roles: impl IntoIterator<Item = &'a Role>) -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let is_worker = arguments.next().is_some_and(|first| first == WORKER);
    is_worker.then(|| play(roles, &arguments.next().unwrap_or_default().to_string_lossy()))
}

/// Plays a worker's role; the parent hears of a failure through the pipe, or reads it as last words.
fn play<'a>(roles: impl IntoIterator<Item = &'a Role>, name: &str) -> ExitCode {
    let level = std::env::var("PARALELO_LOG").ok().and_then(|level| level.parse().ok());
    logs::worker(level.unwrap_or(tracing::level_filters::LevelFilter::WARN));
    let role = roles.into_iter().find(|role| role.name == name);
    let played =
        role.map_or_else(|| Err(Problem::new(format!("there is no role `{name}`"))), |role| (role.play)());
    played
        .map_or_else(
            |problem| {
                say(&problem);
                End::Failed
            },
            |()| End::Done,
        )
        .into()
}

fn find(exercises: &'static [Entry], name: &str) -> Result<&'static Entry, Problem> {
    let exercise = exercises.iter().find(|exercise| exercise.name == name);
    exercise.ok_or_else(|| Problem::new(format!("there is no exercise `{name}`")))
}

/// Serves as a cell: the user's arguments, but with the runner's strategy, workers and folder.
fn cell_of(
    program: &'static str,
    exercises: &'static [Entry],
    matches: &ArgMatches,
    mut options: Options,
    call: &CellCall,
) -> Result<End, Problem> {
    let (name, matches) = matches.subcommand().ok_or_else(|| Problem::new("a cell needs an exercise"))?;
    options.strategy = Some(call.strategy.clone());
    let mut lab = options.lab();
    lab.workers = call.workers;
    lab.scratch = Some(call.scratch.clone().into());
    let _guard = logs::init(program, options.level(), &lab.home);
    // The runner asks a cell that nobody wants any longer to end by SIGTERM.
    lab.stop.on_ctrl_c()?;
    (find(exercises, name)?.cell)(matches, &options, &lab)
}

fn dispatch(
    program: &'static str,
    exercises: &'static [Entry],
    matches: &ArgMatches,
    options: &Options,
    arguments: &[OsString],
) -> Result<End, Problem> {
    let mut lab = options.lab();
    let _guard = logs::init(program, options.level(), &lab.home);
    match matches.subcommand() {
        Some(("list", _)) => list(exercises, options.json).map(|()| End::Done),
        Some((name, matches)) => {
            let exercise = find(exercises, name)?;
            lab.stop.on_ctrl_c()?;
            if options.compare
                && let Err(problem) = (exercise.check_formats)(matches, options, &lab)
            {
                say(&problem);
                Ok(End::Usage)
            } else if options.compare {
                compare(&[(exercise, arguments.to_vec())], options, &lab)
            } else if options.resume.is_some() && !exercise.resumes {
                say(&Problem::new(format!(
                    "`{name}` cannot go on from a ledger: what it has done is in its output"
                ))
                .hint("leave --resume away: what is whole already is not harmed by doing it again"));
                Ok(End::Usage)
            } else {
                if options.workers.is_none() {
                    lab.workers = lab.workers.max((exercise.waiting)(matches, options));
                }
                resumably(exercise, options, lab, |lab| (exercise.tool)(matches, options, lab))
            }
        }
        None => {
            lab.stop.on_ctrl_c()?;
            let all = exercises.iter().map(|exercise| {
                let given = arguments.iter().cloned();
                (exercise, std::iter::once(OsString::from(exercise.name)).chain(given).collect())
            });
            compare(&all.collect::<Vec<_>>(), options, &lab)
        }
    }
}

/// Runs `work` with the ledger that was asked for, and removes it when all is done.
fn resumably(
    exercise: &Entry,
    options: &Options,
    mut lab: Lab,
    work: impl FnOnce(&Lab) -> Result<End, Problem>,
) -> Result<End, Problem> {
    if let Some(path) = &options.resume {
        let ledger = Ledger::open(path, exercise.name)?;
        if !ledger.is_empty() && !options.quiet {
            anstream::eprintln!("{} tasks are done already, says {}", ledger.len(), path.display());
        }
        lab = lab.with_ledger(ledger);
    }
    let end = work(&lab)?;
    if let (Some(ledger), End::Done) = (&lab.ledger, end) {
        ledger.lock().remove()?;
    }
    Ok(end)
}

fn list(exercises: &[Entry], json: bool) -> Result<(), Problem> {
    let records: Vec<_> = exercises.iter().map(|exercise| (exercise.record)()).collect();
    let mut text = String::new();
    if json {
        text = serde_json::to_string(&records).or_problem(|| "cannot list the exercises")?;
        text.push('\n');
    } else {
        for exercise in &records {
            let _ = writeln!(text, "{:02} {}: {}", exercise.id, exercise.name, exercise.about);
            for strategy in &exercise.strategies {
                let why =
                    strategy.absent.as_ref().map_or(String::new(), |why| format!(" is not offered: {why}"));
                let best = if strategy.name == exercise.best { " (the tool's choice)" } else { "" };
                let _ = writeln!(text, "     {}{best}{why}", strategy.name);
            }
        }
    }
    std::io::stdout().write_all(text.as_bytes()).or_problem(|| "cannot write to standard output")
}

/// The width of a picture that no terminal shows.
const WIDTH: usize = 100;

/// Measures exercises under every strategy, with the arguments that the user gave, and prints the table, and with
/// `--compare` the picture of who worked and who waited.
fn compare(exercises: &[(&Entry, Vec<OsString>)], options: &Options, lab: &Lab) -> Result<End, Problem> {
    let plan = |(exercise, args): &(&Entry, Vec<OsString>)| {
        (exercise.record)().cells(
            &Launch::myself().into_program(),
            args,
            lab.workers,
            options.strategy.as_deref(),
        )
    };
    let plans = match exercises.iter().map(plan).collect::<Result<Vec<_>, _>>() {
        Ok(plans) => plans,
        Err(problem) => {
            say(&problem);
            return Ok(End::Usage);
        }
    };
    let drawn = options.compare && !options.json;
    let staging = Staging::within(&lab.home.out())?;
    let settings = Settings {
        samples: options.samples(),
        enough: ENOUGH,
        narrow: NARROW,
        deadline: lab.patience.task_deadline,
        seed: lab.seed,
        scratch: lab.home.out(),
        timelines: options.timeline.clone().or_else(|| drawn.then(|| staging.path("timelines"))),
    };
    if let Some(folder) = &settings.timelines {
        std::fs::create_dir_all(folder).or_problem(|| format!("cannot make {}", folder.display()))?;
    }
    let mut tell = |plan: &CellPlan| {
        tracing::debug!("{:02} {} under {}", plan.exercise, plan.name, plan.strategy);
    };
    let mut records: Vec<CellRecord> = Vec::new();
    let mut traces: Vec<(String, String)> = Vec::new();
    for cells in plans {
        traces.extend(cells.iter().map(|plan| {
            let name = timeline_name(plan.exercise, &plan.name, &plan.strategy, plan.workers);
            (plan.strategy.clone(), name)
        }));
        records.extend(measure(&cells, &settings, &lab.stop, &mut tell)?);
    }
    let mut text = if options.json {
        let lines = records.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        lines.or_problem(|| "cannot write the records")?.join("\n")
    } else {
        table(&records, screen_width())
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if let Some(folder) = settings.timelines.as_ref().filter(|_| drawn) {
        let width = screen_width().unwrap_or(WIDTH);
        let _ = write!(text, "\n{}", picture(&timelines(folder, traces), width));
    }
    anstream::stdout().write_all(text.as_bytes()).or_problem(|| "cannot write to standard output")?;
    Ok(match (lab.stop.asked(), records.iter().all(|record| record.verified)) {
        (true, _) => End::Interrupted,
        (_, true) => End::Done,
        (_, false) => End::Failed,
    })
}

/// The traces in `folder`, each with its strategy; a cell that left none has nothing to show.
fn timelines(folder: &Path, traces: Vec<(String, String)>) -> Vec<(String, Vec<Slice>)> {
    let read =
        |(strategy, name)| Some((strategy, read_chrome(&std::fs::read(folder.join(name)).ok()?).ok()?));
    traces.into_iter().filter_map(read).collect()
}
