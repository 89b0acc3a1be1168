//! The guided path as a reader meets it, with two lessons.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A home with two lessons, and an exercise that nobody has written a question for.
struct Reader(TempDir);

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
        symlink(programs.join("lessons.sh"), folder.path().join("fundamentals")).unwrap();
        Self(folder)
    }

    /// What is said, and the exit code.
    fn learn(&self, lost: u32, typed: &str, args: &[&str]) -> (String, Option<i32>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
        command.arg("learn").args(args).arg("--programs").arg(self.0.path());
        command.env("PARALELO_HOME", self.0.path()).env("LOST", lost.to_string()).env("LC_ALL", "C");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).unwrap(), output.status.code())
    }

    fn remembered(&self) -> Value {
        serde_json::from_slice(&fs::read(self.0.path().join("data/learn.json")).unwrap()).unwrap()
    }
}

#[track_caller]
fn check(said: &(String, Option<i32>), code: i32, parts: &[&str]) {
    let mut rest = said.0.as_str();
    for part in parts {
        let found =
            rest.find(part).unwrap_or_else(|| panic!("`{part}` is missing or too early in\n{}", said.0));
        rest = &rest[found + part.len()..];
    }
    assert_eq!(said.1, Some(code), "{}", said.0);
}

#[test]
fn a_question_comes_first_then_the_run_then_the_measured_answer() {
    let reader = Reader::new();
    let said = reader.learn(0, "1\nq\n", &[]);
    check(
        &said,
        0,
        &["Races · bank", "Your guess", "a drawing of bank", "✓ You foresaw it: 0.", "measured: 0"],
    );
    let said = Reader::new().learn(7, "1\nq\n", &[]);
    check(&said, 0, &["a drawing of bank", "✗ Not here: more than 0.", "measured: 7 cents off"]);
}

#[test]
fn a_walk_goes_on_where_it_stopped_until_it_is_forgotten() {
    let reader = Reader::new();
    check(&reader.learn(0, "2\n", &[]), 0, &["1/2", "2/2", "1 of 2 done, 0 foreseen"]);
    assert_eq!(reader.remembered()["walks"]["course"]["bank"]["answer"], 1);
    let said = reader.learn(0, "", &["--answers", "-"]);
    check(&said, 0, &["Races · novel", "It is: true.", "2 of 2 done"]);
    assert!(!said.0.contains("bank"), "{}", said.0);
    check(&reader.learn(0, "", &["--reset"]), 0, &[]);
    check(&reader.learn(0, "", &[]), 0, &["Races · bank", "0 of 2 done"]);
}

#[test]
fn what_is_typed_is_read_again_until_it_is_a_choice() {
    check(
        &Reader::new().learn(0, "five\n9\n1\n", &[]),
        0,
        &["none of them", "none of them", "✓ You foresaw it"],
    );
}

#[test]
fn all_of_it_is_said_in_portuguese_too() {
    let said = Reader::new().learn(7, "1\n", &["--lang", "pt-BR"]);
    check(
        &said,
        0,
        &["Corridas · bank", "Quantos centavos faltam?", "Seu palpite", "✗ Aqui não: mais que 0."],
    );
}

#[test]
fn a_lesson_that_nobody_asks_about_fails_the_list_and_is_walked_all_the_same() {
    let reader = Reader::new();
    check(&reader.learn(0, "", &["--list"]), 1, &["bank", "no question was written for: novel"]);
    check(
        &reader.learn(7, "2\n", &["--from", "novel"]),
        0,
        &["“It is novel-exact.”", "✓ You foresaw it: not true."],
    );
}

#[test]
fn a_variant_draws_the_same_for_the_same_seed_and_its_key_knows_what_was_measured() {
    let reader = Reader::new();
    let key = |seed: &str| reader.learn(0, "", &["--key", "--variant", seed]).0;
    assert_eq!(key("7"), key("7"));
    let some: Vec<String> = (0..8).map(|seed| key(&seed.to_string())).collect();
    assert!(
        some.iter().any(|key| key.contains("--break")) && some.iter().any(|key| !key.contains("--break"))
    );
    check(&reader.learn(0, "", &["--variant", "7", "--look"]), 0, &["2 of 2 done"]);
    check(
        &reader.learn(0, "", &["--variant", "7", "--key"]),
        0,
        &["expected: ", "measured here: ", "measured here: "],
    );
    assert!(!reader.learn(0, "", &["--variant", "8", "--key"]).0.contains("measured here"));
}

#[test]
fn a_step_that_is_not_there_is_wrong_usage_and_says_what_there_is() {
    check(&Reader::new().learn(0, "", &["--from", "nowhere"]), 2, &["`nowhere`", "from 1 to 2"]);
}
