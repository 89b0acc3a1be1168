//! Exercise 14 on real files: one file, the same bytes for every strategy, and nothing left behind.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::{Answer, Digest, Exercise, Lab, Launch};
use nix::sys::signal::Signal;
use pipelines::stages::{Args, Measured, Stages};
use tempfile::TempDir;
use witness::{children, end, listing, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pipelines");
const HEADER: &str = "order_id,customer_id,product_id,category,uf,quantity,unit_price_cents,discount_bp,status,ordered_at,note\n";

/// A folder `in` with `files` CSV files of `rows` orders each; one in seven is cancelled, some notes have line breaks.
fn orders(files: usize, rows: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    for number in 0..files {
        let mut text = HEADER.to_owned();
        for row in 0..rows {
            let id = number * rows + row;
            let status = if id.is_multiple_of(7) { "cancelled" } else { "delivered" };
            let note = if id.is_multiple_of(5) { "\"Atenção:\ncuidado, com \"\"o\"\" cão\"" } else { "" };
            let (customer, product, quantity, price) = (id % 97, id % 31, id % 9 + 1, id * 13 + 1);
            let _ = write!(text, "{id},{customer},{product},Moda,SP,{quantity},{price},250,{status},");
            let _ = writeln!(text, "2024-02-29 12:34:56,{note}");
        }
        fs::write(folder.path().join(format!("in/part-{number}.csv")), text).unwrap();
    }
    folder
}

fn stages(folder: &Path, strategy: &str) -> Command {
    let mut command = witness::program(PROGRAM, folder);
    command.arg("stages").arg(folder.join("in")).arg("--out").arg(folder.join("out/orders.parquet"));
    command.args(["--strategy", strategy, "--workers", "2"]);
    command
}

#[test]
fn every_strategy_stores_the_same_bytes_with_any_number_of_workers() {
    let folder = orders(3, 20_000);
    let args = Args { inputs: vec![folder.path().join("in").display().to_string()], waits: Vec::new() };
    let mut answers = Vec::new();
    for workers in [1, 2, 7] {
        for strategy in Stages::STRATEGIES {
            let out = folder.path().join(format!("{}-{workers}.parquet", strategy.name));
            let mut lab = Lab::new(workers).with_out(&out);
            lab.launch = Launch::program(PROGRAM);
            let input = Stages::prepare(&args, &lab).unwrap();
            let output = strategy.run.unwrap()(&input, &lab).unwrap();
            output.digest(&mut Digest::new()).unwrap();
            answers.push((output.work().rows, fs::read(&out).unwrap()));
        }
    }
    // Of the numbers 0 to 59 999, those that 7 divides are cancelled.
    assert_eq!((answers.len(), answers[0].0), (18, 60_000 - 8_572));
    assert!(answers.iter().all(|answer| answer == &answers[0]));
}

#[test]
fn a_bad_row_is_named_with_its_line_and_column_and_nothing_is_written() {
    let folder = orders(2, 9_000);
    let bad = folder.path().join("in/part-1.csv");
    let text = fs::read_to_string(&bad).unwrap().replacen(",250,delivered", ",many,delivered", 1);
    let line = text.lines().position(|line| line.contains(",many,")).unwrap() + 1;
    fs::write(&bad, text).unwrap();
    for strategy in Stages::STRATEGIES {
        let ended = run(&mut stages(folder.path(), strategy.name));
        assert_eq!(ended.code, Some(1), "{}: {}", strategy.name, ended.err);
        let place = format!(
            "part-1.csv:{line}, column `discount_bp`: expected a whole number of 32 bits, found \"many\""
        );
        assert!(ended.err.contains(&place), "{}: {}", strategy.name, ended.err);
        assert_eq!(listing(&folder.path().join("out")), [""; 0], "{}", strategy.name);
    }
}

#[test]
fn an_input_that_is_missing_or_no_table_of_orders_costs_itself_only() {
    let folder = orders(1, 100);
    let other = folder.path().join("other.csv");
    fs::write(&other, "a,b\n1,2\n").unwrap();
    for strategy in Stages::STRATEGIES {
        let mut command = stages(folder.path(), strategy.name);
        let ended = run(command.arg(&other).arg("no-such.csv"));
        assert_eq!(ended.code, Some(1), "{}: {}", strategy.name, ended.err);
        for words in ["other.csv: cannot ingest the orders", "no file matches `no-such.csv`"] {
            assert!(ended.err.contains(words), "{words}: {}", ended.err);
        }
        assert_eq!(listing(&folder.path().join("out")), ["orders.parquet"], "{}", strategy.name);
        fs::remove_file(folder.path().join("out/orders.parquet")).unwrap();
    }
    let mut alone = witness::program(PROGRAM, folder.path());
    let ended = run(alone.arg("stages").arg(&other).arg("--out").arg(folder.path().join("out/x.parquet")));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(listing(&folder.path().join("out")), [""; 0]);
}

#[test]
fn a_stage_that_is_killed_ends_the_row_and_is_named() {
    let folder = orders(4, 100_000);
    let program = stages(folder.path(), "processes").spawn().unwrap();
    witness::signal(children(&program, 3)[1], Signal::SIGKILL);
    let ended = witness::Ended::from(program.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("stage `transform` died: ended by signal SIGKILL"), "{}", ended.err);
    assert_eq!(listing(&folder.path().join("out")), [""; 0]);
}

#[test]
fn ctrl_c_leaves_nothing_and_nobody() {
    let folder = orders(4, 100_000);
    let out = folder.path().join("out");
    for strategy in Stages::STRATEGIES {
        let _ = fs::remove_dir_all(&out);
        let program = stages(folder.path(), strategy.name).spawn().unwrap();
        let workers = if strategy.name == "processes" { children(&program, 3) } else { Vec::new() };
        witness::wait_for("the staging folder", || out.exists().then_some(()));
        let (ended, took) = end(program, &workers, Signal::SIGINT);
        assert!(took < Duration::from_secs(1), "{} took {took:?}", strategy.name);
        assert_eq!(ended.code, Some(130), "{}: {}", strategy.name, ended.err);
        assert_eq!(listing(&out), [""; 0], "{}", strategy.name);
    }
}

/// Runs over so many batches, of which each stage waits so many milliseconds with each.
fn measured(batches: usize, strategy: &str, workers: usize, waits: [u64; 3]) -> Measured {
    // A batch never spans two files.
    let folder = orders(batches, 3);
    let waits = ["ingest", "transform", "store"].into_iter().zip(waits);
    let waits = waits.map(|(stage, wait)| format!("{stage}={wait}")).collect();
    let args = Args { inputs: vec![folder.path().join("in").display().to_string()], waits };
    let mut lab = Lab::new(workers).with_out(folder.path().join("out.parquet"));
    lab.launch = Launch::program(PROGRAM);
    let input = Stages::prepare(&args, &lab).unwrap();
    let strategy = Stages::STRATEGIES.iter().find(|one| one.name == strategy).unwrap();
    strategy.run.unwrap()(&input, &lab).unwrap().measured
}

/// The stages wait and do not compute, so it does not matter how busy the machine is.
#[test]
fn the_law_of_the_bottleneck_says_within_a_tenth_how_long_a_run_takes() {
    for (strategy, workers, waits, bottleneck) in [
        ("sequential", 1, [10, 20, 5], "transform"),
        ("threads", 1, [10, 20, 5], "transform"),
        ("threads", 1, [5, 10, 20], "store"),
        ("async", 1, [20, 10, 5], "ingest"),
        ("processes", 1, [5, 40, 10], "transform"),
        ("pool", 1, [5, 20, 10], "transform"),
        ("pool", 2, [5, 40, 10], "transform"),
        // Enough workers for one stage make another one the bottleneck.
        ("pool", 4, [5, 40, 15], "store"),
    ] {
        let run = measured(40, strategy, workers, waits);
        let (said, took) = (run.predicted(), run.took.as_secs_f64());
        assert_eq!(run.bottleneck(), bottleneck, "{strategy} {workers} {waits:?}\n{run}");
        assert!((took / said - 1.0).abs() <= 0.1, "{strategy} {workers} {waits:?}\n{run}");
    }
}

#[test]
fn a_run_one_after_another_foretells_what_overlapped_ones_take() {
    let serial = measured(40, "sequential", 1, [10, 40, 10]);
    for (strategy, workers) in [("threads", 1), ("pool", 2), ("pool", 4), ("async", 1)] {
        // What a busy machine adds is no part of the law: the best of three counts.
        let least = (0..3).map(|_| measured(40, strategy, workers, [10, 40, 10]).took).min().unwrap();
        let said = serial.forecast([1, workers, 1]);
        let ratio = least.as_secs_f64() / said;
        assert!((0.9..=1.1).contains(&ratio), "{strategy} with {workers}: {least:?} of {said} s\n{serial}");
    }
}

#[test]
fn the_picture_shows_who_is_held_up_and_how_full_the_queues_are() {
    let folder = orders(20, 3);
    for strategy in ["threads", "pool", "async"] {
        let picture = folder.path().join(format!("{strategy}.json"));
        let mut command = stages(folder.path(), strategy);
        command.args(["--workers", "1", "--wait", "transform=10", "--timeline"]).arg(&picture);
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.err.contains("bottleneck: transform; its law says"), "{}", ended.err);
        let slices = lab::timeline::read_chrome(&fs::read(&picture).unwrap()).unwrap();
        let drawn = |lane: &str, name: &str| {
            let those = slices.iter().filter(|slice| slice.lane == lane && slice.name == name);
            those.map(|slice| slice.end_ns - slice.start_ns).sum::<u64>()
        };
        // What comes is slower than what takes before the one queue, and faster before the other.
        let full = drawn("queue before transform", "4 of 4 batches");
        let empty = drawn("queue before store", "0 of 4 batches");
        assert!(full > 80_000_000 && empty > 80_000_000, "{strategy}: {full} {empty}");
    }
}

#[test]
fn a_wait_that_is_none_is_refused_with_what_is_one() {
    let folder = orders(1, 3);
    let ended = run(stages(folder.path(), "threads").args(["--wait", "transfrom=5"]));
    assert!(ended.code == Some(1) && ended.err.contains("ingest, transform or store"), "{}", ended.err);
}
