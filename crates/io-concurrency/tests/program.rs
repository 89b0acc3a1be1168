//! The program as its user meets it: streams, exit codes, signals, limits and traces.

#[path = "../../fetch/tests/faulty/mod.rs"]
mod faulty;
mod served;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use faulty::Faulty;
use lab::Kind;
use lab::record::ExerciseRecord;
use lab::timeline::{State, read_chrome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use served::{BIN, api};

fn program(home: &Path, api: &str) -> Command {
    let mut command = witness::program(BIN, home);
    command.args(["crawl", "--api", api]);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn check(output: &Output, code: i32, lines: usize) {
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), lines, "{}", text(&output.stdout));
}

#[test]
fn data_goes_to_stdout_failures_to_stderr_and_the_exit_code_tells() {
    let (server, home) = (Faulty::start(), tempfile::tempdir().unwrap());
    check(&program(home.path(), &server.base).args(["/ok", "/a"]).output().unwrap(), 0, 2);
    let output = program(home.path(), &server.base).args(["/ok", "/missing", "/a"]).output().unwrap();
    check(&output, 1, 3);
    assert!(text(&output.stderr).contains("failed: /missing: status: the server answered with status 404"));
    check(&program(home.path(), &server.base).arg("--nonsense").output().unwrap(), 2, 0);
}

#[test]
fn help_begins_with_what_the_program_or_the_exercise_is_for() {
    let home = tempfile::tempdir().unwrap();
    let said = |words: &[&str]| witness::run(witness::program(BIN, home.path()).args(words)).out;
    assert_eq!(said(&["--version"]), concat!("io-concurrency ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(said(&["--help"]).starts_with("Work that waits: "), "{}", said(&["--help"]));
    let exercises: Vec<ExerciseRecord> = serde_json::from_str(&said(&["list", "--json"])).unwrap();
    assert_eq!(exercises.len(), 5);
    for exercise in exercises {
        let help = said(&[&exercise.name, "--help"]);
        // A long line is broken.
        let about = help.split("\n\n").next().unwrap().replace('\n', " ");
        assert_eq!(about, exercise.about.trim_end_matches('.'));
    }
}

#[test]
fn urls_come_from_standard_input_but_not_for_a_comparison() {
    let (server, home) = (Faulty::start(), tempfile::tempdir().unwrap());
    let feed = |mut command: Command| -> Output {
        let mut child: Child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"# three\n/a\n\n/b\n/c").unwrap();
        child.wait_with_output().unwrap()
    };
    let mut command = program(home.path(), &server.base);
    command.args(["--urls", "-"]);
    check(&feed(command), 0, 3);
    let mut command = program(home.path(), &server.base);
    command.args(["--urls", "-", "--compare", "--samples", "1"]);
    let output = feed(command);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("standard input"), "{}", text(&output.stdout));
}

#[test]
fn a_password_is_in_no_stream_and_no_log() {
    let (server, home) = (Faulty::start(), tempfile::tempdir().unwrap());
    fs::create_dir(home.path().join("logs")).unwrap();
    let trace = home.path().join("trace.json");
    let base = server.base.replace("http://", "http://me:s3cr3t@");
    for kind in [Kind::Async, Kind::Processes] {
        let output = program(home.path(), &base)
            .args(["--log-level", "trace", "--retries", "1", "--strategy", kind.name(), "--timeline"])
            .arg(&trace)
            .args([
                format!("{base}/ok"),
                format!("{base}/closes"),
                "htp://me:s3cr3t@x/".into(),
                "/missing".into(),
                "/quiet?token=s3cr3t".into(),
            ])
            .output()
            .unwrap();
        check(&output, 1, 5);
        let mut said = text(&output.stdout) + &text(&output.stderr) + &fs::read_to_string(&trace).unwrap();
        for log in fs::read_dir(home.path().join("logs")).unwrap() {
            said += &fs::read_to_string(log.unwrap().path()).unwrap();
        }
        assert!(said.contains("/closes"));
        assert!(!said.contains("s3cr3t"), "{kind}: {said}");
    }
}

#[test]
fn ctrl_c_in_the_middle_of_requests_ends_everything_within_a_second_and_leaves_nothing() {
    for kind in Kind::LOCAL {
        let (server, home) = (Faulty::start(), tempfile::tempdir().unwrap());
        let out = home.path().join("out");
        fs::create_dir(&out).unwrap();
        let mut child = program(home.path(), &server.base)
            .args(["--strategy", kind.name(), "--workers", "3", "--out"])
            .arg(out.join("pages.ndjson"))
            .args(["/ok", "/hangs", "/hangs-half-way", "/hangs", "/busy-once"])
            .spawn()
            .unwrap();
        witness::wait_for("a request that hangs", || (server.asked("/hangs") > 0).then_some(()));
        let asked = Instant::now();
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        let status = witness::wait_for("the end", || child.try_wait().unwrap());
        let took = asked.elapsed();
        let said = text(&child.wait_with_output().unwrap().stderr);
        assert_eq!(status.code(), Some(130), "{kind}: {said}");
        assert!(took < Duration::from_secs(1), "{kind}: {took:?}");
        assert!(said.contains("interrupted when "), "{kind}: {said}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "{kind} left something");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (server, home) = (Faulty::start(), tempfile::tempdir().unwrap());
    let urls: Vec<_> = (0..3_000).map(|n| format!("/{n}\n")).collect();
    let list = home.path().join("list");
    fs::write(&list, urls.concat()).unwrap();
    let mut child = program(home.path(), &server.base).arg("--urls").arg(&list).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn with_256_open_files_200_urls_and_more_are_fetched() {
    let (api, home) = (api(), tempfile::tempdir().unwrap());
    let limited = |arguments: &str| {
        let line = format!("ulimit -n 256 && exec {BIN} crawl --api {} {arguments}", api.base);
        Command::new("sh").args(["-c", &line]).env("PARALELO_HOME", home.path()).output().unwrap()
    };
    check(&limited("--count 300 --delay-ms 20 --concurrency 128"), 0, 300);
    let output = limited("--count 300 --delay-ms 20 --concurrency 1000");
    check(&output, 0, 300);
    assert!(text(&output.stderr).contains("open files are limited"), "{}", text(&output.stderr));
}

#[test]
fn a_timeline_shows_who_waited() {
    let (api, home) = (api(), tempfile::tempdir().unwrap());
    let lanes = |kind: Kind| {
        let trace = home.path().join("trace.json");
        let output = program(home.path(), &api.base)
            .args([
                "--count",
                "8",
                "--delay-ms",
                "30",
                "--workers",
                "2",
                "--strategy",
                kind.name(),
                "--timeline",
            ])
            .arg(&trace)
            .output()
            .unwrap();
        check(&output, 0, 8);
        let slices = read_chrome(&fs::read(&trace).unwrap()).unwrap();
        let waited: u64 = slices
            .iter()
            .filter(|slice| slice.state == State::Waiting && slice.name != "pipe")
            .map(|slice| slice.end_ns - slice.start_ns)
            .sum();
        // Eight answers after 30 ms each, whoever waits for them; nested spans must not count a wait twice.
        let expected = Duration::from_millis(8 * 30);
        let waited = Duration::from_nanos(waited);
        assert!(waited >= expected && waited < expected * 2, "{kind} waited {waited:?}");
        slices.iter().map(|slice| slice.lane.clone()).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(lanes(Kind::Sequential), 1);
    assert_eq!(lanes(Kind::Threads), 8);
    assert_eq!(lanes(Kind::Pool), 2);
    assert_eq!(lanes(Kind::Async), 8);
    assert_eq!(lanes(Kind::Processes), 2);
}
