//! Logs that grow and rotate, and what was told of them.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Every line is an event, and every event is an alert that tells its number.
pub(super) const RULES: &str = "[[rule]]\nname = 'r'\npattern = 'E(?P<n>\\d+)'\nby = 'n'\n";
/// How often events are written, and how many then.
const PACE: Duration = Duration::from_millis(100);
const EVENTS: u64 = 20;
/// When a file is put aside, in bytes.
const LONG: u64 = 32 << 10;
/// How many files that were put aside are kept, if all of them were told.
const KEPT: u64 = 4;

/// One log and the files that it was rotated into.
#[derive(Debug)]
pub(super) struct Logs {
    folder: PathBuf,
    /// The number of the next event.
    pub(super) next: u64,
    written: Instant,
    rotated: u64,
    /// The files that were put aside, by their numbers, with the last event of each.
    aside: Vec<(u64, u64)>,
}

impl Logs {
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder, next: 0, written: Instant::now(), rotated: 0, aside: Vec::new() })
    }

    /// Writes what is due, and rotates the log when it is long. A file goes when everyone has told its events.
    pub(super) fn grow(&mut self, outs: &[PathBuf]) -> Result<()> {
        if self.written.elapsed() < PACE {
            return Ok(());
        }
        self.written = Instant::now();
        let log = self.folder.join("app.log");
        let mut file =
            OpenOptions::new().create(true).append(true).open(&log).context("cannot write the log")?;
        let lines = (self.next..self.next + EVENTS)
            // Half a millisecond between two events, from a day in 2025 on.
            .map(|number| {
                format!("{}.{:03} E{number}\n", 1_741_593_600 + number / 2_000, number % 2_000 / 2)
            });
        file.write_all(lines.collect::<String>().as_bytes())?;
        self.next += EVENTS;
        if file.metadata()?.len() < LONG {
            return Ok(());
        }
        self.rotated += 1;
        fs::rename(&log, self.aside(self.rotated)).context("cannot rotate the log")?;
        self.aside.push((self.rotated, self.next - 1));
        let told = outs
            .iter()
            .map(|out| last(out))
            .collect::<Option<Vec<_>>>()
            .and_then(|told| told.into_iter().min());
        while self.aside.len() as u64 > KEPT && told.is_some_and(|told| told > self.aside[0].1) {
            let (number, _) = self.aside.remove(0);
            fs::remove_file(self.aside(number)).context("cannot remove an old log")?;
        }
        Ok(())
    }

    fn aside(&self, number: u64) -> PathBuf {
        self.folder.join(format!("app.log.{number}"))
    }

    /// What is wrong with what was told, if anything is: an event that is missing or told twice.
    pub(super) fn fault(&self, out: &Path) -> Result<Option<String>> {
        let told = told(&fs::read_to_string(out).with_context(|| format!("cannot read {}", out.display()))?)?;
        let mut times = vec![0_u32; usize::try_from(self.next)?];
        for number in told {
            let place =
                times.get_mut(usize::try_from(number)?).context("an event was told that never was")?;
            *place += 1;
        }
        let count = |wrong: fn(u32) -> bool| times.iter().filter(|times| wrong(**times)).count();
        let (lost, twice) = (count(|times| times == 0), count(|times| times > 1));
        Ok((lost + twice > 0).then(|| format!("{lost} events were lost and {twice} told more than once")))
    }

    /// Whether the last event was told.
    pub(super) fn is_told(&self, out: &Path) -> bool {
        last(out) == self.next.checked_sub(1)
    }
}

/// The number of the last event that was told.
fn last(out: &Path) -> Option<u64> {
    let mut file = File::open(out).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(2_048))).ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail).into_owned();
    let whole = &tail[..tail.rfind('\n')?];
    number(whole.lines().next_back()?)
}

fn told(text: &str) -> Result<Vec<u64>> {
    ensure!(text.is_empty() || text.ends_with('\n'), "the last alert is not whole");
    text.lines().map(|line| number(line).with_context(|| format!("no alert: {line}"))).collect()
}

/// The event that an alert tells of.
fn number(line: &str) -> Option<u64> {
    line.split_once("\"by\":\"")?.1.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_lost_or_told_twice_is_noticed() {
        let folder = std::env::temp_dir().join(format!("paralelo-logs-{}", std::process::id()));
        let mut logs = Logs::new(folder.clone()).expect("made");
        logs.next = 3;
        let fault = |numbers: &[u64]| {
            let out = folder.join("out");
            let line = |number: &u64| format!("{{\"rule\":\"r\",\"by\":\"{number}\"}}\n");
            fs::write(&out, numbers.iter().map(line).collect::<Vec<_>>().concat()).expect("written");
            assert_eq!(logs.is_told(&out), numbers.last() == Some(&2));
            logs.fault(&out).expect("read")
        };
        let (none, lost, twice) = (fault(&[0, 2, 1, 2][..3]), fault(&[0, 2]), fault(&[0, 1, 1, 2]));
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(none, None);
        assert!(lost.is_some_and(|text| text.starts_with("1 events were lost and 0")));
        assert!(twice.is_some_and(|text| text.starts_with("0 events were lost and 1")));
    }
}
