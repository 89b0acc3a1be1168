//! Exercise 08 on real files: one answer, and nothing lost, left or half-written, whatever happens.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use cpu_parallel::convert::{Args, Convert};
use flate2::read::MultiGzDecoder;
use lab::{Answer, Digest, Exercise, Lab, Launch};
use nix::sys::signal::Signal;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;
use witness::{children, end, listing, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu-parallel");

/// A folder `in` with `files` Parquet files of `rows` rows each, in several row groups.
fn inputs(files: usize, rows: i64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    fs::create_dir(&input).unwrap();
    for number in 0..files {
        let first = i64::try_from(number).unwrap() * rows;
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + rows));
        let note = |id: i64| (id % 3 > 0).then(|| format!("note {id}, \"quoted\"\nand broken"));
        let notes: ArrayRef = Arc::new((first..first + rows).map(note).collect::<StringArray>());
        let batch = RecordBatch::try_from_iter([("id", ids), ("note", notes)]).unwrap();
        let file = File::create(input.join(format!("part-{number}.parquet"))).unwrap();
        let groups = parquet::file::properties::WriterProperties::builder()
            .set_max_row_group_row_count(Some(1_000))
            .build();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    folder
}

fn convert(folder: &Path, out: &str, args: &[&str]) -> Command {
    let mut command = witness::program(PROGRAM, folder);
    command.arg("convert").arg(folder.join("in")).arg("--out").arg(folder.join(out)).args(args);
    command
}

/// The files of a folder but for the manifest of those that we made.
fn converted(folder: &Path) -> Vec<String> {
    listing(folder).into_iter().filter(|name| name != lab::out::made::MANIFEST).collect()
}

/// Every converted file of a folder with its content.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    converted(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

#[test]
fn every_strategy_writes_the_same_bytes_with_any_number_of_workers() {
    let folder = inputs(5, 2_500);
    let args = Args {
        inputs: vec![folder.path().join("in").display().to_string()],
        delimiter: b',',
        ..Args::default()
    };
    let mut answers = Vec::new();
    for workers in [1, 2, 7] {
        for strategy in Convert::STRATEGIES {
            let out = folder.path().join(format!("{}-{workers}", strategy.name));
            let mut lab = Lab::new(workers).with_out(&out);
            lab.launch = Launch::program(PROGRAM);
            let input = Convert::prepare(&args, &lab).unwrap();
            let output = strategy.run.unwrap()(&input, &lab).unwrap();
            assert_eq!((output.failures().len(), output.work().rows), (0, 12_500), "{}", strategy.name);
            let mut digest = Digest::new();
            output.digest(&mut digest).unwrap();
            answers.push((digest.finish(), contents(&out)));
        }
    }
    assert_eq!(answers.len(), 18);
    assert!(answers.iter().all(|answer| answer == &answers[0]));
}

#[test]
fn the_text_is_what_was_stored() {
    let folder = inputs(1, 3);
    assert_eq!(run(&mut convert(folder.path(), "out", &[])).code, Some(0));
    let text = fs::read_to_string(folder.path().join("out/part-0.csv")).unwrap();
    assert_eq!(
        text,
        "id,note\n0,\n1,\"note 1, \"\"quoted\"\"\nand broken\"\n2,\"note 2, \"\"quoted\"\"\nand broken\"\n"
    );
    assert_eq!(run(&mut convert(folder.path(), "out", &["--delimiter", ";", "--no-header"])).code, Some(0));
    let text = fs::read_to_string(folder.path().join("out/part-0.csv")).unwrap();
    assert!(text.starts_with("0;\n1;\"note 1, "), "{text}");
}

