//! Chance that can be repeated: a stream of numbers decided by a seed and a name.
//!
//! The name is hashed with FNV-1a (64 bits, constants of its authors' specification) and the stream is `SplitMix64`
//! (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Both are fixed here, and not taken
//! from a library, so that a fault or a temperature never changes with a dependency's version.

/// A stream of numbers. Two dice thrown for the same seed and parts fall the same way.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice for `seed` and a name in parts. The length of each part is hashed too: `["ab", "c"]` is not
    /// `["a", "bc"]`.
    pub(crate) fn of(seed: u64, parts: &[&[u8]]) -> Self {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
        for part in parts {
            for &byte in *part {
                hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
            }
            hash = mix(hash ^ part.len() as u64);
        }
        Self(hash)
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..n`, by multiplication; the bias is below `n / 2^64`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        // The upper half of a 128-bit product of two 64-bit numbers fits in 64 bits.
        #[allow(clippy::cast_possible_truncation)]
        let high = ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64;
        high
    }
}

/// The finaliser of `SplitMix64`: every bit of the input can change every bit of the output.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_throws_the_same_numbers_and_another_name_others() {
        let first: Vec<u64> = (0..4).scan(Dice::of(1, &[b"ab", b"c"]), |d, _| Some(d.bits())).collect();
        let again: Vec<u64> = (0..4).scan(Dice::of(1, &[b"ab", b"c"]), |d, _| Some(d.bits())).collect();
        let split: Vec<u64> = (0..4).scan(Dice::of(1, &[b"a", b"bc"]), |d, _| Some(d.bits())).collect();
        let seeded: Vec<u64> = (0..4).scan(Dice::of(2, &[b"ab", b"c"]), |d, _| Some(d.bits())).collect();
        assert_eq!(first, again);
        assert_ne!(first, split);
        assert_ne!(first, seeded);
    }

    #[test]
    fn below_reaches_every_number_and_no_other() {
        let mut dice = Dice::of(7, &[b"below"]);
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            seen[usize::try_from(dice.below(6)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
    }
}
