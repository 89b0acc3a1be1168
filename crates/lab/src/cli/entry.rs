//! An exercise as a row of a program's table.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use tracing::level_filters::LevelFilter;

use super::report::{self, Ending};
use super::{End, Options, say};
use crate::answer::Answer;
use crate::cell;
use crate::context::Lab;
use crate::exercise::{Exercise, Kind, Strategy};
use crate::logged::{self, logged};
use crate::measure::CellPlan;
use crate::out::{Files, made};
use crate::problem::{OrProblem, Problem};
use crate::procs::Role;
use crate::record::{ExerciseRecord, StrategyRecord};

/// An exercise with its type forgotten, so that exercises of different types stand in one static table.
#[derive(Debug)]
pub struct Entry {
    pub(super) name: &'static str,
    about: &'static str,
    pub(super) roles: &'static [Role],
    pub(super) resumes: bool,
    pub(super) command: fn() -> Command,
    pub(super) record: fn() -> ExerciseRecord,
    /// Checks the endings of the outputs, for runs that keep no output.
    pub(super) check_formats: fn(&ArgMatches, &Options, &Lab) -> Result<(), Problem>,
    files: fn(&ArgMatches, &Lab) -> Result<Files, Problem>,
    pub(super) tool: fn(&ArgMatches, &Options, &Lab) -> Result<End, Problem>,
    pub(super) cell: fn(&ArgMatches, &Options, &Lab) -> Result<End, Problem>,
    /// The workers of a run whose user does not say how many; the processors where it is less.
    pub(super) waiting: fn(&ArgMatches, &Options) -> usize,
}

impl Entry {
    /// The row of exercise `E`.
    pub const fn of<E: Exercise>() -> Self {
        Self {
            name: E::NAME,
            about: E::ABOUT,
            roles: E::ROLES,
            resumes: E::RESUMES,
            command: || described(E::Args::augment_args(Command::new(E::NAME)), E::ABOUT),
            record: record::<E>,
            check_formats: |matches, options, lab| {
                files::<E>(matches, lab)?.check_formats(E::NAME, options.out.as_deref())
            },
            files: files::<E>,
            tool: tool::<E>,
            cell: serve::<E>,
            waiting: waiting::<E>,
        }
    }
}

/// The arguments that are named like paths and are missing in [`Exercise::files`], for a test of the exercise's crate: an output
/// that is in no list could overwrite an input.
pub fn unlisted_paths(exercises: &[Entry]) -> Vec<String> {
    exercises.iter().flat_map(Entry::unlisted_paths).collect()
}

impl Entry {
    fn unlisted_paths(&self) -> Vec<String> {
        let command = self.command().ignore_errors(true);
        let own = (self.command)();
        let is_path = |arg: &&clap::Arg| {
            let names = arg.get_value_names().unwrap_or_default();
            names.iter().any(|name| matches!(name.as_str(), "FILE" | "PATH" | "DIR" | "FOLDER"))
                || arg.get_value_parser().type_id() == std::any::TypeId::of::<PathBuf>()
                || arg.get_id() == "inputs"
        };
        let unlisted = own.get_arguments().filter(is_path).filter_map(|arg| {
            let path = format!("/nowhere/{}.of.a.test", arg.get_id());
            let option = arg.get_long().map(|long| format!("--{long}"));
            let line = [Some(self.name.to_owned()), option.clone(), Some(path.clone())];
            let matches = command.clone().try_get_matches_from(line.into_iter().flatten());
            let files = matches.map(|matches| (self.files)(&matches, &Lab::new(1)));
            let listed = matches!(&files, Ok(Ok(files)) if format!("{files:?}").contains(&path));
            (!listed).then(|| format!("{} {}", self.name, option.unwrap_or_else(|| arg.get_id().to_string())))
        });
        unlisted.collect()
    }

    /// Its command line with the options of every exercise, for a program that has other commands besides.
    pub fn command(&self) -> Command {
        described(Options::augment_args((self.command)()), self.about)
    }
}

