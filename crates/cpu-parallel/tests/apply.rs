//! Exercise 07 on real files and programs: one answer whatever the chunks, and a bad row costs only itself.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cpu_parallel::apply::{Apply, Args};
use lab::{Answer, Digest, Exercise, Lab, Launch};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use witness::{alive, children, end, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu-parallel");
const USER: &str = concat!("python3 ", env!("CARGO_MANIFEST_DIR"), "/examples/apply_user.py");

/// A folder with `in.csv`: orders, of which those in `spoilt` have this quantity.
fn orders(rows: usize, spoilt: &[(usize, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("order_id,quantity,unit_price_cents,discount_bp,city\n");
    for row in 1..=rows {
        let quantity = spoilt
            .iter()
            .find(|(bad, _)| *bad == row)
            .map_or((row % 7 + 1).to_string(), |(_, text)| (*text).into());
        let (price, discount) = (100 + row % 900, row % 3 * 500);
        let _ = writeln!(text, "{row},{quantity},{price},{discount},\"São Paulo, {row}\"");
    }
    fs::write(folder.path().join("in.csv"), text).unwrap();
    folder
}

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// Runs a strategy in this process: the digest of its answer, how many rows came out, and what was not done.
fn answer(
    folder: &Path,
    out: &str,
    strategy: &str,
    workers: usize,
    args: &[&str],
) -> (String, u64, Vec<String>) {
    let mut lab = Lab::new(workers).with_out(folder.join(out));
    lab.launch = Launch::program(PROGRAM);
    lab.patience.task_deadline =
        Duration::from_secs(if args.iter().any(|part| part.contains("HANG")) { 2 } else { 600 });
    let input = folder.join("in.csv").display().to_string();
    let line = ["apply", &input].into_iter().chain(args.iter().copied());
    let args = <Line as clap::Parser>::try_parse_from(line).unwrap().args;
    let input = Apply::prepare(&args, &lab).unwrap();
    let strategy = Apply::STRATEGIES.iter().find(|found| found.name == strategy).unwrap();
    let output = strategy.run.unwrap()(&input, &lab).unwrap();
    let mut digest = Digest::new();
    output.digest(&mut digest).unwrap();
    (digest.finish(), output.work().rows, output.failures().iter().map(ToString::to_string).collect())
}

/// Every strategy with 1, 2 and 7 workers gives one answer.
fn check_one_answer(folder: &Path, extension: &str, args: &[&str], workers: &[usize]) -> (u64, Vec<String>) {
    let mut answers = Vec::new();
    for workers in workers {
        for strategy in Apply::STRATEGIES {
            // The name is part of the answer, so the folders differ.
            let out = format!("{}-{workers}/out.{extension}", strategy.name);
            answers.push((answer(folder, &out, strategy.name, *workers, args), out));
        }
    }
    for (answer, out) in &answers {
        assert_eq!(answer, &answers[0].0, "{out}");
    }
    let (_, rows, failures) = answers.swap_remove(0).0;
    (rows, failures)
}

const OPTION: [&str; 10] = [
    "--param",
    "spot=unit_price_cents",
    "--param",
    "strike=300",
    "--param",
    "rate=0.1",
    "--param",
    "volatility=0.3",
    "--param",
    "years=1",
];

#[test]
fn every_strategy_gives_one_answer_whatever_the_chunks_are() {
    let folder = orders(9_000, &[]);
    for extension in ["parquet", "csv"] {
        let args = [&["--function", "monte-carlo", "--paths", "4"][..], &OPTION].concat();
        assert_eq!(check_one_answer(folder.path(), extension, &args, &[1, 2, 7]), (9_000, vec![]));
    }
    let similar = ["--function", "jaro-winkler", "--param", "text=city"];
    assert_eq!(check_one_answer(folder.path(), "csv", &similar, &[2]), (9_000, vec![]));
    let text = fs::read_to_string(folder.path().join("pool-2/out.csv")).unwrap();
    assert!(
        text.lines().nth(7).unwrap().starts_with("7,1,107,500,\"São Paulo, 7\",São Paulo,0.9"),
        "{text:.500}"
    );
}

#[test]
fn the_seed_of_a_row_is_its_number_and_not_its_chunk() {
    let folder = orders(2_000, &[]);
    let args = [&["--function", "monte-carlo", "--paths", "2"][..], &OPTION].concat();
    answer(folder.path(), "all.csv", "sequential", 1, &args);
    let all = fs::read_to_string(folder.path().join("all.csv")).unwrap();
    let short = orders(10, &[]);
    answer(short.path(), "short.csv", "sequential", 1, &args);
    assert!(all.starts_with(&fs::read_to_string(short.path().join("short.csv")).unwrap()));
}

#[test]
fn a_row_that_a_function_refuses_is_named_with_its_reason_and_the_rest_is_done() {
    let folder = orders(5_000, &[(3, "none"), (4_000, "-1")]);
    let args = ["--function", "nearest", "--param", "latitude=quantity", "--param", "longitude=0"];
    let (rows, failures) = check_one_answer(folder.path(), "csv", &args, &[2]);
    assert_eq!((rows, failures.len()), (4_999, 1));
    assert!(
        failures[0].contains("in.csv: row 3: latitude: expected a number, found \"none\""),
        "{failures:?}"
    );
    let missing = ["--function", "nearest", "--param", "latitude=lat", "--param", "longitude=0"];
    let ended = run(apply(folder.path(), "out.csv", &missing));
    assert!(
        ended.err.contains("no column `lat`") && ended.err.contains("one of order_id, quantity"),
        "{}",
        ended.err
    );
}

fn apply(folder: &Path, out: &str, args: &[&str]) -> &'static mut Command {
    let mut command = witness::program(PROGRAM, folder);
    command.arg("apply").arg(folder.join("in.csv")).arg("--out").arg(folder.join(out)).args(args);
    Box::leak(Box::new(command))
}

#[test]
fn a_small_table_is_done_before_anybody_else_is_started() {
    let folder = orders(200, &[]);
    for strategy in ["pool", "rayon", "processes"] {
        let args =
            [&["--function", "black-scholes", "--explain", "--strategy", strategy][..], &OPTION].concat();
        let ended = run(apply(folder.path(), "out.csv", &args));
        assert!(ended.code == Some(0) && ended.err.contains("nobody else was started"), "{}", ended.err);
    }
}

#[test]
fn a_program_of_the_users_own_gives_one_answer_in_order() {
    let folder = orders(3_000, &[(17, "none"), (2_321, "1.5")]);
    let (rows, failures) = check_one_answer(folder.path(), "csv", &["--exec", USER], &[2]);
    assert_eq!((rows, failures.len()), (2_998, 2));
    assert!(failures[0].contains("in.csv: row 17: ValueError: invalid literal for int()"), "{failures:?}");
    let text = fs::read_to_string(folder.path().join("pool-2/out.csv")).unwrap();
    // Order 1: 2 pieces of 101 cents, less 5 %, are 191.9 cents.
    assert!(text.starts_with("order_id,value_cents\n1,192\n2,"), "{text:.100}");
    let numbers: Vec<usize> =
        text.lines().skip(1).map(|line| line.split_once(',').unwrap().0.parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq((1..=3_000).filter(|row| ![17, 2_321].contains(row))));
}

/// The program dies of, or hangs in, some rows: they are found and left out, and nothing else is.
fn check_deadly(exec: &str, deadly: &[(usize, &str)], reason: &str) {
    let folder = orders(300, deadly);
    let started = Instant::now();
    let (_, rows, failures) = answer(folder.path(), "out.csv", "pool", 2, &["--exec", exec]);
    assert_eq!((rows, failures.len()), (300 - deadly.len() as u64, deadly.len()), "{failures:?}");
    for ((row, _), failure) in deadly.iter().zip(failures) {
        assert!(failure.contains(&format!("in.csv: row {row}: ")) && failure.contains(reason), "{failure}");
    }
    assert!(started.elapsed() < Duration::from_mins(1));
}

#[test]
fn the_rows_that_kill_the_program_are_found_and_left_out_and_the_rest_is_done() {
    check_deadly(USER, &[(5, "DEADLY"), (6, "DEADLY"), (300, "DEADLY")], "exit code 134");
}

#[test]
fn the_row_in_which_the_program_hangs_is_found_by_its_deadline() {
    // A program that copies its chunk, but waits for ever where it sees a certain text.
    let hangs = r#"while read head; do set -- $head; body=$(head -c "$4"; echo .); case "$body" in *HANG*) sleep 600;; esac; printf '%s\n%s' "$head" "${body%.}"; done"#;
    check_deadly(hangs, &[(3, "HANG")], "deadline");
}

#[test]
fn with_skip_the_whole_chunk_is_left_out_and_every_row_of_it_is_listed() {
    let folder = orders(10, &[(5, "DEADLY")]);
    let rejects = folder.path().join("rejects.csv");
    let args = ["--exec", USER, "--on-death", "skip", "--rejects", rejects.to_str().unwrap()];
    let ended = run(apply(folder.path(), "out.csv", &args));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let lines = fs::read_to_string(rejects).unwrap();
    assert_eq!(lines.lines().count(), 11, "{lines}");
    assert!(lines.lines().nth(1).unwrap().contains("in.csv,1,") && lines.contains("its chunk"), "{lines}");
}

#[test]
fn a_program_that_copies_gives_the_table_back_in_either_format() {
    let folder = orders(3_000, &[]);
    answer(folder.path(), "csv.csv", "pool", 2, &["--exec", "cat"]);
    answer(folder.path(), "arrow.csv", "pool", 2, &["--exec", "cat", "--format", "arrow"]);
    let input = fs::read(folder.path().join("in.csv")).unwrap();
    assert!(fs::read(folder.path().join("csv.csv")).unwrap() == input);
    assert!(fs::read(folder.path().join("arrow.csv")).unwrap() == input);
}

/// A program that does not do what it should ends the run with a reason and without output.
fn check_useless(exec: &str, reasons: &[&str]) {
    let folder = orders(40, &[]);
    let ended = run(apply(folder.path(), "out.csv", &["--exec", exec]));
    assert_eq!(ended.code, Some(1), "{exec}: {}", ended.err);
    for reason in reasons {
        assert!(ended.err.contains(reason), "{exec}: expected {reason:?} in {}", ended.err);
    }
}

#[test]
fn a_program_that_does_not_work_is_told_apart_from_rows_that_do_not() {
    check_useless(
        "echo broken >&2; exit 3",
        &["dies before it ever answers", "exit code 3", "broken", "program 1: broken"],
    );
    check_useless("echo hello; cat", &["answered \"hello\"", "standard output belongs to the protocol"]);
    check_useless("echo chunk 1 99 0; cat", &["does not account for the"]);
    check_useless("no-such-program-anywhere", &["exit code 127", "not found"]);
}

#[test]
fn a_program_that_cannot_be_started_is_one_error_however_many_chunks_there_are() {
    let folder = orders(50_000, &[]);
    for exec in ["no-such-program-anywhere", "while read line; do echo hello; done"] {
        let ended = run(apply(folder.path(), "out.csv", &["--exec", exec, "--workers", "2"]));
        assert_eq!(ended.code, Some(1), "{exec}: {}", ended.err);
        let errors = ended.err.lines().filter(|line| line.starts_with("error") || line.starts_with("failed"));
        assert_eq!(errors.count(), 1, "{exec}: {}", ended.err);
        assert!(!folder.path().join("out.csv").exists(), "{exec}");
    }
}

#[test]
fn a_program_that_breaks_its_protocol_again_and_again_is_not_asked_for_more() {
    let folder = orders(50_000, &[]);
    // It copies the first chunk and says something else of all others.
    let program = "\
import sys
while head := sys.stdin.buffer.readline():
    rows = sys.stdin.buffer.read(int(head.split()[3]))
    sys.stdout.buffer.write(head + rows if head.split()[1] == b'1' else b'hello\\n')
    sys.stdout.buffer.flush()
";
    let path = folder.path().join("program.py");
    fs::write(&path, program).unwrap();
    let exec = format!("python3 {}", path.display());
    let ended = run(apply(folder.path(), "out.csv", &["--exec", &exec, "--strategy", "sequential"]));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let failed = ended.err.lines().filter(|line| line.starts_with("failed")).count();
    assert!((2..=4).contains(&failed), "{failed}: {}", ended.err);
    assert!(ended.err.contains("stopped after 3 equal errors"), "{}", ended.err);
    assert!(fs::read_to_string(folder.path().join("out.csv")).unwrap().lines().count() > 1);
}

#[test]
fn semicolons_and_decimal_commas_are_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), "lat;lon;city\n-23,55;-46,63;\"São; Paulo\"\n-8.05;-34.88;x\n")
        .unwrap();
    let args = ["--function", "nearest", "--param", "latitude=lat", "--param", "longitude=lon"];
    let ended = run(apply(folder.path(), "out.csv", &args));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let out = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "lat,lon,city,nearest,distance_km");
    assert!(lines[1].contains("São; Paulo,São Paulo,") && lines[2].contains("x,Recife,"), "{out}");
}

