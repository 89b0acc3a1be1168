//! A timeline made ready to be drawn: lanes of stretches that do not overlap, and columns of a fixed width.

use std::collections::HashMap;

use lab::timeline::{Slice, State};

/// A stretch of a lane on which one slice was the innermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    /// Which slice, by its place in [`Timeline::slices`].
    pub(super) slice: usize,
}

/// What one thread, task or process did.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) stretches: Vec<Stretch>,
}

/// Who did what when, in one recorded sample.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) slices: Vec<Slice>,
    pub(super) lanes: Vec<Lane>,
    /// From the first slice's start to the last one's end.
    pub(super) length_ns: u64,
}

impl Timeline {
    /// Flattens slices, whose times start at 0; `None` if there is nothing to see.
    pub(super) fn of(slices: Vec<Slice>) -> Option<Self> {
        let length_ns = slices.iter().map(|slice| slice.end_ns).max().filter(|length| *length > 0)?;
        let mut order: Vec<usize> = (0..slices.len()).collect();
        order.sort_by_key(|&index| (slices[index].start_ns, u64::MAX - slices[index].end_ns));
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut grouped: Vec<(&str, Vec<usize>)> = Vec::new();
        for index in order {
            let name = slices[index].lane.as_str();
            let number = *numbers.entry(name).or_insert_with(|| {
                grouped.push((name, Vec::new()));
                grouped.len() - 1
            });
            grouped[number].1.push(index);
        }
        // Lanes of one kind by their numbers, the kinds in the order in which they began: stages stay in their order.
        let kinds: Vec<&str> = grouped.iter().map(|(name, _)| kind_and_number(name).0).collect();
        grouped.sort_by_key(|(name, _)| {
            let (kind, number) = kind_and_number(name);
            (kinds.iter().position(|known| *known == kind), number)
        });
        let lanes = grouped
            .into_iter()
            .map(|(name, own)| Lane { name: name.into(), stretches: flatten(&slices, &own) })
            .collect();
        Some(Self { slices, lanes, length_ns })
    }

    /// How long all lanes together were in a state, in nanoseconds.
    pub(super) fn total_ns(&self, state: State) -> u64 {
        self.stretches().filter(|stretch| self.slices[stretch.slice].state == state).map(length).sum()
    }

    /// How many lanes were not idle, on average over the whole length.
    pub(super) fn in_flight(&self) -> f64 {
        self.stretches().map(length).sum::<u64>() as f64 / self.length_ns as f64
    }

    fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        self.lanes.iter().flat_map(|lane| &lane.stretches)
    }
}

/// A lane's name without the number at its end, and the number.
fn kind_and_number(name: &str) -> (&str, Option<u64>) {
    let kind = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    (kind, name[kind.len()..].parse().ok())
}

fn length(stretch: &Stretch) -> u64 {
    stretch.end_ns - stretch.start_ns
}

/// The innermost slice at each moment of one lane: of those that are open, the one that started last. `own` is sorted by
/// start, the longer one first.
fn flatten(slices: &[Slice], own: &[usize]) -> Vec<Stretch> {
    let mut flat = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut now = 0;
    let mut advance = |open: &[usize], now: &mut u64, to: u64| {
        if let Some(&slice) = open.last()
            && *now < to
        {
            flat.push(Stretch { start_ns: *now, end_ns: to, slice });
        }
        *now = (*now).max(to);
    };
    for &index in own {
        while let Some(&innermost) = open.last()
            && slices[innermost].end_ns <= slices[index].start_ns
        {
            advance(&open, &mut now, slices[innermost].end_ns);
            open.pop();
        }
        advance(&open, &mut now, slices[index].start_ns);
        open.push(index);
    }
    while let Some(&innermost) = open.last() {
        advance(&open, &mut now, slices[innermost].end_ns);
        open.pop();
    }
    flat
}

/// Neighbouring columns of a lane that look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) state: State,
    /// The slice that it shows; `None` where several short ones were merged.
    pub(super) slice: Option<usize>,
}

/// A slice narrower than this many columns is merged with its neighbours of the same state.
pub(super) const NARROW: usize = 3;

/// Draws a lane into columns. A column shows the state that filled most of its time, and is empty if less than a quarter
/// of it was filled; a lane on which nothing would be seen keeps its longest stretch.
pub(super) fn blocks(timeline: &Timeline, lane: &Lane, columns: usize) -> Vec<Block> {
    let mut filled = vec![[(0_u64, 0_usize); State::ALL.len()]; columns];
    // Column borders in nanoseconds, multiplied before they are divided so that the last one is the end.
    let border = |column: usize| {
        let product = u128::from(timeline.length_ns) * column as u128 / columns as u128;
        u64::try_from(product).unwrap_or(u64::MAX)
    };
    let column = |ns: u64| {
        let column = u128::from(ns) * columns as u128 / u128::from(timeline.length_ns);
        usize::try_from(column).unwrap_or(columns).min(columns - 1)
    };
    for stretch in &lane.stretches {
        let state = timeline.slices[stretch.slice].state as usize;
        let (first, last) = (column(stretch.start_ns), column(stretch.end_ns));
        for (number, states) in (first..).zip(&mut filled[first..=last]) {
            let (from, to) = (border(number).max(stretch.start_ns), border(number + 1).min(stretch.end_ns));
            let (total, owner) = &mut states[state];
            *total += to.saturating_sub(from);
            *owner = stretch.slice;
        }
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (number, states) in filled.iter().enumerate() {
        let used: u64 = states.iter().map(|state| state.0).sum();
        if used * 4 < border(number + 1) - border(number) || used == 0 {
            continue;
        }
        let most = (0..State::ALL.len()).max_by_key(|&state| states[state].0).unwrap_or_default();
        let (state, slice) = (State::ALL[most], states[most].1);
        match blocks.last_mut() {
            Some(last) if last.to == number && last.state == state && last.slice == Some(slice) => {
                last.to += 1;
            }
            _ => blocks.push(Block { from: number, to: number + 1, state, slice: Some(slice) }),
        }
    }
    if blocks.is_empty()
        && let Some(longest) = lane.stretches.iter().max_by_key(|stretch| length(stretch))
    {
        let from = column(longest.start_ns);
        let state = timeline.slices[longest.slice].state;
        blocks.push(Block { from, to: from + 1, state, slice: Some(longest.slice) });
    }
    merge_narrow(blocks)
}

fn merge_narrow(blocks: Vec<Block>) -> Vec<Block> {
    let mut merged: Vec<Block> = Vec::new();
    for mut block in blocks {
        if block.to - block.from < NARROW {
            block.slice = None;
        }
        match merged.last_mut() {
            Some(last)
                if last.to == block.from
                    && last.state == block.state
                    && last.slice.is_none()
                    && block.slice.is_none() =>
            {
                last.to = block.to;
            }
            _ => merged.push(block),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
