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
        digest: digest.into(),
        work: Work { items: 16, ..Work::default() },
        failures: Vec::new(),
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
