//! Lanes in a terminal: who worked, who waited, and in which order.
//!
//! [`timeline`] draws slices of time to scale, one row a lane. [`steps`] draws an order of steps, one column a lane, for
//! schedules in which only the order matters. Colours are those of the report, and every state has a sign of its own, so
//! that the picture can be read without colour.

use lab::measure::nanoseconds;
use lab::timeline::{Slice, State};
use owo_colors::OwoColorize;

use crate::text::{Lang, Text};

/// How many signs a row has: a terminal of 100 columns holds it with the names of the lanes.
const WIDTH: usize = 64;
/// A column is looked at in so many places, and shows what most of them show.
const LOOKS: usize = 8;
/// More lanes than this are not drawn: the first ones tell the story.
const MOST_LANES: usize = 12;

/// One step of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which of the lanes it is on.
    pub lane: usize,
    /// What the lane is doing.
    pub state: State,
    /// What is done, in words.
    pub does: String,
}

/// Draws slices to scale: a row for each lane, a legend of the signs that were used, and the length.
pub fn timeline(slices: &[Slice], lang: Lang) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for slice in slices {
        if !names.contains(&slice.lane.as_str()) {
            names.push(&slice.lane);
        }
    }
    let (Some(start), Some(end)) =
        (slices.iter().map(|slice| slice.start_ns).min(), slices.iter().map(|slice| slice.end_ns).max())
    else {
        return Vec::new();
    };
    let length = (end - start).max(1);
    // A task of an event loop has a number for a lane and says in its label what it is.
    let title = |name: &str| {
        let label = slices.iter().find(|slice| slice.lane == name).map_or("", |slice| slice.label.as_str());
        let is_task = name.starts_with("task ") && label.contains(char::is_alphabetic);
        if is_task { label.to_owned() } else { name.to_owned() }
    };
    let titles = names.iter().take(MOST_LANES).map(|name| title(name));
    let pad = titles.map(|title| title.chars().count()).max().unwrap_or_default();
    let mut used = Vec::new();
    let mut rows: Vec<String> = names
        .iter()
        .take(MOST_LANES)
        .map(|name| {
            let own: Vec<&Slice> = slices.iter().filter(|slice| slice.lane == *name).collect();
            let columns = columns(&own, start, length);
            used.extend(columns.iter().flatten().copied());
            format!("{:pad$} {}{}{}", title(name), "▏".dimmed(), row(&columns), "▏".dimmed())
        })
        .collect();
    if names.len() > MOST_LANES {
        let more = names.len() - MOST_LANES;
        let text = Text::new("more lanes like these", "faixas como estas");
        rows.push(format!("{:pad$}  … {more} {}", "", text.in_lang(lang)));
    }
    used.sort_unstable();
    used.dedup();
    let legend: Vec<String> = used
        .into_iter()
        .map(|state| format!("{} {}", painted(state, &sign(state).to_string()), meaning(state).in_lang(lang)))
        .collect();
    let length = nanoseconds(length);
    rows.push(format!("{:pad$}  0 … {length}   {}", "", legend.join("  ")));
    rows
}

