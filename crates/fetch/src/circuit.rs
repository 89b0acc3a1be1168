//! A circuit breaker: who does not answer is left alone for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{FetchError, Phase};

/// When a circuit opens, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fuse {
    /// So many failures in a row open it. A server that fails now and then must not get there by chance: with a share of
    /// three failures in ten, 20 in a row come once in 10^10 attempts.
    pub failures: u32,
    /// How long it stays open the first time; it doubles with each probe that fails.
    pub first_pause: Duration,
    /// The longest that it stays open before the next probe.
    pub longest_pause: Duration,
}

impl Default for Fuse {
    fn default() -> Self {
        Self { failures: 20, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(30) }
    }
}

/// Watches the attempts at one server. After so many failures in a row nobody asks it for a while; then one attempt goes
/// through as a probe, and its outcome closes the circuit or leaves it open for longer.
///
/// A failure is one that says that the server is not there: no connection, no answer in time, an answer of 5xx. An answer
/// that refuses (4xx, or 503 that says when to come back) comes from a server that is well. Cloning shares the circuit.
#[derive(Clone, Debug)]
pub struct Circuit {
    fuse: Fuse,
    /// Locked for a few instructions before and after each attempt, and never while anybody waits.
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    failures: u32,
    pause: Duration,
    /// Until when nobody asks; nothing while the circuit is closed.
    until: Option<Instant>,
    probing: bool,
    opened: u64,
}

/// What a circuit lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Everything.
    Closed,
    /// One attempt, to see.
    HalfOpen,
    /// Nothing.
    Open,
}

/// The permission to make one attempt. Dropped without an outcome (the attempt was called off), it says nothing about the
/// server.
#[derive(Debug)]
pub(crate) struct Attempted<'a> {
    circuit: &'a Circuit,
    probe: bool,
    told: bool,
}

impl Circuit {
    /// A closed circuit.
    pub fn new(fuse: Fuse) -> Self {
        let pause = fuse.first_pause;
        let state = State { failures: 0, pause, until: None, probing: false, opened: 0 };
        Self { fuse, state: Arc::new(Mutex::new(state)) }
    }

    /// What would be let through now.
    pub fn flow(&self) -> Flow {
        let state = self.state.lock();
        match state.until {
            None => Flow::Closed,
            Some(until) if state.probing || Instant::now() < until => Flow::Open,
            Some(_) => Flow::HalfOpen,
        }
    }

    /// How often it has opened.
    pub fn opened(&self) -> u64 {
        self.state.lock().opened
    }

    /// For how long nobody will ask; zero where an attempt would be let through.
    pub fn pause(&self) -> Duration {
        self.state.lock().left(Instant::now())
    }

    /// Asks for permission.
    pub(crate) fn enter(&self) -> Result<Attempted<'_>, FetchError> {
        let mut state = self.state.lock();
        let left = state.left(Instant::now());
        if !left.is_zero() {
            return Err(FetchError::Open { pause: left });
        }
        let probe = state.until.is_some();
        state.probing |= probe;
        Ok(Attempted { circuit: self, probe, told: false })
    }
}

impl State {
    fn left(&self, now: Instant) -> Duration {
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        // While the probe is out, the others come back a moment later.
        if self.probing { left.max(PROBING) } else { left }
    }
}

/// How long the others wait while a probe is out before they look again.
const PROBING: Duration = Duration::from_millis(50);

impl Attempted<'_> {
    /// The server answered, be it with a refusal.
    pub(crate) fn answered(mut self) {
        self.told = true;
        let mut state = self.circuit.state.lock();
        // An answer that was under way when the circuit opened shows as well as a probe that the server is there.
        (state.failures, state.until, state.probing) = (0, None, false);
        state.pause = self.circuit.fuse.first_pause;
    }

    /// The server did not answer as one that is well.
    pub(crate) fn failed(mut self) {
        self.told = true;
        let fuse = &self.circuit.fuse;
        let mut state = self.circuit.state.lock();
        state.failures = state.failures.saturating_add(1);
        // The failures of attempts that were under way when it opened are no news.
        let opens = self.probe || (state.until.is_none() && state.failures >= fuse.failures);
        if opens {
            state.until = Some(Instant::now() + state.pause);
            state.pause = (state.pause * 2).min(fuse.longest_pause);
            state.opened += 1;
        }
        state.probing &= !self.probe;
    }

    /// Tells the outcome of an attempt.
    pub(crate) fn tell(self, error: Option<&FetchError>) {
        if error.is_some_and(says_down) { self.failed() } else { self.answered() }
    }
}

