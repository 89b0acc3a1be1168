//! Exercise 10 on real files and processes: one answer, nothing lost and nothing twice, whoever is killed and whenever.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use cpu_parallel::relay::{Args, Relay};
use lab::{Answer, Digest, Exercise, Lab, Launch};
use nix::sys::signal::Signal;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use witness::{alive, children, end, listing, run, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu-parallel");

/// A folder `in` with two Parquet files of `rows` rows each, in row groups that are no multiple of a batch.
fn inputs(rows: i64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    for number in 0..2 {
        let ids = number * rows..(number + 1) * rows;
        let columns: [(&str, ArrayRef); 3] = [
            ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
            #[allow(clippy::cast_precision_loss)]
            (
                "share",
                Arc::new(
                    ids.clone().map(|id| (id % 5 > 0).then_some(id as f64 / 7.0)).collect::<Float64Array>(),
                ),
            ),
            (
                "note",
                Arc::new(ids.map(|id| (id % 3 > 0).then(|| format!("ação {id}"))).collect::<StringArray>()),
            ),
        ];
        write(
            &folder.path().join(format!("in/{number}.parquet")),
            &RecordBatch::try_from_iter(columns).unwrap(),
        );
    }
    folder
}

fn write(path: &Path, batch: &RecordBatch) {
    let groups = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(20_000))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(groups)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn relay(folder: &Path, into: &str, args: &[&str]) -> Command {
    let mut command = witness::program(PROGRAM, folder);
    command
        .arg("relay")
        .arg(folder.join("in"))
        .arg("--as-is")
        .arg("--into")
        .arg(folder.join(into))
        .args(args);
    command
}

/// The answer of one strategy.
fn answer(folder: &Path, into: &str, strategy: &str, single: bool) -> (String, u64) {
    let args = Args {
        inputs: vec![folder.join("in").display().to_string()],
        into: Some(folder.join(into)),
        as_is: true,
        single,
        commit_rows: 20_000,
        ..Args::default()
    };
    let mut lab = Lab::new(3);
    lab.launch = Launch::program(PROGRAM);
    let input = Relay::prepare(&args, &lab).unwrap();
    let strategy = Relay::STRATEGIES.iter().find(|found| found.name == strategy).unwrap();
    let output = strategy.run.unwrap()(&input, &lab).unwrap();
    let mut digest = Digest::new();
    output.digest(&mut digest).unwrap();
    (digest.finish(), output.work().rows)
}

/// Every strategy, with batches and with single rows, against the first.
fn check_one_answer(extension: &str) {
    let folder = inputs(45_000);
    let mut answers = Vec::new();
    for strategy in Relay::STRATEGIES {
        for single in [false, true] {
            let into = format!("{}-{single}{extension}", strategy.name);
            answers.push((answer(folder.path(), &into, strategy.name, single), into));
        }
    }
    for (answer, into) in &answers {
        assert_eq!(answer, &answers[0].0, "{into}");
    }
    assert_eq!(answers[0].0.1, 90_000);
}

#[test]
fn every_strategy_stores_the_same_parquet_files_byte_for_byte() {
    check_one_answer("");
}

#[test]
fn every_strategy_stores_the_same_rows_in_sqlite() {
    check_one_answer(".sqlite");
}

/// The ids in the Parquet files of a folder, in the order of the files.
fn ids(folder: &Path) -> Vec<i64> {
    let parts = listing(folder).into_iter().filter(|name| name.ends_with(".parquet"));
    let mut ids = Vec::new();
    for part in parts {
        let file = File::open(folder.join(part)).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            ids.extend(batch.unwrap()["id"].as_primitive::<Int64Type>().values());
        }
    }
    ids
}

