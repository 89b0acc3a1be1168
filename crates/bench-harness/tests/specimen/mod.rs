//! A run as it might have been measured: crawl, convert and stages, with times that follow from a simple model of each
//! strategy. The report's tests draw it, and whoever changes the drawing can look at it.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use bench_harness::folder::RunFolder;
use lab::measure::{stats, timeline_name};
use lab::record::{CellRecord, ExerciseRecord, Machine, RunRecord, StrategyRecord};
use lab::timeline::{Slice, State, write_chrome};
use lab::{Kind, Work};

const MS: u64 = 1_000_000;
const WORKERS: usize = 2;

/// Writes the run below `runs` and returns its folder.
pub(crate) fn write(runs: &Path) -> RunFolder {
    let folder = RunFolder::create(runs, "20261103T142205Z").unwrap();
    let mut exercises = Vec::new();
    for (exercise, model) in
        [(crawl(), model_crawl as Model), (convert(), model_convert), (stages(), model_stages)]
    {
        let mut cells: Vec<CellRecord> = Vec::new();
        for strategy in exercise.strategies.iter().filter(|strategy| strategy.absent.is_none()) {
            let (slices, cpu_ns, peak) = model(strategy.kind);
            cells.push(cell(&exercise, strategy, &slices, cpu_ns, peak, cells.first()));
            let name = timeline_name(exercise.id, &exercise.name, &strategy.name, WORKERS);
            let file = File::create(folder.timelines().join(name)).unwrap();
            write_chrome(&slices, BufWriter::new(file)).unwrap();
        }
        folder.append(&cells).unwrap();
        exercises.push(exercise);
    }
    folder.write_record(&record(exercises)).unwrap();
    folder
}

fn record(exercises: Vec<ExerciseRecord>) -> RunRecord {
    RunRecord {
        format: 1,
        version: "0.1.0".into(),
        profile: "debug".into(),
        started: "2026-11-03T14:22:05.123Z".into(),
        finished: Some("2026-11-03T14:23:31.5Z".into()),
        arguments: vec!["run".into()],
        seed: 42,
        scale: "small".into(),
        workers: WORKERS,
        samples: 5,
        machine: Machine {
            system: "linux x86_64".into(),
            processor: "AMD EPYC 7B13".into(),
            cores: 2,
            memory_bytes: 24 << 30,
        },
        exercises,
        noise: None,
        limits: None,
        absent: Vec::new(),
        problems: Vec::new(),
        ok: Some(true),
    }
}

type Model = fn(Kind) -> (Vec<Slice>, u64, u64);

fn exercise(id: u8, name: &str, about: &str, best: Kind, absent: &[(Kind, &str)]) -> ExerciseRecord {
    let strategies = Kind::LOCAL.iter().map(|kind| StrategyRecord {
        name: kind.name().into(),
        kind: *kind,
        fixed_workers: None,
        absent: absent.iter().find(|(absent, _)| absent == kind).map(|(_, why)| (*why).into()),
        needs: None,
    });
    ExerciseRecord {
        id,
        name: name.into(),
        about: about.into(),
        best: best.name().into(),
        strategies: strategies.collect(),
    }
}

fn crawl() -> ExerciseRecord {
    exercise(
        1,
        "crawl",
        "Fetches many addresses and keeps their answers in one file, in order.",
        Kind::Async,
        &[],
    )
}

fn convert() -> ExerciseRecord {
    exercise(8, "convert", "Converts many Parquet files to CSV, file by file.", Kind::Rayon, &[])
}

fn stages() -> ExerciseRecord {
    let why = "a stage waits for the one before it, and work stealing must not wait";
    let about = "Reads CSV, transforms it and writes Parquet, as three stages.";
    exercise(
        14,
        "stages",
        about,
        Kind::Threads,
        &[(Kind::Rayon, why), (Kind::Pool, "the stages are three, not many")],
    )
}

fn cell(
    exercise: &ExerciseRecord,
    strategy: &StrategyRecord,
    slices: &[Slice],
    cpu_ns: u64,
    peak: u64,
    reference: Option<&CellRecord>,
) -> CellRecord {
    let length = slices.iter().map(|slice| slice.end_ns).max().unwrap();
    let samples_ns: Vec<u64> = [98, 100, 101, 99, 103].iter().map(|percent| length / 100 * percent).collect();
    let against = reference.map_or(&samples_ns, |reference| &reference.samples_ns);
    let speedup = stats::speedup(against, &samples_ns, 42);
    CellRecord {
        exercise: exercise.id,
        name: exercise.name.clone(),
        strategy: strategy.name.clone(),
        kind: Some(strategy.kind),
        workers: if matches!(strategy.kind, Kind::Sequential | Kind::Async) { 1 } else { WORKERS },
        median_ns: stats::median(&samples_ns),
        mad_ns: stats::mad(&samples_ns),
        samples_ns: samples_ns.clone(),
        work: Work { items: 200, rows: 400_000, bytes_in: 11 << 20, bytes_out: 35 << 20 },
        digest: Some(format!("{:x}", 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(exercise.id.into())).repeat(4)),
        verified: true,
        speedup: speedup.map(|(estimate, _)| estimate),
        speedup_ci: speedup.and_then(|(_, interval)| interval),
        cpu_ns: Some(cpu_ns),
        peak_rss_bytes: Some(peak),
        worker_deaths: 0,
        error: None,
        ..CellRecord::default()
    }
}

