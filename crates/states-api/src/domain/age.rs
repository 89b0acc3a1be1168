//! How old an answer may be, after RFC 5861: fresh, stale but served while a new one is fetched, stale but served because
//! no new one can be had.

use std::time::Duration;

/// How long what was fetched is good for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages {
    /// So long it is served without a second thought.
    pub fresh: Duration,
    /// The same for what has gaps: somebody should soon try to fill them.
    pub fresh_with_gaps: Duration,
    /// So long after that it is served while a new one is fetched.
    pub while_revalidating: Duration,
    /// So long after it was fresh it is served where a new one cannot be had.
    pub if_error: Duration,
}

/// What may be done with something of some age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Serve it.
    Fresh,
    /// Serve it and fetch a new one.
    Revalidate,
    /// Fetch a new one first; serve this one if that fails.
    IfError,
    /// Serve it never again.
    Expired,
}

impl Default for Ages {
    /// The map of a country changes once in some years.
    fn default() -> Self {
        Self {
            fresh: Duration::from_hours(1),
            fresh_with_gaps: Duration::from_secs(10),
            while_revalidating: Duration::from_hours(24),
            if_error: Duration::from_hours(24 * 30),
        }
    }
}

impl Ages {
    /// How long something is fresh.
    pub fn fresh(&self, whole: bool) -> Duration {
        if whole { self.fresh } else { self.fresh_with_gaps.min(self.fresh) }
    }

    /// What may be done with something of this age; `whole` says whether it has no gaps.
    pub fn of(&self, age: Duration, whole: bool) -> Freshness {
        match age.saturating_sub(self.fresh(whole)) {
            Duration::ZERO => Freshness::Fresh,
            stale if stale <= self.while_revalidating => Freshness::Revalidate,
            stale if stale <= self.if_error => Freshness::IfError,
            _ => Freshness::Expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_grows_old_in_four_steps() {
        let seconds = Duration::from_secs;
        let ages = Ages {
            fresh: seconds(10),
            fresh_with_gaps: seconds(2),
            while_revalidating: seconds(20),
            if_error: seconds(100),
        };
        let check = |age, whole, expected| assert_eq!(ages.of(seconds(age), whole), expected, "{age}");
        check(0, true, Freshness::Fresh);
        check(10, true, Freshness::Fresh);
        check(11, true, Freshness::Revalidate);
        check(30, true, Freshness::Revalidate);
        check(31, true, Freshness::IfError);
        check(110, true, Freshness::IfError);
        check(111, true, Freshness::Expired);
        check(2, false, Freshness::Fresh);
        check(3, false, Freshness::Revalidate);
        check(23, false, Freshness::IfError);
    }
}
