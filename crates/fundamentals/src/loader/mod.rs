//! Data loader: worker processes that prepare batches ahead.
//!
//! A model learns from one batch of rows after the other, and every batch has to be fetched and prepared first. If the trainer
//! does it itself, it waits for the storage before every step, and the processor waits with it. A *data loader* keeps worker
//! processes that prepare the next batches while this one is learnt from; when they are fast enough, the trainer never waits
//! again. Three promises make it more than a queue:
//!
//! - *the order is that of the plan*: batch 7 is learnt from after batch 6, whoever was ready first, so the weights are the
//!   same to the last bit with 0, 1, 2 or 4 workers;
//! - *how far ahead is bounded*: each worker has at most so many batches waiting, or a slow trainer would fill the memory
//!   with batches that nobody has asked for yet;
//! - *a worker that dies is noticed*, and so is a trainer that goes: a worker whose input ends, ends.
//!
//! The model is the smallest that is used in earnest, logistic regression, written plainly in `model.rs`.

mod batch;
mod model;
mod workers;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use lab::measure::nanoseconds;
use lab::record::Threshold;
use lab::{OrProblem, Problem};

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::{Chapter, Program};
use crate::stage::Stage;
use crate::text::Text;
use crate::{say, words};
pub use workers::Worker;
use workers::{Order, Plan, Trained, train};

/// The chapter.
pub const CHAPTER: Chapter =
    Chapter { title: Text::new("A data loader", "Um carregador de dados"), programs: &[PROGRAM], roles: &[] };

const PROGRAM: Program = Program {
    name: "data-loader",
    about: Text::new(
        "worker processes prepare batches ahead for a model that learns",
        "processos preparam lotes adiantados para um modelo que aprende",
    ),
    show,
    claims: &[SAME, BOUNDED, HIDES],
};

/// Batches that each worker may have waiting; two is also `PyTorch`'s default.
const AHEAD: usize = 2;

impl Plan {
    /// The usual plan: the plan's order, two batches ahead, a trainer that does not pause.
    fn new(stage: &Stage, workers: usize) -> Self {
        let batches = stage.amount(60, 40);
        Self {
            workers,
            ahead: Some(AHEAD),
            order: Order::OfThePlan,
            batches,
            seed: stage.lab.seed,
            pause: Duration::ZERO,
        }
    }
}

const PYTORCH: &str = "https://docs.pytorch.org/docs/stable/data.html";

const SAME: Claim = Claim {
    id: "loader-same-weights",
    says: Text::new(
        "The weights are the same to the last bit with 0, 1, 2 and 4 workers.",
        "Os pesos são os mesmos até o último bit com 0, 1, 2 e 4 trabalhadores.",
    ),
    source: Source {
        title: "PyTorch documentation, torch.utils.data: in_order",
        link: PYTORCH,
        number: Text::new(
            "batches come first in, first out: 0 other results",
            "lotes saem na ordem em que entram: 0 outros resultados",
        ),
    },
    unit: Text::new("results besides the first", "resultados além do primeiro"),
    holds: Threshold::AtMost(0.0),
    breaks: Text::new(
        "the trainer takes whatever batch arrives first",
        "o treinador usa o lote que chegar primeiro",
    ),
    measure: |stage, mechanism| {
        let mut results = BTreeSet::new();
        for workers in [0, 1, 2, 4] {
            let order = mechanism.pick(Order::OfThePlan, Order::OfArrival);
            let trained = train(stage, &Plan { order, ..Plan::new(stage, workers) })?;
            results.insert(trained.weights.map(f64::to_bits));
        }
        Ok(Measured::count(results.len() as u64 - 1))
    },
};

