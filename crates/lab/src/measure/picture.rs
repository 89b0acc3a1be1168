//! The timelines of several strategies as text: who worked and who waited, in one scale.

use std::fmt::Write as _;

use super::table::nanoseconds;
use crate::timeline::{Slice, State};

/// Lanes of a strategy that are drawn; the others are counted.
const LANES: usize = 8;
/// The least width of the time, in columns.
const NARROWEST: usize = 20;
/// Moments of a column that are looked at: what most of them are is drawn.
const LOOKS: usize = 8;
/// So much of a line are a strategy's name and a lane's.
const NAMES: usize = 30;
const STRATEGY: usize = 12;

/// How a lane is drawn that does this; a task without a span of its own is waiting to be polled.
const fn sign(state: Option<State>) -> char {
    match state {
        None => ' ',
        Some(State::Running) => '█',
        Some(State::Waiting | State::Task) => '░',
        Some(State::Blocked) => '▒',
        Some(State::Sending) => '▓',
    }
}

/// Draws the timelines of strategies below each other, `width` columns wide, each from its own start.
pub fn picture(strategies: &[(String, Vec<Slice>)], width: usize) -> String {
    let spans: Vec<_> = strategies.iter().map(|(_, slices)| span(slices)).collect();
    let longest = spans.iter().map(|(start, end)| end - start).max().unwrap_or_default().max(1);
    let columns = width.saturating_sub(NAMES + 1).max(NARROWEST);
    let column = nanoseconds(longest / columns as u64);
    let mut text = format!(
        "Who works █, waits ░, is blocked ▒, passes data on ▓. A column is {column}, and empty is nothing.\n"
    );
    for ((strategy, slices), (start, _)) in strategies.iter().zip(spans) {
        let lanes = lanes(slices);
        let drawn = if lanes.len() > LANES { LANES - 1 } else { lanes.len() };
        for (number, (lane, slices)) in lanes.iter().take(drawn).enumerate() {
            let name: String = lane.chars().take(NAMES - STRATEGY - 2).collect();
            let strategy = if number == 0 { strategy.as_str() } else { "" };
            let line = line(slices, start, longest, columns);
            let _ =
                writeln!(text, "{strategy:STRATEGY$} {name:>0$} {1}", NAMES - STRATEGY - 2, line.trim_end());
        }
        if lanes.len() > drawn {
            let _ = writeln!(text, "{:STRATEGY$} … and {} more lanes", "", lanes.len() - drawn);
        }
    }
    text
}

fn span(slices: &[Slice]) -> (u64, u64) {
    let start = slices.iter().map(|slice| slice.start_ns).min().unwrap_or_default();
    (start, slices.iter().map(|slice| slice.end_ns).max().unwrap_or(start))
}

/// The slices of each lane, in the order in which the lanes begin.
fn lanes(slices: &[Slice]) -> Vec<(&str, Vec<&Slice>)> {
    let mut lanes: Vec<(&str, Vec<&Slice>)> = Vec::new();
    for slice in slices {
        match lanes.iter_mut().find(|(lane, _)| *lane == slice.lane) {
            Some((_, all)) => all.push(slice),
            None => lanes.push((&slice.lane, vec![slice])),
        }
    }
    // The outer slice of two that begin together comes first, so that the inner one is drawn over it.
    lanes.iter_mut().for_each(|(_, all)| all.sort_by_key(|slice| (slice.start_ns, u64::MAX - slice.end_ns)));
    lanes.sort_by_key(|(_, all)| all.first().map(|slice| slice.start_ns));
    lanes
}

fn line(slices: &[&Slice], start: u64, longest: u64, columns: usize) -> String {
    let mut looks = vec![None; columns * LOOKS];
    let place = |ns: u64| {
        let place = u128::from(ns - start) * looks.len() as u128 / u128::from(longest);
        usize::try_from(place).unwrap_or(usize::MAX).min(looks.len())
    };
    let places: Vec<_> =
        slices.iter().map(|slice| (place(slice.start_ns), place(slice.end_ns), slice.state)).collect();
    for (from, to, state) in places {
        looks[from..to].fill(Some(state));
    }
    looks.chunks(LOOKS).map(|column| sign(most(column))).collect()
}

/// What most of the moments of a column are; of nothing and something, something.
fn most(column: &[Option<State>]) -> Option<State> {
    let count = |state: &State| column.iter().filter(|look| **look == Some(*state)).count();
    State::ALL.into_iter().filter(|state| count(state) > 0).max_by_key(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_strategy_is_drawn_in_the_same_scale_and_what_is_inside_covers_what_is_around_it() {
        let slice = |lane: &str, state, start_ns: u64, end_ns: u64| Slice {
            lane: lane.into(),
            state,
            name: "work".into(),
            label: String::new(),
            start_ns: start_ns * 1_000_000,
            end_ns: end_ns * 1_000_000,
        };
        let sequential =
            vec![slice("main", State::Waiting, 105, 110), slice("main", State::Running, 100, 120)];
        let mut tasks: Vec<_> =
            (0..9).map(|task| slice(&format!("task {task}"), State::Task, 500, 505)).collect();
        tasks.push(slice("task 0", State::Running, 500, 501));
        let text = picture(&[("sequential".into(), sequential), ("async".into(), tasks)], 51);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains("A column is 1.00 ms"), "{text}");
        assert_eq!(lines[1], format!("sequential   {:>16} █████░░░░░██████████", "main"));
        assert_eq!(lines[2], format!("async        {:>16} █░░░░", "task 0"));
        assert_eq!(lines[3], format!("             {:>16} ░░░░░", "task 1"));
        assert_eq!(*lines.last().unwrap(), "             … and 2 more lanes");
    }

    #[test]
    fn nothing_is_drawn_as_nothing() {
        assert_eq!(picture(&[], 80).lines().count(), 1);
        assert_eq!(picture(&[("sequential".into(), Vec::new())], 0).lines().count(), 1);
    }
}
