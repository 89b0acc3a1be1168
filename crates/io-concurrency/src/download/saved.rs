//! The answer: the files.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use lab::job::Failure;
use lab::{Answer, Digest, OrProblem, Problem, Tried, Work};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A file that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Where it is.
    pub place: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// How many bytes came over the network in this run.
    pub received: u64,
    /// By what it was proved whole: a digest, `length`, `borders`, `twice`, or `was there`.
    pub proof: String,
    /// Whether it was there already.
    pub kept: bool,
    /// The encoding in which its bytes are, where the server applied one that nobody asked for and its name does not tell.
    pub encoding: Option<String>,
}

/// The files, in the order in which they were asked for, and those that are not there.
#[derive(Debug, Default)]
pub struct Downloads {
    /// The files that are whole.
    pub files: Vec<Saved>,
    work: Work,
    failures: Vec<Failure>,
}

impl Downloads {
    /// Adds what became of the next file.
    pub(super) fn add(&mut self, outcome: Tried<Saved>) {
        self.work.items += 1;
        match outcome {
            Ok(saved) => {
                self.work.bytes_in += saved.received;
                self.work.bytes_out += if saved.kept { 0 } else { saved.bytes };
                self.files.push(saved);
            }
            Err(failure) => self.failures.push(failure),
        }
    }

    /// Prints a line for each file. A reader that has seen enough, such as `head`, is no error.
    ///
    /// # Errors
    /// Standard output that takes no more.
    pub fn print(&self) -> Result<(), Problem> {
        let line = |saved: &Saved| {
            let file = saved.place.to_string_lossy();
            let mut line =
                json!({ "file": file, "bytes": saved.bytes, "proof": saved.proof, "kept": saved.kept });
            if let Some(encoding) = &saved.encoding {
                line["encoding"] = encoding.as_str().into();
            }
            line.to_string() + "\n"
        };
        let text: String = self.files.iter().map(line).collect();
        match io::stdout().lock().write_all(text.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.or_problem(|| "cannot write to standard output"),
        }
    }
}

impl Answer for Downloads {
    /// Each file's name and bytes, read back.
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        self.files.iter().try_for_each(|saved| digest.add_file(&saved.place))
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
