//! The parent's end of the pipes: each worker process has a thread of ours that attends to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::frame::{Frame, Kind, take};
use super::queue::{Order, Queue};
use super::supervise::{GOODBYE, Place, Running};
use crate::context::{Children, Lab};
use crate::job::{Cause, Death, Patience};
use crate::launch::Launch;
use crate::problem::Problem;
use crate::stop::Stop;
use crate::timeline::{self, Slice};

/// After this many workers in a row that did not even start, the pool gives up: the next would not start either. Fewer could be bad luck:
/// somebody may be killing whatever has started.
const FALSE_STARTS: usize = 10;

/// What the attendants of one pool share. It knows tasks and replies as bytes only.
pub(super) struct Shared {
    launch: Launch,
    name: &'static str,
    /// What every worker is told first, encoded once.
    setup: Vec<u8>,
    patience: Patience,
    children: Arc<Children>,
    pub(super) halt: Stop,
    pub(super) queue: Queue,
    pub(super) places: Vec<Arc<Place>>,
    false_starts: AtomicUsize,
    /// Set once workers do not start: those at work finish, and no new one is tried.
    no_more_starts: AtomicBool,
    /// How many attendants have not gone home.
    attending: AtomicUsize,
}

/// Why there is no new worker.
enum NoStart {
    /// It died before it was ready.
    Died(Death),
    /// The system does not start it.
    Impossible(Problem),
}

/// Why a worker gave no answer.
enum Lost {
    /// It is dead, or says what it should not: it must be reaped.
    Worker,
    /// The task cannot be sent at all; no worker is to blame.
    Task(io::Error),
}

impl Shared {
    pub(super) fn new(lab: &Lab, name: &'static str, setup: Vec<u8>, room: usize) -> Self {
        Self {
            launch: lab.launch.clone(),
            name,
            setup,
            patience: lab.patience,
            children: Arc::clone(&lab.children),
            halt: lab.stop.child(),
            queue: Queue::new(room),
            places: (0..lab.workers).map(|_| Arc::new(Place::new(lab.patience.memory_bytes))).collect(),
            false_starts: AtomicUsize::new(0),
            no_more_starts: AtomicBool::new(false),
            attending: AtomicUsize::new(lab.workers),
        }
    }

    /// Takes the task of this number back: out of the line, or out of the hands of a worker, which does not survive it.
    pub(super) fn cancel(&self, number: u64) {
        if let Some(order) = self.queue.withdraw(number) {
            (order.finish)(Err(Cause::NotStarted));
        } else {
            self.places.iter().for_each(|place| place.cancel(number));
        }
    }

    /// Why an order that nobody will take any longer is not done.
    pub(super) fn deserted(&self) -> Cause {
        if self.halt.asked() {
            return Cause::NotStarted;
        }
        let what = format!("no worker `{}` could be started, after {FALSE_STARTS} tries in a row", self.name);
        Cause::Problem(Problem::new(what).hint("the warnings before this say how they ended"))
    }

    /// Ends an order.
    fn finish(&self, order: Order, outcome: Result<&[u8], Cause>) {
        let well = outcome.is_ok();
        // Whoever is told may look at the progress, so it is noted before.
        self.queue.ended(well);
        (order.finish)(outcome);
    }

    /// Gives the order of a dead worker back, or sets it aside.
    fn died(&self, mut order: Order, death: Death) {
        if self.halt.asked() {
            return self.finish(order, Err(Cause::CutOff));
        }
        self.children.add_death(&order.label, &death);
        self.queue.note_death();
        order.deaths.push(death);
        if order.deaths.len() >= self.patience.deaths {
            let deaths = std::mem::take(&mut order.deaths);
            self.finish(order, Err(Cause::SetAside(deaths)));
        } else {
            self.queue.give_back(order);
        }
    }

    /// Starts a worker and waits until it is ready.
    fn start(&self, place: &Arc<Place>) -> Result<Running, NoStart> {
        let ready = || -> io::Result<Result<Running, Death>> {
            let mut running = place.start(self.launch.role(self.name)?)?;
            place.due(Some(Instant::now() + self.patience.task_deadline));
            let setup = Frame::new(Kind::Setup, 0, self.setup.clone());
            if matches!(exchange(&mut running, &setup), Ok(Some(Frame { kind: Kind::Ready, .. }))) {
                place.due(None);
                return Ok(Ok(running));
            }
            Ok(Err(running.reap()?.death(self.patience.task_deadline)))
        };
        let why = match ready() {
            Ok(Ok(running)) => {
                self.false_starts.store(0, Ordering::Relaxed);
                return Ok(running);
            }
            Ok(Err(death)) => NoStart::Died(death),
            Err(error) => NoStart::Impossible(Problem::because(
                format!("the worker `{}` cannot be started", self.name),
                &error,
            )),
        };
        // A plain count and a plain flag: they decide nothing but when to stop trying.
        if self.false_starts.fetch_add(1, Ordering::Relaxed) + 1 >= FALSE_STARTS {
            self.no_more_starts.store(true, Ordering::Relaxed);
        }
        Err(why)
    }
}