#[test]
fn the_rows_that_are_stored_are_those_that_were_read() {
    let folder = inputs(45_000);
    assert_eq!(run(&mut relay(folder.path(), "out", &["--commit-rows", "20000"])).code, Some(0));
    assert_eq!(ids(&folder.path().join("out")), (0..90_000).collect::<Vec<_>>());
    assert_eq!(run(&mut relay(folder.path(), "t.db", &["--table", "a\"b"])).code, Some(0));
    let database = rusqlite::Connection::open(folder.path().join("t.db")).unwrap();
    let all = "SELECT count(*), sum(id), count(share), count(note), max(note) FROM \"a\"\"b\"";
    let found: (i64, i64, i64, i64, String) = database
        .query_row(all, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap();
    assert_eq!(found, (90_000, 89_999 * 45_000, 72_000, 60_000, "ação 9998".into()));
}

#[test]
fn types_that_sqlite_has_not_are_written_as_text() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    let columns: [(&str, ArrayRef); 2] = [
        ("day", Arc::new(Date32Array::from(vec![Some(19_782), None]))),
        ("good", Arc::new(BooleanArray::from(vec![Some(true), None]))),
    ];
    write(&folder.path().join("in/days.parquet"), &RecordBatch::try_from_iter(columns).unwrap());
    assert_eq!(run(&mut relay(folder.path(), "t.db", &[])).code, Some(0));
    let database = rusqlite::Connection::open(folder.path().join("t.db")).unwrap();
    let text = |row: &str| -> (Option<String>, Option<i64>) {
        let of = format!("SELECT * FROM rows WHERE rowid = {row}");
        database.query_row(&of, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    // 2024-02-29 is day 19,782: 54 years of 365 days, 13 leap days, and 59 days.
    assert_eq!((text("1"), text("2")), ((Some("2024-02-29".into()), Some(1)), (None, None)));
}

#[test]
fn an_output_of_other_rows_is_refused_and_left_alone_and_a_whole_one_is_not_done_again() {
    let folder = inputs(10_000);
    for into in ["out", "out.sqlite"] {
        assert_eq!(run(&mut relay(folder.path(), into, &[])).code, Some(0));
        let before = modified(&folder.path().join(into));
        assert_eq!(run(&mut relay(folder.path(), into, &[])).code, Some(0));
        let other = run(relay(folder.path(), into, &[]).args(["--commit-rows", "9000"]));
        assert!(other.code == Some(1) && other.err.contains("begun from other rows"), "{}", other.err);
        assert_eq!(modified(&folder.path().join(into)), before);
    }
}

fn modified(path: &Path) -> std::time::SystemTime {
    let path = if path.is_dir() { path.join("part-000000.parquet") } else { path.into() };
    path.metadata().unwrap().modified().unwrap()
}

#[test]
fn a_damaged_row_group_ends_the_relay_with_its_place_and_what_was_committed_stays() {
    let folder = inputs(45_000);
    let path = folder.path().join("in/1.parquet");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..4_000].fill(0xff);
    fs::write(&path, bytes).unwrap();
    for strategy in Relay::STRATEGIES {
        let arguments = ["--strategy", strategy.name, "--commit-rows", "1"];
        let ended = run(relay(folder.path(), strategy.name, &arguments).arg("--quiet"));
        assert_eq!(ended.code, Some(1), "{}: {}", strategy.name, ended.err);
        assert!(ended.err.contains("1.parquet, row group 0"), "{}: {}", strategy.name, ended.err);
        assert_eq!(ids(&folder.path().join(strategy.name)).len(), 45_000, "{}", strategy.name);
    }
}

#[test]
fn a_storing_process_that_stands_still_holds_up_the_other_one() {
    for strategy in ["pipe", "socket", "ring"] {
        let folder = inputs(400_000);
        let program =
            relay(folder.path(), "out", &["--strategy", strategy, "--commit-rows", "8192"]).spawn().unwrap();
        let both = children(&program, 2);
        wait_for("a commit", || (!parts(&folder.path().join("out")).is_empty()).then_some(()));
        witness::signal(both[1], Signal::SIGSTOP);
        // The transforming process runs until there is no more room, and then its processor time stands still.
        let mut last = (0, Instant::now());
        wait_for("the standstill", || {
            let now = ticks(both[0]);
            if now != last.0 {
                last = (now, Instant::now());
            }
            (last.1.elapsed() > Duration::from_millis(300)).then_some(())
        });
        assert!(alive(both[0]), "{strategy}");
        witness::signal(both[1], Signal::SIGCONT);
        let ended = witness::Ended::from(program.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{strategy}: {}", ended.err);
        assert_eq!(ids(&folder.path().join("out")), (0..800_000).collect::<Vec<_>>(), "{strategy}");
    }
}

fn parts(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("part-")).collect()
}

/// Processor time of a process, in the kernel's ticks.
fn ticks(process: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

#[test]
fn ctrl_c_ends_everybody_within_a_second_and_what_is_committed_is_whole() {
    for strategy in ["pipe", "socket", "ring"] {
        let folder = inputs(400_000);
        let program =
            relay(folder.path(), "out", &["--strategy", strategy, "--commit-rows", "8192"]).spawn().unwrap();
        let both = children(&program, 2);
        wait_for("a commit", || (!parts(&folder.path().join("out")).is_empty()).then_some(()));
        let (ended, took) = end(program, &both, Signal::SIGINT);
        assert_eq!(ended.code, Some(130), "{strategy}: {}", ended.err);
        assert!(took < Duration::from_secs(1), "{strategy} took {took:?}");
        let there = ids(&folder.path().join("out"));
        assert!(there.len() < 800_000 && there.iter().copied().eq(0..i64::try_from(there.len()).unwrap()));
    }
}

/// Starts a relay again and again, and kills one of its three processes at a random moment, until it was done that often or
/// the rows are all there. Then lets it end and compares with an undisturbed one. `RELAY_KILLS=10000` makes it a long one.
fn check_killed(strategy: &str, extension: &str, seed: u64) {
    let kills: u32 = std::env::var("RELAY_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let folder = inputs(120_000);
    let into = format!("killed{extension}");
    let arguments = ["--strategy", strategy, "--commit-rows", "8192", "--worker-deaths", "1000"];
    assert_eq!(run(&mut relay(folder.path(), &format!("calm{extension}"), &arguments)).code, Some(0));
    let mut random = rand::rngs::SmallRng::seed_from_u64(seed);
    let (mut killed, mut program) = (0, start(&folder, &into, &arguments));
    while killed < kills {
        // sleep: the moment of the kill is what is tested, and it is drawn at random.
        std::thread::sleep(Duration::from_micros(random.random_range(0..40_000)));
        let victims = [vec![witness::number(&program)], offspring(&program)].concat();
        let victim = victims[random.random_range(0..victims.len())];
        // It may be gone already; only children that the program has not reaped have their numbers for certain, and the
        // numbers of the others are not given out anew within this moment.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(victim), Signal::SIGKILL);
        killed += 1;
        if let Some(status) = (victim == witness::number(&program))
            .then(|| program.wait().unwrap())
            .or(program.try_wait().unwrap())
        {
            assert!(status.success() || status.code().is_none(), "{status}: {}", said(&folder));
            if status.success() {
                // All rows are there: begin anew, so that every kill has something to hit.
                compare(&folder, extension);
                remove(&folder.path().join(&into));
            }
            program = start(&folder, &into, &arguments);
        }
    }
    let status = program.wait().unwrap();
    assert!(status.success(), "{status}: {}", said(&folder));
    compare(&folder, extension);
}

const SAID: &str = "said";

fn start(folder: &TempDir, into: &str, arguments: &[&str]) -> Child {
    let said = fs::File::create(folder.path().join(SAID)).unwrap();
    relay(folder.path(), into, arguments).arg("--quiet").stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// What the relay that was started last said on its standard error.
fn said(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join(SAID)).unwrap()
}

fn offspring(program: &Child) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{}/task", program.id())).into_iter().flatten().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|number| number.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

fn compare(folder: &TempDir, extension: &str) {
    let calm = answer_of(folder.path(), &format!("calm{extension}"));
    assert_eq!(answer_of(folder.path(), &format!("killed{extension}")), calm);
}

/// The digest of an output that is whole.
fn answer_of(folder: &Path, into: &str) -> String {
    let args = Args {
        inputs: vec![folder.join("in").display().to_string()],
        into: Some(folder.join(into)),
        as_is: true,
        commit_rows: 8_192,
        ..Args::default()
    };
    let lab = Lab::new(1);
    let input = Relay::prepare(&args, &lab).unwrap();
    // Everything is there, so this does nothing but look.
    let output = Relay::STRATEGIES[0].run.unwrap()(&input, &lab).unwrap();
    let mut digest = Digest::new();
    output.digest(&mut digest).unwrap();
    digest.finish()
}

#[test]
fn whoever_is_killed_and_whenever_nothing_is_lost_and_nothing_comes_twice_in_parquet() {
    for (number, strategy) in (1..).zip(["pipe", "socket", "ring"]) {
        check_killed(strategy, "", number);
    }
}

#[test]
fn whoever_is_killed_and_whenever_nothing_is_lost_and_nothing_comes_twice_in_sqlite() {
    for (number, strategy) in (4..).zip(["pipe", "socket", "ring"]) {
        check_killed(strategy, ".sqlite", number);
    }
}
