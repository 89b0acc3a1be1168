//! Numbers with intervals.

use lab::measure::stats;
use lab::record::Estimate;

use crate::text::Text;

/// The share of all cases that an interval is meant to cover.
const Z: f64 = 1.959_963_984_540_054;

/// What a claim's measurement gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The number with its 95 % interval; `None` where this machine cannot measure it.
    pub estimate: Option<Estimate>,
    /// What a reader should know besides: why there is no number, or what a model stood in for.
    pub note: Option<Text>,
}

impl Measured {
    /// A number that was counted or decided and that has no spread: bytes of a file, schedules, wrong answers.
    pub fn exactly(value: f64) -> Self {
        Self::of(value, value, value, 1)
    }

    /// A count, as [`exactly`](Self::exactly).
    pub fn count(value: u64) -> Self {
        Self::exactly(value as f64)
    }

    /// The median of samples.
    ///
    /// Its interval lies between order statistics (David and Nagaraja, *Order Statistics*, 7.1): of `n` samples, those
    /// whose ranks are `1.96 √n / 2` away from the middle. With fewer than six samples it is the whole range, as in
    /// `lab::measure::stats`.
    ///
    /// # Panics
    /// When there is no sample, or one that is not a number.
    pub fn median(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.last().is_some_and(|last| last.is_finite()), "a median needs samples");
        let n = sorted.len();
        let median = f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]);
        // Ranks are far below 2^52 and not negative.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let reach = (Z * (n as f64).sqrt() / 2.0).ceil() as usize;
        let low = if n < stats::ENOUGH { 0 } else { (n / 2).saturating_sub(reach) };
        Self::of(median, sorted[low], sorted[n - 1 - low], n)
    }

    /// How many times longer `these` take than `reference`: the ratio of the medians with the interval of
    /// `lab::measure::stats::speedup`. Pairs of the same index are taken to be of the same round.
    pub fn ratio(these: &[u64], reference: &[u64], seed: u64) -> Self {
        match stats::speedup(these, reference, seed) {
            Some((value, Some([low, high]))) => Self::of(value, low, high, these.len().min(reference.len())),
            _ => Self::nothing_at_all(),
        }
    }

    /// A share of cases, in percent, with Wilson's interval (Wilson 1927, score interval).
    pub fn percent(hits: u64, of: u64) -> Self {
        if of == 0 {
            return Self::nothing_at_all();
        }
        let (n, p) = (of as f64, hits as f64 / of as f64);
        let z2 = Z * Z;
        let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
        let (low, high) = ((centre - half).max(0.0).min(p), (centre + half).min(1.0).max(p));
        Self::of(100.0 * p, 100.0 * low, 100.0 * high, usize::try_from(of).unwrap_or(usize::MAX))
    }

    /// A number with an interval that was computed elsewhere. Where one of them is none, nothing was measured.
    pub fn of(value: f64, low: f64, high: f64, samples: usize) -> Self {
        if ![value, low, high].into_iter().all(f64::is_finite) {
            return Self::nothing_at_all();
        }
        Self { estimate: Some(Estimate { value, low, high, samples }), note: None }
    }

    /// No number, and why.
    pub fn nothing(why: Text) -> Self {
        Self { estimate: None, note: Some(why) }
    }

    /// The same with a note.
    #[must_use]
    pub fn noted(self, note: Text) -> Self {
        Self { note: Some(note), ..self }
    }

    pub(crate) fn nothing_at_all() -> Self {
        Self { estimate: None, note: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // Newcombe 1998, table I, method 3 (score without continuity correction): 81 of 263 is 0.2553 to 0.3662.
        let measured = Measured::percent(81, 263).estimate.unwrap();
        assert!(
            (measured.low - 25.53).abs() < 0.005 && (measured.high - 36.62).abs() < 0.005,
            "{measured:?}"
        );
        assert_eq!(Measured::percent(0, 0).estimate, None);
    }

    #[test]
    fn the_median_of_few_samples_has_their_whole_range() {
        let measured = Measured::median(&[3.0, 1.0, 2.0]).estimate.unwrap();
        assert_eq!((measured.value, measured.low, measured.high), (2.0, 1.0, 3.0));
    }

    proptest! {
        #[test]
        fn every_estimate_lies_in_its_interval(
            samples in proptest::collection::vec(0.0..1e9_f64, 1..60),
            (of, hits) in (1_u64..1000).prop_flat_map(|of| (Just(of), 0..=of)),
        ) {
            for measured in [Measured::median(&samples), Measured::percent(hits, of)] {
                let estimate = measured.estimate.unwrap();
                prop_assert!(estimate.low <= estimate.value && estimate.value <= estimate.high, "{estimate:?}");
            }
        }
    }
}