/// The bytes of a converted folder under each strategy; they must all be the same.
fn check_same(folder: &Path, args: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut answers = Vec::new();
    for strategy in Convert::STRATEGIES {
        let out = format!("{}{}", strategy.name, args.join("")).replace('.', "-");
        let workers = if strategy.name == "sequential" { "1" } else { "3" };
        let given = ["--strategy", strategy.name, "--workers", workers];
        let ended = run(convert(folder, &out, args).args(given));
        assert_eq!(ended.code, Some(0), "{}: {}", strategy.name, ended.err);
        answers.push(contents(&folder.join(&out)));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{args:?}");
    answers.remove(0)
}

#[test]
fn a_large_file_is_converted_in_parts_to_the_same_bytes() {
    // 15 MB before compression: four parts of 4 MiB.
    let folder = inputs(1, 600_000);
    let plain = check_same(folder.path(), &[]);
    assert_eq!(plain[0].1.split(|byte| *byte == b'\n').count(), 1 + 600_000 + 400_000 + 1);
    for (pack, name) in [("gzip", "part-0.csv.gz"), ("zstd", "part-0.csv.zst")] {
        let packed = check_same(folder.path(), &["--pack", pack]);
        assert_eq!(packed[0].0, name);
        let mut text = Vec::new();
        match pack {
            "gzip" => MultiGzDecoder::new(packed[0].1.as_slice()).read_to_end(&mut text).unwrap(),
            _ => zstd::Decoder::new(packed[0].1.as_slice()).unwrap().read_to_end(&mut text).unwrap(),
        };
        assert!(text == plain[0].1, "{pack}");
    }
}

#[test]
fn all_files_go_into_one_in_their_order() {
    let folder = inputs(3, 2_500);
    let apart: Vec<u8> =
        check_same(folder.path(), &["--no-header"]).into_iter().flat_map(|(_, text)| text).collect();
    let one = check_same(folder.path(), &["--into", "all.csv"]);
    assert_eq!(one[0].0, "all.csv");
    assert_eq!(one[0].1, [b"id,note\n".as_slice(), &apart].concat());
    let ended = run(&mut convert(folder.path(), "out", &["--into", "../all.csv"]));
    assert!(ended.code == Some(1) && ended.err.contains("takes the name of a file"), "{}", ended.err);
}

#[test]
fn a_file_that_is_one_of_many_parts_is_not_half_written() {
    let folder = inputs(3, 2_500);
    let bad = folder.path().join("in/part-1.parquet");
    let mut bytes = fs::read(&bad).unwrap();
    bytes[4..400].fill(0xff);
    fs::write(&bad, bytes).unwrap();
    let ended = run(&mut convert(folder.path(), "out", &["--into", "all.csv"]));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(
        ended.err.contains("part-1.parquet") && ended.err.contains("column `id`, page 0"),
        "{}",
        ended.err
    );
    assert_eq!(listing(&folder.path().join("out")), [""; 0]);
}

#[test]
fn only_the_columns_and_rows_that_are_asked_for_are_written() {
    let folder = inputs(2, 2_500);
    let chosen =
        check_same(folder.path(), &["--columns", "note", "--where", "id in (1, 3, 2501)", "--null", "NULL"]);
    let text = |number: usize| String::from_utf8(chosen[number].1.clone()).unwrap();
    assert_eq!(text(0), "note\n\"note 1, \"\"quoted\"\"\nand broken\"\nNULL\n");
    assert_eq!(text(1), "note\n\"note 2501, \"\"quoted\"\"\nand broken\"\n");
    let ended = run(&mut convert(folder.path(), "out", &["--where", "ids = 1"]));
    assert!(
        ended.code == Some(1) && ended.err.contains("has no column `ids`, only id, note"),
        "{}",
        ended.err
    );
    let ended = run(&mut convert(folder.path(), "out", &["--where", "id = "]));
    assert!(ended.code == Some(2) && ended.err.contains("at character 6"), "{}", ended.err);
}

/// Spoils one of three files and checks that the other two are converted and the bad one is named, under any strategy.
fn check_spoilt(spoil: impl Fn(&mut Vec<u8>), reason: &str) {
    let folder = inputs(3, 2_500);
    let bad = folder.path().join("in/part-1.parquet");
    let mut bytes = fs::read(&bad).unwrap();
    spoil(&mut bytes);
    fs::write(&bad, bytes).unwrap();
    for strategy in Convert::STRATEGIES {
        let ended = run(&mut convert(folder.path(), strategy.name, &["--strategy", strategy.name]));
        assert_eq!(ended.code, Some(1), "{}: {}", strategy.name, ended.err);
        assert!(ended.err.contains("part-1.parquet") && ended.err.contains(reason), "{}", ended.err);
        assert_eq!(
            converted(&folder.path().join(strategy.name)),
            ["part-0.csv", "part-2.csv"],
            "{}",
            strategy.name
        );
    }
}

#[test]
fn a_file_that_is_cut_off_is_named_and_the_others_are_converted() {
    check_spoilt(|bytes| bytes.truncate(bytes.len() / 2), "cannot read the file as Parquet");
}

#[test]
fn a_file_with_a_broken_page_is_named_with_its_row_group_and_the_others_are_converted() {
    check_spoilt(|bytes| bytes[4..400].fill(0xff), "row group 0, column `id`, page 0");
}

#[test]
fn two_files_that_would_become_one_are_refused_before_any_work() {
    let folder = inputs(1, 3);
    fs::create_dir(folder.path().join("more")).unwrap();
    fs::copy(folder.path().join("in/part-0.parquet"), folder.path().join("more/part-0.parquet")).unwrap();
    let ended = run(convert(folder.path(), "out", &[]).arg(folder.path().join("more")));
    assert!(ended.code == Some(1) && ended.err.contains("would both become"), "{}", ended.err);
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_worker_that_is_killed_changes_nothing_but_is_reported() {
    let folder = inputs(12, 60_000);
    assert_eq!(run(&mut convert(folder.path(), "calm", &["--strategy", "sequential"])).code, Some(0));
    let program =
        convert(folder.path(), "killed", &["--strategy", "processes", "--workers", "2"]).spawn().unwrap();
    witness::signal(children(&program, 2)[0], Signal::SIGKILL);
    let ended = witness::Ended::from(program.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("a worker died") && ended.err.contains("SIGKILL"), "{}", ended.err);
    assert_eq!(contents(&folder.path().join("killed")), contents(&folder.path().join("calm")));
}

/// Interrupts a conversion in its middle; only whole files may be left, and nobody.
fn check_interrupted(strategy: &str) {
    let folder = inputs(12, 60_000);
    assert_eq!(run(&mut convert(folder.path(), "calm", &[])).code, Some(0));
    let out = folder.path().join("out");
    let program = convert(folder.path(), "out", &["--strategy", strategy, "--workers", "2"]).spawn().unwrap();
    let workers = if strategy == "processes" { children(&program, 2) } else { Vec::new() };
    witness::wait_for("the first staged file", || out.exists().then_some(()));
    let (ended, took) = end(program, &workers, Signal::SIGINT);
    assert!(took < Duration::from_secs(1), "{strategy} took {took:?}");
    assert_eq!(ended.code, Some(130), "{strategy}: {}", ended.err);
    let whole = contents(&folder.path().join("calm"));
    let left = contents(&out);
    assert!(
        left.len() < whole.len() && left.iter().all(|file| whole.contains(file)),
        "{strategy}: {:?}",
        listing(&out)
    );
}

#[test]
fn ctrl_c_leaves_only_whole_files_and_nobody() {
    for strategy in ["sequential", "pool", "processes"] {
        check_interrupted(strategy);
    }
}
