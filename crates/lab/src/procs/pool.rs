//! The pool: what its user sees.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::attend::{Shared, attend};
use super::frame::{decode, encode};
use super::queue::{Finish, Order, Progress};
use super::supervise::watchdog;
use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Tried};
use crate::problem::{OrProblem, Problem};
use crate::timeline;
use crate::ways::{Desk, Sink, Tasks};

/// How many tasks wait for each worker beside the one that it does: enough that it never waits for the hand-out.
const WAITING: usize = 1;

/// A fixed number of worker processes that do the tasks of job `J`.
///
/// A worker is started when the first task needs it. Dropping the pool waits for the tasks that were submitted and ends
/// every worker; after [`Pool::cancel`], or a stop of the run, it ends them at once.
///
/// ```no_run
/// # use lab::{Job, Lab, Problem, Stop, procs::Pool};
/// # struct Square;
/// # impl Job for Square {
/// #     const NAME: &'static str = "square";
/// #     type Setup = (); type Task = u64; type Reply = u64;
/// #     fn start((): &()) -> Result<Self, Problem> { Ok(Self) }
/// #     fn run(&mut self, task: &u64, _: &Stop) -> Result<u64, Problem> { Ok(task * task) }
/// # }
/// let pool = Pool::<Square>::start(&Lab::new(2), &())?;
/// let (three, four) = (pool.submit(&3), pool.submit(&4));
/// assert_eq!((three.wait(), four.wait()), (Ok(9), Ok(16)));
/// # Ok::<(), lab::Problem>(())
/// ```
pub struct Pool<J: Job> {
    shared: Arc<Shared>,
    attendants: Vec<JoinHandle<()>>,
    watchdog: Option<(JoinHandle<()>, Sender<()>)>,
    next: AtomicU64,
    /// No job lives here, so the pool may be shared between threads whatever its job is.
    job: PhantomData<fn() -> J>,
}

