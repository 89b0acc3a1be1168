//! Least squares with coefficients that are not negative.

use std::collections::BTreeSet;

use super::curve::Curve;
use super::solve::{MOST, Matrix, inverse_diagonal, solve};
use super::student;
use crate::problem::Problem;

/// One measurement. Several of one number of workers are welcome: they show how much the measuring itself scatters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// How many worked; at least 1.
    pub workers: u32,
    /// How much got done in a unit of time: from 1e-100 to 1e100, so that its square and what is divided by it are numbers
    /// too. Any unit will do, so long as it is one.
    pub throughput: f64,
}

impl Point {
    /// A measurement.
    pub fn new(workers: u32, throughput: f64) -> Self {
        Self { workers, throughput }
    }
}

/// Which of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Amdahl's law: contention only.
    Amdahl,
    /// The Universal Scalability Law: contention and coherency.
    Usl,
}

impl Law {
    /// The law's name, as a sentence uses it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amdahl => "Amdahl's law",
            Self::Usl => "the Universal Scalability Law",
        }
    }

    /// How many coefficients the law has.
    pub fn coefficients(self) -> usize {
        match self {
            Self::Amdahl => 2,
            Self::Usl => 3,
        }
    }

    /// At how many different numbers of workers must have been measured: one more than the law has coefficients, or
    /// nothing is left over to tell how well it fits.
    pub fn least(self) -> usize {
        self.coefficients() + 1
    }
}

/// One of the three coefficients of a [`Curve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coefficient {
    /// What one worker gets done.
    Gamma,
    /// Contention.
    Alpha,
    /// Coherency.
    Beta,
}

/// The order in which the solver knows the coefficients: those that are always there first.
const ORDER: [Coefficient; MOST] = [Coefficient::Gamma, Coefficient::Alpha, Coefficient::Beta];

impl Coefficient {
    fn of(self, curve: &Curve) -> f64 {
        match self {
            Self::Gamma => curve.gamma,
            Self::Alpha => curve.alpha,
            Self::Beta => curve.beta,
        }
    }

    fn add(self, curve: &mut Curve, step: f64) {
        match self {
            Self::Gamma => curve.gamma += step,
            Self::Alpha => curve.alpha += step,
            Self::Beta => curve.beta += step,
        }
    }
}

/// A law fitted to measurements.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Which law.
    pub law: Law,
    /// The least-squares curve.
    pub curve: Curve,
    /// Measured less fitted, in the order of the points.
    pub residuals: Vec<f64>,
    /// Residual standard error: the square root of the sum of squares over the degrees of freedom.
    pub sigma: f64,
    /// Points less coefficients.
    pub freedom: u32,
    /// The share of the points' variance that the curve explains.
    pub r_squared: f64,
    pub(super) points: Vec<Point>,
    errors: [f64; MOST],
}

impl Fit {
    /// Fits a law.
    ///
    /// # Errors
    /// When there are too few points to tell anything from, or one that is no measurement.
    pub fn of(law: Law, points: &[Point]) -> Result<Self, Problem> {
        check(law, points)?;
        let curve = least_squares(law, points)
            .ok_or_else(|| Problem::new(format!("{} cannot be fitted to these points", law.name())))?;
        let residuals: Vec<f64> = points.iter().map(|point| residual(&curve, point)).collect();
        let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
        let freedom = points.len() - law.coefficients();
        let sigma = (squares / freedom as f64).sqrt();
        let mean = points.iter().map(|point| point.throughput).sum::<f64>() / points.len() as f64;
        let around: f64 = points.iter().map(|point| (point.throughput - mean).powi(2)).sum();
        // The standard errors of nonlinear regression: the curve's tangent plane in place of the curve. A coefficient at
        // its bound counts as estimated too, as in the R package `usl`.
        let (normal, _) = normal_equations(&curve, points, &ORDER[..law.coefficients()]);
        let diagonal = inverse_diagonal(normal, law.coefficients()).unwrap_or([f64::INFINITY; MOST]);
        // Where the points tell nothing of a coefficient, its variance comes out as infinite, or as less than nothing.
        let error = |variance: f64| {
            let error = sigma * variance.sqrt();
            if error.is_nan() { f64::INFINITY } else { error }
        };
        Ok(Self {
            law,
            curve,
            residuals,
            sigma,
            freedom: u32::try_from(freedom).unwrap_or(u32::MAX),
            r_squared: if around > 0.0 { 1.0 - squares / around } else { 1.0 },
            points: points.to_vec(),
            errors: diagonal.map(error),
        })
    }

