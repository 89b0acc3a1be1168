//! Two runs of the specimen, the newer one changed on purpose.

use std::path::Path;
use std::process::{Command, Output};

use bench_harness::compare::{Change, cells};
use bench_harness::folder::Run;

mod specimen;

fn runs() -> (Run, Run) {
    let folder = tempfile::tempdir().unwrap();
    let run = specimen::write(folder.path()).read().unwrap();
    (run.clone(), run)
}

/// Changes the newer run and checks what is said of `08 convert` under `rayon`; the others stay the same.
#[track_caller]
fn check(change: impl FnOnce(&mut Run, usize), expected: Change) {
    let (old, mut new) = runs();
    let place = new.cells.iter().position(|cell| cell.exercise == 8 && cell.strategy == "rayon").unwrap();
    change(&mut new, place);
    for compared in cells(&old, &new, 0.05) {
        let is_it = compared.exercise == 8 && compared.strategy == "rayon";
        assert_eq!(compared.change, if is_it { expected } else { Change::Same }, "{compared:?}");
    }
}

fn scale(run: &mut Run, place: usize, percent: u64) {
    run.cells[place].samples_ns.iter_mut().for_each(|ns| *ns = *ns / 100 * percent);
}

#[test]
fn a_slowdown_of_ten_per_cent_is_a_regression_and_one_of_two_is_none() {
    check(|run, place| scale(run, place, 112), Change::Slower);
    check(|run, place| scale(run, place, 102), Change::Same);
    check(|run, place| scale(run, place, 80), Change::Faster);
}

#[test]
fn another_answer_an_error_and_a_missing_cell_are_regressions() {
    check(|run, place| run.cells[place].digest = Some("f".repeat(64)), Change::Broken);
    check(
        |run, place| (run.cells[place].verified, run.cells[place].error) = (false, Some("died".into())),
        Change::Broken,
    );
    check(|run, place| drop(run.cells.remove(place)), Change::Lost);
}

#[test]
fn two_samples_tell_nothing() {
    check(|run, place| run.cells[place].samples_ns.truncate(2), Change::Unknown);
}

fn harness(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-harness")).args(args).output().unwrap()
}

/// Writes two runs, the second one with every time at this percentage, and returns the gate's exit code.
fn gate(percent: u64, extra: &[&str], spoil: impl FnOnce(&mut Run)) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let old = specimen::write(&old);
    let written = specimen::write(&new);
    let mut run = written.read().unwrap();
    (0..run.cells.len()).for_each(|place| scale(&mut run, place, percent));
    spoil(&mut run);
    std::fs::remove_file(written.path().join("cells.jsonl")).unwrap();
    written.append(&run.cells).unwrap();
    written.write_record(&run.record).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let args = ["gate", "--baseline", &text(old.path()), &text(written.path())];
    let output = harness(&[&args, extra].concat());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_gate_closes_before_a_real_regression_and_before_nothing_else() {
    assert_eq!(gate(100, &[], |_| ()).0, Some(0));
    assert_eq!(gate(80, &[], |_| ()).0, Some(0));
    let (code, said) = gate(115, &[], |_| ());
    assert_eq!(code, Some(1));
    assert!(said.contains("regression: 08 convert under rayon takes 1.15 times as long"), "{said}");
    assert_eq!(gate(115, &["--tolerance", "30"], |_| ()).0, Some(0));
}

#[test]
fn the_gate_refuses_what_is_no_baseline_and_what_tells_nothing() {
    assert_eq!(gate(100, &[], |run| run.record.scale = "large".into()).0, Some(2));
    assert_eq!(
        gate(100, &[], |run| run.cells.iter_mut().for_each(|cell| cell.samples_ns.truncate(2))).0,
        Some(1)
    );
    assert_eq!(harness(&["gate", "--baseline", "nowhere", "nowhere"]).status.code(), Some(1));
}

#[test]
fn figures_are_printed_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let run = specimen::write(folder.path());
    let path = run.path().to_str().unwrap();
    let printed = |form: &str| String::from_utf8(harness(&["report", path, form]).stdout).unwrap();
    let cells = run.read().unwrap().cells;
    let lines: Vec<lab::record::CellRecord> =
        printed("--json").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, cells);
    let csv = printed("--csv");
    assert_eq!(csv.lines().count(), cells.len() + 1);
    assert!(csv.lines().all(|line| line.split(',').count() == 24), "{csv}");
    assert!(printed("--markdown").contains("| 08 convert | rayon |"));
}
