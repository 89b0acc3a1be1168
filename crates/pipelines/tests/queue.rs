//! Exercise 13: every message once over every queue, dead letters with their places, and an end for everybody.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use lab::{Exercise, Lab, Launch, Strategy};
use nix::sys::signal::Signal;
use pipelines::queue::{Measured, Queue, QueueArgs};
use witness::listing;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pipelines");

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    queue: QueueArgs,
}

/// The output, the dead letters, and what was measured.
fn pass(folder: &Path, strategy: &str, workers: usize, arguments: &[&str]) -> (String, String, Measured) {
    let out = folder.join("out.ndjson");
    let mut lab = Lab::new(workers).with_out(&out);
    lab.launch = Launch::program(PROGRAM);
    let args = CommandLine::parse_from(std::iter::once("queue").chain(arguments.iter().copied())).queue;
    let input = Queue::prepare(&args, &lab).unwrap();
    let strategy = Queue::STRATEGIES.iter().find(|one| one.name == strategy).unwrap();
    let measured = strategy.run.unwrap()(&input, &lab).unwrap().measured;
    (
        fs::read_to_string(&out).unwrap(),
        fs::read_to_string(out.with_added_extension("dead")).unwrap(),
        measured,
    )
}

/// The queues that need nobody else.
fn local() -> impl Iterator<Item = &'static Strategy<Queue>> {
    Queue::STRATEGIES.iter().filter(|strategy| strategy.run.is_ok() && strategy.needs.is_none())
}

#[test]
fn every_queue_passes_every_message_once_with_any_number_of_producers_and_consumers() {
    let folder = tempfile::tempdir().unwrap();
    let reference = pass(folder.path(), "sequential", 1, &["--messages", "20000"]);
    assert_eq!(reference.0.lines().count() + reference.1.lines().count(), 20_000);
    assert!(reference.1.lines().count() > 5);
    for (workers, producers, room) in [(1, "1", "1"), (2, "3", "2"), (7, "5", "64")] {
        for strategy in local() {
            let arguments = ["--messages", "20000", "--producers", producers, "--room", room];
            let (out, dead, measured) = pass(folder.path(), strategy.name, workers, &arguments);
            assert!(out == reference.0 && dead == reference.1, "{} {workers}", strategy.name);
            assert_eq!((measured.messages, measured.lost, measured.doubled), (20_000, 0, 0));
            let [half, most, longest] = measured.waited_us;
            assert!(
                half <= most && most <= longest && measured.fairness > 0.0 && measured.fairness <= 1.0,
                "{measured:?}"
            );
        }
    }
}

#[test]
fn lines_that_cannot_be_processed_become_dead_letters_with_their_place_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.ndjson");
    fs::write(&file, "{\"b\":1,\"a\":2}\r\nnot json\n[1]\n{\"b\":null}\n{\"b\":3}").unwrap();
    for strategy in ["sequential", "kanal", "processes"] {
        let (out, dead, _) = pass(folder.path(), strategy, 2, &[file.to_str().unwrap(), "--need", "b"]);
        let letters: Vec<serde_json::Value> =
            dead.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let places: Vec<_> = letters.iter().map(|letter| letter["line"].as_u64().unwrap()).collect();
        assert_eq!((out.lines().count(), places), (2, vec![2, 3, 4]), "{strategy}");
        assert!(
            letters[2]["why"] == "the field `b` is not there" && letters[0]["text"] == "not json",
            "{dead}"
        );
        assert!(out.starts_with("{\"a\":2,\"b\":1,\"blake3\":\""), "{out}");
    }
}

/// Runs the program over every local queue, with these arguments, and looks at each end.
fn check_each(folder: &Path, arguments: &[&str], look: impl Fn(&str, &witness::Ended)) {
    for strategy in local() {
        let mut command = witness::program(PROGRAM, folder);
        command.arg("queue").args(arguments).arg("--out").arg(folder.join("o/out"));
        let ended = witness::run(command.args(["--strategy", strategy.name]));
        look(strategy.name, &ended);
    }
}

