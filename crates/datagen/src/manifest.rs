//! The manifest: what a folder holds and how it was made.
//!
//! It is written before the first file, again and again as files are done, and at the end with `complete`. So a run that was cut off, even
//! by a power failure, can go on with the files that are missing.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::plan::{Format, PlannedFile, TableName};
use crate::sink::Staged;
use crate::verify::is_inside;

/// The version of the manifest's form and of the tables' contents: another version means other bytes.
pub const VERSION: u32 = 1;

/// The name of the manifest's file.
pub const FILE_NAME: &str = "manifest.json";

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`] of the program that wrote it.
    pub version: u32,
    /// What was asked for. Workers are left out: they change nothing.
    pub arguments: Arguments,
    /// The seed.
    pub seed: u64,
    /// Whether every file of the plan is here.
    pub complete: bool,
    /// The files, in the order of the plan.
    pub files: Vec<Entry>,
}

/// What was asked for, as far as it decides about bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arguments {
    /// `all`, or the name of a table.
    pub what: String,
    /// Every other argument that decides about bytes, as `name=value`, in a fixed order.
    pub options: Vec<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path relative to the manifest, with `/`.
    pub path: String,
    /// What is in it.
    pub table: TableName,
    /// How it is written.
    pub format: Format,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows, without the header; for logs, events (an event with a stack trace has several lines).
    pub rows: u64,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub blake3: String,
}

impl Manifest {
    /// Reads the manifest of `folder`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is none of ours.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE_NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { action: "read", path, source }),
        };
        let read: Result<Self, _> = serde_json::from_slice(&text);
        let mut manifest = read.map_err(|source| Error::Manifest { path, source })?;
        // A manifest from elsewhere must not lead out of its folder, least of all to files that would be removed.
        manifest.files.retain(|entry| is_inside(&entry.path));
        Ok(Some(manifest))
    }

    /// Writes the manifest of `folder`.
    ///
    /// # Errors
    /// When the file system refuses.
    ///
    /// # Panics
    /// Never: a manifest has only names and numbers, which all have a JSON form.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE_NAME);
        let mut staged = Staged::create(&path)?;
        let text = serde_json::to_string_pretty(self).expect("a manifest has only names and numbers");
        writeln!(staged, "{text}").map_err(Error::file("write", path))?;
        staged.commit().map(|_| ())
    }

    /// Whether the other was made of the same arguments by the same version.
    pub fn is_of(&self, other: &Self) -> bool {
        (self.version, &self.arguments, self.seed) == (other.version, &other.arguments, other.seed)
    }

    /// The entries whose files are in `folder` with the size that they should have.
    pub fn present(&self, folder: &Path) -> HashMap<&str, &Entry> {
        let right = |entry: &&Entry| {
            let size = fs::metadata(folder.join(&entry.path)).map(|file| (file.is_file(), file.len()));
            size.is_ok_and(|size| size == (true, entry.bytes))
        };
        self.files.iter().filter(right).map(|entry| (entry.path.as_str(), entry)).collect()
    }

    /// The files that this manifest names and `plan` does not ask for.
    pub(crate) fn left_over(&self, plan: &[PlannedFile], folder: &Path) -> Vec<PathBuf> {
        let wanted: std::collections::HashSet<&str> = plan.iter().map(|file| file.path.as_str()).collect();
        let left = self.files.iter().filter(|entry| !wanted.contains(entry.path.as_str()));
        left.map(|entry| folder.join(&entry.path)).collect()
    }
}
