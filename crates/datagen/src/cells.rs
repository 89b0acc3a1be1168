//! The ways to write the cells of a row: CSV, JSON, Arrow columns, and one by one.
//!
//! A table describes its rows once, against the trait [`Cells`]; the compiler makes a writer of its own for each pair of
//! a table and a format.

use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;

use crate::page::Page;
use crate::table::{Column, Field, Kind};

/// Takes the cells of rows one after another.
pub trait Cells {
    /// An integer.
    fn integer(&mut self, value: i64);
    /// A number with one decimal place, in tenths.
    fn tenths(&mut self, value: i64);
    /// A text that may hold any character.
    fn text(&mut self, value: &str);
    /// A text without quotes, commas, backslashes and control characters.
    fn word(&mut self, value: &str);
    /// Microseconds since the epoch, UTC, in whole seconds.
    fn time(&mut self, microseconds: i64);
    /// No value.
    fn null(&mut self);
    /// The end of the row.
    fn end(&mut self);
}

/// CSV as RFC 4180 has it, with quotes only where they are needed.
pub(crate) struct Csv<'a> {
    page: &'a mut Page,
    first: bool,
}

impl<'a> Csv<'a> {
    pub(crate) fn new(page: &'a mut Page) -> Self {
        page.row();
        Self { page, first: true }
    }

    #[inline]
    fn next(&mut self) {
        if !self.first {
            self.page.byte(b',');
        }
        self.first = false;
    }
}

impl Cells for Csv<'_> {
    #[inline]
    fn integer(&mut self, value: i64) {
        self.next();
        signed(value, self.page);
    }

    #[inline]
    fn tenths(&mut self, value: i64) {
        self.next();
        tenths(value, self.page);
    }

    #[inline]
    fn text(&mut self, value: &str) {
        self.next();
        let special = |byte| matches!(byte, b'"' | b',' | b'\n' | b'\r');
        if !value.bytes().any(special) {
            return self.page.text(value.as_bytes());
        }
        self.page.byte(b'"');
        for (i, part) in value.split('"').enumerate() {
            if i > 0 {
                self.page.text(b"\"\"");
            }
            self.page.text(part.as_bytes());
        }
        self.page.text(b"\"");
    }

    #[inline]
    fn word(&mut self, value: &str) {
        self.next();
        self.page.text(value.as_bytes());
    }

    #[inline]
    fn time(&mut self, microseconds: i64) {
        self.next();
        date_and_time(microseconds, b' ', self.page);
    }

    #[inline]
    fn null(&mut self) {
        self.next();
    }

    #[inline]
    fn end(&mut self) {
        self.page.byte(b'\n');
        self.page.row();
        self.first = true;
    }
}

/// One JSON object a line.
pub(crate) struct Json<'a> {
    page: &'a mut Page,
    /// What stands before each value: `{"a":`, then `,"b":` and so on.
    keys: Vec<Vec<u8>>,
    column: usize,
}

impl<'a> Json<'a> {
    pub(crate) fn new(columns: &[Column], page: &'a mut Page) -> Self {
        let key = |(i, column): (usize, &Column)| {
            format!("{}\"{}\":", if i == 0 { '{' } else { ',' }, column.name).into_bytes()
        };
        page.row();
        Self { page, keys: columns.iter().enumerate().map(key).collect(), column: 0 }
    }

    #[inline]
    fn next(&mut self) {
        self.page.text(&self.keys[self.column]);
        self.column += 1;
    }
}

