//! A page of two hundred orders, from its bytes to its records; beside it what a parser takes that makes values of them.

use std::fmt::Write as _;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pipelines::extract::Page;

fn body() -> String {
    let mut text = "{\"items\":[".to_owned();
    for number in 0..200 {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"order_id\":{number},\"customer_id\":{},\"category\":\"Eletr\u{f4}nicos\",\"uf\":\"SP\",\
             \"quantity\":{},\"unit_price_cents\":{},\"status\":\"delivered\",\
             \"ordered_at\":\"2024-03-05T12:34:56Z\",\"note\":\"deixar com o \\\"porteiro\\\"\"}}",
            number * 7919 % 1_000,
            number % 9 + 1,
            number * 131 + 99,
        );
    }
    text + "],\"page\":1,\"page_size\":200,\"total\":100000,\"pages\":500}"
}

fn parse(criterion: &mut Criterion) {
    let body = body();
    let mut group = criterion.benchmark_group("extract: a page of 200 records");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("records as they are written", |bench| {
        bench.iter(|| Page::read(body.as_bytes(), None).unwrap());
    });
    group.bench_function("serde_json values", |bench| {
        bench.iter(|| serde_json::from_str::<serde_json::Value>(&body).unwrap());
    });
}

criterion_group!(benches, parse);
criterion_main!(benches);
