//! Exercise 03: what is found of each target, and that neither a slow target nor a busy monitor distorts it.

#[path = "../../fetch/tests/faulty/mod.rs"]
mod faulty;
mod served;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use faulty::{Faulty, closed_port};
use io_concurrency::monitor::Monitor;
use lab::Exercise;
use nix::sys::signal::Signal;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use served::{BIN, api};
use witness::{Ended, listing, run};

fn monitor(folder: &Path, api: &str) -> Command {
    let mut command = witness::program(BIN, folder);
    command.args(["monitor", "--api", api, "--quiet", "--format", "json"]);
    command
}

fn check_ended(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.out, ended.err);
}

/// The lines of the summary.
fn targets(ended: &Ended) -> Vec<Value> {
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_strategy_finds_the_same_with_any_number_of_workers() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let mut found = BTreeSet::new();
    for workers in ["1", "2", "7"] {
        for strategy in Monitor::STRATEGIES {
            let ended = run(monitor(folder.path(), &api.base).args([
                "--scale",
                "tiny",
                "--strategy",
                strategy.name,
                "--workers",
                workers,
            ]));
            check_ended(&ended, 0);
            let lasting = targets(&ended).into_iter().map(|target| {
                format!("{} {} {} {}", target["target"], target["state"], target["status"], target["probes"])
            });
            found.insert(lasting.collect::<Vec<_>>());
        }
    }
    assert_eq!(found.len(), 1);
    assert_eq!(found.first().unwrap().len(), 10);
}

#[test]
fn that_a_target_is_down_is_a_right_answer_of_every_strategy() {
    let (server, folder) = (Faulty::start(), tempfile::tempdir().unwrap());
    let mut command = witness::program(BIN, folder.path());
    command.args(["monitor", "--quiet", "--compare", "--json", "--samples", "2"]);
    let ended = run(command.args([server.url("/ok"), server.url("/missing")]));
    check_ended(&ended, 0);
    let records: Vec<Value> = ended.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!ended.out.contains("\"verified\":false"), "{}", ended.out);
    assert!(ended.out.contains("\"verified\":true"), "{} {}", records.len(), ended.out);
}

#[test]
fn each_fault_has_its_class_and_the_exit_code_tells() {
    let (server, closed, folder) = (Faulty::start(), closed_port(), tempfile::tempdir().unwrap());
    let faults = [
        (closed.as_str(), "connect"),
        ("/truncated", "truncated"),
        ("/truncated-chunks", "truncated"),
        ("/closes", "lost"),
        ("/hangs", "timeout"),
        ("/hangs-half-way", "timeout"),
        ("/busy", "status"),
        ("/missing", "status"),
        ("/garbage", "protocol"),
        ("htp://me:s3cr3t@x/", "invalid-url"),
    ];
    for strategy in Monitor::STRATEGIES {
        let mut command = monitor(folder.path(), &server.base);
        command.args(["--timeout", "0.3", "--strategy", strategy.name]);
        command.args(faults.iter().flat_map(|(url, _)| [*url, "/ok"]));
        let ended = run(&mut command);
        check_ended(&ended, 1);
        let found = targets(&ended);
        for (number, (url, class)) in faults.iter().enumerate() {
            assert_eq!(found[2 * number]["class"], *class, "{} {url}", strategy.name);
            assert_eq!(found[2 * number]["state"], "down", "{url}");
            assert_eq!(found[2 * number + 1]["state"], "up", "{url}");
        }
        assert!(!format!("{ended:?}").contains("s3cr3t"), "{ended:?}");
    }
}

#[test]
fn expectations_are_held_for_each_target_by_itself() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let list = folder.path().join("list");
    let lines = "/status/404 status=404\n/status/404\n/delay/60 within=30\n/delay/1 contains=\"\\\"ms\\\"\"\n/delay/2 lacks=ms\n";
    fs::write(&list, lines.replace("\\\"", "")).unwrap();
    let ended = run(monitor(folder.path(), &api.base).arg("--targets").arg(&list));
    check_ended(&ended, 1);
    let classes: Vec<_> = targets(&ended).iter().map(|target| target["class"].clone()).collect();
    assert_eq!(classes, [Value::Null, "status".into(), "slow".into(), Value::Null, "body".into()]);
}

