//! Every key that a data set names exists, at every scale. The plan says which rows there are, so nothing is written.

use std::ops::Range;

use datagen::orders::Orders;
use datagen::plan::{self, PlannedFile, Scale};
use datagen::{localities::Localities, products};

const SEED: u64 = 42;
/// Orders that are drawn at each end of a file, and in its middle.
const DRAWN: u64 = 2_000;

/// The files below a folder of the plan.
fn below<'a>(planned: &'a [PlannedFile], folder: &str) -> Vec<&'a PlannedFile> {
    let folder = format!("{folder}/");
    planned.iter().filter(|file| file.path.starts_with(&folder)).collect()
}

/// The rows of a table in several files, which must follow one another.
fn rows(files: &[&PlannedFile], folder: &str) -> Range<u64> {
    for pair in files.windows(2) {
        assert_eq!(pair[0].rows.end, pair[1].rows.start, "{folder}: a row is missing or there twice");
    }
    files.first().map_or(0, |file| file.rows.start)..files.last().map_or(0, |file| file.rows.end)
}

/// Orders of a file at its beginning, in its middle and at its end: keys grow with the number of an order.
fn drawn(orders: &Orders, rows: &Range<u64>) -> Vec<datagen::orders::Order> {
    let middle = u64::midpoint(rows.start, rows.end);
    [rows.start, middle, rows.end.saturating_sub(DRAWN)]
        .into_iter()
        .flat_map(|from| orders.records(from.max(rows.start)..(from + DRAWN).min(rows.end)))
        .collect()
}

fn check(scale: Scale) {
    let orders = Orders::new(SEED);
    let planned = plan::everything(scale, SEED);
    let customers = rows(&below(&planned, "customers-parquet"), "customers-parquet");
    assert_eq!(customers.start, 0, "the first customer");

    for folder in ["orders-csv", "orders-parquet", "orders-lake-csv", "stores-db"] {
        let files = below(&planned, folder);
        assert_eq!(files.is_empty(), folder == "stores-db" && !cfg!(feature = "stores"), "{folder}");
        if folder != "orders-lake-csv" {
            assert_eq!(rows(&files, folder).start, 0, "{folder}");
        }

        // A lake has a file for each partition, and all of them are drawn from one range of orders.
        let mut ranges: Vec<Range<u64>> = files.iter().map(|file| range_of(file)).collect();
        ranges.sort_by_key(|range| (range.start, range.end));
        ranges.dedup();
        for order in ranges.iter().flat_map(|range| drawn(&orders, range)) {
            let customer = u64::try_from(order.customer_id).unwrap();
            let is_known = (1..=customers.end).contains(&customer);
            assert!(is_known, "{folder}, order {}: customer {customer} of {customers:?}", order.order_id);
            let product = u32::try_from(order.product_id).unwrap();
            assert!((1..=products::COUNT).contains(&product), "{folder}: product {product}");
        }
    }
}

/// The orders that a file's rows are taken from.
fn range_of(file: &PlannedFile) -> Range<u64> {
    file.partition.as_ref().map_or_else(|| file.rows.clone(), |partition| partition.shard.clone())
}

#[test]
fn every_order_names_a_customer_and_a_product_that_exist_at_the_tiny_scale() {
    check(Scale::Tiny);
}

#[test]
fn every_order_names_a_customer_and_a_product_that_exist_at_the_small_scale() {
    check(Scale::Small);
}

#[test]
fn every_order_names_a_customer_and_a_product_that_exist_at_the_medium_scale() {
    check(Scale::Medium);
}

#[test]
fn every_order_names_a_customer_and_a_product_that_exist_at_the_large_scale() {
    check(Scale::Large);
}

#[test]
fn every_district_lies_in_a_city_and_every_city_in_a_state_that_exist() {
    let map = Localities::new(SEED);
    for city in map.municipalities() {
        assert!(map.municipality(city.id).is_some(), "city {}", city.id);
        assert!(map.state(&(city.id / 100_000).to_string()).is_some(), "the state of city {}", city.id);
    }
    for district in map.districts() {
        let city = map.municipality_of(district);
        assert!(
            map.districts_of(city).iter().any(|other| other.id == district.id),
            "district {}",
            district.id
        );
    }
}
