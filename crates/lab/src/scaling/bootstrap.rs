//! Intervals without a formula: the fit again and again, to measurements that could have been.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::curve::Curve;
use super::fit::{Fit, Point, least_squares};

/// Resamples of a bootstrap: enough that the 25th from either end does not hang on single ones.
const RESAMPLES: usize = 1000;

/// The curves of a bootstrap, each with one residual drawn beside it.
#[derive(Clone, Debug)]
pub struct Resampled {
    draws: Vec<(Curve, f64)>,
}

impl Fit {
    /// Bootstraps the residuals (Efron 1979): each resample is the fitted curve with residuals drawn from those seen, and
    /// is fitted anew. Residuals are stretched by `√(points / degrees of freedom)`, because a fit of few points hides part
    /// of the scatter in its coefficients. The same seed gives the same resamples.
    pub fn resample(&self, seed: u64) -> Resampled {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let stretch = (self.points.len() as f64 / f64::from(self.freedom)).sqrt();
        let centre = self.residuals.iter().sum::<f64>() / self.residuals.len() as f64;
        let stretched: Vec<f64> =
            self.residuals.iter().map(|residual| (residual - centre) * stretch).collect();
        let mut draw = || stretched[random.random_range(0..stretched.len())];
        // A throughput is above 0, whatever was drawn.
        let floor = self.points.iter().map(|point| point.throughput).fold(f64::INFINITY, f64::min) * 1e-3;
        let draws = (0..RESAMPLES)
            .filter_map(|_| {
                let points: Vec<Point> = self
                    .points
                    .iter()
                    .map(|point| {
                        let throughput = (self.curve.at(point.workers.into()) + draw()).max(floor);
                        Point { throughput, ..*point }
                    })
                    .collect();
                Some((least_squares(self.law, &points)?, draw()))
            })
            .collect();
        Resampled { draws }
    }
}

impl Resampled {
    /// The 95 % interval of anything that a curve tells, such as `|curve| curve.alpha`.
    pub fn interval(&self, tell: impl Fn(&Curve) -> f64) -> [f64; 2] {
        middle(self.draws.iter().map(|(curve, _)| tell(curve)).collect())
    }

    /// Where 95 of 100 single measurements at this many workers are to be expected: the scatter of the curve and that of
    /// the measuring together.
    pub fn prediction(&self, workers: u32) -> [f64; 2] {
        middle(self.draws.iter().map(|(curve, residual)| curve.at(workers.into()) + residual).collect())
    }
}

/// The percentile interval of 95 %.
fn middle(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let tail = values.len() / 40;
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    [at(tail), at(values.len().saturating_sub(1 + tail))]
}
