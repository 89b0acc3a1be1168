//! `advise` around real work.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use witness::{Ended, children, end, program, run};

fn advise(home: &Path, arguments: &[&str]) -> Ended {
    run(program(env!("CARGO_BIN_EXE_fundamentals"), home).args(["--lang", "en", "advise"]).args(arguments))
}

#[track_caller]
fn check(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.out, ended.err);
    let all = format!("{}{}", ended.out, ended.err);
    for words in words {
        assert!(all.contains(words), "{words:?} is not in: {all}");
    }
}

/// A shell command that waits for a serial part, and for a part that the workers share.
fn waits(serial: f64, shared: f64) -> String {
    format!("sleep $(awk 'BEGIN {{ print {serial} + {shared} / {{workers}} }}')")
}

#[test]
fn a_command_that_scales_is_measured_fitted_predicted_and_recommended() {
    let home = tempfile::tempdir().unwrap();
    let command = waits(0.02, 0.3);
    let ended = advise(home.path(), &["--rounds", "2", "--most", "8", "--", "sh", "-c", &command]);
    check(
        &ended,
        0,
        &["→ Take the command's own workers with 8 workers", "contention", "which the fit had not seen"],
    );
}

#[test]
fn work_that_differs_from_run_to_run_is_answered_openly() {
    let home = tempfile::tempdir().unwrap();
    let mark = home.path().join("mark");
    let mark = mark.display();
    // Every other run takes six times as long.
    let command = format!(
        ": {{workers}}; if [ -e {mark} ]; then rm {mark}; sleep 0.12; else touch {mark}; sleep 0.02; fi"
    );
    let ended = advise(home.path(), &["--rounds", "3", "--most", "8", "--", "sh", "-c", &command]);
    check(&ended, 0, &["I cannot tell.", "the command's own workers: "]);
}

#[test]
fn a_command_that_fails_is_named_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    check(
        &advise(home.path(), &["--", "sh", "-c", "exit 3"]),
        1,
        &["sh failed", "hint: run it by itself first"],
    );
    check(&advise(home.path(), &["--", "no-such-command"]), 1, &["cannot start no-such-command"]);
}

#[test]
fn measurements_of_the_published_data_set_are_judged_and_bad_lines_are_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("points.csv");
    // The data set `specsdm91` of the R package `usl`.
    let points =
        "users,scripts\n1,64.9\n18,995.9\n36,1652.4\n72,1853.2\n108,1828.9\n144,1775.0\n216,1702.2\n";
    std::fs::write(&file, points).unwrap();
    let path = file.display().to_string();
    check(
        &advise(home.path(), &["--measurements", &path]),
        0,
        &["with 72 workers", "predicted for 216 workers"],
    );
    std::fs::write(&file, "1,10\n2;19\nthree,1\n").unwrap();
    check(
        &advise(home.path(), &["--measurements", &path]),
        1,
        &["points.csv:3", "`three,1` is no measurement"],
    );
}

/// Answers every request after 60 ms, each on a thread of its own, until the test is over: next to that, what a busy machine adds
/// is little.
fn slow_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut client = BufReader::new(client);
                let mut line = String::new();
                while client.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                // sleep: the delay is what this server is for.
                thread::sleep(Duration::from_millis(60));
                let _ = client.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            });
        }
    });
    format!("http://{address}/")
}

#[test]
fn addresses_are_fetched_in_both_models_and_overlapping_is_recommended() {
    let home = tempfile::tempdir().unwrap();
    let (file, server) = (home.path().join("urls.txt"), slow_server());
    let urls: Vec<String> = (0..24).map(|number| format!("{server}{number}")).collect();
    std::fs::write(&file, format!("# some addresses\n{}\n", urls.join("\n"))).unwrap();
    let path = file.display().to_string();
    let ended = advise(home.path(), &["--rounds", "2", "--most", "8", "--urls", &path]);
    check(&ended, 0, &["async", "threads", "→ Take", "with 8 workers"]);
}

#[test]
fn an_interrupt_ends_the_command_and_nobody_is_left() {
    let home = tempfile::tempdir().unwrap();
    let mut command = program(env!("CARGO_BIN_EXE_fundamentals"), home.path());
    let advise = command.args(["advise", "--", "sh", "-c", "sleep 60; : {workers}"]).spawn().unwrap();
    let sleepers = children(&advise, 1);
    let (ended, took) = end(advise, &sleepers, Signal::SIGINT);
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(took.as_secs() < 10, "{took:?}");
}
