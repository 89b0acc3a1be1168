//! What is done already, on disk: so that a run that was killed can be started again and goes on.
//!
//! A ledger is one file that only grows. Each finished task is one record, written with one `write` before the outcome is
//! handed over, so that a process killed with signal 9 has lost nothing that it handed over. After a crash of the whole
//! machine the last records may be missing; then their tasks are done again. The file:
//!
//! | bytes | field |
//! |---|---|
//! | n | the line `paralelo ledger 1 NAME`, with its line end |
//! | 4 | length of the reply, little-endian |
//! | 16 | the task: the first bytes of the BLAKE3 of its encoding |
//! | n | the reply, in postcard's encoding |
//! | 8 | the first bytes of the BLAKE3 of the three fields before |
//!
//! and so on, record after record. A record that was cut short, which can only be the last, is cut off. Failures are not
//! kept: a run that goes on tries them again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{OrProblem, Problem};

const MAGIC: &str = "paralelo ledger 1 ";
/// The longest first line that is looked at.
const LINE: u64 = 128;
const LENGTH: usize = 4;
const KEY: usize = 16;
const CHECK: usize = 8;

/// A task, told from all others by what it says: tasks that say the same have the same reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; KEY]);

impl Key {
    /// The key of a task.
    ///
    /// # Errors
    /// A task that cannot be encoded.
    pub(crate) fn of(task: &impl Serialize) -> Result<Self, Problem> {
        let bytes = postcard::to_stdvec(task).or_problem(|| "the task cannot be written to the ledger")?;
        Ok(Self(first(&[&bytes])))
    }
}

/// An open ledger. The file is locked: two runs do not go on from the same one at the same time.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    replies: Replies,
    end: u64,
}

/// Where each reply lies in the file, and its length.
type Replies = HashMap<Key, (u64, u32)>;

impl Ledger {
    /// Opens the ledger of the exercise `name` at `path`, or begins one.
    ///
    /// # Errors
    /// A file that cannot be opened, that another run holds, that is no ledger, or that is another exercise's.
    pub fn open(path: &Path, name: &str) -> Result<Self, Problem> {
        let cannot = || format!("cannot open the ledger {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .or_problem(cannot)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Problem::new("another run is at work with this ledger")
                .at(path.display())
                .hint("wait until it has ended, or use another file"));
        }
        let title = format!("{MAGIC}{name}\n");
        let mut first_line = Vec::new();
        BufReader::new((&file).take(LINE)).read_until(b'\n', &mut first_line).or_problem(cannot)?;
        if title.as_bytes() == first_line {
            let (replies, end) = read(&file, title.len() as u64).or_problem(cannot)?;
            file.set_len(end).or_problem(cannot)?;
            file.seek(SeekFrom::End(0)).or_problem(cannot)?;
            return Ok(Self { path: path.into(), file, replies, end });
        }
        // A run that was killed while it began the file left a beginning of the line.
        if !title.as_bytes().starts_with(&first_line) {
            let found = String::from_utf8_lossy(&first_line).into_owned();
            let what = format!(
                "this file is not the ledger of this exercise: it begins with {:?}",
                found.trim_end()
            );
            return Err(Problem::new(what)
                .at(path.display())
                .expected(format!("a new file, or one that begins with {:?}", title.trim_end()))
                .hint("use another file, or remove this one if nothing in it is needed"));
        }
        file.set_len(0).or_problem(cannot)?;
        file.seek(SeekFrom::Start(0)).or_problem(cannot)?;
        file.write_all(title.as_bytes()).or_problem(cannot)?;
        Ok(Self { path: path.into(), file, replies: HashMap::new(), end: title.len() as u64 })
    }

    /// How many tasks it knows.
    pub fn len(&self) -> usize {
        self.replies.len()
    }

    /// Whether it knows no task.
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Removes the file: all is done, and the next run is to begin anew.
    ///
    /// # Errors
    /// The removal's error.
    pub fn remove(&self) -> Result<(), Problem> {
        crate::out::remove(&self.path)
            .or_problem(|| format!("cannot remove the ledger {}", self.path.display()))
    }

    /// The reply to a task, if it is known.
    pub(crate) fn reply<R: DeserializeOwned>(&self, key: Key) -> Result<Option<R>, Problem> {
        let Some(&(offset, length)) = self.replies.get(&key) else { return Ok(None) };
        let mut bytes = vec![0; length as usize];
        let read = self.file.read_exact_at(&mut bytes, offset);
        let reply = read.and_then(|()| postcard::from_bytes(&bytes).map_err(io::Error::other));
        reply.map(Some).or_problem(|| format!("cannot read the ledger {}", self.path.display()))
    }

    /// Keeps the reply to a task, unless it is kept already.
    pub(crate) fn keep<R: Serialize>(&mut self, key: Key, reply: &R) -> Result<(), Problem> {
        if self.replies.contains_key(&key) {
            return Ok(());
        }
        let cannot = || format!("cannot write to the ledger {}", self.path.display());
        let reply = postcard::to_stdvec(reply).or_problem(cannot)?;
        let length = u32::try_from(reply.len()).or_problem(cannot)?;
        let head = length.to_le_bytes();
        let check: [u8; CHECK] = first(&[&head, &key.0, &reply]);
        let record = [&head[..], &key.0, &reply, &check].concat();
        self.file.write_all(&record).or_problem(cannot)?;
        self.replies.insert(key, (self.end + (LENGTH + KEY) as u64, length));
        self.end += record.len() as u64;
        Ok(())
    }
}