#[test]
fn a_target_is_down_by_so_many_of_its_last_probes() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let check = |fault: &str, code: i32| {
        let ended = run(monitor(folder.path(), &api.base).args([
            "--down",
            "2/3",
            "--every",
            "0.05",
            "--rounds",
            "3",
            "--header",
            fault,
            "/delay/0?n=1",
        ]));
        check_ended(&ended, code);
    };
    check("X-Fault: status=503; attempts=1", 0);
    check("X-Fault: status=503; attempts=9", 1);
}

#[test]
fn a_slow_target_delays_no_other_and_what_was_left_out_is_counted() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let ended = run(monitor(folder.path(), &api.base).args([
        "--every",
        "0.05",
        "--rounds",
        "24",
        "--overlap",
        "1",
        "/delay/400?n=1",
        "/delay/0?n=2",
    ]));
    check_ended(&ended, 0);
    let found = targets(&ended);
    let number = |target: usize, name: &str| found[target][name].as_u64().unwrap();
    // On a machine that is busy elsewhere the quick one may be slow now and then too.
    assert_eq!(number(1, "probes") + number(1, "left_out"), 24);
    assert!(number(1, "probes") >= 16, "{}", found[1]);
    // Each probe of the slow one holds up those of the next seven or eight appointments.
    let (probes, left_out) = (number(0, "probes"), number(0, "left_out"));
    assert!((2..=4).contains(&probes) && left_out >= 5 * (probes - 1), "{probes} {left_out}");
    // Without the correction all would have taken 400 ms; with it, half of them less than 300.
    assert!(number(0, "p50_us") < 320_000, "{}", found[0]);
    assert!(number(0, "max_us") >= 400_000, "{}", found[0]);
}

#[test]
fn probes_are_saved_as_they_end_and_the_next_run_adds_to_them() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let rows = |name: &str| -> usize {
        let path = folder.path().join(name);
        match name.rsplit('.').next().unwrap() {
            "csv" => csv::Reader::from_path(path).unwrap().into_records().map(Result::unwrap).count(),
            "parquet" => {
                let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
                reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum()
            }
            _ => {
                let database = rusqlite::Connection::open(path).unwrap();
                let count = database
                    .query_row("SELECT count(*) FROM probes WHERE met", [], |row| row.get::<_, u32>(0));
                count.unwrap() as usize
            }
        }
    };
    for name in ["probes.csv", "probes.parquet", "probes.sqlite"] {
        let mut command = monitor(folder.path(), &api.base);
        command.args(["--every", "0.05", "--rounds", "4", "/delay/0?n=1", "/delay/1?n=2", "--out"]);
        command.arg(folder.path().join(name));
        check_ended(&run(&mut command), 0);
        assert_eq!(rows(name), 8, "{name}");
        check_ended(&run(&mut command), 0);
        assert_eq!(rows(name), 16, "{name}");
    }
    assert_eq!(listing(folder.path()), ["probes.csv", "probes.parquet", "probes.sqlite"]);
    let thesis = folder.path().join("thesis.csv");
    fs::write(&thesis, "my thesis\n").unwrap();
    let ended = run(monitor(folder.path(), &api.base).args(["/delay/0", "--out"]).arg(&thesis));
    check_ended(&ended, 1);
    assert_eq!(fs::read_to_string(&thesis).unwrap(), "my thesis\n");
}

/// Where a monitor says that its metrics are.
fn metrics_address(child: &mut Child) -> String {
    let mut said = String::new();
    let err = child.stderr.as_mut().unwrap();
    loop {
        let mut byte = [0];
        err.read_exact(&mut byte).unwrap();
        said.push(char::from(byte[0]));
        let address = said.strip_prefix("metrics at http://").and_then(|rest| rest.split_once('/'));
        if let Some((address, _)) = address {
            return address.to_owned();
        }
    }
}

