//! Measuring work with several numbers of workers.

use lab::scaling::Point;
use lab::{Problem, Stop};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::judge::Sample;

/// Work that can be done with any number of workers under one model.
pub(super) trait Subject {
    /// The model's name.
    fn model(&self) -> &str;

    /// Does the work with so many workers, and returns how much got done in a second.
    ///
    /// # Errors
    /// When the work fails; a measurement of work that fails is worth nothing.
    fn throughput(&self, workers: u32, stop: &Stop) -> Result<f64, Problem>;
}

/// The numbers of workers to try: 1, 2, 3, 4, 6, 8, 12, 16 … up to `most`, and at least five of them where `most` allows, so
/// that one can be kept from the fit.
pub(super) fn counts(most: u32) -> Vec<u32> {
    let steps =
        (0..32).flat_map(|power| [1_u32 << power, 3 * (1_u32 << power) / 2]).filter(|count| *count >= 1);
    let mut counts: Vec<u32> = steps.take_while(|count| *count <= most.max(1)).collect();
    counts.dedup();
    if counts.last().is_none_or(|last| *last != most) {
        counts.push(most);
    }
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// How a sweep is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// How often each number of workers is measured.
    pub(super) rounds: u32,
    /// From which the order of each round is drawn.
    pub(super) seed: u64,
}

/// Measures all subjects with all numbers of workers, in rounds, so that a machine that slows down slows all of them, after
/// one run of each subject that is not counted. The order of each round is drawn, or work that is slow every other time
/// would look as if it were slow with every other number of workers.
pub(super) fn sweep(
    subjects: &[Box<dyn Subject + '_>],
    counts: &[u32],
    effort: Effort,
    stop: &Stop,
    progress: &mut dyn FnMut(u32, &str, Point),
) -> Result<Vec<Sample>, Problem> {
    let mut samples: Vec<Sample> = subjects
        .iter()
        .map(|subject| Sample { model: subject.model().to_owned(), points: Vec::new() })
        .collect();
    let mut random = ChaCha8Rng::seed_from_u64(effort.seed);
    for round in 0..=effort.rounds {
        // Round 0 warms up, with one number of workers.
        let mut order = if round == 0 { counts[..1.min(counts.len())].to_vec() } else { counts.to_vec() };
        order.shuffle(&mut random);
        for workers in order {
            for (subject, sample) in subjects.iter().zip(&mut samples) {
                let measured = subject.throughput(workers, stop);
                if stop.asked() {
                    return Ok(samples);
                }
                let point = Point::new(workers, measured?);
                if round > 0 {
                    progress(round, subject.model(), point);
                    sample.points.push(point);
                }
            }
        }
    }
    Ok(samples)
}
