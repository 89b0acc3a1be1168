//! Whether two lists of times differ: an interval for their ratio that holds what it says with few samples too.
//!
//! Nothing is assumed of how times are distributed but that both lists have the same shape. Samples of different runs are
//! compared each with each (Mann and Whitney 1947, with the estimate of Hodges and Lehmann 1963); samples that were taken
//! side by side, in the same rounds, are compared pair by pair (Wilcoxon 1945). The levels are exact and not asymptotic:
//! all orders are counted. So of comparisons of a thing with itself at most 5 % are called different, whatever the number
//! of samples; with too few of them nothing ever is.

/// How `these` compare with `base`: a ratio below 1 is faster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The time of these over the time of the base.
    pub ratio: f64,
    /// Its interval of at least 95 %; `None` where so few samples cannot give one, or more than a thousand a side.
    pub interval: Option<[f64; 2]>,
}

/// Half of what an interval may miss: 2.5 % on each side.
const TAIL: f64 = 0.025;

impl Difference {
    /// Compares two lists whose samples have nothing to do with each other, such as those of two runs. `None` if one is
    /// empty or a time is 0.
    pub fn of(base: &[u64], these: &[u64]) -> Option<Self> {
        let (base, these) = (logs(base)?, logs(these)?);
        let mut all: Vec<f64> = these.iter().flat_map(|new| base.iter().map(move |old| new - old)).collect();
        all.sort_by(f64::total_cmp);
        Self::middle_of(&all, cut(&mann_whitney(base.len(), these.len())))
    }

    /// Compares two lists pair by pair; the samples of a pair were taken in the same round. `None` if they differ in length.
    pub fn paired(base: &[u64], these: &[u64]) -> Option<Self> {
        let (base, these) = (logs(base)?, logs(these)?);
        if base.len() != these.len() {
            return None;
        }
        let each: Vec<f64> = these.iter().zip(&base).map(|(new, old)| new - old).collect();
        // The Walsh averages: the mean of each difference with itself and with every later one.
        let mut all: Vec<f64> = each
            .iter()
            .enumerate()
            .flat_map(|(at, one)| each[at..].iter().map(move |two| f64::midpoint(*one, *two)))
            .collect();
        all.sort_by(f64::total_cmp);
        Self::middle_of(&all, cut(&signed_ranks(each.len())))
    }

    /// The median of sorted logarithms, and what is left when so many are cut off each end.
    fn middle_of(sorted: &[f64], cut: Option<usize>) -> Option<Self> {
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            *sorted.get(middle)?
        } else {
            f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, *sorted.get(middle)?)
        };
        let interval = cut.map(|cut| [sorted[cut].exp(), sorted[sorted.len() - 1 - cut].exp()]);
        Some(Self { ratio: median.exp(), interval })
    }

    /// Whether the two differ: 1 is not in the interval.
    pub fn is_real(&self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 1.0 || high < 1.0)
    }

    /// Whether these are slower by more than a tolerance, such as 0.05, with the whole interval.
    pub fn is_slower_by(&self, tolerance: f64) -> bool {
        self.interval.is_some_and(|[low, _]| low > 1.0 + tolerance)
    }
}

fn logs(times: &[u64]) -> Option<Vec<f64>> {
    let logs: Option<Vec<f64>> = times.iter().map(|time| (*time > 0).then(|| (*time as f64).ln())).collect();
    logs.filter(|logs| !logs.is_empty())
}

/// How many of the sorted values are cut off each end, where `counts` says in how many of all orders the statistic is 0, 1,
/// 2, …: the interval from the (c + 1)th value to the (c + 1)th from the end misses on each side with the probability that
/// the statistic is at most c. `None` if even with c = 0 that is too often, or if there are too many orders to count.
fn cut(counts: &[f64]) -> Option<usize> {
    let all: f64 = counts.iter().sum();
    if !all.is_finite() {
        return None;
    }
    let mut sum = 0.0;
    let kept = counts.iter().take_while(|count| {
        sum += **count;
        sum <= TAIL * all
    });
    kept.count().checked_sub(1)
}

/// In how many orders of `m` and `n` values each number of pairs is the wrong way round, 0 to m n: the coefficients of the
/// Gaussian binomial, one factor (1 − q^(n + i)) / (1 − q^i) after the other, in units of the smallest number.
fn mann_whitney(m: usize, n: usize) -> Vec<f64> {
    let mut counts = vec![0.0; m * n + 1];
    // Only shares of the whole matter, and counted from here the whole has room up to a thousand samples a side.
    counts[0] = f64::MIN_POSITIVE;
    for i in 1..=m {
        // After so many factors there are i n + 1 coefficients, the same from both ends. Half of them are worked out, because
        // what rounding leaves past the last one would be added up by every factor to come.
        let (last, half) = (i * n, i * n / 2);
        for at in (n + i..=half).rev() {
            counts[at] -= counts[at - n - i];
        }
        for at in i..=half {
            counts[at] += counts[at - i];
        }
        for at in half + 1..=last {
            counts[at] = counts[last - at];
        }
    }
    counts
}

