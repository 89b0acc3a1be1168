//! Exercise 14 on real files: one file, the same bytes for every strategy, and nothing left behind.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::{Answer, Digest, Exercise, Lab, Launch};
use nix::sys::signal::Signal;
use pipelines::stages::{Args, Stages};
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
    let args = Args { inputs: vec![folder.path().join("in").display().to_string()] };
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
