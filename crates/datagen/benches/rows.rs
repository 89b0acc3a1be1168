//! The row writers, one piece at a time and without a file: `cargo bench -p datagen`.
//!
//! Throughput is in bytes of text for the text formats and in rows for Parquet's columns before encoding. What a file
//! adds (hashing, the copy to the system) is in `bench-harness/peers/datagen_compare.py`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use datagen::customers::Customers;
use datagen::logs::Logs;
use datagen::orders::Orders;
use datagen::page::Page;
use datagen::stream::Stream;
use datagen::table::{ByRows, Table};
use datagen::weather::Weather;

/// Rows of a piece of text, as `plan` cuts them.
const PIECE: u64 = 8_192;

/// Measures a writer of one piece.
fn text(criterion: &mut Criterion, name: &str, write: impl Fn(&mut Page)) {
    let mut page = Page::default();
    write(&mut page);
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            page.clear();
            write(&mut page);
            black_box(page.as_bytes());
        });
    });
    group.finish();
}

fn writers(criterion: &mut Criterion) {
    let orders = Orders::new(42);
    let customers = ByRows(Customers::new(42));
    let weather = ByRows(Weather::new(42));
    let logs = Logs::new(42);
    text(criterion, "orders csv", |page| orders.csv(0..PIECE, page));
    text(criterion, "orders ndjson", |page| orders.ndjson(0..PIECE, page));
    text(criterion, "customers csv", |page| customers.csv(0..PIECE, page));
    text(criterion, "weather csv", |page| weather.csv(0..PIECE, page));
    text(criterion, "logs", |page| logs.write(0..PIECE, page));

    let mut group = criterion.benchmark_group("columns");
    group.throughput(Throughput::Elements(PIECE));
    group.bench_function("orders batch", |bencher| bencher.iter(|| black_box(orders.batch(0..PIECE))));
    group.bench_function("random words", |bencher| {
        let stream = Stream::new(42, "orders");
        bencher.iter(|| stream.for_each(0..PIECE, |_, words| _ = black_box(*words)));
    });
    group.bench_function("orders one by one", |bencher| {
        bencher.iter(|| (0..PIECE).for_each(|index| _ = black_box(orders.record(index))));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = writers
}
criterion_main!(benches);
