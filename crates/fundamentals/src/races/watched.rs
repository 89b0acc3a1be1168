//! Locks that notice a deadlock.
//!
//! Threads are deadlocked when they wait for each other in a ring: the first waits for a lock that the second holds, who
//! waits for one that the third holds, and so on back to the first. The ring may be as short as one thread that waits for
//! itself. So a deadlock is not a long wait, and no time-out proves one; it is a ring in the graph of who waits for whom,
//! and it can be seen in the very moment in which it closes.
//!
//! Here the graph is kept: before a thread waits, the ring is looked for. Who would close it is chosen as the victim: it
//! lets go of what it holds and ends, as databases do with one of two transactions.

use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::text::Text;
use crate::told::{Op, Told};
use crate::world::{Deadlock, Lock, Machine, OwnLock, my_name};

/// Real threads with watched locks.
pub type Watched = Machine<Arc<WatchedLock>>;

/// After taking a lock a thread pauses, so that the others can come between. Nothing is waited for: it only makes likely
/// what is otherwise rare.
const PAUSE: Duration = Duration::from_millis(2);

/// A lock that notices a deadlock.
#[derive(Debug)]
pub struct WatchedLock {
    name: Text,
    number: usize,
}

/// What was seen of a program.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The threads' names, in the order in which they first did something.
    pub threads: Vec<Text>,
    /// What they did with locks, in order.
    pub steps: Vec<Told>,
    /// How many rings were about to close.
    pub deadlocks: u64,
    /// The names of the threads and locks of the last ring: who waits for which lock.
    pub ring: Vec<(Text, Text)>,
}

/// Who holds what and who waits for what. One lock for the whole graph: a ring can only be looked for while nobody moves.
struct Graph {
    /// For each lock, who holds it.
    holders: Vec<Option<usize>>,
    /// For each lock, its name.
    names: Vec<Text>,
    /// For each thread, who it is and which lock it waits for.
    threads: Vec<(ThreadId, Option<usize>)>,
    seen: Seen,
}

static GRAPH: Mutex<Graph> =
    Mutex::new(Graph { holders: Vec::new(), names: Vec::new(), threads: Vec::new(), seen: EMPTY });
const EMPTY: Seen = Seen { threads: Vec::new(), steps: Vec::new(), deadlocks: 0, ring: Vec::new() };
static GIVEN_BACK: Condvar = Condvar::new();
/// Only one program is watched at a time: the graph belongs to the process.
static WATCHING: Mutex<()> = Mutex::new(());

/// Runs a program and returns what it came to and what was seen of its locks.
pub fn watch<R>(program: impl FnOnce() -> R) -> (R, Seen) {
    let _only = WATCHING.lock();
    {
        let mut graph = GRAPH.lock();
        graph.holders.clear();
        graph.names.clear();
        graph.threads.clear();
        graph.seen = EMPTY;
    }
    let result = program();
    let seen = GRAPH.lock().seen.clone();
    (result, seen)
}

impl Graph {
    /// The number of the calling thread.
    fn me(&mut self) -> usize {
        let thread = thread::current();
        if let Some(at) = self.threads.iter().position(|(id, _)| *id == thread.id()) {
            return at;
        }
        self.threads.push((thread.id(), None));
        self.seen.threads.push(my_name());
        self.threads.len() - 1
    }

    /// The ring that closes if `me` waits for `lock`: every thread in it with the lock it waits for.
    fn ring(&self, me: usize, lock: usize) -> Option<Vec<(usize, usize)>> {
        let mut ring = vec![(me, lock)];
        let mut wanted = lock;
        // A chain longer than there are threads would have a ring in it that does not contain `me`; there is none, for it
        // would have been found when it closed.
        while ring.len() <= self.threads.len() {
            let holder = self.holders[wanted]?;
            if holder == me {
                return Some(ring);
            }
            wanted = self.threads[holder].1?;
            ring.push((holder, wanted));
        }
        None
    }
}

impl OwnLock for Arc<WatchedLock> {
    fn named(name: Text) -> Self {
        let mut graph = GRAPH.lock();
        graph.holders.push(None);
        graph.names.push(name);
        Self::new(WatchedLock { name, number: graph.names.len() - 1 })
    }
}

/// Gives the lock back also when its holder unwinds.
struct Held<'a>(&'a WatchedLock, usize);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut graph = GRAPH.lock();
        graph.holders[self.0.number] = None;
        graph.seen.steps.push((self.1, Op::Unlocks(self.0.name)));
        GIVEN_BACK.notify_all();
    }
}

impl WatchedLock {
    fn take(&self) -> Held<'_> {
        let mut graph = GRAPH.lock();
        let me = graph.me();
        while graph.holders[self.number].is_some() {
            graph.seen.steps.push((me, Op::WaitsFor(self.name)));
            if let Some(ring) = graph.ring(me, self.number) {
                let told = |(thread, lock): (usize, usize)| (graph.seen.threads[thread], graph.names[lock]);
                let ring = ring.into_iter().map(told).collect();
                graph.seen.ring = ring;
                graph.seen.deadlocks += 1;
                // Without the panic hook: it is a lesson and no failure of this program.
                drop(graph);
                std::panic::resume_unwind(Box::new(Deadlock));
            }
            graph.threads[me].1 = Some(self.number);
            GIVEN_BACK.wait(&mut graph);
            graph.threads[me].1 = None;
        }
        graph.holders[self.number] = Some(me);
        graph.seen.steps.push((me, Op::Locks(self.name)));
        Held(self, me)
    }
}

impl Lock for Arc<WatchedLock> {
    fn hold<R>(&self, work: impl FnOnce() -> R) -> R {
        let _held = self.take();
        thread::sleep(PAUSE);
        work()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Work, World};

    /// A graph in which lock `n` is held by `holders[n]` and thread `n` waits for `waits[n]`.
    fn graph(holders: &[Option<usize>], waits: &[Option<usize>]) -> Graph {
        let threads = waits.iter().map(|wait| (thread::current().id(), *wait)).collect();
        Graph { holders: holders.into(), names: Vec::new(), threads, seen: Seen::default() }
    }

    #[test]
    fn a_ring_is_seen_before_it_closes_and_a_queue_is_none() {
        // The thread itself holds the lock.
        assert_eq!(graph(&[Some(0)], &[None]).ring(0, 0), Some(vec![(0, 0)]));
        // Of three threads each holds one lock; two of them wait, and the third is about to.
        let three = graph(&[Some(0), Some(1), Some(2)], &[Some(1), Some(2), None]);
        assert_eq!(three.ring(2, 0), Some(vec![(2, 0), (0, 1), (1, 2)]));
        // The same, but the last lock is free, or its holder is not waiting.
        assert_eq!(graph(&[Some(0), Some(1), None], &[Some(1), Some(2), None]).ring(2, 0), None);
        assert_eq!(graph(&[Some(0), Some(1), Some(2)], &[Some(1), None, None]).ring(2, 0), None);
    }

    #[test]
    fn three_philosophers_are_seen_to_starve() {
        let dine = || {
            let forks = ["one", "two", "three"].map(|name| Watched::lock(Text::same(name)));
            let eat = |number: usize| {
                let (left, right) = (forks[number].clone(), forks[(number + 1) % 3].clone());
                let work: Work = Box::new(move || left.hold(|| right.hold(|| ())));
                (Text::same("philosopher"), work)
            };
            Watched::together((0..3).map(eat).collect());
        };
        let starved = (0..50).find_map(|_| Some(watch(dine).1).filter(|seen| seen.deadlocks > 0));
        assert_eq!(starved.map(|seen| seen.ring.len()), Some(3));
    }
}
