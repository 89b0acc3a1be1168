//! Lakes and dirty files, checked by reading them back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs the program and expects it to succeed.
fn datagen(arguments: &[&str], out: &Path) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_datagen"));
    let output = program.args(arguments).arg("--quiet").arg("--out").arg(out).output().expect("it starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The CSV files below a folder, by their path relative to it.
fn csv_files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "csv") {
                let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn a_lake_has_the_rows_of_the_flat_table_in_the_folders_where_they_belong() {
    let folder = tempfile::tempdir().expect("a folder");
    let (flat, lake) = (folder.path().join("flat"), folder.path().join("lake"));
    datagen(&["orders", "--rows", "30000", "--files", "1"], &flat);
    datagen(&["orders", "--rows", "30000", "--layout", "hive", "--workers", "3"], &lake);
    let rows = |text: &[u8]| -> Vec<csv::StringRecord> {
        csv::Reader::from_reader(text).into_records().collect::<Result<_, _>>().expect("valid CSV")
    };
    let mut expected = BTreeMap::new();
    for row in rows(&csv_files(&flat)["part-00000.csv"]) {
        expected.insert(row[0].parse::<u64>().expect("an identifier"), row);
    }
    let mut sizes = BTreeMap::new();
    let mut seen = 0;
    for (path, text) in csv_files(&lake) {
        let parts: Vec<&str> = path.split('/').collect();
        let (year, month) = (&parts[0][5..], parts[1][6..].parse::<u8>().expect("a month"));
        let uf = &parts[2][3..];
        for row in rows(&text) {
            let flat = &expected[&row[0].parse::<u64>().expect("an identifier")];
            assert_eq!(&flat[4], uf, "{path}");
            assert!(flat[9].starts_with(&format!("{year}-{month:02}-")), "{path}: {}", &flat[9]);
            let without_uf: Vec<&str> =
                flat.iter().enumerate().filter(|(i, _)| *i != 4).map(|(_, field)| field).collect();
            assert_eq!(row.iter().collect::<Vec<_>>(), without_uf);
            *sizes.entry(uf.to_owned()).or_insert(0_u32) += 1;
            seen += 1;
        }
    }
    assert_eq!(seen, 30_000);
    assert!(sizes["SP"] > 20 * sizes["RR"], "{sizes:?}");
}

/// What a careful reader finds wrong in a file, by record number: the grading that the ledger is for.
fn wrong_records(text: &[u8]) -> BTreeMap<u64, &'static str> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let semicolon = text.split(|byte| *byte == b'\n').next().is_some_and(|header| header.contains(&b';'));
    let separator = if semicolon { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text);
    let columns = reader.byte_headers().expect("a header").len();
    let mut wrong = BTreeMap::new();
    let mut last = Vec::new();
    for (number, record) in (1..).zip(reader.byte_records()) {
        let record = record.expect("a record");
        let what = if record.len() < columns {
            "missing_field"
        } else if record.len() > columns {
            "extra_field"
        } else if record.iter().take(10).any(<[u8]>::is_empty) {
            "null"
        } else if record.iter().any(|field| std::str::from_utf8(field).is_err()) {
            "latin1"
        } else if record[0] == last[..] {
            "duplicate"
        } else if !typed(&record, semicolon) {
            "wrong_type"
        } else {
            ""
        };
        if !what.is_empty() {
            wrong.insert(number, what);
        }
        last = record[0].to_vec();
    }
    wrong
}

/// Whether the numbers of an order are numbers, and its time a time.
fn typed(record: &csv::ByteRecord, semicolon: bool) -> bool {
    let text = |i: usize| std::str::from_utf8(&record[i]).unwrap_or_default();
    let price = if semicolon { text(6).replace(',', "") } else { text(6).to_owned() };
    let numbers = [0, 1, 2, 5, 7].into_iter().all(|i| text(i).parse::<i64>().is_ok());
    let time = text(9).len() == 19 && text(9).replace(' ', "T").parse::<jiff::civil::DateTime>().is_ok();
    numbers && price.parse::<i64>().is_ok() && time
}

#[test]
fn the_ledger_names_exactly_the_records_that_a_careful_reader_rejects() {
    let folder = tempfile::tempdir().expect("a folder");
    datagen(&["orders", "--rows", "16000", "--files", "8", "--dirty", "0.02"], folder.path());
    let mut kinds = BTreeSet::new();
    let mut planted = 0;
    for (name, text) in csv_files(folder.path()) {
        let ledger = fs::read_to_string(folder.path().join(format!("{name}.dirt.jsonl"))).expect("a ledger");
        let mut expected = BTreeMap::new();
        for line in ledger.lines() {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            kinds.insert(entry["kind"].as_str().expect("a kind").to_owned());
            if entry["record"] == 0 {
                continue;
            }
            planted += 1;
            let at: usize = entry["byte"].as_u64().and_then(|at| at.try_into().ok()).expect("an offset");
            let lines = text[..at].split(|byte| *byte == b'\n').count() as u64;
            assert_eq!(entry["line"], lines, "{name}: {line}");
            assert!(at == 0 || text[at - 1] == b'\n', "{name}: {line}");
            let record = entry["record"].as_u64().expect("a number");
            expected.insert(record, entry["kind"].as_str().expect("a kind").to_owned());
        }
        let found: BTreeMap<u64, String> =
            wrong_records(&text).into_iter().map(|(record, what)| (record, what.to_owned())).collect();
        assert_eq!(found, expected, "{name}");
    }
    assert!((240..400).contains(&planted), "{planted} records of 16,000 are wrong");
    let all = [
        "byte_order_mark",
        "crlf",
        "duplicate",
        "extra_field",
        "latin1",
        "missing_field",
        "null",
        "semicolon",
        "wrong_type",
    ];
    assert!(kinds.iter().map(String::as_str).eq(all), "{kinds:?}");
}
