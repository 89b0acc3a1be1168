//! The promises about bytes, checked on whole runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use datagen::generate::{Progress, Written};
use datagen::manifest::{Arguments, Manifest};
use datagen::plan::{self, Format, Scale, Size, TableName};
use datagen::run::{Outcome, Request, run};
use datagen::{Compression, Options, Result};

struct Silent;

impl Progress for Silent {
    fn rows(&self, _rows: u64) {}
    fn file(&self, _written: &Written) -> Result<()> {
        Ok(())
    }
}

fn request(root: &Path, workers: usize) -> Request {
    Request {
        arguments: Arguments { what: "all".into(), options: vec!["scale=tiny".into()] },
        options: Options { seed: 42, compression: Compression::Snappy },
        plan: plan::everything(Scale::Tiny, 42),
        root: root.to_owned(),
        workers,
    }
}

fn make(root: &Path, workers: usize) -> Outcome {
    run(&request(root, workers), &AtomicBool::new(false), &Silent).expect("a run")
}

/// Every file under `root` with its bytes, by relative path.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_any_number_of_workers() {
    let one = tempfile::tempdir().expect("a folder");
    make(one.path(), 1);
    let expected = contents(one.path());
    // The orders thrice: as CSV, as Parquet, and as a lake with a file for each state and month of a year that has some.
    let lake = expected.keys().filter(|name| name.contains("/year=")).count();
    assert_eq!(expected.len() - lake, 8 + 8 + 1 + 4 + 2 + 4, "{:?}", expected.keys());
    assert_eq!(lake, 297);
    for workers in [2, 3, 8] {
        let many = tempfile::tempdir().expect("a folder");
        make(many.path(), workers);
        let found = contents(many.path());
        assert!(expected.keys().eq(found.keys()), "{:?}", found.keys());
        for (name, bytes) in &expected {
            assert!(found[name] == *bytes, "{name} differs with {workers} workers");
        }
    }
}

/// With one file all workers make pieces of the same file, and the turns decide what is in it.
#[test]
fn one_file_of_many_pieces_has_the_same_bytes_for_any_number_of_workers() {
    for (format, rows_at_once) in [(Format::Csv, 100), (Format::Parquet, 1_000), (Format::Arrow, 1_000)] {
        let make = |workers| {
            let folder = tempfile::tempdir().expect("a folder");
            let size = Size { files: 1, rows: 60_050 };
            let plan = plan::files("", TableName::Orders, format, size, Some(rows_at_once));
            let request = Request { plan, ..request(folder.path(), workers) };
            run(&request, &AtomicBool::new(false), &Silent).expect("a run").manifest
        };
        let expected = make(1);
        for workers in [2, 3, 8, 8, 8] {
            assert_eq!(make(workers), expected, "{format:?} with {workers} workers");
        }
    }
}

#[test]
fn the_manifest_states_the_hash_size_and_rows_of_every_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = make(folder.path(), 2);
    let read = Manifest::read(folder.path()).expect("readable").expect("a manifest");
    assert_eq!(read, outcome.manifest);
    assert!(read.complete);
    for entry in &read.files {
        let bytes = fs::read(folder.path().join(&entry.path)).expect("a file");
        assert_eq!(entry.bytes, bytes.len() as u64, "{}", entry.path);
        assert_eq!(entry.blake3, blake3::hash(&bytes).to_hex().to_string(), "{}", entry.path);
        let rows = match entry.format {
            plan::Format::Csv => csv::Reader::from_reader(&bytes[..]).into_records().count(),
            plan::Format::Parquet => {
                let file = fs::File::open(folder.path().join(&entry.path)).expect("a file");
                let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1_000);
                reader.expect("Parquet").map(|batch| batch.expect("a batch").num_rows()).sum()
            }
            plan::Format::Log => {
                bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b' ').count()
            }

            plan::Format::Ndjson => bytes.split(|byte| *byte == b'\n').count() - 1,
            plan::Format::Sqlite => {
                let store = rusqlite::Connection::open(folder.path().join(&entry.path)).expect("SQLite");
                let count: i64 =
                    store.query_one("SELECT count(*) FROM sale", [], |row| row.get(0)).expect("sales");
                usize::try_from(count).expect("a count")
            }
            other => panic!("the laboratory's data has no {other:?}"),
        };
        assert_eq!(entry.rows, rows as u64, "{}", entry.path);
    }
}

#[test]
fn csv_and_parquet_files_hold_the_same_rows() {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};

    let folder = tempfile::tempdir().expect("a folder");
    make(folder.path(), 2);
    for part in 0..8 {
        let text = fs::read(folder.path().join(format!("orders-csv/part-{part:05}.csv"))).expect("a file");
        let mut rows = csv::Reader::from_reader(&text[..]).into_records();
        let file = fs::File::open(folder.path().join(format!("orders-parquet/part-{part:05}.parquet")));
        let reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file.expect("a file"), 1_000);
        for batch in reader.expect("Parquet") {
            let batch = batch.expect("a batch");
            for i in 0..batch.num_rows() {
                let row = rows.next().expect("as many rows").expect("valid CSV");
                for (column, field) in batch.columns().iter().zip(&row) {
                    let value = if let Some(column) = column.as_primitive_opt::<Int64Type>() {
                        column.value(i).to_string()
                    } else if let Some(column) = column.as_primitive_opt::<Int32Type>() {
                        column.value(i).to_string()
                    } else if let Some(column) = column.as_primitive_opt::<TimestampMicrosecondType>() {
                        let time = jiff::Timestamp::from_microsecond(column.value(i)).expect("a time");
                        time.strftime("%Y-%m-%d %H:%M:%S").to_string()
                    } else if column.is_null(i) {
                        String::new()
                    } else {
                        column.as_string::<i32>().value(i).to_owned()
                    };
                    assert_eq!(value, field, "row {i} of part {part}");
                }
            }
        }
        assert!(rows.next().is_none(), "CSV has more rows in part {part}");
    }
}

