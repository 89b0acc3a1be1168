//! Mean and squared deviations, without the formula that loses them.
//!
//! The sum of squares less the square of the sum is two large numbers whose difference is small: for a column around 10^9
//! with a deviation of 1 nothing right is left of it. Here squares are those of the distances from a centre, which is the
//! first of the values and then, after some, their mean: as their own distances from the mean are among the deviations, the
//! squares about it are not much larger than those about the mean. In the end they are moved to the mean, whose distance from the
//! centre is known from the exact sum (T. F. Chan, G. H. Golub, R. J. `LeVeque`, Algorithms for computing the sample
//! variance: analysis and recommendations, 1983). A value costs no division, as the usual running mean would
//! (B. P. Welford, Note on a method for calculating corrected sums of squares and products, 1962).
//!
//! Parts are put together by the distance of their means (the same three, Updating formulae and a pairwise algorithm for
//! computing sample variances, 1979).

use serde::{Deserialize, Serialize};

/// The squared distances of some values from a centre. How many they are is known elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// The first value, or the mean once it was settled.
    pub centre: f64,
    /// The sum of the squared distances.
    pub squares: f64,
}

impl Moments {
    /// Takes a value in; `count` is how many there are with it.
    #[inline]
    pub fn add(&mut self, value: f64, count: u64) {
        if count == 1 {
            self.centre = value;
        }
        let distance = value - self.centre;
        self.squares += distance * distance;
    }

    /// Moves the centre of `count` values by `distance` to their mean.
    #[inline]
    pub fn settle(&mut self, distance: f64, count: u64) {
        self.centre += distance;
        // Squares past the range of the type stay so, and those of what is no number are none.
        if self.squares.is_finite() || !distance.is_finite() {
            let squares = self.squares - distance * distance * count as f64;
            self.squares = if squares < 0.0 { 0.0 } else { squares };
        }
    }

    /// Takes the settled moments of `others` values in; so far there are `own`, settled as well.
    #[inline]
    pub fn merge(&mut self, own: u64, other: &Self, others: u64) {
        if others == 0 {
            return;
        }
        if own == 0 {
            *self = *other;
            return;
        }
        let (one, two) = (own as f64, others as f64);
        let distance = other.centre - self.centre;
        let share = two / (one + two);
        self.centre += distance * share;
        self.squares += other.squares + distance * distance * one * share;
    }

    /// The standard deviation of a sample of `count` values: the squares divided by one less. None below two values.
    pub fn deviation(&self, count: u64) -> Option<f64> {
        (count > 1).then(|| (self.squares / (count - 1) as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        (1..).zip(values).for_each(|(count, value)| moments.add(*value, count));
        // The exact sum of the distances, which the states know in units.
        let away: f64 = values.iter().map(|value| value - moments.centre).sum();
        moments.settle(away / values.len() as f64, values.len() as u64);
        moments
    }

    #[test]
    fn a_small_deviation_around_a_large_mean_is_not_lost() {
        // The naive formula gives 0 or the root of a negative number here. NIST's SmLs09 is built the same way.
        let values: Vec<f64> = (0..1_001).map(|number| 1e12 + f64::from(number % 2) * 0.2).collect();
        let expected = 0.1 * (1_001.0_f64 / 1_000.0).sqrt() * (1.0 - 1.0 / 1_001.0_f64.powi(2)).sqrt();
        let mut parts = Moments::default();
        for (number, part) in values.chunks(100).enumerate() {
            parts.merge(number as u64 * 100, &of(part), part.len() as u64);
        }
        for moments in [of(&values), parts] {
            let found = moments.deviation(1_001).unwrap();
            // Numbers near 10^12 are 2^-13 apart, so 0.2 itself is only known to three digits.
            assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");
        }
        assert_eq!(of(&[5.0]).deviation(1), None);
    }
}
