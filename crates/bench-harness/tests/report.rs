//! The report of a run.

use std::path::Path;

use bench_harness::report;

mod specimen;

#[test]
fn it_is_drawn() {
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("specimen");
    let _ = std::fs::remove_dir_all(&runs);
    let folder = specimen::write(&runs);
    report::draw(&folder).unwrap();
}
