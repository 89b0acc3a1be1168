//! What belongs to a lake: the one file that decides.
//!
//! `manifest.json` is one JSON object; README.md beside this file explains its fields. A lake is changed by one rename of
//! its manifest: before it the old files are the lake, after it the new ones are.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use lab::out::{Staging, publish};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

use super::revenue::{Group, merged};

/// The value of the field `format`.
pub(super) const FORMAT: &str = "paralelo lake 1";
/// The manifest's name.
pub(super) const NAME: &str = "manifest.json";
/// The folders that only we write to.
const FOLDERS: [&str; 2] = ["orders", "rejects"];

/// The content of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: String,
    /// Digest of the table that the orders were joined with.
    pub(super) customers: String,
    pub(super) rows_in: u64,
    pub(super) rows: u64,
    pub(super) rejected: u64,
    pub(super) revenue: Option<Written>,
    pub(super) partitions: Vec<Entry>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) partition: String,
    /// What decides whether it has changed.
    pub(super) input: String,
    pub(super) files: Vec<InputFile>,
    pub(super) rows_in: u64,
    pub(super) rows: u64,
    pub(super) rejected: u64,
    pub(super) orders: Option<Written>,
    pub(super) rejects: Option<Written>,
    pub(super) groups: Vec<Group>,
}

/// A file that a partition was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InputFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) digest: String,
}

/// A file of the lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) digest: String,
}

impl Manifest {
    pub(super) fn new(customers: String) -> Self {
        Self { format: FORMAT.into(), customers, ..Self::default() }
    }

    /// The groups of all partitions.
    ///
    /// # Errors
    /// A sum that does not fit 64 bits.
    pub(super) fn groups(&self) -> Result<Vec<Group>, Problem> {
        merged(self.partitions.iter().flat_map(|entry| &entry.groups))
    }

    fn written(&self) -> impl Iterator<Item = &Written> {
        let partitions = self.partitions.iter().flat_map(|entry| entry.orders.iter().chain(&entry.rejects));
        partitions.chain(&self.revenue)
    }
}

/// A lake that is being changed by one run.
#[derive(Debug)]
pub(super) struct NewLake {
    folder: PathBuf,
    pub(super) staging: Staging,
    /// What it was before.
    pub(super) old: Option<Manifest>,
    /// Files that will be part of it: where they are now, and where they belong.
    moves: Vec<(PathBuf, String)>,
    /// The folder's lock: two runs would take each other's files away. The system gives it up when its owner dies.
    _lock: File,
}

impl NewLake {
    /// Opens a lake, or makes the folder of one.
    ///
    /// # Errors
    /// A folder that holds something else, that cannot be written to, or at which another run is at work.
    pub(super) fn open(folder: &Path) -> Result<Self, Problem> {
        let cannot = || format!("cannot open the lake in {}", folder.display());
        fs::create_dir_all(folder).or_problem(cannot)?;
        let lock = File::open(folder).or_problem(cannot)?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(Problem::new("another run is at work on this lake").at(folder.display()));
        }
        let path = folder.join(NAME);
        let old = if path.exists() { Some(read(&path)?) } else { None };
        if old.is_none() {
            for entry in fs::read_dir(folder).or_problem(cannot)? {
                let name = entry.or_problem(cannot)?.file_name();
                // What is left of a run that was killed before its manifest is ours as well.
                let ours = name.to_str().is_some_and(|name| name.starts_with('.') || is_ours(name));
                if !ours {
                    return Err(Problem::new("this folder is no lake of ours")
                        .at(folder.join(name).display())
                        .expected("a new or an empty folder, or one with our manifest.json"));
                }
            }
        }
        let staging = Staging::within(folder)?;
        Ok(Self { folder: folder.into(), staging, old, moves: Vec::new(), _lock: lock })
    }

    /// What an earlier run made of the same input, if all of it is still there.
    pub(super) fn known(&self, partition: &str, input: &str) -> Option<&Entry> {
        let entries = &self.old.as_ref()?.partitions;
        let place = entries.binary_search_by(|entry| entry.partition.as_str().cmp(partition)).ok()?;
        let entry = &entries[place];
        let there = |file: &Written| {
            self.folder.join(&file.path).metadata().is_ok_and(|found| found.len() == file.bytes)
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
    /// A disk that takes no more. Before the manifest's rename the lake is what it was, and after it the new one.
    pub(super) fn commit(self, new: &Manifest) -> Result<(), Problem> {
        let cannot = || format!("cannot write the lake in {}", self.folder.display());
        let mut made = HashSet::new();
        for (staged, path) in &self.moves {
            let place = self.folder.join(path);
            let parent = place.parent().unwrap_or(&self.folder);
            if made.insert(parent.to_path_buf()) {
                fs::create_dir_all(parent).or_problem(cannot)?;
            }
            publish(staged, &place)?;
        }
        let staged = self.staging.path(NAME);
        let mut text = serde_json::to_vec(new).or_problem(cannot)?;
        text.push(b'\n');
        fs::write(&staged, text).or_problem(cannot)?;
        publish(&staged, &self.folder.join(NAME))?;
        let kept: HashSet<PathBuf> = new.written().map(|file| self.folder.join(&file.path)).collect();
        for folder in FOLDERS {
            sweep(&self.folder.join(folder), &kept);
        }
        sweep_revenue(&self.folder, &kept);
        Ok(())
    }
}

/// Reads the manifest of a lake.
///
/// # Errors
/// A file that cannot be read or is none.
pub(super) fn read(path: &Path) -> Result<Manifest, Problem> {
    let text = fs::read(path).or_problem(|| format!("cannot read {}", path.display()))?;
    let manifest = serde_json::from_slice(&text).ok();
    manifest.filter(|manifest: &Manifest| manifest.format == FORMAT).ok_or_else(|| {
        Problem::new("this is no manifest of a lake")
            .at(path.display())
            .expected(format!("a JSON object whose format is `{FORMAT}`"))
            .hint("write to another folder with --out, or remove this one if nothing in it is needed")
    })
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
