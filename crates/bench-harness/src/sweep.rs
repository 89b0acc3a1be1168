//! One exercise with growing numbers of workers: the curve, the laws fitted to it, and what the workers are worth.
//!
//! The cells of all numbers of workers live at the same time and are interleaved like those of a run. A sample is a point:
//! throughput is one over its time. Both laws of [`lab::scaling`] are fitted to all samples of a strategy, and COST
//! (Isard, Murray and `McSherry` 2015) is the number of workers from which on the whole interval of the speed-up lies above
//! the best sequential version.

use std::fmt::Write as _;
use std::path::Path;

use lab::cli::End;
use lab::measure::{self, CellPlan, Noise, Settings, difference::Difference};
use lab::record::{CellRecord, SweepRecord, SweptCell};
use lab::scaling::{Coefficient, Curve, Fit, Law, Peak, Point};
use lab::{Home, Kind, Problem};

use crate::cli::{Form, Refused, SweepOptions};
use crate::discover::Found;
use crate::export::{self, csv, markdown};
use crate::progress::Progress;
use crate::{report, run};

/// What a sweep tells about one strategy.
#[derive(Debug)]
pub struct Growth<'a> {
    /// The strategy.
    pub strategy: &'a str,
    /// A step for each number of workers that gave an answer, the smallest first.
    pub steps: Vec<Step<'a>>,
    /// Amdahl's law, or why it was not fitted.
    pub amdahl: Result<Fitted, Problem>,
    /// The Universal Scalability Law, or why it was not fitted.
    pub usl: Result<Fitted, Problem>,
    /// The number of workers with the least median.
    pub best: u32,
    /// How many workers it takes to beat the sequential version with certainty; `None` if no number did.
    pub cost: Option<u32>,
}

/// One number of workers.
#[derive(Debug)]
pub struct Step<'a> {
    /// How many workers.
    pub workers: u32,
    /// What was measured.
    pub cell: &'a CellRecord,
    /// The speed-up against the sequential version, with its interval of 95 %.
    pub speedup: f64,
    /// Its interval; `None` with too few samples.
    pub interval: Option<[f64; 2]>,
    /// The speed-up for each worker.
    pub efficiency: f64,
}

/// A law with the intervals of its coefficients.
#[derive(Debug)]
pub struct Fitted {
    /// The curve, in runs a second.
    pub curve: Curve,
    /// Contention, with its bootstrap interval.
    pub alpha: [f64; 2],
    /// Coherency, likewise.
    pub beta: [f64; 2],
    /// The share of the points' variance that the curve explains.
    pub r_squared: f64,
}

/// Looks at each strategy of a sweep.
pub fn growths(sweep: &SweepRecord) -> Vec<Growth<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for swept in &sweep.cells {
        if !names.contains(&swept.cell.strategy.as_str()) {
            names.push(&swept.cell.strategy);
        }
    }
    names.into_iter().filter_map(|name| growth(sweep, name)).collect()
}

fn growth<'a>(sweep: &'a SweepRecord, strategy: &'a str) -> Option<Growth<'a>> {
    let own = sweep.cells.iter().filter(|swept| swept.cell.strategy == strategy && swept.cell.verified);
    let mut steps: Vec<Step<'a>> = own.filter_map(|swept| step(&sweep.reference, swept)).collect();
    steps.sort_by_key(|step| step.workers);
    let points: Vec<Point> = steps
        .iter()
        .flat_map(|step| {
            step.cell.samples_ns.iter().map(|ns| Point::new(step.workers, 1e9 / (*ns).max(1) as f64))
        })
        .collect();
    let best = steps.iter().min_by_key(|step| step.cell.median_ns)?.workers;
    let cost =
        steps.iter().find(|step| step.interval.is_some_and(|[low, _]| low > 1.0)).map(|step| step.workers);
    let fit = |law| Fit::of(law, &points).map(|fit| Fitted::of(&fit, sweep.seed));
    Some(Growth { strategy, amdahl: fit(Law::Amdahl), usl: fit(Law::Usl), steps, best, cost })
}

