//! What measuring costs: the timeline's layer, and the clock itself.
//!
//! Timed samples run with recording off, so what the layer costs is in no figure of a run; it is in the lanes, which are to
//! show what happens without it. A cell takes its samples in pairs, one recorded and one not, in an order drawn anew, and the
//! cost is the ratio of their times, with its interval. The busiest cell is the one that records most slices a second.

use std::time::Instant;

use lab::Home;
use lab::cli::{End, say};
use lab::measure::difference::Difference;
use lab::measure::{self, CellPlan, Pair, stats};
use serde::Serialize;

use crate::cli::{Form, OverheadOptions, Refused};
use crate::discover::Found;
use crate::export::{self, csv, markdown};
use crate::run;

/// Pairs of each cell where nobody says how many.
const PAIRS: usize = 15;
/// What recording may cost on the busiest exercise.
const MOST: f64 = 0.02;

/// What recording one cell costs.
#[derive(Debug, Serialize)]
struct Cost {
    exercise: u8,
    name: String,
    strategy: String,
    /// Slices of a recorded sample.
    slices: u64,
    slices_per_second: f64,
    /// Medians, in nanoseconds.
    plain_ns: u64,
    recorded_ns: u64,
    /// Wall-clock time recorded over not recorded, and its interval of 95 %.
    wall: f64,
    wall_ci: Option<[f64; 2]>,
    /// CPU time, likewise.
    cpu: f64,
    cpu_ci: Option<[f64; 2]>,
}

impl Cost {
    fn of(plan: &CellPlan, pairs: &[Pair]) -> Option<Self> {
        let of = |pick: fn(&Pair) -> u64| pairs.iter().map(pick).collect::<Vec<_>>();
        let (without, with) = (of(|pair| pair.plain.wall_ns), of(|pair| pair.recorded.wall_ns));
        let wall = Difference::paired(&without, &with)?;
        let cpu = Difference::paired(
            &of(|pair| pair.plain.cpu_ns.max(1)),
            &of(|pair| pair.recorded.cpu_ns.max(1)),
        )?;
        let slices = stats::median(&of(|pair| pair.slices as u64))?;
        let (plain_ns, recorded_ns) = (stats::median(&without)?, stats::median(&with)?);
        Some(Self {
            exercise: plan.exercise,
            name: plan.name.clone(),
            strategy: plan.strategy.clone(),
            slices,
            slices_per_second: slices as f64 / (recorded_ns as f64 / 1e9),
            plain_ns,
            recorded_ns,
            wall: wall.ratio,
            wall_ci: wall.interval,
            cpu: cpu.ratio,
            cpu_ci: cpu.interval,
        })
    }
}

/// Measures the chosen cells and prints what recording costs them.
///
/// # Errors
/// No program, no such exercise or strategy, a scratch folder that cannot be made. A cell that fails is told and left out.
pub(crate) fn overhead(options: &OverheadOptions) -> Result<End, Refused> {
    let plan = run::plan(&options.bench, &options.chosen.only)?;
    let runs = Home::find().runs();
    let mut settings = run::settings(&options.bench, &runs);
    settings.samples = options.bench.samples.unwrap_or(PAIRS);
    let (mut costs, mut sound) = (Vec::new(), true);
    for found in &plan.chosen {
        for cell in cells(found, options)? {
            anstream::eprintln!("{:02} {}, {}", cell.exercise, cell.name, cell.strategy);
            match measure::recorded_pairs(&cell, &settings, &plan.stop) {
                Ok(pairs) => costs.extend(Cost::of(&cell, &pairs)),
                Err(_) if plan.stop.asked() => return Err(Refused::Interrupted),
                Err(problem) => {
                    sound = false;
                    say(&problem);
                }
            }
        }
    }
    print(&costs, options.form)?;
    let too_dear = busiest(&costs).is_some_and(|cost| cost.wall_ci.is_some_and(|[low, _]| low > 1.0 + MOST));
    Ok(if sound && !too_dear { End::Done } else { End::Failed })
}

