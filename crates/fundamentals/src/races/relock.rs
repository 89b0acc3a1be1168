//! Lock or `RLock`: a method that takes the lock again.
//!
//! `withdraw` takes the account's lock, looks at the balance, and changes it. To look it calls `balance`, a method that
//! anybody may call and that therefore takes the lock too. Alone, both are right. Together they wait for themselves: the
//! shortest deadlock there is has one thread.
//!
//! Python's `RLock` and Rust's `ReentrantMutex` let a holder in again. That mends the waiting; whether it mends the program
//! is another question, since the inner method now runs in the middle of the outer one, with the invariant broken. The
//! cleaner mend is a method without the lock, for those who already have it. Rust makes the difference plain: what a
//! `ReentrantMutex` guards may only be read, because two holders would both have it.

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::races::two_locks::say_ring;
use crate::races::watched::{Watched, watch};
use crate::stage::Stage;
use crate::text::Text;
use crate::world::{Lock, Number, Outcome, Reentrant, Work, World};
use crate::{say, told};

/// How `withdraw` looks at the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Through the method that takes the lock.
    Locking,
    /// Through one that expects it to be held.
    Held,
}

/// An account whose every method takes its lock.
struct Account<W: World> {
    lock: W::Lock,
    cents: W::Number,
}

impl<W: World> Account<W> {
    fn balance(&self) -> i64 {
        self.lock.hold(|| self.balance_held())
    }

    fn balance_held(&self) -> i64 {
        self.cents.read()
    }

    fn withdraw(&self, amount: i64, look: Look) {
        self.lock.hold(|| {
            let balance = match look {
                Look::Locking => self.balance(),
                Look::Held => self.balance_held(),
            };
            if balance >= amount {
                self.cents.write(balance - amount);
            }
        });
    }
}

/// Withdraws 30 of 100 cents on a thread of its own; the answer is the balance after it.
pub fn withdraw<W: World>(look: Look) -> Outcome {
    let account = Account::<W> {
        lock: W::lock(Text::new("lock", "trava")),
        cents: W::number(Text::new("balance", "saldo"), 100),
    };
    let cents = account.cents.clone();
    let work: Work = Box::new(move || account.withdraw(30, look));
    W::together(vec![(Text::new("customer", "cliente"), work)]);
    Outcome { expected: 70, found: cents.read() }
}

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "lock-or-rlock",
    about: Text::new(
        "a method takes a lock that its caller holds: the deadlock of one thread, and two mends",
        "um método pega uma trava que quem o chamou já tem: o deadlock de uma thread só, e duas soluções",
    ),
    show,
    claims: &[
        Claim {
            id: "relock-deadlocks",
            says: Text::new(
                "A thread that takes an ordinary lock again waits for itself.",
                "Uma thread que pega de novo uma trava comum espera por si mesma.",
            ),
            source: Source {
                title: "std::sync::Mutex::lock",
                link: "https://doc.rust-lang.org/std/sync/struct.Mutex.html#method.lock",
                number: Text::new(
                    "deadlock or panic; it will not return",
                    "deadlock ou pânico; a chamada não retorna",
                ),
            },
            unit: RINGS,
            holds: Threshold::AtLeast(1.0),
            breaks: Text::new(
                "`withdraw` calls the method that expects the lock to be held",
                "`withdraw` chama o método que supõe a trava já obtida",
            ),
            measure: |_, mechanism| {
                let look = mechanism.pick(Look::Locking, Look::Held);
                Ok(Measured::count(watch(|| withdraw::<Watched>(look)).1.deadlocks))
            },
        },
        Claim {
            id: "reentrant-mends",
            says: Text::new(
                "A reentrant lock lets its holder in again, and the withdrawal is made.",
                "Uma trava reentrante deixa entrar quem já a tem, e o saque é feito.",
            ),
            source: Source {
                title: "Python documentation: RLock objects",
                link: "https://docs.python.org/3/library/threading.html#rlock-objects",
                number: Text::new(
                    "acquired any number of times",
                    "pode ser obtida quantas vezes for preciso",
                ),
            },
            unit: Text::new("cents off", "centavos de diferença"),
            holds: Threshold::AtMost(0.0),
            breaks: Text::new("the lock is not reentrant", "a trava não é reentrante"),
            measure: |_, mechanism| {
                let outcome = if mechanism.is_sound() {
                    withdraw::<Reentrant>(Look::Locking)
                } else {
                    watch(|| withdraw::<Watched>(Look::Locking)).0
                };
                Ok(Measured::count(outcome.wrong_by()))
            },
        },
    ],
};

const RINGS: Text = Text::new("deadlocks", "deadlocks vistos");

fn show(stage: &Stage) -> Result<(), Problem> {
    let (_, seen) = watch(|| withdraw::<Watched>(Look::Locking));
    told::draw(stage, &seen.threads, &seen.steps);
    say_ring(stage, &seen);
    say!(
        stage,
        "and holds it: {}",
        "e é ela mesma quem a tem: {}",
        seen.ring.first().map_or("", |(thread, _)| thread.in_lang(stage.lang))
    );
    let (held, reentrant) =
        (watch(|| withdraw::<Watched>(Look::Held)).0.found, withdraw::<Reentrant>(Look::Locking).found);
    say!(
        stage,
        "without taking it again: {held} cents left; with a reentrant lock: {reentrant}",
        "sem pegar de novo: restam {held} centavos; com trava reentrante: {reentrant}"
    );
    Ok(())
}
