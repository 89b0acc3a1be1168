//! Where the time of a transformation goes, stage by stage.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// Reading and decoding.
    Read,
    /// Finding the customer of an order.
    Join,
    /// Names.
    Name,
    /// Documents, telephone numbers and postal codes.
    Check,
    /// Pseudonyms.
    Secret,
    /// Distances.
    Distance,
    /// Notes.
    Note,
    /// Making columns of rows.
    Columns,
    /// Encoding the output.
    Write,
}

/// The stages in their order.
pub const STAGES: [(Stage, &str); 9] = [
    (Stage::Read, "read"),
    (Stage::Join, "join"),
    (Stage::Name, "name"),
    (Stage::Check, "check"),
    (Stage::Secret, "secret"),
    (Stage::Distance, "distance"),
    (Stage::Note, "note"),
    (Stage::Columns, "columns"),
    (Stage::Write, "write"),
];

/// Rows of which one is timed, where stages are as short as a look at the clock.
const EVERY: u32 = 16;

/// The time that went to each stage. Without `on` it costs a look at a flag.
#[derive(Clone, Debug)]
pub struct Profile {
    on: bool,
    weight: u32,
    last: Instant,
    spent: Spent,
}

/// Time by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent([Duration; STAGES.len()]);

impl Profile {
    /// No time yet.
    pub fn new(on: bool) -> Self {
        Self { on, weight: 0, last: Instant::now(), spent: Spent::default() }
    }

    /// Begins a stretch of which all is timed.
    #[inline]
    pub fn begin(&mut self) {
        if self.on {
            (self.weight, self.last) = (1, Instant::now());
        }
    }

    /// Begins a row, of which every sixteenth is timed and counts for sixteen.
    #[inline]
    pub fn begin_row(&mut self, row: usize) {
        if self.on {
            self.weight = if row.is_multiple_of(EVERY as usize) { EVERY } else { 0 };
            if self.weight > 0 {
                self.last = Instant::now();
            }
        }
    }

    /// The time since the last lap went to this stage.
    #[inline]
    pub fn lap(&mut self, stage: Stage) {
        if self.on && self.weight > 0 {
            let now = Instant::now();
            self.spent.0[stage as usize] += (now - self.last) * self.weight;
            self.last = now;
        }
    }

    /// The time so far.
    pub fn spent(&self) -> Spent {
        self.spent
    }
}

impl Spent {
    /// Adds the time of another worker.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, two)| *one += *two);
    }

    /// The share of each stage in all, in percent.
    pub fn shares(&self) -> [f64; STAGES.len()] {
        let all: Duration = self.0.iter().sum();
        self.0.map(|spent| 100.0 * spent.as_secs_f64() / all.as_secs_f64().max(1e-9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_timed_is_not_counted_and_shares_are_of_all() {
        let mut off = Profile::new(false);
        off.begin();
        off.lap(Stage::Read);
        assert_eq!(off.spent(), Spent::default());
        let mut on = Profile::new(true);
        on.begin_row(1);
        on.lap(Stage::Read);
        assert_eq!(on.spent(), Spent::default());
        on.begin_row(16);
        on.lap(Stage::Note);
        on.lap(Stage::Write);
        assert!((on.spent().shares().iter().sum::<f64>() - 100.0).abs() < 1e-6);
    }
}
