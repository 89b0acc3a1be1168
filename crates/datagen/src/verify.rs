//! Checks a folder against its manifest: every byte of every file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::error::{Error, Result};
use crate::generate::Progress;
use crate::manifest::{Entry, FILE_NAME, Manifest};

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path relative to the manifest.
    pub path: String,
    /// What is wrong, in words.
    pub what: String,
}

/// Checks `folder` with `workers` threads. No problem means that every file of the manifest is there and has the bytes
/// that were written.
///
/// # Errors
/// Without a readable manifest, and [`Error::Interrupted`] once `stop` is set.
pub fn verify(
    folder: &Path,
    workers: usize,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<(Manifest, Vec<Problem>)> {
    let manifest = Manifest::read(folder)?.ok_or_else(|| Error::Usage {
        message: format!("{} has no {FILE_NAME}", folder.display()),
        hint: "name the folder that datagen wrote into, such as data/raw/small".into(),
    })?;
    let mut problems = Mutex::new(Vec::new());
    // Each worker takes the next file; which one is no matter, for problems are sorted below.
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(entry) = manifest.files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Acquire) {
                return;
            }
            if let Some(what) = problem(folder, entry, stop) {
                let found = Problem { path: entry.path.clone(), what };
                problems.lock().unwrap_or_else(PoisonError::into_inner).push(found);
            }
            progress.rows(entry.rows);
        }
    };
    thread::scope(|scope| (0..workers.max(1)).for_each(|_| drop(scope.spawn(work))));
    if stop.load(Ordering::Acquire) {
        return Err(Error::Interrupted);
    }
    let found = problems.get_mut().unwrap_or_else(PoisonError::into_inner);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let mut found = std::mem::take(found);
    if !manifest.complete {
        found.insert(0, Problem { path: FILE_NAME.into(), what: "the run was not completed".into() });
    }
    Ok((manifest, found))
}

/// What is wrong with a file, if anything.
fn problem(folder: &Path, entry: &Entry, stop: &AtomicBool) -> Option<String> {
    match hash(&folder.join(&entry.path), stop) {
        Err(error) => Some(format!("cannot be read: {error}")),
        Ok((bytes, _)) if bytes != entry.bytes => {
            Some(format!("has {bytes} bytes instead of {}", entry.bytes))
        }
        Ok((_, hash)) if hash.to_hex().as_str() != entry.blake3 => {
            Some("has the right size and other bytes".into())
        }
        Ok(_) => None,
    }
}

/// Whether a path of a manifest stays below the manifest's folder.
pub(crate) fn is_inside(path: &str) -> bool {
    let mut components = Path::new(path).components();
    !path.is_empty() && components.all(|component| matches!(component, Component::Normal(_)))
}

fn hash(path: &Path, stop: &AtomicBool) -> io::Result<(u64, blake3::Hash)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    while !stop.load(Ordering::Relaxed) {
        let read = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((bytes, hasher.finalize()))
}
