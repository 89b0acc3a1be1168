use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Way, event_loop, pool, rayon, sequential, tasks, threads};
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_way_gives_the_same_outcomes_in_the_order_of_the_tasks(numbers in proptest::collection::vec(0_u64..80, 0..40), workers in 1_usize..9) {
        let lab = Lab::new(workers);
        let right: Vec<_> = numbers.iter().map(|task| expected(*task).map_err(String::from)).collect();
        for (name, way) in WAYS {
            prop_assert_eq!(told(way(&lab, &0, &numbers)), right.clone(), "{}", name);
        }
        let asynchronous = tasks(&lab, workers, &numbers, async |task: &u64| Square::start(&0)?.run(task, &Stop::new()));
        prop_assert_eq!(told(asynchronous), right);
    }
}

#[test]
fn after_a_stop_nothing_more_is_started() {
    for (name, way) in WAYS {
        let lab = Lab::new(1);
        let outcomes = way(&lab, &0, &[1, 99, 2, 3]);
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
        let outcomes = way(&lab, &0, &[2, 13, 3, 4, 5, 6, 7, 8]);
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
        assert_eq!(told(tasks(&Lab::new(1), at_once, &waits, wait)).len(), 20);
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
    let outcomes = tasks(&lab, 4, &["sleeper", "stopper"], async |name: &&str| {
        if *name == "stopper" {
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