/// The cells of an exercise that are measured.
fn cells(found: &Found, options: &OverheadOptions) -> Result<Vec<CellPlan>, Refused> {
    let args = run::arguments(&found.exercise.name, &options.bench);
    let mut all = found.exercise.cells(&found.program, &args, options.chosen.workers(), None)?;
    let reference = all.first().map(|cell| cell.strategy.clone());
    all.retain(|cell| {
        if options.strategy.is_empty() {
            cell.strategy == found.exercise.best || Some(&cell.strategy) == reference.as_ref()
        } else {
            options.strategy.contains(&cell.strategy)
        }
    });
    Ok(all)
}

fn busiest(costs: &[Cost]) -> Option<&Cost> {
    costs.iter().max_by(|one, two| one.slices_per_second.total_cmp(&two.slices_per_second))
}

/// What two readings of the clock take, in nanoseconds: the median of a thousand means of a hundred.
fn clock_ns() -> f64 {
    const READINGS: u32 = 100;
    let mean = |_| {
        let started = Instant::now();
        for _ in 0..READINGS {
            std::hint::black_box(Instant::now().elapsed());
        }
        u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    };
    let all: Vec<u64> = (0..1000).map(mean).collect();
    stats::median(&all).unwrap_or_default() as f64 / f64::from(READINGS)
}

const COLUMNS: [&str; 8] = [
    "exercise",
    "strategy",
    "slices",
    "slices a second",
    "not recorded",
    "wall clock",
    "CPU time",
    "within 2 %",
];

fn row(cost: &Cost) -> [String; 8] {
    let verdict = match cost.wall_ci {
        Some([_, high]) if high <= 1.0 + MOST => "yes",
        Some([low, _]) if low > 1.0 + MOST => "no",
        _ => "cannot be told",
    };
    [
        format!("{:02} {}", cost.exercise, cost.name),
        cost.strategy.clone(),
        cost.slices.to_string(),
        format!("{:.0}", cost.slices_per_second),
        measure::nanoseconds(cost.plain_ns),
        share(cost.wall, cost.wall_ci),
        share(cost.cpu, cost.cpu_ci),
        verdict.into(),
    ]
}

/// A ratio as what it is more than 1, in per cent, with its interval.
fn share(ratio: f64, interval: Option<[f64; 2]>) -> String {
    let percent = |ratio: f64| format!("{:+.2}", (ratio - 1.0) * 100.0);
    let ends = interval.map(|[low, high]| format!(" ({} to {})", percent(low), percent(high)));
    format!("{} %{}", percent(ratio), ends.unwrap_or_default())
}

fn print(costs: &[Cost], form: Form) -> Result<(), Refused> {
    let rows = costs.iter().map(row);
    Ok(export::say(&match form {
        Form { json: true, .. } => export::json(costs)?,
        Form { csv: true, .. } => csv(COLUMNS, rows),
        _ => {
            let mut text = markdown(COLUMNS, rows);
            text.extend(busiest(costs).map(|cost| {
                format!(
                    "\nThe busiest: {:02} {} under {}, {:.0} slices a second. Recording them costs {} of its time.\n",
                    cost.exercise,
                    cost.name,
                    cost.strategy,
                    cost.slices_per_second,
                    share(cost.wall, cost.wall_ci)
                )
            }));
            text.extend(costs.iter().min_by_key(|cost| cost.plain_ns).map(|shortest| {
                let clock = clock_ns();
                format!(
                    "Two readings of the clock take {clock:.0} ns: {:.5} % of the shortest cell, {:02} {} under {}, {}.\n",
                    clock / shortest.plain_ns.max(1) as f64 * 100.0,
                    shortest.exercise,
                    shortest.name,
                    shortest.strategy,
                    measure::nanoseconds(shortest.plain_ns)
                )
            }));
            text
        }
    })?)
}
