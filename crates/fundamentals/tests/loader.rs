//! The data loader's worker processes, from the outside.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use witness::{alive, number, wait_for};

/// Bytes of a batch: 64 rows of 8 features and an answer.
const BYTES: usize = 64 * 9 * 8;

fn worker() -> Command {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fundamentals"));
    command.args(["prepare-batches", "--seed", "42"]).env("PARALELO_HOME", home.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_worker_gives_the_same_batch_for_the_same_number_and_ends_with_its_input() {
    let mut child = worker().spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut ask = |number: u64| {
        writeln!(input, "{number}").unwrap();
        let mut batch = vec![0; BYTES];
        output.read_exact(&mut batch).unwrap();
        batch
    };
    let (one, two, again) = (ask(3), ask(4), ask(3));
    assert!(one == again && one != two);
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_worker_whose_trainer_is_killed_ends() {
    let mut child = worker().spawn().unwrap();
    let pid = number(&child);
    // What the kernel does with a dead trainer's pipes.
    drop((child.stdin.take(), child.stdout.take()));
    wait_for("the worker's end", || (!alive(pid)).then_some(()));
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_number_that_is_none_is_named() {
    let mut child = worker().spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"seven\n").unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1));
    assert!(said.contains("`seven` is no number of a batch"), "{said}");
}
