//! Draws from a table of weights in constant time: the alias method (Walker 1977, in Vose's linear form, 1991).
//!
//! The table is built in integers only, so that it is the same on every machine; a draw costs one multiplication, one
//! load and one comparison.

/// A distribution over `0..weights.len()`.
#[derive(Debug, Clone)]
pub struct Alias {
    slots: Vec<Slot>,
}

/// One column of the alias table: below `keep` of 2^32 it stands for itself, else for `other`.
#[derive(Debug, Clone, Copy)]
struct Slot {
    keep: u32,
    other: u16,
}

impl Alias {
    /// Builds the table.
    ///
    /// # Panics
    /// Without weights, with more than 65,535 of them, or when all are 0: the tables of this crate are constants, so
    /// that is an error of the program and not of its input.
    pub fn new(weights: &[u64]) -> Self {
        let count = weights.len();
        assert!(u16::try_from(count).is_ok(), "an alias table has at most 65,535 weights");
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        assert!(total > 0, "an alias table needs a weight above 0");
        // Scaled by the number of slots, a slot is full at exactly `total`.
        let mut scaled: Vec<u128> =
            weights.iter().map(|weight| u128::from(*weight) * count as u128).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|i| scaled[*i] < total);
        let mut slots: Vec<Slot> =
            (0..count).map(|i| Slot { keep: u32::MAX, other: u16::try_from(i).unwrap_or(0) }).collect();
        while let (Some(less), Some(more)) = (small.pop(), large.last().copied()) {
            let keep = (scaled[less] << 32) / total;
            slots[less] = Slot {
                keep: u32::try_from(keep).unwrap_or(u32::MAX),
                other: u16::try_from(more).unwrap_or(0),
            };
            scaled[more] -= total - scaled[less];
            if scaled[more] < total {
                large.pop();
                small.push(more);
            }
        }
        Self { slots }
    }

    /// The outcome that `word` stands for.
    #[inline]
    pub fn draw(&self, word: u32) -> usize {
        let product = u64::from(word) * self.slots.len() as u64;
        // The high half chooses the slot; the low half is uniform inside it.
        let index = (product >> 32) as usize;
        let slot = self.slots[index];
        if (product as u32) < slot.keep { index } else { usize::from(slot.other) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_the_shares_of_their_weights() {
        let weights = [1, 10, 0, 500, 489];
        let alias = Alias::new(&weights);
        let mut counts = [0_u64; 5];
        // A sweep over evenly spaced words is exact up to the spacing.
        let step = 1 << 12;
        for word in (0..=u32::MAX).step_by(step) {
            counts[alias.draw(word)] += 1;
        }
        let draws = 1_u64 << 20;
        for (count, weight) in counts.iter().zip(weights) {
            assert!((count * 1000).abs_diff(weight * draws) < 10_000, "{counts:?}");
        }
        assert_eq!(counts[2], 0);
    }
}
