//! One measurement at a time, on a thread of its own, told step by step.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::{self, JoinHandle};

use lab::exercise::Kind;
use lab::measure::{self, CellPlan, Settings, timeline_name};
use lab::out::Staging;
use lab::record::CellRecord;
use lab::timeline::{self, Slice};
use lab::{Home, OrProblem, Problem, Stop};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Sender;

use crate::discover::Found;
use crate::run;

/// More slices than this of one strategy are thinned out for the live picture: it shows a pattern, the report shows all.
const DRAWN: usize = 4_000;
const LANES: usize = 64;
/// The exercises whose source can be told to answer late, and how.
const DELAYS: [(&str, &str); 2] = [("crawl", "--delay-ms"), ("states", "--latency-ms")];

/// What the form asks for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Order {
    exercise: u8,
    strategies: Vec<String>,
    workers: usize,
    samples: usize,
    delay_ms: Option<u32>,
}

/// What the page is told.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Message {
    Idle,
    Started { exercise: String, strategies: Vec<String>, samples: usize },
    Sample { strategy: String, taken: usize },
    Done { exercise: String, cells: Vec<CellRecord>, pictures: Vec<Picture> },
    Failed { error: String },
}

/// The lanes of one strategy.
#[derive(Clone, Debug, Serialize)]
struct Picture {
    strategy: String,
    length_ns: u64,
    lanes: Vec<Lane>,
}

#[derive(Clone, Debug, Serialize)]
struct Lane {
    name: String,
    /// Start, end and state of each slice.
    slices: Vec<(u64, u64, &'static str)>,
}

/// The place where measurements are made.
pub(super) struct Bench {
    options: crate::cli::Bench,
    messages: Sender<String>,
    /// Held to start, to end and to greet; never while anything is measured.
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    running: Option<(Stop, JoinHandle<()>)>,
    /// What a page that comes late must know.
    last: Option<String>,
}

impl Bench {
    pub(super) fn new(options: crate::cli::Bench, messages: Sender<String>) -> Self {
        Self { options, messages, work: Mutex::default() }
    }

    /// What a new page is told first.
    pub(super) fn greeting(&self) -> String {
        self.work.lock().last.clone().unwrap_or_else(|| text(&Message::Idle))
    }

    /// Starts what the form asks for; `false` if something is being measured already.
    pub(super) fn start(self: &std::sync::Arc<Self>, all: &[Found], order: &Order) -> Result<bool, Problem> {
        let mut work = self.work.lock();
        if work.running.as_ref().is_some_and(|(_, thread)| !thread.is_finished()) {
            return Ok(false);
        }
        let plans = plans(all, order, &self.options)?;
        let stop = Stop::new();
        let (this, order, own) = (std::sync::Arc::clone(self), order.clone(), stop.clone());
        let measuring = thread::Builder::new().name("measure".into()).spawn(move || {
            if let Err(problem) = this.measure(&plans, &order, &own) {
                this.tell(&Message::Failed { error: problem.line() });
            }
        });
        work.running = Some((stop, measuring.or_problem(|| "cannot start the thread that measures")?));
        Ok(true)
    }

    /// Asks what is being measured to end.
    pub(super) fn interrupt(&self) {
        if let Some((stop, _)) = &self.work.lock().running {
            stop.now();
        }
    }

    /// Asks it to end, and waits for it.
    pub(super) fn end(&self) {
        let running = self.work.lock().running.take();
        if let Some((stop, thread)) = running {
            stop.now();
            let _ = thread.join();
        }
    }

    fn measure(&self, plans: &[CellPlan], order: &Order, stop: &Stop) -> Result<(), Problem> {
        let exercise = plans.first().map_or(String::new(), |plan| plan.name.clone());
        let strategies = plans.iter().map(|plan| plan.strategy.clone()).collect();
        self.tell(&Message::Started { exercise: exercise.clone(), strategies, samples: order.samples });
        let out = Home::find().out();
        let timelines = Staging::within(&out)?;
        let settings = Settings {
            samples: order.samples,
            timelines: Some(timelines.folder().into()),
            ..run::settings(&self.options, &out)
        };
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        let mut tell = |plan: &CellPlan| {
            let taken = taken.entry(plan.strategy.clone()).or_default();
            *taken += 1;
            self.tell(&Message::Sample { strategy: plan.strategy.clone(), taken: *taken });
        };
        let cells = measure::measure(plans, &settings, stop, &mut tell)?;
        let pictures = plans.iter().filter_map(|plan| picture(plan, timelines.folder())).collect();
        self.tell(&Message::Done { exercise, cells, pictures });
        Ok(())
    }

    fn tell(&self, message: &Message) {
        let text = text(message);
        if !matches!(message, Message::Sample { .. }) {
            self.work.lock().last = Some(text.clone());
        }
        // Nobody may be listening.
        let _ = self.messages.send(text);
    }
}

fn text(message: &Message) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

/// The cells of an order: the reference and what was chosen.
fn plans(all: &[Found], order: &Order, options: &crate::cli::Bench) -> Result<Vec<CellPlan>, Problem> {
    let unknown = || Problem::new(format!("there is no exercise {}", order.exercise));
    let found = all.iter().find(|found| found.exercise.id == order.exercise).ok_or_else(unknown)?;
    if !(1..=64).contains(&order.workers) || !(1..=20).contains(&order.samples) {
        return Err(
            Problem::new("that is too much for a page").expected("1 to 64 workers and 1 to 20 samples")
        );
    }
    let mut args = run::arguments(&found.exercise.name, options);
    let delay = DELAYS.iter().find(|(name, _)| *name == found.exercise.name);
    if let (Some((_, option)), Some(ms)) = (delay, order.delay_ms) {
        args.extend([(*option).into(), ms.to_string().into()]);
    }
    let plans = found.exercise.cells(&found.program, &args, order.workers, None)?;
    for name in &order.strategies {
        if !plans.iter().any(|plan| plan.strategy == *name) {
            return Err(Problem::new(format!("{} has no strategy `{name}`", found.exercise.name)));
        }
    }
    let chosen = |plan: &CellPlan| plan.kind == Kind::Sequential || order.strategies.contains(&plan.strategy);
    Ok(plans.into_iter().filter(chosen).collect())
}

/// Whether an exercise's source can be told to answer late.
pub(super) fn has_delay(name: &str) -> bool {
    DELAYS.iter().any(|(known, _)| *known == name)
}

/// The lanes of a recorded sample; none if it was not recorded.
fn picture(plan: &CellPlan, timelines: &Path) -> Option<Picture> {
    let name = timeline_name(plan.exercise, &plan.name, &plan.strategy, plan.workers);
    let slices = timeline::read_chrome(&std::fs::read(timelines.join(name)).ok()?).ok()?;
    let length_ns = slices.iter().map(|slice| slice.end_ns).max()?;
    let mut lanes: Vec<Lane> = Vec::new();
    // A slice that would be narrower than a pixel of any screen is left out where there are too many.
    let least = if slices.len() > DRAWN { length_ns / 2_000 } else { 0 };
    for Slice { lane, state, start_ns, end_ns, .. } in slices {
        let place = lanes.iter().position(|known| known.name == lane);
        let place = place.unwrap_or_else(|| {
            lanes.push(Lane { name: lane, slices: Vec::new() });
            lanes.len() - 1
        });
        if end_ns - start_ns >= least {
            lanes[place].slices.push((start_ns, end_ns, state.name()));
        }
    }
    lanes.truncate(LANES);
    Some(Picture { strategy: plan.strategy.clone(), length_ns, lanes })
}