fn step<'a>(reference: &CellRecord, swept: &'a SweptCell) -> Option<Step<'a>> {
    let (base, own) = (&reference.samples_ns, &swept.cell.samples_ns);
    let found = Difference::paired(own, base).or_else(|| Difference::of(own, base))?;
    let speedup = reference.median_ns? as f64 / swept.cell.median_ns.filter(|ns| *ns > 0)? as f64;
    let interval = found.interval;
    let efficiency = speedup / f64::from(swept.given);
    Some(Step { workers: swept.given, cell: &swept.cell, speedup, interval, efficiency })
}

impl Fitted {
    fn of(fit: &Fit, seed: u64) -> Self {
        let resampled = fit.resample(seed);
        Self {
            curve: fit.curve,
            alpha: resampled.interval(|curve| curve.alpha),
            beta: match fit.law {
                Law::Usl => resampled.interval(|curve| curve.beta),
                Law::Amdahl => [fit.interval(Coefficient::Beta, 0.95)[0]; 2],
            },
            r_squared: fit.r_squared,
        }
    }
}

impl Growth<'_> {
    /// Whether a law explains so much of what was measured that its coefficients mean something.
    pub fn fits(&self) -> bool {
        let tells = |law: &Result<Fitted, Problem>| law.as_ref().map_or(true, |law| law.r_squared >= 0.5);
        tells(&self.usl) || tells(&self.amdahl)
    }

    /// What the curve says, in sentences.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if let Some(best) = self.steps.iter().find(|step| step.workers == self.best) {
            sentences.push(format!(
                "Best number of workers: {}, with {:.2}× and an efficiency of {:.0} %.",
                self.best,
                best.speedup,
                best.efficiency * 100.0
            ));
        }
        sentences.push(match self.cost {
            Some(1) => "COST is 1: a single worker already beats the sequential version.".into(),
            Some(cost) => format!("COST is {cost}: so many workers it takes to beat the sequential version."),
            None if self.steps.iter().all(|step| step.interval.is_none()) => {
                "COST is unknown: so few samples tell nothing for certain (--samples 7 does).".into()
            }
            None => {
                "COST is unbounded here: no number of workers beat the sequential version for certain.".into()
            }
        });
        if !self.fits() {
            sentences.push("Neither law explains half of the scatter: measure on a quieter machine.".into());
            return sentences;
        }
        match &self.usl {
            Ok(usl) => {
                let peak = match usl.curve.peak() {
                    Peak::At { workers, .. } => format!("most gets done with {workers:.1} workers"),
                    Peak::Below(most) => {
                        format!("never more than {:.1} times one worker", most / usl.curve.gamma)
                    }
                    Peak::Unbounded => "no limit in sight".into(),
                };
                sentences.push(format!(
                    "The Universal Scalability Law: contention {}, coherency {}; {peak} (R² {:.3}).",
                    coefficient(usl.curve.alpha, usl.alpha),
                    coefficient(usl.curve.beta, usl.beta),
                    usl.r_squared
                ));
            }
            Err(problem) => {
                sentences.push(format!("The Universal Scalability Law is not fitted: {}.", problem.line()));
            }
        }
        match &self.amdahl {
            Ok(amdahl) => sentences.push(format!(
                "Amdahl's law: {} of the work is sequential (R² {:.3}).",
                coefficient(amdahl.curve.alpha, amdahl.alpha),
                amdahl.r_squared
            )),
            Err(problem) => sentences.push(format!("Amdahl's law is not fitted: {}.", problem.line())),
        }
        sentences
    }
}

fn coefficient(value: f64, [low, high]: [f64; 2]) -> String {
    format!("{value:.3} ({low:.3} to {high:.3})")
}

