//! The answer of an exercise, made comparable.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::job::Failure;
use crate::problem::{OrProblem, Problem};

/// What an exercise returns: comparable by its digest, and able to say how much it did.
pub trait Answer {
    /// Feeds the canonical form of the answer to `digest`. Called when the clock has stopped, so it may read the files
    /// that the exercise wrote.
    ///
    /// # Errors
    /// Output that cannot be read back.
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem>;

    /// How much was done.
    fn work(&self) -> Work;

    /// The tasks that were not done.
    fn failures(&self) -> &[Failure];

    /// Those of them that make the answer worth nothing as a sample: all, unless to find failures is what was asked for.
    fn undone(&self) -> &[Failure] {
        self.failures()
    }

    /// Suspicious results that do not fail the run: a table with one column, a filter that kept no row. Printed at the end of
    /// a tool's run as `warning:` lines and kept in records; the exit code does not depend on them.
    fn warnings(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// How much an exercise did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Tasks: files, URLs, partitions.
    pub items: u64,
    /// Rows or records.
    pub rows: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.rows += other.rows;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }
}

/// A BLAKE3 hash of an answer. Each piece is framed by its length, so that pieces cannot run into each other.
#[derive(Default)]
pub struct Digest(blake3::Hasher);

impl Digest {
    /// A digest of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(&(piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    /// Adds a file: its name without the folder, and its content.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<(), Problem> {
        let content = || -> io::Result<blake3::Hash> {
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader(File::open(path)?)?;
            Ok(hasher.finalize())
        };
        let content = content().or_problem(|| format!("cannot read {} back", path.display()))?;
        self.add(path.file_name().unwrap_or_default().as_encoded_bytes());
        self.add(content.as_bytes());
        Ok(())
    }

    /// The digest as 64 hexadecimal digits.
    pub fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_do_not_run_into_each_other() {
        let of = |pieces: &[&str]| {
            let mut digest = Digest::new();
            pieces.iter().for_each(|piece| digest.add(piece.as_bytes()));
            digest.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
    }
}
