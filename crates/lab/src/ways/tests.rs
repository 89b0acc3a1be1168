use std::cell::Cell;
use std::fmt::Display;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Way, collect, event_loop, pool, rayon, sequential, tasks, threads};
use crate::context::Lab;
use crate::job::{Cause, Job, Tried};
use crate::problem::Problem;
use crate::stop::Stop;

/// Squares numbers; refuses some, panics at some.
struct Square {
    broken: bool,
}

impl Job for Square {
    const NAME: &'static str = "square";
    type Setup = u64;
    type Task = u64;
    type Reply = u64;

    fn start(_: &u64) -> Result<Self, Problem> {
        Ok(Self { broken: false })
    }

    fn run(&mut self, task: &u64, stop: &Stop) -> Result<u64, Problem> {
        assert!(!self.broken, "a job that panicked was used again");
        match task {
            13 => Err(Problem::new("thirteen brings bad luck")),
            66 => {
                self.broken = true;
                panic!("sixty-six")
            }
            99 => {
                stop.now();
                Ok(0)
            }
            number => Ok(number * number),
        }
    }
}

const WAYS: [(&str, Way<Square>); 5] = [
    ("sequential", sequential::<Square>),
    ("threads", threads::<Square>),
    ("pool", pool::<Square>),
    ("rayon", rayon::<Square>),
    ("event loop", event_loop::<Square>),
];

fn expected(task: u64) -> Result<u64, &'static str> {
    match task {
        13 => Err("13: thirteen brings bad luck"),
        66 => Err("66: panicked: sixty-six"),
        number => Ok(number * number),
    }
}

fn told(outcomes: Vec<Tried<u64>>) -> Vec<Result<u64, String>> {
    outcomes.into_iter().map(|outcome| outcome.map_err(|failure| failure.to_string())).collect()
}

/// Does all tasks on an event loop and returns their outcomes.
fn all<T, R>(
    lab: &Lab,
    at_once: usize,
    list: &[T],
    work: &impl AsyncFn(&T) -> Result<R, Problem>,
) -> Vec<Tried<R>>
where
    T: Clone + Serialize + Display,
    R: Serialize + DeserializeOwned,
{
    let mut outcomes = Vec::new();
    let mut keep = |outcome| {
        outcomes.push(outcome);
        Ok(())
    };
    tasks(lab, at_once, &mut list.iter().cloned(), &mut keep, work).unwrap();
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_way_gives_the_same_outcomes_in_the_order_of_the_tasks(numbers in proptest::collection::vec(0_u64..80, 0..40), workers in 1_usize..9) {
        let lab = Lab::new(workers);
        let right: Vec<_> = numbers.iter().map(|task| expected(*task).map_err(String::from)).collect();
        for (name, way) in WAYS {
            prop_assert_eq!(told(collect::<Square>(way, &lab, &0, &numbers)), right.clone(), "{}", name);
        }
        let asynchronous = all(&lab, workers, &numbers, &async |task: &u64| Square::start(&0)?.run(task, &Stop::new()));
        prop_assert_eq!(told(asynchronous), right);
    }
}

#[test]
fn after_a_stop_nothing_more_is_started() {
    for (name, way) in WAYS {
        let lab = Lab::new(1);
        let outcomes = collect::<Square>(way, &lab, &0, &[1, 99, 2, 3]);
        let started = outcomes
            .iter()
            .filter(|outcome| !matches!(outcome, Err(failure) if failure.cause == Cause::NotStarted));
        let most = if name == "threads" { 4 } else { 2 };
        assert!(started.count() <= most, "{name}: {outcomes:?}");
    }
}

#[test]
fn fail_fast_leaves_the_rest_alone() {
    let mut lab = Lab::new(1);
    lab.fail_fast = true;
    for (name, way) in [WAYS[0], WAYS[2], WAYS[4]] {
        let outcomes = collect::<Square>(way, &lab, &0, &[2, 13, 3, 4, 5, 6, 7, 8]);
        assert_eq!(outcomes[0], Ok(4), "{name}");
        assert!(
            matches!(&outcomes[7], Err(failure) if failure.cause == Cause::NotStarted),
            "{name}: {outcomes:?}"
        );
    }
    assert!(!lab.stop.asked(), "a failure of one call must not stop the run");
}