    /// The standard error of a coefficient; 0 for one that the law does not have.
    pub fn standard_error(&self, coefficient: Coefficient) -> f64 {
        let at = ORDER.iter().position(|known| *known == coefficient).unwrap_or_default();
        if at < self.law.coefficients() { self.errors[at] } else { 0.0 }
    }

    /// The interval of a coefficient from its standard error and Student's t, such as with `confidence` 0.95. It knows
    /// nothing of the bound at 0 and may reach below it.
    pub fn interval(&self, coefficient: Coefficient, confidence: f64) -> [f64; 2] {
        let half = student::quantile(confidence, self.freedom) * self.standard_error(coefficient);
        let estimate = coefficient.of(&self.curve);
        [estimate - half, estimate + half]
    }
}

/// Says in plain words why these points are not enough.
fn check(law: Law, points: &[Point]) -> Result<(), Problem> {
    if let Some(point) =
        points.iter().find(|point| point.workers == 0 || !(1e-100..=1e100).contains(&point.throughput))
    {
        return Err(Problem::new(format!(
            "{} workers with a throughput of {} is no measurement",
            point.workers, point.throughput
        ))
        .expected("at least one worker, and a throughput from 1e-100 to 1e100"));
    }
    let distinct: BTreeSet<u32> = points.iter().map(|point| point.workers).collect();
    if distinct.len() < law.least() {
        return Err(Problem::new(format!(
            "{} has {} coefficients and was measured at only {} different numbers of workers, so any curve would fit",
            law.name(),
            law.coefficients(),
            distinct.len()
        ))
        .expected(format!("measurements at {} or more different numbers of workers", law.least()))
        .hint("measure more numbers of workers, such as 1, 2, 3, 4 and 8"));
    }
    Ok(())
}

fn residual(curve: &Curve, point: &Point) -> f64 {
    point.throughput - curve.at(point.workers.into())
}

/// The curve with the least sum of squares whose coefficients are not negative.
///
/// A coefficient is either at its bound or not, and only two have one that matters, so each case is solved without bounds
/// and the best of those that keep them wins. That is exact, and shorter than any solver that knows of bounds.
pub(super) fn least_squares(law: Law, points: &[Point]) -> Option<Curve> {
    use Coefficient::{Alpha, Beta, Gamma};
    let cases: &[&[Coefficient]] = match law {
        Law::Amdahl => &[&[Gamma], &[Gamma, Alpha]],
        Law::Usl => &[&[Gamma], &[Gamma, Alpha], &[Gamma, Beta], &[Gamma, Alpha, Beta]],
    };
    // In a unit of its own, a power of two, which changes no digit: so the equations, in which throughputs stand beside
    // shares, are rounded alike in whatever unit the points are.
    let most = points.iter().map(|point| point.throughput).fold(f64::MIN_POSITIVE, f64::max);
    let unit = f64::from_bits(most.to_bits() & f64::INFINITY.to_bits());
    let points: Vec<Point> =
        points.iter().map(|point| Point::new(point.workers, point.throughput / unit)).collect();
    let squares = |curve: &Curve| points.iter().map(|point| residual(curve, point).powi(2)).sum::<f64>();
    let curve = cases
        .iter()
        .filter_map(|free| descend(&points, free))
        .filter(|curve| curve.gamma > 0.0 && curve.alpha >= 0.0 && curve.beta >= 0.0)
        .min_by(|a, b| squares(a).total_cmp(&squares(b)))?;
    Some(Curve { gamma: curve.gamma * unit, ..curve })
}