#[test]
fn a_row_without_a_parameter_is_kept_with_nulls() {
    let folder = orders(3_000, &[(3, ""), (2_999, "")]);
    let args = ["--function", "nearest", "--param", "latitude=quantity", "--param", "longitude=0"];
    for out in ["csv", "parquet"] {
        let (rows, failures) = check_one_answer(folder.path(), out, &args, &[2]);
        assert_eq!((rows, failures.len()), (3_000, 0), "{failures:?}");
    }
    answer(folder.path(), "out.csv", "pool", 2, &args);
    let text = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let line = text.lines().nth(3).unwrap();
    assert!(line.starts_with("3,,") && line.ends_with(",,"), "{line}");
}

#[test]
fn an_input_that_is_missing_or_of_another_kind_costs_itself_only() {
    let folder = orders(100, &[]);
    let other = folder.path().join("other.csv");
    fs::write(&other, "a,b\n1,2\n").unwrap();
    let ragged = folder.path().join("ragged.csv");
    fs::write(&ragged, "order_id,quantity,unit_price_cents,discount_bp,city\n1,2,3,4,x\n1,2\n").unwrap();
    let more = [other.to_str().unwrap(), "no-such.csv", ragged.to_str().unwrap()];
    let args = ["--function", "jaro-winkler", "--param", "text=city"];
    let ended = run(apply(folder.path(), "out.csv", &[&more[..], &args].concat()));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    for words in [
        "other.csv: it has other columns than",
        "no file matches `no-such.csv`",
        "ragged.csv: cannot read the table",
    ] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    assert!(fs::read_to_string(folder.path().join("out.csv")).unwrap().lines().count() >= 101);
}

#[test]
fn ctrl_c_ends_the_programs_and_leaves_no_output() {
    let folder = orders(40, &[]);
    let program = apply(folder.path(), "out.csv", &["--exec", "echo here > here; exec sleep 600"])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let started = children(&program, 1);
    let here: PathBuf = folder.path().join("here");
    witness::wait_for("the program", || here.exists().then_some(()));
    assert!(alive(started[0]));
    let (ended, took) = end(program, &started, Signal::SIGINT);
    assert!(ended.code == Some(130) && took < Duration::from_secs(1), "{took:?} {}", ended.err);
    assert!(!folder.path().join("out.csv").exists());
}
