//! The unfinished file and its journal.
//!
//! The file is locked: two runs do not download the same one at the same time.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use lab::{OrProblem, Problem};

use super::journal::{Identity, Journal};
use super::pieces::Pieces;

const JOURNAL: &str = ".part.journal";

/// What has come of a file.
#[derive(Debug)]
pub(super) struct Part {
    place: PathBuf,
    path: PathBuf,
    file: File,
    /// Whether the file has no byte.
    empty: Cell<bool>,
    journal: Journal,
    sync: bool,
    /// Which state of which file it is.
    pub(super) identity: Option<Identity>,
    /// The bytes that are there.
    pub(super) pieces: Pieces,
}

impl Part {
    /// What an earlier run left of the file at `place`, or nothing yet.
    ///
    /// # Errors
    /// A folder that cannot be written to, and a file that another run is downloading.
    pub(super) fn open(place: &Path, sync: bool) -> Result<Self, Problem> {
        let path = beside(place, ".part");
        let (file, length) = hold(&path)?;
        let (journal, identity, pieces) = Journal::open(&beside(place, JOURNAL))?;
        let empty = Cell::new(length == 0);
        let mut part = Self { place: place.into(), path, file, empty, journal, sync, identity, pieces };
        // What the journal tells of and the file has not, somebody has taken away.
        if part.identity.is_none() || part.pieces.ends().any(|end| end > length) {
            part.restart(None)?;
        }
        Ok(part)
    }

    /// Forgets all that has come.
    pub(super) fn restart(&mut self, identity: Option<Identity>) -> Result<(), Problem> {
        self.pieces = Pieces::default();
        self.identity = identity;
        // The journal first: it never tells of bytes that are not there.
        let begun = self.journal.begin(self.identity.as_ref());
        let emptied =
            begun.and_then(|()| if self.empty.replace(true) { Ok(()) } else { self.file.set_len(0) });
        emptied.or_problem(|| self.cannot_write())
    }

    /// The file ends here, as is known only now; all of it is there.
    pub(super) fn end_at(&mut self, identity: Identity, end: u64) -> Result<(), Problem> {
        let begun = self.journal.begin(Some(&identity));
        self.identity = Some(identity);
        let told =
            begun.and_then(|()| if self.journal.is_there() { self.journal.tell(&(0..end)) } else { Ok(()) });
        told.or_problem(|| self.cannot_write())
    }

    /// Writes bytes to their place.
    pub(super) fn write(&self, bytes: &[u8], at: u64) -> Result<(), Problem> {
        self.empty.set(false);
        self.file.write_all_at(bytes, at).or_problem(|| self.cannot_write())
    }

    /// Tells the journal that these bytes were written.
    pub(super) fn tell(&mut self, range: Range<u64>) -> Result<(), Problem> {
        if range.is_empty() {
            return Ok(());
        }
        self.pieces.add(range.clone());
        let total = self.identity.as_ref().and_then(|identity| identity.total);
        if !self.journal.is_there() && total.is_some_and(|total| self.pieces.are_all(total)) {
            // What is complete is proved and gets its name next.
            return Ok(());
        }
        let synced = if self.sync { self.file.sync_data() } else { Ok(()) };
        synced.and_then(|()| self.journal.tell(&range)).or_problem(|| self.cannot_write())
    }

    /// Reads bytes back.
    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// Another handle to the file, to read it elsewhere.
    pub(super) fn reader(&self) -> Result<File, Problem> {
        File::open(&self.path).or_problem(|| format!("cannot read {} back", self.path.display()))
    }

    /// The length of the file so far.
    pub(super) fn length(&self) -> Result<u64, Problem> {
        let found =
            self.file.metadata().or_problem(|| format!("cannot read {} back", self.path.display()))?;
        Ok(found.len())
    }

    /// Gives the file, which is proved whole, its name.
    pub(super) fn publish(mut self) -> Result<(), Problem> {
        if self.sync {
            self.file.sync_all().or_problem(|| self.cannot_write())?;
        }
        lab::out::publish(&self.path, &self.place)?;
        self.journal.remove();
        Ok(())
    }

    /// Removes what has come: it is of no use.
    pub(super) fn discard(mut self) {
        let _ = fs::remove_file(&self.path);
        self.journal.remove();
    }

    fn cannot_write(&self) -> String {
        format!("cannot write to {} or its journal", self.path.display())
    }
}

/// Opens and locks the unfinished file at this path, and tells its length.
fn hold(path: &Path) -> Result<(File, u64), Problem> {
    let cannot = || format!("cannot write to {}", path.display());
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    loop {
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).and_then(|()| open())
            }
            opened => opened,
        };
        let file = file.or_problem(cannot)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Problem::new("another run is downloading this file")
                .at(path.display())
                .of_class("busy"));
        }
        let found = file.metadata().or_problem(cannot)?;
        // Another run may have given it its name before we had the lock: then the path is another file, or none.
        if fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (found.dev(), found.ino())) {
            return Ok((file, found.len()));
        }
    }
}

/// Removes the journal of a file that has its name: a run may have been killed before it could.
pub(super) fn forget(place: &Path) {
    let _ = fs::remove_file(beside(place, JOURNAL));
}

fn beside(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    place.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(total: u64) -> Identity {
        Identity { total: Some(total), validator: None, source: "x".into(), sure_end: true, digest: None }
    }

    #[test]
    fn two_runs_do_not_download_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new/a");
        let first = Part::open(&place, false).unwrap();
        assert_eq!(Part::open(&place, false).unwrap_err().class(), Some("busy"));
        first.publish().unwrap();
        // The name is taken, and what is locked is no longer the unfinished file.
        Part::open(&place, false).unwrap();
    }

    #[test]
    fn only_what_is_not_complete_has_a_journal() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        let mut part = Part::open(&place, false).unwrap();
        part.restart(Some(identity(4))).unwrap();
        part.write(b"ab", 0).unwrap();
        part.tell(0..2).unwrap();
        drop(part);
        assert!(beside(&place, JOURNAL).exists());
        let mut part = Part::open(&place, false).unwrap();
        assert_eq!(part.identity, Some(identity(4)));
        part.write(b"cd", 2).unwrap();
        part.tell(2..4).unwrap();
        assert!(part.pieces.are_all(4));
        part.publish().unwrap();
        assert!(!beside(&place, JOURNAL).exists());
        assert_eq!(fs::read(&place).unwrap(), b"abcd");

        let other = folder.path().join("b");
        let mut part = Part::open(&other, false).unwrap();
        part.restart(Some(identity(2))).unwrap();
        part.write(b"ab", 0).unwrap();
        part.tell(0..2).unwrap();
        assert!(!beside(&other, JOURNAL).exists());
        drop(part);
        // Killed before it was named: it begins anew.
        assert_eq!(Part::open(&other, false).unwrap().identity, None);
        assert_eq!(fs::metadata(beside(&other, ".part")).unwrap().len(), 0);
    }
}