/// The free coefficients at the least sum of squares, by Levenberg's and Marquardt's method.
fn descend(points: &[Point], free: &[Coefficient]) -> Option<Curve> {
    /// Steps after which it will not get better: each one that counts halves the distance or better.
    const STEPS: usize = 500;
    let squares = |curve: &Curve| points.iter().map(|point| residual(curve, point).powi(2)).sum::<f64>();
    let mut curve = start(points, free);
    let mut best = squares(&curve);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let (mut matrix, right) = normal_equations(&curve, points, free);
        for (at, row) in matrix.iter_mut().enumerate().take(free.len()) {
            row[at] *= 1.0 + damping;
        }
        let step = solve(matrix, right, free.len())?;
        let mut next = curve;
        for (coefficient, step) in free.iter().zip(step) {
            coefficient.add(&mut next, step);
        }
        let sum = squares(&next);
        // Where the denominator passes through 0 the curve is no throughput any longer.
        let sound = points.iter().all(|point| next.at(point.workers.into()) > 0.0);
        if sound && sum <= best {
            let moved = free.iter().any(|c| (c.of(&next) - c.of(&curve)).abs() > 1e-13 * c.of(&next).abs());
            (curve, best) = (next, sum);
            damping = (damping / 10.0).max(1e-15);
            if !moved {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    Some(curve)
}

/// Where the descent starts: the exact answer of the linear problem that is left when both sides are turned over,
/// `n / X = (1 + α (n − 1) + β n (n − 1)) / γ`. Its errors weigh wrongly, so it is only a start.
fn start(points: &[Point], free: &[Coefficient]) -> Curve {
    let mut matrix = Matrix::default();
    let mut right = [0.0; MOST];
    for point in points {
        let n = f64::from(point.workers);
        // Weighed by the throughput, or the largest counts, where n / X is large, would outweigh all others.
        let weight = point.throughput / n;
        let terms: Vec<f64> = free
            .iter()
            .map(|coefficient| match coefficient {
                Coefficient::Gamma => weight,
                Coefficient::Alpha => weight * (n - 1.0),
                Coefficient::Beta => weight * n * (n - 1.0),
            })
            .collect();
        for (row, left) in terms.iter().enumerate() {
            for (column, term) in terms.iter().enumerate() {
                matrix[row][column] += left * term;
            }
            right[row] += left;
        }
    }
    let fallback = points.iter().map(|point| point.throughput / f64::from(point.workers)).fold(0.0, f64::max);
    let mut curve = Curve { alpha: 0.0, beta: 0.0, gamma: fallback };
    if let Some(solution) = solve(matrix, right, free.len()).filter(|solution| solution[0] > 0.0) {
        curve.gamma = 1.0 / solution[0];
        for (coefficient, value) in free.iter().zip(solution).skip(1) {
            coefficient.add(&mut curve, (value / solution[0]).max(0.0));
        }
    }
    curve
}

/// `JᵀJ` and `Jᵀr` over the free coefficients, with the gradient of the curve in each row of `J`.
fn normal_equations(curve: &Curve, points: &[Point], free: &[Coefficient]) -> (Matrix, [f64; MOST]) {
    let mut matrix = Matrix::default();
    let mut right = [0.0; MOST];
    for point in points {
        let n = f64::from(point.workers);
        let (value, efficiency) = (curve.at(n), curve.efficiency(n));
        let slope = |coefficient: &Coefficient| match coefficient {
            Coefficient::Gamma => n * efficiency,
            Coefficient::Alpha => -value * efficiency * (n - 1.0),
            Coefficient::Beta => -value * efficiency * n * (n - 1.0),
        };
        let residual = residual(curve, point);
        for (row, one) in free.iter().map(slope).enumerate() {
            for (column, two) in free.iter().map(slope).enumerate() {
                matrix[row][column] += one * two;
            }
            right[row] += one * residual;
        }
    }
    (matrix, right)
}
