//! The last lines of a tool's run and its exit code, told by the example program `trial`.

use witness::{Ended, run};

fn trial(args: &[&str]) -> Ended {
    let mut command = witness::program(witness::example("trial"), &std::env::temp_dir());
    run(command.arg("trial").args(args))
}

/// Runs tasks and checks the exit code and the lines on standard error after the summary.
fn check(args: &[&str], code: i32, lines: &[&str]) {
    let ended = trial(args);
    let said: Vec<&str> = ended.err.lines().filter(|line| !line.contains(" items, ")).collect();
    assert_eq!((ended.code, &*said), (Some(code), lines), "{}", ended.err);
}

#[test]
fn a_warning_is_told_at_the_end_and_costs_no_exit_code() {
    check(&["2", "suspicious"], 0, &["warning: this is suspicious", "  hint: look at it"]);
    check(&["suspicious", "--quiet"], 0, &[]);
    check(&["suspicious", "--log-level", "error"], 0, &[]);
}

#[test]
fn one_cause_is_one_failure_and_everything_failed_is_exit_code_1() {
    let expected = [
        "failed: a: no number",
        "  because: invalid digit found in string",
        "  hint: give a number",
        "  and 7 more: b, c, d, e, f, …",
    ];
    check(&["a", "b", "c", "d", "e", "f", "g", "h"], 1, &expected);
    check(&["a", "1"], 1, &expected[..3]);
}

#[test]
fn json_keeps_every_failure_and_warning() {
    let ended = trial(&["a", "b", "suspicious", "3", "--json"]);
    let lines: Vec<serde_json::Value> =
        ended.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{}", ended.err);
    assert_eq!((&lines[0]["summary"]["done"], &lines[0]["summary"]["items"]), (&2.into(), &4.into()));
    assert_eq!(lines[1]["warning"]["what"], "this is suspicious");
    assert_eq!((&lines[2]["failed"]["task"], &lines[3]["failed"]["task"]), (&"a".into(), &"b".into()));
    assert_eq!(ended.code, Some(1));
}

#[test]
fn a_record_keeps_the_warnings_of_its_answer() {
    let ended = trial(&["suspicious", "--compare", "--samples", "1", "--json", "--strategy", "pool"]);
    let records: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 2, "{}", ended.err);
    assert!(records.iter().all(|record| record["warnings"][0] == "this is suspicious"), "{}", ended.out);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}
