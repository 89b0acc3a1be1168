//! The few parts that the racing programs are made of, in two makes.
//!
//! The chapter on races and the race explorer look at the same programs, and they must be the same: a model that is written
//! beside the program proves nothing about the program. So the programs are generic over a [`World`]. In [`Threads`] its
//! parts are those of the machine: threads, atomics, locks and channels. With [`crate::races::watched`] locks it is noticed
//! when threads wait for each other in a ring. In [`crate::explorer::Explored`] every use of a part
//! is a place where the explorer may let another thread go on.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Mutex, ReentrantMutex};

use crate::text::Text;

/// What one thread of a program does.
pub type Work = Box<dyn FnOnce() + Send>;

/// Threads and what they share.
pub trait World: Sized + 'static {
    /// A number that all threads see.
    type Number: Number;
    /// A lock.
    type Lock: Lock;
    /// A queue of numbers with room for as many as a program puts into it.
    type Queue: Queue;

    /// Makes a number.
    fn number(name: Text, value: i64) -> Self::Number;
    /// Makes a lock.
    fn lock(name: Text) -> Self::Lock;
    /// Makes a queue that never holds more than `room`.
    fn queue(name: Text, room: usize) -> Self::Queue;
    /// Does all of it at the same time, each on a thread of that name, and waits for all.
    fn together(work: Vec<(Text, Work)>);
}

/// A shared number. Reading it and writing it are two steps, and between two steps anything can happen.
pub trait Number: Clone + Send + Sync + 'static {
    /// Reads it.
    fn read(&self) -> i64;
    /// Writes it, whatever it is by now.
    fn write(&self, value: i64);
    /// Adds to it in one step.
    fn add(&self, amount: i64);
}

/// A lock that one thread at a time can hold.
pub trait Lock: Clone + Send + Sync + 'static {
    /// Waits for the lock, does the work with it, and gives it back.
    fn hold<R>(&self, work: impl FnOnce() -> R) -> R;
}

/// A queue between threads.
pub trait Queue: Clone + Send + Sync + 'static {
    /// Puts a number in.
    fn put(&self, value: i64);
    /// Waits for a number and takes it out.
    fn take(&self) -> i64;
    /// Takes a number out if there is one.
    fn try_take(&self) -> Option<i64>;
}

/// The machine's own threads, with locks of one make.
#[derive(Debug)]
pub struct Machine<L>(PhantomData<L>);

/// Real threads with ordinary locks.
pub type Threads = Machine<Arc<Mutex<()>>>;

/// Real threads with locks that their holder may take again.
pub type Reentrant = Machine<Arc<ReentrantMutex<()>>>;

/// A lock that stands alone.
pub trait OwnLock: Lock {
    /// Makes one that nobody holds.
    fn named(name: Text) -> Self;
}

impl<L: OwnLock> World for Machine<L> {
    type Number = Arc<AtomicI64>;
    type Lock = L;
    type Queue = (Sender<i64>, Receiver<i64>);

    fn number(_: Text, value: i64) -> Self::Number {
        Arc::new(AtomicI64::new(value))
    }

    fn lock(name: Text) -> L {
        L::named(name)
    }

    fn queue(_: Text, room: usize) -> Self::Queue {
        bounded(room)
    }

    fn together(work: Vec<(Text, Work)>) {
        // Starting a thread takes longer than much of what is shown here, so the first ones wait for the last one. They spin
        // instead of sleeping, because waking up would take as long again. The count carries no data.
        let missing = &AtomicUsize::new(work.len());
        thread::scope(|scope| {
            for (name, work) in work {
                let spawned = thread::Builder::new().name(name.en.into());
                let spawned = spawned.spawn_scoped(scope, move || {
                    NAME.set(name);
                    missing.fetch_sub(1, Ordering::Relaxed);
                    while missing.load(Ordering::Relaxed) > 0 {
                        thread::yield_now();
                    }
                    // A victim of a deadlock has let its locks go on its way here, and its thread just ends.
                    let outcome = catch_unwind(AssertUnwindSafe(work));
                    if let Err(panic) = outcome
                        && !panic.is::<Deadlock>()
                    {
                        resume_unwind(panic);
                    }
                });
                spawned.expect("the system has threads for a lesson");
            }
        });
    }
}

thread_local! {
    static NAME: Cell<Text> = const { Cell::new(Text::same("main")) };
}

/// The calling thread's name, in both languages.
pub fn my_name() -> Text {
    NAME.get()
}

/// What a thread unwinds with that was chosen as the victim of a deadlock, as a database aborts one of the transactions.
#[derive(Debug)]
pub struct Deadlock;

// Relaxed everywhere: the lesson is what happens between the steps. The numbers carry no other memory with them, and what
// is read at the end is read after the threads were joined.
impl Number for Arc<AtomicI64> {
    fn read(&self) -> i64 {
        self.load(Ordering::Relaxed)
    }

    fn write(&self, value: i64) {
        self.store(value, Ordering::Relaxed);
    }

    fn add(&self, amount: i64) {
        self.fetch_add(amount, Ordering::Relaxed);
    }
}

impl Lock for Arc<Mutex<()>> {
    fn hold<R>(&self, work: impl FnOnce() -> R) -> R {
        let _held = self.lock();
        work()
    }
}

impl Lock for Arc<ReentrantMutex<()>> {
    fn hold<R>(&self, work: impl FnOnce() -> R) -> R {
        let _held = self.lock();
        work()
    }
}

impl OwnLock for Arc<Mutex<()>> {
    fn named(_: Text) -> Self {
        Self::default()
    }
}

impl OwnLock for Arc<ReentrantMutex<()>> {
    fn named(_: Text) -> Self {
        Self::new(ReentrantMutex::new(()))
    }
}

impl Queue for (Sender<i64>, Receiver<i64>) {
    fn put(&self, value: i64) {
        // Both ends live in this pair, so the other end is never gone.
        let _ = self.0.send(value);
    }

    fn take(&self) -> i64 {
        self.1.recv().unwrap_or_default()
    }

    fn try_take(&self) -> Option<i64> {
        self.1.try_recv().ok()
    }
}

/// What a program should have come to, and what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The right answer.
    pub expected: i64,
    /// The answer.
    pub found: i64,
}

impl Outcome {
    /// Whether the answer is right.
    pub fn is_right(self) -> bool {
        self.expected == self.found
    }

    /// How far off the answer is.
    pub fn wrong_by(self) -> u64 {
        self.expected.abs_diff(self.found)
    }
}
