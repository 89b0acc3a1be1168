//! Rows that lie in memory together.

#![allow(
    clippy::cast_possible_truncation,
    reason = "places in a window: it is never larger than twice the longest row"
)]

use super::index;
use super::reject::Reject;
use crate::columns::RawField;
use crate::dialect::Dialect;
use crate::scan::exact::unquote;
use crate::scan::masks::Masks;
use crate::scan::plan::Span;
use crate::scan::survey::utf16_units;

/// Room that is kept for the next rows, in bytes: one very long row must not be paid for to the end.
const MOST_KEPT: usize = 4 << 20;
/// How much of a bad value an error shows, in characters.
const SHOWN: usize = 40;

/// Rows of one width, with the place of every field, and those between them that are no such rows.
#[derive(Debug)]
pub struct Block {
    pub(crate) dialect: Dialect,
    columns: usize,
    pub(super) data: Vec<u8>,
    /// For each row where it begins and where each field ends: `columns + 1` numbers a row.
    pub(super) slots: Vec<u32>,
    pub(super) bad: Vec<Bad>,
    /// Bytes of `data` whose rows are indexed.
    pub(super) used: usize,
    /// Whether a quote stands anywhere in the rows.
    pub(super) quoted: bool,
    pub(super) masks: Vec<Masks>,
    /// Whether the last byte of `data` is a row end that the file does not have.
    pub(super) end_added: bool,
    /// Bytes and lines of the file before a row that was too long to be held, which count for `used` as well.
    skipped: (u64, u64),
    line: u64,
    byte: u64,
    pub(super) first_byte: u64,
}

/// Where a row stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its bytes, without its end.
    pub span: Span,
}

/// A row that is to be taken out, a value that is to blame (its column and its place), and the reason.
pub(crate) type Aside = (usize, Option<(usize, usize)>, String);

/// A row that is none of the table's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The column's number, and where its value begins.
    pub(crate) value: Option<(usize, u32)>,
    pub(crate) reason: String,
}

impl Block {
    pub(super) fn new(dialect: Dialect, columns: usize, line: u64, byte: u64) -> Self {
        Self {
            dialect,
            columns,
            data: Vec::new(),
            slots: Vec::new(),
            bad: Vec::new(),
            used: 0,
            quoted: false,
            masks: Vec::new(),
            end_added: false,
            skipped: (0, 0),
            line,
            byte,
            first_byte: byte,
        }
    }

    /// How many good rows there are.
    pub fn rows(&self) -> usize {
        self.slots.len() / (self.columns + 1)
    }

    /// Where the next block begins, in bytes of the file.
    pub(super) fn position(&self) -> u64 {
        self.byte + self.used as u64 + self.skipped.0
            - u64::from(self.end_added && self.used == self.data.len())
    }

    /// Makes room for what follows.
    pub(super) fn forget_used(&mut self) {
        self.line += self.lines_in(0, self.used) + self.skipped.1;
        self.byte = self.position();
        self.end_added &= self.used < self.data.len();
        self.skipped = (0, 0);
        self.data.copy_within(self.used.., 0);
        self.data.truncate(self.data.len() - self.used);
        if self.data.capacity() > MOST_KEPT && self.data.len() < MOST_KEPT / 2 {
            self.data.shrink_to(MOST_KEPT / 2);
        }
        self.used = 0;
        self.slots.clear();
        self.bad.clear();
    }

    fn lines_in(&self, start: usize, end: usize) -> u64 {
        let mark = self.dialect.marks().end;
        memchr::memchr_iter(mark, &self.data[start..end]).count() as u64
    }

    /// Finds the rows.
    pub(super) fn index(&mut self) {
        index::index(self, self.columns);
    }

    /// Sets rows aside that are not UTF-8 where the file should be; whether there was one.
    ///
    /// Only columns of text need to be looked at, and they are when they are made, so this is called when something is
    /// wrong with a column, or when no column is made.
    pub(crate) fn reject_bad_bytes(&mut self) -> bool {
        if !self.dialect.encoding.is_utf8() || std::str::from_utf8(&self.data[..self.used]).is_ok() {
            return false;
        }
        let found: Vec<_> = (0..self.rows())
            .filter_map(|row| {
                let (start, end) = self.row_span(row);
                let fault = std::str::from_utf8(&self.data[start..end]).err()?;
                let at = start + fault.valid_up_to();
                let column = (0..self.columns).find(|column| self.slot(row, column + 1) > at).unwrap_or(0);
                let reason = format!("the byte 0x{:02x} is not UTF-8 here", self.data[at]);
                Some((row, Some((column, at)), reason))
            })
            .collect();
        let any = !found.is_empty();
        self.set_aside(found);
        any
    }

    /// What is left at the end of the file without a row end is inside a quote that nobody closed.
    pub(super) fn reject_rest(&mut self) {
        self.used = self.data.len();
        let end = self.data.len() - usize::from(self.end_added);
        let reason = "the file ends inside of quotes: a quote is opened in this row and never closed";
        self.bad.push(Bad { start: 0, end: end as u32, value: None, reason: reason.into() });
    }

    /// Rejects a row of which `data` holds the beginning; `behind` is what was read of the next row.
    pub(super) fn reject_long(&mut self, skipped: u64, lines: u64, behind: &[u8]) {
        let start_of_rest = self.data.len();
        let length = self.data.len() as u64 + skipped;
        let reason = format!("the row has {length} bytes: a quote that is opened in it may never be closed");
        self.bad.push(Bad { start: 0, end: self.data.len().min(4_096) as u32, value: None, reason });
        self.data.extend_from_slice(behind);
        self.used = start_of_rest;
        self.skipped = (skipped, lines);
    }

