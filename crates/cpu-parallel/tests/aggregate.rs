//! Exercise 09 on real files: one answer, to the bit, whoever did what.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use cpu_parallel::aggregate::{Aggregate, Args};
use lab::{Answer, Digest, Exercise, Lab, Launch};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;
use witness::run;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu-parallel");

/// A number that looks random, the same for the same index.
fn mixed(index: usize) -> u64 {
    let mut state = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state ^= state >> 31;
    state.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Rows with a few states, many customers, amounts that lose their last bits when they are added in another order.
fn table(rows: usize, customers: u64) -> Vec<(&'static str, ArrayRef)> {
    let state = |row| (!mixed(row).is_multiple_of(29)).then(|| format!("state {}", mixed(row) % 27));
    let customer = |row| {
        (!mixed(row + 7).is_multiple_of(101)).then(|| i64::try_from(mixed(row * 3) % customers).unwrap())
    };
    let amount = |row| {
        (!mixed(row + 13).is_multiple_of(17))
            .then(|| (mixed(row * 5) as f64).sqrt() * [1e-9, 1.0, -1e7][row % 3])
    };
    let pieces = |row| Some(i64::MAX - i64::try_from(mixed(row) % 1_000).unwrap());
    vec![
        ("state", Arc::new((0..rows).map(state).collect::<StringArray>())),
        ("customer", Arc::new((0..rows).map(customer).collect::<Int64Array>())),
        ("amount", Arc::new((0..rows).map(amount).collect::<Float64Array>())),
        ("pieces", Arc::new((0..rows).map(pieces).collect::<Int64Array>())),
    ]
}

fn args(folder: &Path, by: &[&str]) -> Args {
    Args {
        inputs: vec![folder.display().to_string()],
        by: by.iter().map(ToString::to_string).collect(),
        of: vec!["amount".into(), "pieces".into()],
        show: Vec::new(),
        quantiles: Vec::new(),
        sketch: None,
        types: Vec::new(),
        rejects: None,
    }
}

/// Runs every strategy and checks that all answers are the same, to the bit.
fn check_one_answer(args: &Args, workers: &[usize]) -> RecordBatch {
    let mut answers = Vec::new();
    for (workers, strategy) in
        workers.iter().flat_map(|workers| Aggregate::STRATEGIES.iter().map(move |way| (workers, way)))
    {
        let mut lab = Lab::new(*workers);
        lab.launch = Launch::program(PROGRAM);
        let input = Aggregate::prepare(args, &lab).unwrap();
        let output = strategy.run.unwrap()(&input, &lab).unwrap();
        assert!(output.failures().is_empty(), "{}: {:?}", strategy.name, output.failures());
        let mut digest = Digest::new();
        output.digest(&mut digest).unwrap();
        answers.push((digest.finish(), output.table().unwrap()));
    }
    assert_eq!(answers.len(), workers.len() * 6);
    assert!(answers.iter().all(|answer| answer.0 == answers[0].0));
    answers.swap_remove(0).1
}

#[test]
fn every_strategy_gives_the_same_bits_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    // Two files of several row groups: several pieces, one of which has rows of both files.
    let (first, second) = (table(560_000, 90_000), table(80_000, 1_000_000_000));
    let customers =
        |table: &[(&str, ArrayRef)]| table[1].1.as_primitive::<Int64Type>().iter().collect::<HashSet<_>>();
    let expected = customers(&first).union(&customers(&second)).count();
    write(&folder.path().join("a.parquet"), first, 100_000);
    write(&folder.path().join("b.parquet"), second, 50_000);
    assert_eq!(check_one_answer(&args(folder.path(), &[]), &[1, 2, 7]).num_rows(), 1);
    assert_eq!(check_one_answer(&args(folder.path(), &["state"]), &[1, 2, 7]).num_rows(), 28);
    assert!(expected > 100_000);
    assert_eq!(check_one_answer(&args(folder.path(), &["customer"]), &[2]).num_rows(), expected);
    let mut with_all = args(folder.path(), &["state"]);
    with_all.quantiles = vec![0.0, 0.5, 0.99];
    with_all.show = vec![cpu_parallel::aggregate::question::Function::Distinct];
    check_one_answer(&with_all, &[2]);
    with_all.sketch = Some(0.01);
    check_one_answer(&with_all, &[2]);
}

fn aggregate(folder: &TempDir, file: &str, args: &[&str]) -> Command {
    let mut command = witness::program(PROGRAM, folder.path());
    command.arg("aggregate").arg(folder.path().join(file)).args(args).arg("--quiet");
    command
}

/// What the program prints for a CSV file.
fn printed(text: &str, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.csv"), text).unwrap();
    let run = run(&mut aggregate(&folder, "t.csv", args));
    assert_eq!(run.code, Some(0), "{}", run.err);
    run.out
}

