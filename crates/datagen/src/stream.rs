//! Where every random number comes from.
//!
//! A table has one key, made of the seed and the table's name; its records are cut into blocks of [`BLOCK`], and block
//! `b` is the generator's stream `b`. Inside a block each record owns [`WORDS`] words at a fixed place. So a record depends on
//! `(seed, table, index)` and on nothing else: not on the file it lands in, not on the worker that makes it, and not on
//! the records before it. It also makes every table readable at random: the API server asks for one page and pays for
//! one page.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Random words that each record owns: exactly one block of `ChaCha8`.
pub const WORDS: usize = 16;

/// Records of one `ChaCha8` stream.
pub const BLOCK: u64 = 65_536;

/// Bytes of one record's words.
const RECORD_BYTES: usize = WORDS * 4;

/// Records whose words are drawn at once: 4 KiB, which stays in the first-level cache beside the text being written.
const BATCH: usize = 64;

/// The random words of one record.
pub type Words = [u32; WORDS];

/// The random words of one table under one seed.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u8; 32],
}

impl Stream {
    /// The stream of `table` under `seed`. Two tables never share words, whatever the seed.
    pub fn new(seed: u64, table: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("paralelo datagen stream 1");
        hasher.update(&seed.to_le_bytes());
        hasher.update(table.as_bytes());
        Self { key: *hasher.finalize().as_bytes() }
    }

    /// The words of record `index`, counted from 0.
    pub fn words(&self, index: u64) -> Words {
        let mut bytes = [0; RECORD_BYTES];
        self.source(index).fill_bytes(&mut bytes);
        decode(&bytes)
    }

    /// Calls `each` with the index and the words of every record of `range`, in order.
    pub fn for_each(&self, range: Range<u64>, mut each: impl FnMut(u64, &Words)) {
        let mut bytes = [0; RECORD_BYTES * BATCH];
        let mut index = range.start;
        while index < range.end {
            let mut source = self.source(index);
            let block_end = (index - index % BLOCK).saturating_add(BLOCK).min(range.end);
            while index < block_end {
                let records = usize::try_from(block_end - index).unwrap_or(BATCH).min(BATCH);
                let drawn = &mut bytes[..records * RECORD_BYTES];
                source.fill_bytes(drawn);
                for record in drawn.as_chunks::<RECORD_BYTES>().0 {
                    each(index, &decode(record));
                    index += 1;
                }
            }
        }
    }

    /// A generator that stands at the words of record `index`.
    fn source(&self, index: u64) -> ChaCha8Rng {
        let mut source = ChaCha8Rng::from_seed(self.key);
        source.set_stream(index / BLOCK);
        source.set_word_pos(u128::from(index % BLOCK) * WORDS as u128);
        source
    }
}

/// Words are little-endian by definition, so that a table is the same on every machine.
#[inline]
fn decode(bytes: &[u8; RECORD_BYTES]) -> Words {
    let mut words = [0; WORDS];
    for (word, four) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*four);
    }
    words
}

/// A number in `0..n` from one word, by the high half of a product (Lemire 2019). Its bias is below `n / 2^32`.
#[inline]
pub fn below(word: u32, n: u32) -> u32 {
    let product = u64::from(word) * u64::from(n);
    (product >> 32) as u32
}

/// A number in `0..n` that favours small ones: its density falls as `1 / sqrt(x)`, so that the first hundredth of the
/// range gets a tenth of the draws. Customers and products are popular in about this way.
#[inline]
pub fn below_skewed(word: u32, n: u32) -> u32 {
    let squared = (u64::from(word) * u64::from(word)) >> 32;
    ((squared * u64::from(n)) >> 32) as u32
}

/// A well-mixed 64-bit value of `value`: the finaliser of `SplitMix64` (Steele, Lea and Flood 2014). For attributes that
/// must be found from an identifier alone, at the price of two multiplications.
#[inline]
pub fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_read_alone_has_the_words_it_has_in_a_range() {
        let stream = Stream::new(42, "orders");
        let range = BLOCK - 100..BLOCK + 100;
        let mut seen = range.start;
        stream.for_each(range.clone(), |index, words| {
            assert_eq!(index, seen);
            assert_eq!(*words, stream.words(index), "record {index}");
            seen += 1;
        });
        assert_eq!(seen, range.end);
    }

    #[test]
    fn tables_seeds_and_blocks_do_not_share_words() {
        let words = Stream::new(42, "orders").words(7);
        assert_ne!(words, Stream::new(43, "orders").words(7));
        assert_ne!(words, Stream::new(42, "logs").words(7));
        assert_ne!(words, Stream::new(42, "orders").words(7 + BLOCK));
    }

    #[test]
    fn draws_stay_below_their_limit() {
        for n in [1, 2, 27, 1 << 31, u32::MAX] {
            assert_eq!(below(0, n), 0);
            assert_eq!(below(u32::MAX, n), n - 1);
            assert!(below_skewed(u32::MAX, n) < n);
        }
    }
}
