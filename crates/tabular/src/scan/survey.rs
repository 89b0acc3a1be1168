//! What one chunk of a file means, whatever stands before it.

use serde::{Deserialize, Serialize};

use super::exact::{Event, State};
use super::masks::{BLOCK, Marks, Masks, masks, prefix_xor};
use crate::dialect::Dialect;

/// A chunk's meaning under one hypothesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    /// Where the first row end stands, counted from the start of the chunk.
    pub first_end: Option<u64>,
    /// Physical lines that have ended up to and with the first row end.
    pub lines_to_first: u64,
    /// Row ends.
    pub ends: u64,
    /// Row ends of empty lines, which are no rows.
    pub blanks: u64,
    /// Whether the chunk ends inside quotes.
    pub ends_inside: bool,
}

/// A chunk's meaning under both hypotheses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// If the chunk begins outside of quotes; `None` if then a quote stands where none should.
    pub outside: Option<Meaning>,
    /// If it begins inside.
    pub inside: Option<Meaning>,
    /// Physical lines that end in the chunk.
    pub lines: u64,
    /// Characters of two or more bytes that are right in UTF-8, and bytes that cannot be UTF-8; only counted where asked.
    pub utf8: Utf8Counts,
    /// UTF-16 code units that the text would have; only counted where asked.
    pub units: u64,
}

/// How much speaks for and against UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utf8Counts {
    /// Characters of two or more bytes.
    pub characters: u64,
    /// Places where the bytes cannot be UTF-8.
    pub faults: u64,
}

/// The two bytes before a chunk, of which the hypotheses need to know: whether the last row has just ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// The last two bytes before the chunk; a row end where the file's data starts.
    pub bytes: [u8; 2],
}

impl Before {
    /// Before the first row of a file.
    pub fn start(dialect: &Dialect) -> Self {
        Self { bytes: [dialect.marks().end; 2] }
    }
}

/// One hypothesis on its way through the chunk.
#[derive(Clone, Copy)]
struct Walk {
    meaning: Meaning,
    void: bool,
}

/// Surveys a chunk. Fast: it looks at 64 bytes at a time and never at a field.
pub fn survey(chunk: &[u8], before: Before, dialect: &Dialect, scratch: &mut Scratch) -> Survey {
    let marks = dialect.marks();
    masks(chunk, marks, &mut scratch.0);
    let mut walks = [Walk { meaning: Meaning::default(), void: false }; 2];
    let mut lines = 0;
    let mut carry = Carry::new(before, marks);
    let mut odd_quotes = 0;
    for (number, masks) in scratch.0.iter().enumerate() {
        let base = number * BLOCK;
        let block = if base + BLOCK > chunk.len() { masks.first(chunk.len() - base) } else { *masks };
        let inside = prefix_xor(block.quote) ^ odd_quotes;
        let may_open = carry.behind_mark(block);
        let must_not_follow = !(block.delimiter | block.end | block.quote | block.cr);
        // A row end with nothing before it, or only a carriage return.
        let blank = carry.blank(block);
        for (walk, inside) in walks.iter_mut().zip([inside, !inside]) {
            if block.quote != 0 || carry.quote_before {
                let opening = block.quote & inside;
                let closing = block.quote & !inside;
                // What stands behind a closing quote; bit 0 is the byte behind the last block's last one.
                let was_closing = carry.quote_before && inside & 1 == block.quote & 1;
                let behind = closing << 1 | u64::from(was_closing);
                let length = (chunk.len() - base).min(BLOCK);
                let there = if length == BLOCK { u64::MAX } else { (1 << length) - 1 };
                walk.void |= opening & !may_open != 0 || behind & must_not_follow & there != 0;
            }
            let ends = block.end & !inside;
            if ends != 0 {
                if walk.meaning.first_end.is_none() {
                    let first = ends.trailing_zeros();
                    walk.meaning.first_end = Some(base as u64 + u64::from(first));
                    let upto = u64::MAX >> (63 - first);
                    walk.meaning.lines_to_first = lines + u64::from((block.end & upto).count_ones());
                }
                walk.meaning.ends += u64::from(ends.count_ones());
                walk.meaning.blanks += u64::from((ends & blank).count_ones());
            }
        }
        lines += u64::from(block.end.count_ones());
        // All ones where the number of quotes so far is odd.
        odd_quotes = 0_u64.wrapping_sub(inside >> 63);
        carry.next(block);
    }
    let [mut outside, mut inside] = walks;
    outside.meaning.ends_inside = odd_quotes != 0;
    inside.meaning.ends_inside = odd_quotes == 0;
    let kept = |walk: Walk| (!walk.void).then_some(walk.meaning);
    Survey { outside: kept(outside), inside: kept(inside), lines, ..Survey::default() }
}