#[test]
fn one_1_and_001_are_three_keys_and_missing_is_not_empty() {
    let text = "k,v\n01,1\n1,2\n001,3\n1,4\n,5\n\"\",6\n";
    assert_eq!(
        printed(text, &["--by", "k", "--of", "v", "--show", "sum"]),
        "k,rows,v_sum\n\"\",1,6\n001,1,3\n01,1,1\n1,2,6\n,1,5\n"
    );
}

#[test]
fn sums_that_others_lose_are_exact() {
    let text = "g,f,i\na,1e100,9223372036854775807\na,1,9223372036854775807\na,-1e100,2\nb,0.1,-1\n";
    assert_eq!(
        printed(text, &["--by", "g", "--of", "f,i", "--show", "sum"]),
        "g,rows,f_sum,i_sum\na,3,1.0,18446744073709551616\nb,1,0.1,-1\n"
    );
}

#[test]
fn every_function_of_every_kind_is_right() {
    // Means, deviations and quantiles by hand: 1, 2, 4 have the mean 7/3 and the deviation sqrt(7/3), whose nearest float is this one
    let text = "n,d,t,b\n1,2024-01-01,x,true\n2,2024-03-01,y,true\n4,,x,false\n,2023-01-01,,\n";
    let found = printed(
        text,
        &[
            "--of",
            "n,d,t,b",
            "--show",
            "count,nulls,sum,mean,std,min,max,distinct",
            "--quantiles",
            "0.5,0.75",
        ],
    );
    let (names, values) = found.trim_end().split_once('\n').unwrap();
    let cell = |name: &str| {
        let at =
            names.split(',').position(|found| found == name).unwrap_or_else(|| panic!("{name} in {names}"));
        values.split(',').nth(at).unwrap()
    };
    for (name, expected) in [
        ("rows", "4"),
        ("n_count", "3"),
        ("n_nulls", "1"),
        ("n_sum", "7"),
        ("n_mean", "2.3333333333333335"),
        ("n_std", "1.5275252316519468"),
        ("n_min", "1"),
        ("n_max", "4"),
        ("n_distinct", "3"),
        ("n_p50", "2.0"),
        ("n_p75", "3.0"),
        ("d_min", "2023-01-01"),
        ("d_max", "2024-03-01"),
        ("d_p50", "2024-01-01"),
        ("t_count", "3"),
        ("t_min", "x"),
        ("t_max", "y"),
        ("t_distinct", "2"),
        ("b_sum", "2"),
        ("b_min", "false"),
    ] {
        assert_eq!(cell(name), expected, "{name}: {found}");
    }
    assert!(!names.contains("d_sum") && !names.contains("t_mean"), "{names}");
}

#[test]
fn a_type_that_the_beginning_does_not_tell_is_found_by_all_values() {
    let mut text = String::from("k,v\n");
    (0..400_000).for_each(|row| writeln!(text, "{},{}", row % 3, row % 1_000).unwrap());
    text.push_str("0,0.5\n");
    assert_eq!(
        printed(&text, &["--by", "k", "--of", "v", "--show", "count,max"]),
        "k,rows,v_count,v_max\n0,133335,133335,999.0\n1,133333,133333,999.0\n2,133333,133333,999.0\n"
    );
}

#[test]
fn rows_that_do_not_fit_are_named_and_the_others_aggregated() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.csv"), "k,v\na,1\nb\na,2\n").unwrap();
    let rejects = folder.path().join("bad.csv").display().to_string();
    let run = run(&mut aggregate(
        &folder,
        "t.csv",
        &["--by", "k", "--of", "v", "--show", "sum", "--rejects", &rejects],
    ));
    assert_eq!((run.code, &*run.out), (Some(1), "k,rows,v_sum\na,2,3\n"), "{}", run.err);
    assert!(run.err.contains("t.csv:3: there is 1 field where the table has 2 columns"), "{}", run.err);
    assert!(fs::read_to_string(rejects).unwrap().contains(",3,"), "{}", run.err);
}

#[test]
fn a_damaged_row_group_is_named_and_a_missing_column_costs_no_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, table(2_000, 10), 1_000);
    let missing = run(&mut aggregate(&folder, "a.parquet", &["--by", "stat"]));
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.err.contains("there is no column `stat`") && missing.err.contains("one of state, customer"),
        "{}",
        missing.err
    );
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..2_000].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let damaged = run(&mut aggregate(&folder, "a.parquet", &["--by", "state", "--of", "amount"]));
    assert_eq!(damaged.code, Some(1));
    assert!(damaged.err.contains("row group 0"), "{}", damaged.err);
}
