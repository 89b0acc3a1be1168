//! One run: discover, measure, keep, report.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use lab::cli::{End, say};
use lab::measure::{self, CellPlan, Limits, NARROW, Noise, Settings};
use lab::record::{CellRecord, ExerciseRecord, Machine, RunRecord};
use lab::{Home, OrProblem, Problem, Scale, Stop};

use crate::cli::{Bench, Refused, RunOptions, cores};
use crate::discover::{self, Discovery, Found};
use crate::folder::RunFolder;
use crate::progress::Progress;
use crate::{claims, export, report};

/// A cell that has taken four samples and spent this much time is measured well enough.
const ENOUGH: Duration = Duration::from_secs(3);

/// What there is to measure.
#[derive(Debug)]
pub struct Plan {
    /// The folder of the programs.
    pub programs: PathBuf,
    /// What it holds.
    pub discovery: Discovery,
    /// What was asked for of it.
    pub chosen: Vec<Found>,
    /// Asked for by Ctrl-C.
    pub stop: Stop,
}

/// Asks for the stop on Ctrl-C and, if that is wanted, when standard input ends.
///
/// # Errors
/// A system that refuses.
pub fn stoppable(bench: &Bench) -> Result<Stop, Problem> {
    let stop = Stop::new();
    stop.on_ctrl_c()?;
    if bench.stop_with_stdin {
        stop.on_stdin_end()?;
    }
    Ok(stop)
}

/// Where the programs are.
///
/// # Errors
/// A program that does not know where it lies itself.
pub fn programs(bench: &Bench) -> Result<PathBuf, Problem> {
    bench.programs.clone().map_or_else(own_folder, Ok)
}

/// Finds out what there is to measure. Nothing is written yet.
///
/// # Errors
/// No program, or an exercise that nobody has.
pub fn plan(bench: &Bench, only: &[String]) -> Result<Plan, Refused> {
    let stop = stoppable(bench)?;
    let folder = programs(bench)?;
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
    let chosen = discover::choose(discovery.exercises.clone(), only).map_err(Refused::Usage)?;
    Ok(Plan { programs: folder, discovery, chosen, stop })
}

/// Measures what was asked for, keeps it in a new folder, draws the report, and prints the table.
///
/// # Errors
/// A folder that cannot be written to. What went wrong in a cell is no error but a row of the table.
pub fn run(options: &RunOptions) -> Result<End, Refused> {
    let plan = plan(&options.bench, &options.chosen.only)?;
    let stop = &plan.stop;
    let runs = options.out.clone().unwrap_or_else(|| Home::find().runs());
    let (folder, mut record) = begin(&runs, options, &plan)?;
    let mut noise = Noise::default();
    let mut cells: Vec<CellRecord> = Vec::new();
    for found in &plan.chosen {
        if stop.asked() {
            break;
        }
        let measured = exercise(found, options, &folder, &runs, stop, &mut noise)?;
        folder.append(&measured)?;
        cells.extend(measured);
    }
    // Whoever asks for some exercises asks for nothing else.
    if options.chosen.only.is_empty()
        && !stop.asked()
        && let Err(problem) = claims::measure(&plan.programs, options, &folder, stop)
    {
        say(&problem);
        record.problems.push(problem.line());
    }
    if let Some(warning) = noise.warning() {
        anstream::eprintln!("warning: {warning}");
    }
    record.noise = Some(noise);
    record.ok = Some(!stop.asked() && record.problems.is_empty() && cells.iter().all(|cell| cell.verified));
    finish(&folder, &mut record)?;
    export::print(&cells, options.form)?;
    if !options.form.any() {
        export::say(&format!("{}\n", folder.report().display()))?;
    }
    Ok(match (stop.asked(), record.ok) {
        (true, _) => End::Interrupted,
        (_, Some(true)) => End::Done,
        _ => End::Failed,
    })
}

