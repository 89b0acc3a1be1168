//! Which schedules are tried, and in which order.
//!
//! A schedule is a list of choices: at each place where several threads could go on, which one did. The search walks the
//! tree of choices depth first and repeats the program from its beginning for each leaf.
//!
//! It walks it several times, each time with one more *preemption* allowed: a change to another thread although the running
//! one could have gone on. So the first failure that is found has the fewest, which makes it the easiest to read, and nearly
//! all real failures need only one or two (Musuvathi and Qadeer, *Iterative context bounding*, PLDI 2007). At last it walks
//! the tree without a bound. When that walk comes to its end, there is no other schedule.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic;
use std::rc::Rc;
use std::sync::Once;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, FailurePersistence, Runner};

use super::explored::{Run, with_run};
use crate::text::Text;
use crate::told::Told;
use crate::world::Outcome;

/// How many preemptions are allowed in each walk; the last one allows any number.
const BOUNDS: [usize; 5] = [0, 1, 2, 3, usize::MAX];

/// More different orders than this are not told apart.
const MOST_ORDERS: usize = 10_000;

/// A program of the course under the explorer's threads.
pub type Explored = fn() -> Outcome;

/// A schedule and what the program came to under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Which thread went on at each place where there was a choice, counted from 1: the seed that replays it.
    pub seed: String,
    /// The threads' names.
    pub threads: Vec<Text>,
    /// What they did, in order.
    pub steps: Vec<Told>,
    /// How often a thread was interrupted that could have gone on.
    pub preemptions: usize,
    /// The program's answer; `None` when it never ended.
    pub outcome: Option<Outcome>,
}

impl Trial {
    /// Whether the program did what it should.
    pub fn is_right(&self) -> bool {
        self.outcome.is_some_and(Outcome::is_right)
    }
}

/// What became of a search.
#[derive(Clone, Debug)]
pub struct Search {
    /// The failing schedule with the fewest preemptions, and of those one with the fewest steps.
    pub failure: Option<Trial>,
    /// How many schedules were tried in the last walk; all different.
    pub schedules: usize,
    /// How many of them fail.
    pub failing: usize,
    /// Whether the last walk saw every schedule there is.
    pub exhaustive: bool,
}

/// Looks for a failing schedule, with at most `budget` schedules in each walk and at most `most` preemptions.
pub fn search(program: Explored, budget: usize, most: usize) -> Search {
    let mut last = Search { failure: None, schedules: 0, failing: 0, exhaustive: false };
    for bound in BOUNDS.into_iter().filter(|bound| *bound <= most) {
        let walk = run(program, Walk { bound, budget, ..Walk::default() });
        last = Search {
            failure: walk.best,
            schedules: walk.schedules,
            failing: walk.failing,
            // A walk that never left a choice out because of its bound has seen everything.
            exhaustive: walk.ended && !walk.left_out,
        };
        if last.failure.is_some() || last.exhaustive {
            break;
        }
    }
    last
}

/// How many different orders of steps there are, with at most so many preemptions.
pub fn orders(program: Explored, most: usize) -> usize {
    run(program, Walk { bound: most, budget: usize::MAX, ..Walk::default() }).orders.len()
}

/// Runs the program under one schedule. A seed that is too short, or that names a thread that cannot go on, is filled in
/// with the first thread that can.
pub fn replay(program: Explored, seed: &str) -> Trial {
    let digits = seed.chars().filter_map(|digit| usize::try_from(digit.to_digit(36)?).ok()?.checked_sub(1));
    let given = Some(digits.collect());
    let walk = run(program, Walk { given, budget: 1, bound: usize::MAX, ..Walk::default() });
    walk.last.unwrap_or_else(|| unreachable!("a replay is one run, and every run is written down"))
}

/// A walk through the tree of choices.
#[derive(Debug, Default)]
struct Walk {
    bound: usize,
    budget: usize,
    /// The choices of a replay.
    given: Option<Vec<usize>>,
    /// The way to the leaf that is being tried: at each choice, who may go on, and which of them does.
    path: Vec<Choice>,
    /// How far down that way the run is.
    depth: usize,
    preemptions: usize,
    /// Who went on at each place where several could, also where the bound left no choice.
    went: Vec<usize>,
    schedules: usize,
    failing: usize,
    ended: bool,
    left_out: bool,
    best: Option<Trial>,
    last: Option<Trial>,
    orders: BTreeSet<Vec<Told>>,
}

#[derive(Clone, Debug)]
struct Choice {
    among: Vec<usize>,
    chosen: usize,
}

