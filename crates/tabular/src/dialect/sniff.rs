//! Finds out how a file is written, and says why it thinks so.

use std::collections::HashMap;

use super::{Dialect, Encoding, LineEnd, encoding::Utf16, shown_byte};
use crate::columns::{ColumnType, RawField};
use crate::infer::{Evidence, Leaning, Place, decide};
use crate::scan::exact::{Event, State, unquote};
use crate::scan::survey::{Utf8Counts, utf8_counts};

/// How much of the beginning of a file is enough, in bytes.
pub const HEAD: usize = 64 << 10;
/// Rows that are counted for each delimiter that is tried.
const ROWS: usize = 100;
/// The delimiters that are tried; of equals the first one wins.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What the user already knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The byte between two fields.
    pub delimiter: Option<u8>,
    /// The byte around fields, or that there is none.
    #[allow(clippy::option_option, reason = "that there is none can be known as well")]
    pub quote: Option<Option<u8>>,
    /// How characters are written.
    pub encoding: Option<Encoding>,
    /// Whether the first row names the columns.
    pub header: Option<bool>,
}

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// The dialect.
    pub dialect: Dialect,
    /// Whether the encoding is a guess, because the beginning of the file holds nothing but ASCII.
    pub ascii_so_far: bool,
    /// The names of the columns; `column_1` and so on where the file has none.
    pub names: Vec<String>,
    /// Where the first row of values begins, in bytes of the text (in UTF-8 where the file is UTF-16).
    pub data_start: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What was found, and why, for a reader.
    pub reasons: Vec<Reason>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is about: `delimiter`.
    pub what: &'static str,
    /// What was found: `;`.
    pub found: String,
    /// Why.
    pub why: String,
}

/// Looks at the beginning of a file; `whole` says that it is all of it. `None` for a file without a row.
pub fn sniff(head: &[u8], whole: bool, known: Known) -> Option<Sniffed> {
    let mut reasons = Vec::new();
    let mut tell = |what, found: String, why: &str| reasons.push(Reason { what, found, why: why.into() });
    let (encoding, bom, ascii_so_far, why) = encoding(head, known.encoding);
    tell("encoding", encoding.to_string(), &why);
    let decoded;
    let (text, start) = if encoding.is_ascii_compatible() {
        (&head[bom..], bom as u64)
    } else {
        let mut out = Vec::new();
        Utf16::new(encoding).push(&head[bom..], &mut out);
        decoded = out;
        (&*decoded, 0)
    };
    let (line_end, why) = line_end(text);
    tell("line end", line_end.to_string(), &why);
    let (quote, why) = quote(text, known.quote);
    tell("quote", quote.map_or("none".into(), shown_byte), why);
    let mut dialect = Dialect { delimiter: b',', quote, line_end, encoding, header: false };
    let (delimiter, why) = delimiter(text, whole, dialect, known.delimiter);
    dialect.delimiter = delimiter;
    tell("delimiter", shown_byte(delimiter), &why);
    let rows = rows(text, dialect, whole);
    let first = rows.first()?;
    let (header, why) = has_header(&rows, dialect, known.header);
    dialect.header = header;
    tell("header", if header { "yes" } else { "no" }.into(), &why);
    let names = if header { names(first, encoding) } else { (1..=first.fields.len()).map(unnamed).collect() };
    let skipped = if header { first.end } else { first.start };
    let end = dialect.marks().end;
    let lines = memchr::memchr_iter(end, &text[..skipped]).count() as u64;
    Some(Sniffed {
        dialect,
        ascii_so_far,
        names,
        data_start: start + skipped as u64,
        line: 1 + lines,
        reasons,
    })
}

/// The names in the first row of a text, and where the second row begins; `None` while the first one has no end.
pub(crate) fn header(text: &[u8], dialect: Dialect, whole: bool) -> Option<(Vec<String>, usize)> {
    let rows = rows(text, dialect, whole);
    let first = rows.first()?;
    Some((first.fields.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(), first.end))
}

/// The encoding for a file that began with ASCII alone, by what all of it holds.
pub fn encoding_by_counts(counts: Utf8Counts) -> Encoding {
    if counts.faults > counts.characters { Encoding::Windows1252 } else { Encoding::Utf8 }
}

