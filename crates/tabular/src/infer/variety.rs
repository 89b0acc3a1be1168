//! How many different values a column has.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Values that are counted at the most: enough to tell many from few.
const ENOUGH: usize = 1 << 15;

/// Counts different values, by their hashes: an estimate that does not depend on who counts.
#[derive(Clone, Debug, Default)]
pub struct Variety {
    seen: HashSet<u64>,
    values: usize,
}

impl Variety {
    pub(crate) fn observe(&mut self, value: &[u8]) {
        if self.values < ENOUGH && !value.is_empty() {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            self.seen.insert(hasher.finish());
            self.values += 1;
        }
    }

    /// Whether most values come back so seldom that a dictionary of them is not worth its making.
    pub fn is_great(&self) -> bool {
        self.seen.len() * 4 > self.values
    }
}
