//! The promises of the process pool and of the runner, kept by real processes that really die.
//!
//! Each test starts the example program `trial`, whose tasks misbehave on demand.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use witness::{children, end, run};

fn trial(args: &[&str]) -> Command {
    let mut command = witness::program(witness::example("trial"), &std::env::temp_dir());
    command.arg("trial").args(args);
    command
}

/// Runs tasks in two processes and checks the exit code, the squares on standard output and words on standard error.
fn check(args: &[&str], code: i32, squares: &str, words: &[&str]) {
    let mut all = args.to_vec();
    all.extend(["--strategy", "processes", "--workers", "2"]);
    let ended = run(&mut trial(&all));
    assert_eq!((ended.code, ended.out.trim()), (Some(code), squares), "{}", ended.err);
    for word in words {
        assert!(ended.err.contains(word), "{word:?} is not in:\n{}", ended.err);
    }
}

#[test]
fn tasks_come_back_in_order() {
    check(&["3", "slow=50", "4", "5"], 0, "[9, 0, 16, 25]", &["4 of 4 items"]);
}

#[test]
fn a_worker_that_dies_once_costs_nothing_but_a_warning() {
    let mark = tempfile::tempdir().unwrap();
    let task = format!("abort-once={}", mark.path().join("mark").display());
    check(&["3", &task, "4"], 0, "[9, 3, 16]", &["a worker died during abort-once", "SIGABRT"]);
}

#[test]
fn a_task_that_keeps_killing_workers_is_set_aside_and_named() {
    let words =
        ["abort: set aside after it ended 3 workers", "SIGABRT", "these are my last words", "2 of 3 items"];
    check(&["3", "abort", "4"], 1, "[9, 16]", &words);
    check(&["3", "exit", "4"], 1, "[9, 16]", &["exit: set aside after it ended 3 workers", "exit code 3"]);
}

#[test]
fn a_task_that_hangs_is_killed_at_its_deadline() {
    let words = ["hang: set aside after it ended 3 workers", "missed the deadline of 1s"];
    check(&["3", "hang", "4", "--deadline", "1"], 1, "[9, 16]", &words);
}

#[test]
fn a_panic_and_a_refusal_are_told_apart_from_a_death() {
    let words = ["panic: panicked: told to", "ten: no number", "hint: give a number"];
    check(&["3", "panic", "ten", "4"], 1, "[9, 16]", &words);
}

#[test]
fn a_worker_may_print_and_chatter() {
    check(&["print", "chatter", "4"], 0, "[1, 2, 16]", &[]);
}

#[test]
fn a_worker_that_takes_too_much_memory_is_killed_and_its_task_named() {
    let words = ["hoard: set aside after it ended 3 workers", "more memory than the limit of 100.0 MiB"];
    check(&["3", "hoard", "4", "--worker-memory", "100MiB"], 1, "[9, 16]", &words);
}

#[test]
fn a_worker_that_has_done_its_share_is_replaced() {
    let pids = |more: &[&str]| {
        let mut args = vec!["pid", "pid", "pid", "pid", "--strategy", "processes", "--workers", "1"];
        args.extend(more);
        let mut pids: Vec<i64> = serde_json::from_str(&run(&mut trial(&args)).out).unwrap();
        pids.dedup();
        pids.len()
    };
    assert_eq!((pids(&[]), pids(&["--worker-tasks", "2"]), pids(&["--worker-tasks", "1"])), (1, 2, 4));
}

#[test]
fn a_program_that_is_killed_goes_on_where_it_was_and_does_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger").display().to_string();
    let args = |last| {
        ["pid", "3", last, "--resume", &ledger, "--strategy", "processes", "--workers", "1"].map(String::from)
    };
    let program = trial(&args("slow=60000").each_ref().map(String::as_str)).spawn().unwrap();
    let workers = children(&program, 1);
    let begun = witness::wait_for("two records", || {
        (std::fs::metadata(&ledger).ok()?.len() > 70).then(|| std::fs::read(&ledger).unwrap())
    });
    end(program, &workers, Signal::SIGKILL);
    assert!(begun.starts_with(b"paralelo ledger 1 trial\n"));

    let ended = run(&mut trial(&args("4").each_ref().map(String::as_str)));
    let squares: Vec<i64> = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &squares[1..]), (Some(0), &[9, 16][..]), "{}", ended.err);
    assert_eq!(squares[0], i64::from(workers[0]), "the first task was done by the first program's worker");
    assert!(ended.err.contains("2 tasks are done already"), "{}", ended.err);
    assert!(!std::path::Path::new(&ledger).exists(), "a ledger whose tasks are all done is removed");
}

