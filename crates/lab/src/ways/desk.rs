//! Where tasks are taken and outcomes are handed over.

use std::collections::VecDeque;
use std::fmt::Display;

use crossbeam_channel::Receiver;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Sink, Tasks};
use crate::context::Lab;
use crate::job::Tried;
use crate::ledger::Key;
use crate::logged::{self, Step};
use crate::problem::Problem;
use crate::stop::Stop;

/// So many times the tasks in hand may have been taken and not handed over: a slow task does not hold up those behind it
/// until that many answers wait for it.
const AHEAD: usize = 4;

/// The desk of one call of a way. It lives on the calling thread, so it needs no lock, and neither the source of the tasks
/// nor the sink of the outcomes needs to know of threads.
///
/// Memory stays flat however many tasks there are: a task is taken only while fewer than `at_once` are in hand and fewer
/// than [`AHEAD`] times as many are on their way from the source to the sink.
pub(crate) struct Desk<'a, T, R> {
    tasks: Tasks<'a, T>,
    sink: Sink<'a, R>,
    lab: &'a Lab,
    halt: Stop,
    at_once: usize,
    /// The tasks that were taken and whose outcomes were not handed over, in their order.
    pending: VecDeque<Pending<R>>,
    /// How many tasks were taken so far.
    taken: usize,
    in_hand: usize,
    exhausted: bool,
    broken: Option<Problem>,
    step: Step,
    failed: usize,
}

struct Pending<R> {
    outcome: Option<Tried<R>>,
    /// The task in the ledger, where one is kept.
    key: Option<Key>,
}

/// A task that was taken, and its number.
pub(crate) type Given<T> = (usize, T);

/// The outcome of the task of this number.
pub(crate) type Done<R> = (usize, Tried<R>);

impl<'a, T, R> Desk<'a, T, R>
where
    T: Serialize + Display,
    R: Serialize + DeserializeOwned,
{
    /// A desk whose work ends when the run is asked to stop.
    pub(crate) fn new(lab: &'a Lab, at_once: usize, tasks: Tasks<'a, T>, sink: Sink<'a, R>) -> Self {
        Self::halted_by(lab.stop.child(), lab, at_once, tasks, sink)
    }

    /// A desk whose work ends when `halt` is asked for, and that asks for it when the work should end.
    pub(crate) fn halted_by(
        halt: Stop,
        lab: &'a Lab,
        at_once: usize,
        tasks: Tasks<'a, T>,
        sink: Sink<'a, R>,
    ) -> Self {
        Self {
            tasks,
            sink,
            lab,
            halt,
            at_once: at_once.max(1),
            pending: VecDeque::new(),
            taken: 0,
            in_hand: 0,
            exhausted: false,
            broken: None,
            step: Step::begin(std::any::type_name::<T>(), format_args!("at_once={at_once}")),
            failed: 0,
        }
    }

    /// Asked for when the work of this call should end.
    pub(crate) fn halt(&self) -> Stop {
        self.halt.clone()
    }

    /// How many tasks are in hand at the most: room for as many makes a channel that never blocks.
    pub(crate) fn at_once(&self) -> usize {
        self.at_once
    }

    /// The next task; `None` while as many as may be are under way, and when there are no more.
    ///
    /// What the ledger knows already is not done again.
    pub(crate) fn take(&mut self) -> Option<Given<T>> {
        while !self.halt.asked() && !self.exhausted && self.in_hand < self.at_once && self.has_room() {
            let Some(task) = self.tasks.next() else {
                self.exhausted = true;
                break;
            };
            let number = self.taken;
            self.taken += 1;
            let (key, known) = match self.known(&task) {
                Ok(looked_up) => looked_up,
                Err(problem) => {
                    self.break_off(problem);
                    break;
                }
            };
            self.pending.push_back(Pending { outcome: None, key });
            self.in_hand += 1;
            match known {
                // It is in the ledger already.
                Some(reply) => self.arrived(number, Ok(reply)),
                None => return Some((number, task)),
            }
        }
        None
    }

    /// Accepts the outcome of the task of this number, and hands over what has become complete up to here.
    pub(crate) fn put(&mut self, (number, outcome): Done<R>) {
        let key = self.pending[self.place(number)].key;
        if let (Some(ledger), Some(key), Ok(reply)) = (&self.lab.ledger, key, &outcome)
            && let Err(problem) = ledger.lock().keep(key, reply)
        {
            self.break_off(problem);
        }
        self.arrived(number, outcome);
    }

    /// Whether nothing is in hand any longer.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_hand == 0
    }

    /// Hands out tasks and accepts outcomes until there are no more of either.
    pub(crate) fn run(
        mut self,
        mut hand_out: impl FnMut(Given<T>),
        done: &Receiver<Done<R>>,
    ) -> Result<(), Problem> {
        loop {
            while let Some(given) = self.take() {
                hand_out(given);
            }
            if self.is_idle() {
                return self.close();
            }
            // An error says that every worker is gone with a panic, which is on its way through their scope.
            let Ok(outcome) = done.recv() else { return self.close() };
            self.put(outcome);
        }
    }

    /// Ends the call.
    ///
    /// # Errors
    /// What the sink refused with, or the ledger.
    pub(crate) fn close(mut self) -> Result<(), Problem> {
        self.step.with(format_args!("tasks={} failed={}", self.taken, self.failed));
        self.step.end(self.broken.as_ref());
        self.broken.map_or(Ok(()), Err)
    }

    fn has_room(&self) -> bool {
        self.pending.len() < self.at_once.saturating_mul(AHEAD)
    }

    fn place(&self, number: usize) -> usize {
        number + self.pending.len() - self.taken
    }

    /// The task's key and its reply, as far as a ledger is kept and knows them.
    fn known(&self, task: &T) -> Result<(Option<Key>, Option<R>), Problem> {
        let Some(ledger) = &self.lab.ledger else { return Ok((None, None)) };
        let key = Key::of(task)?;
        Ok((Some(key), ledger.lock().reply(key)?))
    }

    fn arrived(&mut self, number: usize, outcome: Tried<R>) {
        self.in_hand -= 1;
        if let Err(failure) = &outcome {
            self.failed += 1;
            logged::failed(&failure.task, &failure.cause);
            if self.lab.fail_fast {
                self.halt.now();
            }
        }
        let place = self.place(number);
        self.pending[place].outcome = Some(outcome);
        while let Some(outcome) = self.pending.front_mut().and_then(|first| first.outcome.take()) {
            self.pending.pop_front();
            if self.broken.is_none()
                && let Err(problem) = (self.sink)(outcome)
            {
                self.break_off(problem);
            }
        }
    }

    fn break_off(&mut self, problem: Problem) {
        self.halt.now();
        self.broken.get_or_insert(problem);
    }
}