/// Reads the records from `start` on: where each reply lies, and where the last whole record ends.
fn read(file: &File, start: u64) -> io::Result<(Replies, u64)> {
    let mut from = BufReader::with_capacity(1 << 16, file);
    from.seek(SeekFrom::Start(start))?;
    let left = file.metadata()?.len();
    let (mut replies, mut end) = (HashMap::new(), start);
    let mut record = Vec::new();
    loop {
        let mut head = [0; LENGTH + KEY];
        if !fill(&mut from, &mut head)? {
            return Ok((replies, end));
        }
        let (length, key) = head.split_at(LENGTH);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default());
        let after = end + (LENGTH + KEY + CHECK) as u64 + u64::from(length);
        // A length is believed only as far as the file goes.
        if after > left {
            return Ok((replies, end));
        }
        record.resize(length as usize + CHECK, 0);
        let whole = fill(&mut from, &mut record)?;
        let (reply, check) = record.split_at(length as usize);
        if !whole || check != first::<CHECK>(&[&head, reply]) {
            return Ok((replies, end));
        }
        let key = Key(key.try_into().unwrap_or_default());
        replies.insert(key, (end + (LENGTH + KEY) as u64, length));
        end = after;
    }
}

/// Fills the whole of `buffer`; `false` where the file ends before.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

/// The first bytes of the BLAKE3 of all parts together.
fn first<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let hash = hasher.finalize();
    std::array::from_fn(|at| hash.as_bytes()[at])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn ledger(path: &Path) -> Ledger {
        Ledger::open(path, "trial").unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_ledger_cut_anywhere_keeps_every_whole_record_and_goes_on(
            replies in proptest::collection::vec("[a-z]{0,40}", 1..12), cut in 0.0_f64..1.0,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger");
            let mut ends = Vec::new();
            let mut writing = ledger(&path);
            let title = writing.end;
            for (number, reply) in replies.iter().enumerate() {
                writing.keep(Key::of(&number).unwrap(), reply).unwrap();
                ends.push(writing.end);
            }
            drop(writing);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let length = (cut * fs::metadata(&path).unwrap().len() as f64) as u64;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();

            let mut reading = ledger(&path);
            let whole = ends.iter().filter(|end| **end <= length).count();
            prop_assert_eq!(reading.len(), whole);
            prop_assert!(reading.end >= title);
            for (number, reply) in replies.iter().enumerate() {
                let key = Key::of(&number).unwrap();
                let known = (number < whole).then(|| reply.clone());
                prop_assert_eq!(reading.reply::<String>(key).unwrap(), known);
                reading.keep(key, reply).unwrap();
            }
            drop(reading);
            let again = ledger(&path);
            for (number, reply) in replies.iter().enumerate() {
                let known = again.reply::<String>(Key::of(&number).unwrap()).unwrap();
                prop_assert_eq!(known.as_ref(), Some(reply));
            }
        }
    }

    #[test]
    fn a_record_with_a_changed_byte_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut writing = ledger(&path);
        writing.keep(Key::of(&1).unwrap(), &"one").unwrap();
        let second = usize::try_from(writing.end).unwrap();
        writing.keep(Key::of(&2).unwrap(), &"two").unwrap();
        drop(writing);
        let mut bytes = fs::read(&path).unwrap();
        bytes[second + LENGTH + KEY + 1] ^= 1;
        fs::write(&path, bytes).unwrap();
        let reading = ledger(&path);
        assert_eq!(reading.len(), 1);
        assert_eq!(fs::metadata(&path).unwrap().len(), second as u64);
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thesis.txt");
        for found in ["my thesis\n", "paralelo ledger 1 other\n"] {
            fs::write(&path, found).unwrap();
            let problem = Ledger::open(&path, "trial").unwrap_err();
            assert!(problem.to_string().contains("not the ledger of this exercise"), "{problem}");
            assert_eq!(fs::read_to_string(&path).unwrap(), found);
        }
    }

    #[test]
    fn two_runs_do_not_share_a_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let first = ledger(&path);
        let problem = Ledger::open(&path, "trial").unwrap_err();
        assert!(problem.to_string().contains("another run"), "{problem}");
        drop(first);
        ledger(&path);
    }
}
