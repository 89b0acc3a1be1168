//! The parent's end of the pipes: the pool.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use parking_lot::Mutex;

use super::frame::{Frame, Kind, decode, encode};
use super::supervise::{GOODBYE, Place, Running, watchdog};
use crate::context::Lab;
use crate::job::{Cause, Death, Failure, Job, Tried};
use crate::problem::Problem;
use crate::stop::Stop;
use crate::timeline::{self, Slice};

/// After this many workers in a row that did not even start, the pool gives up: the next would not start either.
const FALSE_STARTS: usize = 3;

/// Does the tasks in `lab.workers` processes; `finish` is called once for each task that was done or failed, from the
/// threads that attend to the workers. Tasks that nobody started because of `halt` are not reported.
pub(crate) fn map<J: Job>(
    lab: &Lab,
    setup: &J::Setup,
    tasks: &[J::Task],
    halt: &Stop,
    finish: &(dyn Fn(usize, Tried<J::Reply>) + Sync),
) {
    let places: Vec<Place> = (0..lab.workers.min(tasks.len())).map(|_| Place::default()).collect();
    let pool = Pool::<J> {
        lab,
        setup,
        tasks,
        halt,
        finish,
        waiting: Mutex::new((0..tasks.len()).map(|index| (index, Vec::new())).collect()),
        false_starts: AtomicUsize::new(0),
        no_more_starts: AtomicBool::new(false),
    };
    let (done, over) = bounded::<()>(0);
    thread::scope(|scope| {
        let attending: Vec<_> = places
            .iter()
            .enumerate()
            .map(|(number, place)| {
                let (pool, name) = (&pool, format!("attendant {number}"));
                let thread = thread::Builder::new().name(name);
                thread
                    .spawn_scoped(scope, move || pool.attend(number, place))
                    .expect("the system has threads for the pool")
            })
            .collect();
        let (places, halt) = (&places, halt.clone());
        scope.spawn(move || watchdog(places, &halt, &over));
        // The watchdog must see the last worker out, also when an attendant panics.
        let panics: Vec<_> = attending.into_iter().filter_map(|attendant| attendant.join().err()).collect();
        drop(done);
        if let Some(panic) = panics.into_iter().next() {
            std::panic::resume_unwind(panic);
        }
    });
}

struct Pool<'a, J: Job> {
    lab: &'a Lab,
    setup: &'a J::Setup,
    tasks: &'a [J::Task],
    halt: &'a Stop,
    finish: &'a (dyn Fn(usize, Tried<J::Reply>) + Sync),
    /// The tasks that nobody has, each with the deaths it has caused. Locked for a push or a pop.
    waiting: Mutex<VecDeque<(usize, Vec<Death>)>>,
    false_starts: AtomicUsize,
    /// Set once workers do not start: those at work finish, and no new one is tried.
    no_more_starts: AtomicBool,
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