#[test]
fn a_reader_of_metrics_that_trickles_bytes_holds_up_neither_others_nor_ctrl_c() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let mut child = witness::program(BIN, folder.path())
        .args(["monitor", "--api", &api.base, "--every", "0.02", "--metrics", "127.0.0.1:0"])
        .args(["--client-timeout-ms", "3600000", "/delay/0"])
        .spawn()
        .unwrap();
    let address = metrics_address(&mut child);
    let mut trickle = TcpStream::connect(&address).unwrap();
    trickle.write_all(b"GET /metrics HTTP/1.1\r\nx-slow: ").unwrap();
    let mut silent = TcpStream::connect(&address).unwrap();

    let mut reader = TcpStream::connect(&address).unwrap();
    reader.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    reader.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");

    trickle.write_all(b"x").unwrap();
    let (ended, took) = witness::end(child, &[], Signal::SIGINT);
    assert_eq!(ended.code, Some(130));
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn a_reader_of_metrics_that_asks_nothing_is_disconnected() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let mut child = witness::program(BIN, folder.path())
        .args(["monitor", "--api", &api.base, "--every", "0.02", "--metrics", "127.0.0.1:0"])
        .args(["--client-timeout-ms", "200", "/delay/0"])
        .spawn()
        .unwrap();
    let mut silent = TcpStream::connect(metrics_address(&mut child)).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
    witness::end(child, &[], Signal::SIGINT);
}

#[test]
fn metrics_are_served_while_it_runs_and_ctrl_c_ends_it_with_all_that_was_saved() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let out = folder.path().join("probes.csv");
    let mut child = witness::program(BIN, folder.path())
        .args([
            "monitor",
            "--api",
            &api.base,
            "--every",
            "0.02",
            "--metrics",
            "127.0.0.1:0",
            "/delay/0?a=\"b",
            "/hangs",
            "--out",
        ])
        .arg(&out)
        .spawn()
        .unwrap();
    let address = metrics_address(&mut child);
    let metrics = witness::wait_for("both probes counted", || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let lines = [
            "paralelo_monitor_up{target=\"/delay/0?a=\\\"b\"} 1",
            "paralelo_monitor_up{target=\"/hangs\"} 0",
        ];
        lines.iter().all(|line| text.contains(line)).then_some(text)
    });
    assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"));
    for line in ["paralelo_monitor_own_error_seconds_count ", "phase=\"first_byte\"}", "quantile=\"0.99\"} "]
    {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let (ended, took) = witness::end(child, &[], Signal::SIGINT);
    assert_eq!(ended.code, Some(130));
    assert!(took < Duration::from_secs(1), "{took:?}");
    let rows = csv::Reader::from_path(&out).unwrap().into_records().map(Result::unwrap).count();
    assert!(rows >= 2, "{rows}");
}

#[test]
fn rows_of_a_killed_run_are_in_parts_and_the_next_run_takes_them_in() {
    let (api, folder) = (api(), tempfile::tempdir().unwrap());
    let out = folder.path().join("probes.parquet");
    let mut command = monitor(folder.path(), &api.base);
    command.args(["--every", "0.05", "--rounds", "2", "/delay/0?n=1", "--out"]).arg(&out);
    check_ended(&run(&mut command), 0);
    // What a run leaves that is killed after it wrote a part: the rows of the file are that part.
    let parts = folder.path().join("probes.parquet.parts");
    fs::create_dir(&parts).unwrap();
    fs::copy(&out, parts.join("00000000.parquet")).unwrap();
    fs::write(parts.join("half"), "torn").unwrap();
    check_ended(&run(&mut command), 0);
    let rows = |path: &Path| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>()
    };
    assert_eq!(rows(&out), 6);
    // And one that is killed between the last two steps: all rows are together, and have not yet the file's name.
    let done = folder.path().join("probes.parquet.done");
    fs::create_dir(&done).unwrap();
    fs::rename(&out, done.join("whole")).unwrap();
    check_ended(&run(&mut command), 0);
    assert_eq!(rows(&out), 8);
    assert_eq!(listing(folder.path()), ["probes.parquet"]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |args: &[&str], code: i32, words: &str| {
        let ended = run(monitor(folder.path(), "http://127.0.0.1:9").args(args));
        check_ended(&ended, code);
        assert!(ended.err.contains(words), "{args:?}: {}", ended.err);
    };
    refused(
        &["/a", "--every", "1", "--rounds", "1", "--strategy", "pool"],
        1,
        "only the strategy `async` keeps a schedule",
    );
    refused(&["/a", "--down", "3/2"], 2, "1 <= K <= N");
    refused(&["/a", "--status", "ok"], 1, "`ok` is no status");
}
