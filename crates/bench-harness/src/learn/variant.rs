//! Variants: other questions and other parameters, drawn from a seed, so that a class can have one each.

/// What is drawn. The same seed draws the same, on any machine and whatever was drawn for other steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draw(u64);

impl Draw {
    /// What a seed draws.
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// What is drawn for one step, which its name decides and not its place: a lesson that is added changes no other one.
    pub(super) fn for_step(self, name: &str) -> Self {
        // FNV-1a; any function that spreads names will do.
        let spread = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut draw = Self(name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ self.0, spread));
        draw.next();
        draw
    }

    /// The next number below `end`; 0 where there is none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        // A few choices out of 2^64: the bias is far smaller than anybody could ever notice.
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, name: &str) -> Vec<usize> {
        let mut draw = Draw::of(seed).for_step(name);
        (0..8).map(|_| draw.below(100)).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_one_something_else() {
        assert_eq!(drawn(7, "bank"), drawn(7, "bank"));
        assert_ne!(drawn(7, "bank"), drawn(8, "bank"));
        assert_ne!(drawn(7, "bank"), drawn(7, "crawl"));
        assert_eq!(Draw::of(7).for_step("bank").below(0), 0);
    }

    #[test]
    fn all_of_a_few_choices_are_drawn() {
        let mut seen = [0; 3];
        (0..300).for_each(|seed| seen[Draw::of(seed).for_step("bank").below(3)] += 1);
        assert!(seen.iter().all(|times| *times > 50), "{seen:?}");
    }
}
