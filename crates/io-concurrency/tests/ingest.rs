//! Exercise 02 on real files: one table whatever the strategy, and no row that is lost, doubled or misread.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use arrow_array::RecordBatch;
use io_concurrency::ingest::Ingest;
use lab::Exercise;
use nix::sys::signal::Signal;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tabular::csv_text::{Dialect, write_batch, write_header};
use tempfile::TempDir;
use witness::{Ended, children, end, listing, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_io-concurrency");

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join("in").join(name), text).unwrap();
    }
    folder
}

/// The name of the output: its ending says what `--format` says.
fn out_name(args: &[&str]) -> &'static str {
    match args.iter().position(|arg| *arg == "--format").map(|at| args[at + 1]) {
        Some("arrow") => "t.arrow",
        Some("summary") => "t.ndjson",
        _ => "t.parquet",
    }
}

fn ingest(folder: &Path, args: &[&str]) -> Command {
    let mut command = witness::program(PROGRAM, folder);
    command.arg("ingest").args(["--quiet", "--out"]).arg(folder.join(out_name(args))).args(args);
    if !args.iter().any(|arg| arg.contains("in/")) {
        command.arg(format!("{}/in/*", folder.display()));
    }
    command
}

/// The types of a Parquet file and its rows as CSV.
fn table(path: &Path) -> (Vec<String>, String) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let mut text = Vec::new();
    write_header(&schema, Dialect::default(), &mut text);
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    batches.iter().for_each(|batch| write_batch(batch, Dialect::default(), &mut text).unwrap());
    let types = schema.fields().iter().map(|field| field.data_type().to_string());
    (types.collect(), String::from_utf8(text).unwrap())
}

