//! The log of a program: what each exercise writes to it.

use std::fs;
use std::path::Path;

use crate::{program, run};

/// Runs every exercise of a program, on the smallest scale and without data or an API, and looks for its lines in the log: each
/// step that began has its name, its arguments, its duration and its outcome.
///
/// # Panics
/// When an exercise leaves no line.
pub fn check_each_exercise(path: impl AsRef<Path>) {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("logs")).expect("a folder for logs");
    let list = run(program(&path, home.path()).arg("list"));
    let names: Vec<&str> = list.out.lines().filter_map(name_of).collect();
    assert!(!names.is_empty(), "{}", list.out);
    for name in &names {
        let mut command = program(&path, home.path());
        command.args([name, "--scale", "tiny", "--api", "http://127.0.0.1:9", "--workers", "2"]);
        let ended = run(&mut command);
        let log = text(home.path());
        let line = log.lines().find(|line| line.contains(&format!("\"step\":\"{name} prepare\"")));
        let line = line.unwrap_or_else(|| panic!("{name} left no line: {}\n{log}", ended.err));
        for part in ["\"arguments\":\"given=", "\"ms\":", "\"outcome\":\""] {
            assert!(line.contains(part), "{name}: {part} is not in {line}");
        }

        // What was prepared was run, well or not.
        let is_prepared = line.contains("\"outcome\":\"done\"");
        assert_eq!(log.contains(&format!("\"step\":\"{name} run\"")), is_prepared, "{name}\n{log}");
    }
}

/// The name in a line such as `13 queue: Passes messages`.
fn name_of(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(' ')?;
    number.parse::<u8>().ok()?;
    rest.split_once(':').map(|(name, _)| name)
}

/// All log files of a home, one behind the other.
pub fn text(home: &Path) -> String {
    let files = fs::read_dir(home.join("logs")).into_iter().flatten().flatten();
    files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect()
}
