//! Files that are whole or not there.
//!
//! What is being written lies in a hidden folder beside its final place, on the same file system, and is moved there by
//! one rename when it is whole. The folder is removed when the work ends, however it ends; one that a killed process left
//! is removed by the next run that writes to the same place.
//!
//! A place may also be something that is no file: `/dev/null`, a pipe, standard output. Bytes are then copied into it, since a
//! rename would put a file where it was. A symbolic link stays, and the file that it points to is replaced.
//!
//! [`Files`] refuses an output that is an input; [`made`] keeps files of the user's in a folder of ours from being replaced.

mod files;
pub mod made;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use files::Files;

use crate::problem::{OrProblem, Problem};

/// Names of standard output.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
const PREFIX: &str = ".paralelo-";
/// The file whose lock says that the folder's owner lives; the system gives it up when the owner dies.
const LOCK: &str = ".lock";
/// The same file before it is locked: nobody who finds it so may take the owner for dead.
const UNLOCKED: &str = ".lock.new";
/// After this time a folder that never came to its lock is nobody's.
const ABANDONED: Duration = Duration::from_hours(1);

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A hidden folder for unfinished files. Dropping it removes it.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    /// A staging folder for files that will lie in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// A folder that cannot be made or written to.
    pub fn within(folder: &Path) -> Result<Self, Problem> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let staging = folder.join(format!("{PREFIX}{}-{number}", std::process::id()));
        let cannot = || format!("cannot write to {}", folder.display());
        fs::create_dir_all(&staging).or_problem(cannot)?;
        let lock = File::create(staging.join(UNLOCKED)).or_problem(cannot)?;
        // A file system without locks leaves the folder unprotected, and then the sweep does not touch it either.
        let _ = lock.try_lock();
        fs::rename(staging.join(UNLOCKED), staging.join(LOCK)).or_problem(cannot)?;
        sweep(folder);
        Ok(Self { folder: staging, _lock: lock })
    }

    /// A staging folder beside a file that will lie at `file`.
    ///
    /// # Errors
    /// A folder that cannot be made or written to.
    pub fn beside(file: &Path) -> Result<Self, Problem> {
        if is_stream(file) {
            return Self::within(&std::env::temp_dir());
        }
        let file = target_of(file);
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self::within(parent.unwrap_or(Path::new(".")))
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where to write the file that will be called `name`. Whoever tries again writes to the same place.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Gives a whole file its final name, in one step. What is no file, such as a pipe, gets its bytes.
///
/// # Errors
/// The rename's error, or that of the copy.
pub fn publish(staged: &Path, place: &Path) -> Result<(), Problem> {
    let cannot = || format!("cannot put {} in its place", place.display());
    if is_stream(place) {
        return pour(staged, place).or_problem(cannot);
    }
    // A link that takes the place of another one is not followed.
    let is_link = fs::symlink_metadata(staged).is_ok_and(|found| found.is_symlink());
    let place = if is_link { place.to_path_buf() } else { target_of(place) };
    match fs::rename(staged, &place) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let beside = Staging::beside(&place)?;
            let copy = beside.path("copy");
            fs::copy(staged, &copy).and_then(|_| fs::rename(&copy, &place)).or_problem(cannot)
        }
        renamed => renamed.or_problem(cannot),
    }
}

/// Copies a whole file into something that is no file. A reader that has seen enough is no error.
fn pour(staged: &Path, place: &Path) -> io::Result<()> {
    let mut from = File::open(staged)?;
    let copied = if is_stdout(place) {
        io::copy(&mut from, &mut io::stdout().lock())
    } else {
        io::copy(&mut from, &mut OpenOptions::new().write(true).open(place)?)
    };
    match copied {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn is_stdout(place: &Path) -> bool {
    STDOUT.iter().any(|name| place == Path::new(name))
}

/// Whether a place is a device, a pipe, a socket or standard output.
fn is_stream(place: &Path) -> bool {
    is_stdout(place) || fs::metadata(place).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The file that a symbolic link points to; any other path as it is.
fn target_of(place: &Path) -> PathBuf {
    let is_link = fs::symlink_metadata(place).is_ok_and(|found| found.is_symlink());
    if is_link { fs::canonicalize(place).unwrap_or_else(|_| place.into()) } else { place.into() }
}

/// Removes the staging folders whose owners are no more.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if ours && is_dead(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the owner of a staging folder is no more: its lock can be had, or it never came so far.
fn is_dead(staging: &Path) -> bool {
    if let Ok(lock) = File::open(staging.join(LOCK)) {
        return !matches!(lock.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_)));
    }
    let made = fs::metadata(staging).and_then(|found| found.modified());
    made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > ABANDONED))
}

/// Removes a file or a folder with all it holds, if it is there.
///
/// # Errors
/// The error of the removal.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_leaves_only_what_was_published() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::within(folder.path()).unwrap();
        fs::write(staging.path("whole"), "1").unwrap();
        fs::write(staging.path("half"), "2").unwrap();
        publish(&staging.path("whole"), &folder.path().join("whole")).unwrap();
        drop(staging);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["whole"]);
    }

    #[test]
    fn a_link_stays_and_what_it_points_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("far/real"), folder.path().join("link"));
        fs::create_dir(real.parent().unwrap()).unwrap();
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let staging = Staging::beside(&link).unwrap();
        fs::write(staging.path("new"), "new").unwrap();
        publish(&staging.path("new"), &link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    }

    #[test]
    fn what_is_no_file_gets_the_bytes_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read_to_string(pipe).unwrap())
        };
        for place in [pipe.as_path(), Path::new("/dev/null")] {
            let staging = Staging::beside(place).unwrap();
            fs::write(staging.path("new"), "new").unwrap();
            publish(&staging.path("new"), place).unwrap();
            assert!(is_stream(place), "{}", place.display());
        }
        assert_eq!(reader.join().unwrap(), "new");
    }

    #[test]
    fn the_staging_of_a_dead_process_is_swept_and_that_of_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let living = Staging::within(folder.path()).unwrap();
        // What a killed process leaves: the folder and its lock file, with nobody who holds it.
        let dead = folder.path().join(format!("{PREFIX}1-0"));
        fs::create_dir(&dead).unwrap();
        File::create(dead.join(LOCK)).unwrap();
        let next = Staging::within(folder.path()).unwrap();
        assert!(!dead.exists() && living.folder().exists() && next.folder().exists());
    }

    #[test]
    fn those_who_begin_at_the_same_time_do_not_take_one_another_for_dead() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let staging = Staging::within(folder.path()).unwrap();
                        assert!(staging.folder().exists());
                    }
                });
            }
        });
    }

    #[test]
    fn a_folder_that_never_came_to_its_lock_is_swept_once_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let [young, old] = [1, 2].map(|number| folder.path().join(format!("{PREFIX}{number}-0")));
        for staging in [&young, &old] {
            fs::create_dir(staging).unwrap();
            File::create(staging.join(UNLOCKED)).unwrap();
        }
        let long_ago = std::time::SystemTime::now() - 2 * ABANDONED;
        File::open(&old).unwrap().set_modified(long_ago).unwrap();
        drop(Staging::within(folder.path()).unwrap());
        assert_eq!((young.exists(), old.exists()), (true, false));
    }
}