impl Cells for Json<'_> {
    #[inline]
    fn integer(&mut self, value: i64) {
        self.next();
        signed(value, self.page);
    }

    #[inline]
    fn tenths(&mut self, value: i64) {
        self.next();
        tenths(value, self.page);
    }

    #[inline]
    fn text(&mut self, value: &str) {
        self.next();
        self.page.byte(b'"');
        let mut rest = value.as_bytes();
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        while let Some(at) = rest.iter().position(special) {
            self.page.text(&rest[..at]);
            match rest[at] {
                b'\n' => self.page.text(b"\\n"),
                byte @ (b'"' | b'\\') => self.page.text(&[b'\\', byte]),
                byte => self.page.text(format!("\\u{byte:04x}").as_bytes()),
            }
            rest = &rest[at + 1..];
        }
        self.page.text(rest);
        self.page.byte(b'"');
    }

    #[inline]
    fn word(&mut self, value: &str) {
        self.next();
        self.page.byte(b'"');
        self.page.text(value.as_bytes());
        self.page.byte(b'"');
    }

    #[inline]
    fn time(&mut self, microseconds: i64) {
        self.next();
        self.page.byte(b'"');
        date_and_time(microseconds, b'T', self.page);
        self.page.fixed(b"Z\"");
    }

    #[inline]
    fn null(&mut self) {
        self.next();
        self.page.fixed(b"null");
    }

    #[inline]
    fn end(&mut self) {
        self.page.fixed(b"}\n");
        self.page.row();
        self.column = 0;
    }
}

/// Arrow columns that grow row by row.
pub(crate) struct Columns {
    builders: Vec<Builder>,
    column: usize,
}

enum Builder {
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Text(StringBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Columns {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let builder = |column: &Column| match column.kind {
            Kind::Int32 => Builder::Int32(Int32Builder::new()),
            Kind::Int64 | Kind::Cents => Builder::Int64(Int64Builder::new()),
            Kind::Tenths => Builder::Float64(Float64Builder::new()),
            Kind::Text => Builder::Text(StringBuilder::new()),
            Kind::Time => Builder::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        };
        Self { builders: columns.iter().map(builder).collect(), column: 0 }
    }

    pub(crate) fn finish(mut self, schema: SchemaRef) -> RecordBatch {
        let finish = |builder: &mut Builder| -> ArrayRef {
            match builder {
                Builder::Int32(builder) => Arc::new(builder.finish()),
                Builder::Int64(builder) => Arc::new(builder.finish()),
                Builder::Float64(builder) => Arc::new(builder.finish()),
                Builder::Text(builder) => Arc::new(builder.finish()),
                Builder::Time(builder) => Arc::new(builder.finish()),
            }
        };
        let columns = self.builders.iter_mut().map(finish).collect();
        RecordBatch::try_new(schema, columns).expect("a table gives its cells in the order of its columns")
    }

    #[inline]
    fn next(&mut self) -> &mut Builder {
        self.column += 1;
        &mut self.builders[self.column - 1]
    }
}

impl Cells for Columns {
    #[inline]
    fn integer(&mut self, value: i64) {
        match self.next() {
            Builder::Int32(builder) => builder.append_value(value as i32),
            Builder::Int64(builder) => builder.append_value(value),
            _ => unreachable!("an integer belongs into a column of integers"),
        }
    }

    #[inline]
    fn tenths(&mut self, value: i64) {
        match self.next() {
            Builder::Float64(builder) => builder.append_value(value as f64 / 10.0),
            _ => unreachable!("tenths belong into a column of tenths"),
        }
    }

    #[inline]
    fn text(&mut self, value: &str) {
        match self.next() {
            Builder::Text(builder) => builder.append_value(value),
            _ => unreachable!("a text belongs into a column of texts"),
        }
    }

    #[inline]
    fn word(&mut self, value: &str) {
        self.text(value);
    }

    #[inline]
    fn time(&mut self, microseconds: i64) {
        match self.next() {
            Builder::Time(builder) => builder.append_value(microseconds),
            _ => unreachable!("a time belongs into a column of times"),
        }
    }

    #[inline]
    fn null(&mut self) {
        match self.next() {
            Builder::Int32(builder) => builder.append_null(),
            Builder::Int64(builder) => builder.append_null(),
            Builder::Float64(builder) => builder.append_null(),
            Builder::Text(builder) => builder.append_null(),
            Builder::Time(builder) => builder.append_null(),
        }
    }

