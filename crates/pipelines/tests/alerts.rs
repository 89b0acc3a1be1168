//! Exercise 15 on real files: one answer for every strategy, the planted incidents found, and nothing lost or told twice.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use datagen::logs::{GROUP, Logs};
use datagen::page::Page;
use lab::{Exercise, Lab, Launch};
use nix::sys::signal::Signal;
use pipelines::alerts::{Alert, Alerts, AlertsArgs};
use tempfile::TempDir;
use witness::{run, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pipelines");

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    alerts: AlertsArgs,
}

fn alerts(arguments: &[&str], strategy: &str, lab: &Lab) -> Vec<Alert> {
    let arguments = std::iter::once("alerts").chain(arguments.iter().copied());
    let args = <CommandLine as clap::Parser>::parse_from(arguments).alerts;
    let input = Alerts::prepare(&args, lab).unwrap();
    let strategy = Alerts::STRATEGIES.iter().find(|one| one.name == strategy).unwrap();
    let output = strategy.run.unwrap()(&input, lab).unwrap();
    assert!(lab::Answer::failures(&output).is_empty());
    read(&lab.out().unwrap())
}

fn read(file: &Path) -> Vec<Alert> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder with the logs of `events` events in three files, the last one packed.
fn logs(seed: u64, events: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let logs = Logs::new(seed);
    for part in 0..3 {
        let mut page = Page::default();
        logs.write(events * part / 3..events * (part + 1) / 3, &mut page);
        let path = folder.path().join(format!("app-{part}.log"));
        if part < 2 {
            fs::write(path, page.as_bytes()).unwrap();
        } else {
            pack(&path.with_added_extension("gz"), page.as_bytes());
        }
    }
    folder
}

fn pack(path: &Path, text: &[u8]) {
    let mut packer =
        flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap();
}

#[test]
fn every_strategy_tells_the_same_alerts_with_any_number_of_workers() {
    let folder = logs(7, 40_000);
    let mut answers = Vec::new();
    for workers in [1, 2, 7] {
        for strategy in Alerts::STRATEGIES {
            let mut lab = Lab::new(workers).with_out(folder.path().join("alerts.ndjson"));
            lab.launch = Launch::program(PROGRAM);
            answers.push(alerts(&[folder.path().to_str().unwrap()], strategy.name, &lab));
        }
    }
    assert!(answers.len() == 18 && answers[0].len() > 5, "{:?}", answers[0]);
    assert!(answers[0].is_sorted_by_key(|alert| alert.at.parse::<jiff::Timestamp>().unwrap()));
    for answer in &answers {
        assert_eq!(*answer, answers[0]);
    }
}

#[test]
fn every_planted_incident_is_told_once_and_nothing_else_is() {
    for seed in 1..=6 {
        let groups = 9;
        let folder = logs(seed, groups * GROUP);
        let lab = Lab::new(2).with_out(folder.path().join("alerts.ndjson"));
        let found = alerts(&[folder.path().to_str().unwrap()], "pool", &lab);
        let logs = Logs::new(seed);
        let mut found: Vec<_> = found
            .iter()
            .filter(|alert| alert.rule == "service-failing")
            .map(|alert| {
                let at = alert.at.parse::<jiff::Timestamp>().unwrap().as_millisecond();
                // Four events a second, from 2025-03-10 on: datagen's own pace.
                (alert.by.clone(), u64::try_from(at - 1_741_564_800_000).unwrap() / 250)
            })
            .collect();
        for group in 0..groups {
            let incident = logs.incident(group);
            let fits =
                |(by, event): &(String, u64)| by == incident.service() && incident.events.contains(event);
            let alerts = found.iter().filter(|one| fits(one)).count();
            assert_eq!(alerts, 1, "seed {seed}: {incident:?} among {found:?}");
            found.retain(|one| !fits(one));
        }
        assert_eq!(found, [], "seed {seed}: alerts without an incident");
    }
}

/// Logs that rotate, and a run over what is new whenever somebody asks.
struct Rotating {
    folder: TempDir,
    written: usize,
}

