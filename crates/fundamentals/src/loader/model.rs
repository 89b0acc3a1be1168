//! Logistic regression, plainly.
//!
//! The model says yes with the probability `σ(w · x + b)`, where `σ(z) = 1 / (1 + e⁻ᶻ)`. After each batch every weight moves
//! against its share in the mean error (stochastic gradient descent). The sums run over the rows in their order, so that
//! the same batches in the same order give the same weights to the last bit.

use super::batch::{Batch, FEATURES, Row};

/// The weights of the features, and the constant last.
pub(super) type Weights = [f64; FEATURES + 1];

/// How far a batch moves the weights.
const PACE: f64 = 0.5;

/// A batch that nobody learns from.
const UNSEEN: u64 = u64::MAX;

/// Learns from one batch.
pub(super) fn learn(weights: &mut Weights, batch: &Batch) {
    let mut slope = Weights::default();
    for row in &batch.0 {
        let error = says(weights, row) - row.yes;
        for (slope, feature) in slope.iter_mut().zip(row.features.into_iter().chain([1.0])) {
            *slope += error * feature;
        }
    }
    for (weight, slope) in weights.iter_mut().zip(slope) {
        *weight -= PACE * slope / batch.0.len() as f64;
    }
}

/// The probability with which the model says yes.
fn says(weights: &Weights, row: &Row) -> f64 {
    let known = row.features.into_iter().chain([1.0]);
    let sum: f64 = known.zip(weights).map(|(feature, weight)| feature * weight).sum();
    1.0 / (1.0 + (-sum).exp())
}

/// The share of rows that the model gets right, of some that it has never seen.
pub(super) fn accuracy(weights: &Weights, seed: u64) -> f64 {
    let unseen: Vec<Row> = (0..16).flat_map(|number| Batch::make(seed, UNSEEN - number).0).collect();
    let right = unseen.iter().filter(|row| (says(weights, row) > 0.5) == (row.yes > 0.5)).count();
    right as f64 / unseen.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_is_the_one_that_is_computed_by_hand() {
        let mut features = [0.0; FEATURES];
        features[0] = 2.0;
        let mut weights = Weights::default();
        // σ(0) = ½, so the error is −½; the slope of the first weight is −½ · 2 and that of the constant −½.
        learn(&mut weights, &Batch(vec![Row { features, yes: 1.0 }]));
        assert_eq!((weights[0], weights[1], weights[FEATURES]), (0.5, 0.0, 0.25));
    }

    #[test]
    fn the_model_learns_what_there_is_to_learn() {
        let mut weights = Weights::default();
        let before = accuracy(&weights, 42);
        (0..60).for_each(|number| learn(&mut weights, &Batch::make(42, number)));
        // One answer of ten is wrong, so nobody gets more than nine of ten right.
        let after = accuracy(&weights, 42);
        assert!(before < 0.6 && (0.8..0.93).contains(&after), "{before} {after}");
    }
}
