//! The harness as a user meets it: a program that starts other programs, here scripts that behave well or badly.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bench_harness::folder::{Run, RunFolder};
use lab::record::CellRecord;
use lab::{Stop, measure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A folder with exercise programs, and a place for runs.
struct Bench {
    folder: TempDir,
    strategies: &'static str,
}

impl Bench {
    /// `cpu-parallel` is the script with these strategies.
    fn with(strategies: &'static str) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), strategies };
        fs::create_dir(bench.programs()).unwrap();
        symlink(program("toy.sh"), bench.programs().join("cpu-parallel")).unwrap();
        bench
    }

    fn programs(&self) -> PathBuf {
        self.folder.path().join("programs")
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
        command.env("TOY_STRATEGIES", self.strategies).env("TOY_PIDS", self.folder.path().join("pids"));
        command.arg(args[0]);
        if args[0] == "run" {
            command.arg("--programs").arg(self.programs()).arg("--out").arg(self.runs());
        }
        command.args(&args[1..]).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(&[&["run", "--samples", "3"], args].concat()).output().unwrap()
    }

    fn newest(&self) -> PathBuf {
        self.runs().join("latest")
    }

    fn read(&self) -> Run {
        RunFolder::open(&self.newest()).read().unwrap()
    }

    /// Nothing hidden is left beside or inside the run, and no process that it started lives.
    fn left_nothing_behind(&self) {
        for folder in [self.runs(), self.newest()] {
            for entry in fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(!name.to_string_lossy().starts_with('.'), "{} is left", name.display());
            }
        }
        for pid in fs::read_to_string(self.folder.path().join("pids")).unwrap().lines() {
            let pid = Pid::from_raw(pid.parse().unwrap());
            assert_eq!(kill(pid, None), Err(Errno::ESRCH), "{pid} still lives");
        }
    }
}

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

fn cell<'a>(run: &'a Run, strategy: &str) -> &'a CellRecord {
    run.cells.iter().find(|cell| cell.strategy == strategy).unwrap()
}

