//! Files that this project made in a folder of the user's.
//!
//! Some commands write files into a folder whose names nobody gave: `convert` makes `b.csv` of `b.parquet`. Such a file may
//! replace one of its own kind, but not a file of the user's that has the same name. So the folder keeps a manifest,
//! `.paralelo-made.ndjson`: a line for each file that was put there, with its name, length and time of change. The line is
//! written before the file gets its name. A file that agrees with a line is ours; one that somebody changed since is not.

use std::collections::HashMap;
use std::fs::{self, Metadata, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::{Staging, publish};
use crate::problem::{OrProblem, Problem};

/// The manifest's name.
pub const MANIFEST: &str = ".paralelo-made.ndjson";
/// The manifest is written anew when it has this many lines that no file agrees with.
const STALE: usize = 1_024;
/// Files that a refusal names.
const NAMED: usize = 5;

/// A line of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    name: String,
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl Line {
    fn new(name: &Path, found: &Metadata) -> Self {
        let modified = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            name: file_name(name),
            bytes: found.len(),
            modified: modified.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The manifest of a folder.
#[derive(Debug, Default)]
pub struct Made {
    lines: HashMap<String, Vec<Line>>,
}

impl Made {
    /// Reads the manifest of a folder; one that is not there or damaged names fewer files.
    pub fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(MANIFEST)).unwrap_or_default();
        let all: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let count = all.len();
        let mut lines: HashMap<String, Vec<Line>> = HashMap::new();
        for line in all {
            lines.entry(line.name.clone()).or_default().push(line);
        }
        let made = Self { lines };
        if count > STALE {
            made.shorten(folder, count);
        }
        made
    }

    /// Whether the file at `path` is one that this project put there and nobody changed since.
    pub fn is_ours(&self, path: &Path) -> bool {
        let Ok(found) = fs::symlink_metadata(path) else { return false };
        let line = Line::new(path, &found);
        found.is_file() && self.lines.get(&line.name).is_some_and(|lines| lines.contains(&line))
    }

    /// Writes the manifest with the lines of files that are there. A manifest that is too long does no harm, so an error is
    /// none.
    fn shorten(&self, folder: &Path, count: usize) {
        let mut kept = String::new();
        for (name, lines) in &self.lines {
            let Ok(found) = fs::symlink_metadata(folder.join(name)) else { continue };
            let line = Line::new(Path::new(name), &found);
            if let (true, Ok(text)) = (lines.contains(&line), serde_json::to_string(&line)) {
                kept.push_str(&text);
                kept.push('\n');
            }
        }
        if kept.lines().count() + STALE > count {
            return;
        }
        let Ok(staging) = Staging::within(folder) else { return };
        let staged = staging.path("made");
        let _ = fs::write(&staged, kept).and_then(|()| fs::rename(&staged, folder.join(MANIFEST)));
    }
}

/// Refuses to replace files in a folder that this project did not make.
///
/// # Errors
/// The files that are in the way.
pub fn check<'a>(places: impl IntoIterator<Item = &'a PathBuf>, force: bool) -> Result<(), Problem> {
    if force {
        return Ok(());
    }
    let mut manifests: HashMap<PathBuf, Made> = HashMap::new();
    let mut foreign = Vec::new();
    for place in places {
        if fs::symlink_metadata(place).is_err() {
            continue;
        }
        let folder = place.parent().unwrap_or(Path::new("")).to_path_buf();
        let made = manifests.entry(folder.clone()).or_insert_with(|| Made::read(&folder));
        if !made.is_ours(place) {
            foreign.push(place);
        }
    }
    let Some(first) = foreign.first() else { return Ok(()) };
    let names: Vec<String> = foreign.iter().take(NAMED).map(|place| place.display().to_string()).collect();
    let more = match foreign.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let is = if foreign.len() == 1 { "is there, and was" } else { "are there, and were" };
    Err(Problem::new(format!("{}{more} {is} not made by this program", names.join(", ")))
        .at(first.display())
        .hint("choose another folder for --out, or replace the files with --force"))
}

/// Gives a whole file its final name, in one step, and notes in its folder that this project made it.
///
/// # Errors
/// The error of the rename, or of the manifest.
pub fn publish_made(staged: &Path, place: &Path) -> Result<(), Problem> {
    let found = fs::metadata(staged).or_problem(|| format!("cannot put {} in its place", place.display()))?;
    note(place, &found)?;
    publish(staged, place)
}

/// Notes that this project made the file at `place`, which is there already.
///
/// # Errors
/// The error of the manifest.
pub fn note_made(place: &Path) -> Result<(), Problem> {
    let found = fs::metadata(place).or_problem(|| format!("cannot read {} back", place.display()))?;
    if found.is_file() { note(place, &found) } else { Ok(()) }
}

fn note(place: &Path, found: &Metadata) -> Result<(), Problem> {
    let manifest = place.with_file_name(MANIFEST);
    let cannot = || format!("cannot write {}", manifest.display());
    let mut text = serde_json::to_vec(&Line::new(place, found)).or_problem(cannot)?;
    text.push(b'\n');
    // One write to the end of the file: two processes do not write into each other's lines.
    let mut file = OpenOptions::new().create(true).append(true).open(&manifest).or_problem(cannot)?;
    file.write_all(&text).or_problem(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
        let staging = Staging::within(folder).unwrap();
        fs::write(staging.path(name), text).unwrap();
        let place = folder.join(name);
        publish_made(&staging.path(name), &place).unwrap();
        place
    }

    #[test]
    fn only_files_that_we_made_and_nobody_changed_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let ours = put(folder.path(), "ours.csv", "1");
        let changed = put(folder.path(), "changed.csv", "1");
        fs::write(&changed, "mine").unwrap();
        let foreign = folder.path().join("foreign.csv");
        fs::write(&foreign, "mine").unwrap();
        let absent = folder.path().join("absent.csv");

        check([&ours, &absent], false).unwrap();
        for place in [&changed, &foreign] {
            let problem = check([&ours, place], false).unwrap_err().to_string();
            assert!(
                problem.contains(&place.display().to_string()) && problem.contains("--force"),
                "{problem}"
            );
            check([place], true).unwrap();
        }

        put(folder.path(), "ours.csv", "22");
        check([&ours], false).unwrap();
    }

    #[test]
    fn a_run_that_was_killed_between_the_manifest_and_the_file_harms_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let ours = put(folder.path(), "t.csv", "1");
        let staging = Staging::within(folder.path()).unwrap();
        fs::write(staging.path("t.csv"), "2").unwrap();
        note(&ours, &fs::metadata(staging.path("t.csv")).unwrap()).unwrap();
        check([&ours], false).unwrap();
        fs::write(&ours, "mine").unwrap();
        check([&ours], false).unwrap_err();
    }

    #[test]
    fn a_long_manifest_is_written_anew_with_the_files_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let ours = put(folder.path(), "t.csv", "1");
        let line = Line { name: "gone.csv".into(), bytes: 1, modified: 1 };
        let text = format!("{}\n", serde_json::to_string(&line).unwrap()).repeat(2 * STALE);
        let manifest = folder.path().join(MANIFEST);
        let mut file = OpenOptions::new().append(true).open(&manifest).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        check([&ours], false).unwrap();
        assert_eq!(fs::read_to_string(&manifest).unwrap().lines().count(), 1);
        check([&ours], false).unwrap();
    }
}