impl Rotating {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rules.toml"), "[[rule]]\nname='r'\npattern='E(\\d+)'\nby='n'\n")
            .unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Self { folder, written: 0 }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn write(&mut self, name: &str, count: usize) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log(name)).unwrap();
        let mut text = String::new();
        for number in self.written..self.written + count {
            let _ = write!(text, "2025-03-10T08:00:{:02}Z E{number}\r\n\tat line {number}\r\n", number % 60);
        }
        file.write_all(text.as_bytes()).unwrap();
        self.written += count;
    }

    fn command(&self, place: &str) -> Command {
        let mut command = witness::program(PROGRAM, self.folder.path());
        command.arg("alerts").arg(self.log(place)).arg("--rules").arg(self.folder.path().join("rules.toml"));
        command.arg("--state").arg(self.folder.path().join("state")).args(["--settle-ms", "0", "--quiet"]);
        command.arg("--out").arg(self.folder.path().join("out.ndjson"));
        command
    }

    fn look(&self, place: &str) {
        let ended = run(&mut self.command(place));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }

    /// Every event was told once, and whole.
    #[track_caller]
    fn check(&self) {
        let alerts = read(&self.folder.path().join("out.ndjson"));
        let mut told: Vec<usize> = alerts
            .iter()
            .map(|alert| {
                let text = &alert.lines[0].text;
                let number =
                    text.split('E').nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
                assert!(text.ends_with(&format!("\tat line {number}")), "{text}");
                number
            })
            .collect();
        told.sort_unstable();
        assert_eq!(told, (0..self.written).collect::<Vec<_>>());
    }
}

/// Runs over a file that is rotated in some way between two runs.
fn rotation(place: &str, rotate: impl Fn(&mut Rotating)) {
    let mut logs = Rotating::new();
    logs.write("app.log", 5);
    logs.look(place);
    logs.write("app.log", 3);
    rotate(&mut logs);
    logs.look(place);
    logs.check();
    logs.write("app.log", 2);
    logs.look(place);
    logs.look(place);
    logs.check();
}

#[test]
fn a_file_that_was_renamed_is_read_to_its_end_by_its_folder_and_by_its_name() {
    for place in ["", "app.log", "app*"] {
        rotation(place, |logs| {
            fs::rename(logs.log("app.log"), logs.log("app.log.1")).unwrap();
            logs.write("app.log", 4);
        });
    }
}

#[test]
fn a_file_that_was_copied_and_truncated_is_read_to_the_end_of_the_copy() {
    for place in ["", "app.log"] {
        rotation(place, |logs| {
            fs::copy(logs.log("app.log"), logs.log("app.log.1")).unwrap();
            fs::write(logs.log("app.log"), "").unwrap();
            logs.write("app.log", 9);
        });
    }
}

#[test]
fn a_copy_of_a_file_that_is_still_there_is_not_read_again() {
    rotation("", |logs| {
        logs.look("");
        fs::copy(logs.log("app.log"), logs.log("app.log.1")).unwrap();
        pack(&logs.log("copy.log.gz"), &fs::read(logs.log("app.log")).unwrap());
    });
}

#[test]
fn a_file_that_was_packed_is_read_to_its_end() {
    for place in ["", "app.log"] {
        rotation(place, |logs| {
            pack(&logs.log("app.log.1.gz"), &fs::read(logs.log("app.log")).unwrap());
            fs::remove_file(logs.log("app.log")).unwrap();
            logs.write("app.log", 4);
        });
    }
}

#[test]
fn a_new_file_with_an_old_inode_is_new() {
    let mut logs = Rotating::new();
    logs.write("app.log", 5);
    logs.look("");
    // The same inode, and at least as long: what an inode that was used again looks like.
    fs::write(logs.log("app.log"), "").unwrap();
    logs.write("app.log", 30);
    logs.look("");
    logs.check();
}

#[test]
fn a_run_that_is_killed_again_and_again_loses_nothing_and_tells_nothing_twice() {
    let mut logs = Rotating::new();
    for round in 0..8 {
        logs.write("app.log", 400);
        let mut command = logs.command("");
        // What is being written just now has no whole event at its end.
        command.args(["--follow", "--every-ms", "1", "--settle-ms", "200"]);
        let program = command.spawn().unwrap();
        let state = logs.folder.path().join("state");
        let saved = || fs::read(&state).ok();
        let before = saved();
        // Killed as soon as it saved something, or somewhere before: by turns.
        if round % 2 == 0 {
            wait_for("a checkpoint", || (saved() != before).then_some(()));
        }
        logs.write("app.log", 400);
        if round == 4 {
            fs::rename(logs.log("app.log"), logs.log("app.log.1")).unwrap();
        }
        let number = witness::number(&program);
        witness::signal(number, Signal::SIGKILL);
        program.wait_with_output().unwrap();
    }
    logs.look("");
    logs.check();
}

