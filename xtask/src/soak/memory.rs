//! What the soak knows of memory, and when it calls it flat.

use std::collections::BTreeMap;

/// What a reading may be off by without anybody holding more: an arena, a buffer that is kept.
const SLACK_LONG: u64 = 8 << 20;
const SLACK_ROUND: u64 = 16 << 20;

/// Bytes of memory, in the order of time, by the name of who held them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What lives as long as the soak: what it held at each look.
    long: BTreeMap<&'static str, Vec<u64>>,
    /// What is started in each round: the most that it and its children held together.
    rounds: BTreeMap<&'static str, Vec<u64>>,
}

/// One line of the verdict.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) looks: usize,
    /// Before and after, in the sense of the rule.
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) flat: bool,
}

impl Memory {
    pub(super) fn look(&mut self, name: &'static str, bytes: u64) {
        self.long.entry(name).or_default().push(bytes);
    }

    pub(super) fn peak(&mut self, name: &'static str, bytes: u64) {
        self.rounds.entry(name).or_default().push(bytes);
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        let long = self.long.iter().map(|(name, looks)| steady(name, looks));
        let rounds = self.rounds.iter().map(|(name, peaks)| repeated(name, peaks));
        long.chain(rounds).collect()
    }
}

/// Flat is who held in the last third, in the median, no more than a tenth and 8 MiB beyond the second third. The first third
/// is for warming up.
fn steady(name: &'static str, looks: &[u64]) -> Line {
    let third = looks.len() / 3;
    let (before, after) = (median(&looks[third..looks.len() - third]), median(&looks[looks.len() - third..]));
    let after = if third == 0 { before } else { after };
    Line { name, looks: looks.len(), before, after, flat: after <= before + before / 10 + SLACK_LONG }
}

/// Flat is what took in the second half of the rounds, at the most, no more than a quarter and 16 MiB beyond the first half.
fn repeated(name: &'static str, peaks: &[u64]) -> Line {
    let (first, second) = peaks.split_at(peaks.len().div_ceil(2));
    let most = |peaks: &[u64]| peaks.iter().copied().max().unwrap_or(0);
    let (before, after) = (most(first), most(second));
    Line { name, looks: peaks.len(), before, after, flat: after <= before + before / 4 + SLACK_ROUND }
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[track_caller]
    fn check(bytes: impl Iterator<Item = u64>, flat: bool) {
        let bytes: Vec<u64> = bytes.map(|mib| mib * MIB).collect();
        assert_eq!(steady("a", &bytes).flat, flat, "{bytes:?}");
    }

    #[test]
    fn what_grows_all_the_time_is_not_flat_and_what_warms_up_is() {
        check((0..90).map(|look| 50 + look), false);
        check((0..90).map(|look| 50 + look.min(25)), true);
        check((0..90).map(|look| 50 + look % 7), true);
        check([10, 90].into_iter(), true);
    }

    #[test]
    fn a_round_that_takes_more_than_the_earlier_ones_is_seen() {
        let flat = |peaks: &[u64]| repeated("a", &peaks.iter().map(|mib| mib * MIB).collect::<Vec<_>>()).flat;
        assert!(flat(&[100, 140, 130, 150]) && flat(&[100]) && flat(&[]));
        assert!(!flat(&[100, 100, 100, 160]));
    }
}
