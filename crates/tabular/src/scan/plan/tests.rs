use proptest::prelude::*;

use super::*;
use crate::dialect::LineEnd;
use crate::rows::Rows as Reader;
use crate::scan::survey::{Scratch, survey};

/// Rows as texts, and the lines and bytes of those that have another number of fields than the first row.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    rows: Vec<Vec<String>>,
    ragged: Vec<(u64, u64)>,
    open_quotes: usize,
}

/// What the csv crate's serial reader says.
fn serially(text: &[u8], dialect: Dialect) -> Told {
    let open = {
        let mut state = State::FieldStart;
        text.iter().for_each(|byte| state = state.step(*byte, dialect.marks()).0);
        state == State::Quoted
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(dialect.delimiter)
        .quote(dialect.quote.unwrap_or_default())
        .quoting(dialect.quote.is_some())
        .from_reader(text);
    let mut told = Told::default();
    let mut records: Vec<csv::ByteRecord> = reader.byte_records().map(Result::unwrap).collect();
    if open {
        records.pop();
        told.open_quotes = 1;
    }
    let width = records.first().map_or(1, csv::ByteRecord::len);
    for record in records {
        let fields =
            record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>();
        if fields.len() == width {
            told.rows.push(fields);
        } else {
            // Its place is the start of its row; the reader counts line breaks between rows to the next one.
            let from = usize::try_from(record.position().unwrap().byte()).unwrap();
            let blank = text[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let lines = memchr::memchr_iter(b'\n', &text[..from + blank]).count();
            told.ragged.push((lines as u64 + 1, (from + blank) as u64));
        }
    }
    told
}

/// What comes of chunks of `size` bytes, each read as if the others were not there.
fn in_chunks(text: &[u8], dialect: Dialect, size: u64) -> Told {
    let data = Span { start: 0, end: text.len() as u64 };
    let part =
        |span: Span| text[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()].to_vec();
    let mut scratch = Scratch::default();
    let chunks: Vec<_> = data
        .chunks(size)
        .map(|span| {
            let before = before(span, data, &dialect, |span| Ok(part(span))).unwrap();
            (span, survey(&part(span), before, &dialect, &mut scratch))
        })
        .collect();
    let found = segments(data, 1, &chunks, &dialect, |span| Ok(part(span))).unwrap();
    let width = serially(text, dialect).rows.first().map_or(1, Vec::len);
    let (mut told, mut count) = (Told::default(), 0);
    for segment in found.segments {
        let bytes = part(segment.span);
        let mut rows = Reader::new(&*bytes, dialect, width, segment.line, segment.span.start);
        while let Some(block) = rows.next_block().unwrap() {
            let mut read = vec![Vec::new(); block.rows()];
            for column in 0..width {
                let mut row = 0;
                block.each(column, |field| {
                    read[row].push(String::from_utf8_lossy(field.text).into_owned());
                    row += 1;
                    true
                });
            }
            count += (read.len() + block.rejects().len()) as u64;
            told.rows.extend(read);
            for reject in block.rejects() {
                if reject.reason.contains("never closed") {
                    told.open_quotes += 1;
                } else {
                    told.ragged.push((reject.line, reject.byte));
                }
            }
        }
    }
    assert_eq!(count, found.rows, "rows are counted as they are read");
    told
}

/// Texts in which everything that matters stands beside everything else.
fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => Just("\""),
        3 => Just(","),
        3 => Just("\n"),
        1 => Just("\r\n"),
        2 => Just("a"),
        1 => Just("é"),
        2 => Just("\"\""),
        2 => Just(",\"b,\nc\",")
    ];
    proptest::collection::vec(token, 0..200).prop_map(|tokens| tokens.concat())
}

/// As above, but with quotes only where RFC 4180 has them.
fn clean() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        Just("a"),
        Just(""),
        Just("\"x\"\"y\""),
        Just("\"\n,\r\n\""),
        Just("\"\""),
        Just("\"\"\"\""),
        Just("long text that fills a block")
    ];
    let row = proptest::collection::vec(field, 1..4).prop_map(|fields| fields.join(","));
    proptest::collection::vec(row, 0..80).prop_map(|rows| rows.join("\n"))
}

#[track_caller]
fn check(text: &str, size: u64) {
    let dialect = Dialect::default();
    assert_eq!(
        in_chunks(text.as_bytes(), dialect, size),
        serially(text.as_bytes(), dialect),
        "{text:?} by {size}"
    );
    let bare = Dialect { quote: None, ..dialect };
    assert_eq!(in_chunks(text.as_bytes(), bare, size), serially(text.as_bytes(), bare), "{text:?} by {size}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn any_text_in_chunks_of_any_size_is_what_the_serial_reader_says(text in text(), size in 1_u64..300) {
        check(&text, size);
    }

    #[test]
    fn a_clean_text_in_chunks_of_any_size_is_what_the_serial_reader_says(text in clean(), size in 1_u64..300) {
        check(&text, size);
    }
}

#[test]
fn a_border_at_any_byte_of_the_awkward_places_changes_nothing() {
    let text = "a,b\r\n\"x\r\ny\",\"\"\"\"\r\n\r\n\n\"1\"\"\n\"\"2\",3\r\nq\"u,o\"te\n,\n\"open";
    (1..=text.len() as u64).for_each(|size| check(text, size));
}

#[test]
fn a_file_of_old_macs_is_split_as_well() {
    let dialect = Dialect { line_end: LineEnd::Cr, ..Dialect::default() };
    let told = in_chunks(b"a,b\r1,\"x\ry\"\r\r2,\n\r", dialect, 3);
    assert_eq!(told.rows, [["a", "b"], ["1", "x\ry"], ["2", "\n"]]);
}
