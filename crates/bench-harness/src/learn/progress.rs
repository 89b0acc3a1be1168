//! What a reader has answered: `data/learn.json`, which outlives the program.
//!
//! ```json
//! { "format": 1, "walks": { "course": { "bank": {
//!     "answer": 0, "right": 0, "measured": 0.0, "unit": { "en": "cents off", "pt": "…" }, "at": "2026-11-03T14:22:05Z" } } } }
//! ```
//!
//! A walk is the course or one of its variants (`variant-7`). Choices are counted from 0; `answer` is `null` where the
//! reader only looked, `right` where nothing could be measured. The file is written whole after each step.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lab::out::{self, Staging};
use lab::record::Bilingual;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// What was answered in all walks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    format: u32,
    walks: BTreeMap<String, BTreeMap<String, Answered>>,
    #[serde(skip)]
    path: PathBuf,
}

/// One step that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answered {
    /// What the reader chose.
    pub(super) answer: Option<usize>,
    /// What the measurement said.
    pub(super) right: Option<usize>,
    /// The number that was measured.
    pub(super) measured: Option<f64>,
    /// Its unit.
    pub(super) unit: Bilingual,
    /// When, in UTC.
    pub(super) at: String,
}

impl Answered {
    /// Whether the reader had foreseen it.
    pub(super) fn foreseen(&self) -> bool {
        self.answer.is_some() && self.answer == self.right
    }
}

impl Progress {
    /// Reads what is remembered; nothing is remembered where there is no file.
    ///
    /// # Errors
    /// A file that holds something else.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let nothing = Self { format: FORMAT, walks: BTreeMap::new(), path: path.into() };
        let text = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(nothing),
            text => text.or_problem(|| format!("cannot read {}", path.display()))?,
        };
        let hint = "`cargo xtask learn --reset` forgets it and begins anew";
        let read = serde_json::from_slice::<Self>(&text).or_problem(|| "this is not what `learn` remembers");
        let read = read.map_err(|problem| problem.at(path.display()).hint(hint))?;
        if read.format != FORMAT {
            let problem = Problem::new(format!("format {} is not ours", read.format)).at(path.display());
            return Err(problem.expected(format!("format {FORMAT}")).hint(hint));
        }
        Ok(Self { path: path.into(), ..read })
    }

    /// Forgets one walk, whatever is in the file; the others are kept if it can be read.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn forget(path: &Path, walk: &str) -> Result<(), Problem> {
        match Self::read(path) {
            Ok(mut progress) => {
                progress.walks.remove(walk);
                progress.write()
            }
            Err(_) => fs::remove_file(path).or_problem(|| format!("cannot remove {}", path.display())),
        }
    }

    /// What was answered in a step of a walk.
    pub(super) fn answered(&self, walk: &str, step: &str) -> Option<&Answered> {
        self.walks.get(walk)?.get(step)
    }

    /// Remembers a step, and writes all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn remember(&mut self, walk: &str, step: &str, answered: Answered) -> Result<(), Problem> {
        self.walks.entry(walk.into()).or_default().insert(step.into(), answered);
        self.write()
    }

    fn write(&self) -> Result<(), Problem> {
        let cannot = || format!("cannot write {}", self.path.display());
        let mut text = serde_json::to_vec_pretty(self).or_problem(cannot)?;
        text.push(b'\n');
        let staging = Staging::beside(&self.path)?;
        let staged = staging.path("learn.json");
        fs::write(&staged, text).or_problem(cannot)?;
        out::publish(&staged, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: usize) -> Answered {
        let (unit, at) = (Bilingual::default(), "2026-11-03T14:22:05Z".into());
        Answered { answer: Some(answer), right: Some(1), measured: Some(1.98), unit, at }
    }

    #[test]
    fn what_was_answered_is_still_known_to_the_next_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/learn.json");
        let mut progress = Progress::read(&path).unwrap();
        progress.remember("course", "bank", answered(1)).unwrap();
        progress.remember("variant-7", "bank", answered(0)).unwrap();
        let read = Progress::read(&path).unwrap();
        assert!(read.answered("course", "bank").unwrap().foreseen());
        assert!(!read.answered("variant-7", "bank").unwrap().foreseen());
        Progress::forget(&path, "course").unwrap();
        let read = Progress::read(&path).unwrap();
        assert_eq!(read.answered("course", "bank"), None);
        assert!(read.answered("variant-7", "bank").is_some());
    }

    #[test]
    fn a_file_that_is_something_else_is_said_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("learn.json");
        fs::write(&path, "[]").unwrap();
        assert!(Progress::read(&path).unwrap_err().to_string().contains("--reset"));
        Progress::forget(&path, "course").unwrap();
        assert!(Progress::read(&path).is_ok());
    }
}
