//! What `verify` finds.

use std::fs;
use std::path::Path;

use bench_harness::folder::{Run, RunFolder};
use bench_harness::verify::faults;

mod specimen;

/// Spoils a good run and checks that the one fault is told.
fn check(spoil: impl FnOnce(&mut Run), fault: &str) {
    let runs = tempfile::tempdir().unwrap();
    let mut run = specimen::write(runs.path()).read().unwrap();
    assert_eq!(faults(&run), Vec::<String>::new());
    spoil(&mut run);
    let found = faults(&run);
    assert!(found.iter().any(|found| found.contains(fault)), "{found:?} lacks {fault:?}");
}

#[test]
fn a_digest_that_differs_is_found_even_in_a_record_that_says_verified() {
    check(|run| run.cells[3].digest = Some("f".repeat(64)), "01 crawl under rayon: the digest is ffff");
}

#[test]
fn a_strategy_without_a_line_is_found_and_so_is_one_with_two() {
    check(|run| drop(run.cells.remove(7)), "08 convert under threads: 0 lines");
    check(|run| run.cells.push(run.cells[7].clone()), "08 convert under threads: 2 lines");
}

#[test]
fn a_cell_that_failed_a_cell_without_samples_and_a_cell_without_an_answer_are_found() {
    check(
        |run| (run.cells[0].verified, run.cells[0].error) = (false, Some("the cell died".into())),
        "01 crawl under sequential: the cell died",
    );
    check(|run| run.cells[1].samples_ns.clear(), "there is no timed sample");
    check(|run| run.cells[1].digest = None, "there is no answer");
}

#[test]
fn a_run_that_has_not_come_to_its_end_or_measured_nothing_is_found() {
    check(|run| run.record.finished = None, "not come to its end");
    check(|run| run.record.ok = None, "not in order");
    check(|run| run.cells.clear(), "no cell was measured");
    check(|run| run.record.problems.push("pipelines hangs".into()), "pipelines hangs");
}

#[test]
fn a_last_line_that_was_cut_short_is_a_missing_line_and_a_broken_one_is_named() {
    let runs = tempfile::tempdir().unwrap();
    let folder = specimen::write(runs.path());
    let lines = folder.path().join("cells.jsonl");
    let text = fs::read_to_string(&lines).unwrap();
    fs::write(&lines, &text[..text.len() - 40]).unwrap();
    assert_eq!(
        faults(&folder.read().unwrap()),
        ["14 stages under processes: 0 lines in cells.jsonl, not one"]
    );
    fs::write(&lines, text.replacen("\"exercise\":1", "\"exercise\":\"one\"", 1)).unwrap();
    let problem = folder.read().unwrap_err().to_string();
    assert!(problem.contains("cells.jsonl:1"), "{problem}");
    assert!(RunFolder::open(Path::new("nowhere")).read().unwrap_err().to_string().contains("hint:"));
}
