//! Which tasks there are and which file each of them goes to.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use lab::Problem;
use serde::{Deserialize, Serialize};
use tabular::parquet_batches::Piece;

use super::piece::{PART_BYTES, Source, write_head};
use super::rules::Rules;

/// Shares that a worker has of the whole: no file that is larger than one of them stays in one piece, so that nobody waits
/// long for the last.
const SHARES: u64 = 4;

/// One task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// A small file, which is written where it is converted.
    Whole {
        /// The Parquet file.
        from: PathBuf,
        /// The CSV file.
        to: PathBuf,
    },
    /// A part of a file, whose text is handed over.
    Part {
        /// The Parquet file.
        from: PathBuf,
        /// Which rows.
        pieces: Vec<Piece>,
    },
}

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { from, .. } => from.display().fmt(out),
            Self::Part { from, pieces } => {
                from.display().fmt(out)?;
                let Some(Piece { row_group, first, .. }) = pieces.first() else { return Ok(()) };
                write!(out, ", from row {first} of row group {row_group}")
            }
        }
    }
}

/// A CSV file and the tasks that it is made of, which follow one another.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) to: PathBuf,
    /// The line with the columns' names, packed, if it is not written with the rest.
    pub(super) head: Vec<u8>,
    pub(super) tasks: Vec<Task>,
    pub(super) bytes_in: u64,
}

/// Each file to one of the same name in the folder `out`.
pub(super) fn one_each(
    files: Vec<PathBuf>,
    out: &std::path::Path,
    rules: &Rules,
    workers: usize,
) -> Result<Vec<Target>, Problem> {
    let extension = rules.packing.extension();
    let to = |from: &PathBuf| out.join(from.file_stem().unwrap_or_default()).with_added_extension(extension);
    let mut taken: HashMap<PathBuf, &PathBuf> = HashMap::new();
    for from in &files {
        if let Some(other) = taken.insert(to(from), from) {
            let (other, this, to) = (other.display(), from.display(), to(from));
            let clash = format!("{other} and {this} would both become {}", to.display());
            return Err(
                Problem::new(clash).hint("convert one folder at a time, each with an --out of its own")
            );
        }
    }
    // A file that cannot be opened fails when its turn comes, and the others are converted.
    let opened: Vec<Option<Source>> = files.iter().map(|from| Source::open(from, rules).ok()).collect();
    let all: u64 = opened.iter().flatten().map(|source| source.file.bytes()).sum();
    let share = all / (SHARES * workers as u64).max(1);
    let targets = files.into_iter().zip(opened).map(|(from, source)| {
        let to = to(&from);
        match source {
            Some(source) if source.file.bytes() > share.max(PART_BYTES) => {
                let (head, tasks) = (head(&source, rules)?, parts(&from, &source));
                Ok(Target { to, head, tasks, bytes_in: source.bytes })
            }
            _ => {
                let tasks = vec![Task::Whole { from, to: to.clone() }];
                Ok(Target { to, head: Vec::new(), tasks, bytes_in: 0 })
            }
        }
    });
    targets.collect()
}

/// All files into one.
pub(super) fn into_one(files: Vec<PathBuf>, to: PathBuf, rules: &Rules) -> Result<Target, Problem> {
    let mut target = Target { to, head: Vec::new(), tasks: Vec::new(), bytes_in: 0 };
    let mut first = None;
    for from in files {
        let source = Source::open(&from, rules)?;
        let schema = source.schema()?;
        let names = |schema: &arrow_schema::Schema| -> Vec<String> {
            schema.fields().iter().map(|field| field.name().clone()).collect()
        };
        let (expected, example) = first.get_or_insert_with(|| (names(&schema), from.clone()));
        if names(&schema) != *expected {
            let other = format!("{} has other columns than {}", from.display(), example.display());
            return Err(Problem::new(other).hint("choose those that all have with --columns"));
        }
        if target.head.is_empty() {
            target.head = head(&source, rules)?;
        }
        target.bytes_in += source.bytes;
        target.tasks.extend(parts(&from, &source));
    }
    Ok(target)
}

fn head(source: &Source, rules: &Rules) -> Result<Vec<u8>, Problem> {
    let mut head = Vec::new();
    write_head(&source.schema()?, rules, &mut head)?;
    Ok(head)
}

fn parts(from: &std::path::Path, source: &Source) -> Vec<Task> {
    let parts = source.file.parts(PART_BYTES).into_iter();
    parts.map(|pieces| Task::Part { from: from.into(), pieces }).collect()
}
