//! The program itself: as a service and as an exercise program.

mod running;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lab::{Answer as _, Digest, Exercise as _, Kind, Lab, Launch};
use nix::sys::signal::Signal;
use running::{check_honest, loopback, source};
use serde_json::Value;
use states_api::exercise::{States, StatesArgs};
use witness::Ended;

const BIN: &str = env!("CARGO_BIN_EXE_states-api");

/// A service with these options, and the address that its first line tells.
fn serve(home: &Path, options: &[&str]) -> (Child, String) {
    let mut command = witness::program(BIN, home);
    command.args(["--port", "0", "--stop-with-stdin"]).args(options).stdin(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening on http://").expect(&line).trim_end().to_owned();
    (child, address)
}

/// The end of a service whose standard input ends.
fn ended(child: Child) -> Ended {
    // It waits with its standard input closed.
    child.wait_with_output().expect("the program can be waited for").into()
}

fn get(address: &str, target: &str) -> loopback::Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&loopback::request_bytes("GET", target, &[], b"")).unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    loopback::Answer::parse(&raw).expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_the_source_down_answers_from_the_snapshot() {
    let home = tempfile::tempdir().unwrap();
    let source = source("").await;
    let base = format!("http://{}", source.address);
    let (child, address) = serve(home.path(), &["--source", &base, "--access-log"]);
    let first = get(&address, "/api/v1/states?uf=AC,RR");
    assert_eq!(check_honest(&first.json(), &["AC", "RR"]), 0);
    let end = ended(child);
    assert_eq!(end.code, Some(0), "{}", end.err);
    let line: Value = serde_json::from_str(end.err.lines().next().unwrap()).expect("a line of JSON");
    assert_eq!(
        (&line["method"], &line["status"], &line["uri"]),
        (&"GET".into(), &200.into(), &"/api/v1/states?uf=AC,RR".into())
    );
    source.stop().await;
    assert_eq!(witness::listing(&home.path().join("data/out/states-api")), ["snapshot.json"]);

    let (child, address) =
        serve(home.path(), &["--source", &base, "--fresh", "0", "--stale-while-revalidate", "0"]);
    let kept = get(&address, "/api/v1/states?uf=AC,RR");
    assert!(kept.status == 200 && kept.body == first.body);
    assert!(kept.header("warning").unwrap().starts_with("111"), "{:?}", kept.headers);
    witness::signal(witness::number(&child), Signal::SIGTERM);
    assert_eq!(ended(child).code, Some(0));

    // Another source's snapshot is not served as this one's.
    let (child, address) = serve(home.path(), &["--source", "http://127.0.0.1:1"]);
    assert_eq!(get(&address, "/api/v1/states").status, 502);
    let end = ended(child);
    assert!(end.err.contains("the snapshot is of another source"), "{}", end.err);
}

#[test]
fn a_client_may_speak_http_2() {
    let home = tempfile::tempdir().unwrap();
    let (child, address) = serve(home.path(), &["--no-snapshot"]);
    let mut stream = TcpStream::connect(&address).unwrap();
    // The preface of RFC 9113, section 3.4, and an empty SETTINGS frame.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 4, "the server answers with its own SETTINGS");
    drop(stream);
    assert_eq!(ended(child).code, Some(0));
}

#[test]
fn what_cannot_work_is_said_with_a_hint_and_an_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let check = |options: &[&str], code: i32, words: &str| {
        let end = witness::run(witness::program(BIN, home.path()).args(options));
        assert_eq!(end.code, Some(code), "{}", end.err);
        assert!(end.err.contains(words), "{}", end.err);
    };
    check(&["--port", &port], 1, "hint: another program has this port");
    check(&["--source", "ftp://a"], 1, "hint: write it like http://host:port/path");
    check(&["--cities-at-once", "0"], 2, "--cities-at-once");
    check(&["--snapshot", "a", "--no-snapshot"], 2, "cannot be used with");
    check(&["states", "--api", "http://127.0.0.1:1"], 1, "does not answer at http://127.0.0.1:1");
    check(&["states", "--uf", "Acre"], 2, "the two letters of a state");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_a_tool_it_writes_the_map() {
    let home = tempfile::tempdir().unwrap();
    let source = source("").await;
    let base = format!("http://{}", source.address);
    let run = |arguments: &[&str]| {
        let mut command: Command = witness::program(BIN, home.path());
        witness::run(command.args(["states", "--api", &base]).args(arguments))
    };
    let end = run(&["--uf", "rr,DF"]);
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert_eq!(check_honest(&serde_json::from_str(&end.out).unwrap(), &["RR", "DF"]), 0);
    let file = home.path().join("map.json");
    let end = run(&["--uf", "rr,DF", "--out", file.to_str().unwrap(), "--strategy", "processes"]);
    assert_eq!((end.code, end.out.as_str()), (Some(0), ""), "{}", end.err);
    let map = std::fs::read(&file).unwrap();
    assert_eq!(check_honest(&serde_json::from_slice(&map).unwrap(), &["RR", "DF"]), 0);
    let end = run(&["--uf", "XX"]);
    assert!(end.code == Some(1) && end.err.contains("there is no state `XX`"), "{}", end.err);
}

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    states: StatesArgs,
}

