//! The world in which every use of a shared part is a place where another thread may go on.
//!
//! The threads are shuttle's: they run one at a time, all on the calling thread of the system, and change places only where
//! they say so. Here they say so before each use of a shared part, but for a thread's first, since its start already is
//! such a place. So a thread of *n* steps has *n* pieces, and two of them can be shuffled in as many ways as the textbook
//! says.
//!
//! Numbers behave as if all threads agreed on one order of all steps (sequential consistency). That finds what is wrong
//! because of the order of steps. What goes wrong only because a weak memory model shows them in different orders to
//! different threads is not found; that needs a model checker such as loom.
//!
//! A thread that waits, for a lock or at a queue, is set aside until what it waits for is there. When nobody is left who can
//! go on, that is a deadlock: it is written down, and then everybody is let through, so that the run ends in order.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;

use crate::text::Text;
use crate::told::{Op, Told};
use crate::world::{Lock, Number, Outcome, Queue, Work, World};

/// The world of the explorer.
#[derive(Debug)]
pub struct Explored;

/// What is written down of one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) threads: Vec<Text>,
    pub(super) steps: Vec<Told>,
    /// For each thread, the part that it waits for.
    pub(super) waiting: Vec<Option<usize>>,
    /// Whether each thread has done its first step.
    begun: Vec<bool>,
    parts: usize,
    pub(super) deadlock: bool,
    /// What the program came to, once it has ended.
    pub(super) outcome: Option<Outcome>,
}

thread_local! {
    /// The run under way. All of shuttle's threads run on the one thread that explores, so it is theirs alone.
    static RUN: RefCell<Run> = RefCell::default();
}

pub(super) fn with_run<R>(with: impl FnOnce(&mut Run) -> R) -> R {
    RUN.with_borrow_mut(with)
}

impl Run {
    /// Writes a step down, unless the run is already decided.
    fn tell(&mut self, op: Op) {
        let me = me();
        if !self.deadlock && me < self.threads.len() {
            self.steps.push((me, op));
        }
    }

    fn part(&mut self) -> usize {
        self.parts += 1;
        self.parts
    }

    /// Everybody who waits for this part may look again.
    fn wake(&mut self, part: usize) {
        for waiting in &mut self.waiting {
            if *waiting == Some(part) {
                *waiting = None;
            }
        }
    }
}

/// The number of the running thread among those of the program. The one that started them is none of them: shuttle counts
/// it as 0.
fn me() -> usize {
    usize::from(shuttle::current::me()).wrapping_sub(1)
}

/// A place where another thread may go on.
fn step() {
    let first = with_run(|run| {
        let me = me();
        run.begun.get_mut(me).is_some_and(|begun| !std::mem::replace(begun, true))
    });
    if !first && me() != usize::MAX {
        shuttle::thread::yield_now();
    }
}

/// Waits until somebody wakes those who wait for this part, or there is a deadlock; `false` in that case.
fn wait(part: usize, op: Op) -> bool {
    let go_on = with_run(|run| {
        if run.deadlock {
            return false;
        }
        run.tell(op);
        if let Some(waiting) = run.waiting.get_mut(me()) {
            *waiting = Some(part);
        }
        true
    });
    if go_on {
        shuttle::thread::yield_now();
    }
    go_on && with_run(|run| !run.deadlock)
}

impl World for Explored {
    type Number = ExploredNumber;
    type Lock = ExploredLock;
    type Queue = ExploredQueue;

    fn number(name: Text, value: i64) -> ExploredNumber {
        ExploredNumber { name, value: Arc::new(AtomicI64::new(value)) }
    }

    fn lock(name: Text) -> ExploredLock {
        ExploredLock { name, part: with_run(Run::part), held: Arc::default() }
    }

    fn queue(name: Text, room: usize) -> ExploredQueue {
        ExploredQueue { name, part: with_run(Run::part), room, items: Arc::default() }
    }

    fn together(work: Vec<(Text, Work)>) {
        with_run(|run| {
            run.threads = work.iter().map(|(name, _)| *name).collect();
            run.waiting = vec![None; work.len()];
            run.begun = vec![false; work.len()];
        });
        let threads: Vec<_> = work.into_iter().map(|(_, work)| shuttle::thread::spawn(work)).collect();
        for thread in threads {
            thread.join().expect("a thread of a lesson does not panic");
        }
    }
}

/// A shared number.
#[derive(Clone, Debug)]
pub struct ExploredNumber {
    name: Text,
    value: Arc<AtomicI64>,
}

// The atomics in here only make the parts `Send`: one thread runs at a time, on one thread of the system.
impl Number for ExploredNumber {
    fn read(&self) -> i64 {
        step();
        let value = self.value.load(Ordering::Relaxed);
        with_run(|run| run.tell(Op::Reads(self.name, value)));
        value
    }

    fn write(&self, value: i64) {
        step();
        self.value.store(value, Ordering::Relaxed);
        with_run(|run| run.tell(Op::Writes(self.name, value)));
    }

    fn add(&self, amount: i64) {
        step();
        let value = self.value.fetch_add(amount, Ordering::Relaxed) + amount;
        with_run(|run| run.tell(Op::Adds(self.name, value)));
    }
}

/// A lock.
#[derive(Clone, Debug)]
pub struct ExploredLock {
    name: Text,
    part: usize,
    held: Arc<AtomicBool>,
}

impl Lock for ExploredLock {
    fn hold<R>(&self, work: impl FnOnce() -> R) -> R {
        step();
        while self.held.load(Ordering::Relaxed) && wait(self.part, Op::WaitsFor(self.name)) {}
        self.held.store(true, Ordering::Relaxed);
        with_run(|run| run.tell(Op::Locks(self.name)));
        let result = work();
        step();
        self.held.store(false, Ordering::Relaxed);
        with_run(|run| {
            run.tell(Op::Unlocks(self.name));
            run.wake(self.part);
        });
        result
    }
}

/// A queue.
#[derive(Clone, Debug)]
pub struct ExploredQueue {
    name: Text,
    part: usize,
    room: usize,
    items: Arc<Mutex<std::collections::VecDeque<i64>>>,
}

impl Queue for ExploredQueue {
    fn put(&self, value: i64) {
        step();
        while self.items.lock().len() >= self.room && wait(self.part, Op::WaitsAt(self.name)) {}
        self.items.lock().push_back(value);
        with_run(|run| {
            run.tell(Op::Puts(self.name, value));
            run.wake(self.part);
        });
    }

    fn take(&self) -> i64 {
        step();
        loop {
            if let Some(value) = self.items.lock().pop_front() {
                with_run(|run| {
                    run.tell(Op::Takes(self.name, value));
                    run.wake(self.part);
                });
                return value;
            }
            if !wait(self.part, Op::WaitsAt(self.name)) {
                return 0;
            }
        }
    }

    fn try_take(&self) -> Option<i64> {
        step();
        let value = self.items.lock().pop_front();
        with_run(|run| {
            run.tell(value.map_or(Op::FindsNothing(self.name), |value| Op::Takes(self.name, value)));
            run.wake(self.part);
        });
        value
    }
}
