//! One run: discover, measure, keep, report.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use lab::cli::{End, say};
use lab::measure::{self, CellPlan, Settings};
use lab::record::{CellRecord, Machine, RunRecord};
use lab::{Home, OrProblem, Problem, Stop};

use crate::claims;
use crate::cli::RunOptions;
use crate::discover::{self, Discovery, Found};
use crate::folder::RunFolder;
use crate::progress::Progress;
use crate::report;

/// A cell that has taken three samples and spent this much time is measured well enough.
const ENOUGH: Duration = Duration::from_secs(3);

/// What will be measured.
#[derive(Debug)]
pub struct Plan {
    options: RunOptions,
    /// The folder of the programs.
    programs: PathBuf,
    discovery: Discovery,
    chosen: Vec<Found>,
    stop: Stop,
}

/// Why there is nothing to measure.
#[derive(Debug)]
pub enum Refused {
    /// The arguments ask for something that is not there.
    Usage(Problem),
    /// The user does not want it any longer.
    Interrupted,
    /// The programs are not there, or the system refuses.
    Failed(Problem),
}

/// Finds out what there is to measure. Nothing is written yet. From here on, Ctrl-C asks for the stop.
///
/// # Errors
/// No program, or an exercise that nobody has.
pub fn plan(options: &RunOptions) -> Result<Plan, Refused> {
    let stop = Stop::new();
    stop.on_ctrl_c().map_err(Refused::Failed)?;
    if options.stop_with_stdin {
        stop.on_stdin_end().map_err(Refused::Failed)?;
    }
    let folder = options.programs.clone().map_or_else(own_folder, Ok).map_err(Refused::Failed)?;
    let discovery = discover::discover(&folder, &stop);
    if stop.asked() {
        return Err(Refused::Interrupted);
    }
    for name in &discovery.absent {
        anstream::eprintln!("{name} is not in {}; it is left out", folder.display());
    }
    for problem in &discovery.problems {
        say(problem);
    }
    if discovery.exercises.is_empty() && discovery.problems.is_empty() {
        let names = discover::PROGRAMS.join(", ");
        return Err(Refused::Failed(
            Problem::new(format!("there is no exercise program in {}", folder.display()))
                .expected(format!("at least one of {names}"))
                .hint("build them with `cargo build`, or name their folder with --programs"),
        ));
    }
    let chosen = discover::choose(discovery.exercises.clone(), &options.only).map_err(Refused::Usage)?;
    Ok(Plan { options: options.clone(), programs: folder, discovery, chosen, stop })
}

/// Measures what was planned, keeps it in a new folder, draws the report, and prints the table.
///
/// # Errors
/// A folder that cannot be written to. What went wrong in a cell is no error but a row of the table.
pub fn run(plan: &Plan) -> Result<End, Problem> {
    let (options, stop) = (&plan.options, &plan.stop);
    let started = Timestamp::now();
    let runs = options.out.clone().unwrap_or_else(|| Home::find().runs());
    let folder = RunFolder::create(&runs, &started.strftime("%Y%m%dT%H%M%SZ").to_string())?;
    let mut record = describe(plan, started);
    folder.write_record(&record)?;
    let mut cells: Vec<CellRecord> = Vec::new();
    for found in &plan.chosen {
        if stop.asked() {
            break;
        }
        let measured = exercise(found, options, &folder, &runs, stop)?;
        folder.append(&measured)?;
        cells.extend(measured);
    }
    // Whoever asks for some exercises asks for nothing else.
    if options.only.is_empty()
        && !stop.asked()
        && let Err(problem) = claims::measure(&plan.programs, options, &folder, stop)
    {
        say(&problem);
        record.problems.push(problem.line());
    }
    record.finished = Some(Timestamp::now().to_string());
    record.ok = Some(!stop.asked() && record.problems.is_empty() && cells.iter().all(|cell| cell.verified));
    folder.write_record(&record)?;
    report::draw(&folder)?;
    folder.publish_as_latest()?;
    let text = format!("{}\n{}\n", measure::table(&cells), folder.report().display());
    anstream::stdout().write_all(text.as_bytes()).or_problem(|| "cannot write to standard output")?;
    Ok(match (stop.asked(), record.ok) {
        (true, _) => End::Interrupted,
        (_, Some(true)) => End::Done,
        _ => End::Failed,
    })
}

fn exercise(
    found: &Found,
    options: &RunOptions,
    folder: &RunFolder,
    runs: &Path,
    stop: &Stop,
) -> Result<Vec<CellRecord>, Problem> {
    let args = arguments(&found.exercise.name, options);
    let plans = found.exercise.cells(&found.program, &args, options.workers(), None)?;
    let settings = Settings {
        samples: options.samples(),
        enough: ENOUGH,
        deadline: options.deadline(),
        seed: options.seed,
        scratch: runs.into(),
        timelines: Some(folder.timelines()),
    };
    let mut progress = Progress::start(&plans);
    let records = measure::measure(&plans, &settings, stop, &mut |plan: &CellPlan| progress.sample(plan))?;
    progress.end(&records);
    Ok(records)
}

/// The arguments of an exercise program that say what this run is about.
fn arguments(exercise: &str, options: &RunOptions) -> Vec<OsString> {
    let (seed, deadline) = (options.seed.to_string(), options.deadline.to_string());
    let pairs = [
        ("--scale", options.scale.name()),
        ("--seed", &seed),
        ("--api", &options.api),
        ("--deadline", &deadline),
    ];
    let pairs = pairs.iter().flat_map(|(name, value)| [*name, *value]);
    [exercise, "--quiet"].into_iter().chain(pairs).map(OsString::from).collect()
}

fn describe(plan: &Plan, started: Timestamp) -> RunRecord {
    let options = &plan.options;
    RunRecord {
        format: 1,
        version: env!("CARGO_PKG_VERSION").into(),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.into(),
        started: started.to_string(),
        finished: None,
        arguments: std::env::args().skip(1).collect(),
        seed: options.seed,
        scale: options.scale.name().into(),
        workers: options.workers(),
        samples: options.samples(),
        machine: Machine::here(),
        exercises: plan.chosen.iter().map(|found| found.exercise.clone()).collect(),
        absent: plan.discovery.absent.clone(),
        problems: plan.discovery.problems.iter().map(Problem::line).collect(),
        ok: None,
    }
}

fn own_folder() -> Result<PathBuf, Problem> {
    let own = std::env::current_exe().or_problem(|| "cannot find this program's own folder")?;
    Ok(own.parent().map(PathBuf::from).unwrap_or_default())
}