fn encoding(head: &[u8], known: Option<Encoding>) -> (Encoding, usize, bool, String) {
    let by_mark = match head {
        [0xef, 0xbb, 0xbf, ..] => Some((Encoding::Utf8, 3)),
        [0xff, 0xfe, ..] => Some((Encoding::Utf16Le, 2)),
        [0xfe, 0xff, ..] => Some((Encoding::Utf16Be, 2)),
        _ => None,
    };
    if let Some(encoding) = known {
        let bom = by_mark.map_or(0, |(marked, length)| if marked == encoding { length } else { 0 });
        return (encoding, bom, false, "as you said".into());
    }
    if let Some((encoding, bom)) = by_mark {
        return (encoding, bom, false, "a byte order mark says so".into());
    }
    // Latin letters have a zero byte in UTF-16, on the side of the high byte, and no other encoding has zeros.
    let (pairs, _) = head[..head.len().min(8_192)].as_chunks::<2>();
    let zeros = |side: usize| pairs.iter().filter(|pair| pair[side] == 0).count();
    let (high_first, low_first) = (zeros(0), zeros(1));
    if low_first * 3 > pairs.len() && high_first * 8 < low_first {
        return (Encoding::Utf16Le, 0, false, "every second byte is zero, beginning with the second".into());
    }
    if high_first * 3 > pairs.len() && low_first * 8 < high_first {
        return (Encoding::Utf16Be, 0, false, "every second byte is zero, beginning with the first".into());
    }
    let counts = utf8_counts(head);
    let Utf8Counts { characters, faults } = counts;
    let why = match (characters, faults) {
        (0, 0) => return (Encoding::Utf8, 0, true, "the beginning is ASCII".into()),
        (characters, 0) => format!("{characters} characters beyond ASCII, all of them right"),
        (characters, faults) => {
            format!("{characters} characters are right in UTF-8 and {faults} places are not")
        }
    };
    (encoding_by_counts(counts), 0, false, why)
}

fn line_end(text: &[u8]) -> (LineEnd, String) {
    let lf = memchr::memchr_iter(b'\n', text).count();
    let crlf = text.windows(2).filter(|pair| pair == b"\r\n").count();
    let cr = memchr::memchr_iter(b'\r', text).count();
    if lf == 0 && cr > 0 {
        (LineEnd::Cr, format!("{cr} times \\r and never \\n"))
    } else if crlf * 2 > lf {
        (LineEnd::CrLf, format!("{crlf} of {lf} \\n have a \\r before them, which belongs to the end"))
    } else {
        (LineEnd::Lf, format!("{lf} times \\n"))
    }
}

#[allow(clippy::option_option, reason = "that there is no quote can be known as well")]
fn quote(text: &[u8], known: Option<Option<u8>>) -> (Option<u8>, &'static str) {
    if let Some(quote) = known {
        return (quote, "as you said");
    }
    let opens = |quote: u8| {
        let at_start = |pair: &[u8]| pair[1] == quote && (DELIMITERS.contains(&pair[0]) || pair[0] == b'\n');
        text.windows(2).filter(|pair| at_start(pair)).count() + usize::from(text.first() == Some(&quote))
    };
    let (double, single) = (opens(b'"'), opens(b'\''));
    let closes = |pair: &&[u8]| {
        pair[0] == b'\'' && (DELIMITERS.contains(&pair[1]) || matches!(pair[1], b'\r' | b'\n'))
    };
    if double == 0 && single > 1 && text.windows(2).filter(closes).count() * 2 >= single {
        (Some(b'\''), "fields begin and end with it, and none with \"")
    } else if double > 0 {
        (Some(b'"'), "fields begin with it")
    } else {
        (Some(b'"'), "the usual one; no field has it so far")
    }
}

fn delimiter(text: &[u8], whole: bool, dialect: Dialect, known: Option<u8>) -> (u8, String) {
    if let Some(delimiter) = known {
        return (delimiter, "as you said".into());
    }
    let scored = DELIMITERS.iter().rev().map(|delimiter| {
        let widths: Vec<usize> = rows(text, Dialect { delimiter: *delimiter, ..dialect }, whole)
            .iter()
            .map(|row| row.fields.len())
            .collect();
        let mut counts = HashMap::new();
        widths.iter().for_each(|width| *counts.entry(*width).or_insert(0_usize) += 1);
        let common = counts.into_iter().max_by_key(|(width, count)| (*count, *width));
        let (width, count) = common.unwrap_or((1, 0));
        let first_agrees = widths.first() == Some(&width);
        let share = if width > 1 { count * 1_000 / widths.len().max(1) } else { 0 };
        ((width > 1, first_agrees, share, width), *delimiter, count, widths.len())
    });
    match scored.max_by_key(|(score, ..)| *score) {
        Some(((true, _, _, width), delimiter, count, rows)) => {
            (delimiter, format!("{count} of the first {rows} rows have {width} fields with it"))
        }
        _ => (b',', "no row has two fields with any delimiter that was tried".into()),
    }
}