const BOUNDED: Claim = Claim {
    id: "loader-ahead-is-bounded",
    says: Text::new(
        "However slow the trainer, 2 workers never have more than 6 batches ready: 2 waiting and 1 in hand each.",
        "Por mais lento que seja o treinador, 2 trabalhadores nunca têm mais de 6 lotes prontos: 2 à espera e 1 na mão cada.",
    ),
    source: Source {
        title: "PyTorch documentation, torch.utils.data: prefetch_factor",
        link: PYTORCH,
        number: Text::new("2 × num_workers batches prefetched", "2 × num_workers lotes adiantados"),
    },
    unit: Text::new("batches ready at one time", "lotes prontos ao mesmo tempo"),
    holds: Threshold::AtMost(6.0),
    breaks: Text::new("the queues have no bound", "as filas não têm limite"),
    measure: |stage, mechanism| {
        let ahead = mechanism.pick(Some(AHEAD), None);
        let plan = Plan { ahead, pause: Duration::from_millis(6), ..Plan::new(stage, 2) };
        Ok(Measured::count(train(stage, &plan)?.most_ready))
    },
};

const HIDES: Claim = Claim {
    id: "loader-hides-the-storage",
    says: Text::new(
        "With 4 workers that prepare ahead, learning is faster than with none, because the storage's waits overlap.",
        "Com 4 trabalhadores adiantando lotes, aprende-se mais rápido que sem nenhum, pois as esperas se sobrepõem.",
    ),
    source: Source {
        title: "PyTorch Tutorials, Performance Tuning Guide: enable asynchronous data loading",
        link: "https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html",
        number: Text::new("loading overlaps with training", "o carregamento se sobrepõe ao treino"),
    },
    unit: Text::new("times faster than without workers", "vezes mais rápido do que sem trabalhadores"),
    holds: Threshold::AtLeast(1.4),
    breaks: Text::new(
        "a batch is only asked for when the trainer needs it",
        "o lote só é pedido quando o treinador precisa dele",
    ),
    measure: |stage, mechanism| {
        let order = mechanism.pick(Order::OfThePlan, Order::OnDemand);
        let rounds = stage.amount(4, 3);
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            without.push(train(stage, &Plan::new(stage, 0))?.took_ns);
            with.push(train(stage, &Plan { order, ..Plan::new(stage, 4) })?.took_ns);
        }
        Ok(Measured::ratio(&without, &with, stage.lab.seed))
    },
};

/// The table for 0, 1, 2 and 4 workers, and the lanes of two.
fn show(stage: &Stage) -> Result<(), Problem> {
    let tell = |workers: usize| -> Result<Trained, Problem> {
        let trained = train(stage, &Plan::new(stage, workers))?;
        let (took, waited) = (nanoseconds(trained.took_ns), nanoseconds(trained.waited_ns));
        let right = 100.0 * model::accuracy(&trained.weights, stage.lab.seed);
        let sum = trained.weights.iter().fold(0, |sum: u64, weight| sum.rotate_left(7) ^ weight.to_bits());
        let ready = trained.most_ready;
        say!(
            stage,
            "{workers} workers   {took:>9}, of which waiting {waited:>9}   most ready {ready:>2}   {right:.1} % right   weights {sum:016x}",
            "{workers} trabalh.  {took:>9}, dos quais à espera {waited:>9}   máx. prontos {ready:>2}   {right:.1} % certos   pesos {sum:016x}"
        );
        Ok(trained)
    };
    for workers in [0, 1, 2, 4] {
        tell(workers)?;
    }
    // The trainer has a thread of its own here, so that its lane has a name.
    let plan = Plan { batches: 12, ..Plan::new(stage, 2) };
    let named = thread::Builder::new().name(words!(stage, "trainer", "treinador"));
    stage.drawn(|| {
        thread::scope(|scope| {
            let trained = named.spawn_scoped(scope, || train(stage, &plan).map(drop));
            let trained = trained.or_problem(|| "cannot start the trainer")?;
            trained.join().unwrap_or_else(|_| Err(Problem::new("the trainer panicked")))
        })
    })
}