/// Gathers under every strategy with this many workers; the digests and the numbers of failures.
fn every_way(base: &str, workers: usize, arguments: &[&str]) -> Vec<(Kind, String, usize)> {
    use clap::Parser as _;
    let mut lab = Lab::new(workers);
    base.clone_into(&mut lab.api);
    lab.launch = Launch::program(BIN);
    let arguments = std::iter::once("states").chain(arguments.iter().copied());
    let args = CommandLine::parse_from(arguments).states;
    // The list of states may fail too; each attempt has another fate.
    let input = (0..20).find_map(|_| States::prepare(&args, &lab).ok()).expect("a list of states");
    let run = |strategy: &lab::Strategy<States>| {
        let map = strategy.run.unwrap()(&input, &lab).unwrap();
        let mut digest = Digest::new();
        map.digest(&mut digest).unwrap();
        (strategy.kind, digest.finish(), map.failures().len())
    };
    States::STRATEGIES.iter().map(run).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_strategy_gives_the_same_map_for_any_number_of_workers() {
    let source = source("").await;
    let base = format!("http://{}", source.address);
    let all = tokio::task::spawn_blocking(move || {
        let ways = [1, 2, 7].map(|workers| every_way(&base, workers, &["--uf", "AC,DF,RR"]));
        ways.concat()
    });
    let all = all.await.unwrap();
    assert_eq!(all.len(), 18);
    assert!(all.iter().all(|(_, digest, failures)| *digest == all[0].1 && *failures == 0), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_a_limit_that_it_does_not_tell_costs_time_and_no_city() {
    let source = source("rate_limit = { per_second = 50.0, burst = 10 }").await;
    let base = format!("http://{}", source.address);
    let all = tokio::task::spawn_blocking(move || every_way(&base, 3, &["--uf", "AC,AP,RR"])).await.unwrap();
    assert!(all.iter().all(|(_, digest, failures)| *digest == all[0].1 && *failures == 0), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_told_under_every_strategy() {
    let source = source("errors = { share = 0.2, statuses = [404] }").await;
    let base = format!("http://{}", source.address);
    let all = tokio::task::spawn_blocking(move || every_way(&base, 3, &["--uf", "AC,DF,RR"])).await.unwrap();
    // Another attempt at the same path has another fate, so the numbers differ; each strategy tells its own.
    assert!(all.iter().all(|(_, _, failures)| *failures > 0), "{all:?}");
}

#[test]
fn a_connection_that_asks_nothing_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let (child, address) = serve(home.path(), &["--client-timeout-ms", "200", "--no-snapshot"]);
    for beginning in ["", "PRI * HT"] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0, "after {beginning:?}");
    }
    assert_eq!(ended(child).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_of_the_source_is_logged() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("logs")).unwrap();
    let source = source("errors = { share = 0.5, statuses = [404] }").await;
    let base = format!("http://{}", source.address);
    let (child, address) = serve(home.path(), &["--source", &base, "--no-snapshot"]);
    let gaps = (0..20).find_map(|_| {
        let answer = get(&address, "/api/v1/states?uf=AC");
        (answer.status == 200).then(|| answer.text().matches("\"class\"").count()).filter(|gaps| *gaps > 0)
    });
    let end = ended(child);
    let lines: Vec<&str> = end.err.lines().filter(|line| line.contains("the source failed")).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("404")), "{}", end.err);
    assert!(lines.len() >= gaps.unwrap_or(0), "{gaps:?}: {}", end.err);
    let log = witness::logs::text(home.path());
    assert_eq!(log.matches("the source failed").count(), lines.len());
}

#[test]
fn the_exercise_logs_its_steps() {
    witness::logs::check_each_exercise(BIN);
}
