//! What has come of a file, on disk beside it.
//!
//! The first line says, as JSON, which state of which file the bytes are of. Then records of 24 bytes, each written after
//! the bytes that it tells of:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | where the bytes begin, little-endian |
//! | 8 | where they end |
//! | 8 | the first bytes of the BLAKE3 of the first line and the two fields before |
//!
//! A record that was cut short or is of another file ends the journal. A process killed with signal 9 so loses no more
//! than what it had not yet told of. After a crash of the whole machine bytes may be missing that the journal tells of;
//! then the digest tells, or with `--sync` nothing is told of before it is on the disk.
//!
//! The file is made with the first record, so a file that comes in one go has none: to make and remove one costs more than
//! to fetch a small file. Whoever writes it holds the lock of the file beside it (`part`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

use super::digests::Expected;
use super::pieces::Pieces;

const RECORD: usize = 24;

/// Which state of which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The length, where it is known.
    pub(super) total: Option<u64>,
    /// What names the state at this source.
    pub(super) validator: Option<String>,
    /// The source: the first bytes of the BLAKE3 of its URL, which may hold a password.
    pub(super) source: String,
    /// Whether the end of the file was told apart from a connection that broke.
    pub(super) sure_end: bool,
    /// The digest, given by the user or stated by the server.
    pub(super) digest: Option<Expected>,
}

/// The journal, and its file where there is one.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Option<File>,
    head: Vec<u8>,
}

impl Journal {
    /// What the journal at this place tells, if there is one.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Identity>, Pieces), Problem> {
        let cannot = || format!("cannot open the journal {}", path.display());
        let mut journal = Self { path: path.into(), file: None, head: Vec::new() };
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((journal, None, Pieces::default()));
            }
            opened => opened.or_problem(cannot)?,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).or_problem(cannot)?;
        let (head, identity, pieces, end) = read(&bytes);
        file.set_len(end as u64).and_then(|()| file.seek(SeekFrom::End(0))).or_problem(cannot)?;
        (journal.head, journal.file) = (head, Some(file));
        Ok((journal, identity, pieces))
    }

    /// Whether there is a file.
    pub(super) fn is_there(&self) -> bool {
        self.file.is_some()
    }

    /// Begins anew, with nothing there.
    pub(super) fn begin(&mut self, identity: Option<&Identity>) -> io::Result<()> {
        self.head.clear();
        if let Some(identity) = identity {
            self.head = serde_json::to_vec(identity)?;
            self.head.push(b'\n');
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&self.head)
    }

    /// Tells of bytes that are there.
    pub(super) fn tell(&mut self, range: &Range<u64>) -> io::Result<()> {
        let record = record(&self.head, range);
        if let Some(file) = &mut self.file {
            return file.write_all(&record);
        }
        let mut file = File::create(&self.path)?;
        file.write_all(&[&self.head[..], &record].concat())?;
        self.file = Some(file);
        Ok(())
    }

    /// Removes the file, if there is one.
    pub(super) fn remove(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn record(head: &[u8], range: &Range<u64>) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&range.start.to_le_bytes());
    record[8..16].copy_from_slice(&range.end.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(head).update(&record[..16]);
    record[16..].copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    record
}

/// The first line, what it says, the pieces, and where the last whole record ends.
fn read(bytes: &[u8]) -> (Vec<u8>, Option<Identity>, Pieces, usize) {
    let nothing = || (Vec::new(), None, Pieces::default(), 0);
    let Some(line) = bytes.iter().position(|byte| *byte == b'\n') else { return nothing() };
    let (head, records) = bytes.split_at(line + 1);
    let Ok(identity) = serde_json::from_slice(head) else { return nothing() };
    let (mut pieces, mut end) = (Pieces::default(), head.len());
    for found in records.chunks_exact(RECORD) {
        let number = |at: usize| found[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
        let range = number(0)..number(8);
        if found != record(head, &range) {
            break;
        }
        pieces.add(range);
        end += RECORD;
    }
    (head.to_vec(), Some(identity), pieces, end)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn identity() -> Identity {
        Identity {
            total: Some(100),
            validator: Some("\"1\"".into()),
            source: "x".into(),
            sure_end: true,
            digest: None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_journal_cut_or_changed_anywhere_tells_only_what_was_told(
            told in proptest::collection::vec((0_u64..90, 1_u64..10), 1..8), cut in 0.0_f64..1.0, change in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            let (mut journal, ..) = Journal::open(&path).unwrap();
            journal.begin(Some(&identity())).unwrap();
            let ranges: Vec<_> = told.iter().map(|(start, length)| *start..start + length).collect();
            ranges.iter().for_each(|range| journal.tell(range).unwrap());
            let head = journal.head.len();
            drop(journal);
            let mut bytes = fs::read(&path).unwrap();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let place = (cut * bytes.len() as f64) as usize;
            if change { bytes[place] ^= 1; } else { bytes.truncate(place); }
            fs::write(&path, &bytes).unwrap();
            let (_, found, pieces) = Journal::open(&path).unwrap();
            let whole = place.saturating_sub(head) / RECORD;
            let mut expected = Pieces::default();
            if place >= head {
                ranges[..whole].iter().cloned().for_each(|range| expected.add(range));
                prop_assert_eq!(found, Some(identity()));
            }
            prop_assert_eq!(pieces, expected);
        }
    }
}