/// One attendant's day: keeps a worker at work until there is nothing more to do.
pub(super) fn attend(shared: &Shared, number: usize) {
    let lane = format!("process {number}");
    let attendant = Attendant { shared, place: &shared.places[number], lane };
    let peak = attendant.work();
    shared.children.add_peak(peak);
    // The last one to leave turns away whoever still waits. The count decides nothing else, but who sees it at zero must
    // see what the others did before.
    if shared.attending.fetch_sub(1, Ordering::AcqRel) == 1 {
        for order in shared.queue.desert() {
            (order.finish)(Err(shared.deserted()));
        }
    }
}

struct Attendant<'a> {
    shared: &'a Shared,
    place: &'a Arc<Place>,
    lane: String,
}

/// A worker that is ready, and how many tasks it has done.
struct AtWork {
    running: Running,
    done: u32,
}

impl Attendant<'_> {
    /// Returns the peak memory, in bytes, of the largest worker that was here.
    fn work(&self) -> u64 {
        let (shared, mut peak) = (self.shared, 0);
        let mut worker: Option<AtWork> = None;
        while worker.is_some() || !shared.no_more_starts.load(Ordering::Relaxed) {
            let Some(order) = shared.queue.take() else { break };
            if shared.halt.asked() {
                shared.finish(order, Err(Cause::NotStarted));
                continue;
            }
            let ready = match worker.take() {
                Some(worker) => Ok(worker),
                None => shared.start(self.place).map(|running| AtWork { running, done: 0 }),
            };
            worker = match ready {
                Ok(ready) => self.hand_over(ready, order, &mut peak),
                Err(NoStart::Died(death)) => {
                    shared.died(order, death);
                    None
                }
                Err(NoStart::Impossible(problem)) => {
                    shared.finish(order, Err(Cause::Problem(problem)));
                    None
                }
            };
        }
        if let Some(worker) = worker {
            peak = peak.max(dismiss(worker.running));
        }
        peak
    }

    /// Gives one task to a worker and returns the worker, if it is still good.
    fn hand_over(&self, mut worker: AtWork, order: Order, peak: &mut u64) -> Option<AtWork> {
        let shared = self.shared;
        match self.ask(&mut worker.running, &order) {
            Ok((reply, good)) => {
                shared.finish(order, Ok(&reply));
                worker.done += 1;
                if shared.patience.tasks.is_some_and(|most| worker.done >= most) {
                    shared.queue.note_recycled();
                    *peak = (*peak).max(dismiss(worker.running));
                    return None;
                }
                // An answer may win the race against the watchdog, but its worker does not: it is replaced.
                good.then_some(worker)
            }
            Err(Lost::Task(error)) => {
                let problem = Problem::because("the task cannot be sent to a worker", &error);
                shared.finish(order, Err(Cause::Problem(problem)));
                Some(worker)
            }
            Err(Lost::Worker) => {
                let (cancelled, death) = match worker.running.reap() {
                    Ok(reaped) => (reaped.was_cancelled(), reaped.death(shared.patience.task_deadline)),
                    Err(error) => {
                        let how = format!("gone: {error}");
                        (false, Death { how, peak_rss_bytes: 0, last_words: String::new() })
                    }
                };
                *peak = (*peak).max(death.peak_rss_bytes);
                if cancelled {
                    shared.finish(order, Err(Cause::CutOff));
                } else {
                    shared.died(order, death);
                }
                None
            }
        }
    }

    /// Sends a task and waits for its reply; also tells whether the worker is still good.
    fn ask(&self, running: &mut Running, order: &Order) -> Result<(Vec<u8>, bool), Lost> {
        let task = Frame::new(Kind::Task, order.number, order.task.clone());
        self.place.has(order.number, Instant::now() + self.shared.patience.task_deadline);
        let sent = timeline::now();
        let frame = match exchange(running, &task) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.place.due(None);
                return Err(Lost::Task(error));
            }
            Ok(Some(frame)) if frame.number == order.number && frame.kind == Kind::Done => frame,
            _ => return Err(Lost::Worker),
        };
        let condemned = self.place.due(None);
        let mut reply = frame.payload;
        let (slices, rest): (Vec<Slice>, _) = take(&reply).map_err(|_| Lost::Worker)?;
        let used = reply.len() - rest.len();
        timeline::absorb(&self.lane, Some(sent), slices);
        reply.drain(..used);
        Ok((reply, !condemned))
    }
}

/// Lets a worker that has nothing left to do end by itself, and returns its peak memory in bytes.
fn dismiss(running: Running) -> u64 {
    let peak = running.peak_rss_bytes();
    let _ = running.leave(GOODBYE);
    peak
}

/// Writes a frame to a worker and reads its answer; `None` where the worker has closed its output.
fn exchange(running: &mut Running, frame: &Frame) -> io::Result<Option<Frame>> {
    let (Some(stdin), Some(stdout)) = (&mut running.stdin, &mut running.stdout) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    frame.write(stdin)?;
    Frame::read(stdout)
}
