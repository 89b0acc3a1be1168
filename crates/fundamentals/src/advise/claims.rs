//! The two laws, shown on work whose answer is known.
//!
//! The work is made of waits, so that it has no need of processors and every machine gives the same answer: a serial part that
//! one worker does while the others wait, parts that the workers share, and, in the last program, a word that each worker has
//! with every other one. Of such work the times can be computed by hand; what is measured is whether the laws find it out
//! from the outside.

use std::thread;
use std::time::Duration;

use lab::record::Threshold;
use lab::scaling::{Fit, Law, Point};
use lab::{Problem, Stop};

use super::judge::{Sample, judge};
use super::sweep::{Effort, Subject, sweep};
use super::tell;
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::{Stage, timed};
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "scaling-laws",
    about: Text::new(
        "what Amdahl's law and the Universal Scalability Law make of a few measurements",
        "o que a lei de Amdahl e a Lei Universal de Escalabilidade extraem de poucas medidas",
    ),
    show,
    claims: &[SERIAL, PREDICTS, TURNS],
};

/// Work made of waits.
#[derive(Clone, Copy, Debug)]
struct Waits {
    /// What one does while the others wait.
    serial: Duration,
    /// What the workers share in equal parts.
    shared: Duration,
    /// How long each worker has a word with each other one.
    word: Duration,
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A seventh of the work is serial: the contention is 1/7, or 14.3 %.
const AMDAHL: Waits = Waits { serial: ms(20), shared: ms(120), word: ms(0) };

/// Nothing is serial, but all talk to all: the best number of workers is √(120 / 4), between 5 and 6.
const TALKING: Waits = Waits { serial: ms(0), shared: ms(120), word: ms(4) };

impl Subject for Waits {
    fn model(&self) -> &'static str {
        "threads"
    }

    fn throughput(&self, workers: u32, stop: &Stop) -> Result<f64, Problem> {
        stop.check()?;
        let took = timed(|| {
            // The waits are the work.
            thread::sleep(self.serial);
            thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(|| thread::sleep(self.shared / workers + self.word * (workers - 1)));
                }
            });
        });
        Ok(1e9 / took as f64)
    }
}

fn measured(stage: &Stage, work: Waits, counts: &[u32], rounds: u32) -> Result<Sample, Problem> {
    let subjects: [Box<dyn Subject>; 1] = [Box::new(work)];
    let effort = Effort { rounds, seed: stage.lab.seed };
    let mut samples = sweep(&subjects, counts, effort, &stage.lab.stop, &mut |_, _, _| {})?;
    stage.lab.stop.check()?;
    samples.pop().ok_or_else(|| Problem::new("nothing was measured"))
}

/// The quickest run of each number of workers. A wait is never shorter than it is, and what a busy machine adds to it is no
/// part of the work.
fn quickest(sample: &Sample) -> Vec<Point> {
    let best = |workers: &u32| {
        let own = sample.points.iter().filter(|point| point.workers == *workers);
        Point::new(*workers, own.map(|point| point.throughput).fold(0.0, f64::max))
    };
    sample.counts().iter().map(best).collect()
}

const AMDAHL_1967: &str = "https://doi.org/10.1145/1465482.1465560";
const GUNTHER: &str = "https://doi.org/10.1007/978-3-540-31010-5";

const SERIAL: Claim = Claim {
    id: "amdahl-finds-the-serial-part",
    says: Text::new(
        "A seventh of the work is serial, and Amdahl's law finds it from a few run times.",
        "Um sétimo do trabalho é sequencial, e a lei de Amdahl o encontra a partir de poucos tempos.",
    ),
    source: Source {
        title: "Amdahl, Validity of the single processor approach, AFIPS 1967",
        link: AMDAHL_1967,
        number: Text::new("1/7 serial: 14.3 %", "1/7 sequencial: 14,3 %"),
    },
    unit: Text::new(
        "% of the work that only one worker can do",
        "% do trabalho que só um trabalhador pode fazer",
    ),
    holds: Threshold::Within(8.0, 21.0),
    breaks: Text::new(
        "the workers share the serial part too",
        "os trabalhadores dividem também a parte sequencial",
    ),
    measure: |stage, mechanism| {
        let shared = Waits { serial: ms(0), shared: ms(140), word: ms(0) };
        let work = mechanism.pick(AMDAHL, shared);
        let sample = measured(stage, work, &[1, 2, 3, 4, 6], stage.amount(4, 3))?;
        let fit = Fit::of(Law::Amdahl, &quickest(&sample))?;
        let [low, high] = fit.resample(stage.lab.seed).interval(|curve| 100.0 * curve.alpha);
        let alpha = 100.0 * fit.curve.alpha;
        Ok(Measured::of(alpha, low.min(alpha), high.max(alpha), sample.points.len()))
    },
};

