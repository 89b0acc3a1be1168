//! Where each field of each row ends.

#![allow(
    clippy::cast_possible_truncation,
    reason = "places in a window: it is never larger than twice the longest row"
)]

use super::block::{Bad, Block};
use crate::scan::exact::{Event, State};
use crate::scan::masks::{BLOCK, masks, prefix_xor};

/// Indexes every whole row of the block's data, which begins where a row does.
pub(super) fn index(block: &mut Block, columns: usize) {
    let mut masks_of = std::mem::take(&mut block.masks);
    masks(&block.data, block.dialect.marks(), &mut masks_of);
    block.masks = masks_of;
    let mut found = Found::new(std::mem::take(&mut block.slots), columns, block.dialect.marks().end);
    if !fast(block, &mut found) {
        found.restart();
        exact(block, &mut found);
    }
    (block.slots, block.quoted, block.used) = (found.slots, found.quoted, found.row_start);
    block.bad.append(&mut found.bad);
}

/// The rows found so far.
struct Found {
    slots: Vec<u32>,
    columns: usize,
    end: u8,
    bad: Vec<Bad>,
    quoted: bool,
    /// Where the row in hand begins, in the data and in `slots`.
    row_start: usize,
    row_slot: usize,
}

impl Found {
    fn new(mut slots: Vec<u32>, columns: usize, end: u8) -> Self {
        slots.clear();
        slots.push(0);
        Self { slots, columns, end, bad: Vec::new(), quoted: false, row_start: 0, row_slot: 0 }
    }

    fn restart(&mut self) {
        self.slots.clear();
        self.slots.push(0);
        self.bad.clear();
        (self.row_start, self.row_slot, self.quoted) = (0, 0, false);
    }

    /// A row ends at `at`; its delimiters are in `slots`.
    #[inline]
    fn row_ends(&mut self, at: usize, data: &[u8]) {
        let carriage_return = self.end == b'\n' && at > self.row_start && data[at - 1] == b'\r';
        let end = at - usize::from(carriage_return);
        let fields = self.slots.len() - self.row_slot;
        if end == self.row_start {
            self.slots.truncate(self.row_slot);
        } else if fields == self.columns {
            self.slots.push(end as u32);
            self.row_slot = self.slots.len();
        } else {
            let are = if fields == 1 { "is 1 field" } else { &*format!("are {fields} fields") };
            let reason = format!("there {are} where the table has {} columns", self.columns);
            self.bad.push(Bad { start: self.row_start as u32, end: end as u32, value: None, reason });
            self.slots.truncate(self.row_slot);
        }
        self.row_start = at + 1;
        self.slots.push(self.row_start as u32);
    }

    /// What belongs to a row that is not whole is no field yet.
    fn finish(&mut self) {
        self.slots.truncate(self.row_slot);
    }
}

/// By the masks; `false` where a quote stands where RFC 4180 has none.
fn fast(block: &Block, found: &mut Found) -> bool {
    let data = &*block.data;
    let (mut odd_quotes, mut mark_before, mut closing_before) = (0, 1, 0);
    for (number, masks) in block.masks.iter().enumerate() {
        let base = number * BLOCK;
        let masks = if base + BLOCK > data.len() { masks.first(data.len() - base) } else { *masks };
        let (mut delimiters, mut ends) = (masks.delimiter, masks.end);
        let special = masks.delimiter | masks.end | masks.quote;
        if masks.quote | odd_quotes | closing_before != 0 {
            found.quoted |= masks.quote != 0;
            let inside = prefix_xor(masks.quote) ^ odd_quotes;
            let (opening, closing) = (masks.quote & inside, masks.quote & !inside);
            let behind = closing << 1 | closing_before;
            let length = (data.len() - base).min(BLOCK);
            let there = if length == BLOCK { u64::MAX } else { (1 << length) - 1 };
            if opening & !(special << 1 | mark_before) != 0 || behind & !(special | masks.cr) & there != 0 {
                return false;
            }
            (delimiters, ends) = (delimiters & !inside, ends & !inside);
            odd_quotes = 0_u64.wrapping_sub(inside >> 63);
            closing_before = closing >> 63;
        }
        mark_before = special >> 63;
        while ends != 0 {
            let at = ends.trailing_zeros();
            let before = delimiters & ((1 << at) - 1);
            push_all(&mut found.slots, before, base);
            delimiters ^= before;
            ends &= ends - 1;
            found.row_ends(base + at as usize, data);
        }
        push_all(&mut found.slots, delimiters, base);
    }
    found.finish();
    true
}

/// Appends the place of every bit.
#[inline]
fn push_all(slots: &mut Vec<u32>, mut mask: u64, base: usize) {
    // The buffers are far smaller than 4 GB.
    let base = base as u32;
    slots.reserve(BLOCK);
    while mask != 0 {
        slots.push(base + mask.trailing_zeros());
        mask &= mask - 1;
    }
}

/// Byte by byte, whatever the quotes do.
fn exact(block: &Block, found: &mut Found) {
    let marks = block.dialect.marks();
    let mut state = State::FieldStart;
    found.quoted = true;
    for (at, byte) in block.data.iter().enumerate() {
        let (next, event) = state.step(*byte, marks);
        state = next;
        match event {
            Event::None => {}
            Event::FieldEnd => found.slots.push(at as u32),
            Event::RowEnd => found.row_ends(at, &block.data),
        }
    }
    found.finish();
}
