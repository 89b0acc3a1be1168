//! Which files there are, and which of them are old acquaintances under another name.
//!
//! A log file is known by its content: by its first bytes and by those before the place that was read last. Its name and its
//! inode only say where to look first. So a file that was renamed is read on; one that was copied and truncated is two files
//! of which the copy is read on where the original was left; one that was packed is read on unpacked; and a new file that was
//! given an old inode is new. What was not read of a file that is deleted, and not packed, between two looks is lost; and a
//! file that begins like another one and is shorter is taken for its copy until it is longer.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lab::{Cause, Failure, Lab, Problem};
use serde::{Deserialize, Serialize};
use tabular::unpack::{self, Compression};

/// Bytes at the beginning of a file that it is known by.
const HEAD: u64 = 1_024;
/// Bytes before a place that the place is known by.
const TAIL: u64 = 256;

/// What the user named.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Files, folders and patterns; empty for the lab's own logs.
    pub(crate) named: Vec<String>,
    /// The lab's own logs.
    pub(crate) own: PathBuf,
}

/// A file that is there.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) changed: SystemTime,
    pub(crate) packed: bool,
    /// It lies beside a file that was named and is called after it: of interest only if its content is known.
    pub(crate) sibling: bool,
}

/// A file that was read before, up to a place.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    /// Where it was last.
    pub(crate) path: PathBuf,
    /// The device and inode that it had there.
    pub(crate) device: u64,
    /// See `device`.
    pub(crate) inode: u64,
    /// The byte, unpacked, from which on it is to be read.
    pub(crate) position: u64,
    /// Line ends before it.
    pub(crate) line: u64,
    /// How many of the first bytes, and their BLAKE3.
    head: (u64, String),
    /// Likewise of the bytes before `position`.
    tail: (u64, String),
}

impl Places {
    /// Every file that is there now, in the order of their paths.
    pub(crate) fn look(&self) -> Vec<Found> {
        let mut found = Vec::new();
        if self.named.is_empty() {
            folder(&self.own, &mut found);
        }
        for place in &self.named {
            let path = Path::new(place);
            if path.is_dir() {
                folder(path, &mut found);
            } else if place.contains(['*', '?', '[']) && !path.exists() {
                let paths = glob::glob(place).into_iter().flatten().flatten();
                paths.for_each(|path| found.extend(Found::new(path, false)));
            } else {
                found.extend(Found::new(path.into(), false));
                siblings(path, &mut found);
            }
        }
        // The same file may be named twice; a file that was named comes before a sibling of that name.
        found.sort_by(|a, b| (a.sibling, &a.path).cmp(&(b.sibling, &b.path)));
        let mut seen = std::collections::HashSet::new();
        found.retain(|file| seen.insert((file.device, file.inode)));
        found
    }

    /// Every file that is to be read now, and a failure for each place without one: it costs itself only.
    ///
    /// # Errors
    /// The first failure, where no place has a file.
    pub(crate) fn files(&self, lab: &Lab) -> Result<(Vec<Found>, Vec<Failure>), Problem> {
        let mut files = self.look();
        files.retain(|file| !file.sibling);
        if files.is_empty() && self.named.is_empty() {
            lab.inputs(&[], "logs", "log")?;
        }
        let problems: Vec<(&String, Problem)> =
            self.named.iter().filter_map(|place| Some((place, missing(place)?))).collect();
        if let (true, Some((_, problem))) = (files.is_empty(), problems.first()) {
            return Err(problem.clone());
        }
        let failed = |(place, problem): (&String, Problem)| Failure {
            task: place.clone(),
            cause: Cause::Problem(problem),
        };
        Ok((files, problems.into_iter().map(failed).collect()))
    }
}

/// The reason for which a place has no log file, if it has none.
fn missing(place: &str) -> Option<Problem> {
    let expected = "a log file, a folder with .log files, or a quoted pattern such as '/var/log/app*.log'";
    let path = Path::new(place);
    if path.is_dir() {
        if let Err(error) = fs::read_dir(path) {
            return Some(Problem::because(format!("cannot list {place}"), &error));
        }
        let mut found = Vec::new();
        folder(path, &mut found);
        let empty = || Problem::new(format!("{place} has no log file")).expected(expected);
        return found.is_empty().then(empty);
    }
    if path.is_file() {
        return None;
    }
    if path.exists() {
        return Some(Problem::new(format!("{place} is neither a file nor a folder")).expected(expected));
    }
    let is_there = glob::glob(place).is_ok_and(|mut paths| paths.next().is_some());
    (!is_there).then(|| Problem::new(format!("`{place}` means no file")).expected(expected))
}

/// The log files of a folder and of the folders in it: those with `.log` in their names, or `.gz` at the end.
fn folder(path: &Path, found: &mut Vec<Found>) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folder(&path, found);
        } else if !name.starts_with('.') && (name.contains(".log") || name.ends_with(".gz")) {
            found.extend(Found::new(path, false));
        }
    }
}

/// Files beside `path` that are called after it, as rotation does: `app.log.1`, `app.log-20250310.gz`, `app.1.log`.
fn siblings(path: &Path, found: &mut Vec<Found>) {
    let Some(stem) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { return };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&stem) && entry.path() != path {
            found.extend(Found::new(parent.join(entry.file_name()), true));
        }
    }
}

/// The device and the inode of a file.
pub(crate) type Place = (u64, u64);

