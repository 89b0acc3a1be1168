//! Exercise 15 on real files: one answer for every strategy, the planted incidents found, and times in their order.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use datagen::logs::{GROUP, Logs};
use datagen::page::Page;
use lab::{Exercise, Lab, Launch};
use pipelines::alerts::{Alert, Alerts, AlertsArgs};
use tempfile::TempDir;

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
fn a_place_without_logs_costs_itself_only_also_with_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.log"), "2025-03-10T14:03:12Z ERROR (payments) failed\n").unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    // It can be opened, and not unpacked.
    std::fs::write(folder.path().join("broken.log.gz"), b"no gzip").unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let state = at("state");
    for more in [&[][..], &["--state", &state, "--settle-ms", "0"]] {
        let mut command = witness::program(env!("CARGO_BIN_EXE_pipelines"), folder.path());
        command.args([
            "alerts",
            "--quiet",
            &at("empty"),
            &at("app.log"),
            &at("no.log"),
            &at("broken.log.gz"),
        ]);
        let ended = witness::run(command.args(more));
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        for words in ["empty has no log file", "no.log` means no file"] {
            assert!(ended.err.contains(words), "{words}: {}", ended.err);
        }
        assert!(ended.err.contains("broken.log.gz"), "{}", ended.err);
        assert!(!ended.err.contains("failed: app.log"), "{}", ended.err);
    }
    let mut command = witness::program(env!("CARGO_BIN_EXE_pipelines"), folder.path());
    let ended = witness::run(command.args(["alerts", &at("no.log")]));
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
}
