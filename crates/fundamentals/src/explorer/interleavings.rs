//! How many orders there are, and what it takes to see them all.
//!
//! Two threads of two steps each can be shuffled in six ways, two of ten steps in 184,756, two of fifty in more ways than
//! there are grams in the Earth. So a test that runs a program often cannot see all of them, and small programs can still
//! be seen whole: races are made of few steps, and one transfer shows all that a million transfers can do wrong.

use lab::Problem;
use lab::record::Threshold;

use super::explored::Explored as E;
use super::search::{orders, search};
use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::races::bank::{Safety, day};
use crate::races::counter::{Way, count};
use crate::say;
use crate::stage::{Stage, timed};
use crate::text::Text;

/// The most schedules for each number of preemptions.
const BUDGET: usize = 200_000;
/// What the explorer may need to find the bank's lost money, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "interleavings",
    about: Text::new(
        "every order of two threads' steps: the one that loses money is found each time, and its mend is certified",
        "toda ordem dos passos de duas threads: a que perde dinheiro é achada sempre, e a solução é certificada",
    ),
    show,
    claims: &[
        Claim {
            id: "six-orders",
            says: Text::new(
                "Two threads of two steps each have 6 orders, and the explorer sees them all.",
                "Duas threads de dois passos cada têm 6 ordens, e o explorador vê todas.",
            ),
            source: Source {
                title: "Musuvathi, Qadeer: Iterative context bounding (PLDI 2007)",
                link: "https://doi.org/10.1145/1250734.1250785",
                number: Text::same("(nk)! / (k!)^n = 6"),
            },
            unit: Text::new("orders", "ordens"),
            holds: Threshold::Within(6.0, 6.0),
            breaks: Text::new("no thread may be interrupted", "nenhuma thread pode ser interrompida"),
            measure: |_, mechanism| {
                let most = mechanism.pick(usize::MAX, 0);
                Ok(Measured::count(orders(|| count::<E>(Way::Race, 1), most) as u64))
            },
        },
        Claim {
            id: "explorer-finds",
            says: Text::new(
                "The explorer finds the bank's lost update within a second, every time.",
                "O explorador acha a atualização perdida do banco em menos de um segundo, sempre.",
            ),
            source: SHUTTLE,
            unit: Text::new("searches that missed it", "buscas que não a acharam"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new("no thread may be interrupted", "nenhuma thread pode ser interrompida"),
            measure: |stage, mechanism| {
                let most = mechanism.pick(usize::MAX, 0);
                let missed = (0..stage.amount(50, 5)).filter(|_| {
                    let mut found = false;
                    let time = timed(|| {
                        found = search(|| day::<E>(Safety::Unsafe, 1), BUDGET, most).failure.is_some();
                    });
                    !found || time > SECOND
                });
                Ok(Measured::count(missed.count() as u64))
            },
        },
        Claim {
            id: "explorer-certifies",
            says: Text::new(
                "With a lock for the whole transfer, no schedule loses money: all of them were tried.",
                "Com uma trava por transferência, nenhum escalonamento perde dinheiro: todos foram testados.",
            ),
            source: SHUTTLE,
            unit: Text::new("schedules that lose money", "escalonamentos que perdem dinheiro"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "the lock is held for each reading and each writing, and not between them",
                "a trava vale para cada leitura e cada gravação, mas não entre elas",
            ),
            measure: |_, mechanism| {
                let found = if mechanism.is_sound() {
                    search(|| day::<E>(Safety::Lock, 1), BUDGET, usize::MAX)
                } else {
                    search(|| day::<E>(Safety::LockTooSmall, 1), BUDGET, usize::MAX)
                };
                if found.failing == 0 && !found.exhaustive {
                    let why = Text::new(
                        "not all schedules were tried",
                        "nem todos os escalonamentos foram testados",
                    );
                    return Ok(Measured::nothing(why));
                }
                Ok(Measured::count(found.failing as u64))
            },
        },
    ],
};

const SHUTTLE: Source = Source {
    title: "Shuttle: a library for testing concurrent Rust code",
    link: "https://github.com/awslabs/shuttle",
    number: Text::new("exhaustive within a bound, no number", "exaustivo dentro de um limite, sem número"),
};

fn show(stage: &Stage) -> Result<(), Problem> {
    for most in [0, 1, usize::MAX] {
        let race = orders(|| count::<E>(Way::Race, 1), most);
        let bank = orders(|| day::<E>(Safety::Unsafe, 1), most);
        let bound = if most == usize::MAX { "∞".to_owned() } else { most.to_string() };
        say!(
            stage,
            "with at most {bound} preemptions, a counter of two threads has {race} orders, the bank {bank}",
            "com no máximo {bound} preempções, o contador de duas threads tem {race} ordens; o banco, {bank}"
        );
    }
    let found = search(|| day::<E>(Safety::Unsafe, 1), BUDGET, usize::MAX);
    if let Some(trial) = found.failure {
        crate::told::draw(stage, &trial.threads, &trial.steps);
    }
    Ok(())
}
