//! What the reading of CSV promises, as functions of any bytes: the fuzz targets call them with inputs of libFuzzer's, the
//! tests with inputs of proptest's and with those that once broke a promise. They panic where a promise is broken.

use crate::dialect::{Dialect, LineEnd, sniff};
use crate::rows::Rows;
use crate::scan::exact::{Event, State, unquote};
use crate::scan::plan::{Segment, Span, before, segments};
use crate::scan::survey::{Scratch, survey};

/// The rows of a text, as everyone must see them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    rows: Vec<Vec<Vec<u8>>>,
    /// Line and byte of rows of another width; one that ends inside of quotes is among them.
    rejects: Vec<(u64, u64)>,
}

/// A text in chunks of any sizes, read through a window of any size, has the rows that one pass byte by byte finds.
///
/// The first bytes choose: the dialect, the number of columns, the sizes of the chunks by turns, the window.
///
/// # Panics
/// Where it has not.
pub fn any_cut_gives_the_same_rows(bytes: &[u8]) {
    let [kind, columns, one, other, window, text @ ..] = bytes else { return };
    let dialect = Dialect {
        delimiter: [b',', b';', b'\t', b'|'][usize::from(kind % 4)],
        quote: [Some(b'"'), Some(b'\''), None, Some(b'"')][usize::from(kind / 4 % 4)],
        line_end: [LineEnd::Lf, LineEnd::Lf, LineEnd::CrLf, LineEnd::Cr][usize::from(kind / 16 % 4)],
        ..Dialect::default()
    };
    let columns = usize::from(columns % 6) + 1;
    let expected = byte_by_byte(text, dialect, columns);
    let found = in_chunks(text, dialect, columns, [*one, *other].map(u64::from), usize::from(*window) + 1);
    assert_eq!(found, expected, "{dialect:?}, {columns} columns, chunks of {one} and {other}: {text:?}");
}

fn byte_by_byte(text: &[u8], dialect: Dialect, columns: usize) -> Told {
    let marks = dialect.marks();
    let (mut told, mut state) = (Told::default(), State::FieldStart);
    let (mut row_start, mut row_line, mut line, mut field_start) = (0, 1, 1, 0);
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let value = |field: &[u8]| match dialect.quote {
        Some(quote) if field.first() == Some(&quote) => {
            let mut out = Vec::new();
            unquote(field, quote, &mut out);
            out
        }
        _ => field.to_vec(),
    };
    let missing_end = text.last().is_some_and(|last| *last != marks.end).then_some(marks.end);
    for (at, byte) in text.iter().copied().chain(missing_end).enumerate() {
        let (next, event) = state.step(byte, marks);
        state = next;
        line += u64::from(byte == marks.end);
        if event == Event::None {
            continue;
        }
        // A carriage return before a line feed belongs to the row end, unless it was the last byte of the row before.
        let bare = marks.end == b'\n' && event == Event::RowEnd && at > row_start && text[at - 1] == b'\r';
        let end = at - usize::from(bare);
        fields.push(value(&text[field_start..end]));
        field_start = at + 1;
        if event == Event::RowEnd {
            let fields = std::mem::take(&mut fields);
            if end > row_start && fields.len() == columns {
                told.rows.push(fields);
            } else if end > row_start {
                told.rejects.push((row_line, row_start as u64));
            }
            (row_start, row_line) = (at + 1, line);
        }
    }
    if state == State::Quoted {
        told.rejects.push((row_line, row_start as u64));
    }
    told
}

