//! Flattening and columns.

use super::*;

fn slice(lane: &str, state: State, start_ns: u64, end_ns: u64) -> Slice {
    Slice { lane: lane.into(), state, name: "work".into(), label: "label".into(), start_ns, end_ns }
}

/// The stretches of a single lane, as state, start and end.
fn check(slices: Vec<Slice>, expected: &[(State, u64, u64)]) {
    let timeline = Timeline::of(slices).unwrap();
    let stretches = &timeline.lanes[0].stretches;
    let seen: Vec<_> = stretches
        .iter()
        .map(|stretch| (timeline.slices[stretch.slice].state, stretch.start_ns, stretch.end_ns))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn the_innermost_slice_wins_and_the_outer_one_goes_on_after_it() {
    let (running, waiting) = (State::Running, State::Waiting);
    check(
        vec![slice("a", running, 0, 100), slice("a", waiting, 20, 60), slice("a", State::Blocked, 30, 40)],
        &[
            (running, 0, 20),
            (waiting, 20, 30),
            (State::Blocked, 30, 40),
            (waiting, 40, 60),
            (running, 60, 100),
        ],
    );
}

#[test]
fn slices_that_overlap_without_nesting_never_give_stretches_that_do() {
    let (running, waiting) = (State::Running, State::Waiting);
    check(
        vec![slice("a", running, 0, 50), slice("a", waiting, 40, 90), slice("a", running, 90, 95)],
        &[(running, 0, 40), (waiting, 40, 90), (running, 90, 95)],
    );
}

#[test]
fn idle_time_stays_empty() {
    let timeline = Timeline::of(vec![
        slice("a", State::Running, 0, 250),
        slice("a", State::Running, 750, 1000),
        slice("b", State::Waiting, 500, 1000),
    ])
    .unwrap();
    let drawn = blocks(&timeline, &timeline.lanes[0], 100);
    assert_eq!(drawn.iter().map(|block| (block.from, block.to)).collect::<Vec<_>>(), [(0, 25), (75, 100)]);
    assert!((timeline.in_flight() - 1.0).abs() < 1e-9);
}

#[test]
fn slices_below_a_column_are_merged_and_one_that_is_alone_is_still_seen() {
    let mut slices: Vec<_> =
        (0..1000).map(|number| slice("busy", State::Running, number * 10, number * 10 + 9)).collect();
    slices.push(slice("rare", State::Sending, 5_000, 5_001));
    let timeline = Timeline::of(slices).unwrap();
    let [busy, rare] = [0, 1].map(|lane| blocks(&timeline, &timeline.lanes[lane], 50));
    assert_eq!(busy, [Block { from: 0, to: 50, state: State::Running, slice: None }]);
    assert_eq!((rare.len(), rare[0].state), (1, State::Sending));
}

#[test]
fn lanes_stand_in_the_order_of_their_numbers_and_kinds_in_the_order_of_their_start() {
    let lanes = ["read 0", "pool 10", "pool 2", "write"];
    let slices = (0..).zip(lanes).map(|(start, lane)| slice(lane, State::Running, start, 9)).collect();
    let timeline = Timeline::of(slices).unwrap();
    let names: Vec<_> = timeline.lanes.iter().map(|lane| lane.name.as_str()).collect();
    assert_eq!(names, ["read 0", "pool 2", "pool 10", "write"]);
}