#[test]
fn a_source_that_is_missing_or_cannot_be_read_costs_itself_only() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.ndjson");
    fs::write(&good, "{}\n".repeat(5_000)).unwrap();
    // A folder has the name of a file: it can be opened, and not read.
    let bad = folder.path().join("x.ndjson");
    fs::create_dir(&bad).unwrap();
    fs::create_dir(bad.join("y.ndjson")).unwrap();
    let pattern = format!("{}/*.ndjson", bad.display());
    let arguments = [pattern.as_str(), "no-such.ndjson", good.to_str().unwrap()];
    check_each(folder.path(), &arguments, |strategy, ended| {
        assert_eq!(ended.code, Some(1), "{strategy}: {}", ended.err);
        assert!(
            ended.err.contains("y.ndjson") && ended.err.contains("no file matches `no-such.ndjson`"),
            "{}",
            ended.err
        );
        let passed = fs::read_to_string(folder.path().join("o/out")).unwrap();
        assert_eq!(passed.lines().count(), 5_000, "{strategy}");
        fs::remove_file(folder.path().join("o/out")).unwrap();
    });
}

#[test]
fn sources_none_of_which_can_be_read_are_an_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("x");
    fs::create_dir_all(bad.join("y.ndjson")).unwrap();
    check_each(folder.path(), &[&format!("{}/*.ndjson", bad.display())], |strategy, ended| {
        assert_eq!(ended.code, Some(1), "{strategy}: {}", ended.err);
        assert!(ended.err.contains("y.ndjson"), "{}", ended.err);
        assert_eq!(listing(&folder.path().join("o")), [""; 0], "{strategy}");
    });
}

#[test]
fn a_source_of_which_every_message_is_dead_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table.csv");
    fs::write(&table, "account,cents\n1,2\n3,4\n").unwrap();
    let good = folder.path().join("good.ndjson");
    fs::write(&good, "{\"account\":1}\nbroken\n").unwrap();
    let arguments = [table.to_str().unwrap(), good.to_str().unwrap(), "--need", "account"];
    check_each(folder.path(), &arguments, |strategy, ended| {
        assert_eq!(ended.code, Some(1), "{strategy}: {}", ended.err);
        assert!(ended.err.contains("table.csv: all 3 messages became dead letters"), "{}", ended.err);
        assert!(!ended.err.contains("good.ndjson: all"), "{}", ended.err);
        let dead = fs::read_to_string(folder.path().join("o/out.dead")).unwrap();
        assert_eq!(dead.lines().count(), 4, "{strategy}");
    });
}

#[test]
fn a_field_that_no_message_has_is_an_error_before_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.ndjson");
    fs::write(&file, "{\"account\":1,\"cents\":2}\n{\"account\":1,\"kind\":null}\n").unwrap();
    for (needed, hint) in
        [("acount", "did you mean `account`?"), ("zzz", "--need names"), ("kind", "--need names")]
    {
        let mut command = witness::program(PROGRAM, folder.path());
        command.arg("queue").arg(&file).args(["--need", needed, "--out"]).arg(folder.path().join("o/out"));
        let ended = witness::run(&mut command);
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        assert!(ended.err.contains(&format!("no message has the field `{needed}`")), "{}", ended.err);
        assert!(ended.err.contains("one of account, cents") && ended.err.contains(hint), "{}", ended.err);
        assert!(!folder.path().join("o").exists());
    }
}

#[test]
fn ctrl_c_ends_producers_and_consumers_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for strategy in local() {
        let mut command = witness::program(PROGRAM, folder.path());
        command
            .args(["queue", "--messages", "50000000", "--strategy", strategy.name, "--out"])
            .arg(out.join("out"));
        let program = command.spawn().unwrap();
        let workers = if strategy.name == "processes" { witness::children(&program, 2) } else { Vec::new() };
        witness::wait_for("the staging folder", || out.exists().then_some(()));
        let (ended, took) = witness::end(program, &workers, Signal::SIGINT);
        assert!(took < Duration::from_secs(2), "{} took {took:?}", strategy.name);
        assert_eq!(ended.code, Some(130), "{}: {}", strategy.name, ended.err);
        assert_eq!(listing(&out), [""; 0], "{}", strategy.name);
        fs::remove_dir_all(&out).unwrap();
    }
}

