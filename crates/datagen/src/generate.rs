//! Makes the files of a plan with any number of workers.
//!
//! Workers take pieces from a *desk*: a worker goes to the file with the fewest workers on it, the first such file in
//! the plan, and takes its next piece. With more files than workers each worker so keeps to a file of its own; at the
//! end, or with one large file, several make pieces of the same file. A finished piece is appended when its turn comes.
//!
//! # Locks
//! - `desk` is held to choose a piece, never while rows are made or written.
//! - `Turn` belongs to one file and is held while a piece is appended: appending is what has to be in order. A worker
//!   waits for its turn on `moved`. The piece before it was handed out earlier to a worker that either makes it or waits
//!   itself for an earlier one, so the first piece always moves and no circle can form.
//!
//! A worker holds at most one piece, so memory is workers times one piece, whatever the size of the data.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::encode::{Sink, Tables};
use crate::error::{Error, Result};
use crate::page::Page;
use crate::plan::PlannedFile;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its index in the plan.
    pub file: usize,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The BLAKE3 hash of its bytes.
    pub hash: blake3::Hash,
}

/// Who is told how it goes. Calls come from the workers, so implementations are quick and do not block.
pub trait Progress: Sync {
    /// `rows` more rows were written, or read back.
    fn rows(&self, rows: u64);
    /// A file got its name. An error ends the run.
    ///
    /// # Errors
    /// When what is kept about finished files cannot be saved.
    fn file(&self, written: &Written) -> Result<()>;
}

/// How far the pieces of one file are handed out.
struct Progressing {
    next: u64,
    pieces: u64,
    workers: usize,
}

/// What there is to take.
struct Desk {
    /// Every file before this one is handed out.
    first_open: usize,
    files: Vec<Progressing>,
}

/// The order of one file's pieces.
struct Turn {
    next: u64,
    rows: u64,
    sink: Option<Sink>,
}

struct Job<'a> {
    file: &'a PlannedFile,
    path: PathBuf,
    turn: Mutex<Turn>,
    moved: Condvar,
}

struct Run<'a> {
    tables: &'a Tables,
    jobs: Vec<Job<'a>>,
    desk: Mutex<Desk>,
    stop: &'a AtomicBool,
    /// Set with the first failure; the others stop at their next piece.
    failed: AtomicBool,
    progress: &'a dyn Progress,
}

/// Makes `plan` under `root` with `workers` threads, until `stop` is set.
///
/// # Errors
/// The first error of any worker. Files that were finished before stay; unfinished ones are removed.
pub(crate) fn generate(
    tables: &Tables,
    plan: &[PlannedFile],
    root: &Path,
    workers: usize,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<()> {
    let job = |file: &'_ PlannedFile| Progressing { next: 0, pieces: pieces(file), workers: 0 };
    let run = Run {
        tables,
        desk: Mutex::new(Desk { first_open: 0, files: plan.iter().map(job).collect() }),
        jobs: plan
            .iter()
            .map(|file| Job {
                file,
                path: root.join(&file.path),
                turn: Mutex::new(Turn { next: 0, rows: 0, sink: None }),
                moved: Condvar::new(),
            })
            .collect(),
        stop,
        failed: AtomicBool::new(false),
        progress,
    };
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let handles: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(|| run.work())).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    // A worker that stopped because of another's failure says so with `Interrupted`; the cause is the error to report.
    let mut interrupted = Ok(());
    for result in results {
        match result {
            Err(Error::Interrupted) => interrupted = Err(Error::Interrupted),
            other => other?,
        }
    }
    interrupted
}

/// Pieces of a file; an empty file has one, which writes the header.
fn pieces(file: &PlannedFile) -> u64 {
    (file.rows.end - file.rows.start).div_ceil(file.rows_at_once).max(1)
}

/// The rows of piece `piece`.
fn rows_of(file: &PlannedFile, piece: u64) -> Range<u64> {
    let start = file.rows.start + piece * file.rows_at_once;
    start..start.saturating_add(file.rows_at_once).min(file.rows.end)
}

impl Run<'_> {
    fn work(&self) -> Result<()> {
        // A worker that panics holds a piece that others wait for.
        let _alarm = Alarm(self);
        let mut spare = Page::default();
        while let Some((job, piece)) = self.take() {
            let result = self.make(job, piece, spare);
            self.desk().files[job].workers -= 1;
            match result {
                Ok(page) => spare = page,
                Err(error) => {
                    self.fail();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Makes every worker stop at its next piece, also the ones that wait for a turn that will not come.
    fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        for job in &self.jobs {
            // Under the lock, so that no worker looks at the flag before it is set and sleeps after this.
            let _turn = lock(&job.turn);
            job.moved.notify_all();
        }
    }

    /// Takes the next piece of the file with the fewest workers.
    fn take(&self) -> Option<(usize, u64)> {
        let mut desk = self.desk();
        let Desk { first_open, files } = &mut *desk;
        // Files are handed out from the front, so that a desk of a hundred thousand is not read through for each piece.
        while files.get(*first_open).is_some_and(|file| file.next == file.pieces) {
            *first_open += 1;
        }
        let mut best: Option<usize> = None;
        for index in (*first_open..files.len()).filter(|index| files[*index].next < files[*index].pieces) {
            if best.is_none_or(|best| files[index].workers < files[best].workers) {
                best = Some(index);
            }
            if files[index].workers == 0 {
                break;
            }
        }
        let index = best?;
        let file = &mut files[index];
        file.workers += 1;
        file.next += 1;
        Some((index, file.next - 1))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    fn stopped(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.stop.load(Ordering::Acquire)
    }

    /// Makes a piece, waits for its turn, appends it, and finishes the file after the last one.
    fn make(&self, index: usize, piece: u64, spare: Page) -> Result<Page> {
        let job = &self.jobs[index];
        if self.stopped() {
            return Err(Error::Interrupted);
        }
        let rows = rows_of(job.file, piece);
        let made = self.tables.encode(job.file, rows, spare);
        let made = made.map_err(|source| Error::Encode { path: job.path.clone(), source })?;
        let mut turn = lock(&job.turn);
        while turn.next != piece {
            if self.stopped() {
                return Err(Error::Interrupted);
            }
            turn = job.moved.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        let mut sink = match turn.sink.take() {
            Some(sink) => sink,
            None => self.tables.open(job.file, &job.path)?,
        };
        let rows = made.rows;
        let page = sink.append(made, &job.path)?;
        turn.rows += rows;
        if piece + 1 == pieces(job.file) {
            let (bytes, hash) = sink.finish()?;
            self.progress.file(&Written { file: index, rows: turn.rows, bytes, hash })?;
        } else {
            turn.sink = Some(sink);
        }
        turn.next += 1;
        job.moved.notify_all();
        self.progress.rows(rows);
        Ok(page)
    }
}

/// A panic in another worker ends the run when its thread is joined; until then its data is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls [`Run::fail`] when its worker panics.
struct Alarm<'a>(&'a Run<'a>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
    }
}