#[test]
fn following_tells_alerts_as_they_come_and_the_last_line_without_an_end_after_a_while() {
    let logs = Rotating::new();
    let log = logs.log("app.log");
    fs::write(&log, "2025-03-10T08:00:00Z E0\n").unwrap();
    let mut command = logs.command("app.log");
    command.args(["--follow", "--every-ms", "1", "--settle-ms", "30"]);
    let program = command.spawn().unwrap();
    let out = logs.folder.path().join("out.ndjson");
    let texts = || -> Vec<String> {
        let Ok(text) = fs::read_to_string(&out) else { return Vec::new() };
        let whole = text.lines().filter_map(|line| serde_json::from_str::<Alert>(line).ok());
        whole.map(|alert| alert.lines[0].text.clone()).collect()
    };
    wait_for("the first", || (texts().len() == 1).then_some(()));
    OpenOptions::new().append(true).open(&log).unwrap().write_all(b"2025-03-10T08:00:01Z E1").unwrap();
    fs::rename(&log, logs.log("app.log.1")).unwrap();
    fs::write(&log, "2025-03-10T08:00:02Z E2\n").unwrap();
    wait_for("the others", || (texts().len() == 3).then_some(()));
    assert!(texts()[1].ends_with("E1") && texts()[2].ends_with("E2"), "{:?}", texts());
    let (ended, _) = witness::end(program, &[], Signal::SIGINT);
    assert_eq!(ended.code, Some(130), "{}", ended.err);
}

#[test]
fn the_hour_that_comes_twice_is_told_apart_and_events_of_several_files_are_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "zone='America/New_York'\n[[rule]]\nname='r'\npattern='E\\d'\n";
    fs::write(folder.path().join("rules.toml"), rules).unwrap();
    // 01:30 daylight-saving time is 05:30 UTC, 01:10 standard time is 06:10.
    let local = "2025-11-02 00:59:00 E0\n2025-11-02 01:30:00 E1\n2025-11-02 01:50:00 x\n2025-11-02 01:10:00 E3\n2025-11-02 02:00:00 E5\n";
    fs::write(folder.path().join("a.log"), local).unwrap();
    fs::write(folder.path().join("b.log"), "2025-11-02T06:00:00Z E2\n2025-11-02T07:30:00+01:00 E4\n")
        .unwrap();
    let lab = Lab::new(2).with_out(folder.path().join("out.ndjson"));
    let rules = folder.path().join("rules.toml");
    let places = [folder.path().to_str().unwrap(), "--rules", rules.to_str().unwrap()];
    let found = alerts(&places, "pool", &lab);
    let told = found.iter().fold(String::new(), |mut told, alert| {
        let _ = write!(told, "{} {};", alert.at, &alert.lines[0].text[alert.lines[0].text.len() - 2..]);
        told
    });
    assert_eq!(
        told,
        "2025-11-02T04:59:00Z E0;2025-11-02T05:30:00Z E1;2025-11-02T06:00:00Z E2;2025-11-02T06:10:00Z E3;\
         2025-11-02T06:30:00Z E4;2025-11-02T07:00:00Z E5;"
    );
}

#[test]
fn files_and_commands_are_told_and_one_that_fails_is_told_again() {
    let mut logs = Rotating::new();
    let told = logs.folder.path().join("told");
    let flag = logs.folder.path().join("flag");
    let rules = format!(
        "[[rule]]\nname='r'\npattern='E\\d'\n[[notify]]\nfile='{}'\n[[notify]]\nrules=['r']\ncommand=['sh','-c','test -e {} && cat >> {}']\n",
        told.display(),
        flag.display(),
        told.with_extension("command").display(),
    );
    fs::write(logs.folder.path().join("rules.toml"), rules).unwrap();
    logs.write("app.log", 2);
    logs.look("");
    assert!(read(&told).len() == 2 && !told.with_extension("command").exists());
    fs::write(&flag, "").unwrap();
    logs.look("");
    assert_eq!(read(&told), read(&told.with_extension("command")));
}

#[test]
fn a_file_that_cannot_be_unpacked_is_named_and_the_others_are_read() {
    let logs = Rotating::new();
    fs::write(logs.log("a.log"), "2025-03-10T08:00:00Z E1\n").unwrap();
    fs::write(logs.log("b.log.gz"), "this is not gzip").unwrap();
    for strategy in ["sequential", "processes"] {
        let mut command = witness::program(PROGRAM, logs.folder.path());
        command.arg("alerts").arg(logs.log("")).arg("--rules").arg(logs.folder.path().join("rules.toml"));
        let ended = run(command.args(["--strategy", strategy]));
        assert_eq!((ended.code, ended.out.lines().count()), (Some(1), 1), "{}", ended.err);
        assert!(ended.err.contains("b.log.gz") && ended.err.contains("gzip"), "{}", ended.err);
    }
}
