//! How far the files are, as bars on a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use bytesize::ByteSize;
use lab::Problem;
use parking_lot::Mutex;

use crate::live::Live;

/// So wide is a name, and a bar.
const NAME: usize = 28;
const BAR: usize = 24;

/// What is shown.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Locked to add a number for each piece of a body, and to draw.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: usize,
    done: usize,
    received: u64,
    /// The files in hand, by number.
    in_hand: BTreeMap<u64, InHand>,
    next: u64,
}

#[derive(Debug, Default)]
struct InHand {
    name: String,
    there: u64,
    total: Option<u64>,
}

/// A file in hand. Dropping it takes its bar away.
#[derive(Debug)]
pub(super) struct Bar {
    progress: Arc<Progress>,
    number: u64,
}

impl Progress {
    /// Of so many files.
    pub(super) fn of(files: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { files, ..State::default() }) })
    }

    pub(super) fn open(self: &Arc<Self>, name: &str) -> Bar {
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.in_hand.insert(number, InHand { name: name.into(), ..InHand::default() });
        Bar { progress: Arc::clone(self), number }
    }

    pub(super) fn done(&self) {
        self.state.lock().done += 1;
    }

    /// Draws until it is dropped.
    pub(super) fn live(self: &Arc<Self>) -> Result<Live, Problem> {
        let (progress, started) = (Arc::clone(self), Instant::now());
        Live::start(move |height| progress.text(height, started.elapsed().as_secs_f64()))
    }

    fn text(&self, height: usize, seconds: f64) -> String {
        let state = self.state.lock();
        let mut text = String::new();
        let room = height.saturating_sub(3).max(1);
        for file in state.in_hand.values().take(room) {
            let name: String = file.name.chars().take(NAME).collect();
            let _ = writeln!(text, "{name:NAME$} {} {}", bar(file.there, file.total), ByteSize(file.there));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rate = ByteSize((state.received as f64 / seconds.max(0.001)) as u64);
        let (done, files) = (state.done, state.files);
        let all = bar(done as u64, Some(files as u64));
        let _ = writeln!(
            text,
            "{:NAME$} {all} {done} of {files}, {} at {rate}/s",
            "all files",
            ByteSize(state.received)
        );
        text
    }
}

impl Bar {
    /// Bytes came, so that so many are there.
    pub(super) fn came(&self, bytes: u64, there: u64, total: Option<u64>) {
        let mut state = self.progress.state.lock();
        state.received += bytes;
        if let Some(file) = state.in_hand.get_mut(&self.number) {
            // The journal is told of bytes some at a time; the bar is not to wait for it.
            file.there = (file.there + bytes).max(there).min(total.unwrap_or(u64::MAX));
            file.total = total;
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.progress.state.lock().in_hand.remove(&self.number);
    }
}

fn bar(there: u64, total: Option<u64>) -> String {
    let Some(total) = total.filter(|total| *total > 0) else { return format!("[{}]     ", "?".repeat(BAR)) };
    let share = u128::from(there.min(total)) * 100 / u128::from(total);
    let full = usize::try_from(share).unwrap_or_default() * BAR / 100;
    format!("[{}{}] {share:3}%", "#".repeat(full), ".".repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_all_has_its_own() {
        assert_eq!(bar(0, Some(10)), "[........................]   0%");
        assert_eq!(bar(5, Some(10)), "[############............]  50%");
        assert_eq!(bar(u64::MAX, Some(1)), "[########################] 100%");
        let progress = Progress::of(2);
        let one = progress.open("a.csv");
        one.came(50, 0, Some(100));
        let text = progress.text(24, 1.0);
        assert!(text.starts_with("a.csv") && text.contains(" 50% 50 B\nall files"), "{text}");
        drop(one);
        progress.done();
        assert!(
            progress.text(24, 1.0).ends_with(" 50% 1 of 2, 50 B at 50 B/s\n"),
            "{}",
            progress.text(24, 1.0)
        );
    }
}
