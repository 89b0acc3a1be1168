//! The promises of the process pool and of the runner, kept by real processes that really die.
//!
//! Each test starts the example program `trial`, whose tasks misbehave on demand.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn trial(args: &[&str]) -> Command {
    let deps = std::env::current_exe().unwrap();
    let program: PathBuf = deps.ancestors().nth(2).unwrap().join("examples/trial");
    let mut command = Command::new(program);
    command.arg("trial").args(args).env("PARALELO_HOME", std::env::temp_dir());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// Runs tasks in two processes and checks the exit code, the squares on standard output and words on standard error.
fn check(args: &[&str], code: i32, squares: &str, words: &[&str]) {
    let mut all = args.to_vec();
    all.extend(["--strategy", "processes", "--workers", "2"]);
    let ended = Ended::from(trial(&all).output().unwrap());
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

/// Waits until `child` has `count` children of its own, and returns their numbers.
fn children(child: &Child, count: usize) -> Vec<i32> {
    wait_for("workers", || {
        let path = format!("/proc/{0}/task/{0}/children", child.id());
        let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).into_iter().flatten().flatten();
        let lists =
            threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
        let mut all: Vec<i32> = lists
            .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        all.sort_unstable();
        all.dedup();
        assert!(std::path::Path::new(&path).exists(), "the parent is gone");
        (all.len() >= count).then_some(all)
    })
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn alive(pid: i32) -> bool {
    // A zombie is dead, but its number still answers to a signal until its parent reaps it.
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn started(strategy: &str) -> (Child, Vec<i32>) {
    let child =
        trial(&["slow=60000", "slow=60000", "3", "--strategy", strategy, "--workers", "2"]).spawn().unwrap();
    let workers = if strategy == "processes" { children(&child, 2) } else { Vec::new() };
    (child, workers)
}

/// Sends `signal` to a program whose two workers are deep in their tasks; within `limit`, all three must be gone.
fn check_end(signal: Signal, limit: Duration) -> Option<i32> {
    let (mut child, workers) = started("processes");
    let asked = Instant::now();
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    let status = child.wait().unwrap();
    wait_for("the workers' end", || (!workers.iter().any(|pid| alive(*pid))).then_some(()));
    assert!(asked.elapsed() < limit, "it took {:?}", asked.elapsed());
    status.code()
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
    let child =
        trial(&["slow=300", "slow=300", "5", "--strategy", "processes", "--workers", "2"]).spawn().unwrap();
    let workers = children(&child, 2);
    kill(Pid::from_raw(workers[0]), Signal::SIGKILL).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.out.trim()), (Some(0), "[0, 0, 25]"), "{}", ended.err);
    assert!(ended.err.contains("a worker died") && ended.err.contains("SIGKILL"), "{}", ended.err);
}

/// Compares all strategies on these tasks and returns the records, one for each line.
fn compared(args: &[&str]) -> (Option<i32>, Vec<lab::record::CellRecord>) {
    let mut all = args.to_vec();
    all.extend(["--compare", "--json", "--samples", "3", "--workers", "2"]);
    let ended = Ended::from(trial(&all).output().unwrap());
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
    let ended = Ended::from(trial(&["3", "--strategy", "magic"]).output().unwrap());
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("one of sequential, threads, pool"), "{}", ended.err);
    let ended = Ended::from(trial(&["3", "--strategy", "threads"]).output().unwrap());
    assert!(ended.err.contains("the example has enough"), "{}", ended.err);
}
