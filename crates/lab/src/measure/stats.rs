//! The few statistics that a table of times needs.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples of a bootstrap. The interval's ends are the 50th and the 1950th of the sorted resamples, far enough from the
/// ends of the list not to hang on single resamples.
const RESAMPLES: usize = 2000;

/// The median; of an even number of values, the mean of the middle two. `None` of no values.
pub fn median(values: &[u64]) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(u64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The median absolute deviation from the median, unscaled.
pub fn mad(values: &[u64]) -> Option<u64> {
    let centre = median(values)?;
    median(&values.iter().map(|value| value.abs_diff(centre)).collect::<Vec<_>>())
}

/// How many times faster `these` are than `reference`: the ratio of the medians, and its 95 % interval by the percentile
/// bootstrap (Efron 1979), with both lists resampled. `None` where a list is empty or a median is 0.
pub fn speedup(reference: &[u64], these: &[u64], seed: u64) -> Option<(f64, [f64; 2])> {
    let ratio = |reference: &[u64], these: &[u64]| {
        let (over, under) = (median(reference)?, median(these)?);
        (under > 0).then(|| over as f64 / under as f64)
    };
    let estimate = ratio(reference, these)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut resample = |values: &[u64]| -> Vec<u64> {
        (0..values.len()).map(|_| values[random.random_range(0..values.len())]).collect()
    };
    let mut ratios: Vec<f64> =
        (0..RESAMPLES).filter_map(|_| ratio(&resample(reference), &resample(these))).collect();
    ratios.sort_by(f64::total_cmp);
    let tail = ratios.len() / 40;
    Some((estimate, [*ratios.get(tail)?, *ratios.get(ratios.len() - 1 - tail)?]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_median_and_its_deviation_are_those_of_the_textbook() {
        assert_eq!(
            (median(&[]), median(&[3]), median(&[4, 1]), median(&[9, 1, 5])),
            (None, Some(3), Some(2), Some(5))
        );
        // The example of the median absolute deviation that is found everywhere: 1 1 2 2 4 6 9 has median 2 and MAD 1.
        assert_eq!(mad(&[1, 1, 2, 2, 4, 6, 9]), Some(1));
    }

    #[test]
    fn equal_samples_have_a_speedup_of_one_with_no_width() {
        assert_eq!(speedup(&[7; 5], &[7; 5], 1), Some((1.0, [1.0, 1.0])));
        assert_eq!(speedup(&[8; 5], &[2; 5], 1), Some((4.0, [4.0, 4.0])));
        assert_eq!(speedup(&[], &[1], 1), None);
    }

    #[test]
    fn the_interval_covers_the_true_ratio_about_as_often_as_it_says() {
        // Both lists are drawn from one distribution, so the true ratio is 1. The percentile bootstrap of a median of 15
        // covers a little less than its nominal 95 %; below 88 % of 300 it would be wrong.
        let mut random = ChaCha8Rng::seed_from_u64(1979);
        let mut draw = || -> Vec<u64> { (0..15).map(|_| random.random_range(900_000..1_100_000)).collect() };
        let covered = (0..300).filter(|seed| {
            let (_, [low, high]) = speedup(&draw(), &draw(), *seed).unwrap();
            low <= 1.0 && 1.0 <= high
        });
        let covered = covered.count();
        assert!(covered >= 264, "{covered} of 300");
    }

    proptest! {
        #[test]
        fn the_estimate_lies_within_its_interval_and_depends_only_on_the_seed(
            reference in proptest::collection::vec(1_u64..1_000_000, 1..12),
            these in proptest::collection::vec(1_u64..1_000_000, 1..12),
        ) {
            let first = speedup(&reference, &these, 5);
            prop_assert_eq!(first, speedup(&reference, &these, 5));
            let (estimate, [low, high]) = first.unwrap();
            prop_assert!(low <= estimate && estimate <= high);
        }
    }
}