fn in_chunks(text: &[u8], dialect: Dialect, columns: usize, sizes: [u64; 2], window: usize) -> Told {
    let data = Span { start: 0, end: text.len() as u64 };
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let part = |span: Span| Ok(text[place(span.start)..place(span.end)].to_vec());
    let (mut chunks, mut scratch, mut start) = (Vec::new(), Scratch::default(), 0);
    while start < data.end {
        let end = (start + sizes[chunks.len() % 2].max(1)).min(data.end);
        let span = Span { start, end };
        let before = before(span, data, &dialect, part).expect("memory can be read");
        chunks.push((span, survey(&text[place(start)..place(end)], before, &dialect, &mut scratch)));
        start = end;
    }
    let found = segments(data, 1, &chunks, &dialect, part).expect("memory can be read");
    let mut told = Told::default();
    for segment in found.segments {
        read(
            &text[place(segment.span.start)..place(segment.span.end)],
            segment,
            dialect,
            columns,
            window,
            &mut told,
        );
    }
    assert_eq!(
        found.rows,
        (told.rows.len() + told.rejects.len()) as u64,
        "rows are counted as they are read"
    );
    told
}

fn read(text: &[u8], segment: Segment, dialect: Dialect, columns: usize, window: usize, told: &mut Told) {
    let mut rows = Rows::new(text, dialect, columns, segment.line, segment.span.start).with_window(window);
    while let Some(block) = rows.next_block().expect("memory can be read") {
        let first = told.rows.len();
        told.rows.resize(first + block.rows(), Vec::new());
        for column in 0..columns {
            let mut row = first;
            block.each(column, |field| {
                told.rows[row].push(field.text.to_vec());
                row += 1;
                true
            });
        }
        told.rejects.extend(block.rejects().iter().map(|reject| (reject.line, reject.byte)));
    }
    assert_eq!(
        rows.bytes_used(),
        text.len() as u64,
        "every byte belongs to a row or to the space between two"
    );
}

/// What is found in the beginning of a file is found again by who already knows it, and fits the text.
///
/// The first byte chooses whether the text is all of the file.
///
/// # Panics
/// Where it does not.
pub fn a_found_dialect_is_found_again(bytes: &[u8]) {
    let [whole, head @ ..] = bytes else { return };
    let whole = whole % 2 == 0;
    let Some(found) = sniff::sniff(head, whole, sniff::Known::default()) else { return };
    let Dialect { delimiter, quote, encoding, header, .. } = found.dialect;
    let known = sniff::Known {
        delimiter: Some(delimiter),
        quote: Some(quote),
        encoding: Some(encoding),
        header: Some(header),
    };
    let again = sniff::sniff(head, whole, known).expect("a row is still there");
    assert_eq!(
        (&again.dialect, &again.names, again.data_start, again.line),
        (&found.dialect, &found.names, found.data_start, found.line),
        "{head:?}"
    );
    let mut names = found.names.clone();
    names.sort();
    names.dedup();
    assert!(
        names.len() == found.names.len() && names.iter().all(|name| !name.trim().is_empty()),
        "{names:?}"
    );
    assert!(found.reasons.len() == 5 && found.reasons.iter().all(|reason| !reason.why.is_empty()));
    if encoding.is_ascii_compatible() {
        let start = usize::try_from(found.data_start).unwrap_or(usize::MAX);
        let lines = memchr::memchr_iter(found.dialect.marks().end, &head[..start]).count() as u64;
        assert_eq!(found.line, lines + 1, "{head:?}");
        let mut rows =
            Rows::new(&head[start..], found.dialect, found.names.len(), found.line, found.data_start);
        let mut count = 0;
        while let Some(block) = rows.next_block().expect("memory can be read") {
            count += block.rows();
        }
        // Without a header the row that gave the columns is the first one of the values.
        assert!(header || !whole || count > 0, "{head:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_in_any_chunks_have_the_same_rows(
            choice in proptest::collection::vec(any::<u8>(), 5),
            text in proptest::collection::vec(proptest::sample::select(&b",;\"'\r\n\naab\xff"[..]), 0..200),
        ) {
            any_cut_gives_the_same_rows(&[choice, text].concat());
        }

        #[test]
        fn any_head_is_sniffed_once_and_for_all(head in proptest::collection::vec(proptest::sample::select(&b",;\"'\r\n\n1a2.\xe7\0"[..]), 0..120)) {
            a_found_dialect_is_found_again(&head);
        }
    }
}