/// Measures a sweep, keeps it in a run, draws that run's report, and prints the curve.
///
/// # Errors
/// An exercise that nobody has, strategies that cannot be swept, a folder that cannot be written to.
pub fn sweep(options: &SweepOptions) -> Result<End, Refused> {
    let plan = run::plan(&options.bench, std::slice::from_ref(&options.exercise))?;
    let found = plan.chosen.first().ok_or(Refused::Interrupted)?;
    let cells = cells(found, options)?;
    let runs = Home::find().runs();
    let folder = run::run_to_add_to(options.into.as_deref(), &options.bench)?;
    let settings = Settings { samples: options.bench.pairs(), ..run::settings(&options.bench, &runs) };
    let mut noise = Noise::default();
    let mut progress = Progress::start(&cells);
    let mut tell = |plan: &CellPlan| progress.sample(plan);
    let records = measure::measure_beside(&cells, &settings, &plan.stop, &mut tell, &mut noise)?;
    progress.end(&records);
    if plan.stop.asked() {
        return Ok(End::Interrupted);
    }
    if let Some(warning) = noise.warning() {
        anstream::eprintln!("warning: {warning}");
    }
    let sound = records.iter().all(|record| record.verified);
    let sweep = record(options, found, &cells, records, noise)?;
    folder.append_sweep(&sweep)?;
    report::draw(&folder)?;
    print(&sweep, options.form, folder.path())?;
    Ok(if sound { End::Done } else { End::Failed })
}

/// The reference, and each strategy with each number of workers.
fn cells(found: &Found, options: &SweepOptions) -> Result<Vec<CellPlan>, Refused> {
    let args = run::arguments(&found.exercise.name, &options.bench);
    let all = found.exercise.cells(&found.program, &args, 1, None)?;
    let chosen = |plan: &CellPlan| {
        let free =
            plan.fixed_workers.is_none() && matches!(plan.kind, Kind::Pool | Kind::Rayon | Kind::Processes);
        free && (options.strategy.is_empty() || options.strategy.contains(&plan.strategy))
    };
    let free: Vec<&str> = all.iter().filter(|plan| chosen(plan)).map(|plan| plan.strategy.as_str()).collect();
    if free.is_empty() || free.len() < options.strategy.len() {
        return Err(Refused::Usage(
            Problem::new(format!(
                "{} has no such strategy whose workers can be counted",
                found.exercise.name
            ))
            .expected("pool, rayon or processes, as far as the exercise offers them"),
        ));
    }
    let mut cells: Vec<CellPlan> = all.first().cloned().into_iter().collect();
    for plan in all.iter().filter(|plan| chosen(plan)) {
        let given = options.workers.0.iter().map(|workers| usize::try_from(*workers).unwrap_or(1));
        cells.extend(given.map(|workers| CellPlan { workers, ..plan.clone() }));
    }
    Ok(cells)
}

fn record(
    options: &SweepOptions,
    found: &Found,
    plans: &[CellPlan],
    records: Vec<CellRecord>,
    noise: Noise,
) -> Result<SweepRecord, Problem> {
    let mut all = plans.iter().zip(records);
    let (_, reference) = all.next().ok_or_else(|| Problem::new("nothing was measured"))?;
    let given = |plan: &CellPlan| u32::try_from(plan.workers).unwrap_or(u32::MAX);
    Ok(SweepRecord {
        exercise: found.exercise.id,
        name: found.exercise.name.clone(),
        scale: options.bench.scale.name().into(),
        seed: options.bench.seed,
        reference,
        cells: all.map(|(plan, cell)| SweptCell { given: given(plan), cell }).collect(),
        noise,
    })
}

const COLUMNS: [&str; 7] = ["strategy", "workers", "median_ns", "speedup", "low", "high", "efficiency"];