impl Walk {
    /// Writes down what the run that has just ended came to.
    fn harvest(&mut self) {
        let Run { threads, steps, deadlock, outcome, .. } = with_run(std::mem::take);
        let digit =
            |thread: &usize| u32::try_from(thread + 1).ok().and_then(|digit| char::from_digit(digit, 36));
        let trial = Trial {
            seed: self.went.iter().filter_map(digit).collect(),
            threads,
            steps,
            preemptions: self.preemptions,
            outcome: outcome.filter(|_| !deadlock),
        };
        self.schedules += 1;
        if !trial.is_right() {
            self.failing += 1;
            let length = |trial: &Trial| (trial.preemptions, trial.steps.len());
            if self.best.as_ref().is_none_or(|best| length(&trial) < length(best)) {
                self.best = Some(trial.clone());
            }
        }
        if self.orders.len() < MOST_ORDERS {
            self.orders.insert(trial.steps.clone());
        }
        self.last = Some(trial);
    }

    /// Goes to the next leaf; `false` when there is none, or none may be tried.
    fn advance(&mut self) -> bool {
        (self.depth, self.preemptions) = (0, 0);
        self.went.clear();
        if self.schedules == 0 {
            return true;
        }
        while self.path.last().is_some_and(|choice| choice.chosen + 1 == choice.among.len()) {
            self.path.pop();
        }
        let Some(choice) = self.path.last_mut() else {
            self.ended = true;
            return false;
        };
        choice.chosen += 1;
        self.schedules < self.budget
    }

    /// Who goes on: one of those who can, of whom `current` may be one.
    fn choose(&mut self, mut able: Vec<usize>, current: Option<usize>) -> usize {
        if able.len() == 1 {
            return able[0];
        }
        // Going on with the running thread comes first, so that the first leaf is the run that nobody disturbs.
        able.sort_by_key(|thread| (Some(*thread) != current, *thread));
        let could_go_on = Some(able[0]) == current;
        let next = if let Some(given) = &self.given {
            let wish = given.get(self.went.len()).copied();
            wish.filter(|wish| able.contains(wish)).unwrap_or(able[0])
        } else {
            if could_go_on && self.preemptions >= self.bound {
                self.left_out = true;
                able.truncate(1);
            }
            if self.depth == self.path.len() {
                self.path.push(Choice { among: able, chosen: 0 });
            }
            let choice = &self.path[self.depth];
            self.depth += 1;
            choice.among[choice.chosen]
        };
        self.went.push(next);
        self.preemptions += usize::from(could_go_on && Some(next) != current);
        next
    }
}

/// The walk as shuttle asks for it: a new run, and at each step who goes on.
struct Guide(Rc<RefCell<Walk>>);

impl Scheduler for Guide {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut walk = self.0.borrow_mut();
        if with_run(|run| run.outcome.is_some()) {
            walk.harvest();
        }
        walk.advance().then(|| Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _: bool) -> Option<TaskId> {
        let ids: Vec<usize> = runnable.iter().map(|task| usize::from(task.id())).collect();
        // The thread that starts the others and waits for them is not part of the program: no choice is made about it.
        if ids.contains(&0) {
            return Some(0.into());
        }
        let able: Vec<usize> = with_run(|run| {
            let threads = ids.iter().map(|id| id - 1);
            let able = threads.clone().filter(|thread| run.waiting[*thread].is_none()).collect::<Vec<_>>();
            if able.is_empty() {
                run.deadlock = true;
            }
            if run.deadlock { threads.take(1).collect() } else { able }
        });
        let current = current.and_then(|id| usize::from(id).checked_sub(1));
        Some((self.0.borrow_mut().choose(able, current) + 1).into())
    }

    fn next_u64(&mut self) -> u64 {
        // No program of the course asks for random numbers while it is explored.
        0
    }
}

/// On its first run, shuttle sets a panic hook for good, which speaks of schedules at every panic of the process. It is made
/// to do so on an empty program, and what was there before is put back.
fn keep_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ours = panic::take_hook();
        let nothing = Outcome { expected: 0, found: 0 };
        drive(Rc::default(), move || with_run(|run| run.outcome = Some(nothing)));
        drop(panic::take_hook());
        panic::set_hook(ours);
    });
}

fn run(program: Explored, walk: Walk) -> Walk {
    keep_panic_hook();
    let walk = Rc::new(RefCell::new(walk));
    with_run(|run| *run = Run::default());
    drive(Rc::clone(&walk), move || {
        let outcome = program();
        with_run(|run| run.outcome = Some(outcome));
    });
    walk.take()
}

fn drive(walk: Rc<RefCell<Walk>>, program: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    // Shuttle makes a span for every run and every step, which nobody wants to have in a log file.
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        Runner::new(Guide(walk), config).run(program);
    });
}

#[cfg(test)]
mod tests;
