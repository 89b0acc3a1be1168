//! The end of the relay: rows and the position that they bring it to are committed in one step.
//!
//! What is committed survives the death of any process at any moment; what is not is as if it had never been sent, and is
//! sent again. So nothing is lost and nothing comes twice. An output also knows what it was begun from, and does not go on
//! with anything else.

mod parts;
mod sqlite;

use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use lab::{Digest, Problem, span};
use serde::{Deserialize, Serialize};

use parts::Parts;
use sqlite::Sqlite;

/// Where the rows go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    /// A database file if it ends in `.sqlite`, `.sqlite3` or `.db`; otherwise a folder of Parquet files.
    pub path: PathBuf,
    /// The table of a database.
    pub table: String,
    /// Whether a commit waits for the disk: then it also survives the loss of power.
    pub durable: bool,
    /// What the output is begun from: [`super::plan::Plan::mark`].
    pub mark: String,
}

impl Target {
    fn is_database(&self) -> bool {
        super::is_database(&self.path)
    }

    /// How many batches the output has; 0 where there is none.
    ///
    /// # Errors
    /// An output that was begun from something else, or is damaged.
    pub fn position(&self) -> Result<u64, Problem> {
        if self.is_database() { sqlite::position(self) } else { parts::position(self) }
    }

    /// The bytes of the output.
    pub fn bytes(&self) -> u64 {
        if self.is_database() {
            self.path.metadata().map_or(0, |found| found.len())
        } else {
            parts::bytes(self)
        }
    }

    /// Adds the content of the output to a digest: the files byte by byte, a database row by row, because its pages also
    /// tell of kills.
    ///
    /// # Errors
    /// Output that cannot be read back.
    pub fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        if self.is_database() { sqlite::digest(self, digest) } else { parts::digest(self, digest) }
    }
}

fn begun_otherwise(target: &Target) -> Problem {
    Problem::new(format!("{} was begun from other rows", target.path.display()))
        .hint("remove it, or hand the rows over to another place; what is there is left as it is")
}

/// An output that is open; a target has one at a time.
pub struct Persister {
    to: Store,
    position: u64,
}

enum Store {
    Parts(Box<Parts>),
    Sqlite(Box<Sqlite>),
}

impl Persister {
    /// Opens the output, or begins it. Waits some seconds for a predecessor that is about to end.
    ///
    /// # Errors
    /// An output of something else, one that another process writes to, and a place that cannot be written.
    pub fn open(target: &Target, columns: &SchemaRef) -> Result<Self, Problem> {
        let (to, position) = if target.is_database() {
            let (sqlite, position) = Sqlite::open(target, columns)?;
            (Store::Sqlite(Box::new(sqlite)), position)
        } else {
            let (parts, position) = Parts::open(target, columns)?;
            (Store::Parts(Box::new(parts)), position)
        };
        Ok(Self { to, position })
    }

    /// How many batches the output has, with those that are not committed yet.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Adds rows of the next batch.
    ///
    /// # Errors
    /// A place that cannot be written, or a value that the output cannot hold.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<(), Problem> {
        let _span = span!(Running, "persist", self.position).entered();
        match &mut self.to {
            Store::Parts(parts) => parts.add(rows),
            Store::Sqlite(sqlite) => sqlite.add(rows),
        }
    }

    /// The rows of batch `number` are all there; commits them if `commit` says so.
    ///
    /// # Errors
    /// A batch that is not the next one, and a commit that fails; then all since the last one is as if it had not been sent.
    pub fn end_of_batch(&mut self, number: u64, commit: bool) -> Result<(), Problem> {
        if number != self.position {
            return Err(Problem::new(format!("batch {number} came where batch {} was due", self.position)));
        }
        self.position += 1;
        if commit {
            let _span = span!(Running, "commit", self.position).entered();
            match &mut self.to {
                Store::Parts(parts) => parts.commit(self.position)?,
                Store::Sqlite(sqlite) => sqlite.commit(self.position)?,
            }
        }
        Ok(())
    }
}