#[test]
fn waiting_tasks_wait_together_and_no_more_of_them_than_asked() {
    let waits = [40_u64; 20];
    let wait = async |millis: &u64| {
        // sleep: the task under test is one that waits.
        tokio::time::sleep(Duration::from_millis(*millis)).await;
        Ok(*millis)
    };
    let time = |at_once| {
        let started = Instant::now();
        assert_eq!(told(all(&Lab::new(1), at_once, &waits, &wait)).len(), 20);
        started.elapsed()
    };
    // Twenty waits of 40 ms last 800 ms one after another; the margins leave room for a busy machine.
    assert!(time(20) < Duration::from_millis(400));
    assert!(time(2) >= Duration::from_millis(400));
}

#[test]
fn a_stop_reaches_a_task_that_waits() {
    let lab = Lab::new(1);
    let (stop, started) = (lab.stop.clone(), Instant::now());
    let names = ["sleeper".to_owned(), "stopper".to_owned()];
    let outcomes = all(&lab, 4, &names, &async |name: &String| {
        if name == "stopper" {
            stop.now();
        } else {
            // sleep: the task under test waits until it is stopped.
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        Ok(())
    });
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(matches!(&outcomes[0], Err(failure) if failure.cause == Cause::CutOff), "{outcomes:?}");
}

#[test]
fn a_list_without_end_is_done_in_flat_memory_and_ends_when_the_sink_has_enough() {
    for (name, way) in WAYS {
        let lab = Lab::new(2);
        let (taken, mut got) = (Cell::new(0_u64), Vec::new());
        let mut endless = (100..).inspect(|_| taken.set(taken.get() + 1));
        let problem = way(&lab, &0, &mut endless, &mut |outcome| {
            got.push(outcome.unwrap());
            let under_way = taken.get() - got.len() as u64;
            assert!(name == "threads" || under_way <= 16, "{name}: {under_way} tasks are under way");
            if got.len() < 500 { Ok(()) } else { Err(Problem::new("enough")) }
        });
        assert_eq!(problem, Err(Problem::new("enough")), "{name}");
        let right: Vec<u64> = (100..600).map(|number| number * number).collect();
        assert_eq!(got, right, "{name}");
        assert!(!lab.stop.asked(), "a sink that has enough must not stop the run");
    }
}

#[test]
fn a_slow_task_holds_back_no_more_than_what_may_wait_behind_it() {
    let taken = Cell::new(0_u64);
    let mut endless = (0..).inspect(|_| taken.set(taken.get() + 1));
    let mut first = None;
    let slow_first = async |number: &u64| {
        if *number == 0 {
            // sleep: the task under test is slower than all that follow it.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(*number)
    };
    let end = tasks(
        &Lab::new(1),
        3,
        &mut endless,
        &mut |outcome: Tried<u64>| {
            first.get_or_insert((outcome.unwrap(), taken.get()));
            Err(Problem::new("enough"))
        },
        &slow_first,
    );
    assert_eq!((end, first), (Err(Problem::new("enough")), Some((0, 12))));
}

#[test]
fn what_a_ledger_knows_is_not_done_again_and_failures_are_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    for (name, way) in WAYS {
        let numbers = [3, 13, 4, 66, 3];
        let right: Vec<_> = numbers.iter().map(|task| expected(*task).map_err(String::from)).collect();
        let lab = || Lab::new(2).with_ledger(crate::Ledger::open(&path, "squares").unwrap());
        assert_eq!(told(collect::<Square>(way, &lab(), &0, &numbers)), right, "{name}");
        assert_eq!(lab().ledger.unwrap().lock().len(), 2, "{name}");

        // This job would give other replies, so those that are right were not given by it.
        let cubes: Way<Cube> = match name {
            "sequential" => sequential::<Cube>,
            "threads" => threads::<Cube>,
            "pool" => pool::<Cube>,
            "rayon" => rayon::<Cube>,
            _ => event_loop::<Cube>,
        };
        let again = told(collect::<Cube>(cubes, &lab(), &0, &[3, 5, 4]));
        assert_eq!(again, [Ok(9), Ok(125), Ok(16)], "{name}");
        std::fs::remove_file(&path).unwrap();
    }
}

/// A job with the tasks of [`Square`] and other replies.
struct Cube;

impl Job for Cube {
    const NAME: &'static str = "cube";
    type Setup = u64;
    type Task = u64;
    type Reply = u64;

    fn start(_: &u64) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn run(&mut self, task: &u64, _: &Stop) -> Result<u64, Problem> {
        Ok(task.pow(3))
    }
}