#[test]
fn a_run_leaves_its_records_its_timelines_its_report_and_a_link_to_itself() {
    let bench = Bench::with("sequential pool rayon");
    let output = bench.run(&[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.contains("✓ 11111111") && said.trim_end().ends_with("report.html"), "{said}");
    let run = bench.read();
    assert_eq!(run.record.ok, Some(true));
    assert_eq!(run.record.absent, ["io-concurrency", "pipelines", "states-api"]);
    assert_eq!(run.cells.len(), 3);
    assert!(run.cells.iter().all(|cell| cell.verified && cell.samples_ns.len() == 3));
    assert_eq!(fs::read_dir(bench.newest().join("timeline")).unwrap().count(), 3);
    assert!(fs::read_to_string(bench.newest().join("report.html")).unwrap().contains("All 3 answers agree"));
    assert!(bench.command(&["verify", bench.newest().to_str().unwrap()]).output().unwrap().status.success());
    bench.left_nothing_behind();
}

#[test]
fn a_second_run_has_a_folder_of_its_own_and_takes_the_link() {
    let bench = Bench::with("sequential");
    bench.run(&[]);
    let first = fs::read_link(bench.newest()).unwrap();
    bench.run(&[]);
    assert_ne!(fs::read_link(bench.newest()).unwrap(), first);
    assert!(bench.runs().join(first).join("report.html").is_file());
}

#[test]
fn a_cell_that_hangs_crashes_babbles_or_floods_its_pipes_costs_one_row() {
    let bench = Bench::with("sequential hangs crashes babbles gushes floods differs pool");
    let output = bench.run(&["--deadline", "2"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let run = bench.read();
    assert_eq!(run.record.ok, Some(false));
    for (strategy, why) in [
        ("hangs", "missed the deadline of 2s"),
        ("crashes", "ended by signal SIGSEGV"),
        ("babbles", "said something that is no answer"),
        ("gushes", "the cell died"),
        ("differs", "another answer than the reference strategy's"),
    ] {
        let error = cell(&run, strategy).error.as_deref().unwrap();
        assert!(error.contains(why), "{strategy}: {error}");
        assert!(!cell(&run, strategy).verified);
    }
    assert!(cell(&run, "crashes").error.as_deref().unwrap().contains("the last words"));
    for strategy in ["sequential", "floods", "pool"] {
        assert!(cell(&run, strategy).verified, "{strategy}: {:?}", cell(&run, strategy).error);
    }
    bench.left_nothing_behind();
}

#[test]
fn a_program_that_cannot_list_its_exercises_costs_itself_and_the_exit_code() {
    let bench = Bench::with("sequential pool");
    symlink("/bin/echo", bench.programs().join("io-concurrency")).unwrap();
    symlink("/bin/false", bench.programs().join("pipelines")).unwrap();
    let output = bench.run(&[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let run = bench.read();
    assert_eq!((run.record.problems.len(), run.cells.len()), (2, 2));
    assert!(run.cells.iter().all(|cell| cell.verified));
    let verified = bench.command(&["verify", bench.newest().to_str().unwrap()]).output().unwrap();
    assert_eq!(verified.status.code(), Some(1));
}

#[test]
fn a_program_that_hangs_or_says_too_much_when_it_is_asked_for_its_exercises_is_given_up() {
    let asked = Instant::now();
    for (name, why) in
        [("hangs.sh", "missed the deadline of 300ms"), ("gushes.sh", "more than anybody wants to hear")]
    {
        let problem = measure::listing(&program(name), Duration::from_millis(300), &Stop::new()).unwrap_err();
        assert!(problem.to_string().contains(why), "{problem}");
    }
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_exercise_that_nobody_has_is_a_wrong_usage_and_no_program_at_all_a_failure() {
    let bench = Bench::with("sequential");
    for (only, code) in [("7", 0), ("07,toy", 0), ("8", 2), ("toys", 2)] {
        assert_eq!(bench.run(&["--only", only]).status.code(), Some(code), "--only {only}");
    }
    assert_eq!(bench.run(&["--workers", "0"]).status.code(), Some(2));
    fs::remove_file(bench.programs().join("cpu-parallel")).unwrap();
    let output = bench.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint:"));
}

/// Starts a run that would take minutes, stops it in the middle, and looks at what is left.
fn check_interrupted(args: &[&str], interrupt: impl FnOnce(&mut std::process::Child)) {
    let bench = Bench::with("sequential slow");
    let args = [&["run", "--samples", "1000"], args].concat();
    let mut child = bench
        .command(&args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Both cells have started when both have told their process id.
    let pids = bench.folder.path().join("pids");
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(&pids).unwrap_or_default().lines().count() < 2 {
        assert!(Instant::now() < deadline, "the cells do not start");
        std::thread::yield_now();
    }
    let asked = Instant::now();
    interrupt(&mut child);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if asked.elapsed() > Duration::from_secs(10) => {
                child.kill().unwrap();
                panic!("it goes on");
            }
            None => std::thread::yield_now(),
        }
    };
    assert!(asked.elapsed() < Duration::from_secs(2), "gone only after {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(130));
    let run = bench.read();
    assert_eq!(run.record.ok, Some(false));
    assert!(run.cells.iter().all(|cell| cell.error.as_deref() == Some("interrupted")), "{:?}", run.cells);
    let report = fs::read_to_string(bench.newest().join("report.html")).unwrap();
    assert!(report.contains("This run did not come to its end"));
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_to_string(&mut said).unwrap();
    assert!(BufReader::new(said.as_bytes()).lines().count() > 3);
    bench.left_nothing_behind();
}

#[test]
fn ctrl_c_saves_what_is_measured_and_leaves_no_scratch_and_no_child() {
    check_interrupted(&[], |child| {
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    });
}

#[test]
fn the_end_of_standard_input_stops_a_run_that_was_started_to_listen_to_it() {
    check_interrupted(&["--stop-with-stdin"], |child| drop(child.stdin.take()));
}

/// What the live page's server answers to a request with these headers.
fn asked(address: &str, request: &str) -> String {
    use std::io::Write as _;
    let host = address.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.replace("HOST", host).as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn the_live_page_answers_its_own_page_and_no_other_and_waits_for_nobody_for_ever() {
    let bench = Bench::with("sequential pool");
    let programs = bench.programs();
    let mut command = bench.command(&["serve", "--port", "0", "--programs", programs.to_str().unwrap()]);
    command.args(["--client-timeout-ms", "500"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    assert!(address.starts_with("http://127.0.0.1:"));
    let mut silent = std::net::TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let own = "GET / HTTP/1.1\r\nhost: HOST\r\n\r\n";
    let rebound = "GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n";
    let foreign = "POST /start HTTP/1.1\r\nhost: HOST\r\norigin: http://evil.example\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let plain =
        "POST /start HTTP/1.1\r\nhost: HOST\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(std::io::Read::read(&mut silent, &mut [0; 64]).unwrap(), 0, "one that asks nothing");
    let statuses = [own, rebound, foreign, plain].map(|request| asked(address, request));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(statuses, ["200", "403", "403", "415"]);
}