fn print(sweep: &SweepRecord, form: Form, run: &Path) -> Result<(), Problem> {
    let growths = growths(sweep);
    let digits = |value: f64| format!("{value:.3}");
    let row = |step: &Step<'_>| {
        let [low, high] = step.interval.map_or([String::new(), String::new()], |ends| ends.map(digits));
        [
            step.cell.strategy.clone(),
            step.workers.to_string(),
            step.cell.median_ns.map(|ns| ns.to_string()).unwrap_or_default(),
            digits(step.speedup),
            low,
            high,
            digits(step.efficiency),
        ]
    };
    let rows = growths.iter().flat_map(|growth| &growth.steps).map(row);
    let text = match form {
        Form { json: true, .. } => export::json(std::slice::from_ref(sweep))?,
        Form { csv: true, .. } => csv(COLUMNS, rows),
        _ => {
            let mut text = markdown(COLUMNS, rows);
            for growth in &growths {
                let _ = write!(text, "\n{}: {}\n", growth.strategy, growth.sentences().join("\n  "));
            }
            for swept in sweep.cells.iter().filter(|swept| !swept.cell.verified) {
                let why = swept.cell.error.as_deref().unwrap_or("not verified");
                let _ = write!(text, "\n✗ {} with {} workers: {why}\n", swept.cell.strategy, swept.given);
            }
            text + &format!("\n{}\n", run.join("report.html").display())
        }
    };
    export::say(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sweep whose times follow a law exactly, up to 0.5 % of scatter.
    fn sweep(sequential_ns: f64, alpha: f64, beta: f64) -> SweepRecord {
        let curve = Curve { alpha, beta, gamma: 1.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let cell = |strategy: &str, ns: f64| {
            let samples_ns: Vec<u64> = [0.995, 1.003, 1.0, 0.998, 1.004, 1.001, 0.997]
                .iter()
                .map(|share| (share * ns) as u64)
                .collect();
            CellRecord {
                strategy: strategy.into(),
                median_ns: measure::stats::median(&samples_ns),
                samples_ns,
                verified: true,
                ..CellRecord::default()
            }
        };
        let swept =
            (1..=8).map(|given| SweptCell { given, cell: cell("pool", 1e8 / curve.speedup(given.into())) });
        SweepRecord {
            exercise: 8,
            name: "convert".into(),
            scale: "tiny".into(),
            seed: 1,
            reference: cell("sequential", sequential_ns),
            cells: swept.collect(),
            noise: Noise::default(),
        }
    }

    #[track_caller]
    fn check(sweep: &SweepRecord, best: u32, cost: Option<u32>, says: &str) {
        let growths = growths(sweep);
        let growth = &growths[0];
        assert_eq!((growth.best, growth.cost), (best, cost));
        let sentences = growth.sentences().join(" ");
        assert!(sentences.contains(says), "{sentences}");
    }

    #[test]
    fn the_fit_finds_the_law_that_the_times_follow() {
        // (1 - 0.05) / 0.01 under the root is 9.7 workers, so that 8 of 8 are best; with 0.04 it is 4.9.
        check(&sweep(1e8, 0.05, 0.01), 8, Some(2), "most gets done with 9.");
        check(&sweep(1e8, 0.05, 0.04), 5, Some(2), "Best number of workers: 5");
        check(&sweep(1e8, 0.2, 0.0), 8, Some(2), "Amdahl's law: 0.2");
    }

    #[test]
    fn cost_counts_the_workers_that_it_takes_to_beat_the_best_sequential_version() {
        check(&sweep(2e8, 0.05, 0.0), 8, Some(1), "COST is 1");
        check(&sweep(0.4e8, 0.05, 0.0), 8, Some(3), "COST is 3");
        check(&sweep(0.1e8, 0.1, 0.0), 8, None, "COST is unbounded");
    }

    #[test]
    fn a_number_of_workers_without_a_right_answer_is_no_point() {
        let mut spoiled = sweep(1e8, 0.05, 0.0);
        spoiled.cells[7].cell.verified = false;
        assert_eq!(growths(&spoiled)[0].steps.len(), 7);
        spoiled.cells.truncate(3);
        assert!(growths(&spoiled)[0].sentences().join(" ").contains("Law is not fitted"));
    }
}
