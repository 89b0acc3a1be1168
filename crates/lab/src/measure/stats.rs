//! The few statistics that a table of times needs.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples of a bootstrap. The interval's ends are the 50th and the 1950th of the sorted resamples, far enough from the
/// ends of the list not to hang on single resamples.
const RESAMPLES: usize = 2000;

/// With fewer samples than this, an interval is the whole range.
pub const ENOUGH: usize = 6;

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

/// The numbers below `length` in an order drawn from the seed.
pub fn order(length: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    order
}

/// The places of samples that lie further from the median than three standard deviations as the MAD tells them (Hampel 1974;
/// 1.4826 makes the MAD of a normal distribution its standard deviation). A deviation below 1 % of the median is none.
/// Outliers are told and never dropped: on a real machine they are part of what a user waits for.
pub fn outliers(values: &[u64]) -> Vec<usize> {
    let (Some(centre), Some(spread)) = (median(values), mad(values)) else { return Vec::new() };
    let far = (3.0 * 1.4826 * spread as f64).max(centre as f64 * 0.01);
    let is_far = |value: &u64| value.abs_diff(centre) as f64 > far;
    values.iter().enumerate().filter(|(_, value)| is_far(value)).map(|(at, _)| at).collect()
}

/// How many times faster `these` are than `reference`: the ratio of the medians, and a 95 % interval of it. `None` where a
/// list is empty or a median is 0.
///
/// From [`ENOUGH`] samples on, the interval is that of the percentile bootstrap (Efron 1979). Samples that were taken in the
/// same rounds are drawn together, so that what slowed both of a round slows neither; lists of different lengths are drawn
/// apart. Of fewer samples no bootstrap can tell 95 % (the extremes of five cover their median 94 times of 100), so the
/// interval reaches from the least ratio that the samples allow to the greatest; one sample has none.
pub fn speedup(reference: &[u64], these: &[u64], seed: u64) -> Option<(f64, Option<[f64; 2]>)> {
    let ratio = |over: u64, under: u64| (under > 0).then(|| over as f64 / under as f64);
    let estimate = ratio(median(reference)?, median(these)?)?;
    if reference.len().min(these.len()) < 2 {
        return Some((estimate, None));
    }
    if reference.len().min(these.len()) < ENOUGH {
        let low = ratio(*reference.iter().min()?, *these.iter().max()?)?;
        let high = ratio(*reference.iter().max()?, *these.iter().min()?)?;
        return Some((estimate, Some([low, high])));
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw =
        |among: usize| -> Vec<usize> { (0..among).map(|_| random.random_range(0..among)).collect() };
    let pick =
        |values: &[u64], drawn: &[usize]| median(&drawn.iter().map(|at| values[*at]).collect::<Vec<_>>());
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let first = draw(reference.len());
            let second = if these.len() == reference.len() { first.clone() } else { draw(these.len()) };
            ratio(pick(reference, &first)?, pick(these, &second)?)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let tail = ratios.len() / 40;
    Some((estimate, Some([*ratios.get(tail)?, *ratios.get(ratios.len() - 1 - tail)?])))
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
    fn a_sample_far_from_the_others_is_told() {
        assert_eq!(outliers(&[1000, 1010, 990, 1005, 1400, 995, 1003]), [4]);
        assert_eq!(outliers(&[1000, 1001, 1000, 1000, 1000, 1005]), [0; 0]);
        assert_eq!(outliers(&[]), [0; 0]);
    }

    #[test]
    fn equal_samples_have_a_speedup_of_one_with_no_width() {
        assert_eq!(speedup(&[7; 5], &[7; 5], 1), Some((1.0, Some([1.0, 1.0]))));
        assert_eq!(speedup(&[8; 5], &[2; 5], 1), Some((4.0, Some([4.0, 4.0]))));
        assert_eq!(speedup(&[8], &[2], 1), Some((4.0, None)));
        assert_eq!(speedup(&[], &[1], 1), None);
    }

    /// Checks how often the interval of two lists of `samples` from one distribution covers 1, the true ratio.
    fn check_coverage(samples: usize, drift: bool, least: usize) {
        let mut random = ChaCha8Rng::seed_from_u64(1979);
        let covered = (0..300).filter(|seed| {
            let mut draw = |round: usize| {
                random.random_range(900_000..1_100_000) * if drift { 1 + round as u64 } else { 1 }
            };
            let (one, two): (Vec<_>, Vec<_>) = (0..samples).map(|round| (draw(round), draw(round))).unzip();
            let (_, interval) = speedup(&one, &two, *seed).unwrap();
            let [low, high] = interval.unwrap();
            low <= 1.0 && 1.0 <= high
        });
        let covered = covered.count();
        assert!(covered >= least, "{covered} of 300 with {samples} samples");
    }

    #[test]
    fn the_interval_covers_the_true_ratio_about_as_often_as_it_says() {
        // The percentile bootstrap of a small median covers a little less than its nominal 95 %; under 88 % it would be
        // wrong. The whole range of few samples covers at least as much.
        check_coverage(7, false, 264);
        check_coverage(15, false, 264);
        check_coverage(3, false, 264);
        check_coverage(5, false, 282);
    }

    #[test]
    fn a_machine_that_slows_down_from_round_to_round_does_not_break_the_interval() {
        check_coverage(15, true, 264);
    }

    proptest! {
        #[test]
        fn the_estimate_lies_within_its_interval_and_depends_only_on_the_seed(
            reference in proptest::collection::vec(1_u64..1_000_000, 1..12),
            these in proptest::collection::vec(1_u64..1_000_000, 1..12),
        ) {
            let first = speedup(&reference, &these, 5);
            prop_assert_eq!(first, speedup(&reference, &these, 5));
            let (estimate, interval) = first.unwrap();
            prop_assert_eq!(interval.is_some(), reference.len().min(these.len()) > 1);
            prop_assert!(interval.is_none_or(|[low, high]| low <= estimate && estimate <= high));
        }
    }
}
