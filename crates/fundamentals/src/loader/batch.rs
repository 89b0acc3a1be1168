//! A batch of rows, and how it is prepared.

use std::thread;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers that describe a row.
pub(super) const FEATURES: usize = 8;
/// Rows of a batch.
const ROWS: usize = 64;
/// Bytes of a batch on its way: the features and the answer of each row.
pub(super) const BYTES: usize = ROWS * (FEATURES + 1) * 8;
/// How long the storage takes for a batch: a disk that turns, or a bucket in the next building.
const STORAGE: Duration = Duration::from_millis(3);
/// What the answers depend on, and what the model is to find out.
const TRUTH: [f64; FEATURES] = [2.0, -1.0, 0.5, 0.0, 1.5, -2.0, 0.0, 1.0];

/// Rows with their answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch(pub(super) Vec<Row>);

/// One row: what is known, and whether the answer is yes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) features: [f64; FEATURES],
    pub(super) yes: f64,
}

impl Batch {
    /// Fetches and prepares a batch: the storage's wait, then the work of making numbers of what came. The same seed and
    /// number give the same batch in any process.
    pub(super) fn prepare(seed: u64, number: u64) -> Self {
        // The wait is the storage's, and the lesson is about nothing else.
        thread::sleep(STORAGE);
        Self::make(seed, number)
    }

    /// The batch without the storage's wait.
    pub(super) fn make(seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        let row = |_| {
            let features: [f64; FEATURES] = std::array::from_fn(|_| random.random_range(-1.0..1.0));
            let sum: f64 = features.iter().zip(TRUTH).map(|(feature, weight)| feature * weight).sum();
            // One answer of ten is wrong, as in life.
            let wrong = random.random_range(0..10) == 0;
            Row { features, yes: f64::from(u8::from((sum > 0.0) != wrong)) }
        };
        Self((0..ROWS).map(row).collect())
    }

    /// The batch as bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let numbers = self.0.iter().flat_map(|row| row.features.into_iter().chain([row.yes]));
        numbers.flat_map(f64::to_le_bytes).collect()
    }

    /// The batch of bytes that [`to_bytes`](Self::to_bytes) made.
    pub(super) fn from_bytes(bytes: &[u8; BYTES]) -> Self {
        let number = |bytes: &[u8]| f64::from_le_bytes(std::array::from_fn(|at| bytes[at]));
        let row = |bytes: &[u8]| Row {
            features: std::array::from_fn(|at| number(&bytes[8 * at..])),
            yes: number(&bytes[8 * FEATURES..]),
        };
        Self(bytes.chunks(8 * (FEATURES + 1)).map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_survives_the_way_through_a_pipe() {
        let batch = Batch::make(42, 7);
        let bytes: [u8; BYTES] = batch.to_bytes().try_into().unwrap();
        assert_eq!(Batch::from_bytes(&bytes), batch);
        assert_ne!(Batch::make(42, 8), batch);
        assert_ne!(Batch::make(43, 7), batch);
    }
}