    fn slot(&self, row: usize, number: usize) -> usize {
        self.slots[row * (self.columns + 1) + number] as usize
    }

    fn row_span(&self, row: usize) -> (usize, usize) {
        (self.slot(row, 0), self.slot(row, self.columns))
    }

    /// Takes rows out, which are given in their order.
    pub(crate) fn set_aside(&mut self, rows: Vec<Aside>) {
        let stride = self.columns + 1;
        let mut gone = rows.iter().map(|(row, ..)| *row).peekable();
        let mut kept = Vec::with_capacity(self.slots.len());
        for (row, slots) in self.slots.chunks_exact(stride).enumerate() {
            if gone.next_if_eq(&row).is_none() {
                kept.extend_from_slice(slots);
            }
        }
        for (row, value, reason) in rows {
            let (start, end) = self.row_span(row);
            let value = value.map(|(column, at)| (column, at as u32));
            self.bad.push(Bad { start: start as u32, end: end as u32, value, reason });
        }
        self.slots = kept;
    }

    /// Sets good rows aside, each with the place of the column that is to blame, if one is, and the reason. They are given in
    /// their order, by their numbers among the good rows; a batch that was made of the block before still has them.
    pub fn reject(&mut self, rows: impl IntoIterator<Item = (usize, Option<usize>, String)>) {
        let aside = rows.into_iter().map(|(row, column, reason)| {
            let value = column.map(|column| (column, self.value_start(row, column)));
            (row, value, reason)
        });
        let aside: Vec<Aside> = aside.collect();
        if !aside.is_empty() {
            self.set_aside(aside);
        }
    }

    /// The beginning of a value, for an error.
    pub(crate) fn shown(&self, row: usize, column: usize) -> String {
        let text = &self.data[self.value_start(row, column)..self.slot(row, column + 1)];
        let decoded = self.dialect.encoding.decode(text);
        decoded.unwrap_or_default().chars().take(SHOWN).collect()
    }

    /// Where the value of a column begins in the block.
    pub(crate) fn value_start(&self, row: usize, column: usize) -> usize {
        self.slot(row, column) + usize::from(column > 0)
    }

    /// Calls `use_field` with the column's field of each row until it says no; the row it said no to.
    #[inline]
    pub(crate) fn each(
        &self,
        column: usize,
        mut use_field: impl FnMut(RawField<'_>) -> bool,
    ) -> Option<usize> {
        let rows = self.slots.chunks_exact(self.columns + 1);
        let skip = u32::from(column > 0);
        let quote = self.dialect.quote.filter(|_| self.quoted);
        let Some(quote) = quote else {
            for (row, slots) in rows.enumerate() {
                let text = &self.data[(slots[column] + skip) as usize..slots[column + 1] as usize];
                if !use_field(RawField { text, quoted: false }) {
                    return Some(row);
                }
            }
            return None;
        };
        let mut scratch = Vec::new();
        for (row, slots) in rows.enumerate() {
            let text = &self.data[(slots[column] + skip) as usize..slots[column + 1] as usize];
            let field = if text.first() == Some(&quote) {
                RawField { text: unquoted(text, quote, &mut scratch), quoted: true }
            } else {
                RawField { text, quoted: false }
            };
            if !use_field(field) {
                return Some(row);
            }
        }
        None
    }

    /// The line of the file on which the byte `at` of the block stands.
    pub(crate) fn line_of(&self, at: usize) -> u64 {
        self.line + self.lines_in(0, at)
    }

    /// The line on which a row begins.
    pub(crate) fn line_of_row(&self, row: usize) -> u64 {
        self.line_of(self.slot(row, 0))
    }

    /// Where each good row stands, in the order of the file. Read alone from there, it is the same row.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let (mut at, mut line) = (0, self.line);
        (0..self.rows()).map(move |row| {
            let (start, end) = self.row_span(row);
            line += self.lines_in(at, start);
            at = start;
            let span = Span { start: self.byte + start as u64, end: self.byte + end as u64 };
            Place { line, span }
        })
    }

    /// The rows that were set aside, in the order of the file.
    pub fn rejects(&mut self) -> Vec<Reject> {
        self.bad.sort_by_key(|bad| bad.start);
        let told = |bad: &Bad| {
            let (start, end) = (bad.start as usize, bad.end as usize);
            let at = bad.value.map_or(start, |(_, at)| at as usize);
            Reject {
                line: self.line_of(start),
                column: bad.value.map(|(column, _)| column),
                byte: self.byte + at as u64,
                reason: bad.reason.clone(),
                row: Reject::shown(&self.data[start..end], self.dialect.encoding),
            }
        };
        self.bad.iter().map(told).collect()
    }

    /// UTF-16 code units of the text before `byte` (a place in the file) that lies in this block.
    pub fn units_before(&self, byte: u64) -> u64 {
        let at = usize::try_from(byte.saturating_sub(self.byte)).unwrap_or(0).min(self.data.len());
        utf16_units(&self.data[..at])
    }

    /// UTF-16 code units of the rows of this block.
    pub fn units(&self) -> u64 {
        utf16_units(&self.data[..self.used])
    }
}

/// The text of a field that begins with a quote.
#[inline]
fn unquoted<'a>(field: &'a [u8], quote: u8, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if let [_, inner @ .., last] = field
        && *last == quote
        && memchr::memchr(quote, inner).is_none()
    {
        return inner;
    }
    scratch.clear();
    unquote(field, quote, scratch);
    scratch
}