const PREDICTS: Claim = Claim {
    id: "law-predicts-what-it-has-not-seen",
    says: Text::new(
        "Fitted to up to 4 workers, the law predicts 12 workers to within a quarter.",
        "Ajustada a até 4 trabalhadores, a lei prevê 12 trabalhadores com erro de até um quarto.",
    ),
    source: Source {
        title: "Gunther, Guerrilla Capacity Planning (2007), chapter 4",
        link: GUNTHER,
        number: Text::new("a few measurements predict the rest", "poucas medidas preveem o resto"),
    },
    unit: Text::new("% by which the prediction was off", "% de erro da previsão"),
    holds: Threshold::AtMost(25.0),
    breaks: Text::new(
        "twelve workers are taken to get twelve times done what one does",
        "supõe-se que doze trabalhadores façam doze vezes o que um faz",
    ),
    measure: |stage, mechanism| {
        let sample = measured(stage, AMDAHL, &[1, 2, 3, 4, 12], stage.amount(4, 3))?;
        let known: Vec<Point> = quickest(&sample).into_iter().filter(|point| point.workers < 12).collect();
        let kept = sample.points.iter().filter(|point| point.workers == 12);
        let predicted = if mechanism.is_sound() {
            Fit::of(Law::Amdahl, &known)?.curve.at(12.0)
        } else {
            12.0 * sample.median(1)
        };
        let errors: Vec<f64> = kept.map(|point| 100.0 * (predicted / point.throughput - 1.0).abs()).collect();
        Ok(Measured::median(&errors))
    },
};

const TURNS: Claim = Claim {
    id: "more-workers-can-get-less-done",
    says: Text::new(
        "When all workers talk to all others, 12 of them get less done than 6.",
        "Quando todos os trabalhadores falam com todos, 12 deles fazem menos do que 6.",
    ),
    source: Source {
        title: "Gunther, Guerrilla Capacity Planning (2007), formula 4.33",
        link: GUNTHER,
        number: Text::new("the peak is at √((1 − α) / β): 5.5", "o pico está em √((1 − α) / β): 5,5"),
    },
    unit: Text::new("times the throughput of 6", "vezes a vazão de 6"),
    holds: Threshold::AtMost(0.95),
    breaks: Text::new("nobody talks", "ninguém fala com ninguém"),
    measure: |stage, mechanism| {
        let work = mechanism.pick(TALKING, Waits { word: ms(0), ..TALKING });
        let sample = measured(stage, work, &[6, 12], stage.amount(5, 4))?;
        let of = |workers: u32| sample.points.iter().filter(move |point| point.workers == workers);
        let ratios: Vec<f64> =
            of(12).zip(of(6)).map(|(more, less)| more.throughput / less.throughput).collect();
        Ok(Measured::median(&ratios))
    },
};

/// The adviser on the work that talks.
fn show(stage: &Stage) -> Result<(), Problem> {
    say!(
        stage,
        "120 ms of work that the workers share, and each has a word of 4 ms with each other one:",
        "120 ms de trabalho que os trabalhadores dividem, e cada um fala 4 ms com cada outro:"
    );
    let sample = measured(stage, TALKING, &[1, 2, 3, 4, 6, 8, 12], stage.amount(2, 1))?;
    tell::advice(&judge(&[sample], stage.lab.seed)?, stage);
    Ok(())
}
