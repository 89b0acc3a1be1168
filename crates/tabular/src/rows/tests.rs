use std::io::{self, Read};

use super::*;
use crate::columns::{Column, ColumnType};
use crate::table::Table;

/// A source that gives a few bytes at a time, as a pipe may.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len());
        self.0.read(&mut into[..count])
    }
}

fn read(text: &[u8], columns: usize, window: usize) -> (usize, Vec<Reject>, u64) {
    let mut rows = Rows::new(Slow(text, 7), Dialect::default(), columns, 1, 0).with_window(window);
    let table = Table::new(vec![Column::new("", ColumnType::Text); columns]);
    let (mut count, mut rejects) = (0, Vec::new());
    while let Some(block) = rows.next_block().unwrap() {
        count += table.batch(block).unwrap().unwrap().num_rows();
        rejects.extend(block.rejects());
    }
    (count, rejects, rows.bytes_used())
}

#[test]
fn rows_come_whole_from_a_source_that_gives_little() {
    let text = "a,\"b\nc\"\n".repeat(1_000) + "x,y";
    for window in [1, 10, 64, 1_000, 1 << 20] {
        assert_eq!(read(text.as_bytes(), 2, window), (1_001, Vec::new(), text.len() as u64), "{window}");
    }
}

#[test]
fn a_reject_has_its_line_and_its_byte_in_any_window() {
    let mut bytes = "a,\"b\nc\"\n".repeat(300).into_bytes();
    bytes.extend(b"ragged\nx,\xffz\nlast,1");
    for window in [16, 100, 5_000] {
        let (count, rejects, _) = read(&bytes, 2, window);
        let places: Vec<_> = rejects.iter().map(|reject| (reject.line, reject.column, reject.byte)).collect();
        assert_eq!(count, 301);
        assert_eq!(places, [(601, None, 2_400), (602, Some(1), 2_409)], "{rejects:?}");
    }
}

#[test]
fn a_row_that_is_too_long_is_rejected_without_being_held() {
    let mut text = b"a,b\nc,\"".to_vec();
    text.resize(LONGEST_ROW + 5_000_000, b'x');
    text.extend(b"\n\"\nd,e\nonly\n");
    let (count, rejects, used) = read(&text, 2, WINDOW);
    assert_eq!((count, rejects.len(), used), (2, 2, text.len() as u64));
    assert!(rejects[0].line == 2 && rejects[0].byte == 4 && rejects[0].reason.contains("never be closed"));
    assert_eq!((rejects[1].line, rejects[1].byte, &*rejects[1].row), (5, text.len() as u64 - 5, "only"));
}
