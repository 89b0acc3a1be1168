//! What measurements say: pure, so that it is tested with numbers whose answer is known.

use std::collections::BTreeSet;

use lab::Problem;
use lab::scaling::{Curve, Fit, Law, Peak, Point, Resampled};

/// A prediction whose interval is wider than this many times itself says nothing.
const VAGUE: f64 = 1.0;
/// What is within this share of the best is as good as the best: nobody notices it, and fewer workers leave more to others.
const AS_GOOD: f64 = 0.95;
/// A prediction may be this far off even where the scatter is smaller: laws are models.
const CLOSE: f64 = 0.10;
/// When measurements of one number of workers differ by more than this share of their median, anything would fit.
const NOISY: f64 = 0.30;

/// The measurements of one model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) model: String,
    pub(super) points: Vec<Point>,
}

impl Sample {
    /// The different numbers of workers, sorted.
    pub(super) fn counts(&self) -> Vec<u32> {
        self.points.iter().map(|point| point.workers).collect::<BTreeSet<u32>>().into_iter().collect()
    }

    /// The median throughput of so many workers.
    pub(super) fn median(&self, workers: u32) -> f64 {
        let all = self.at(workers);
        all.get(all.len() / 2).copied().unwrap_or_default()
    }

    fn at(&self, workers: u32) -> Vec<f64> {
        let mut all: Vec<f64> = self
            .points
            .iter()
            .filter(|point| point.workers == workers)
            .map(|point| point.throughput)
            .collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// How far measurements of the same number of workers lie apart, as a share of their median: the median over the numbers.
    fn scatter(&self) -> f64 {
        let spread = |workers: &u32| {
            let all = self.at(*workers);
            let (first, last) =
                (all.first().copied().unwrap_or_default(), all.last().copied().unwrap_or_default());
            (last - first) / all.get(all.len() / 2).copied().unwrap_or(1.0)
        };
        let mut spreads: Vec<f64> = self.counts().iter().map(spread).collect();
        spreads.sort_by(f64::total_cmp);
        spreads.get(spreads.len() / 2).copied().unwrap_or_default()
    }
}

/// What is to be said of one model.
pub(super) struct Opinion {
    pub(super) sample: Sample,
    pub(super) fit: Fit,
    /// 95 % intervals of the coefficients: contention, then coherency.
    pub(super) alpha: [f64; 2],
    pub(super) beta: [f64; 2],
    /// Where the law has its peak, and its 95 % interval, if it has one.
    pub(super) peak: Option<(f64, [f64; 2])>,
    /// The number of workers that was kept from the fit, what the law predicted there, and what was measured.
    pub(super) kept: u32,
    pub(super) predicted: f64,
    pub(super) interval: [f64; 2],
    pub(super) measured: f64,
    /// The fewest workers that are as good as the best that was measured.
    pub(super) workers: u32,
    /// Why nothing should be concluded from it.
    pub(super) doubts: Vec<Doubt>,
}

/// A reason not to conclude anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Doubt {
    /// The law did not predict what was kept from it.
    Missed,
    /// Its prediction was so vague that it could not fail.
    Vague,
    /// Measurements of the same differ by this share.
    Noisy(f64),
}

/// What is to be done.
pub(super) struct Advice {
    pub(super) opinions: Vec<Opinion>,
    /// The model to take, as its place among the opinions; `None` when nobody can tell.
    pub(super) take: Option<usize>,
}

impl Opinion {
    /// The median throughput with the recommended workers.
    pub(super) fn throughput(&self) -> f64 {
        self.sample.median(self.workers)
    }
}

/// Judges the measurements of one or several models.
///
/// # Errors
/// When there are too few numbers of workers to fit the laws and keep one.
pub(super) fn judge(samples: &[Sample], seed: u64) -> Result<Advice, Problem> {
    let opinions = samples.iter().map(|sample| opinion(sample, seed)).collect::<Result<Vec<_>, _>>()?;
    let sure = |opinion: &&Opinion| opinion.doubts.is_empty();
    let best = opinions.iter().filter(sure).map(Opinion::throughput).fold(0.0, f64::max);
    // A doubtful model that seems much better than every sure one leaves the question open.
    let open =
        opinions.iter().any(|opinion| !opinion.doubts.is_empty() && opinion.throughput() * AS_GOOD > best);
    let good = |opinion: &Opinion| opinion.doubts.is_empty() && opinion.throughput() >= AS_GOOD * best;
    // Of equals, the one with the fewest workers, and of those the one that was named first.
    let take = (0..opinions.len())
        .filter(|at| !open && good(&opinions[*at]))
        .min_by_key(|at| (opinions[*at].workers, *at));
    Ok(Advice { opinions, take })
}

fn opinion(sample: &Sample, seed: u64) -> Result<Opinion, Problem> {
    let counts = sample.counts();
    let too_few = || {
        Problem::new(format!(
            "{} was measured with {} numbers of workers, too few to fit a law and keep one for the proof",
            sample.model,
            counts.len()
        ))
        .expected(format!("at least {} different numbers of workers", Law::Usl.least() + 1))
        .hint("allow more workers with --most, or give more measurements")
    };
    let kept = *counts.last().filter(|_| counts.len() > Law::Usl.least()).ok_or_else(too_few)?;
    let known: Vec<Point> = sample.points.iter().filter(|point| point.workers != kept).copied().collect();
    let (fit, resampled) = law(&known, seed)?;
    let predicted = fit.curve.at(kept.into());
    let interval = resampled.prediction(kept);
    let measured = sample.median(kept);
    let mut doubts = Vec::new();
    let inside = interval[0] <= measured && measured <= interval[1];
    if !inside && (measured / predicted - 1.0).abs() > CLOSE {
        doubts.push(Doubt::Missed);
    }
    if interval[1] - interval[0] > VAGUE * predicted {
        doubts.push(Doubt::Vague);
    }
    let scatter = sample.scatter();
    if scatter > NOISY {
        doubts.push(Doubt::Noisy(scatter));
    }
    let best = counts.iter().map(|count| sample.median(*count)).fold(0.0, f64::max);
    let workers = counts.iter().copied().find(|count| sample.median(*count) >= AS_GOOD * best);
    Ok(Opinion {
        sample: sample.clone(),
        alpha: resampled.interval(|curve| curve.alpha),
        beta: resampled.interval(|curve| curve.beta),
        peak: place(&fit.curve)
            .map(|peak| (peak, resampled.interval(|curve| place(curve).unwrap_or(f64::INFINITY)))),
        fit,
        kept,
        predicted,
        interval,
        measured,
        workers: workers.unwrap_or(1),
        doubts,
    })
}

/// The simpler law, unless the points show that pairs of workers cost each other something.
fn law(points: &[Point], seed: u64) -> Result<(Fit, Resampled), Problem> {
    let usl = Fit::of(Law::Usl, points)?;
    let resampled = usl.resample(seed);
    if resampled.interval(|curve| curve.beta)[0] > 0.0 {
        return Ok((usl, resampled));
    }
    let amdahl = Fit::of(Law::Amdahl, points)?;
    let resampled = amdahl.resample(seed);
    Ok((amdahl, resampled))
}

fn place(curve: &Curve) -> Option<f64> {
    match curve.peak() {
        Peak::At { workers, .. } => Some(workers),
        Peak::Below(_) | Peak::Unbounded => None,
    }
}