/// Makes the folder of a run, measures the machine's limits, and writes the first form of the record.
fn begin(runs: &Path, options: &RunOptions, plan: &Plan) -> Result<(RunFolder, RunRecord), Problem> {
    let started = Timestamp::now();
    let folder = RunFolder::create(runs, &started.strftime("%Y%m%dT%H%M%SZ").to_string())?;
    let exercises = plan.chosen.iter().map(|found| found.exercise.clone()).collect();
    let mut record = describe(&options.bench, options.chosen.workers(), started, exercises);
    record.absent.clone_from(&plan.discovery.absent);
    record.problems = plan.discovery.problems.iter().map(Problem::line).collect();
    // Larger than any cache where there is time for it.
    let mebibytes = if options.bench.scale == Scale::Tiny { 8 } else { 64 };
    match Limits::measure(runs, mebibytes, record.machine.cores, &plan.stop) {
        Ok(limits) => record.limits = Some(limits),
        Err(problem) if !plan.stop.asked() => say(&problem),
        Err(_) => {}
    }
    folder.write_record(&record)?;
    Ok((folder, record))
}

/// Writes the last form of the record, draws the report and makes the run the newest one.
fn finish(folder: &RunFolder, record: &mut RunRecord) -> Result<(), Problem> {
    record.finished = Some(Timestamp::now().to_string());
    folder.write_record(record)?;
    report::draw(folder)?;
    folder.publish_as_latest()
}

/// The run that was named or else the newest one; if there is none yet, a new one without exercises of its own.
///
/// # Errors
/// A folder that cannot be made, or a named one that holds no run.
pub fn run_to_add_to(into: Option<&Path>, bench: &Bench) -> Result<RunFolder, Problem> {
    let runs = Home::find().runs();
    let folder = RunFolder::open(&into.map_or_else(|| runs.join("latest"), PathBuf::from));
    if into.is_some() || folder.path().join("run.json").is_file() {
        return folder.read().map(|_| folder);
    }
    let started = Timestamp::now();
    let folder = RunFolder::create(&runs, &started.strftime("%Y%m%dT%H%M%SZ").to_string())?;
    let mut record = describe(bench, cores(), started, Vec::new());
    record.ok = Some(true);
    finish(&folder, &mut record)?;
    Ok(folder)
}

fn exercise(
    found: &Found,
    options: &RunOptions,
    folder: &RunFolder,
    runs: &Path,
    stop: &Stop,
    noise: &mut Noise,
) -> Result<Vec<CellRecord>, Problem> {
    let args = arguments(&found.exercise.name, &options.bench);
    let plans = found.exercise.cells(&found.program, &args, options.chosen.workers(), None)?;
    let settings = Settings { timelines: Some(folder.timelines()), ..settings(&options.bench, runs) };
    let mut progress = Progress::start(&plans);
    let mut tell = |plan: &CellPlan| progress.sample(plan);
    let records = measure::measure_beside(&plans, &settings, stop, &mut tell, noise)?;
    progress.end(&records);
    Ok(records)
}

/// How cells are measured, without timelines.
pub(crate) fn settings(bench: &Bench, runs: &Path) -> Settings {
    Settings {
        samples: bench.samples(),
        enough: ENOUGH,
        narrow: NARROW,
        deadline: bench.deadline(),
        seed: bench.seed,
        scratch: runs.into(),
        timelines: None,
    }
}

/// The arguments of an exercise program that say what this run is about.
pub(crate) fn arguments(exercise: &str, bench: &Bench) -> Vec<OsString> {
    let (seed, deadline) = (bench.seed.to_string(), bench.deadline.to_string());
    let pairs = [
        ("--scale", bench.scale.name()),
        ("--seed", &seed),
        ("--api", &bench.api),
        ("--deadline", &deadline),
    ];
    let pairs = pairs.iter().flat_map(|(name, value)| [*name, *value]);
    [exercise, "--quiet"].into_iter().chain(pairs).map(OsString::from).collect()
}

fn describe(bench: &Bench, workers: usize, started: Timestamp, exercises: Vec<ExerciseRecord>) -> RunRecord {
    RunRecord {
        format: 1,
        version: env!("CARGO_PKG_VERSION").into(),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.into(),
        started: started.to_string(),
        finished: None,
        arguments: std::env::args().skip(1).collect(),
        seed: bench.seed,
        scale: bench.scale.name().into(),
        workers,
        samples: bench.samples(),
        machine: Machine::here(),
        exercises,
        noise: None,
        limits: None,
        absent: Vec::new(),
        problems: Vec::new(),
        ok: None,
    }
}

/// The folder of this program.
///
/// # Errors
/// A program that does not know where it lies itself.
pub(crate) fn own_folder() -> Result<PathBuf, Problem> {
    let own = std::env::current_exe().or_problem(|| "cannot find this program's own folder")?;
    Ok(own.parent().map(PathBuf::from).unwrap_or_default())
}