/// The command with what it is for. That comes last, since options bring along what their own type is for.
pub(super) fn described(command: Command, about: &'static str) -> Command {
    command.about(about.trim_end_matches('.')).long_about(None::<&'static str>)
}

fn record<E: Exercise>() -> ExerciseRecord {
    let strategies = E::STRATEGIES.iter().map(|strategy| StrategyRecord {
        name: strategy.name.into(),
        kind: strategy.kind,
        fixed_workers: strategy.fixed_workers,
        absent: strategy.run.err().or(strategy.needs.map(|(_, why)| why)).map(Into::into),
        needs: strategy.needs.map(|(option, _)| option.into()),
    });
    ExerciseRecord {
        id: E::ID,
        name: E::NAME.into(),
        about: E::ABOUT.into(),
        best: E::BEST.into(),
        strategies: strategies.collect(),
    }
}

impl ExerciseRecord {
    /// The cells of this exercise: its strategies that exist with these arguments, the reference first. With `only`, the
    /// reference and that one.
    ///
    /// # Errors
    /// A name in `only` that no strategy has.
    pub fn cells(
        &self,
        program: &Path,
        args: &[OsString],
        workers: usize,
        only: Option<&str>,
    ) -> Result<Vec<CellPlan>, Problem> {
        if let Some(only) = only
            && !self.strategies.iter().any(|strategy| strategy.name == only)
        {
            return Err(self.no_strategy(only));
        }
        let there = self.strategies.iter().enumerate().filter(|(number, strategy)| {
            let is_there = strategy.absent.is_none()
                || strategy.needs.as_ref().is_some_and(|option| args.iter().any(|arg| gives(arg, option)));
            is_there && only.is_none_or(|only| *number == 0 || strategy.name == only)
        });
        Ok(there
            .map(|(_, strategy)| CellPlan {
                program: program.into(),
                args: args.into(),
                exercise: self.id,
                name: self.name.clone(),
                strategy: strategy.name.clone(),
                kind: strategy.kind,
                workers,
                fixed_workers: strategy.fixed_workers,
            })
            .collect())
    }

    fn no_strategy(&self, name: &str) -> Problem {
        let names: Vec<_> = self.strategies.iter().map(|strategy| strategy.name.as_str()).collect();
        Problem::new(format!("`{}` has no strategy `{name}`", self.name))
            .expected(format!("one of {}", names.join(", ")))
    }
}

/// Whether an argument gives this option: `--broker`, or `--broker=…`.
fn gives(argument: &OsStr, option: &str) -> bool {
    argument.to_str().is_some_and(|text| text.split('=').next() == Some(option))
}

/// The strategy that was asked for, or that for whose option a value was given, or the best one.
fn chosen<E: Exercise>(
    options: &Options,
    matches: &ArgMatches,
) -> Result<(&'static Strategy<E>, crate::exercise::Run<E>), Problem> {
    let given = |strategy: &&Strategy<E>| {
        strategy.chosen_by.is_some_and(|option| {
            let id = option.trim_start_matches('-');
            matches.try_contains_id(id).is_ok_and(|given| given)
        })
    };
    let best = || E::STRATEGIES.iter().find(given).map_or(E::BEST, |strategy| strategy.name);
    let name = options.strategy.as_deref().unwrap_or_else(best);
    let strategy = E::STRATEGIES.iter().find(|strategy| strategy.name == name);
    let strategy = strategy.ok_or_else(|| record::<E>().no_strategy(name))?;
    let run =
        strategy.run.map_err(|why| Problem::new(format!("`{}` does not offer `{name}`: {why}", E::NAME)))?;
    Ok((strategy, run))
}

/// The options that the user gave, by their names: the values of some are secrets.
fn given(matches: &ArgMatches) -> String {
    let from_user =
        |id: &&clap::Id| matches.value_source(id.as_str()) == Some(clap::parser::ValueSource::CommandLine);
    let names: Vec<&str> = matches.ids().filter(from_user).map(clap::Id::as_str).collect();
    format!("given={}", names.join(","))
}

/// The most threads that wait by default.
const WAITING_THREADS: usize = 64;
/// The most processes that wait by default: each has a memory of its own.
const WAITING_PROCESSES: usize = 16;

fn waiting<E: Exercise>(matches: &ArgMatches, options: &Options) -> usize {
    let Ok(args) = E::Args::from_arg_matches(matches) else { return 0 };
    let most = match chosen::<E>(options, matches) {
        Ok((Strategy { kind: Kind::Processes, .. }, _)) => WAITING_PROCESSES,
        _ => WAITING_THREADS,
    };
    E::waiting(&args).min(most)
}

fn serve<E: Exercise>(matches: &ArgMatches, options: &Options, lab: &Lab) -> Result<End, Problem> {
    let args = E::Args::from_arg_matches(matches).or_problem(|| "the arguments cannot be read")?;
    let (_, run) = chosen::<E>(options, matches)?;
    cell::serve::<E>(&args, lab, run).map(|()| End::Done)
}

/// The exercise as a tool: prepares the user's input, runs one strategy on it, hands over the answer, and says on standard
/// error what was done and what was not.
fn tool<E: Exercise>(matches: &ArgMatches, options: &Options, lab: &Lab) -> Result<End, Problem> {
    let args = E::Args::from_arg_matches(matches).or_problem(|| "the arguments cannot be read")?;
    let (strategy, run) = match chosen::<E>(options, matches) {
        Ok(chosen) => chosen,
        Err(problem) => {
            say(&problem);
            return Ok(End::Usage);
        }
    };
    let files = E::files(&args, lab);
    if let Err(problem) = check_files(E::NAME, &files, options, lab) {
        say(&problem);
        return Ok(End::Usage);
    }
    let given = given(matches);
    let input = match logged(&format!("{} prepare", E::NAME), &given, || E::prepare(&args, lab)) {
        Ok(input) => input,
        Err(problem) => {
            report::failures(&lab.noted.failures());
            return Err(problem);
        }
    };
    let how = format!("strategy={} workers={} scale={}", strategy.name, lab.workers, lab.scale.name());
    let outcome = logged(&format!("{} run", E::NAME), &how, || match &options.timeline {
        Some(path) => cell::traced::<E>(run, &input, lab, path),
        None => cell::timed::<E>(run, &input, lab),
    });
    // Staging folders belong to the input or the answer; both must be gone before an interrupted program ends.
    drop(input);
    let (sample, output) = match outcome {
        Err(problem) if lab.stop.asked() => {
            say(&problem);
            return Ok(End::Interrupted);
        }
        outcome => outcome?,
    };
    // An interrupted run hands over what it has, as far as the exercise can.
    logged(&format!("{} deliver", E::NAME), &how, || E::deliver(&output, &args, lab))?;
    if let Some(place) = default_place(&files, options, lab).filter(|place| place.is_file()) {
        made::note_made(&place)?;
    }
    let workers = match strategy.kind {
        Kind::Pool | Kind::Rayon | Kind::Processes => format!(" with {} workers", lab.workers),
        _ => String::new(),
    };
    let ending = Ending {
        work: lab.with_delivered(sample.work),
        failures: lab.noted.failures_with(&output),
        warnings: output.warnings(),
        took: Duration::from_nanos(sample.wall_ns),
        strategy: format!("{}{workers}", strategy.name),
    };
    ending.failures.iter().for_each(|failure| logged::failed(&failure.task, &failure.cause));
    let warns = options.level() >= LevelFilter::WARN;
    if options.json {
        ending.print_json(options.quiet, warns);
    } else {
        ending.print(options.quiet, warns);
    }
    Ok(match (lab.stop.asked(), ending.failures.is_empty()) {
        (true, _) => End::Interrupted,
        (_, true) => End::Done,
        (_, false) => End::Failed,
    })
}

fn files<E: Exercise>(matches: &ArgMatches, lab: &Lab) -> Result<Files, Problem> {
    let args = E::Args::from_arg_matches(matches).or_problem(|| "the arguments cannot be read")?;
    Ok(E::files(&args, lab))
}

/// Refuses outputs that are inputs, endings that the exercise does not write, and a file at the default place that is
/// somebody else's.
fn check_files(name: &str, files: &Files, options: &Options, lab: &Lab) -> Result<(), Problem> {
    let all = files.clone().with_options(
        lab.out.as_deref().or(default_path(files, options, lab).as_deref()),
        options.resume.as_deref(),
        options.timeline.as_deref(),
    );

    all.check()?;
    all.check_formats(name, options.out.as_deref())?;
    made::check(&default_place(files, options, lab), lab.force)
}

/// The place of the output without `--out`.
fn default_path(files: &Files, options: &Options, lab: &Lab) -> Option<PathBuf> {
    let name = files.default_name().filter(|_| options.out.is_none())?;
    Some(lab.home.out().join(name))
}

/// The same, where nobody said that the folder is the project's. A file there may be anybody's.
fn default_place(files: &Files, options: &Options, lab: &Lab) -> Option<PathBuf> {
    default_path(files, options, lab).filter(|place| !lab.home.is_own() && !place.is_dir())
}
