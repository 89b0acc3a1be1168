//! Two locks in opposite order.
//!
//! A transfer that locks both of its accounts, the payer's first, is right on its own. Two of them in opposite directions
//! at the same moment are not: each holds what the other waits for, and both wait for ever. It takes one more lock than a
//! race does, and one more is all it takes.
//!
//! The mend is an *order*: everybody who needs several locks takes them in the same order, here that of the accounts'
//! names. A ring of threads that wait for each other would need somebody who takes them the other way round, so there is
//! none. Nothing has to be detected, and nothing has to be tried again.

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::races::watched::{Seen, Watched, watch};
use crate::stage::Stage;
use crate::text::Text;
use crate::world::{Lock, Number, Outcome, Work, World};
use crate::{say, told};

/// In which order a transfer takes its two locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The payer's first.
    PayerFirst,
    /// That of the accounts, whoever pays.
    OfAccounts,
}

/// Two clerks make one transfer each, in opposite directions. The answer is how many were made.
pub fn trade<W: World>(order: Order) -> Outcome {
    let locks = [W::lock(Text::new("lock A", "trava A")), W::lock(Text::new("lock B", "trava B"))];
    let made = W::number(Text::new("transfers", "transferências"), 0);
    let clerk = |name: Text, from: usize, to: usize| {
        let (first, second) = match order {
            Order::PayerFirst => (from, to),
            Order::OfAccounts => (from.min(to), from.max(to)),
        };
        let (first, second, made) = (locks[first].clone(), locks[second].clone(), made.clone());
        let work: Work = Box::new(move || first.hold(|| second.hold(|| made.add(1))));
        (name, work)
    };
    W::together(vec![clerk(CLERKS[0], 0, 1), clerk(CLERKS[1], 1, 0)]);
    Outcome { expected: 2, found: made.read() }
}

/// The two who transfer.
pub(super) const CLERKS: [Text; 2] = [Text::new("clerk 1", "caixa 1"), Text::new("clerk 2", "caixa 2")];

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "two-locks",
    about: Text::new(
        "two threads take two locks in opposite order and wait for each other; one order for all mends it",
        "duas threads pegam duas travas em ordem oposta e esperam uma pela outra; uma só ordem resolve",
    ),
    show,
    claims: &[
        Claim {
            id: "opposite-order-deadlocks",
            says: Text::new(
                "Two threads that take two locks in opposite order can wait for each other for ever.",
                "Duas threads que pegam duas travas em ordem oposta podem esperar uma pela outra para sempre.",
            ),
            source: SOURCE,
            unit: RINGS,
            holds: Threshold::AtLeast(1.0),
            breaks: Text::new(
                "both take the locks in the same order",
                "as duas pegam as travas na mesma ordem",
            ),
            measure: |stage, mechanism| {
                Ok(rings(stage, mechanism.pick(Order::PayerFirst, Order::OfAccounts)))
            },
        },
        Claim {
            id: "lock-order-mends",
            says: Text::new(
                "Locks that everybody takes in one order never deadlock.",
                "Travas que todos pegam em uma só ordem nunca causam deadlock.",
            ),
            source: SOURCE,
            unit: RINGS,
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "each takes its payer's lock first",
                "cada uma pega primeiro a trava de quem paga",
            ),
            measure: |stage, mechanism| {
                Ok(rings(stage, mechanism.pick(Order::OfAccounts, Order::PayerFirst)))
            },
        },
    ],
};

const SOURCE: Source = Source {
    title: "Coffman, Elphick, Shoshani: System Deadlocks (1971)",
    link: "https://doi.org/10.1145/356586.356588",
    number: Text::new("4 conditions, circular wait among them", "4 condições, entre elas a espera circular"),
};
const RINGS: Text = Text::new("deadlocks", "deadlocks vistos");

fn rings(stage: &Stage, order: Order) -> Measured {
    let rounds = (0..stage.amount(20, 5)).map(|_| watch(|| trade::<Watched>(order)).1.deadlocks);
    Measured::count(rounds.sum())
}

fn show(stage: &Stage) -> Result<(), Problem> {
    for order in [Order::PayerFirst, Order::OfAccounts] {
        match order {
            Order::PayerFirst => say!(stage, "the payer's lock first:", "primeiro a trava de quem paga:"),
            Order::OfAccounts => say!(stage, "one order for all:", "uma só ordem para todos:"),
        }
        let (outcome, seen) = watch(|| trade::<Watched>(order));
        told::draw(stage, &seen.threads, &seen.steps);
        say_ring(stage, &seen);
        say!(
            stage,
            "{} of {} transfers were made",
            "{} de {} transferências foram feitas",
            outcome.found,
            outcome.expected
        );
    }
    Ok(())
}

/// Says who waited for whom when the ring closed, if one did.
pub(super) fn say_ring(stage: &Stage, seen: &Seen) {
    for (thread, lock) in &seen.ring {
        let (thread, lock) = (thread.in_lang(stage.lang), lock.in_lang(stage.lang));
        say!(stage, "deadlock: {thread} waits for {lock}", "deadlock: {thread} espera pela {lock}");
    }
}
