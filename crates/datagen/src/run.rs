//! One run: compare the plan with what is there, make what is missing, and keep the manifest.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::encode::{Options, Tables};
use crate::error::{Error, Result};
use crate::generate::{Progress, Written, generate};
use crate::manifest::{Arguments, Entry, FILE_NAME, Manifest, VERSION};
use crate::plan::PlannedFile;
use crate::sink::sweep;

/// What to make, and where.
#[derive(Debug, Clone)]
pub struct Request {
    /// What was asked for, as the manifest keeps it.
    pub arguments: Arguments,
    /// What decides about bytes beside the plan.
    pub options: Options,
    /// The files.
    pub plan: Vec<PlannedFile>,
    /// The folder of the manifest; the plan's paths are relative to it.
    pub root: PathBuf,
    /// Threads, at least 1.
    pub workers: usize,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The manifest, now complete.
    pub manifest: Manifest,
    /// Files that this run wrote; the others were there.
    pub written: usize,
    /// Bytes of the files that this run wrote.
    pub bytes: u64,
}

/// Makes what is missing of `request`. Files of an earlier run with the same arguments are kept; they are known by the
/// manifest and their size ([`crate::verify`] reads every byte).
///
/// # Errors
/// [`Error::Interrupted`] once `stop` is set, and whatever the file system refuses.
pub fn run(request: &Request, stop: &AtomicBool, progress: &dyn Progress) -> Result<Outcome> {
    let root = &request.root;
    let mut manifest = Manifest {
        version: VERSION,
        arguments: planned(request),
        seed: request.options.seed,
        complete: false,
        files: Vec::new(),
    };
    let found = Manifest::read(root)?;
    match &found {
        Some(found) if found.is_of(&manifest) => {
            let present = found.present(root);
            let kept = request.plan.iter().filter_map(|file| present.get(file.path.as_str()));
            manifest.files = kept.map(|entry| (*entry).clone()).collect();
            if manifest.files.len() == request.plan.len() && found.complete {
                return Ok(Outcome { manifest: found.clone(), written: 0, bytes: 0 });
            }
        }
        Some(found) => {
            for path in found.left_over(&request.plan, root) {
                remove(&path)?;
            }
        }
        None => refuse_foreign_files(request)?,
    }
    let kept: HashSet<&str> = manifest.files.iter().map(|entry| entry.path.as_str()).collect();
    let missing: Vec<PlannedFile> =
        request.plan.iter().filter(|file| !kept.contains(file.path.as_str())).cloned().collect();
    let folders: HashSet<PathBuf> =
        missing.iter().filter_map(|file| root.join(&file.path).parent().map(Path::to_owned)).collect();
    for folder in &folders {
        sweep(folder);
    }
    manifest.write(root)?;
    let keeper =
        Keeper { missing: &missing, root, kept: Mutex::new((manifest, Instant::now())), told: progress };
    let tables = Tables::new(&request.options);
    let result = generate(&tables, &missing, root, request.workers, stop, &keeper);
    let (mut manifest, _) = keeper.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    let place: HashMap<&str, usize> =
        request.plan.iter().enumerate().map(|(place, file)| (file.path.as_str(), place)).collect();
    manifest.files.sort_by_key(|entry| place.get(entry.path.as_str()).copied());
    manifest.complete = result.is_ok();
    let saved = manifest.write(root);
    // What stopped the run says more than what stopped the manifest.
    result.and(saved)?;
    let new: HashSet<&str> = missing.iter().map(|file| file.path.as_str()).collect();
    let new = manifest.files.iter().filter(|entry| new.contains(entry.path.as_str()));
    let bytes = new.map(|entry| entry.bytes).sum();
    Ok(Outcome { manifest, written: missing.len(), bytes })
}

/// The arguments with what they were taken to mean: the same words mean another plan when a scale has changed, and files of
/// the old plan must not pass for the new one's.
fn planned(request: &Request) -> Arguments {
    let rows: u64 = request.plan.iter().map(|file| file.rows.end - file.rows.start).sum();
    let mut arguments = request.arguments.clone();
    arguments.options.push(format!("planned={} files, {rows} rows", request.plan.len()));
    arguments
}

/// Files of the plan that no manifest names belong to somebody else.
fn refuse_foreign_files(request: &Request) -> Result<()> {
    let foreign = request.plan.iter().map(|file| request.root.join(&file.path)).find(|path| path.exists());
    foreign.map_or(Ok(()), |path| {
        Err(Error::Usage {
            message: format!("{} is there already, and no {FILE_NAME} says that it is ours", path.display()),
            hint: "choose another folder with --out, or move that file away".into(),
        })
    })
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::File { action: "remove", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Time between two saves of the manifest while a run goes on. What is done in between is done again after a crash.
const SAVE_PACE: Duration = Duration::from_millis(200);

/// Notes every finished file in the manifest.
struct Keeper<'a> {
    missing: &'a [PlannedFile],
    root: &'a Path,
    /// The manifest and when it was last saved; held while it is saved, so that two finished files cannot save each
    /// other's past.
    kept: Mutex<(Manifest, Instant)>,
    told: &'a dyn Progress,
}

impl Progress for Keeper<'_> {
    fn rows(&self, rows: u64) {
        self.told.rows(rows);
    }

    fn file(&self, written: &Written) -> Result<()> {
        let file = &self.missing[written.file];
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0.files.push(Entry {
            path: file.path.clone(),
            table: file.table,
            format: file.format,
            bytes: written.bytes,
            rows: written.rows,
            blake3: written.hash.to_hex().to_string(),
        });
        if kept.1.elapsed() >= SAVE_PACE {
            kept.0.write(self.root)?;
            kept.1 = Instant::now();
        }
        drop(kept);
        self.told.file(written)
    }
}
