//! The unfinished file and its journal.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use lab::{OrProblem, Problem};

use super::journal::{Identity, Journal};
use super::pieces::Pieces;

/// What has come of a file.
#[derive(Debug)]
pub(super) struct Part {
    place: PathBuf,
    path: PathBuf,
    journal_path: PathBuf,
    file: File,
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
        let (path, journal_path) = (beside(place, ".part"), beside(place, ".part.journal"));
        let cannot = || format!("cannot write to {}", path.display());
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).or_problem(cannot)?;
        }
        let (journal, identity, pieces) = Journal::open(&journal_path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .or_problem(cannot)?;
        let length = file.metadata().or_problem(cannot)?.len();
        let mut part =
            Self { place: place.into(), path, journal_path, file, journal, sync, identity, pieces };
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
        let empty = self.journal.begin(self.identity.as_ref()).and_then(|()| self.file.set_len(0));
        empty.or_problem(|| format!("cannot write to {}", self.path.display()))
    }

    /// The file ends here, as is known only now; all of it is there.
    pub(super) fn end_at(&mut self, identity: Identity, end: u64) -> Result<(), Problem> {
        let told = self.journal.begin(Some(&identity)).and_then(|()| self.journal.tell(&(0..end)));
        self.identity = Some(identity);
        told.or_problem(|| format!("cannot write to {}", self.journal_path.display()))
    }

    /// Writes bytes to their place.
    pub(super) fn write(&self, bytes: &[u8], at: u64) -> Result<(), Problem> {
        self.file.write_all_at(bytes, at).or_problem(|| format!("cannot write to {}", self.path.display()))
    }

    /// Tells the journal that these bytes were written.
    pub(super) fn tell(&mut self, range: Range<u64>) -> Result<(), Problem> {
        if range.is_empty() {
            return Ok(());
        }
        let synced = if self.sync { self.file.sync_data() } else { Ok(()) };
        let told = synced.and_then(|()| self.journal.tell(&range));
        self.pieces.add(range);
        told.or_problem(|| format!("cannot write to {}", self.journal_path.display()))
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
    pub(super) fn publish(self) -> Result<(), Problem> {
        if self.sync {
            self.file.sync_all().or_problem(|| format!("cannot write to {}", self.path.display()))?;
        }
        lab::out::publish(&self.path, &self.place)?;
        forget(&self.place);
        Ok(())
    }

    /// Removes what has come: it is of no use.
    pub(super) fn discard(self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.journal_path);
    }
}

/// Removes the journal of a file that has its name: a run may have been killed before it could.
pub(super) fn forget(place: &Path) {
    let _ = fs::remove_file(beside(place, ".part.journal"));
}

fn beside(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    place.with_file_name(name)
}
