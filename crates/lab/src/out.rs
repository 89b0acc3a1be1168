//! Files that are whole or not there.
//!
//! What is being written lies in a hidden folder beside its final place, on the same file system, and is moved there by
//! one rename when it is whole. The folder is removed when the work ends, however it ends; one that a killed process left
//! is removed by the next run that writes to the same place.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::problem::{OrProblem, Problem};

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

/// Gives a whole file its final name, in one step.
///
/// # Errors
/// The rename's error.
pub fn publish(staged: &Path, place: &Path) -> Result<(), Problem> {
    fs::rename(staged, place).or_problem(|| format!("cannot put {} in its place", place.display()))
}

/// Removes the staging folders whose owners are no more.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
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
