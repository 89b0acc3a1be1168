use proptest::prelude::*;

use super::*;
use crate::explorer::cases::CASES;
use crate::races::bank::{Safety, day};
use crate::races::counter::{Way, count};

type E = crate::explorer::Explored;

/// Which of the mends help.
const HELP: [&str; 6] = ["lock", "mutex", "atomic", "merge", "order", "queue"];

#[track_caller]
fn check(name: &str, program: Explored, right: bool) {
    let found = search(program, 200_000, usize::MAX);
    assert_eq!(found.failure.is_none(), right, "{name}: {found:?}");
    assert!(!right || found.exhaustive, "{name}: {} schedules and no end", found.schedules);
    if let Some(failure) = found.failure {
        assert_eq!(replay(program, &failure.seed), failure, "{name}");
    }
}

#[test]
fn every_program_fails_and_its_failure_can_be_replayed() {
    CASES.iter().for_each(|case| check(case.name, case.program, false));
}

#[test]
fn every_mend_that_helps_is_certified_and_every_other_is_caught() {
    let fixes = CASES.iter().flat_map(|case| case.fixes);
    fixes.for_each(|(name, program)| check(name, *program, HELP.contains(name)));
}

#[test]
fn the_failure_that_is_found_is_the_same_every_time_and_takes_one_interruption() {
    let find = || search(|| day::<E>(Safety::Unsafe, 1), 200_000, usize::MAX).failure.unwrap();
    let first = find();
    assert_eq!((first.preemptions, first.clone()), (1, find()));
    assert_ne!(first.outcome.unwrap().found, 200);
}

#[test]
fn the_orders_of_two_threads_are_as_many_as_the_formula_says() {
    // (nk)! / (k!)^n for two threads: of 2 steps each, 6; of 4 steps each, 70.
    assert_eq!(orders(|| count::<E>(Way::Race, 1), usize::MAX), 6);
    assert_eq!(orders(|| day::<E>(Safety::Unsafe, 1), usize::MAX), 70);
    // Without an interruption, one thread goes first.
    assert_eq!(orders(|| day::<E>(Safety::Unsafe, 1), 0), 2);
}

#[test]
fn a_budget_that_is_too_small_is_no_certificate() {
    let found = search(|| count::<E>(Way::Mutex, 1), 2, usize::MAX);
    assert!(found.failure.is_none() && !found.exhaustive && found.schedules == 2, "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_seed_replays_to_a_whole_run(seed in "[0-9a-z]{0,12}", case in 0..4_usize) {
        let program = CASES[case].program;
        let trial = replay(program, &seed);
        prop_assert_eq!(&trial, &replay(program, &trial.seed));
    }
}