/// Ingests files and checks the types and the rows of the table.
#[track_caller]
fn check(files: &[(&str, &[u8])], args: &[&str], types: &[&str], rows: &str) {
    let folder = folder(files);
    let ended = run(&mut ingest(folder.path(), args));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let (found, text) = table(&folder.path().join("t.parquet"));
    assert_eq!((found.iter().map(String::as_str).collect::<Vec<_>>(), text.as_str()), (types.to_vec(), rows));
    assert_eq!(listing(folder.path()), ["in", "t.parquet"], "nothing else is left");
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Rows with everything that is awkward: quoted line breaks and quotes, missing values, characters of many bytes.
fn awkward(rows: u64) -> String {
    let mut text = String::from("id,code,amount,day,note\n");
    for id in 0..rows {
        let note = match id % 5 {
            0 => format!("\"a, \"\"quoted\"\"\nnote {id}\""),
            1 => String::new(),
            2 => "ção 😀".into(),
            3 => "\"\"".into(),
            _ => "x".repeat(usize::try_from(id % 70).unwrap()),
        };
        let (code, whole, cents, day) = (id % 900, id * 7, id % 100, 1 + id % 29);
        writeln!(text, "{id},{code:05},{whole}.{cents:02},2024-02-{day:02},{note}").unwrap();
    }
    text
}

#[test]
fn every_strategy_writes_the_same_bytes_with_any_number_of_workers() {
    let text = awkward(9_000);
    let (one, two) = (text.as_bytes(), awkward(100));
    let bad = awkward(50).replace("\n7,", "\n7,8,");
    let packed = gzip(two.as_bytes());
    let folder = folder(&[("a.csv", one), ("b.csv.gz", &packed), ("c.csv", bad.as_bytes())]);
    for format in ["parquet", "arrow", "summary"] {
        let mut answers = BTreeSet::new();
        for workers in ["1", "2", "7"] {
            for strategy in Ingest::STRATEGIES {
                let rejects = folder.path().join("bad.csv");
                let given = ["--piece", "64KiB", "--format", format];
                let mut command = ingest(folder.path(), &given);
                command.args(["--strategy", strategy.name, "--workers", workers, "--rejects"]).arg(&rejects);
                let ended = run(&mut command);
                assert_eq!(ended.code, Some(0), "{} {workers}: {}", strategy.name, ended.err);
                let table = fs::read(folder.path().join(out_name(&given))).unwrap();
                answers.insert((table, fs::read(rejects).unwrap()));
            }
        }
        assert_eq!(answers.len(), 1, "{format}");
    }
}

#[test]
fn the_rows_are_those_of_the_serial_reader_wherever_the_pieces_end() {
    let text = awkward(2_000);
    let mut expected = Vec::new();
    for piece in ["1KiB", "999B", "50KB", "8MiB"] {
        let folder = folder(&[("a.csv", text.as_bytes())]);
        let ended = run(&mut ingest(folder.path(), &["--piece", piece]));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        expected.push(table(&folder.path().join("t.parquet")));
    }
    // What this writer writes of the table is what was read, but for the float's zeros.
    let back: Vec<String> = expected[0].1.lines().map(str::to_owned).collect();
    let rows = csv::Reader::from_reader(text.as_bytes()).into_records().count();
    let again: Vec<_> =
        csv::Reader::from_reader(expected[0].1.as_bytes()).into_records().map(Result::unwrap).collect();
    let first: Vec<_> =
        csv::Reader::from_reader(text.as_bytes()).into_records().map(Result::unwrap).collect();
    assert_eq!((again.len(), rows), (2_000, 2_000), "{}", back.len());
    for (one, two) in again.iter().zip(&first) {
        assert_eq!((&one[0], &one[1], &one[3], &one[4]), (&two[0], &two[1], &two[3], &two[4]));
        let bits = |text: &str| text.parse::<f64>().unwrap().to_bits();
        assert_eq!(bits(&one[2]), bits(&two[2]));
    }
    assert!(expected.iter().all(|table| table == &expected[0]));
    assert_eq!(expected[0].0, ["Int64", "Utf8", "Float64", "Date32", "Utf8"]);
}

#[test]
fn brazilian_open_data_is_read_as_it_was_meant() {
    let text = b"munic\xedpio;cep;valor;data;hora\r\nBel\xe9m;01001;1.234,56;31/12/2024;31/12/2024 23:59\r\n\
                 S\xe3o Paulo;99999;12;01/02/2025;01/02/2025 08:00:01\r\n";
    check(
        &[("a.csv", text)],
        &[],
        &["Utf8", "Utf8", "Float64", "Date32", "Timestamp(µs)"],
        "município,cep,valor,data,hora\nBelém,01001,1234.56,2024-12-31,2024-12-31 23:59:00\n\
         São Paulo,99999,12.0,2025-02-01,2025-02-01 08:00:01\n",
    );
}

#[test]
fn files_of_all_encodings_and_packings_and_orders_are_one_table() {
    let same = "cidade,n\nBelém,1\n";
    let mixed = b"n;cidade\n2;S\xe3o Lu\xeds\n".to_vec();
    check(
        &[
            ("a.csv", same.as_bytes()),
            ("b.csv", format!("\u{feff}{same}").as_bytes()),
            ("c.csv", &utf16(same)),
            ("d.csv.gz", &gzip(same.as_bytes())),
            ("e.csv.zst", &zstd::encode_all(same.as_bytes(), 1).unwrap()),
            ("f.csv.gz", &gzip(&utf16(same))),
            ("g.csv", &mixed),
        ],
        &[],
        &["Utf8", "Int64"],
        "cidade,n\nBelém,1\nBelém,1\nBelém,1\nBelém,1\nBelém,1\nBelém,1\nSão Luís,2\n",
    );
}

#[test]
fn a_type_is_that_of_all_values_and_not_of_a_sample() {
    // 60,000 rows of whole numbers, and at the very end what makes a float, a text, and a decimal of them.
    let mut text = String::from("a,b,c,d\n");
    (0..60_000).for_each(|n| writeln!(text, "{n},{n},{n},").unwrap());
    text += "1.5,0401,99999999999999999999,2024-01-01\n";
    let folder = folder(&[("a.csv", text.as_bytes())]);
    let ended = run(&mut ingest(folder.path(), &["--piece", "200KB"]));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let (types, rows) = table(&folder.path().join("t.parquet"));
    assert_eq!(types, ["Float64", "Utf8", "Decimal128(38, 0)", "Date32"]);
    assert!(
        rows.ends_with("\n59999.0,59999,59999,\n1.5,0401,99999999999999999999,2024-01-01\n"),
        "{}",
        &rows[rows.len() - 90..]
    );
}

#[test]
fn an_encoding_is_that_of_the_whole_file_and_not_of_its_beginning() {
    let mut text = b"city,n\n".to_vec();
    (0..40_000).for_each(|n| text.extend(format!("plain ascii,{n}\n").as_bytes()));
    text.extend(b"S\xe3o Paulo,1\n");
    let folder = folder(&[("a.csv", &text)]);
    assert_eq!(run(&mut ingest(folder.path(), &[])).code, Some(0));
    assert!(table(&folder.path().join("t.parquet")).1.ends_with("\nSão Paulo,1\n"));
}

#[test]
fn a_given_schema_decides_and_what_does_not_fit_is_rejected_with_its_place() {
    let text = "cep,valor,dia\n01001,\"1,50\",31/12/2024\n2,x,01/01/2025\n3,\"2,5\",32/01/2025\n\n4,1\n5,\"7\",\"05/05/2025\"\n";
    let latin = b"cep,valor,dia\n6,1,01/01/2025\n\xff\xfe\xe3,1,01/01/2025\n";
    let folder = folder(&[("a.csv", text.as_bytes()), ("b.csv", latin)]);
    let rejects = folder.path().join("bad.csv");
    let given = "cep: text, valor: decimal(2,comma), dia: date(dmy)";
    let args = ["--schema", given, "--encoding", "utf-8", "--rejects", rejects.to_str().unwrap()];
    let ended = run(&mut ingest(folder.path(), &args));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let (types, rows) = table(&folder.path().join("t.parquet"));
    assert_eq!(types, ["Utf8", "Decimal128(38, 2)", "Date32"]);
    assert_eq!(rows, "cep,valor,dia\n01001,1.50,2024-12-31\n5,7.00,2025-05-05\n6,1.00,2025-01-01\n");
    let mut found = csv::Reader::from_path(&rejects).unwrap();
    let found: Vec<Vec<String>> =
        found.records().map(|row| row.unwrap().iter().map(Into::into).collect()).collect();
    let (a, b) = (folder.path().join("in/a.csv"), folder.path().join("in/b.csv"));
    let expected: [(&PathBuf, &str, &str, usize, &str, &str); 4] = [
        (&a, "3", "valor", text.find("x,01").unwrap(), "found \"x\"", "2,x,01/01/2025"),
        (&a, "4", "dia", text.find("32/01").unwrap(), "found \"32/01/2025\"", "3,\"2,5\",32/01/2025"),
        (&a, "6", "", text.find("4,1\n").unwrap(), "there are 2 fields where the table has 3 columns", "4,1"),
        (&b, "3", "cep", 29, "the byte 0xff is not UTF-8 here", "\u{fffd}\u{fffd}\u{fffd},1,01/01/2025"),
    ];
    assert_eq!(found.len(), expected.len());
    for (found, (file, line, column, byte, reason, row)) in found.iter().zip(expected) {
        assert_eq!((&*found[0], &*found[1], &*found[2]), (file.to_str().unwrap(), line, column));
        assert_eq!(found[3], byte.to_string());
        assert!(found[4].contains(reason) && found[5] == row, "{found:?}");
    }
}

#[test]
fn without_a_place_for_rejects_they_are_named_and_the_exit_code_tells() {
    let folder = folder(&[("a.csv", b"a,b\n1,2\n3\n4,5\n")]);
    let ended = run(&mut ingest(folder.path(), &[]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("a.csv:3") && ended.err.contains("--rejects FILE"), "{}", ended.err);
    assert_eq!(table(&folder.path().join("t.parquet")).1, "a,b\n1,2\n4,5\n");
}

#[test]
fn the_place_of_a_reject_in_utf_16_is_one_in_the_users_file() {
    let text = "a,b\nção 😀,2\n3\n4,5\n";
    let bytes = utf16(text);
    let folder = folder(&[("a.csv", &bytes)]);
    let rejects = folder.path().join("bad.csv");
    run(&mut ingest(folder.path(), &["--rejects", rejects.to_str().unwrap()]));
    let place = bytes.windows(4).position(|four| four == b"3\0\n\0").unwrap();
    assert!(fs::read_to_string(rejects).unwrap().contains(&format!("a.csv,3,,{place},there is 1 field")));
}

#[test]
fn bad_files_are_named_and_the_others_are_the_table() {
    let whole = gzip(&awkward(500).into_bytes());
    let folder = folder(&[
        ("a.csv", b"id,code,amount,day,note\n1,2,3,4,5\n"),
        ("b.csv.gz", &whole[..whole.len() / 2]),
        ("c.csv", b"other,names\n1,2\n"),
        ("d.csv", b""),
    ]);
    let ended = run(&mut ingest(folder.path(), &[]));
    assert_eq!(ended.code, Some(1));
    for part in ["b.csv.gz", "without `id`", "there is no row in"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert_eq!(table(&folder.path().join("t.parquet")).1, "id,code,amount,day,note\n1,2,3,4,5\n");
}

#[test]
fn an_explanation_tells_the_dialect_the_types_and_the_values_that_decided() {
    let folder = folder(&[("a.csv", b"cep;valor\n1;1,5\n0401;2,25\n;3\n")]);
    let ended = run(&mut ingest(folder.path(), &["--explain"]));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for part in [
        "delimiter  `;`",
        "3 rows",
        "`0401` is not",
        "a.csv:3)",
        "1 are missing",
        "--schema 'cep: text, valor: float64(comma)'",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    assert!(!folder.path().join("t.parquet").exists());
}

#[test]
fn a_summary_has_exact_sums() {
    let folder = folder(&[(
        "a.csv",
        b"n,d,t\n9223372036854775807,2024-01-01,b\n9223372036854775807,2023-01-01,a\n,,\n",
    )]);
    let ended = run(ingest(folder.path(), &["--format", "summary"])
        .args(["--out", folder.path().join("s.ndjson").to_str().unwrap()]));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let text = fs::read_to_string(folder.path().join("s.ndjson")).unwrap();
    assert!(text.contains(r#"{"column":"n","type":"int64","values":2,"missing":1,"least":"9223372036854775807","greatest":"9223372036854775807","sum":"18446744073709551614"}"#), "{text}");
    assert!(text.contains(r#""least":"2023-01-01","greatest":"2024-01-01"}"#), "{text}");
}

#[test]
fn a_quote_that_is_never_closed_costs_one_row() {
    let folder = folder(&[("a.csv", b"a,b\n1,2\n3,\"open\n4,5\n")]);
    let ended = run(&mut ingest(folder.path(), &[]));
    assert!(ended.code == Some(1) && ended.err.contains("never closed"), "{}", ended.err);
    assert_eq!(table(&folder.path().join("t.parquet")).1, "a,b\n1,2\n");
}

#[test]
fn a_worker_that_is_killed_changes_nothing() {
    let text = awkward(400_000);
    let folder = folder(&[("a.csv", text.as_bytes())]);
    assert_eq!(run(&mut ingest(folder.path(), &["--piece", "256KiB"])).code, Some(0));
    let calm = fs::read(folder.path().join("t.parquet")).unwrap();
    let program = ingest(folder.path(), &["--piece", "256KiB", "--strategy", "processes", "--workers", "2"])
        .spawn()
        .unwrap();
    witness::signal(children(&program, 2)[0], Signal::SIGKILL);
    let ended = Ended::from(program.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(fs::read(folder.path().join("t.parquet")).unwrap() == calm);
}

#[test]
fn ctrl_c_leaves_no_half_table_and_nobody() {
    let text = awkward(400_000);
    for strategy in ["sequential", "pool", "processes"] {
        let folder = folder(&[("a.csv.gz", &gzip(text.as_bytes()))]);
        let args = ["--strategy", strategy, "--workers", "2", "--piece", "64KiB"];
        let program = ingest(folder.path(), &args).spawn().unwrap();
        witness::wait_for("the staging", || (listing(folder.path()).len() > 1).then_some(()));
        let (ended, took) = end(program, &[], Signal::SIGINT);
        assert!(took < Duration::from_secs(1), "{strategy} took {took:?}");
        assert_eq!(ended.code, Some(130), "{strategy}: {}", ended.err);
        assert_eq!(listing(folder.path()), ["in"], "{strategy}");
    }
}
