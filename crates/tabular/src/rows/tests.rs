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

#[test]
fn a_row_that_is_read_alone_from_its_place_is_the_same_row() {
    let text = "a,\"b\nc\"\r\nragged\n\nx,\"\"\"y\"\"\"\n,\nlast,1".repeat(40);
    let mut alone = 0;
    for window in [16, 100, 5_000] {
        let mut rows = Rows::new(text.as_bytes(), Dialect::default(), 2, 1, 0).with_window(window);
        while let Some(block) = rows.next_block().unwrap() {
            let places: Vec<Place> = block.places().collect();
            block.reject((0..places.len()).map(|row| (row, Some(1), "because".into())));
            let rejects = block.rejects();
            let rejects = rejects.iter().filter(|reject| reject.column.is_some());
            for (Place { line, span }, wanted) in places.iter().zip(rejects) {
                let part = &text.as_bytes()
                    [usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()];
                let mut rows =
                    Rows::new(part, Dialect::default(), 2, *line, span.start).with_window(part.len() + 1);
                let block = rows.next_block().unwrap().unwrap();
                assert_eq!(block.rows(), 1);
                block.reject([(0, Some(1), "because".into())]);
                assert_eq!(block.rejects(), std::slice::from_ref(wanted));
                alone += 1;
            }
        }
    }
    assert!(alone > 3 * 40 * 2, "{alone}");
}
