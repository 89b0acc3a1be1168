//! What a person sees on stderr: a line of progress while it runs, and a table at the end.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::generate::{Progress, Written};
use crate::manifest::Manifest;
use crate::size::show_bytes;

/// Time between two updates of the line.
const PACE: Duration = Duration::from_millis(100);

/// A line of progress that is rewritten in place. It is written only to a terminal.
pub(crate) struct Line {
    total: u64,
    started: Instant,
    /// A counter only: nothing is read on the strength of it.
    rows: AtomicU64,
    /// When the line was last written; none if there is no terminal. Workers only try to lock it, so that none waits
    /// for the terminal.
    shown: Mutex<Option<Instant>>,
}

impl Line {
    /// A line for a run over `total` rows.
    pub(crate) fn new(total: u64, quiet: bool) -> Self {
        let started = Instant::now();
        let terminal = !quiet && std::io::stderr().is_terminal();
        Self { total, started, rows: AtomicU64::new(0), shown: Mutex::new(terminal.then_some(started)) }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        let shown = self.shown.lock().map(|shown| shown.is_some());
        if shown.unwrap_or(false) {
            eprint!("\r\x1b[K");
        }
    }

    fn text(&self, done: u64) -> String {
        let share = if self.total == 0 { 1.0 } else { (done as f64 / self.total as f64).min(1.0) };
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-9);
        let left = (self.total.saturating_sub(done)) as f64 / rate.max(1.0);
        let full = (share * 30.0) as usize;
        let bar = format!("{}{}", "=".repeat(full), " ".repeat(30 - full));
        format!("[{bar}] {:>3.0} %  {done} rows  {:.2} M rows/s  {left:.0} s left", share * 100.0, rate / 1e6)
    }
}

impl Progress for Line {
    fn rows(&self, rows: u64) {
        let done = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let Ok(mut shown) = self.shown.try_lock() else { return };
        if let Some(last) = shown.as_mut().filter(|last| last.elapsed() >= PACE) {
            *last = Instant::now();
            let mut stderr = std::io::stderr().lock();
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr, "\r\x1b[K{}", self.text(done));
            let _ = stderr.flush();
        }
    }

    fn file(&self, _written: &Written) -> Result<()> {
        Ok(())
    }
}

/// The files of a manifest by table and format: how many files, rows and bytes.
pub(crate) fn summary(manifest: &Manifest) -> String {
    let mut groups: Vec<(String, usize, u64, u64)> = Vec::new();
    for entry in &manifest.files {
        let name = format!("{} {}", entry.table.name(), entry.format.extension());
        match groups.iter_mut().find(|group| group.0 == name) {
            Some(group) => {
                group.1 += 1;
                group.2 += entry.rows;
                group.3 += entry.bytes;
            }
            None => groups.push((name, 1, entry.rows, entry.bytes)),
        }
    }
    let mut text = format!("{:<22}{:>8}{:>14}{:>12}\n", "table", "files", "rows", "size");
    for (name, files, rows, bytes) in groups {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{name:<22}{files:>8}{rows:>14}{:>12}", show_bytes(bytes));
    }
    text
}
