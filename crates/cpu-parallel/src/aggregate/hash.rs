//! Tables from keys to dense numbers: open addressing, linear probing, a power of two of slots.
//!
//! A table gives each new key the next number, so that what belongs to a key lies in plain vectors. Numbers follow the order
//! in which keys first came, and never the order of the slots: nothing that is seen outside depends on the hash.

/// Two large odd numbers with as many ones as zeros, the first digits of the golden ratio and of the root of three.
const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xbb67_ae85_84ca_a73b;

/// Both halves of the product, folded: every bit of the key reaches every bit of the hash.
#[inline]
fn fold(one: u64, two: u64) -> u64 {
    let product = u128::from(one) * u128::from(two);
    #[allow(clippy::cast_possible_truncation, reason = "the halves are meant")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// The hash of a number. It decides the partition too, by its upper bits.
#[inline]
pub fn hash_word(word: u64) -> u64 {
    fold(word ^ SECOND, FIRST).wrapping_mul(SECOND)
}

/// The hash of a text, eight bytes at a time.
#[inline]
pub fn hash_text(text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let mut hash = (text.len() as u64).wrapping_mul(SECOND);
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word), FIRST);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(hash ^ u64::from_le_bytes(last), SECOND).wrapping_mul(FIRST)
}

/// The hash of several columns' hashes, in their order.
#[inline]
pub fn hash_pair(one: u64, two: u64) -> u64 {
    fold(one.rotate_left(23) ^ two, FIRST).wrapping_mul(SECOND)
}

/// Slots that a new table has.
const FEWEST: usize = 64;
/// Numbers that a table can give.
const MOST: usize = u32::MAX as usize - 1;

/// Places of keys that lie close together, at the most: 512 KiB.
const NEAR: u64 = 1 << 17;

/// A table of numbers of 64 bits.
///
/// Keys that lie close together, as identifiers often do, are not hashed: their numbers stand at their distance from the
/// first place.
#[derive(Clone, Debug)]
pub struct Words {
    /// A key, and its number plus one; 0 where the slot is free.
    slots: Vec<(u64, u32)>,
    /// The numbers plus one of the keys from `first` on; 0 where there is none yet.
    near: Vec<u32>,
    first: u64,
    /// The keys by their numbers.
    keys: Vec<u64>,
    /// How many of them are in the slots.
    hashed: usize,
}

impl Default for Words {
    fn default() -> Self {
        Self { slots: vec![(0, 0); FEWEST], near: Vec::new(), first: 0, keys: Vec::new(), hashed: 0 }
    }
}

impl Words {
    /// A table with room for so many keys.
    pub fn with_capacity(keys: usize) -> Self {
        let slots = (keys * 2).next_power_of_two().max(FEWEST);
        Self { slots: vec![(0, 0); slots], keys: Vec::with_capacity(keys), ..Self::default() }
    }

    /// Tells an empty table that its first keys lie from `least` to `most`: if that is not far, and as far again on both
    /// sides, keys are not hashed.
    pub fn expect(&mut self, least: u64, most: u64) {
        let room = most.saturating_sub(least).max(FEWEST as u64);
        if self.keys.is_empty() && room < NEAR / 3 {
            self.first = least.saturating_sub(room);
            self.near = vec![0; usize::try_from(room * 3).unwrap_or_default()];
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys by their numbers.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The number of `key`, a new one where it was not there.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "places in a table; there are fewer than 2^32 keys")]
    pub fn number(&mut self, key: u64) -> u32 {
        let place = key.wrapping_sub(self.first);
        if place < self.near.len() as u64 {
            return match self.near[place as usize] {
                0 => self.insert_near(place as usize, key),
                number => number - 1,
            };
        }
        let hash = hash_word(key);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (found, number) = self.slots[at];
            if number == 0 {
                return self.insert(at, key);
            }
            if found == key {
                return number - 1;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, at: usize, key: u64) -> u32 {
        let number = self.next(key);
        self.slots[at] = (key, number);
        self.hashed += 1;
        if self.hashed * 8 > self.slots.len() * 5 {
            self.grow();
        }
        number - 1
    }

    #[cold]
    #[inline(never)]
    fn insert_near(&mut self, place: usize, key: u64) -> u32 {
        self.near[place] = self.next(key);
        self.near[place] - 1
    }

    /// One more than the number of a new key.
    #[allow(clippy::cast_possible_truncation, reason = "the assertion")]
    fn next(&mut self, key: u64) -> u32 {
        assert!(self.keys.len() < MOST, "more than four thousand million groups in one part");
        self.keys.push(key);
        self.keys.len() as u32
    }

    #[allow(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 keys")]
    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(size, (0, 0));
        for (number, key) in self.keys.iter().enumerate() {
            if key.wrapping_sub(self.first) < self.near.len() as u64 {
                continue;
            }
            let mut at = hash_word(*key) as usize & (size - 1);
            while self.slots[at].1 != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = (*key, number as u32 + 1);
        }
    }
}