/// Opens a file, if it is still the one that lay there. A log may be renamed at any moment, and another one get its name.
///
/// # Errors
/// Those of opening it; one that [`is_gone`] where another file has the name now.
pub(crate) fn open_at(path: &Path, place: Option<Place>) -> io::Result<File> {
    let file = File::open(path)?;
    let data = file.metadata()?;
    let is_there = place.is_none_or(|place| place == (data.dev(), data.ino()));
    is_there.then_some(file).ok_or_else(|| ErrorKind::StaleNetworkFileHandle.into())
}

/// Whether an error says that a file goes by another name now, or by none. The next look tells.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle)
}

impl Found {
    fn new(path: PathBuf, sibling: bool) -> Option<Self> {
        let data: Metadata = fs::metadata(&path).ok().filter(Metadata::is_file)?;
        let packed = path.extension().is_some_and(|end| end == "gz");
        let changed = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Some(Self { path, device: data.dev(), inode: data.ino(), size: data.len(), changed, packed, sibling })
    }

    /// How long ago it was changed.
    pub(crate) fn quiet(&self) -> Duration {
        self.changed.elapsed().unwrap_or_default()
    }

    /// The year of its last change.
    pub(crate) fn year(&self) -> i16 {
        let time = jiff::Timestamp::try_from(self.changed).unwrap_or_default();
        time.to_zoned(jiff::tz::TimeZone::UTC).year()
    }

    /// The device and the inode.
    pub(crate) fn place(&self) -> Place {
        (self.device, self.inode)
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let compression = if self.packed { Compression::Gzip } else { Compression::None };
        unpack::read(open_at(&self.path, Some(self.place()))?, compression)
    }

    /// How long it is, unpacked.
    ///
    /// # Errors
    /// A file that cannot be unpacked, or that unpacks to so much that it is taken for a bomb.
    pub(crate) fn length(&self) -> io::Result<u64> {
        if self.packed { io::copy(&mut self.open()?, &mut io::sink()) } else { Ok(self.size) }
    }

    /// The hash of `length` bytes from `from` on; `None` where there are not as many.
    fn hash(&self, from: u64, length: u64) -> io::Result<Option<String>> {
        let mut text = Vec::new();
        if self.packed {
            let mut unpacked = self.open()?;
            io::copy(&mut (&mut unpacked).take(from), &mut io::sink())?;
            unpacked.take(length).read_to_end(&mut text)?;
        } else {
            let mut file = open_at(&self.path, Some(self.place()))?;
            file.seek(SeekFrom::Start(from))?;
            file.take(length).read_to_end(&mut text)?;
        }
        Ok((text.len() as u64 == length).then(|| blake3::hash(&text).to_hex()[..32].to_owned()))
    }
}

impl Known {
    /// A file that nobody has read yet.
    pub(crate) fn new(found: &Found) -> Self {
        let mut known = Self::default();
        known.lies_at(found);
        known
    }

    /// Remembers where the file lies now.
    pub(crate) fn lies_at(&mut self, found: &Found) {
        (self.device, self.inode) = (found.device, found.inode);
        self.path.clone_from(&found.path);
    }

    /// Remembers that the file was read up to `position`.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub(crate) fn read_to(&mut self, found: &Found, position: u64, line: u64) -> io::Result<()> {
        let (head, tail) = (position.min(HEAD), position.min(TAIL));
        let hash =
            |from, length| found.hash(from, length)?.ok_or_else(|| io::Error::other("the file was cut off"));
        self.head = (head, hash(0, head)?);
        self.tail = (tail, hash(position - tail, tail)?);
        (self.position, self.line) = (position, line);
        Ok(())
    }

    /// Whether `found` lies where this file was.
    pub(crate) fn was_at(&self, found: &Found) -> bool {
        (self.device, self.inode) == (found.device, found.inode)
    }

    /// Whether there is anything to know it by.
    pub(crate) fn has_content(&self) -> bool {
        self.head.0 > 0
    }

    /// Whether `found` has the content that was read of this file. One that cannot be read, as one that is still being packed,
    /// has not.
    ///
    /// # Errors
    /// A file that [`is_gone`]: whether it is this one cannot be told.
    pub(crate) fn is(&self, found: &Found) -> io::Result<bool> {
        no_unless_gone(self.is_by_content(found))
    }

    fn is_by_content(&self, found: &Found) -> io::Result<bool> {
        if !found.packed && found.size < self.position {
            return Ok(false);
        }
        let same = |from, (length, hash): &(u64, String)| -> io::Result<bool> {
            Ok(*length == 0 || found.hash(from, *length)?.as_ref() == Some(hash))
        };
        Ok(same(0, &self.head)? && same(self.position - self.tail.0, &self.tail)?)
    }

    /// Whether all that `found` holds was read of this file: it is an old copy of it.
    ///
    /// # Errors
    /// A file that [`is_gone`].
    pub(crate) fn holds(&self, found: &Found) -> io::Result<bool> {
        no_unless_gone(self.holds_content(found))
    }

    fn holds_content(&self, found: &Found) -> io::Result<bool> {
        let length = found.length()?;
        if length == 0 || length > self.position {
            return Ok(false);
        }
        // What lies where this file lies tells more than its first bytes as they were hashed, of which a copy may have fewer.
        let here = Found::new(self.path.clone(), false).filter(|here| self.was_at(here));
        let (both, known) = match here {
            Some(here) => (length.min(HEAD), here.hash(0, length.min(HEAD))?),
            None => (self.head.0, Some(self.head.1.clone())),
        };
        Ok(both > 0 && both <= length && known.is_some() && found.hash(0, both)? == known)
    }
}

/// What cannot be read is nothing that is known, unless it is only not there any more.
fn no_unless_gone(answer: io::Result<bool>) -> io::Result<bool> {
    answer.or_else(|error| if is_gone(&error) { Err(error) } else { Ok(false) })
}
