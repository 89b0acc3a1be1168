//! Sixty-four bytes at a time: a bit for each byte that means something.

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// The bytes that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Between fields.
    pub(crate) delimiter: u8,
    /// Around fields; `None` where the dialect has no quotes.
    pub(crate) quote: Option<u8>,
    /// After rows.
    pub(crate) end: u8,
}

/// Bit `n` of each mask tells of byte `n` of the block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    pub(crate) delimiter: u64,
    pub(crate) quote: u64,
    pub(crate) end: u64,
    /// Carriage returns, where they are not the row end themselves.
    pub(crate) cr: u64,
}

impl Masks {
    /// The masks with the bytes from `length` on left out: what a buffer's last block has behind its end.
    pub(crate) fn first(self, length: usize) -> Self {
        let keep = if length >= BLOCK { u64::MAX } else { (1 << length) - 1 };
        Self {
            delimiter: self.delimiter & keep,
            quote: self.quote & keep,
            end: self.end & keep,
            cr: self.cr & keep,
        }
    }
}

/// Bit `n` is the exclusive or of the bits 0 to `n`: ones from an opening quote up to, and without, the closing one.
pub(crate) fn prefix_xor(mut mask: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        mask ^= mask << shift;
    }
    mask
}

/// The masks of every block of `data`, in `out`; a last block that is not whole is filled up with zeros.
pub(crate) fn masks(data: &[u8], marks: Marks, out: &mut Vec<Masks>) {
    out.clear();
    out.reserve(data.len() / BLOCK + 1);
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the one feature that the function needs and is otherwise a safe function.
        #[allow(unsafe_code)]
        return unsafe { wide::masks(data, marks, out) };
    }
    each_block(data, |block| out.push(of(block, marks, plain::equal)));
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the caller's instruction set must reach this loop")]
fn each_block(data: &[u8], mut use_block: impl FnMut(&[u8; BLOCK])) {
    let (blocks, rest) = data.as_chunks::<BLOCK>();
    blocks.iter().for_each(&mut use_block);
    if !rest.is_empty() {
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        use_block(&last);
    }
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the caller's instruction set must reach this code")]
fn of(block: &[u8; BLOCK], marks: Marks, equal: impl Fn(&[u8; BLOCK], u8) -> u64) -> Masks {
    Masks {
        delimiter: equal(block, marks.delimiter),
        quote: marks.quote.map_or(0, |quote| equal(block, quote)),
        end: equal(block, marks.end),
        cr: if marks.end == b'\r' { 0 } else { equal(block, b'\r') },
    }
}

/// Eight bytes at a time with plain integers, for processors that are not x86.
mod plain {
    use super::BLOCK;

    pub(super) fn equal(block: &[u8; BLOCK], byte: u8) -> u64 {
        const LOW: u64 = 0x0101_0101_0101_0101;
        let mut mask = 0;
        for (number, word) in block.as_chunks::<8>().0.iter().enumerate() {
            let difference = u64::from_le_bytes(*word) ^ (LOW * u64::from(byte));
            // The top bit of each byte that is not zero, without a carry from one byte into the next.
            let other = ((difference & (LOW * 0x7f)) + LOW * 0x7f) | difference;
            let same = (!other >> 7) & LOW;
            // One multiplication brings the eight bits side by side into the top byte.
            mask |= (same.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (number * 8);
        }
        mask
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{_mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_set_epi64x, _mm256_set1_epi8};

    use super::{BLOCK, Marks, Masks, each_block, of};

    #[target_feature(enable = "avx2")]
    pub(super) fn masks(data: &[u8], marks: Marks, out: &mut Vec<Masks>) {
        each_block(data, |block| out.push(of(block, marks, |block, byte| equal(block, byte))));
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn equal(block: &[u8; BLOCK], byte: u8) -> u64 {
        let wanted = _mm256_set1_epi8(byte.cast_signed());
        let half = |from: usize| {
            let word = |number: usize| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&block[from + number * 8..from + number * 8 + 8]);
                i64::from_le_bytes(bytes)
            };
            let bytes = _mm256_set_epi64x(word(3), word(2), word(1), word(0));
            u64::from(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, wanted)).cast_unsigned())
        };
        half(0) | half(32) << 32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_bit_tells_of_its_byte(data in proptest::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300)) {
            let marks = Marks { delimiter: b',', quote: Some(b'"'), end: b'\n' };
            let mut found = Vec::new();
            masks(&data, marks, &mut found);
            let mut slow = Vec::new();
            each_block(&data, |block| slow.push(of(block, marks, plain::equal)));
            prop_assert_eq!(&found, &slow);
            for (at, byte) in data.iter().enumerate() {
                let bit = |mask: u64| mask >> (at % BLOCK) & 1 == 1;
                let masks = found[at / BLOCK];
                prop_assert_eq!(bit(masks.delimiter), *byte == b',');
                prop_assert_eq!(bit(masks.quote), *byte == b'"');
                prop_assert_eq!(bit(masks.end), *byte == b'\n');
                prop_assert_eq!(bit(masks.cr), *byte == b'\r');
            }
        }
    }

    #[test]
    fn ones_stand_from_an_opening_quote_to_the_closing_one() {
        assert_eq!(prefix_xor(0b0100_0100), 0b0011_1100);
        assert_eq!(prefix_xor(1 << 63), 1 << 63);
    }
}
