//! The program itself: its first line, its exit codes, and what ends it.

#![allow(
    clippy::zombie_processes,
    reason = "each child is waited for by `ended`, which panics when it cannot be"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

fn start(options: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mock-api"))
        .args(options)
        .arg("--stop-with-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// The address that the first line tells.
fn address(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening on http://").expect(&line);
    address.trim_end().to_owned()
}

/// The exit status and standard error, within a deadline.
fn ended(mut child: Child) -> (ExitStatus, String) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the program did not end: {:?}", child.wait());
        }
        // sleep: the pause between two looks.
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (status, stderr)
}

fn is_healthy(address: &str) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(r#"{"status":"ok"}"#)
}

#[test]
fn the_first_line_tells_the_port_that_was_taken_and_the_end_of_stdin_stops_it() {
    let mut child = start(&["--port", "0"]);
    let address = address(&mut child);
    assert!(is_healthy(&address));
    drop(child.stdin.take());
    let (status, _) = ended(child);
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_signal_stops_it_with_exit_code_0() {
    use nix::sys::signal::{Signal, kill};
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = start(&["--port", "0", "--workers", "1"]);
        assert!(is_healthy(&address(&mut child)));
        let stdin = child.stdin.take();
        kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let (status, _) = ended(child);
        assert_eq!(status.code(), Some(0), "{signal}");
        drop(stdin);
    }
}

#[test]
fn a_taken_port_is_an_error_with_a_hint_unless_any_port_will_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, stderr) = ended(start(&["--port", &port]));
    assert_eq!(status.code(), Some(1));
    assert!(stderr.starts_with(&format!("error: cannot listen on 127.0.0.1:{port}")), "{stderr}");
    assert!(stderr.contains("hint: another program has this port"), "{stderr}");

    let mut child = start(&["--port", &port, "--or-any-port"]);
    let address = address(&mut child);
    assert!(!address.ends_with(&port));
    assert!(is_healthy(&address));
    drop(child.stdin.take());
    let (status, stderr) = ended(child);
    assert_eq!(status.code(), Some(0));
    assert!(stderr.contains(&format!("port {port} is taken; taking ")), "{stderr}");
}

#[test]
fn wrong_usage_ends_with_2() {
    for options in [["--port", "65536"], ["--workers", "0"], ["--host", "nowhere"]] {
        assert_eq!(ended(start(&options)).0.code(), Some(2), "{options:?}");
    }
}

#[test]
fn the_access_log_has_a_line_for_each_request_and_only_if_it_was_asked_for() {
    for (options, expected) in [(&["--port", "0", "--access-log"][..], true), (&["--port", "0"], false)] {
        let mut child = start(options);
        let address = address(&mut child);
        let mut stream = TcpStream::connect(&address).unwrap();
        let head =
            "GET /status/418?q=1 HTTP/1.1\r\nhost: t\r\nx-request-id: tea\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        drop(child.stdin.take());
        let (_, log) = ended(child);
        let line = log.lines().find(|line| line.contains("/status/418?q=1"));
        assert_eq!(line.is_some(), expected, "{log}");
        for part in line.map(|_| ["127.0.0.1", "GET", "418", "tea"]).into_iter().flatten() {
            assert!(line.unwrap().contains(part), "{part} is not in {line:?}");
        }
    }
}

#[test]
fn a_connection_that_asks_nothing_is_closed() {
    let mut child = start(&["--port", "0", "--client-timeout-ms", "200"]);
    let address = address(&mut child);
    for beginning in ["", "PRI * HT"] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0, "after {beginning:?}");
    }
    drop(child.stdin.take());
    assert_eq!(ended(child).0.code(), Some(0));
}