    #[inline]
    fn end(&mut self) {
        self.column = 0;
    }
}

/// The cells of one row, one by one and without quotes.
pub(crate) struct Fields {
    columns: &'static [Column],
    cells: Vec<Field>,
    page: Page,
}

impl Fields {
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        Self { columns, cells: Vec::with_capacity(columns.len()), page: Page::default() }
    }

    pub(crate) fn finish(self) -> Vec<Field> {
        self.cells
    }

    fn push(&mut self, write: impl FnOnce(&mut Page)) {
        self.page.clear();
        self.page.row();
        write(&mut self.page);
        let kind = self.columns[self.cells.len()].kind;
        self.cells.push(Field { text: self.page.as_bytes().to_vec(), kind });
    }
}

impl Cells for Fields {
    fn integer(&mut self, value: i64) {
        self.push(|page| signed(value, page));
    }

    fn tenths(&mut self, value: i64) {
        self.push(|page| tenths(value, page));
    }

    fn text(&mut self, value: &str) {
        self.push(|page| page.text(value.as_bytes()));
    }

    fn word(&mut self, value: &str) {
        self.text(value);
    }

    fn time(&mut self, microseconds: i64) {
        self.push(|page| date_and_time(microseconds, b' ', page));
    }

    fn null(&mut self) {
        self.push(|_| {});
    }

    fn end(&mut self) {}
}

/// Writes an integer with its sign.
#[inline]
fn signed(value: i64, page: &mut Page) {
    if value < 0 {
        page.byte(b'-');
    }
    page.number(value.unsigned_abs());
}

/// Writes tenths with a point: `-3.5`.
#[inline]
fn tenths(value: i64, page: &mut Page) {
    if value < 0 {
        page.byte(b'-');
    }
    page.number(value.unsigned_abs() / 10);
    page.byte(b'.');
    page.byte(b'0' + (value.unsigned_abs() % 10) as u8);
}

/// Writes `YYYY-MM-DD`, `between` and `HH:MM:SS` of microseconds since the epoch.
#[inline]
pub(crate) fn date_and_time(microseconds: i64, between: u8, page: &mut Page) {
    let second = microseconds.div_euclid(1_000_000) as u64;
    let (year, month, day) = civil(second / 86_400);
    let of_day = second % 86_400;
    page.padded::<4>(year);
    page.byte(b'-');
    page.padded::<2>(month);
    page.byte(b'-');
    page.padded::<2>(day);
    page.byte(between);
    page.padded::<2>(of_day / 3_600);
    page.byte(b':');
    page.padded::<2>(of_day / 60 % 60);
    page.byte(b':');
    page.padded::<2>(of_day % 60);
}

/// Year, month and day of a day counted from 1970-01-01 (the Gregorian calendar in 400-year eras that begin in March).
#[inline]
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_a_calendar_library_on_every_day_of_four_centuries() {
        for days in 0..146_097 {
            let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(days));
            let expected = (date.year() as u64, date.month() as u64, date.day() as u64);
            assert_eq!(civil(days as u64), expected);
        }
    }

    #[test]
    fn json_and_csv_writers_escape_what_their_readers_need() {
        const COLUMNS: &[Column] = &[Column::new("a", Kind::Text), Column::new("b", Kind::Tenths).nullable()];
        fn write(text: &str, cells: &mut impl Cells) {
            cells.text(text);
            cells.tenths(-35);
            cells.end();
        }
        for text in ["", "plain", "say \"hi\", João\nand\t\\ go\r", "\u{1}"] {
            let (mut csv_page, mut json_page) = (Page::default(), Page::default());
            write(text, &mut Csv::new(&mut csv_page));
            write(text, &mut Json::new(COLUMNS, &mut json_page));
            let value: serde_json::Value = serde_json::from_slice(json_page.as_bytes()).expect("JSON");
            assert_eq!(value, serde_json::json!({"a": text, "b": -3.5}));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv_page.as_bytes());
            let row = reader.records().next().expect("a row").expect("valid");
            assert_eq!(row.iter().collect::<Vec<_>>(), [text, "-3.5"]);
        }
    }
}
