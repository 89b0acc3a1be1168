//! A lake that is being changed: what it was, what it will be, and the one step between them.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use lab::out::{Staging, publish};
use lab::{OrProblem, Problem, Stop};

use super::manifest::{Entry, Manifest, NAME, Written, read};
use super::remote::{Objects, Remote};

/// The folders that only we write to.
const FOLDERS: [&str; 2] = ["orders", "rejects"];

/// A lake that is being changed by one run.
#[derive(Debug)]
pub(super) struct NewLake {
    place: Place,
    pub(super) staging: Staging,
    /// What it was before.
    old: Option<Manifest>,
    /// Files that will be part of it: where they are now, and where they belong.
    moves: Vec<(PathBuf, String)>,
}

/// Where a lake is.
#[derive(Debug)]
enum Place {
    /// A folder and its lock: two runs would take each other's files away. The system gives it up when its owner dies.
    Folder(PathBuf, File),
    /// An object store, and what was there when the run began.
    Store(Remote, Objects),
}

/// A lake that was committed, to be read back.
#[derive(Debug)]
pub(super) enum Lake {
    /// A folder.
    Folder(PathBuf),
    /// An object store, and a folder for what is fetched of it.
    Store(Remote, Staging),
}

/// Whether a path of the command line means an object store.
pub(super) fn is_remote(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with("s3://"))
}

impl NewLake {
    /// Opens a lake, or makes the folder of one.
    ///
    /// # Errors
    /// A place that holds something else, that cannot be written to, or at which another run is at work.
    pub(super) fn open(path: &Path, stop: &Stop) -> Result<Self, Problem> {
        if let Some(url) = path.to_str().filter(|_| is_remote(path)) {
            return Self::open_store(url, stop);
        }
        let cannot = || format!("cannot open the lake in {}", path.display());
        fs::create_dir_all(path).or_problem(cannot)?;
        let lock = File::open(path).or_problem(cannot)?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(Problem::new("another run is at work on this lake").at(path.display()));
        }
        let manifest = path.join(NAME);
        let old = if manifest.exists() { Some(read(&manifest)?) } else { None };
        for entry in fs::read_dir(path).or_problem(cannot)? {
            let name = entry.or_problem(cannot)?.file_name();
            check_ours(&name.to_string_lossy(), old.as_ref(), &path.display().to_string())?;
        }
        let staging = Staging::within(path)?;
        Ok(Self { place: Place::Folder(path.into(), lock), staging, old, moves: Vec::new() })
    }

    fn open_store(url: &str, stop: &Stop) -> Result<Self, Problem> {
        let remote = Remote::open(url)?;
        let objects = remote.list()?;
        let staging = Staging::within(&std::env::temp_dir())?;
        let old = if objects.contains_key(NAME) {
            remote.fetch(&[NAME.into()], staging.folder(), stop)?;
            Some(read(&staging.path(NAME))?)
        } else {
            None
        };
        for name in objects.keys() {
            check_ours(name.split('/').next().unwrap_or_default(), old.as_ref(), url)?;
        }
        Ok(Self { place: Place::Store(remote, objects), staging, old, moves: Vec::new() })
    }

    /// What an earlier run made of the same input, if all of it is still there.
    pub(super) fn known(&self, partition: &str, input: &str) -> Option<&Entry> {
        let entries = &self.old.as_ref()?.partitions;
        let place = entries.binary_search_by(|entry| entry.partition.as_str().cmp(partition)).ok()?;
        let entry = &entries[place];
        let there = |file: &Written| match &self.place {
            Place::Folder(folder, _) => {
                folder.join(&file.path).metadata().is_ok_and(|found| found.len() == file.bytes)
            }
            Place::Store(_, objects) => {
                objects.get(&file.path).is_some_and(|(bytes, _)| *bytes == file.bytes)
            }
        };
        let whole = entry.orders.iter().chain(&entry.rejects).all(there);
        (entry.input == input && whole).then_some(entry)
    }

    /// A staged file that will be at `path` in the lake.
    pub(super) fn add(&mut self, staged: PathBuf, path: String, bytes: u64, digest: blake3::Hash) -> Written {
        self.moves.push((staged, path.clone()));
        Written { path, bytes, digest: digest.to_hex().to_string() }
    }

    /// Makes `new` the lake: its files are put in their places, then its manifest, and then what belongs to it no more is
    /// removed. Whoever is killed in between leaves files that no manifest names; the next run removes them.
    ///
    /// # Errors
    /// A disk or a store that takes no more. Before the manifest is in its place the lake is what it was, and then the new one.
    pub(super) fn commit(self, new: &Manifest, stop: &Stop) -> Result<Lake, Problem> {
        let mut text = serde_json::to_vec(new).or_problem(|| "cannot write the manifest")?;
        text.push(b'\n');
        match self.place {
            Place::Folder(folder, lock) => {
                commit_folder(&folder, &self.staging, &self.moves, &text, new)?;
                drop(lock);
                Ok(Lake::Folder(folder))
            }
            Place::Store(remote, objects) => {
                // What is there already under the name of its input is what would be put.
                let lacking = |(_, name): &&(PathBuf, String)| !objects.contains_key(name);
                let put: Vec<_> = self.moves.iter().filter(lacking).cloned().collect();
                remote.put(&put, stop)?;
                stop.check()?;
                let old = objects.get(NAME).and_then(|(_, version)| version.clone());
                remote.replace(NAME, text, old)?;
                let kept: HashSet<&str> =
                    new.written().map(|file| file.path.as_str()).chain([NAME]).collect();
                let gone = objects.into_keys().filter(|name| !kept.contains(name.as_str()));
                remote.remove(&gone.collect());
                Ok(Lake::Store(remote, self.staging))
            }
        }
    }
}