/// Draws steps in their order: a column for each lane, a row for each step.
pub fn steps(lanes: &[String], steps: &[Step]) -> Vec<String> {
    let wide = |lane: usize| {
        let texts = steps.iter().filter(|step| step.lane == lane).map(|step| step.does.chars().count() + 2);
        texts.chain([lanes[lane].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..lanes.len()).map(wide).collect();
    let heads = lanes.iter().zip(&widths).map(|(name, width)| format!("{:width$}", name.bold()));
    let mut rows = vec![format!("     {}", heads.collect::<Vec<_>>().join("  "))];
    for (number, step) in steps.iter().enumerate() {
        let cells = (0..lanes.len()).map(|lane| {
            let width = widths[lane];
            if lane == step.lane {
                let text = format!("{} {}", sign(step.state), step.does);
                painted(step.state, &format!("{text:width$}"))
            } else {
                format!("{}{:rest$}", "│".dimmed(), "", rest = width.saturating_sub(1))
            }
        });
        rows.push(
            format!("{:>3}  {}", number + 1, cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned(),
        );
    }
    rows
}

/// What a state means.
fn meaning(state: State) -> Text {
    match state {
        State::Running | State::Task => Text::new("runs", "executa"),
        State::Waiting => Text::new("waits", "espera"),
        State::Blocked => Text::new("is blocked", "está bloqueada"),
        State::Sending => Text::new("sends", "envia"),
    }
}

/// The sign of a state, which is read without colour.
const fn sign(state: State) -> char {
    match state {
        State::Running | State::Task => '█',
        State::Waiting => '░',
        State::Blocked => '×',
        State::Sending => '»',
    }
}

fn painted(state: State, text: &str) -> String {
    match state {
        State::Running | State::Task => text.blue().to_string(),
        State::Waiting => text.yellow().to_string(),
        State::Blocked => text.red().to_string(),
        State::Sending => text.magenta().to_string(),
    }
}

/// What a lane shows in each column. Slices nest, and the innermost one is what the lane was doing.
fn columns(lane: &[&Slice], start: u64, length: u64) -> Vec<Option<State>> {
    let place = |ns: u64| {
        let place = u128::from(ns - start) * (WIDTH * LOOKS) as u128 / u128::from(length);
        usize::try_from(place).unwrap_or(usize::MAX).min(WIDTH * LOOKS)
    };
    let mut nested = lane.to_vec();
    nested.sort_by_key(|slice| (slice.start_ns, std::cmp::Reverse(slice.end_ns)));
    let mut looks = vec![None; WIDTH * LOOKS];
    for slice in &nested {
        looks[place(slice.start_ns)..place(slice.end_ns)].fill(Some(slice.state));
    }
    let mut columns: Vec<Option<State>> = looks.chunks(LOOKS).map(most).collect();
    // What is shorter than a column is drawn where it begins, or a task that only runs for a moment would never be seen.
    for slice in nested.iter().filter(|slice| matches!(slice.state, State::Running | State::Blocked)) {
        let at = place(slice.start_ns) / LOOKS;
        if place(slice.end_ns) - place(slice.start_ns) < LOOKS && at < WIDTH {
            columns[at] = Some(slice.state);
        }
    }
    columns
}

/// What most of the looks show; something rather than nothing.
fn most(looks: &[Option<State>]) -> Option<State> {
    let count = |state| looks.iter().filter(|look| **look == Some(state)).count();
    let found = State::ALL.into_iter().max_by_key(|state| count(*state)).filter(|state| count(*state) > 0);
    found.filter(|state| 2 * count(*state) >= looks.len() - looks.iter().flatten().count())
}

/// A row of signs; neighbours of one state share one colour.
fn row(columns: &[Option<State>]) -> String {
    let runs = columns.chunk_by(|one, other| one == other);
    runs.map(|run| match run[0] {
        Some(state) => painted(state, &sign(state).to_string().repeat(run.len())),
        None => " ".repeat(run.len()),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(lane: &str, state: State, start_ns: u64, end_ns: u64) -> Slice {
        Slice { lane: lane.into(), state, name: "work".into(), label: String::new(), start_ns, end_ns }
    }

    fn plain(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_row_shows_to_scale_what_its_lane_did() {
        let slices = [
            slice("one", State::Running, 1_000_000, 2_000_000),
            slice("one", State::Waiting, 1_250_000, 1_750_000),
            slice("two", State::Blocked, 1_500_000, 2_000_000),
        ];
        let lines = plain(&timeline(&slices, Lang::En));
        let run = |signs: &[(char, usize)]| -> String {
            signs.iter().map(|(sign, count)| sign.to_string().repeat(*count)).collect()
        };
        assert_eq!(lines[0], format!("one ▏{}▏", run(&[('█', 16), ('░', 32), ('█', 16)])));
        assert_eq!(lines[1], format!("two ▏{}▏", run(&[(' ', 32), ('×', 32)])));
        assert_eq!(lines[2], "     0 … 1.00 ms   █ runs  ░ waits  × is blocked");
    }

    #[test]
    fn what_is_shorter_than_a_column_is_seen() {
        let slices =
            [slice("loop", State::Waiting, 0, 1_000_000), slice("loop", State::Running, 500_000, 500_001)];
        let lines = plain(&timeline(&slices, Lang::Pt));
        assert_eq!(lines[0].matches('█').count(), 1, "{}", lines[0]);
        assert!(lines[1].ends_with("█ executa  ░ espera"), "{}", lines[1]);
    }

    #[test]
    fn a_task_is_called_what_it_is() {
        let named =
            |lane: &str, label: &str| Slice { label: label.into(), ..slice(lane, State::Running, 0, 9) };
        let lines =
            plain(&timeline(&[named("task 0", "coffee"), named("task 1", "7"), named("b", "c")], Lang::En));
        let starts: Vec<_> = lines.iter().map(|line| line.split('▏').next().unwrap().trim()).collect();
        assert_eq!(starts[..3], ["coffee", "task 1", "b"]);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(timeline(&[], Lang::En), Vec::<String>::new());
    }

    #[test]
    fn steps_stand_below_their_lanes_in_their_order() {
        let step = |lane, does: &str| Step { lane, state: State::Running, does: does.into() };
        let lines = plain(&steps(
            &["thread 1".into(), "thread 2".into()],
            &[step(0, "reads 100"), step(1, "reads 100"), step(0, "writes 90")],
        ));
        let expected = [
            "     thread 1     thread 2   ",
            "  1  █ reads 100  │",
            "  2  │            █ reads 100",
            "  3  █ writes 90  │",
        ];
        assert_eq!(lines, expected);
    }
}
