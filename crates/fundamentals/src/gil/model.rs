//! The same loops in Rust: free, as Rust's threads are, or under one big lock, as a model of Python where there is none.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use parking_lot::{Condvar, Mutex};

use super::{Answers, Run, Way, Work};
use crate::observe::{self, Film};

/// Steps between two looks at the lock: about the 5 ms after which `CPython` asks a thread to let go.
const SLICE: u64 = 2_500_000;

/// Runs so far: the workers of each have names of their own, by which the kernel's view of them is found.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// A lock that serves in the order of arrival, and whose waiters sleep.
///
/// `CPython`'s lock is like that: a thread that was asked to let go waits until another has it. A plain mutex would let the
/// same thread take it again and again, and would have the others spin, which the kernel cannot tell from work.
#[derive(Debug)]
pub(crate) struct BigLock {
    /// The number of the next who comes, and of the one who is served. Locked for the two lines that change them.
    numbers: Mutex<(u64, u64)>,
    next: Condvar,
}

impl BigLock {
    /// A lock that nobody has.
    pub(crate) const fn new() -> Self {
        Self { numbers: Mutex::new((0, 0)), next: Condvar::new() }
    }

    /// Does `work` as the only one.
    pub(crate) fn alone<R>(&self, work: impl FnOnce() -> R) -> R {
        let mut numbers = self.numbers.lock();
        let own = numbers.0;
        numbers.0 += 1;
        self.next.wait_while(&mut numbers, |(_, served)| *served != own);
        drop(numbers);
        let result = work();
        self.numbers.lock().1 += 1;
        self.next.notify_all();
        result
    }
}

/// The lock that a loop takes, if there is one.
type Lock<'a> = Option<&'a BigLock>;

/// Does `work`, under the lock if there is one.
fn under<R>(lock: Lock<'_>, work: impl FnOnce() -> R) -> R {
    match lock {
        Some(lock) => lock.alone(work),
        None => work(),
    }
}

/// Runs the loops and films them. `gil` puts all threads under one lock that is let go while they wait, as `CPython`'s is;
/// processes each have one of their own there, and since a thread alone under a lock is a thread without one, they are
/// played by threads without it.
pub(super) fn run(run: Run, gil: bool) -> Answers {
    let (interpreter, shared) = (BigLock::new(), BigLock::new());
    let interpreter: Lock<'_> = (gil && run.way != Way::Processes).then_some(&interpreter);
    let shared: Lock<'_> = run.locked.then_some(&shared);
    let work = |number: u32| match run.work {
        Work::Compute { steps } => under(shared, || compute(number, steps, interpreter)),
        Work::Wait { milliseconds } => {
            // The waiting is the work, as of a request whose answer takes this long.
            under(shared, || thread::sleep(Duration::from_millis(milliseconds)));
            number
        }
    };
    // Any number that no other run has will do, so no order is needed.
    let name = format!("loop {}.", RUNS.fetch_add(1, Ordering::Relaxed));
    let name = name.as_str();
    let started = Instant::now();
    if run.way == Way::OneByOne {
        let values = (0..run.workers).map(work).collect();
        return Answers { seconds: started.elapsed().as_secs_f64(), values, film: Film::default() };
    }
    thread::scope(|scope| {
        let (over, ended) = bounded::<()>(0);
        let filming = scope.spawn(move || Film::until(&ended, || observe::own_threads(name)).0);
        let workers: Vec<_> = (0..run.workers)
            .map(|number| {
                let thread = thread::Builder::new().name(format!("{name}{number}"));
                thread.spawn_scoped(scope, move || work(number)).expect("the system has a few threads")
            })
            .collect();
        let values =
            workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect();
        let seconds = started.elapsed().as_secs_f64();
        drop(over);
        Answers { seconds, values, film: filming.join().unwrap_or_default() }
    })
}

/// The generator of the script, in slices.
fn compute(seed: u32, mut steps: u64, interpreter: Lock<'_>) -> u32 {
    let mut x = seed;
    while steps > 0 {
        let part = steps.min(SLICE);
        steps -= part;
        let slice = || {
            // Without the box the compiler jumps ahead many steps at once, which Python cannot.
            (0..part)
                .fold(x, |x, _| black_box(x).wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7FFF_FFFF)
        };
        x = under(interpreter, slice);
    }
    x
}
