//! Which bytes of a file are there.

use std::ops::Range;

/// Disjoint ranges in ascending order, none of them empty and no two that touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Range<u64>>);

impl Pieces {
    pub(super) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        let from = self.0.partition_point(|one| one.end < start);
        let to = self.0.partition_point(|one| one.start <= end);
        if from < to {
            start = start.min(self.0[from].start);
            end = end.max(self.0[to - 1].end);
        }
        self.0.splice(from..to, std::iter::once(start..end));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// Whether all bytes of a file of this length are there.
    pub(super) fn are_all(&self, total: u64) -> bool {
        total == 0 || self.0.iter().any(|range| range.start == 0 && range.end >= total)
    }

    /// Where pieces end.
    pub(super) fn ends(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(|range| range.end)
    }

    /// What is not there of a file of this length, in pieces of `most` bytes at the most.
    pub(super) fn missing(&self, total: u64, most: u64) -> Vec<Range<u64>> {
        let starts = std::iter::once(0).chain(self.0.iter().map(|range| range.end));
        let ends = self.0.iter().map(|range| range.start).chain([total]);
        let gaps = starts.zip(ends).map(|(start, end)| start..end.min(total)).filter(|gap| !gap.is_empty());
        let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
        gaps.flat_map(|gap| {
            gap.clone().step_by(most).map(move |start| start..gap.end.min(start.saturating_add(most as u64)))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_are_what_a_bitmap_says(added in proptest::collection::vec((0_u64..60, 0_u64..12), 0..20), most in 1_u64..20) {
            let (mut pieces, mut bitmap) = (Pieces::default(), [false; 64]);
            for (start, length) in added {
                let end = (start + length).min(64);
                pieces.add(start..end);
                (start..end).for_each(|at| bitmap[usize::try_from(at).unwrap()] = true);
            }
            prop_assert_eq!(pieces.bytes(), bitmap.iter().filter(|there| **there).count() as u64);
            prop_assert_eq!(pieces.are_all(64), bitmap.iter().all(|there| *there));
            let missing = pieces.missing(64, most);
            prop_assert!(missing.iter().all(|range| range.end - range.start <= most));
            let again: Vec<u64> = missing.into_iter().flatten().collect();
            let expected: Vec<u64> = (0..64).filter(|at| !bitmap[usize::try_from(*at).unwrap()]).collect();
            prop_assert_eq!(again, expected);
            let touching = pieces.0.windows(2).any(|two| two[0].end >= two[1].start);
            prop_assert!(!touching);
        }
    }
}