impl Drop for Attempted<'_> {
    fn drop(&mut self) {
        if !self.told && self.probe {
            self.circuit.state.lock().probing = false;
        }
    }
}

/// Whether a failure says that the server is not there or not well.
fn says_down(error: &FetchError) -> bool {
    match error {
        FetchError::Connect { .. } | FetchError::Lost { .. } => true,
        FetchError::Timeout { phase, .. } => !matches!(phase, Phase::Whole | Phase::Turn),
        FetchError::Status { status, refusal, .. } => *status >= 500 && !refusal.limit,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;

    const DOWN: FetchError = FetchError::Connect { why: String::new() };

    fn refused(status: u16, limit: bool) -> FetchError {
        let refusal = Box::new(Refusal { limit, ..Refusal::default() });
        FetchError::Status { status, retry_after: None, refusal }
    }

    fn circuit(pause: Duration) -> Circuit {
        Circuit::new(Fuse { failures: 3, first_pause: pause, longest_pause: pause * 4 })
    }

    fn attempt(circuit: &Circuit, error: Option<&FetchError>) {
        circuit.enter().expect("it lets an attempt through").tell(error);
    }

    #[test]
    fn failures_in_a_row_open_it_and_nothing_else_does() {
        let circuit = circuit(Duration::from_mins(1));
        for _ in 0..10 {
            attempt(&circuit, Some(&DOWN));
            attempt(&circuit, Some(&DOWN));
            attempt(&circuit, Some(&refused(429, true)));
            attempt(&circuit, Some(&DOWN));
            attempt(&circuit, Some(&refused(503, false)));
            attempt(&circuit, Some(&refused(503, true)));
            drop(circuit.enter().unwrap());
        }
        assert_eq!((circuit.flow(), circuit.opened()), (Flow::Closed, 0));
        (0..3).for_each(|_| attempt(&circuit, Some(&DOWN)));
        assert_eq!((circuit.flow(), circuit.opened()), (Flow::Open, 1));
        let Err(FetchError::Open { pause }) = circuit.enter() else { panic!("it is open") };
        assert!(pause > Duration::from_secs(59), "{pause:?}");
    }

    #[test]
    fn one_probe_goes_through_and_decides() {
        let circuit = circuit(Duration::ZERO);
        (0..3).for_each(|_| attempt(&circuit, Some(&DOWN)));
        assert_eq!(circuit.flow(), Flow::HalfOpen);
        let probe = circuit.enter().unwrap();
        assert!(circuit.enter().is_err() && circuit.flow() == Flow::Open);
        probe.tell(None);
        assert_eq!(circuit.flow(), Flow::Closed);
        attempt(&circuit, Some(&DOWN));
        assert_eq!(circuit.flow(), Flow::Closed);
    }

    #[test]
    fn a_probe_that_was_called_off_lets_the_next_one_through() {
        let circuit = circuit(Duration::ZERO);
        (0..3).for_each(|_| attempt(&circuit, Some(&DOWN)));
        drop(circuit.enter().unwrap());
        assert_eq!(circuit.flow(), Flow::HalfOpen);
    }

    #[test]
    fn the_pause_doubles_with_each_probe_that_fails_and_begins_anew_after_an_answer() {
        let circuit = circuit(Duration::from_mins(1));
        let pauses = |circuit: &Circuit| circuit.state.lock().pause.as_secs() / 60;
        let early: Vec<_> = (0..3).map(|_| circuit.enter().unwrap()).collect();
        early.into_iter().for_each(Attempted::failed);
        assert_eq!(pauses(&circuit), 2);
        for expected in [4, 4] {
            circuit.state.lock().until = Some(Instant::now());
            attempt(&circuit, Some(&DOWN));
            assert_eq!(pauses(&circuit), expected);
        }
        circuit.state.lock().until = Some(Instant::now());
        attempt(&circuit, None);
        assert_eq!(pauses(&circuit), 1);
    }
}