/// In what share of the 2^n choices of signs the ranks of the positive ones add up to 0, 1, 2, …: their number has no room
/// from 1,024 pairs on.
fn signed_ranks(n: usize) -> Vec<f64> {
    let mut shares = vec![0.0; n * (n + 1) / 2 + 1];
    shares[0] = 1.0;
    for rank in 1..=n {
        for at in (0..shares.len()).rev() {
            let below = at.checked_sub(rank).map_or(0.0, |below| shares[below]);
            shares[at] = f64::midpoint(shares[at], below);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_critical_values_are_those_of_the_printed_tables() {
        // Two-sided 5 %: the critical U of (n, n) and the critical W of n, from any textbook's table; one less is cut.
        let u = |n| cut(&mann_whitney(n, n));
        assert_eq!([3, 4, 5, 7, 10, 20].map(u), [None, Some(0), Some(2), Some(8), Some(23), Some(127)]);
        let w = |n| cut(&signed_ranks(n));
        assert_eq!([5, 6, 7, 10, 20].map(w), [None, Some(0), Some(2), Some(8), Some(52)]);
    }

    /// Times as machines have them: most near the least, some far above it, now and then one that was interrupted.
    fn times(random: &mut ChaCha8Rng, samples: usize, base: f64) -> Vec<u64> {
        let one = |random: &mut ChaCha8Rng| {
            let late = -random.random_range(1e-9..1.0_f64).ln() * 0.03;
            let held_up = if random.random_range(0..20) == 0 { 1.5 } else { 1.0 };
            base * (1.0 + late) * held_up
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        (0..samples).map(|_| one(random) as u64).collect()
    }

    /// Of a thousand pairs with a true ratio, how many are called different.
    fn called_different(samples: usize, ratio: f64, paired: bool) -> usize {
        let mut random = ChaCha8Rng::seed_from_u64(1945);
        let pairs = (0..1000).filter(|_| {
            let mut one = times(&mut random, samples, 1e7);
            let mut two = times(&mut random, samples, 1e7 * ratio);
            if paired {
                // What slows a round slows both of its samples.
                for (round, (one, two)) in one.iter_mut().zip(&mut two).enumerate() {
                    let drift = 1 + round as u64 % 5;
                    (*one, *two) = (*one * drift, *two * drift);
                }
            }
            let found = if paired { Difference::paired(&one, &two) } else { Difference::of(&one, &two) };
            found.unwrap().is_real()
        });
        pairs.count()
    }

    #[test]
    fn of_a_thousand_comparisons_with_itself_at_most_five_per_cent_are_called_different() {
        for samples in [3, 5, 7, 15] {
            for paired in [false, true] {
                let called = called_different(samples, 1.0, paired);
                // Three standard errors of a true 5 % of a thousand would be 71; the exact levels are below 5 %.
                assert!(called <= 50, "{called} with {samples} samples, paired: {paired}");
            }
        }
    }

    #[test]
    fn a_slowdown_of_ten_per_cent_is_found_and_its_size_too() {
        // A sample that was held up spoils its whole pair, so pairs find less where nothing drifts.
        for (paired, least) in [(false, 950), (true, 800)] {
            let found = called_different(15, 1.1, paired);
            assert!(found >= least, "{found} of 1000, paired: {paired}");
        }
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (one, two) = (times(&mut random, 30, 1e7), times(&mut random, 30, 1.1e7));
        let found = Difference::of(&one, &two).unwrap();
        assert!((1.07..1.13).contains(&found.ratio) && found.is_slower_by(0.05), "{found:?}");
        assert!(!Difference::of(&two, &one).unwrap().is_slower_by(0.0));
    }

    #[test]
    fn a_thousand_samples_and_more_give_a_narrow_interval() {
        let mut random = ChaCha8Rng::seed_from_u64(1200);
        let mut draw = |samples| (times(&mut random, samples, 1e7), times(&mut random, samples, 1.1e7));
        let ((one, two), (three, four)) = (draw(1_200), draw(600));
        for found in [Difference::paired(&one, &two), Difference::of(&three, &four)] {
            let [low, high] = found.unwrap().interval.unwrap();
            assert!(low > 1.09 && high < 1.11 && low < high, "{low} to {high}");
        }
    }

    #[test]
    fn the_interval_covers_the_true_ratio_of_every_shape_of_times() {
        let mut random = ChaCha8Rng::seed_from_u64(1963);
        for shape in 0..3 {
            let covered = (0..1000).filter(|_| {
                let mut draw = |base: f64| -> Vec<u64> {
                    let one = |random: &mut ChaCha8Rng| match shape {
                        0 => random.random_range(0.9..1.1),
                        1 => (random.random_range(-1.0..1.0_f64) + random.random_range(-1.0..1.0_f64)).exp(),
                        _ => {
                            (if random.random_range(0..2) == 0 { 1.0 } else { 1.6 })
                                * random.random_range(0.99..1.01)
                        }
                    };
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    (0..9).map(|_| (base * one(&mut random)) as u64).collect()
                };
                let (one, two) = (draw(1e6), draw(1.3e6));
                let [low, high] = Difference::of(&one, &two).unwrap().interval.unwrap();
                low <= 1.3 && 1.3 <= high
            });
            let covered = covered.count();
            assert!(covered >= 935, "{covered} of 1000 in shape {shape}");
        }
    }

    #[test]
    fn too_few_samples_never_differ_and_none_are_no_comparison() {
        assert_eq!(Difference::of(&[1; 3], &[100; 3]).unwrap().interval, None);
        assert!(!Difference::of(&[1; 3], &[100; 3]).unwrap().is_real());
        assert_eq!(Difference::of(&[], &[1]), None);
        assert_eq!(Difference::paired(&[1, 2], &[1]), None);
        assert_eq!(Difference::of(&[0], &[1]), None);
    }
}
