//! What happens when something is wrong: one clear error with a hint, the right exit code, and nothing half-written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_datagen");

/// Runs the program and checks its exit code, that stdout stays empty, and that the error is followed by a hint.
fn check(arguments: &[&str], code: i32, says: &str) {
    let output = Command::new(PROGRAM).args(arguments).output().expect("it starts");
    said(&output, code, says);
}

fn said(output: &Output, code: i32, says: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut lines = text.lines();
    let error = lines.next().unwrap_or_default();
    assert!(error.starts_with("error: ") && error.contains(says), "{text}");
    assert!(lines.any(|line| line.starts_with("hint: ")), "{text}");
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn wrong_usage_is_one_error_with_a_hint_and_exit_code_two() {
    check(&["ordres"], 2, "unrecognized subcommand 'ordres'");
    check(&["orders", "--rows", "banana"], 2, "banana");
    check(&["orders", "--rows", "-5"], 2, "-5");
    check(&["orders", "--bytes", "10XB"], 2, "10XB");
    check(&["orders", "--bytes", "0"], 2, "`0`");
    check(&["orders", "--rows", "5", "--bytes", "5GB"], 2, "cannot be used with");
    check(&["orders", "--files", "0"], 2, "'0'");
    check(&["orders", "--files", "100000"], 2, "100000 files");
    check(&["orders", "--rows", "99999999999999999"], 2, "at most");
    check(&["orders", "--workers", "0"], 2, "'0'");
    check(&["orders", "--dirty", "2"], 2, "2 is no share");
    check(&["orders", "--dirty", "0.1", "--format", "parquet"], 2, "only CSV");
    check(&["orders", "--layout", "hive", "--files", "3"], 2, "lake");
    check(&["localities", "--rows", "10671"], 2, "at most 10670 rows");
    check(&["orders", "--row-group", "0"], 2, "'0'");
    check(&["orders", "--format", "xls"], 2, "'xls'");
    check(&["all", "--scale", "huge"], 2, "'huge'");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_exit_code_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "in the way").expect("written");
    let below = file.join("below");
    check(&["orders", "--rows", "10", "--out", below.to_str().expect("UTF-8")], 1, "file/below");
    check(&["orders", "--rows", "10", "--out", "/proc/nowhere"], 1, "/proc/nowhere");
    assert_eq!(files(folder.path()), [file]);
}

#[test]
fn files_and_manifests_of_somebody_else_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("UTF-8");
    fs::write(folder.path().join("part-00000.csv"), "precious").expect("written");
    check(&["orders", "--rows", "10", "--files", "1", "--out", out], 2, "part-00000.csv is there already");
    assert_eq!(fs::read_to_string(folder.path().join("part-00000.csv")).expect("a file"), "precious");
    fs::write(folder.path().join("manifest.json"), "{\"name\": \"an app\"}").expect("written");
    check(&["orders", "--rows", "10", "--files", "1", "--out", out], 1, "is not a manifest of datagen");
    check(&["verify", out], 1, "is not a manifest of datagen");
    check(&["verify", "/proc"], 2, "no manifest.json");
}

#[test]
fn verify_names_every_file_that_differs() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("UTF-8");
    let made = Command::new(PROGRAM).args(["orders", "--rows", "900", "--files", "4", "--out", out]).output();
    assert!(made.expect("it starts").status.success());
    let verified = || Command::new(PROGRAM).args(["verify", out]).output().expect("it starts");
    assert!(verified().status.success());
    let part = |number: u32| folder.path().join(format!("part-{number:05}.csv"));
    let mut text = fs::read(part(1)).expect("a file");
    text[200] ^= 1;
    fs::write(part(1), text).expect("written");
    fs::remove_file(part(2)).expect("removed");
    fs::write(part(3), "short").expect("written");
    let output = verified();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("part-00001.csv: has the right size and other bytes"), "{text}");
    assert!(lines[1].starts_with("part-00002.csv: cannot be read"), "{text}");
    assert!(lines[2].starts_with("part-00003.csv: has 5 bytes instead of"), "{text}");
}

/// A private mount of one megabyte, which is gone with the shell that made it. Where mounts are not allowed the test
/// says so and proves nothing.
#[test]
fn a_full_disk_is_one_error_and_leaves_no_half_written_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().to_str().expect("UTF-8");
    for format in ["csv", "parquet", "arrow"] {
        let script = format!(
            "mount -t tmpfs -o size=1m tmpfs {at} || exit 77
             {PROGRAM} orders --rows 200000 --files 4 --format {format} --out {at}/o; code=$?
             find {at} -name '*.partial'; exit $code"
        );
        let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output();
        let Ok(output) = output else { return eprintln!("skipped: there is no unshare") };
        if output.status.code() == Some(77) || String::from_utf8_lossy(&output.stderr).starts_with("unshare:")
        {
            return eprintln!("skipped: mounts are not allowed here");
        }
        said(&output, 1, "No space left");
    }
}

/// Waits until a staging file shows that rows are being written, with a deadline.
fn wait_for_staging(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let of_rows =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".part-"));
    let staged = || files(folder).iter().any(of_rows);
    while !staged() {
        assert!(Instant::now() < deadline, "nothing is being written");
        std::thread::yield_now();
    }
}

fn start(folder: &Path) -> Child {
    let mut program = Command::new(PROGRAM);
    program.args(["orders", "--rows", "400000000", "--files", "2", "--stop-with-stdin", "--out"]).arg(folder);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

#[test]
fn an_interrupted_run_leaves_no_temporary_and_exits_with_130() {
    let folder = tempfile::tempdir().expect("a folder");
    let child = start(folder.path());
    wait_for_staging(folder.path());
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    said(&child.wait_with_output().expect("it ends"), 130, "interrupted");
    assert_eq!(files(folder.path()), [folder.path().join("manifest.json")]);
}

#[test]
fn a_run_ends_when_its_starter_is_gone_and_the_next_one_sweeps_after_a_killed_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = start(folder.path());
    wait_for_staging(folder.path());
    // Dropping the pipe is what the death of the starter does.
    drop(child.stdin.take());
    said(&child.wait_with_output().expect("it ends"), 130, "interrupted");

    let mut child = start(folder.path());
    wait_for_staging(folder.path());
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert!(files(folder.path()).iter().any(|path| path.extension().is_some_and(|end| end == "partial")));
    let out = folder.path().to_str().expect("UTF-8");
    let made = Command::new(PROGRAM).args(["orders", "--rows", "100", "--files", "1", "--out", out]).output();
    assert!(made.expect("it starts").status.success());
    let mut names = files(folder.path());
    names.sort();
    assert_eq!(names, [folder.path().join("manifest.json"), folder.path().join("part-00000.csv")]);
}
