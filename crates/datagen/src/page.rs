//! A growing page of text that the row writers write on.
//!
//! Row writers spend their time on short fields, where a `Vec`'s bookkeeping for each `extend` costs more than the bytes
//! do. A [`Page`] therefore reserves room for a whole row once and then stores each short field as one fixed-size copy,
//! of which only the field's own length counts. The margin after the cursor is what makes that safe: it is memory that
//! the page owns and that the next field overwrites.

/// Room that every row may use beyond its long texts, in bytes.
const MARGIN: usize = 512;

/// A short text in a fixed-size cell, so that copying it is a few wide stores.
#[derive(Debug, Clone, Copy)]
pub struct Short {
    bytes: [u8; 32],
    length: usize,
}

impl Short {
    /// # Panics
    /// When the text is longer than 32 bytes: such texts are constants of this crate.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self { bytes, length: text.len() }
    }
}

/// The digit pairs `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Text being written, always valid UTF-8 unless raw bytes were asked for.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    at: usize,
}

impl Page {
    /// The text written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.at]
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.at
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// Forgets the text and keeps the memory.
    pub fn clear(&mut self) {
        self.at = 0;
    }

    /// Turns the line ends from `start` on into commas, but for the last one, which goes: objects of JSON, in which a
    /// line end never stands for itself, become the inside of an array.
    pub(crate) fn join_lines(&mut self, start: usize) {
        if self.at > start {
            self.at -= 1;
            self.bytes[start..self.at]
                .iter_mut()
                .filter(|byte| **byte == b'\n')
                .for_each(|byte| *byte = b',');
        }
    }

    /// Makes room for a row: 512 bytes of short fields. Long texts make their own.
    #[inline]
    pub fn row(&mut self) {
        if self.bytes.len() - self.at < MARGIN {
            self.grow(MARGIN);
        }
    }

    /// Doubling keeps the cost of growth constant a byte.
    #[cold]
    fn grow(&mut self, room: usize) {
        let wanted = (self.at + room).max(self.bytes.len() * 2).max(64 * 1024);
        self.bytes.resize(wanted, 0);
    }

    /// Writes one ASCII byte inside a row.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.bytes[self.at] = byte;
        self.at += 1;
    }

    /// Writes a short text inside a row.
    #[inline]
    pub fn short(&mut self, text: &Short) {
        self.bytes[self.at..self.at + 32].copy_from_slice(&text.bytes);
        self.at += text.length;
    }

    /// Writes a text of a length known at compile time inside a row.
    #[inline]
    pub fn fixed<const N: usize>(&mut self, text: &[u8; N]) {
        self.bytes[self.at..self.at + N].copy_from_slice(text);
        self.at += N;
    }

    /// Writes two digits, `00` to `99`.
    #[inline]
    pub fn two_digits(&mut self, n: u32) {
        self.fixed(&PAIRS[n as usize]);
    }

    /// Writes a number without leading zeros inside a row.
    #[inline]
    pub fn number(&mut self, n: u64) {
        let length = n.checked_ilog10().unwrap_or(0) as usize + 1;
        let field = &mut self.bytes[self.at..self.at + length];
        digits(n, field);
        self.at += length;
    }

    /// Writes a number of exactly `N` digits inside a row, with leading zeros; higher digits are cut off.
    #[inline]
    pub fn padded<const N: usize>(&mut self, n: u64) {
        let field = &mut self.bytes[self.at..self.at + N];
        digits(n, field);
        self.at += N;
    }

    /// Writes a text of any length; room for the rest of the row stays reserved.
    #[inline]
    pub fn text(&mut self, text: &[u8]) {
        if self.bytes.len() - self.at < MARGIN + text.len() {
            self.grow(MARGIN + text.len());
        }
        self.bytes[self.at..self.at + text.len()].copy_from_slice(text);
        self.at += text.len();
    }
}

/// Fills `field` with the last digits of `n`, right to left, two at a time.
#[inline]
fn digits(mut n: u64, field: &mut [u8]) {
    let mut end = field.len();
    while end >= 2 {
        field[end - 2..end].copy_from_slice(&PAIRS[(n % 100) as usize]);
        n /= 100;
        end -= 2;
    }
    if end == 1 {
        field[0] = b'0' + (n % 10) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_the_standard_library_writes_them() {
        let mut page = Page::default();
        for n in [0, 1, 9, 10, 99, 100, 12_345, 99_999_999, u64::MAX] {
            page.row();
            page.number(n);
            assert_eq!(page.as_bytes(), n.to_string().as_bytes());
            page.clear();
        }
        page.padded::<3>(7);
        page.padded::<6>(1_234_567);
        page.two_digits(5);
        assert_eq!(page.as_bytes(), b"00723456705");
    }

    #[test]
    fn a_long_text_leaves_room_for_the_rest_of_its_row() {
        let mut page = Page::default();
        let long = vec![b'x'; 200_000];
        for _ in 0..3 {
            page.row();
            page.text(&long);
            page.short(&Short::new("end\n"));
        }
        assert_eq!(page.len(), 3 * 200_004);
        assert!(page.as_bytes().ends_with(b"xend\n"));
    }
}
