//! Dirt on demand: CSV files that are wrong in known places, and a ledger that says where.
//!
//! Some files are wrong as a whole: a byte-order mark, CRLF line ends, or a spreadsheet's dialect with semicolons and
//! decimal commas. In every file some records are wrong by themselves. What is planted in a record follows from the
//! seed and the record alone, so the ledger is not kept while a file is written: it is made by writing the file once
//! more to nowhere. A ledger's line:
//!
//! ```json
//! {"file":"part-00000.csv","record":17,"line":23,"byte":1402,"kind":"wrong_type","column":"quantity","row":16}
//! ```
//!
//! `record` counts the file's records from 1 after the header, as a CSV reader does; `line` is the physical line, from
//! 1, on which it starts; `byte` the offset of its first byte; `row` the row of the table from 0. What is wrong with the
//! file as a whole has record 0.

use std::ops::Range;

use serde::Serialize;

use crate::alias::Alias;
use crate::page::Page;
use crate::stream::{Stream, below};
use crate::table::{Column, Field, Kind, Table};

/// How a file as a whole is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// As RFC 4180 has it, but for `\n`.
    Usual,
    /// A UTF-8 byte-order mark before the header.
    ByteOrderMark,
    /// `\r\n` after every record.
    Crlf,
    /// Semicolons between fields, commas in decimals; money in reais, in columns without `_cents`.
    Semicolon,
}

impl Dialect {
    /// The dialect of a file: five in eight are usual, and each of the others comes once in eight.
    pub(crate) fn of_file(file: u64) -> Self {
        match file % 8 {
            3 => Self::ByteOrderMark,
            5 => Self::Crlf,
            6 => Self::Semicolon,
            _ => Self::Usual,
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Usual => None,
            Self::ByteOrderMark => Some("byte_order_mark"),
            Self::Crlf => Some("crlf"),
            Self::Semicolon => Some("semicolon"),
        }
    }

    fn separator(self) -> u8 {
        if self == Self::Semicolon { b';' } else { b',' }
    }

    fn line_end(self) -> &'static [u8] {
        if self == Self::Crlf { b"\r\n" } else { b"\n" }
    }
}

/// The dirt of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirt {
    /// Records in a million that are wrong.
    pub per_million: u32,
    /// How the file is written.
    pub dialect: Dialect,
    /// The file's name, as the ledger has it.
    pub file: String,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// The last field is not there.
    MissingField,
    /// A field too many.
    ExtraField,
    /// A column that must have a value has none.
    Null,
    /// Words in a column of numbers or times.
    WrongType,
    /// The record comes twice; the ledger names the second one.
    Duplicate,
    /// A text in latin-1, which is not UTF-8.
    Latin1,
}

/// Each kind with its share.
const KINDS: [(Wrong, u64); 6] = [
    (Wrong::MissingField, 15),
    (Wrong::ExtraField, 15),
    (Wrong::Null, 20),
    (Wrong::WrongType, 25),
    (Wrong::Duplicate, 15),
    (Wrong::Latin1, 10),
];

/// Where a file stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    record: u64,
    line: u64,
    byte: u64,
}

/// A line of the ledger.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    file: &'a str,
    record: u64,
    line: u64,
    byte: u64,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
}

/// Plants dirt into a table's records.
pub(crate) struct Planter {
    stream: Stream,
    kinds: Alias,
}

/// What was planted into a record.
struct Planted {
    wrong: Wrong,
    column: Option<&'static str>,
}

impl Planter {
    pub(crate) fn new(seed: u64) -> Self {
        Self { stream: Stream::new(seed, "dirt"), kinds: Alias::new(&KINDS.map(|(_, weight)| weight)) }
    }

    /// Writes the header of a file.
    pub(crate) fn header(columns: &[Column], dialect: Dialect, page: &mut Page) {
        if dialect == Dialect::ByteOrderMark {
            page.text(b"\xef\xbb\xbf");
        }
        for (i, column) in columns.iter().enumerate() {
            if i > 0 {
                page.text(&[dialect.separator()]);
            }
            let name = column.name;
            let name = if dialect == Dialect::Semicolon {
                name.strip_suffix("_cents").unwrap_or(name)
            } else {
                name
            };
            page.text(name.as_bytes());
        }
        page.text(dialect.line_end());
    }

    /// Writes the records of `rows`, some of them wrong, and gives their number.
    pub(crate) fn write(&self, table: &dyn Table, rows: Range<u64>, dirt: &Dirt, page: &mut Page) -> u64 {
        let mut records = 0;
        for row in rows {
            records += self.record(table, row, dirt, page).map_or(1, |planted| planted.copies());
        }
        records
    }

    /// Writes one record, twice if it is a duplicate.
    fn record(&self, table: &dyn Table, row: u64, dirt: &Dirt, page: &mut Page) -> Option<Planted> {
        let words = self.stream.words(row);
        let mut fields = table.fields(row);
        let planted = (below(words[0], 1_000_000) < dirt.per_million).then(|| {
            plant(KINDS[self.kinds.draw(words[1])].0, words[2], words[3], table.columns(), &mut fields)
        });
        let copies = planted.as_ref().map_or(1, Planted::copies);
        for _ in 0..copies {
            line(&fields, dirt.dialect, page);
        }
        planted
    }