/// The broker of this machine, if there is one.
#[cfg(feature = "nats")]
fn broker() -> Option<&'static str> {
    let is_there =
        std::net::TcpStream::connect_timeout(&([127, 0, 0, 1], 4222).into(), Duration::from_secs(1)).is_ok();
    if !is_there {
        eprintln!("skipped: no NATS server answers at 127.0.0.1:4222");
    }
    is_there.then_some("nats://127.0.0.1:4222")
}

/// The streams that this process has at the broker.
#[cfg(feature = "nats")]
fn streams(broker: &str, owner: u32) -> Vec<String> {
    use futures::TryStreamExt;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let names: Vec<String> = runtime.block_on(async {
        let client = async_nats::connect(broker).await.unwrap();
        async_nats::jetstream::new(client).stream_names().try_collect().await.unwrap()
    });
    let of_owner = |name: &String| {
        let mut parts = name.rsplit('-');
        name.starts_with("paralelo-queue-") && parts.nth(1) == Some(owner.to_string().as_str())
    };
    names.into_iter().filter(of_owner).collect()
}

#[cfg(feature = "nats")]
#[test]
fn a_broker_passes_every_message_once_and_keeps_nothing() {
    let Some(broker) = broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let reference = pass(folder.path(), "sequential", 1, &["--messages", "5000"]);
    // With little room the broker refuses much, and it is put again.
    for (workers, producers, room) in [(1, "1", "64"), (2, "3", "8"), (7, "5", "500")] {
        let arguments = ["--messages", "5000", "--producers", producers, "--room", room, "--broker", broker];
        let (out, dead, measured) = pass(folder.path(), "nats", workers, &arguments);
        assert!(out == reference.0 && dead == reference.1, "{workers}");
        assert_eq!((measured.messages, measured.lost, measured.doubled), (5_000, 0, 0));
        assert_eq!(streams(broker, std::process::id()), [""; 0]);
    }
}

#[cfg(feature = "nats")]
#[test]
fn ctrl_c_takes_the_stream_along_and_the_next_run_that_of_a_killed_one() {
    let Some(broker) = broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut command = witness::program(PROGRAM, folder.path());
        command
            .args(["queue", "--messages", "50000000", "--broker", broker, "--out"])
            .arg(folder.path().join("out"));
        let program = command.spawn().unwrap();
        let number = program.id();
        witness::wait_for("the stream", || (streams(broker, number).len() == 1).then_some(()));
        let (ended, took) = witness::end(program, &[], signal);
        assert!(took < Duration::from_secs(3), "{took:?}");
        if signal == Signal::SIGINT {
            assert_eq!((ended.code, streams(broker, number)), (Some(130), Vec::new()), "{}", ended.err);
        } else {
            pass(folder.path(), "nats", 1, &["--messages", "10", "--broker", broker]);
            assert_eq!(streams(broker, number), [""; 0]);
        }
    }
}

#[cfg(feature = "nats")]
#[test]
fn a_broker_that_is_not_named_or_not_there_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let listed = witness::run(witness::program(PROGRAM, folder.path()).arg("list"));
    assert!(
        listed.out.contains("nats is not offered: it passes the messages over a broker"),
        "{}",
        listed.out
    );
    let mut command = witness::program(PROGRAM, folder.path());
    let ended = witness::run(command.args(["queue", "--strategy", "nats", "--messages", "10"]));
    assert!(ended.code == Some(1) && ended.err.contains("--broker nats://127.0.0.1:4222"), "{}", ended.err);
    // Nobody listens at a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = witness::program(PROGRAM, folder.path());
    let ended = witness::run(command.args([
        "queue",
        "--messages",
        "10",
        "--broker",
        &format!("nats://me:secret@{free}"),
    ]));
    assert!(ended.code == Some(1) && ended.err.contains("the broker does not answer"), "{}", ended.err);
    assert!(ended.err.contains(&free.to_string()) && !ended.err.contains("secret"), "{}", ended.err);
}