impl<J: Job> Pool<'_, J> {
    /// Keeps one worker at work until no task waits. An attendant that gives a task back goes on itself, so a task can
    /// not be left behind by attendants that have already gone home.
    fn attend(&self, number: usize, place: &Place) {
        let mut peak = 0;
        let mut worker = None;
        while !self.halt.asked() && (worker.is_some() || !self.no_more_starts.load(Ordering::Relaxed)) {
            let Some((index, deaths)) = self.waiting.lock().pop_front() else { break };
            worker = match worker.take().map_or_else(|| self.start(place), Ok) {
                Ok(running) => self.hand_over(number, running, index, deaths, &mut peak),
                Err(NoStart::Died(death)) => {
                    self.died(index, deaths, death);
                    None
                }
                Err(NoStart::Impossible(problem)) => {
                    self.finish(index, Err(Cause::Problem(problem)));
                    None
                }
            };
        }
        if let Some(running) = worker {
            peak = peak.max(running.peak_rss_bytes());
            let _ = running.leave(GOODBYE);
        }
        self.lab.children.add_peak(peak);
    }

    /// Gives one task to a worker and returns the worker, if it is still good.
    fn hand_over<'p>(
        &self,
        number: usize,
        mut running: Running<'p>,
        index: usize,
        deaths: Vec<Death>,
        peak: &mut u64,
    ) -> Option<Running<'p>> {
        match self.ask(number, &mut running, index) {
            Ok((outcome, late)) => {
                self.finish(index, outcome);
                // A late answer won the race against the watchdog, but its worker did not: it is replaced.
                (!late).then_some(running)
            }
            Err(Lost::Task(error)) => {
                self.finish(
                    index,
                    Err(Cause::Problem(Problem::because("the task cannot be sent to a worker", &error))),
                );
                Some(running)
            }
            Err(Lost::Worker) => {
                let death = match running.reap() {
                    Ok(reaped) => reaped.death(self.lab.patience.task_deadline),
                    Err(error) => {
                        Death { how: format!("gone: {error}"), peak_rss_bytes: 0, last_words: String::new() }
                    }
                };
                *peak = (*peak).max(death.peak_rss_bytes);
                self.died(index, deaths, death);
                None
            }
        }
    }

    /// Gives the task of a dead worker back, or sets it aside.
    fn died(&self, index: usize, mut deaths: Vec<Death>, death: Death) {
        if self.halt.asked() {
            return self.finish(index, Err(Cause::CutOff));
        }
        self.lab.children.add_death(&self.tasks[index].to_string(), &death);
        deaths.push(death);
        if deaths.len() >= self.lab.patience.deaths {
            self.finish(index, Err(Cause::SetAside(deaths)));
        } else {
            self.waiting.lock().push_front((index, deaths));
        }
    }

    /// Starts a worker and waits until it is ready.
    fn start<'p>(&self, place: &'p Place) -> Result<Running<'p>, NoStart> {
        let ready = || -> io::Result<Result<Running<'p>, Death>> {
            let setup = Frame::new(Kind::Setup, 0, encode(&(timeline::recording(), self.setup))?);
            let mut running = place.start(self.lab.launch.worker(J::NAME)?)?;
            place.due(Some(Instant::now() + self.lab.patience.task_deadline));
            if matches!(exchange(&mut running, &setup), Ok(Some(Frame { kind: Kind::Ready, .. }))) {
                place.due(None);
                return Ok(Ok(running));
            }
            Ok(Err(running.reap()?.death(self.lab.patience.task_deadline)))
        };
        let why = match ready() {
            Ok(Ok(running)) => {
                self.false_starts.store(0, Ordering::Relaxed);
                return Ok(running);
            }
            Ok(Err(death)) => NoStart::Died(death),
            Err(error) => NoStart::Impossible(Problem::because(
                format!("the worker `{}` cannot be started", J::NAME),
                &error,
            )),
        };
        // A plain count and a plain flag: they decide nothing but when to stop trying.
        if self.false_starts.fetch_add(1, Ordering::Relaxed) + 1 >= FALSE_STARTS {
            self.no_more_starts.store(true, Ordering::Relaxed);
        }
        Err(why)
    }

    /// Sends a task and waits for its outcome; also tells whether the worker was killed meanwhile for being late.
    fn ask(
        &self,
        number: usize,
        running: &mut Running<'_>,
        index: usize,
    ) -> Result<(Result<J::Reply, Cause>, bool), Lost> {
        let place = running.place;
        let task = Frame::new(Kind::Task, index as u64, encode(&self.tasks[index]).map_err(Lost::Task)?);
        place.due(Some(Instant::now() + self.lab.patience.task_deadline));
        let sent = timeline::now();
        let frame = match exchange(running, &task) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(Lost::Task(error)),
            Ok(Some(frame)) if frame.number == index as u64 => frame,
            _ => return Err(Lost::Worker),
        };
        let late = place.due(None);
        if frame.kind != Kind::Done {
            return Err(Lost::Worker);
        }
        let (outcome, slices): (Result<J::Reply, Cause>, Vec<Slice>) =
            decode(&frame.payload).map_err(|_| Lost::Worker)?;
        timeline::absorb(&format!("process {number}"), Some(sent), slices);
        Ok((outcome, late))
    }

    fn finish(&self, index: usize, outcome: Result<J::Reply, Cause>) {
        let failure = |cause| Failure { task: self.tasks[index].to_string(), cause };
        (self.finish)(index, outcome.map_err(failure));
    }
}

/// Writes a frame to a worker and reads its answer; `None` where the worker has closed its output.
fn exchange(running: &mut Running<'_>, frame: &Frame) -> io::Result<Option<Frame>> {
    let (Some(stdin), Some(stdout)) = (&mut running.stdin, &mut running.stdout) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    frame.write(stdin)?;
    Frame::read(stdout)
}
