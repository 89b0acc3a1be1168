//! What is known of all targets: the answer of the exercise.

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use lab::job::Failure;
use lab::{Answer, Cause, Digest, Lab, Problem, Work};
use parking_lot::Mutex;

use super::expect::Verdict;
use super::look::{Sighting, Watched};
use super::row::Row;
use super::state::{Quorum, State, Window};
use super::store::Store;

/// Three digits of a time in microseconds: what is shown is right to a thousandth.
const DIGITS: u8 = 3;
/// Of each target two digits are kept: 10,000 targets then take some 50 MB.
const DIGITS_OF_ONE: u8 = 2;

/// What is known of one target.
#[derive(Debug)]
pub struct Standing {
    /// The target.
    pub watched: Watched,
    /// Up or down.
    pub state: State,
    /// Probes that were sent.
    pub probes: u64,
    /// Those that were not as expected.
    pub missed: u64,
    /// Probes that were left out because too many were outstanding.
    pub left_out: u64,
    /// The last probe.
    pub last: Option<Sighting>,
    /// Times in microseconds, corrected for the probes that were left out.
    pub times: Histogram<u32>,
    window: Window,
}

/// What is known of all.
#[derive(Debug)]
pub struct Board {
    /// The targets, in the order in which they were given.
    pub standings: Vec<Standing>,
    /// The times of all targets together, in microseconds, corrected.
    pub times: Histogram<u64>,
    /// The error of this program in each probe, in microseconds: how late it was sent, and how late it was noticed.
    pub own_error: Histogram<u64>,
    /// How late each probe was sent, in microseconds.
    pub late: Histogram<u64>,
    /// How long each answer lay in the kernel before it was read, in microseconds. Nobody is charged with it.
    pub unread: Histogram<u64>,
    /// Whether there was a schedule, so that a probe can be late.
    pub scheduled: bool,
    quorum: Quorum,
    work: Work,
    failures: Vec<Failure>,
    interrupted: bool,
}

/// The board while probes are made, and where each of them is saved. Shared with those who show it.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Locked to enter one probe, and by those who show it for as long as it takes to copy what they show.
    pub(super) board: Arc<Mutex<Board>>,
    store: Option<Store>,
}

fn histogram<C: hdrhistogram::Counter>(digits: u8) -> Histogram<C> {
    // It grows with the values; one microsecond is the least.
    let mut histogram = Histogram::new(digits).expect("two or three digits are what a histogram can have");
    histogram.auto(true);
    histogram
}

impl Board {
    pub(super) fn new(watched: &[Watched], quorum: Quorum, scheduled: bool) -> Self {
        let standing = |watched: &Watched| Standing {
            watched: watched.clone(),
            state: State::Unknown,
            probes: 0,
            missed: 0,
            left_out: 0,
            last: None,
            times: histogram(DIGITS_OF_ONE),
            window: Window::default(),
        };
        Self {
            standings: watched.iter().map(standing).collect(),
            times: histogram(DIGITS),
            own_error: histogram(DIGITS),
            late: histogram(DIGITS),
            unread: histogram(DIGITS),
            scheduled,
            quorum,
            work: Work { items: watched.len() as u64, ..Work::default() },
            failures: Vec::new(),
            interrupted: false,
        }
    }

    /// Enters a probe of the target of this number, and what those that were left out before it would have taken.
    pub(super) fn enter(&mut self, number: usize, seen: &Sighting, left_out: &[Duration]) -> State {
        let standing = &mut self.standings[number];
        standing.probes += 1;
        standing.left_out += left_out.len() as u64;
        standing.missed += u64::from(!seen.verdict.is_met());
        standing.window.add(seen.verdict.is_met(), self.quorum);
        standing.state = standing.window.state(self.quorum);
        // Who does not answer at all within the limit took at least as long; who refuses is not quick.
        let timed = match &seen.verdict {
            Verdict::Failed { class, .. } => class == "timeout",
            _ => true,
        };
        if timed {
            let would_have = left_out.iter().map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
            for time in would_have.chain([seen.total_us]) {
                // Both grow with their values, so nothing is out of range.
                let _ = (standing.times.record(time.max(1)), self.times.record(time.max(1)));
            }
        }
        let _ = self.own_error.record(seen.own_error_us().max(1));
        let _ = (self.late.record(seen.late_us.max(1)), self.unread.record(seen.unread_us.max(1)));
        self.work.rows += 1;
        self.work.bytes_in += seen.bytes;
        standing.last = Some(seen.clone());
        standing.state
    }

    /// Lists the targets that are not up.
    fn close(&mut self, interrupted: bool) {
        self.interrupted = interrupted;
        for standing in &self.standings {
            if standing.state == State::Up || interrupted && standing.state == State::Unknown {
                continue;
            }
            let why = standing.last.as_ref().and_then(|last| last.verdict.why());
            let missed = format!("{} of {} probes missed", standing.missed, standing.probes);
            let problem = match (standing.state, why) {
                (State::Down, Some(why)) => Problem::new(format!("down: {why}; {missed}")),
                (State::Down, None) => Problem::new(format!("down: {missed}")),
                _ => Problem::new(format!("undecided: {missed}")).hint("probe it more often: --rounds"),
            };
            let cause = Cause::Problem(problem.of_class(standing.state.name()));
            self.failures.push(Failure { task: standing.watched.to_string(), cause });
        }
    }
}

impl Keeper {
    /// A board that is saved where the user asked for it.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn new(board: Board, lab: &Lab) -> Result<Self, Problem> {
        let store = lab.out().map(|path| Store::open(&path)).transpose()?;
        Ok(Self { board: Arc::new(Mutex::new(board)), store })
    }

    /// Enters a probe and saves it.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn keep(
        &mut self,
        number: usize,
        round: u32,
        seen: Sighting,
        left_out: &[Duration],
    ) -> Result<(), Problem> {
        let mut board = self.board.lock();
        let state = board.enter(number, &seen, left_out);
        let Some(store) = &mut self.store else { return Ok(()) };
        let target = board.standings[number].watched.shown().to_owned();
        drop(board);
        store.add(&Row { target, round, state, seen })
    }

    /// Makes what was kept outlive this program.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn flush(&mut self) -> Result<(), Problem> {
        self.store.as_mut().map_or(Ok(()), Store::flush)
    }

    /// The board at the end.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn close(self, lab: &Lab) -> Result<Board, Problem> {
        self.store.map_or(Ok(()), Store::finish)?;
        // Whoever shows the board has ended by now.
        let empty = Board::new(&[], Quorum { missed: 1, of: 1 }, false);
        let mut board = std::mem::replace(&mut *self.board.lock(), empty);
        board.close(lab.stop.asked());
        Ok(board)
    }
}

impl Answer for Board {
    /// What was found of each target, without the times.
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        for standing in &self.standings {
            let seen = standing.last.as_ref();
            let status = seen.and_then(|seen| seen.status).unwrap_or_default();
            let class = seen.and_then(|seen| seen.verdict.class()).unwrap_or_default();
            let bytes = seen.map_or(0, |seen| seen.bytes);
            let state = standing.state;
            digest.add(format!("{} {state} {status} {bytes} {class}", standing.watched).as_bytes());
        }
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// That a target is down is an answer, and a right one: the digest has it.
    fn undone(&self) -> &[Failure] {
        &[]
    }
}
