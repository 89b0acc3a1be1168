//! What goes wrong with a request, decided before it is served.
//!
//! The decision is a pure function of `(seed, target, attempt)`: the target is the path with its query, and the attempt
//! counts how often this client has asked for it. Neither the clock nor the order in which requests arrive goes in, so
//! a run can be repeated by any number of workers and fails at the same places. Two faults are made of time and
//! therefore follow the clock: the token bucket, and outages of the kind `clock`.

mod body;
mod order;
mod profile;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

pub(crate) use body::{drip, tear};
pub(crate) use order::FaultOrder;
pub use profile::{Drift, Drip, Errors, Latency, Outage, Profile, ProfileError, RateLimit, Share};

use crate::dice::Dice;

/// What happens to one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fate {
    /// How long the answer is held back.
    pub(crate) latency: Duration,
    /// What else goes wrong.
    pub(crate) fault: Option<Fault>,
    /// How the collection moves while it is read.
    pub(crate) drift: Option<Drift>,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// An error status, with `Retry-After` in seconds.
    Status(u16, Option<u32>),
    /// The connection is reset.
    Reset,
    /// This share of the body comes, and no more.
    Truncate(f64),
    /// The body comes in pieces of so many bytes, with so long a pause.
    Drip(u32, Duration),
    /// No answer comes.
    Hang,
    /// The content type is wrong.
    ContentType,
    /// The JSON is cut at this share of its length.
    Malformed(f64),
    /// The records of the page before.
    DuplicatePage,
}

impl Fault {
    /// The name under which ledger and metrics count it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status(..) => "status",
            Self::Reset => "reset",
            Self::Truncate(_) => "truncate",
            Self::Drip(..) => "drip",
            Self::Hang => "hang",
            Self::ContentType => "wrong_content_type",
            Self::Malformed(_) => "malformed_json",
            Self::DuplicatePage => "duplicate_page",
        }
    }
}

/// The profile in force.
#[derive(Debug)]
pub(crate) struct InForce {
    /// Whether the profile can be skipped: read on every request, so that a calm server takes no lock. A request that
    /// reads it just before a change is served under the profile before the change, which is allowed; `Acquire` pairs
    /// with the `Release` of the change.
    calm: AtomicBool,
    /// Held for a clone of the pointer only.
    current: RwLock<(Arc<Profile>, Instant)>,
}

impl InForce {
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            calm: AtomicBool::new(profile.is_calm()),
            current: RwLock::new((Arc::new(profile), Instant::now())),
        }
    }

    /// The profile, and since when its clock runs; nothing where it is calm.
    pub(crate) fn stormy(&self) -> Option<(Arc<Profile>, Instant)> {
        if self.calm.load(Ordering::Acquire) { None } else { Some(self.current()) }
    }

    pub(crate) fn current(&self) -> (Arc<Profile>, Instant) {
        // The lock guards one assignment, which cannot leave a half-made value behind.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&current.0), current.1)
    }

    /// Puts another profile in force and starts its clock.
    pub(crate) fn change(&self, profile: Profile) {
        let calm = profile.is_calm();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(profile), Instant::now());
        self.calm.store(calm, Ordering::Release);
    }

    /// Starts the clock anew.
    pub(crate) fn restart(&self) {
        self.current.write().unwrap_or_else(PoisonError::into_inner).1 = Instant::now();
    }
}

impl Profile {
    /// What happens to the `attempt`-th request (from 1) for `target`.
    pub(crate) fn fate(&self, seed: u64, target: &str, attempt: u32) -> Fate {
        let throw = |name: &[u8]| Dice::of(seed, &[name, target.as_bytes(), &attempt.to_le_bytes()]);
        let mut fate = Fate { drift: self.drift, ..Fate::default() };
        if let Some(latency) = &self.latency {
            let mut dice = throw(b"latency");
            fate.latency = latency.wait(dice.unit(), dice.unit());
        }
        if self.healthy_from_attempt.is_none_or(|healthy| attempt < healthy) {
            fate.fault = self.outage(seed, target, attempt).or_else(|| self.fault(&mut throw(b"fault")));
        }
        fate
    }

    /// How much longer an outage by the clock lasts, `since` the profile came into force.
    pub(crate) fn clock_outage(&self, since: Duration) -> Option<Duration> {
        let window = |outage: &Outage| match *outage {
            Outage::Clock { after_ms, for_ms } => {
                let start = Duration::from_millis(after_ms);
                let end = start.saturating_add(Duration::from_millis(for_ms));
                (start..end).contains(&since).then(|| end.saturating_sub(since))
            }
            Outage::Attempts { .. } => None,
        };
        self.outages.iter().filter_map(window).max()
    }

    fn outage(&self, seed: u64, target: &str, attempt: u32) -> Option<Fault> {
        let down = |(number, outage): (usize, &Outage)| match *outage {
            Outage::Attempts { share, attempts } => {
                let name = number.to_le_bytes();
                // The attempt is not part of the name: a path is down or it is not.
                attempt <= attempts && Dice::of(seed, &[b"outage", target.as_bytes(), &name]).unit() < share
            }
            Outage::Clock { .. } => false,
        };
        self.outages.iter().enumerate().any(down).then_some(Fault::Status(503, Some(1)))
    }

    fn fault(&self, dice: &mut Dice) -> Option<Fault> {
        let (mut left, detail) = (dice.unit(), dice.unit());
        // The faults lie side by side on the line from 0 to 1, and one throw picks at most one of them.
        let mut hit = |share: f64| {
            let hit = left < share;
            left -= share;
            hit
        };
        if let Some(errors) = &self.errors
            && hit(errors.share)
        {
            let pick = dice.below(errors.statuses.len() as u64);
            let status = usize::try_from(pick).ok().and_then(|pick| errors.statuses.get(pick)).copied();
            return Some(Fault::Status(status.unwrap_or(500), errors.retry_after_s));
        }
        let mut hits = |part: Option<Share>| part.is_some_and(|part| hit(part.share));
        if hits(self.reset) {
            return Some(Fault::Reset);
        }
        if hits(self.truncate) {
            return Some(Fault::Truncate(detail));
        }
        if hits(self.hang) {
            return Some(Fault::Hang);
        }
        if hits(self.wrong_content_type) {
            return Some(Fault::ContentType);
        }
        if hits(self.malformed_json) {
            return Some(Fault::Malformed(detail));
        }
        if hits(self.duplicate_page) {
            return Some(Fault::DuplicatePage);
        }
        match self.drip {
            Some(Drip { share, chunk_bytes, every_ms }) if hit(share) => {
                Some(Fault::Drip(chunk_bytes, Duration::from_millis(every_ms.into())))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