/// A row of the head.
struct Row {
    start: usize,
    end: usize,
    fields: Vec<Vec<u8>>,
}

/// The first rows that have an end, without empty lines.
fn rows(text: &[u8], dialect: Dialect, whole: bool) -> Vec<Row> {
    let marks = dialect.marks();
    let mut rows = Vec::new();
    let (mut state, mut fields, mut start, mut field) = (State::FieldStart, Vec::new(), 0, 0);
    let value = |bytes: &[u8]| match dialect.quote {
        Some(quote) if bytes.first() == Some(&quote) => {
            let mut out = Vec::new();
            unquote(bytes, quote, &mut out);
            out
        }
        _ => bytes.to_vec(),
    };
    let missing_end = whole && text.last().is_some_and(|last| *last != marks.end);
    for (at, byte) in text.iter().copied().chain(missing_end.then_some(marks.end)).enumerate() {
        let (next, event) = state.step(byte, marks);
        state = next;
        if event == Event::None {
            continue;
        }
        let mut end = at;
        if event == Event::RowEnd && marks.end == b'\n' && at > start && text[at - 1] == b'\r' {
            end -= 1;
        }
        fields.push(value(&text[field.min(end)..end]));
        field = at + 1;
        if event == Event::RowEnd {
            if end > start {
                rows.push(Row { start, end: (at + 1).min(text.len()), fields: std::mem::take(&mut fields) });
            }
            fields.clear();
            start = at + 1;
            if rows.len() == ROWS {
                break;
            }
        }
    }
    rows
}

/// Whether the first row names the columns: where it does, it does not look like the rows below it.
fn has_header(rows: &[Row], dialect: Dialect, known: Option<bool>) -> (bool, String) {
    if let Some(header) = known {
        return (header, "as you said".into());
    }
    let Some((first, below)) = rows.split_first() else { return (false, "there is no row".into()) };
    let place = || Place { file: 0, line: 1 };
    let types = |rows: &[&Row], column: usize| {
        let mut evidence = Evidence::default();
        for row in rows {
            if let Some(text) = row.fields.get(column) {
                evidence.observe(RawField { text, quoted: false }, place);
            }
        }
        let leaning = Leaning { semicolons: dialect.delimiter == b';', decimals: false };
        decide(&[evidence], leaning)[0].column_type
    };
    let below: Vec<&Row> = below.iter().collect();
    let (mut differs, mut alike) = (None, None);
    for (column, name) in first.fields.iter().enumerate() {
        let (alone, others) = (types(&[first], column), types(&below, column));
        if matches!(others, ColumnType::Empty | ColumnType::Text) || name.is_empty() {
            continue;
        }
        let shown = String::from_utf8_lossy(name).into_owned();
        if alone == ColumnType::Text {
            differs.get_or_insert((shown, others));
        } else {
            alike.get_or_insert((shown, others));
        }
    }
    match (differs, alike) {
        (Some((name, below)), _) => (true, format!("`{name}` stands over values of type {below}")),
        (None, Some((value, below))) => (false, format!("`{value}` is a value like those below it, {below}")),
        (None, None) => {
            let mut names = first.fields.clone();
            names.sort();
            names.dedup();
            let distinct =
                names.len() == first.fields.len() && first.fields.iter().all(|name| !name.is_empty());
            let why = if distinct {
                "all columns are text, and the first row has a name for each"
            } else {
                "the first row has no name for each column"
            };
            (distinct, why.into())
        }
    }
}

fn unnamed(number: usize) -> String {
    format!("column_{number}")
}

/// The names of the header, each once: a second `x` is `x_2`, and one without a name has its number.
fn names(header: &Row, encoding: Encoding) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (number, field) in header.fields.iter().enumerate() {
        let text = encoding.decode(field).unwrap_or_else(|| String::from_utf8_lossy(field));
        let name = if text.trim().is_empty() { unnamed(number + 1) } else { text.trim().to_owned() };
        let mut unique = name.clone();
        let mut again = 2;
        while names.contains(&unique) {
            unique = format!("{name}_{again}");
            again += 1;
        }
        names.push(unique);
    }
    names
}

#[cfg(test)]
mod tests;
