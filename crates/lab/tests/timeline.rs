//! Spans and drawn futures as slices on lanes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lab::timeline::{Drawn as _, Slice, State, drain, record};

/// Recording is a switch of the whole process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn recorded(work: impl FnOnce()) -> Vec<Slice> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    record(true);
    work();
    let slices = drain();
    record(false);
    slices
}

fn block_on(future: impl Future) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { drop(future.await) });
}

#[test]
fn a_span_on_a_thread_is_a_slice_on_that_threads_lane() {
    let slices = recorded(|| {
        let _outer = lab::span!(Running, "outer", "a").entered();
        let _inner = lab::span!(Blocked, "inner", 7).entered();
    });
    let seen: Vec<_> =
        slices.iter().map(|slice| (slice.name.as_str(), slice.state, slice.label.as_str())).collect();
    assert_eq!(seen, [("outer", State::Running, "a"), ("inner", State::Blocked, "7")]);
    assert!(slices[0].start_ns <= slices[1].start_ns && slices[1].end_ns <= slices[0].end_ns);
    assert_eq!(slices[0].lane, std::thread::current().name().unwrap());
}

#[test]
fn a_future_waits_between_its_polls() {
    let slices = recorded(|| {
        // sleep: the wait that the timeline must show.
        let sleep = async { tokio::time::sleep(Duration::from_millis(20)).await };
        block_on(sleep.drawn(lab::span!(Running, "sleep", "")));
    });
    let waited: u64 = slices
        .iter()
        .filter(|slice| slice.state == State::Waiting)
        .map(|slice| slice.end_ns - slice.start_ns)
        .sum();
    assert!(waited >= 15_000_000, "waited {waited} ns in {slices:?}");
}

#[test]
fn each_task_has_a_lane_of_its_own_and_its_inner_spans_are_on_it() {
    let slices = recorded(|| {
        let task = |number: u32| {
            async move { tokio::task::yield_now().drawn(lab::span!(Running, "inner", number)).await }
                .drawn(lab::span!(Task, "task", number))
        };
        block_on(async { tokio::join!(task(1), task(2)) });
    });
    let inner: BTreeSet<_> = slices
        .iter()
        .filter(|slice| slice.name == "inner")
        .map(|slice| (&slice.lane, &slice.label))
        .collect();
    let tasks: BTreeSet<_> =
        slices.iter().filter(|slice| slice.name == "task").map(|slice| (&slice.lane, &slice.label)).collect();
    assert_eq!(inner.len(), 2);
    assert_eq!(inner, tasks);
}

#[test]
fn the_slices_of_a_lane_nest_also_when_spans_around_a_future_are_left_together() {
    let slices = recorded(|| {
        let nap =
            // sleep: the wait that the timeline must show.
            || tokio::time::sleep(Duration::from_millis(2)).drawn(lab::span!(Running, "nap", ""));
        let inner = async move {
            nap().await;
            nap().await;
        };
        let task = inner.drawn(lab::span!(Running, "work", "")).drawn(lab::span!(Task, "task", 1));
        block_on(async { tokio::join!(task, nap()) });
    });
    assert!(slices.iter().any(|slice| slice.state == State::Waiting && slice.name == "task"), "{slices:?}");
    for (number, one) in slices.iter().enumerate() {
        for two in slices[number..].iter().filter(|two| two.lane == one.lane) {
            let (apart, inside) = (two.start_ns >= one.end_ns, two.end_ns <= one.end_ns);
            assert!(apart || inside, "{one:?} and {two:?} cross");
        }
    }
}

#[test]
fn a_future_that_has_ended_is_not_entered_again_and_a_task_is_drawn_once() {
    let work = || tokio::task::yield_now().drawn_on_thread(|| lab::span!(Running, "work", ""));
    let count = |slices: &[Slice], name: &str, state| {
        slices.iter().filter(|slice| slice.name == name && slice.state == state).count()
    };
    let alone = recorded(|| block_on(async { work().await }));
    assert_eq!(
        [State::Running, State::Waiting].map(|state| count(&alone, "work", state)),
        [2, 1],
        "{alone:?}"
    );
    let task = recorded(|| block_on(async { work().await }.drawn(lab::span!(Task, "task", ""))));
    assert_eq!([State::Running, State::Waiting].map(|state| count(&task, "task", state)), [2, 2], "{task:?}");
    assert_eq!(task.len(), 4, "{task:?}");
}

#[test]
fn nothing_is_kept_while_recording_is_off() {
    let slices = recorded(|| {
        record(false);
        let _span = lab::span!(Running, "silent", "").entered();
    });
    assert_eq!(slices, []);
}

#[test]
fn a_task_that_waits_for_its_turn_is_blocked_and_then_waits_also_within_another_task() {
    let slices = recorded(|| {
        // sleep: the waits that the timeline must show.
        let nap = || tokio::time::sleep(Duration::from_millis(20));
        let task = async {
            nap().drawn(lab::span!(Blocked, "semaphore", "")).await;
            nap().await;
        };
        let inner = async { task.drawn(lab::span!(Task, "inner", "")).await };
        block_on(inner.drawn(lab::span!(Task, "outer", "")));
    });
    let total = |state: State| -> u64 {
        let of_it = slices.iter().filter(|slice| slice.name == "inner" && slice.state == state);
        of_it.map(|slice| slice.end_ns - slice.start_ns).sum()
    };
    for state in [State::Blocked, State::Waiting] {
        assert!((15_000_000..35_000_000).contains(&total(state)), "{state:?}: {slices:?}");
    }
}
