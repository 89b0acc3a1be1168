//! Text to rows: a window of bytes at a time, with the place of every field.

mod block;
mod index;
mod reject;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

pub use block::{Block, Place};
pub use reject::{REJECTS_HEADER, Reject};

use crate::dialect::Dialect;
use crate::scan::exact::{Event, State};
use crate::scan::plan::Segment;

/// Bytes that are looked at together: their rows, their places and their columns stay in the cache of a core.
const WINDOW: usize = 384 << 10;
/// The longest row that is taken, in bytes. A longer one, such as what stands behind a quote that is never closed, is
/// rejected without being held in memory.
pub const LONGEST_ROW: usize = 64 << 20;

/// The rows of a text, block by block.
#[derive(Debug)]
pub struct Rows<R> {
    source: R,
    ended: bool,
    window: usize,
    /// The window where no row is longer than that.
    usual: usize,
    block: Block,
}

/// A part of a file as a stream, read at its own place: whoever else reads the file is not disturbed.
#[derive(Debug)]
pub struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Part<'a> {
    /// The rows of `segment`.
    pub fn new(file: &'a File, segment: &Segment) -> Self {
        Self { file, at: segment.span.start, end: segment.span.end }
    }
}

impl Read for Part<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(into.len());
        let count = self.file.read_at(&mut into[..left], self.at)?;
        if count == 0 && left > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was read",
            ));
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Read> Rows<R> {
    /// Reads rows of `columns` fields. `line` and `byte` tell where in the file the source begins.
    pub fn new(source: R, dialect: Dialect, columns: usize, line: u64, byte: u64) -> Self {
        Self {
            source,
            ended: false,
            window: WINDOW,
            usual: WINDOW,
            block: Block::new(dialect, columns, line, byte),
        }
    }

    /// The same with fewer bytes at a time, for who wants to see only a few rows.
    #[must_use]
    pub fn with_window(self, bytes: usize) -> Self {
        Self { window: bytes.max(1), usual: bytes.max(1), ..self }
    }

    /// The next rows, at least one good or bad one; `None` at the end.
    ///
    /// # Errors
    /// Those of the source.
    pub fn next_block(&mut self) -> io::Result<Option<&mut Block>> {
        loop {
            self.block.forget_used();
            self.fill()?;
            if self.block.data.is_empty() {
                return Ok(None);
            }
            self.block.index();
            if self.block.used == 0 {
                if self.ended {
                    self.block.reject_rest();
                } else if self.window < LONGEST_ROW {
                    self.window = (self.window * 2).min(LONGEST_ROW);
                    continue;
                } else {
                    self.skip_row()?;
                }
            }
            self.window = self.usual;
            if self.block.rows() > 0 || !self.block.bad.is_empty() {
                return Ok(Some(&mut self.block));
            }
        }
    }

    /// Fills the window, and puts an end to a last row that has none.
    fn fill(&mut self) -> io::Result<()> {
        let data = &mut self.block.data;
        let mut have = data.len();
        if self.ended || have >= self.window {
            return Ok(());
        }
        data.resize(self.window, 0);
        let outcome = loop {
            match self.source.read(&mut data[have..]) {
                Ok(0) => break Ok(()),
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        // A read into no room at all gives nothing either, so the source has ended only where there was room.
        self.ended = outcome.is_ok() && have < data.len();
        data.truncate(have);
        let end = self.block.dialect.marks().end;
        if self.ended && data.last().is_some_and(|last| *last != end) {
            data.push(end);
            self.block.end_added = true;
        }
        outcome
    }

    /// Reads on to the end of a row that is too long, keeps its beginning, and rejects it.
    fn skip_row(&mut self) -> io::Result<()> {
        let marks = self.block.dialect.marks();
        let mut state = State::FieldStart;
        for byte in &self.block.data {
            state = state.step(*byte, marks).0;
        }
        let mut piece = vec![0; WINDOW];
        let (mut skipped, mut lines) = (0, 0);
        loop {
            let count = match self.source.read(&mut piece) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.ended |= count == 0;
            for (at, byte) in piece[..count].iter().enumerate() {
                let (next, event) = state.step(*byte, marks);
                state = next;
                lines += u64::from(*byte == marks.end);
                if event == Event::RowEnd {
                    self.block.reject_long(skipped + at as u64 + 1, lines, &piece[at + 1..count]);
                    return Ok(());
                }
            }
            skipped += count as u64;
            if self.ended {
                self.block.reject_long(skipped, lines, &[]);
                return Ok(());
            }
        }
    }

    /// How many bytes of the source stand behind us as rows.
    pub fn bytes_used(&self) -> u64 {
        self.block.position() - self.block.first_byte
    }
}

#[cfg(test)]
mod tests;
