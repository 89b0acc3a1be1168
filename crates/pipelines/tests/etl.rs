//! Exercise 11 on lakes that datagen made: one lake for every strategy, only what has changed, and all or nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::{Answer, Exercise, Strategy};
use nix::sys::signal::Signal;
use pipelines::etl::Etl;
use witness::{children, end, listing, run};

mod lakes;
use lakes::{PROGRAM, contents, digest, etl, expected, lake, revenue};

fn strategies() -> impl Iterator<Item = &'static Strategy<Etl>> {
    Etl::STRATEGIES.iter().filter(|strategy| strategy.run.is_ok())
}

fn program(folder: &Path, strategy: &str) -> Command {
    let mut command = witness::program(PROGRAM, folder);
    command.arg("etl").arg(folder.join("in")).arg("--customers").arg(folder.join("customers"));
    command.arg("--out").arg(folder.join("out")).args(["--strategy", strategy, "--workers", "2"]);
    command
}

fn manifest(lake: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(lake.join("manifest.json")).unwrap()).unwrap()
}

/// The only file of a partition of `in`.
fn file_of(folder: &Path, partition: &str) -> std::path::PathBuf {
    let found = lakes::files(&folder.join("in").join(partition));
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

const PARTITION: &str = "year=2024/month=3/uf=SP";

#[test]
fn every_strategy_makes_the_same_lake_byte_for_byte_and_its_revenue_is_datagens() {
    for format in ["csv", "parquet"] {
        let folder = lake(2_000, format);
        let reference = etl(folder.path(), "reference", "sequential", 1, &[]).unwrap();
        let lake = contents(&folder.path().join("reference"));
        assert!(revenue(&folder.path().join("reference")) == expected(2_000), "{format}");
        assert_eq!((reference.work().rows, reference.failures().len()), (2_000, 0));
        for workers in [1, 2, 7] {
            for strategy in strategies() {
                let out = format!("{}-{workers}", strategy.name);
                let made = etl(folder.path(), &out, strategy.name, workers, &[]).unwrap();
                assert!(contents(&folder.path().join(&out)) == lake, "{format} {out}");
                assert_eq!(digest(&made), digest(&reference), "{format} {out}");
            }
        }
    }
}

#[test]
fn a_partition_larger_than_all_others_is_cut_and_its_rows_and_sums_are_the_same() {
    for format in ["csv", "parquet"] {
        let folder = lake(30_000, format);
        let whole = etl(folder.path(), "whole", "sequential", 1, &[]).unwrap();
        for strategy in ["sequential", "pool", "processes"] {
            let cut = etl(folder.path(), strategy, strategy, 3, &["--piece", "4KiB"]).unwrap();
            assert_eq!(digest(&cut), digest(&whole), "{format} {strategy}");
        }
        assert!(contents(&folder.path().join("pool")) == contents(&folder.path().join("processes")));
        let file = lakes::files(&folder.path().join("pool/orders").join(PARTITION));
        let file = tabular::parquet_batches::ParquetFile::open(&file[0]).unwrap();
        assert!(file.pieces(u64::MAX).len() > 1, "{format}: one row group");
    }
}

#[test]
fn a_second_run_does_only_the_partitions_whose_files_have_changed() {
    let folder = lake(10_000, "csv");
    let first = etl(folder.path(), "out", "pool", 2, &[]).unwrap();
    let out = folder.path().join("out");
    let before = contents(&out);
    let again = etl(folder.path(), "out", "processes", 2, &[]).unwrap();
    assert_eq!((again.work().items, again.work().rows), (0, 0));
    assert!(contents(&out) == before && digest(&again) == digest(&first));

    // One order less in one partition, another partition gone, and a new file in a third.
    let changed = file_of(folder.path(), PARTITION);
    let text = fs::read_to_string(&changed).unwrap();
    let header = text.lines().next().unwrap().to_owned();
    let row = "20001,1,1,Moda,1,100,0,delivered,2024-03-05 12:00:00,\n";
    fs::write(&changed, format!("{header}\n")).unwrap();
    fs::remove_dir_all(folder.path().join("in/year=2023/month=1/uf=SP")).unwrap();
    let added = folder.path().join("in/year=2024/month=3/uf=RJ/part-00001.csv");
    fs::write(&added, format!("{header}\n{row}")).unwrap();
    let second = etl(folder.path(), "out", "pool", 2, &[]).unwrap();
    assert_eq!(second.work().items, 2);
    let fresh = etl(folder.path(), "fresh", "sequential", 1, &[]).unwrap();
    assert!(contents(&out) == contents(&folder.path().join("fresh")));
    assert_eq!(digest(&second), digest(&fresh));
    assert!(!out.join("orders/year=2023/month=1/uf=SP").exists());

    // A file of the lake that is gone is made again, and other customers concern every partition.
    let kept = lakes::files(&out.join("orders/year=2024/month=5/uf=SP"));
    fs::remove_file(&kept[0]).unwrap();
    assert_eq!(etl(folder.path(), "out", "pool", 2, &[]).unwrap().work().items, 1);
    lakes::datagen(&["customers", "--rows", "9999", "--format", "parquet"], &folder.path().join("customers"));
    let all = u64::try_from(manifest(&out)["partitions"].as_array().unwrap().len()).unwrap();
    assert_eq!(etl(folder.path(), "out", "pool", 2, &[]).unwrap().work().items, all);
}

#[test]
fn orders_that_are_wrong_are_rejected_with_their_place_and_no_row_is_lost() {
    let folder = lake(10_000, "csv");
    let file = file_of(folder.path(), PARTITION);
    let text = fs::read_to_string(&file).unwrap();
    let first_id = text.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let customer = text.lines().nth(1).unwrap().split(',').nth(1).unwrap().to_owned();
    let (header, rest) = text.split_once('\n').unwrap();
    let wrong = [
        ("1,1,1,Moda,1,100,0,delivered\n".to_owned(), "", "there are 8 fields"),
        (format!("x,{customer},1,Moda,1,100,0,delivered,2024-03-05 12:00:00,\n"), "order_id", "whole number"),
        (format!("2,{customer},1,Moda,0,100,0,delivered,2024-03-05 12:00:00,\n"), "quantity", "at least 1"),
        (
            format!("3,{customer},1,Moda,1,-1,0,delivered,2024-03-05 12:00:00,\n"),
            "unit_price_cents",
            "at least 0",
        ),
        (
            format!("4,{customer},1,Moda,1,1,10001,delivered,2024-03-05 12:00:00,\n"),
            "discount_bp",
            "0 to 10000",
        ),
        (format!("5,{customer},1,Moda,1,1,0,lost,2024-03-05 12:00:00,\n"), "status", "found \"\"lost\"\""),
        (format!("6,{customer},1,Moda,1,1,0,pending,2024-04-05 12:00:00,\n"), "ordered_at", "2024-04 is not"),
        (format!("7,{customer},1, ,1,1,0,pending,2024-03-05 12:00:00,\n"), "category", "expected a category"),
        ("8,0,1,Moda,1,1,0,pending,2024-03-05 12:00:00,\n".to_owned(), "customer_id", "no customer 0"),
        (
            format!("9,{customer},1,Moda,2,{},0,pending,2024-03-05 12:00:00,\n", i64::MAX),
            "unit_price_cents",
            "64 bits",
        ),
    ];
    let planted: String = wrong.iter().map(|(row, ..)| row.as_str()).collect();
    // An order that needs cleaning and is none of the wrong ones.
    let untidy = format!("10,{customer},1, Moda ,1,100,0, DELIVERED ,2024-03-05 12:00:00,\"  Olá \"\n");
    fs::write(&file, format!("{header}\n{planted}{untidy}{rest}")).unwrap();
    let ended = run(&mut program(folder.path(), "pool"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let out = folder.path().join("out");
    let told = manifest(&out);
    assert_eq!(
        (&told["rows_in"], &told["rows"], &told["rejected"]),
        (&10_011.into(), &10_001.into(), &10.into())
    );
    let entry =
        told["partitions"].as_array().unwrap().iter().find(|one| one["partition"] == PARTITION).unwrap();
    let rejects = fs::read_to_string(out.join(entry["rejects"]["path"].as_str().unwrap())).unwrap();
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines[0], "file,line,column,byte,reason,row");
    for (number, (row, column, reason)) in wrong.iter().enumerate() {
        let line = lines[number + 1];
        let place = format!("{PARTITION}/part-00000.csv,{},{column},", number + 2);
        assert!(line.starts_with(&place) && line.contains(reason), "{line}");
        assert!(line.contains(row.trim_end().split(',').next().unwrap()), "{line}");
    }
    let mut cleaned = String::new();
    for batch in tabular::parquet_batches::ParquetBatches::open(
        &out.join(entry["orders"]["path"].as_str().unwrap()),
        8_192,
    )
    .unwrap()
    {
        let mut text = Vec::new();
        tabular::csv_text::write_batch(&batch.unwrap(), tabular::csv_text::Dialect::default(), &mut text)
            .unwrap();
        cleaned += std::str::from_utf8(&text).unwrap();
    }
    let tidy = cleaned.lines().next().unwrap();
    assert!(
        tidy.starts_with(&format!("10,{customer},")) && tidy.contains(",Moda,1,100,0,100,delivered,"),
        "{tidy}"
    );
    assert!(tidy.ends_with(",Olá"), "{tidy}");
    assert!(cleaned.lines().nth(1).unwrap().starts_with(&format!("{first_id},{customer},")));
    // Every strategy rejects the same.
    for strategy in strategies() {
        etl(folder.path(), strategy.name, strategy.name, 2, &["--piece", "700B"]).unwrap();
        let made = contents(&folder.path().join(strategy.name));
        assert!(made == contents(&folder.path().join("sequential")), "{}", strategy.name);
    }
}

#[test]
fn a_partition_that_cannot_be_read_is_named_and_the_lake_stays_what_it_was() {
    let folder = lake(5_000, "parquet");
    let out = folder.path().join("out");
    etl(folder.path(), "out", "pool", 2, &[]).unwrap();
    let before = contents(&out);
    let bad = [file_of(folder.path(), PARTITION), file_of(folder.path(), "year=2025/month=1/uf=SP")];
    fs::write(&bad[0], "no parquet").unwrap();
    let mut bytes = fs::read(&bad[1]).unwrap();
    bytes[60..300].fill(0xff);
    fs::write(&bad[1], bytes).unwrap();
    let other = file_of(folder.path(), "year=2025/month=1/uf=RJ");
    fs::remove_file(other).unwrap();
    for strategy in strategies() {
        let ended = run(&mut program(folder.path(), strategy.name));
        assert_eq!(ended.code, Some(1), "{}: {}", strategy.name, ended.err);
        for name in [PARTITION, "year=2025/month=1/uf=SP"] {
            assert!(ended.err.contains(name), "{}: {}", strategy.name, ended.err);
        }
        assert!(contents(&out) == before, "{}", strategy.name);
    }
}

#[test]
fn a_worker_that_is_killed_costs_nothing() {
    let folder = lake(60_000, "csv");
    let reference = etl(folder.path(), "reference", "sequential", 1, &[]).unwrap();
    let mut command = program(folder.path(), "processes");
    let running = command.spawn().unwrap();
    witness::signal(children(&running, 2)[1], Signal::SIGKILL);
    let ended = witness::Ended::from(running.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(contents(&folder.path().join("out")) == contents(&folder.path().join("reference")));
    drop(reference);
}

#[test]
fn ctrl_c_and_a_kill_leave_the_lake_as_it_was() {
    let folder = lake(60_000, "csv");
    let out = folder.path().join("out");
    // A folder without its lock was made a moment ago, and nobody takes its owner for dead.
    let is_locked =
        |entry: std::io::Result<fs::DirEntry>| entry.is_ok_and(|it| it.path().join(".lock").exists());
    let hidden = || fs::read_dir(&out).is_ok_and(|mut entries| entries.any(is_locked));
    for strategy in strategies() {
        let _ = fs::remove_dir_all(&out);
        let running = program(folder.path(), strategy.name).spawn().unwrap();
        let workers = if strategy.name == "processes" { children(&running, 2) } else { Vec::new() };
        witness::wait_for("the staging folder", || hidden().then_some(()));
        let (ended, took) = end(running, &workers, Signal::SIGINT);
        assert!(took < Duration::from_secs(1), "{} took {took:?}", strategy.name);
        assert_eq!(ended.code, Some(130), "{}: {}", strategy.name, ended.err);
        assert_eq!(listing(&out), [""; 0], "{}", strategy.name);
    }
    // A killed run cannot clear away; the next one does, and makes the lake.
    let running = program(folder.path(), "pool").spawn().unwrap();
    witness::wait_for("the staging folder", || hidden().then_some(()));
    end(running, &[], Signal::SIGKILL);
    etl(folder.path(), "out", "pool", 2, &[]).unwrap();
    etl(folder.path(), "fresh", "sequential", 1, &[]).unwrap();
    assert!(contents(&out) == contents(&folder.path().join("fresh")));
}

#[test]
fn a_folder_of_somebody_else_is_not_written_to_and_two_runs_do_not_meet() {
    let folder = lake(1_000, "csv");
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("thesis.txt"), "years of work").unwrap();
    let problem = etl(folder.path(), "out", "pool", 2, &[]).unwrap_err().to_string();
    assert!(problem.contains("no lake of ours") && problem.contains("thesis.txt"), "{problem}");
    fs::remove_file(out.join("thesis.txt")).unwrap();
    let other = fs::File::open(&out).unwrap();
    other.lock().unwrap();
    let problem = etl(folder.path(), "out", "pool", 2, &[]).unwrap_err().to_string();
    assert!(problem.contains("another run"), "{problem}");
    drop(other);
    etl(folder.path(), "out", "pool", 2, &[]).unwrap();
    let inside = etl(folder.path(), "in/out", "pool", 2, &[]).unwrap_err().to_string();
    assert!(inside.contains("may not lie in the old one"), "{inside}");
}