fn slice(lane: String, state: State, name: &str, label: String, start_ns: u64, end_ns: u64) -> Slice {
    Slice { lane, state, name: name.into(), label, start_ns, end_ns }
}

/// 200 addresses, 50 ms of delay each, and half a millisecond of work before and after.
fn model_crawl(kind: Kind) -> (Vec<Slice>, u64, u64) {
    let mut slices = Vec::new();
    let mut fetch = |lane: String, number: u64, start: u64| {
        let label = format!("/weather/city-{number:03}");
        let end = start + 51 * MS;
        slices.push(slice(lane.clone(), State::Running, "task", label.clone(), start, end));
        slices.push(slice(lane, State::Waiting, "fetch", label, start + MS / 2, end - MS / 2));
        end
    };
    let lanes = match kind {
        Kind::Threads | Kind::Async => 200,
        Kind::Sequential => 1,
        _ => WORKERS as u64,
    };
    let mut free: Vec<u64> = (0..lanes).map(|lane| lane * MS / 4).collect();
    for number in 0..200 {
        let lane = number % lanes;
        let start = free[usize::try_from(lane).unwrap()];
        let name = match kind {
            Kind::Sequential => "main".into(),
            Kind::Threads => format!("thread {lane}"),
            Kind::Async => format!("task {lane}"),
            Kind::Processes => format!("process {lane}"),
            _ => format!("{kind} {lane}"),
        };
        let mut end = fetch(name.clone(), number, start);
        if kind == Kind::Processes {
            end += MS;
        }
        free[usize::try_from(lane).unwrap()] = end;
    }
    let cpu = if kind == Kind::Async { 86 * MS } else { 210 * MS };
    (slices, cpu, if kind == Kind::Threads { 40 << 20 } else { 18 << 20 })
}

/// 16 files of 60 ms of computing each.
fn model_convert(kind: Kind) -> (Vec<Slice>, u64, u64) {
    let mut slices = Vec::new();
    let (lanes, each) = match kind {
        Kind::Sequential | Kind::Async => (1, 60 * MS),
        Kind::Threads => (16, 480 * MS),
        _ => (2, 60 * MS),
    };
    for number in 0..16 {
        let (lane, turn) = (number % lanes, number / lanes);
        let start = turn * (each + MS / 10) + lane * MS / 5;
        let name = if lanes == 1 { "main".into() } else { format!("{kind} {lane}") };
        let (label, sent) = (format!("part-{number:02}.parquet"), start + 3 * MS);
        if kind == Kind::Processes {
            slices.push(slice(name.clone(), State::Sending, "pipe", label.clone(), start, sent));
        }
        slices.push(slice(name, State::Running, "task", label, sent, start + each));
    }
    let workers = if kind == Kind::Processes { 3 } else { 1 };
    (slices, 960 * MS, workers * (40 << 20))
}

/// 40 batches through three stages of 6, 9 and 4 ms with queues of two.
fn model_stages(kind: Kind) -> (Vec<Slice>, u64, u64) {
    let mut slices = Vec::new();
    let costs = [("ingest", 6 * MS), ("transform", 9 * MS), ("write", 4 * MS)];
    if matches!(kind, Kind::Sequential | Kind::Async) {
        let mut now = 0;
        for batch in 0..40 {
            for (stage, cost) in costs {
                slices.push(slice(
                    "main".into(),
                    State::Running,
                    stage,
                    format!("batch {batch}"),
                    now,
                    now + cost,
                ));
                now += cost;
            }
        }
        return (slices, 760 * MS, 22 << 20);
    }
    let mut free = [0_u64; 3];
    let mut taken = [0_u64; 40];
    for batch in 0..40_usize {
        let label = || format!("batch {batch}");
        let mut arrived = 0;
        for (number, (stage, cost)) in costs.into_iter().enumerate() {
            let mut start = free[number].max(arrived);
            if start > free[number] {
                slices.push(slice(stage.into(), State::Waiting, "receive", label(), free[number], start));
            }
            let done = start + cost;
            slices.push(slice(stage.into(), State::Running, stage, label(), start, done));
            start = done;
            // A full queue holds two batches: the first stage is blocked until the second has taken the one before.
            if number == 0 && batch >= 2 && taken[batch - 2] > start {
                slices.push(slice(stage.into(), State::Blocked, "send", label(), start, taken[batch - 2]));
                start = taken[batch - 2];
            }
            if number == 1 {
                taken[batch] = done;
            }
            (free[number], arrived) = (start, done);
        }
    }
    (slices, 765 * MS, 26 << 20)
}
