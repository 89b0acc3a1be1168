//! From chunks of fixed size to whole rows.
//!
//! The borders of the chunks are a matter of the file's length alone. Each chunk owns the rows that begin behind its first
//! row end (the first chunk also owns the file's first row), so the rows of all chunks are the rows of the file, each
//! once, for any chunk size.

use std::io;

use serde::{Deserialize, Serialize};

use super::exact::State;
use super::survey::{Before, Meaning, Survey, walk};
use crate::dialect::Dialect;

/// A part of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// The byte behind the last one.
    pub end: u64,
}

impl Span {
    /// How many bytes it has.
    pub fn len(self) -> u64 {
        self.end - self.start
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The parts of at most `size` bytes, of which only the last one may be shorter.
    pub fn chunks(self, size: u64) -> impl Iterator<Item = Self> {
        let size = size.max(1);
        let count = self.len().div_ceil(size);
        (0..count).map(move |number| {
            let start = self.start + number * size;
            Self { start, end: (start + size).min(self.end) }
        })
    }
}

/// Whole rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Where they stand.
    pub span: Span,
    /// The line of the file, from 1, on which the first one begins.
    pub line: u64,
    /// UTF-16 code units before the first one; 0 where the file is not UTF-16.
    pub units: u64,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The rows of each chunk in which some begin, in order.
    pub segments: Vec<Segment>,
    /// How many rows there are, without empty lines; counted without reading a field.
    pub rows: u64,
    /// Whether the file ends inside quotes, so that its last row has no end.
    pub open_quote: bool,
}

/// Puts the surveys of a file's chunks together.
///
/// `data` is where the rows of the file stand, `line` the line on which they begin, and `read` reads a part of the file:
/// it is called for chunks whose quotes stand where none should, and for a few bytes before a chunk and at the end.
///
/// # Errors
/// Those of `read`.
pub fn segments(
    data: Span,
    line: u64,
    chunks: &[(Span, Survey)],
    dialect: &Dialect,
    mut read: impl FnMut(Span) -> io::Result<Vec<u8>>,
) -> io::Result<Rows> {
    let end = dialect.marks().end;
    let mut rows = Rows::default();
    // Where the rows of the chunk in hand begin. The file's first row begins with its data.
    let mut starts = vec![Segment { span: Span { start: data.start, end: data.end }, line, units: 0 }];
    let (mut state, mut walked) = (State::FieldStart, false);
    let (mut line_here, mut units_here) = (line, 0);
    let mut last = Meaning::default();
    for (span, survey) in chunks {
        let inside = state == State::Quoted;
        let known = if inside { survey.inside } else { survey.outside };
        // Behind a walk the state may be one that two bytes do not tell: a quote that is a character like any other.
        let misread =
            walked && state == State::Unquoted && last_byte(*span, data, &mut read)? == dialect.quote;
        let meaning = match known {
            Some(meaning) if !misread => {
                state = if meaning.ends_inside { State::Quoted } else { State::FieldStart };
                walked = false;
                meaning
            }
            _ => {
                let before = before(*span, data, dialect, &mut read)?;
                if !walked && !inside {
                    state = state_behind(before, *dialect);
                }
                let chunk = read(*span)?;
                let (meaning, behind) = walk(&chunk, before, state, dialect);
                (state, walked) = (behind, true);
                meaning
            }
        };
        if let Some(first) = meaning.first_end {
            let start = span.start + first + 1;
            let units = if survey.units > 0 {
                super::survey::utf16_units(&read(Span { start: span.start, end: start })?)
            } else {
                0
            };
            starts.push(Segment {
                span: Span { start, end: data.end },
                line: line_here + meaning.lines_to_first,
                units: units_here + units,
            });
        }
        rows.rows += meaning.ends - meaning.blanks;
        line_here += survey.lines;
        units_here += survey.units;
        last = meaning;
    }
    for next in (1..starts.len()).rev() {
        starts[next - 1].span.end = starts[next].span.start;
    }
    starts.retain(|segment| !segment.span.is_empty());
    rows.open_quote = last.ends_inside;
    rows.rows += u64::from(has_tail(data, &starts, end, last, &mut read)?);
    rows.segments = starts;
    Ok(rows)
}

/// Whether a row without a row end stands at the end of the file.
fn has_tail(
    data: Span,
    segments: &[Segment],
    end: u8,
    last: Meaning,
    read: &mut impl FnMut(Span) -> io::Result<Vec<u8>>,
) -> io::Result<bool> {
    if data.is_empty() || segments.is_empty() {
        return Ok(false);
    }
    if last.ends_inside {
        return Ok(true);
    }
    let tail = read(Span { start: data.end.saturating_sub(2).max(data.start), end: data.end })?;
    let lone_return = |bytes: &[u8]| end != b'\r' && (bytes == b"\r" || bytes == [end, b'\r']);
    Ok(tail.last() != Some(&end) && !lone_return(&tail))
}

fn last_byte(
    span: Span,
    data: Span,
    read: &mut impl FnMut(Span) -> io::Result<Vec<u8>>,
) -> io::Result<Option<u8>> {
    if span.start == data.start {
        return Ok(None);
    }
    Ok(read(Span { start: span.start - 1, end: span.start })?.last().copied())
}

/// The two bytes before a chunk, or what stands for them at the start of the data.
///
/// # Errors
/// Those of `read`.
pub fn before(
    span: Span,
    data: Span,
    dialect: &Dialect,
    mut read: impl FnMut(Span) -> io::Result<Vec<u8>>,
) -> io::Result<Before> {
    let mut before = Before::start(dialect);
    let found = read(Span { start: span.start.saturating_sub(2).max(data.start), end: span.start })?;
    for (place, byte) in before.bytes.iter_mut().rev().zip(found.iter().rev()) {
        *place = *byte;
    }
    Ok(before)
}

/// The state behind quotes that all stood where they should, outside of quotes.
fn state_behind(before: Before, dialect: Dialect) -> State {
    let (byte, marks) = (before.bytes[1], dialect.marks());
    if byte == marks.delimiter || byte == marks.end {
        State::FieldStart
    } else if Some(byte) == marks.quote {
        State::QuoteInQuoted
    } else {
        State::Unquoted
    }
}

#[cfg(test)]
mod tests;
