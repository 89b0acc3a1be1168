//! The orders of a pool: those that nobody has, and those that somebody works on.

use std::collections::VecDeque;

use super::sync::{Condvar, Mutex};
use crate::job::{Cause, Death};

/// One task on its way through the pool. The pool knows it as bytes and a label only.
pub(super) struct Order {
    pub(super) number: u64,
    /// The task, encoded.
    pub(super) task: Vec<u8>,
    /// How warnings and failures name the task.
    pub(super) label: String,
    /// The workers that it has ended so far.
    pub(super) deaths: Vec<Death>,
    /// Called once, with the encoded reply or the reason why there is none.
    pub(super) finish: Finish,
}

/// Who is told how an order ended.
pub(super) type Finish = Box<dyn FnOnce(Result<&[u8], Cause>) + Send>;

/// How far a pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tasks that wait for a worker.
    pub waiting: usize,
    /// Tasks that a worker has.
    pub in_hand: usize,
    /// Tasks that were done.
    pub done: u64,
    /// Tasks that failed, were set aside or were cancelled.
    pub failed: u64,
    /// Workers that ended while they had a task.
    pub deaths: u64,
    /// Workers that were replaced because they had done their share.
    pub recycled: u64,
}

/// A bounded queue. Its lock is held for a push, a pop or a count, never while anybody works.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Signalled when there may be something to take, or never again will be.
    arrived: Condvar,
    /// Signalled when there may be room.
    left: Condvar,
    room: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Order>,
    progress: Progress,
    /// No more orders will come.
    closed: bool,
    /// Nobody will take orders any longer.
    deserted: bool,
}

impl State {
    /// Whether no order can come any longer: none waits, no new ones are accepted, and nobody has one that could be given
    /// back.
    fn is_over(&self) -> bool {
        self.closed && self.waiting.is_empty() && self.progress.in_hand == 0
    }

    /// Wakes everyone who waits for an order, if none will come. Also an order that is withdrawn may have been the last: of
    /// those who wait, only one was woken for it.
    fn tell_if_over(&self, arrived: &Condvar) {
        if self.is_over() {
            arrived.notify_all();
        }
    }
}

impl Queue {
    /// A queue in which at most `room` orders wait.
    pub(super) fn new(room: usize) -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), left: Condvar::new(), room: room.max(1) }
    }

    /// Adds an order when there is room for it; gives it back when nobody will ever take it.
    pub(super) fn push(&self, order: Order) -> Result<(), Order> {
        let mut state = self.state.lock();
        while state.waiting.len() >= self.room && !state.deserted {
            self.left.wait(&mut state);
        }
        if state.deserted {
            return Err(order);
        }
        state.waiting.push_back(order);
        self.arrived.notify_one();
        Ok(())
    }

    /// The next order, when there is one; `None` when none can come any longer: none is waiting, no new ones are accepted,
    /// and nobody has one in hand that could be given back.
    pub(super) fn take(&self) -> Option<Order> {
        let mut state = self.state.lock();
        loop {
            if let Some(order) = state.waiting.pop_front() {
                state.progress.in_hand += 1;
                self.left.notify_one();
                return Some(order);
            }
            if state.is_over() {
                return None;
            }
            self.arrived.wait(&mut state);
        }
    }

    /// Puts an order back in front, because its worker is gone.
    pub(super) fn give_back(&self, order: Order) {
        let mut state = self.state.lock();
        state.progress.in_hand -= 1;
        state.waiting.push_front(order);
        self.arrived.notify_one();
    }

    /// Notes that an order that was taken has ended.
    pub(super) fn ended(&self, well: bool) {
        let mut state = self.state.lock();
        state.progress.in_hand -= 1;
        if well {
            state.progress.done += 1;
        } else {
            state.progress.failed += 1;
        }
        state.tell_if_over(&self.arrived);
    }

    /// Takes an order that nobody has yet out of the line.
    pub(super) fn withdraw(&self, number: u64) -> Option<Order> {
        let mut state = self.state.lock();
        let place = state.waiting.iter().position(|order| order.number == number)?;
        state.progress.failed += 1;
        self.left.notify_one();
        let order = state.waiting.remove(place);
        state.tell_if_over(&self.arrived);
        order
    }

    /// No more orders will come.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Nobody will take orders any longer. Returns those that still wait.
    pub(super) fn desert(&self) -> VecDeque<Order> {
        let mut state = self.state.lock();
        state.deserted = true;
        state.progress.failed += state.waiting.len() as u64;
        self.left.notify_all();
        std::mem::take(&mut state.waiting)
    }

    pub(super) fn note_death(&self) {
        self.state.lock().progress.deaths += 1;
    }

    pub(super) fn note_recycled(&self) {
        self.state.lock().progress.recycled += 1;
    }

    pub(super) fn progress(&self) -> Progress {
        let state = self.state.lock();
        Progress { waiting: state.waiting.len(), ..state.progress }
    }
}