    /// Writes the ledger of a file with `rows`, and gives the number of its lines.
    pub(crate) fn ledger(&self, table: &dyn Table, rows: Range<u64>, dirt: &Dirt, page: &mut Page) -> u64 {
        let mut scratch = Page::default();
        let mut lines = 0;
        let mut enter = |entry: &Entry<'_>| {
            let line = serde_json::to_vec(entry).expect("an entry has only names and numbers");
            page.text(&line);
            page.text(b"\n");
            lines += 1;
        };
        if let Some(kind) = dirt.dialect.name() {
            let file = &dirt.file;
            enter(&Entry { file, record: 0, line: 1, byte: 0, kind, column: None, row: None });
        }
        Self::header(table.columns(), dirt.dialect, &mut scratch);
        let mut place = Place { record: 1, line: 2, byte: scratch.len() as u64 };
        for row in rows {
            scratch.clear();
            let planted = self.record(table, row, dirt, &mut scratch);
            let text = scratch.as_bytes();
            let copies = planted.as_ref().map_or(1, Planted::copies);
            let breaks = text.split(|byte| *byte == b'\n').count() as u64 - 1;
            if let Some(planted) = planted {
                // Of a pair of equal records, the second one is the duplicate.
                let back = copies - 1;
                enter(&Entry {
                    file: &dirt.file,
                    record: place.record + back,
                    line: place.line + breaks / copies * back,
                    byte: place.byte + text.len() as u64 / copies * back,
                    kind: planted.wrong.name(),
                    column: planted.column,
                    row: Some(row),
                });
            }
            place.record += copies;
            place.line += breaks;
            place.byte += text.len() as u64;
        }
        lines
    }
}

impl Planted {
    /// How often the record is written.
    fn copies(&self) -> u64 {
        if self.wrong == Wrong::Duplicate { 2 } else { 1 }
    }
}

impl Wrong {
    fn name(self) -> &'static str {
        match self {
            Self::MissingField => "missing_field",
            Self::ExtraField => "extra_field",
            Self::Null => "null",
            Self::WrongType => "wrong_type",
            Self::Duplicate => "duplicate",
            Self::Latin1 => "latin1",
        }
    }
}

/// Makes a record wrong. `which` chooses the column, `how` the value.
fn plant(wrong: Wrong, which: u32, how: u32, columns: &[Column], fields: &mut Vec<Field>) -> Planted {
    let choose = |fits: fn(&Column) -> bool| {
        let fitting: Vec<usize> = (0..columns.len()).filter(|i| fits(&columns[*i])).collect();
        // Every table has an identifier and a text.
        fitting[below(which, fitting.len() as u32) as usize]
    };
    let column = match wrong {
        Wrong::MissingField => {
            fields.pop();
            None
        }
        Wrong::ExtraField => {
            fields.push(Field { text: b"extra".to_vec(), kind: Kind::Text });
            None
        }
        Wrong::Duplicate => None,
        Wrong::Null => {
            let column = choose(|column| !column.nullable);
            fields[column].text.clear();
            Some(column)
        }
        Wrong::WrongType => {
            let column = choose(|column| column.kind != Kind::Text);
            let nonsense: [&[u8]; 4] = match columns[column].kind {
                Kind::Time => [b"31/02/2024", b"ontem", b"2024-13-01 00:00:00", b"0"],
                _ => [b"n/a", b"doze", b"1.2.3", b"--"],
            };
            // As a text it is not touched by the dialect's decimal comma.
            fields[column] = Field { text: nonsense[below(how, 4) as usize].to_vec(), kind: Kind::Text };
            Some(column)
        }
        Wrong::Latin1 => {
            let column = choose(|column| column.kind == Kind::Text);
            fields[column].text = b"promo\xe7\xe3o".to_vec();
            Some(column)
        }
    };
    Planted { wrong, column: column.map(|column| columns[column].name) }
}

/// Writes a record in a dialect.
fn line(fields: &[Field], dialect: Dialect, page: &mut Page) {
    let separator = dialect.separator();
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            page.text(&[separator]);
        }
        let mut text = field.text.clone();
        if dialect == Dialect::Semicolon {
            match field.kind {
                Kind::Tenths => text.iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = b','),
                Kind::Cents => text = reais(&text),
                _ => {}
            }
        }
        if text.iter().any(|byte| matches!(byte, b'"' | b'\n' | b'\r') || *byte == separator) {
            page.text(b"\"");
            for byte in text {
                page.text(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
            }
            page.text(b"\"");
        } else {
            page.text(&text);
        }
    }
    page.text(dialect.line_end());
}

/// Cents as reais with a decimal comma: `12990` is `129,90`.
fn reais(cents: &[u8]) -> Vec<u8> {
    if cents.is_empty() {
        return Vec::new();
    }
    let padded = [&b"00"[cents.len().min(2)..], cents].concat();
    let padded = if padded.len() < 3 { [b"0".as_slice(), &padded].concat() } else { padded };
    let (whole, part) = padded.split_at(padded.len() - 2);
    [whole, b",", part].concat()
}
