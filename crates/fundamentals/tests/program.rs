//! The program as a user meets it.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fundamentals::{CHAPTERS, Effort, Lang, Program, Stage};
use lab::record::{ClaimRecord, Threshold, Verdict};
use lab::{Lab, Launch};
use nix::sys::signal::Signal;
use witness::{Ended, program, run};

fn ran(arguments: &[&str]) -> Ended {
    run(command(Path::new("/nowhere")).args(arguments))
}

fn command(home: &Path) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_fundamentals"), home);
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn without_arguments_every_program_is_listed_in_reading_order() {
    let ended = ran(&[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let mut rest = ended.out.as_str();
    for program in CHAPTERS.iter().flat_map(|chapter| chapter.programs) {
        let found =
            rest.find(program.about.en).unwrap_or_else(|| panic!("{} is missing or too early", program.name));
        rest = &rest[found..];
    }
}

#[track_caller]
fn check_language(variables: &[(&str, &str)], arguments: &[&str], portuguese: bool) {
    let ended = run(command(Path::new("/nowhere")).envs(variables.iter().copied()).args(arguments));
    assert_eq!(ended.out.contains("Processos"), portuguese, "{variables:?} {arguments:?}: {}", ended.out);
}

#[test]
fn the_language_is_that_of_the_option_or_of_the_locale() {
    check_language(&[], &["list"], false);
    check_language(&[], &["--lang", "pt-BR"], true);
    check_language(&[("LANG", "pt_BR.UTF-8")], &[], true);
    check_language(&[("LANG", "pt_BR.UTF-8"), ("LC_ALL", "C")], &[], false);
    check_language(&[("LC_ALL", "pt_PT")], &["--lang", "en"], false);
}

#[test]
fn a_run_shows_its_drawing_and_its_verdicts_and_writes_its_claims() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let ended = ran(&["run", "interleavings", "coffee-and-toast", "--brief", "--out", out]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.contains("reads account A: 100") && ended.out.contains('░'), "{}", ended.out);
    let text = std::fs::read_to_string(folder.path().join("claims.jsonl")).unwrap();
    let records: Vec<ClaimRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids, ["six-orders", "explorer-finds", "explorer-certifies", "gather-takes-the-longest"]);
    for record in &records {
        let measured = record.measured.unwrap();
        assert_eq!(record.holds.judge(measured), record.verdict, "{record:?}");
        assert!(!record.broken && record.error.is_none(), "{record:?}");
    }
    assert_eq!((records[0].holds, records[0].verdict), (Threshold::Within(6.0, 6.0), Verdict::Holds));
}

#[test]
fn a_claim_that_is_broken_on_purpose_is_refuted_and_marked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let ended = ran(&["run", "interleavings", "--break", "six-orders", "--out", out]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.contains("broken on purpose: no thread may be interrupted"), "{}", ended.out);
    let text = std::fs::read_to_string(folder.path().join("claims.jsonl")).unwrap();
    let first: ClaimRecord = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((first.verdict, first.broken), (Verdict::Refuted, true));
}

#[track_caller]
fn check_exploring(arguments: &[&str], code: i32, says: &str) -> String {
    let ended = ran(&[&["explore"], arguments].concat());
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.out, ended.err);
    assert!(
        ended.out.contains(says) || ended.err.contains(says),
        "{arguments:?}: {}{}",
        ended.out,
        ended.err
    );
    ended.out
}

#[test]
fn the_explorer_finds_replays_and_certifies() {
    let found = check_exploring(&["bank"], 1, "210 cents in both accounts, should be 200");
    let seed = found.split_once("--replay ").unwrap().1.trim();
    let again = check_exploring(&["bank", "--replay", seed], 1, "210 cents");
    assert!(found.starts_with(again.trim_end()), "{found}\n{again}");
    check_exploring(&["bank", "--fix", "lock"], 0, "which are all there are");
    check_exploring(&["bank", "--fix", "lock", "--schedules", "2"], 0, "this is no proof");
    check_exploring(&["locks"], 1, "deadlock");
    check_exploring(&["bank", "--fix", "prayer"], 2, "one of lock, lock-too-small");
    check_exploring(&["soup"], 2, "one of bank, counter, locks, queue");
}

#[track_caller]
fn check_interrupted(arguments: &[&str], interrupt: fn(&mut Child)) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = command(folder.path());
    let run = command.stdin(Stdio::piped()).args(["run", "all", "--out"]).arg(&out).args(arguments);
    let mut running = run.spawn().unwrap();
    // The first program with worker processes is under way.
    let workers = witness::children(&running, 1);
    let asked = Instant::now();
    interrupt(&mut running);
    let ended = Ended::from(running.wait_with_output().unwrap());
    witness::wait_for("the workers' end", || {
        (!workers.iter().any(|worker| witness::alive(*worker))).then_some(())
    });
    assert_eq!((ended.code, ended.err.as_str()), (Some(130), ""));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(!out.exists(), "a run that was cut off left {:?}", witness::listing(&out));
}

#[test]
fn an_interrupted_run_ends_soon_and_leaves_nobody() {
    check_interrupted(&[], |running| witness::signal(witness::number(running), Signal::SIGINT));
}

#[test]
fn a_run_whose_parent_is_gone_ends_soon_and_leaves_nobody() {
    check_interrupted(&["--stop-with-stdin"], |running| drop(running.stdin.take()));
}

#[test]
fn wrong_usage_says_what_is_right() {
    let ended = ran(&["run", "bnk"]);
    assert_eq!(ended.code, Some(2));
    let ended = ran(&["run", "bank", "--break", "nothing"]);
    assert!(ended.code == Some(2) && ended.err.contains("bank-loses"), "{}", ended.err);
}

/// What a program says, without what it draws, for a drawing differs from run to run.
fn said(program: &Program, lang: Lang) -> Vec<String> {
    let screen = Screen::default();
    let mut lab = Lab::new(2);
    lab.launch = Launch::program(env!("CARGO_BIN_EXE_fundamentals"));
    let stage = Stage::new(lab, lang, Effort::Brief, Box::new(screen.clone()));
    (program.show)(&stage).unwrap_or_else(|problem| panic!("{}: {problem}", program.name));
    let bytes = screen.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    text.lines().filter(|line| !line.contains(['▏', '│', '…', '█', '×', '░'])).map(Into::into).collect()
}

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The compiler has refused every text that lacks a language or was copied. What it does not see is a line that is said
/// without being a text.
#[test]
fn every_program_says_other_words_in_the_other_language() {
    for program in CHAPTERS.iter().flat_map(|chapter| chapter.programs) {
        let (english, portuguese) = (said(program, Lang::En), said(program, Lang::Pt));
        assert!(!english.is_empty(), "{} shows nothing", program.name);
        let has_words =
            |line: &&String| line.split(|it: char| !it.is_alphabetic()).any(|word| word.len() > 4);
        let same: Vec<_> =
            english.iter().filter(has_words).filter(|line| portuguese.contains(line)).collect();
        assert!(same.is_empty(), "{}: {same:?}", program.name);
    }
}

#[test]
fn a_stage_that_nobody_looks_at_takes_every_line() {
    let stage = Stage::silent(Lang::En);
    fundamentals::say!(stage, "hello", "olá");
    assert!(stage.finish().is_ok());
}