/// Python's `csv` is what half of the readers out there behave like. Without Python the test says so and proves nothing.
#[test]
fn pythons_csv_module_reads_what_the_csv_crate_reads() {
    const SCRIPT: &str = "import csv,sys\n\
        sys.stdout.reconfigure(encoding='utf-8',newline='')\n\
        for row in csv.reader(open(sys.argv[1],newline='',encoding='utf-8')):\n\
        \x20sys.stdout.write('\\x1f'.join(row)+'\\x1e')";
    let folder = tempfile::tempdir().expect("a folder");
    make(folder.path(), 2);
    for part in 0..8 {
        let path = folder.path().join(format!("orders-csv/part-{part:05}.csv"));
        let output = std::process::Command::new("python3").args(["-c", SCRIPT]).arg(&path).output();
        let Ok(output) = output else { return eprintln!("skipped: there is no python3") };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = fs::read(&path).expect("a file");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..]);
        let mut expected = String::new();
        for row in reader.records() {
            expected += &(row.expect("valid CSV").iter().collect::<Vec<_>>().join("\x1f") + "\x1e");
        }
        assert!(String::from_utf8_lossy(&output.stdout) == expected, "part {part}");
    }
}

#[test]
fn without_a_folder_the_laboratorys_data_goes_below_its_home() {
    let home = tempfile::tempdir().expect("a folder");
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_datagen"));
    let output = program.args(["all", "--scale", "tiny"]).env("PARALELO_HOME", home.path()).output();
    let output = output.expect("it starts");
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(home.path().join("data/raw/tiny/manifest.json").is_file());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("323 of 323 files written"), "{text}");
    let again = program.output().expect("it starts");
    let text = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(text.contains("nothing to write"), "{text}");
}

#[test]
fn a_second_run_writes_nothing_and_a_damaged_folder_is_completed() {
    let folder = tempfile::tempdir().expect("a folder");
    make(folder.path(), 2);
    let before = contents(folder.path());
    let manifest = folder.path().join("manifest.json");
    let stamp = fs::metadata(&manifest).and_then(|file| file.modified()).expect("a time");
    assert_eq!(make(folder.path(), 1).written, 0);
    assert_eq!(fs::metadata(&manifest).and_then(|file| file.modified()).expect("a time"), stamp);

    fs::remove_file(folder.path().join("orders-csv/part-00003.csv")).expect("removed");
    fs::write(folder.path().join("logs/app-00001.log"), "cut off").expect("written");
    assert_eq!(make(folder.path(), 2).written, 2);
    assert!(contents(folder.path()) == before);
}

#[test]
fn a_stopped_run_leaves_no_temporary_and_the_next_one_goes_on() {
    /// Stops the run when the third file is done.
    struct StopAtThree<'a>(&'a AtomicBool, std::sync::atomic::AtomicUsize);
    impl Progress for StopAtThree<'_> {
        fn rows(&self, _rows: u64) {}
        fn file(&self, _written: &Written) -> Result<()> {
            use std::sync::atomic::Ordering;
            if self.1.fetch_add(1, Ordering::Relaxed) == 2 {
                self.0.store(true, Ordering::Release);
            }
            Ok(())
        }
    }
    let whole = tempfile::tempdir().expect("a folder");
    make(whole.path(), 2);
    let folder = tempfile::tempdir().expect("a folder");
    let stop = AtomicBool::new(false);
    let stopped = run(&request(folder.path(), 2), &stop, &StopAtThree(&stop, 0.into()));
    assert!(matches!(stopped, Err(datagen::Error::Interrupted)), "{stopped:?}");
    let names: Vec<_> = contents(folder.path()).into_keys().collect();
    assert!(names.iter().all(|name| !name.contains("partial")), "{names:?}");
    let manifest = Manifest::read(folder.path()).expect("readable").expect("a manifest");
    assert!(!manifest.complete);
    let kept = manifest.files.len();
    assert!((3..=4).contains(&kept), "{kept} files kept");

    let outcome = make(folder.path(), 2);
    assert_eq!(outcome.written, outcome.manifest.files.len() - kept);
    assert!(contents(folder.path()) == contents(whole.path()));
}

#[test]
fn the_same_words_with_another_plan_do_not_keep_the_files_of_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    make(folder.path(), 2);
    let mut changed = request(folder.path(), 2);
    let last =
        changed.plan.iter_mut().rfind(|file| file.table == TableName::Orders).expect("orders are planned");
    last.rows.end -= 1;
    let outcome = run(&changed, &AtomicBool::new(false), &Silent).expect("a run");
    assert_eq!(outcome.written, changed.plan.len());
}
