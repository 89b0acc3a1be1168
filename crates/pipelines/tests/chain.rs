//! The whole chain as its users would run it: the simulated API, `extract`, `etl`, `aggregate`; and each number that comes out
//! at its end is what datagen says that it made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use datagen::orders::{Orders, customers_of};
use mock_api::{Beside, Config};

mod lakes;
use lakes::{PROGRAM, SEED, expected, revenue, worth};

const ORDERS: u64 = 12_345;

/// The program of another exercise crate, which no crate of exercises may depend on: cargo has put it beside ours, or does so
/// now.
fn neighbour(name: &str) -> PathBuf {
    let path = Path::new(PROGRAM).with_file_name(name);
    if !path.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let built = cargo.args(["build", "--quiet", "--package", name]).current_dir(folder).status().unwrap();
        assert!(built.success() && path.exists(), "`cargo build --package {name}` makes {}", path.display());
    }
    path
}

fn step(command: &mut Command) -> String {
    let ended = witness::run(command);
    assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.err);
    ended.out
}

#[test]
fn from_the_api_to_the_aggregate_every_number_is_what_datagen_made() {
    let api = Beside::start(Config { seed: SEED, orders: ORDERS, ..Config::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (collection, file) in [("/orders", "in/orders.parquet"), ("/customers", "customers.parquet")] {
        let mut extract = witness::program(PROGRAM, folder.path());
        let to = at(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        step(extract.args(["extract", collection, "--api", &api.base, "--size", "500", "--out"]).arg(to));
    }
    drop(api);
    let mut etl = witness::program(PROGRAM, folder.path());
    etl.arg("etl").arg(at("in")).arg("--customers").arg(at("customers.parquet")).arg("--out").arg(at("lake"));
    // Pieces that are smaller than the file: the one partition is cut.
    step(etl.args(["--piece", "200KiB", "--workers", "2"]));
    assert!(revenue(&at("lake")) == expected(ORDERS));

    let manifest = std::fs::read(at("lake/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let counts = ["rows_in", "rows", "rejected"].map(|name| manifest[name].as_u64().unwrap());
    assert_eq!(counts, [ORDERS, ORDERS, 0]);

    let mut aggregate = witness::program(neighbour("cpu-parallel"), folder.path());
    aggregate.arg("aggregate").arg(at("lake/orders/*.parquet"));
    let text =
        step(aggregate.args(["--by", "uf,status,kind", "--of", "revenue_cents", "--show", "count,sum"]));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("uf,status,kind,rows,revenue_cents_count,revenue_cents_sum"));
    let groups: BTreeMap<String, [i64; 3]> = lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |place: usize| fields[place].parse().unwrap();
            (fields[..3].join(","), [number(3), number(4), number(5)])
        })
        .collect();
    assert!(groups == by_datagen(), "{text}");
}

/// The same groups, of the orders and customers that datagen makes.
fn by_datagen() -> BTreeMap<String, [i64; 3]> {
    let customers = datagen::table::ByRows(datagen::customers::Customers::new(SEED));
    let batch = datagen::table::Table::batch(&customers, 0..customers_of(ORDERS));
    let kinds = arrow_array::cast::AsArray::as_string::<i32>(&batch["kind"]);
    let mut groups = BTreeMap::new();
    for order in Orders::new(SEED).records(0..ORDERS) {
        let kind = kinds.value(usize::try_from(order.customer_id - 1).unwrap());
        let sums: &mut [i64; 3] = groups.entry(format!("{},{},{kind}", order.uf, order.status)).or_default();
        *sums = [sums[0] + 1, sums[1] + 1, sums[2] + worth(&order)];
    }
    groups
}
