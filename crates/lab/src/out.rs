//! Files that are whole or not there.
//!
//! What is being written lies in a hidden folder beside its final place, on the same file system, and is moved there by
//! one rename when it is whole. The folder is removed when the work ends, however it ends; one that a killed process left
//! is removed by the next run that writes to the same place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::problem::{OrProblem, Problem};

const PREFIX: &str = ".paralelo-";

/// A hidden folder for unfinished files. Dropping it removes it.
#[derive(Debug)]
pub struct Staging(PathBuf);

impl Staging {
    /// A staging folder for files that will lie in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// A folder that cannot be made or written to.
    pub fn within(folder: &Path) -> Result<Self, Problem> {
        let staging = folder.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&staging).or_problem(|| format!("cannot write to {}", folder.display()))?;
        sweep(folder);
        Ok(Self(staging))
    }

    /// A staging folder beside a file that will lie at `file`.
    ///
    /// # Errors
    /// A folder that cannot be made or written to.
    pub fn beside(file: &Path) -> Result<Self, Problem> {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self::within(parent.unwrap_or(Path::new(".")))
    }

    /// Where to write the file that will be called `name`. Whoever tries again writes to the same place.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Gives a whole file its final name, in one step.
///
/// # Errors
/// The rename's error.
pub fn publish(staged: &Path, place: &Path) -> Result<(), Problem> {
    fs::rename(staged, place).or_problem(|| format!("cannot put {} in its place", place.display()))
}

/// Removes the staging folders of processes that are no more.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let owner =
            entry.file_name().to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<i32>().ok());
        if owner.is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
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
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let dead = folder.path().join(format!("{PREFIX}{}", child.id()));
        let living = folder.path().join(format!("{PREFIX}{}", std::os::unix::process::parent_id()));
        fs::create_dir(&dead).unwrap();
        fs::create_dir(&living).unwrap();
        let _staging = Staging::within(folder.path()).unwrap();
        assert!(!dead.exists() && living.exists());
    }
}