impl Lake {
    /// A file of the lake, where it can be read.
    ///
    /// # Errors
    /// A store that does not give it.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf, Problem> {
        match self {
            Self::Folder(folder) => Ok(folder.join(name)),
            Self::Store(remote, staging) => {
                remote.fetch(&[name.into()], staging.folder(), &Stop::new())?;
                Ok(staging.path(name))
            }
        }
    }

    /// Where it is.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Store(remote, _) => format!("{remote:?}"),
        }
    }
}

fn commit_folder(
    folder: &Path,
    staging: &Staging,
    moves: &[(PathBuf, String)],
    manifest: &[u8],
    new: &Manifest,
) -> Result<(), Problem> {
    let cannot = || format!("cannot write the lake in {}", folder.display());
    let mut made = HashSet::new();
    for (staged, path) in moves {
        let place = folder.join(path);
        let parent = place.parent().unwrap_or(folder);
        if made.insert(parent.to_path_buf()) {
            fs::create_dir_all(parent).or_problem(cannot)?;
        }
        publish(staged, &place)?;
    }
    let staged = staging.path(NAME);
    fs::write(&staged, manifest).or_problem(cannot)?;
    publish(&staged, &folder.join(NAME))?;
    let kept: HashSet<PathBuf> = new.written().map(|file| folder.join(&file.path)).collect();
    for own in FOLDERS {
        sweep(&folder.join(own), &kept);
    }
    sweep_revenue(folder, &kept);
    Ok(())
}

/// What is left of a run that was killed before its manifest is ours as well.
fn check_ours(name: &str, old: Option<&Manifest>, place: &str) -> Result<(), Problem> {
    if old.is_some() || name.starts_with('.') || is_ours(name) {
        return Ok(());
    }
    Err(Problem::new("this is no lake of ours")
        .at(format!("{place}/{name}"))
        .expected("a new or an empty folder, or one with our manifest.json"))
}

fn is_ours(name: &str) -> bool {
    FOLDERS.contains(&name) || is_revenue(name)
}

fn is_revenue(name: &str) -> bool {
    name.starts_with("revenue-") && name.ends_with(".parquet")
}

/// Removes files that do not belong to the lake, and folders that are empty then. What cannot be removed is tried again by
/// the next run, and no reader of the manifest sees it.
fn sweep(folder: &Path, kept: &HashSet<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&path, kept);
        } else if !kept.contains(&path) {
            let _ = fs::remove_file(path);
        }
    }
    // Only an empty folder is removed.
    let _ = fs::remove_dir(folder);
}

fn sweep_revenue(folder: &Path, kept: &HashSet<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let old = entry.file_name().to_str().is_some_and(is_revenue) && !kept.contains(&entry.path());
        if old {
            let _ = fs::remove_file(entry.path());
        }
    }
}