/// Memory that a survey uses and the next one can use again.
#[derive(Debug, Default)]
pub struct Scratch(Vec<Masks>);

/// What the last bytes before a block were.
struct Carry {
    /// Delimiter, row end or quote.
    mark_before: bool,
    quote_before: bool,
    end_before: bool,
    /// A row end and a carriage return.
    end_cr_before: bool,
}

impl Carry {
    fn new(before: Before, marks: Marks) -> Self {
        let [last_but_one, last] = before.bytes;
        let is_cr = marks.end != b'\r' && last == b'\r';
        Self {
            mark_before: last == marks.delimiter || last == marks.end || Some(last) == marks.quote,
            quote_before: Some(last) == marks.quote,
            end_before: last == marks.end,
            end_cr_before: last_but_one == marks.end && is_cr,
        }
    }

    fn behind_mark(&self, masks: Masks) -> u64 {
        (masks.delimiter | masks.end | masks.quote) << 1 | u64::from(self.mark_before)
    }

    fn blank(&self, masks: Masks) -> u64 {
        let behind_end = masks.end << 1 | u64::from(self.end_before);
        let behind_end_cr = (masks.cr & behind_end) << 1 | u64::from(self.end_cr_before);
        masks.end & (behind_end | behind_end_cr)
    }

    fn next(&mut self, masks: Masks) {
        let top = |mask: u64| mask >> 63 == 1;
        let behind_end = masks.end << 1 | u64::from(self.end_before);
        self.mark_before = top(masks.delimiter | masks.end | masks.quote);
        self.quote_before = top(masks.quote);
        self.end_cr_before = top(masks.cr & behind_end);
        self.end_before = top(masks.end);
    }
}

/// The meaning of a chunk from a known state, byte by byte, and the state behind it.
pub fn walk(chunk: &[u8], before: Before, mut state: State, dialect: &Dialect) -> (Meaning, State) {
    let marks = dialect.marks();
    let mut meaning = Meaning::default();
    let [mut last_but_one, mut last] = before.bytes;
    let mut lines = 0;
    for (at, &byte) in chunk.iter().enumerate() {
        let (next, event) = state.step(byte, marks);
        lines += u64::from(byte == marks.end);
        if event == Event::RowEnd {
            let blank = last == marks.end || (last == b'\r' && last_but_one == marks.end);
            meaning.ends += 1;
            meaning.blanks += u64::from(blank);
            if meaning.first_end.is_none() {
                meaning.first_end = Some(at as u64);
                meaning.lines_to_first = lines;
            }
        }
        (state, last_but_one, last) = (next, last, byte);
    }
    meaning.ends_inside = state == State::Quoted;
    (meaning, state)
}

/// How much of a text speaks for UTF-8. Characters that the text's ends cut are not counted.
pub fn utf8_counts(text: &[u8]) -> Utf8Counts {
    let mut counts = Utf8Counts::default();
    // The tail of a character that began before.
    let start = text.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    for piece in text[start..].utf8_chunks() {
        counts.characters += piece.valid().bytes().filter(|byte| *byte >= 0xc0).count() as u64;
        counts.faults += u64::from(!piece.invalid().is_empty());
    }
    // The head of a character that goes on behind.
    let tail = text.utf8_chunks().last().map_or(&[][..], |piece| piece.invalid());
    let cut = !tail.is_empty()
        && tail.as_ptr_range().end == text.as_ptr_range().end
        && std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
    counts.faults -= u64::from(cut && counts.faults > 0);
    counts
}

/// UTF-16 code units of a text in UTF-8 that was made of UTF-16.
pub fn utf16_units(text: &[u8]) -> u64 {
    text.iter().map(|byte| u64::from(byte & 0xc0 != 0x80) + u64::from(*byte >= 0xf0)).sum()
}
