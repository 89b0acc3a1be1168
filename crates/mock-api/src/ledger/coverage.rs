//! Which records of a collection a client has got.

/// A page that was served, told to the ledger by the handler.
#[derive(Clone, Debug)]
pub(crate) struct ServedPage {
    /// The collection with its filters and its order: what the positions count in.
    pub(crate) view: String,
    /// The first record's position, from 0.
    pub(crate) first: u64,
    /// How many records the page holds.
    pub(crate) length: u64,
    /// How many records the view has.
    pub(crate) total: u64,
    /// The size of a full page.
    pub(crate) page_size: u64,
}

/// The records that came, as disjoint ranges of positions in ascending order.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    ranges: Vec<(u64, u64)>,
    served: u64,
    total: u64,
    page_size: Option<u64>,
    mixed_sizes: bool,
}

impl Coverage {
    pub(super) fn add(&mut self, page: &ServedPage) {
        self.total = page.total;
        self.served += page.length;
        self.mixed_sizes |= self.page_size.is_some_and(|size| size != page.page_size);
        self.page_size = Some(page.page_size);
        if page.length == 0 {
            return;
        }
        let (mut start, mut end) = (page.first, page.first + page.length);
        // All ranges that touch the new one melt into it. A client that reads in order keeps one range.
        let from = self.ranges.partition_point(|&(_, e)| e < start);
        let to = self.ranges.partition_point(|&(s, _)| s <= end);
        if from < to {
            start = start.min(self.ranges[from].0);
            end = end.max(self.ranges[to - 1].1);
        }
        self.ranges.splice(from..to, [(start, end)]);
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Different records that came.
    pub(super) fn distinct(&self) -> u64 {
        self.ranges.iter().map(|(start, end)| end - start).sum()
    }

    /// Records that came again.
    pub(super) fn repeated(&self) -> u64 {
        self.served - self.distinct()
    }

    /// Ranges of positions that never came: from the first one, up to but without the second.
    pub(super) fn missing(&self) -> Vec<(u64, u64)> {
        let starts = std::iter::once(0).chain(self.ranges.iter().map(|&(_, end)| end));
        let ends = self.ranges.iter().map(|&(start, _)| start).chain([self.total]);
        starts.zip(ends).filter(|(start, end)| start < end).collect()
    }

    /// The numbers, from 1, of the pages of which a record never came; nothing where page sizes were mixed.
    pub(super) fn missing_pages(&self) -> Option<Vec<u64>> {
        let size = self.page_size.filter(|_| !self.mixed_sizes)?;
        let mut pages: Vec<u64> = Vec::new();
        for (start, end) in self.missing() {
            // Positions of one gap name consecutive pages; two gaps can lie on one page.
            pages.extend((start / size + 1..=(end - 1) / size + 1).take(MAX_PAGES_NAMED));
        }
        pages.dedup();
        pages.truncate(MAX_PAGES_NAMED);
        Some(pages)
    }
}

/// A report names no more missing pages than this; the ranges are whole all the same.
const MAX_PAGES_NAMED: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pages: &[(u64, u64)], missing: &[(u64, u64)], repeated: u64) {
        let mut coverage = Coverage::default();
        for &(first, length) in pages {
            coverage.add(&ServedPage { view: String::new(), first, length, total: 100, page_size: 10 });
        }
        assert_eq!((coverage.missing().as_slice(), coverage.repeated()), (missing, repeated), "{pages:?}");
    }

    #[test]
    fn what_never_came_and_what_came_twice_is_known_whatever_the_order() {
        check(&[], &[], 0);
        check(&[(0, 100)], &[], 0);
        check(&[(0, 10), (20, 10)], &[(10, 20), (30, 100)], 0);
        check(&[(0, 10), (11, 10)], &[(10, 11), (21, 100)], 0);
        check(&[(0, 10), (20, 10), (10, 10)], &[(30, 100)], 0);
        check(&[(90, 10), (0, 10), (0, 10)], &[(10, 90)], 10);
        check(&[(0, 10), (30, 10), (5, 30)], &[(40, 100)], 10);
        check(&[(10, 10), (50, 10), (10, 10), (0, 100)], &[], 30);
    }

    #[test]
    fn missing_pages_are_named_by_their_number_from_one() {
        let mut coverage = Coverage::default();
        for first in [0, 10, 40, 50, 60, 70, 80] {
            coverage.add(&ServedPage { view: String::new(), first, length: 10, total: 95, page_size: 10 });
        }
        assert_eq!(coverage.missing_pages(), Some(vec![3, 4, 10]));
    }
}
