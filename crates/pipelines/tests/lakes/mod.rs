//! A lake that datagen made, the pipeline over it, and what datagen knows of its orders.

#![allow(dead_code, reason = "each test asks for a part of it")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Parser;
use datagen::orders::Orders;
use lab::{Answer, Digest, Exercise, Lab, Launch, Problem};
use pipelines::etl::{Etl, EtlArgs, Output};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pipelines");
pub(crate) const SEED: u64 = 42;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    etl: EtlArgs,
}

static NEVER: AtomicBool = AtomicBool::new(false);

/// Lets datagen make a table.
pub(crate) fn datagen(arguments: &[&str], out: &Path) {
    let all = ["datagen"].into_iter().chain(arguments.iter().copied()).map(OsString::from);
    let all = all.chain(["--quiet".into(), "--out".into(), out.into()]);
    datagen::cli::parse(all).expect("arguments").run(&NEVER).expect("a table");
}

/// A folder with the lake `in`, in this format, and `customers`.
pub(crate) fn lake(orders: u64, format: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows = orders.to_string();
    datagen(&["orders", "--rows", &rows, "--layout", "hive", "--format", format], &folder.path().join("in"));
    let customers = datagen::orders::customers_of(orders).to_string();
    datagen(
        &["customers", "--rows", &customers, "--files", "1", "--format", "parquet"],
        &folder.path().join("customers"),
    );
    folder
}

/// Runs the pipeline from `in` to `out` of the folder.
pub(crate) fn etl(
    folder: &Path,
    out: &str,
    strategy: &str,
    workers: usize,
    more: &[&str],
) -> Result<Output, Problem> {
    let mut lab = Lab::new(workers).with_out(folder.join(out));
    lab.launch = Launch::program(PROGRAM);
    let arguments = ["etl".into(), folder.join("in").into_os_string(), "--customers".into()];
    let arguments = arguments.into_iter().chain([folder.join("customers").into_os_string()]);
    let args = CommandLine::parse_from(arguments.chain(more.iter().map(OsString::from))).etl;
    let input = Etl::prepare(&args, &lab)?;
    let strategy = Etl::STRATEGIES.iter().find(|one| one.name == strategy).unwrap();
    strategy.run.unwrap()(&input, &lab)
}

/// The answer's digest.
pub(crate) fn digest(output: &Output) -> String {
    let mut digest = Digest::new();
    output.digest(&mut digest).unwrap();
    digest.finish()
}

/// Every file under `root` with its bytes, by relative path; hidden ones as well.
pub(crate) fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in files(root) {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        found.insert(name, fs::read(path).unwrap());
    }
    found
}

/// Every file under `root`.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// State, year, month and category; orders and cents.
pub(crate) type Revenue = BTreeMap<(String, i64, i64, String), (i64, i64)>;

/// What datagen's first orders are worth, as it says itself.
pub(crate) fn expected(orders: u64) -> Revenue {
    let mut revenue = Revenue::new();
    for order in Orders::new(SEED).records(0..orders) {
        if order.status == "cancelled" {
            continue;
        }
        let (year, month, _) = tabular::calendar::civil(order.ordered_at.div_euclid(MICROSECONDS_A_DAY));
        let key = (order.uf.to_owned(), year, month, order.category.to_owned());
        let sums = revenue.entry(key).or_default();
        *sums = (sums.0 + 1, sums.1 + worth(&order));
    }
    revenue
}

/// What an order is worth in cents.
pub(crate) fn worth(order: &datagen::orders::Order) -> i64 {
    let gross = i64::from(order.quantity) * order.unit_price_cents;
    (gross * (10_000 - i64::from(order.discount_bp)) + 5_000).div_euclid(10_000)
}

/// The table of the revenue in a lake, and whether each ticket is its revenue by its orders.
pub(crate) fn revenue(lake: &Path) -> Revenue {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int32Type, Int64Type};
    let mut revenue = Revenue::new();
    let is_table =
        |name: &str| name.starts_with("revenue-") && name.ends_with(".parquet") && !name.contains('/');
    let tables: Vec<PathBuf> = files(lake)
        .into_iter()
        .filter(|path| path.strip_prefix(lake).is_ok_and(|name| is_table(&name.to_string_lossy())))
        .collect();
    assert_eq!(tables.len(), 1, "{tables:?}");
    for batch in tabular::parquet_batches::ParquetBatches::open(&tables[0], 8_192).unwrap() {
        let batch = batch.unwrap();
        let small = |name: &str, row| i64::from(batch[name].as_primitive::<Int32Type>().value(row));
        let large = |name: &str, row| batch[name].as_primitive::<Int64Type>().value(row);
        let text = |name: &str, row| batch[name].as_string::<i32>().value(row).to_owned();
        for row in 0..batch.num_rows() {
            let sums = (large("orders", row), large("revenue_cents", row));
            assert_eq!(large("ticket_cents", row), (2 * sums.1 + sums.0).div_euclid(2 * sums.0));
            let key = (text("uf", row), small("year", row), small("month", row), text("category", row));
            assert!(revenue.insert(key, sums).is_none());
        }
    }
    revenue
}
