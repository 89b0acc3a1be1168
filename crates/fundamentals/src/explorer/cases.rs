//! The programs that can be explored, as they are in their chapters, with a single step for each thread: what goes wrong in
//! a million steps goes wrong in one.

use super::explored::Explored as E;
use super::search::Explored;
use crate::races::bank::{Safety, day};
use crate::races::counter::{self, count};
use crate::races::two_locks::{Order, trade};
use crate::text::Text;
use crate::threads::early_reader::{self, correspond};

/// A program with its mends.
#[derive(Debug)]
pub struct Case {
    /// The name by which it is explored.
    pub name: &'static str,
    /// What its answer is.
    pub answer: Text,
    /// The program as it is wrong.
    pub program: Explored,
    /// What is tried against it, by name; not all of it helps.
    pub fixes: &'static [(&'static str, Explored)],
}

/// The programs.
pub static CASES: &[Case] = &[
    Case {
        name: "bank",
        answer: Text::new("cents in both accounts", "centavos nas duas contas"),
        program: || day::<E>(Safety::Unsafe, 1),
        fixes: &[
            ("lock", || day::<E>(Safety::Lock, 1)),
            ("lock-too-small", || day::<E>(Safety::LockTooSmall, 1)),
        ],
    },
    Case {
        name: "counter",
        answer: Text::new("counted", "contados"),
        program: || count::<E>(counter::Way::Race, 1),
        fixes: &[
            ("mutex", || count::<E>(counter::Way::Mutex, 1)),
            ("atomic", || count::<E>(counter::Way::Atomic, 1)),
            ("merge", || count::<E>(counter::Way::Merge, 1)),
            ("lock-too-small", || count::<E>(counter::Way::LockTooSmall, 1)),
            ("careless-merge", || count::<E>(counter::Way::CarelessMerge, 1)),
        ],
    },
    Case {
        name: "locks",
        answer: Text::new("transfers made", "transferências feitas"),
        program: || trade::<E>(Order::PayerFirst),
        fixes: &[("order", || trade::<E>(Order::OfAccounts))],
    },
    Case {
        name: "queue",
        answer: Text::new("is what the reader found", "é o que o leitor encontrou"),
        program: || correspond::<E>(early_reader::Way::Shared),
        fixes: &[
            ("queue", || correspond::<E>(early_reader::Way::Queue)),
            ("queue-without-waiting", || correspond::<E>(early_reader::Way::QueueWithoutWaiting)),
        ],
    },
];
