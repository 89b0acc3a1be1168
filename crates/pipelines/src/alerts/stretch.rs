//! A stretch of a file in memory, which is read on at its end and let go at its beginning.
//!
//! Its memory is written over and never given back, so that going through a file piece by piece neither allocates nor clears
//! anything, and what is searched is still in a core's cache.

use std::io::{self, ErrorKind, Read};

/// The stretch.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    /// Longer than the text, once a longer one was here.
    memory: Vec<u8>,
    length: usize,
}

impl Stretch {
    /// What is in it.
    pub(super) fn text(&self) -> &[u8] {
        &self.memory[..self.length]
    }

    /// Forgets what is in it.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Reads on until there are `want` bytes. Tells whether the input ended before.
    ///
    /// # Errors
    /// The reader's errors.
    pub(super) fn fill(&mut self, from: &mut impl Read, want: usize) -> io::Result<bool> {
        if self.memory.len() < want {
            self.memory.resize(want, 0);
        }
        while self.length < want {
            match from.read(&mut self.memory[self.length..want]) {
                Ok(0) => return Ok(true),
                Ok(read) => self.length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Lets go of the first `count` bytes.
    pub(super) fn drop_front(&mut self, count: usize) {
        self.memory.copy_within(count..self.length, 0);
        self.length -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_let_go_stays_in_front_of_what_is_read_on() {
        let mut stretch = Stretch::default();
        let mut from = &b"abcdefgh"[..];
        assert!(!stretch.fill(&mut from, 5).unwrap() && stretch.text() == b"abcde");
        stretch.drop_front(3);
        assert!(!stretch.fill(&mut from, 4).unwrap() && stretch.text() == b"defg");
        assert!(stretch.fill(&mut from, 9).unwrap() && stretch.text() == b"defgh");
        stretch.clear();
        assert!(stretch.fill(&mut from, 1).unwrap() && stretch.text().is_empty());
    }
}
