use super::*;

fn found(text: &[u8]) -> Sniffed {
    sniff(text, true, Known::default()).unwrap()
}

#[track_caller]
fn check(text: &[u8], delimiter: u8, line_end: LineEnd, encoding: Encoding, names: &[&str]) {
    let sniffed = found(text);
    let expected =
        Dialect { delimiter, quote: Some(b'"'), line_end, encoding, header: sniffed.dialect.header };
    assert_eq!(sniffed.dialect, expected, "{:#?}", sniffed.reasons);
    assert_eq!(sniffed.names, names);
}

#[test]
fn a_plain_file_has_the_plain_dialect() {
    check(b"id,name\n1,a\n2,b\n", b',', LineEnd::Lf, Encoding::Utf8, &["id", "name"]);
    assert_eq!((found(b"id,name\n1,a\n").data_start, found(b"id,name\n1,a\n").line), (8, 2));
}

#[test]
fn brazilian_open_data_has_semicolons_decimal_commas_and_latin_1() {
    let text = b"munic\xedpio;valor;data\r\nBel\xe9m;1.234,56;31/12/2024\r\nS\xe3o Paulo;12,5;01/01/2025\r\n";
    check(text, b';', LineEnd::CrLf, Encoding::Windows1252, &["município", "valor", "data"]);
}

#[test]
fn byte_order_marks_and_utf_16_are_known() {
    check(b"\xef\xbb\xbfa\tb\n1\t2\n", b'\t', LineEnd::Lf, Encoding::Utf8, &["a", "b"]);
    assert_eq!(found(b"\xef\xbb\xbfa\tb\n1\t2\n").data_start, 7);
    let text = "cidade|n\nBelém|1\n";
    let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    check(&le, b'|', LineEnd::Lf, Encoding::Utf16Le, &["cidade", "n"]);
    check(&be, b'|', LineEnd::Lf, Encoding::Utf16Be, &["cidade", "n"]);
    check(&[b"\xff\xfe", &*le].concat(), b'|', LineEnd::Lf, Encoding::Utf16Le, &["cidade", "n"]);
}

#[test]
fn commas_in_quotes_and_texts_do_not_mislead() {
    check(b"a;b\n\"1,2,3\";x, y\n\"4,5,6\";z, w\n", b';', LineEnd::Lf, Encoding::Utf8, &["a", "b"]);
    check(b"a,b\n\"1;2\n;\",3\n\"4;5\",6\n", b',', LineEnd::Lf, Encoding::Utf8, &["a", "b"]);
    check(b"name\nx\ny\n", b',', LineEnd::Lf, Encoding::Utf8, &["name"]);
    check(b"a,b\r1,2\r", b',', LineEnd::Cr, Encoding::Utf8, &["a", "b"]);
}

#[test]
fn a_first_row_like_the_others_is_no_header() {
    assert_eq!(found(b"1,a\n2,b\n").names, ["column_1", "column_2"]);
    assert_eq!((found(b"1,a\n2,b\n").data_start, found(b"\n\n1,a\n2,b\n").line), (0, 3));
    assert_eq!(found(b"a,a,\n1,2,3\n").names, ["a", "a_2", "column_3"]);
    let known = Known { header: Some(true), ..Known::default() };
    assert_eq!(sniff(b"1,a\n2,b\n", true, known).unwrap().names, ["1", "a"]);
}

#[test]
fn single_quotes_are_found_where_they_are_used() {
    assert_eq!(found(b"a,b\n'x,1',2\n'y',3\n").dialect.quote, Some(b'\''));
    assert_eq!(found(b"a,b\nit's,2\n'tis,3\n").dialect.quote, Some(b'"'));
}

#[test]
fn a_file_without_a_row_has_no_dialect() {
    assert!(sniff(b"", true, Known::default()).is_none());
    assert!(sniff(b"\n\r\n\n", true, Known::default()).is_none());
}