#[test]
fn workers_that_die_at_random_from_inside_and_outside_lose_nothing_and_double_nothing() {
    let mut chaos = witness::program(witness::example("chaos"), &std::env::temp_dir());
    let limits = ["--worker-deaths", "50", "--worker-memory", "64MiB", "--deadline", "1", "--workers", "3"];
    let ended = run(chaos.args(["chaos", "--faults", "150"]).args(limits));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains(": 0 lost, 0 double, 0 wrong"), "{}", ended.out);
}

/// Starts tasks in two processes and returns the program and its workers.
fn at_work(tasks: &[&str]) -> (Child, Vec<i32>) {
    let child = trial(tasks).args(["--strategy", "processes", "--workers", "2"]).spawn().unwrap();
    let workers = children(&child, 2);
    (child, workers)
}

/// Sends `signal` to a program whose two workers are deep in their tasks; within `limit`, all three must be gone.
fn check_end(signal: Signal, limit: Duration) -> Option<i32> {
    let (program, workers) = at_work(&["slow=60000", "slow=60000", "3"]);
    let (ended, took) = end(program, &workers, signal);
    assert!(took < limit, "it took {took:?}");
    ended.code
}

#[test]
fn ctrl_c_ends_the_program_and_its_workers_within_a_second() {
    assert_eq!(check_end(Signal::SIGINT, Duration::from_secs(1)), Some(130));
}

#[test]
fn a_parent_that_is_killed_leaves_no_worker() {
    assert_eq!(check_end(Signal::SIGKILL, Duration::from_secs(2)), None);
}

#[test]
fn a_worker_killed_from_outside_is_replaced() {
    let (program, workers) = at_work(&["slow=300", "slow=300", "5"]);
    witness::signal(workers[0], Signal::SIGKILL);
    let ended = witness::Ended::from(program.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.out.trim()), (Some(0), "[0, 0, 25]"), "{}", ended.err);
    assert!(ended.err.contains("a worker died") && ended.err.contains("SIGKILL"), "{}", ended.err);
}

/// Compares all strategies on these tasks and returns the records, one for each line.
fn compared(args: &[&str]) -> (Option<i32>, Vec<lab::record::CellRecord>) {
    let mut all = args.to_vec();
    all.extend(["--compare", "--json", "--samples", "3", "--workers", "2"]);
    let ended = run(&mut trial(&all));
    let records = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (ended.code, records)
}

#[test]
fn every_cell_is_a_verified_row() {
    let (code, records) = compared(&["3", "4"]);
    assert_eq!(code, Some(0));
    assert_eq!(records.len(), 5);
    assert!(
        records
            .iter()
            .all(|cell| cell.verified && cell.samples_ns.len() == 3 && cell.digest == records[0].digest)
    );
}

#[test]
fn a_strategy_with_another_answer_fails_the_run() {
    let (code, records) = compared(&["3", "wrong"]);
    assert_eq!(code, Some(1));
    let wrong: Vec<_> =
        records.iter().filter(|cell| !cell.verified).map(|cell| cell.strategy.as_str()).collect();
    assert_eq!(wrong, ["rayon"]);
}

#[test]
fn a_cell_that_hangs_costs_one_row_and_its_deadline() {
    // In this process the park cannot be interrupted; as workers, the tasks are killed and set aside.
    let started = Instant::now();
    let (code, records) = compared(&["3", "hang", "--deadline", "1"]);
    assert_eq!((code, records.len()), (Some(1), 5));
    assert!(records.iter().all(|cell| cell.error.is_some()));
    assert!(
        records[0].error.as_ref().unwrap().contains("missed the deadline of 1s"),
        "{:?}",
        records[0].error
    );
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_cell_that_dies_is_a_row_with_its_signal() {
    let (code, records) = compared(&["3", "abort"]);
    assert_eq!((code, records.len()), (Some(1), 5));
    assert!(records[0].error.as_ref().unwrap().contains("SIGABRT"), "{:?}", records[0].error);
}

#[test]
fn a_user_who_asks_for_what_is_not_there_is_told_what_is() {
    let ended = run(&mut trial(&["3", "--strategy", "magic"]));
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("one of sequential, threads, pool"), "{}", ended.err);
    let ended = run(&mut trial(&["3", "--strategy", "threads"]));
    assert!(ended.err.contains("the example has enough"), "{}", ended.err);
}