/// A table of texts.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The upper half of a text's hash, and its number plus one; 0 where the slot is free.
    slots: Vec<(u32, u32)>,
    hashes: Vec<u64>,
    /// Where each text ends; the first one begins at 0.
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { slots: vec![(0, 0); FEWEST], hashes: Vec::new(), ends: Vec::new(), bytes: Vec::new() }
    }
}

impl Texts {
    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of a number.
    pub fn text(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    /// The hash of the text of a number.
    pub fn hash(&self, number: u32) -> u64 {
        self.hashes[number as usize]
    }

    /// The number of `text`, a new one where it was not there.
    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "places in a table; the upper half of a hash is meant"
    )]
    pub fn number(&mut self, text: &[u8]) -> u32 {
        let hash = hash_text(text);
        let (mask, tag) = (self.slots.len() - 1, (hash >> 32) as u32);
        let mut at = hash as usize & mask;
        loop {
            let (found, number) = self.slots[at];
            if number == 0 {
                return self.insert(at, text, hash);
            }
            if found == tag && self.text(number - 1) == text {
                return number - 1;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    #[inline(never)]
    #[allow(clippy::cast_possible_truncation, reason = "the assertion above")]
    fn insert(&mut self, at: usize, text: &[u8], hash: u64) -> u32 {
        assert!(self.ends.len() < MOST, "more than four thousand million groups in one part");
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.hashes.push(hash);
        let number = self.ends.len() as u32;
        self.slots[at] = ((hash >> 32) as u32, number);
        if self.ends.len() * 8 > self.slots.len() * 5 {
            self.grow();
        }
        number - 1
    }

    #[allow(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 texts")]
    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(size, (0, 0));
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut at = *hash as usize & (size - 1);
            while self.slots[at].1 != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = ((hash >> 32) as u32, number as u32 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_has_one_number_and_numbers_follow_the_first_appearance(
            keys in proptest::collection::vec(prop_oneof![0..300_u64, 0..100_000_u64, any::<u64>()], 0..2_000),
            expected in proptest::option::of((any::<u64>(), 0..100_000_u64)),
            near_zero: bool,
        ) {
            let (mut table, mut model) = (Words::default(), HashMap::new());
            if let Some((least, room)) = expected {
                let least = if near_zero { least % 1_000 } else { least };
                table.expect(least, least.saturating_add(room));
            }
            for key in &keys {
                let next = u32::try_from(model.len()).unwrap();
                prop_assert_eq!(table.number(*key), *model.entry(*key).or_insert(next));
            }
            prop_assert_eq!(table.len(), model.len());
            prop_assert!(model.iter().all(|(key, number)| table.keys()[*number as usize] == *key));
        }

        #[test]
        fn texts_that_differ_in_anything_are_different_keys(texts in proptest::collection::vec("[0-9a-b]{0,19}", 0..600)) {
            let (mut table, mut model) = (Texts::default(), HashMap::new());
            for text in &texts {
                let next = u32::try_from(model.len()).unwrap();
                prop_assert_eq!(table.number(text.as_bytes()), *model.entry(text).or_insert(next));
            }
            prop_assert!(model.iter().all(|(text, number)| table.text(*number) == text.as_bytes()));
        }
    }

    #[test]
    fn zeros_behind_a_text_make_another_text_of_it() {
        let mut table = Texts::default();
        assert_ne!(table.number(b"a"), table.number(b"a\0"));
        assert_ne!(table.number(b""), table.number(b"\0\0\0\0\0\0\0\0"));
        assert_ne!(hash_text(b"a"), hash_text(b"a\0"));
    }

    #[test]
    fn neighbouring_keys_spread_over_partitions_and_slots() {
        for shift in [0, 32, 58] {
            let mut seen = vec![0_u32; 64];
            (0..64_000_u64).for_each(|key| seen[usize::try_from(hash_word(key) >> shift & 63).unwrap()] += 1);
            assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{shift}: {seen:?}");
        }
    }
}
