//! A bank that loses money, and one that does not.
//!
//! A transfer takes from one account and gives to another: read a balance, write it back smaller; read the other, write it
//! back larger. Two clerks who transfer at the same time read balances that the other is about to change, and write back
//! what is no longer true. Money disappears, or appears.
//!
//! What must hold at every moment at which somebody looks is an *invariant*: the sum of all accounts is constant. A lock
//! mends the bank if, and only if, everything that breaks the invariant for a moment happens while it is held. A lock
//! around each reading and each writing looks careful and protects nothing.

use lab::Problem;
use lab::record::Threshold;

use crate::claim::{Claim, Mechanism, Source};
use crate::measured::Measured;
use crate::program::Program;
use crate::races::two_locks::CLERKS;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;
use crate::world::{Lock, Number, Outcome, Threads, Work, World};

/// What each account holds when the bank opens, in cents.
const OPENING: i64 = 100;
/// What one transfer moves, in cents.
const AMOUNT: i64 = 10;

/// How the bank protects its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// Not at all.
    Unsafe,
    /// One lock, held for the whole transfer.
    Lock,
    /// One lock, held for each reading and each writing, and not between them.
    LockTooSmall,
}

/// Two accounts.
struct Bank<W: World> {
    accounts: [W::Number; 2],
    lock: W::Lock,
    safety: Safety,
}

impl<W: World> Clone for Bank<W> {
    fn clone(&self) -> Self {
        Self { accounts: self.accounts.clone(), lock: self.lock.clone(), safety: self.safety }
    }
}

impl<W: World> Bank<W> {
    fn open(safety: Safety) -> Self {
        let accounts = [
            W::number(Text::new("account A", "conta A"), OPENING),
            W::number(Text::new("account B", "conta B"), OPENING),
        ];
        Self { accounts, lock: W::lock(Text::new("lock", "trava")), safety }
    }

    /// Moves money from one account to the other.
    fn transfer(&self, from: usize, to: usize) {
        match self.safety {
            Safety::Unsafe | Safety::LockTooSmall => self.take_and_give(from, to),
            Safety::Lock => self.lock.hold(|| self.take_and_give(from, to)),
        }
    }

    fn take_and_give(&self, from: usize, to: usize) {
        self.change(from, -AMOUNT);
        self.change(to, AMOUNT);
    }

    /// Reads a balance and writes it back changed.
    fn change(&self, account: usize, by: i64) {
        let account = &self.accounts[account];
        if self.safety == Safety::LockTooSmall {
            let balance = self.lock.hold(|| account.read());
            self.lock.hold(|| account.write(balance + by));
        } else {
            account.write(account.read() + by);
        }
    }
}

/// Two clerks transfer in opposite directions, `each` times.
pub fn day<W: World>(safety: Safety, each: usize) -> Outcome {
    let bank = Bank::<W>::open(safety);
    let clerk = |name: Text, from: usize, to: usize| {
        let bank = bank.clone();
        let work: Work = Box::new(move || (0..each).for_each(|_| bank.transfer(from, to)));
        (name, work)
    };
    W::together(vec![clerk(CLERKS[0], 0, 1), clerk(CLERKS[1], 1, 0)]);
    let total = bank.accounts.iter().map(Number::read).sum();
    Outcome { expected: 2 * OPENING, found: total }
}

/// How many days are looked at.
const DAYS: usize = 30;
/// And for how long at least: where both threads take turns on one processor, most runs fit into one turn.
const HUNT: std::time::Duration = std::time::Duration::from_millis(500);

/// The lesson.
pub const PROGRAM: Program = Program {
    name: "bank",
    about: Text::new(
        "transfers between two accounts lose money, and stop losing it",
        "transferências entre duas contas perdem dinheiro, e deixam de perder",
    ),
    show,
    claims: &[
        Claim {
            id: "bank-loses",
            says: Text::new(
                "Transfers without a lock change the sum of all accounts.",
                "Transferências sem trava mudam a soma de todas as contas.",
            ),
            source: SOURCE,
            unit: UNIT,
            holds: Threshold::AtLeast(1.0),
            breaks: Text::new("the bank takes its lock", "o banco usa a sua trava"),
            measure: |_, mechanism| Ok(gone(mechanism.pick(Safety::Unsafe, Safety::Lock))),
        },
        Claim {
            id: "bank-lock-exact",
            says: Text::new(
                "A lock that is held for the whole transfer keeps the sum.",
                "Uma trava mantida durante toda a transferência preserva a soma.",
            ),
            source: SOURCE,
            unit: UNIT,
            holds: Threshold::AtMost(0.0),
            breaks: Text::new(
                "the lock is held for each reading and each writing, and not between them",
                "a trava vale para cada leitura e cada gravação, mas não entre elas",
            ),
            measure: |_, mechanism: Mechanism| Ok(gone(mechanism.pick(Safety::Lock, Safety::LockTooSmall))),
        },
    ],
};

const SOURCE: Source = Source {
    title: "The Little Book of Semaphores, section 1.5",
    link: "https://greenteapress.com/wp/semaphores/",
    number: Text::new("no number: updates are lost", "sem número: atualizações se perdem"),
};
const UNIT: Text = Text::new("cents off", "centavos de diferença");

/// How far the sum is off: on the first of many days on which it is. A race that is not lost today is still a race.
fn gone(safety: Safety) -> Measured {
    let started = std::time::Instant::now();
    let chances = (0..).take_while(|day| *day < DAYS || started.elapsed() < HUNT);
    let mut days = chances.map(|_| day::<Threads>(safety, 200_000).wrong_by());
    Measured::count(days.find(|gone| *gone > 0).unwrap_or_default())
}

fn show(stage: &Stage) -> Result<(), Problem> {
    let each = stage.amount(200_000, 20_000);
    let days = [
        (Safety::Unsafe, Text::new("no lock", "sem trava")),
        (Safety::LockTooSmall, Text::new("a lock for each step", "uma trava por passo")),
        (Safety::Lock, Text::new("a lock for the transfer", "uma trava por transferência")),
    ];
    for (safety, name) in days {
        let name = name.in_lang(stage.lang);
        // A day on which money is lost, if there is one.
        let mut days = (0..DAYS).map(|_| day::<Threads>(safety, each));
        let first = days.next().unwrap_or(Outcome { expected: 0, found: 0 });
        let bad = if first.is_right() { days.find(|day| !day.is_right()) } else { None };
        let Outcome { expected, found } = bad.unwrap_or(first);
        say!(
            stage,
            "{name:28} opened with {expected} cents, closed with {found}",
            "{name:28} abriu com {expected} centavos, fechou com {found}"
        );
    }
    say!(
        stage,
        "`explore bank` draws the shortest way to lose money",
        "`explore bank` desenha o caminho mais curto para perder dinheiro"
    );
    Ok(())
}
