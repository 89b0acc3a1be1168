//! One row of a datagen table, cell by cell.

use std::vec::IntoIter;

use datagen::cells::Cells;
use datagen::table::Rows;

/// The cells of a row, taken in the order of the table's columns.
#[derive(Debug)]
pub(crate) struct Row(IntoIter<Cell>);

#[derive(Debug)]
enum Cell {
    Number(i64),
    Text(String),
    Missing,
}

#[derive(Default)]
struct Collected(Vec<Cell>);

impl Row {
    /// The row at a position.
    pub(crate) fn of(table: &impl Rows, index: u64) -> Self {
        let mut collected = Collected::default();
        table.rows(index..index + 1, &mut collected);
        Self(collected.0.into_iter())
    }

    /// The next cell, which is a number, or a time in microseconds.
    pub(crate) fn number(&mut self) -> i64 {
        match self.0.next() {
            Some(Cell::Number(number)) => number,
            other => {
                debug_assert!(false, "a number was expected, not {other:?}");
                0
            }
        }
    }

    /// The next cell, which is a text.
    pub(crate) fn text(&mut self) -> String {
        match self.0.next() {
            Some(Cell::Text(text)) => text,
            other => {
                debug_assert!(false, "a text was expected, not {other:?}");
                String::new()
            }
        }
    }
}

impl Cells for Collected {
    fn integer(&mut self, value: i64) {
        self.0.push(Cell::Number(value));
    }

    fn tenths(&mut self, value: i64) {
        self.0.push(Cell::Number(value));
    }

    fn text(&mut self, value: &str) {
        self.0.push(Cell::Text(value.to_owned()));
    }

    fn word(&mut self, value: &str) {
        self.text(value);
    }

    fn time(&mut self, microseconds: i64) {
        self.0.push(Cell::Number(microseconds));
    }

    fn null(&mut self) {
        self.0.push(Cell::Missing);
    }

    fn end(&mut self) {}
}
