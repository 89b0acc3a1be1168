use std::cell::RefCell;

use super::super::plan::NARROW;
use super::*;
use crate::answer::Work;

fn cell(strategy: &str, kind: Kind) -> CellPlan {
    CellPlan {
        program: "none".into(),
        args: Vec::new(),
        exercise: 8,
        name: "convert".into(),
        strategy: strategy.into(),
        kind,
        workers: 2,
        fixed_workers: None,
    }
}

fn measured(times: &[u64], digest: &str) -> Measured {
    let sample = |wall_ns: &u64| Sample {
        wall_ns: *wall_ns,
        cpu_ns: 1,
        peak_rss_bytes: 2,
        worker_deaths: 0,
        events: Events::default(),
        digest: digest.into(),
        work: Work { items: 16, ..Work::default() },
        failures: Vec::new(),
        warnings: Vec::new(),
    };
    Measured { samples: times.iter().map(sample).collect(), ..Measured::default() }
}

fn check(measured: &[Measured]) -> Vec<(bool, Option<f64>)> {
    let plans =
        [cell("sequential", Kind::Sequential), cell("pool", Kind::Pool), cell("threads", Kind::Threads)];
    let records = records(&plans[..measured.len()], measured, 1);
    records.iter().map(|record| (record.verified, record.speedup)).collect()
}

#[test]
fn equal_answers_are_verified_and_times_compared_with_the_first() {
    assert_eq!(
        check(&[measured(&[30, 40, 50], "a"), measured(&[20; 3], "a")]),
        [(true, Some(1.0)), (true, Some(2.0))]
    );
}

#[test]
fn another_answer_is_not_verified() {
    assert_eq!(check(&[measured(&[40], "a"), measured(&[20], "b")]), [(true, Some(1.0)), (false, Some(2.0))]);
}

#[test]
fn one_wrong_sample_among_right_ones_is_not_verified() {
    let mut mixed = measured(&[20; 3], "a");
    mixed.samples[1].digest = "b".into();
    assert!(!check(&[measured(&[40], "a"), mixed])[1].0);
}

#[test]
fn a_warm_up_with_another_answer_is_not_verified() {
    let mut odd = measured(&[20], "a");
    odd.untimed = measured(&[20], "b").samples;
    assert!(!check(&[measured(&[40], "a"), odd])[1].0);
}

#[test]
fn an_item_that_was_left_out_is_not_verified() {
    let mut partial = measured(&[20], "a");
    partial.samples[0].failures.push("part-3: cut off".into());
    assert!(!check(&[measured(&[40], "a"), partial])[1].0);
}

#[test]
fn without_the_reference_the_others_are_compared_among_themselves() {
    let failed = Measured { error: Some(Problem::new("gone")), ..Measured::default() };
    assert_eq!(
        check(&[failed, measured(&[20], "a"), measured(&[20], "b")]),
        [(false, None), (true, None), (false, None)]
    );
}

/// A cell whose times are known: no process, no clock.
struct Mock<'a> {
    number: usize,
    taken: usize,
    times: Box<dyn Fn(usize) -> u64 + 'a>,
    fails_at: Option<usize>,
    log: &'a RefCell<Vec<(usize, bool)>>,
}

impl Executor for Mock<'_> {
    fn sample(&mut self, timeline: Option<&Path>) -> Result<Sample, Problem> {
        self.log.borrow_mut().push((self.number, timeline.is_some()));
        self.taken += 1;
        if self.fails_at == Some(self.taken) {
            return Err(Problem::new("it broke"));
        }
        Ok(measured(&[(self.times)(self.taken)], "a").samples.remove(0))
    }

    fn end(self) {
        self.log.borrow_mut().push((self.number + 100, false));
    }
}

/// Measures two mocks; the second one's times are a function of how many it has taken. Returns what was learnt, and who was
/// asked in which order.
fn mocked(
    samples: usize,
    timelines: bool,
    fails_at: Option<usize>,
    second: impl Fn(usize) -> u64 + Copy,
) -> (Vec<Measured>, Vec<(usize, bool)>) {
    let plans = [cell("sequential", Kind::Sequential), cell("pool", Kind::Pool)];
    let settings = Settings {
        samples,
        enough: Duration::from_hours(1),
        narrow: NARROW,
        deadline: Duration::from_secs(1),
        seed: 3,
        scratch: "none".into(),
        timelines: timelines.then(|| "none".into()),
    };
    let log = RefCell::default();
    let start = |number: usize| {
        let times: Box<dyn Fn(usize) -> u64> =
            if number == 0 { Box::new(|_| 4_000) } else { Box::new(second) };
        Ok(Mock { number, taken: 0, times, fails_at: fails_at.filter(|_| number == 1), log: &log })
    };
    let measured = rounds(&plans, start, &settings, &Stop::new(), &mut |_| ());
    (measured, log.into_inner())
}

#[test]
fn rounds_are_interleaved_in_a_random_order_and_the_first_and_the_recorded_one_are_not_counted() {
    let (learnt, log) = mocked(5, true, None, |_| 2_000);
    assert_eq!(
        learnt.iter().map(|one| (one.samples.len(), one.untimed.len())).collect::<Vec<_>>(),
        [(5, 2); 2]
    );
    let asked: Vec<_> = log.iter().filter(|(number, _)| *number < 100).collect();
    for (round, pair) in asked.chunks(2).enumerate() {
        assert_eq!(pair[0].0 + pair[1].0, 1, "in round {round} each is asked once");
        assert!(pair.iter().all(|(_, recorded)| *recorded == (round == 6)));
    }
    assert!(asked.chunks(2).any(|pair| pair[0].0 == 0) && asked.chunks(2).any(|pair| pair[0].0 == 1));
    assert_eq!(log[log.len() - 2..], [(100, false), (101, false)]);
}

#[test]
fn samples_are_taken_until_the_interval_is_narrow_or_the_limit_is_reached() {
    let steady = mocked(200, false, None, |_| 2_000).0;
    assert_eq!(steady[1].samples.len(), stats::ENOUGH);
    let scattered = mocked(200, false, None, |taken| 2_000 + taken as u64 * 37 % 90).0;
    assert!((stats::ENOUGH + 1..200).contains(&scattered[1].samples.len()), "{}", scattered[1].samples.len());
    let hopeless = mocked(40, false, None, |taken| 1_000 + taken as u64 * 7919 % 3_000).0;
    assert_eq!((hopeless[0].samples.len(), hopeless[1].samples.len()), (40, 40));
}

#[test]
fn a_cell_that_breaks_costs_its_own_row_and_the_others_go_on() {
    let (learnt, log) = mocked(5, true, Some(3), |_| 2_000);
    assert_eq!((learnt[0].samples.len(), learnt[1].samples.len()), (5, 1));
    assert!(learnt[1].error.is_some() && learnt[0].error.is_none());
    assert_eq!(log.iter().filter(|(number, _)| *number == 1).count(), 3);
}