impl<J: Job> Pool<J> {
    /// A pool of `lab.workers` workers with the patience of `lab`. It ends when the run is asked to stop.
    ///
    /// # Errors
    /// A setup that cannot be encoded.
    ///
    /// # Panics
    /// When the system refuses the threads of the pool.
    pub fn start(lab: &Lab, setup: &J::Setup) -> Result<Self, Problem> {
        let cannot = || format!("the setup of `{}` cannot be sent to a worker", J::NAME);
        let setup = encode(&(timeline::recording(), setup)).or_problem(cannot)?;
        let shared = Arc::new(Shared::new(lab, J::NAME, setup, lab.workers * WAITING));
        let attendant = |number| {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("attendant {number}"));
            thread.spawn(move || attend(&shared, number)).expect("the system has threads for the pool")
        };
        let attendants = (0..lab.workers).map(attendant).collect();
        let watched = Arc::clone(&shared);
        let (done, over) = bounded::<()>(0);
        let thread = thread::Builder::new().name("watchdog".into());
        let watching = thread
            .spawn(move || watchdog(&watched.places, &watched.halt, &over))
            .expect("the system has threads for the pool");
        let next = AtomicU64::new(0);
        Ok(Self { shared, attendants, watchdog: Some((watching, done)), next, job: PhantomData })
    }

    /// Hands in one task; waits while as many tasks wait as there are workers.
    pub fn submit(&self, task: &J::Task) -> Ticket<J::Reply> {
        let (finish, outcome) = bounded(1);
        let number = self.order(task, move |outcome| {
            // Whoever dropped the ticket does not want to know.
            let _ = finish.send(outcome);
        });
        Ticket { number, label: task.to_string(), outcome, shared: Arc::clone(&self.shared) }
    }

    /// Does all tasks and hands over the outcomes in the order of the tasks, in flat memory. A sink that fails, and a failure
    /// under `--fail-fast`, cancel the pool.
    ///
    /// # Errors
    /// What the sink fails with.
    pub fn map(&self, lab: &Lab, tasks: Tasks<'_, J::Task>, sink: Sink<'_, J::Reply>) -> Result<(), Problem> {
        // A failing sink, or `--fail-fast`, must reach the workers.
        let desk = Desk::halted_by(self.shared.halt.clone(), lab, self.at_once(), tasks, sink);
        // There is room for all that is in hand, so nobody waits to send.
        let (put, done) = bounded(desk.at_once());
        let hand_in = |(number, task): (usize, J::Task)| {
            let put = put.clone();
            self.order(&task, move |outcome| drop(put.send((number, outcome))));
        };
        desk.run(hand_in, &done)
    }

    /// Does all tasks and hands over each outcome as it comes, with the number of its task.
    ///
    /// # Errors
    /// What the sink fails with.
    pub fn map_unordered(
        &self,
        tasks: Tasks<'_, J::Task>,
        sink: &mut dyn FnMut(usize, Tried<J::Reply>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let (put, done) = bounded(self.at_once());
        let (mut tasks, mut in_hand) = (tasks.enumerate(), 0);
        loop {
            while in_hand < self.at_once()
                && !self.shared.halt.asked()
                && let Some((number, task)) = tasks.next()
            {
                let put = put.clone();
                self.order(&task, move |outcome| drop(put.send((number, outcome))));
                in_hand += 1;
            }
            if in_hand == 0 {
                return Ok(());
            }
            let Ok((number, outcome)) = done.recv() else { return Ok(()) };
            in_hand -= 1;
            if let Err(problem) = sink(number, outcome) {
                self.cancel();
                return Err(problem);
            }
        }
    }

    /// How far the pool is.
    pub fn progress(&self) -> Progress {
        self.shared.queue.progress()
    }

    /// Ends everything: tasks in hand are cut off, those that wait are not started, and no more are accepted.
    pub fn cancel(&self) {
        self.shared.halt.now();
    }

    fn at_once(&self) -> usize {
        self.attendants.len() * (1 + WAITING)
    }

    /// Hands in a task and returns its number; `finish` is called once, from any thread.
    fn order(&self, task: &J::Task, finish: impl FnOnce(Tried<J::Reply>) + Send + 'static) -> u64 {
        // A number is only compared with others; it orders nothing.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let label = task.to_string();
        let name = label.clone();
        let finish: Finish = Box::new(move |outcome| {
            let reply = outcome.and_then(|bytes| decode(bytes).unwrap_or_else(|error| Err(garbled(&error))));
            finish(reply.map_err(|cause| Failure { task: name, cause }));
        });
        match encode(task) {
            Ok(task) => {
                let order = Order { number, task, label, deaths: Vec::new(), finish };
                if let Err(order) = self.shared.queue.push(order) {
                    (order.finish)(Err(self.shared.deserted()));
                }
            }
            Err(error) => {
                let problem = Problem::because("the task cannot be sent to a worker", &error);
                finish(Err(Cause::Problem(problem)));
            }
        }
        number
    }
}

fn garbled(error: &io::Error) -> Cause {
    Cause::Problem(Problem::because("the reply of the worker cannot be read", error))
}

impl<J: Job> Drop for Pool<J> {
    fn drop(&mut self) {
        self.shared.queue.close();
        for attendant in self.attendants.drain(..) {
            if let Err(panic) = attendant.join()
                && !thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
        // The watchdog must see the last worker out.
        if let Some((watchdog, done)) = self.watchdog.take() {
            drop(done);
            let _ = watchdog.join();
        }
    }
}

impl<J: Job> fmt::Debug for Pool<J> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pool").field("job", &J::NAME).field("progress", &self.progress()).finish()
    }
}

/// A task that was handed in.
pub struct Ticket<R> {
    number: u64,
    label: String,
    outcome: Receiver<Tried<R>>,
    shared: Arc<Shared>,
}

impl<R> Ticket<R> {
    /// Waits for the outcome.
    ///
    /// # Errors
    /// Why the task was not done.
    pub fn wait(self) -> Tried<R> {
        let gone = || Err(Failure { task: self.label.clone(), cause: Cause::CutOff });
        self.outcome.recv().unwrap_or_else(|_| gone())
    }

    /// The outcome, if it is there already.
    pub fn try_wait(&self) -> Option<Tried<R>> {
        self.outcome.try_recv().ok()
    }

    /// Takes the task back. If a worker has it, the worker is killed and replaced; if it is done, nothing happens. Its
    /// outcome is then [`Cause::NotStarted`] or [`Cause::CutOff`].
    pub fn cancel(&self) {
        self.shared.cancel(self.number);
    }
}

impl<R> fmt::Debug for Ticket<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Ticket({}: {})", self.number, self.label)
    }
}
