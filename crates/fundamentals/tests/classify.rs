//! `classify` around real commands.

use nix::sys::signal::Signal;
use witness::{children, end, program, run};

/// Runs `classify` with these arguments and checks its code and what its two streams hold.
#[track_caller]
fn check(arguments: &[&str], code: i32, out: &str, err: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let mut command = program(env!("CARGO_BIN_EXE_fundamentals"), home.path());
    let ended = run(command.args(["--lang", "en", "classify"]).args(arguments));
    assert_eq!((ended.code, ended.out.as_str()), (Some(code), out), "{}", ended.err);
    for words in err {
        assert!(ended.err.contains(words), "{words:?} is not in: {}", ended.err);
    }
}

#[test]
fn what_the_command_says_passes_through_and_the_verdict_goes_to_standard_error() {
    check(&["--", "echo", "hello"], 0, "hello\n", &["exit code 0", "computing"]);
}

#[test]
fn a_command_that_fails_fails_and_its_code_is_told() {
    check(&["--", "sh", "-c", "sleep 1; exit 7"], 1, "", &["exit code 7", "I/O-bound", "mostly for a clock"]);
}

#[test]
fn a_command_that_is_not_there_is_named_with_a_hint() {
    check(&["--", "no-such-command"], 1, "", &["cannot start no-such-command", "hint:"]);
}

#[test]
fn a_command_that_computes_is_cpu_bound_also_through_a_shell() {
    let this = env!("CARGO_BIN_EXE_fundamentals");
    let line = format!("{this} classify --play 'fibonacci 36'");
    check(&["--", "sh", "-c", &line], 0, "14930352\n", &["CPU-bound"]);
}

#[test]
fn the_evidence_is_read_by_programs() {
    check(&["--json", "--", "true"], 0, "", &["\"user_s\":", "\"doing\":{"]);
}

#[test]
fn an_interrupt_reaches_the_command_and_nobody_is_left() {
    let home = tempfile::tempdir().unwrap();
    let mut command = program(env!("CARGO_BIN_EXE_fundamentals"), home.path());
    let classify = command.args(["--lang", "en", "classify", "--", "sleep", "60"]).spawn().unwrap();
    let sleepers = children(&classify, 1);
    let (ended, took) = end(classify, &sleepers, Signal::SIGINT);
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    // It was the interrupt that ended it, and not the signal that follows when nothing happens.
    assert!(ended.err.contains("SIGINT"), "{}", ended.err);
    assert!(took.as_secs() < 10, "{took:?}");
}
