//! A megabyte of logs, from its bytes to the events that fit one of twenty rules.

use std::fs;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datagen::logs::Logs;
use datagen::page::Page;
use lab::{Job, Stop};
use pipelines::alerts::{Piece, ScanPiece, Setup};

const PATTERNS: [&str; 20] = [
    r"out of memory, worker \d+ killed",
    r"data loss: \d+ messages",
    r"disk full: \d+ bytes free",
    r"database unreachable after \d+ attempts",
    "connection pool exhausted",
    "replica lag beyond limit",
    "circuit breaker open",
    "name resolution failed",
    r"payment \d+ refused",
    r"upstream timed out after \d{5} ms",
    "connection reset by peer",
    r"could not reserve item \d+: out of stock",
    r"slow query: \d{5} ms",
    r"CRITICAL \[checkout\]",
    r"ERROR \[catalog\]",
    "\"level\":\"critical\"",
    "^<130>",
    r"certificate expires in \d hours",
    r"retrying call to upstream, attempt 1\d\b",
    r"queue depth above 2\d{4}",
];

fn scan(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut page = Page::default();
    Logs::new(42).write(0..8_000, &mut page);
    let path = folder.path().join("app.log");
    fs::write(&path, page.as_bytes()).unwrap();
    let length = page.as_bytes().len() as u64;
    let mut group = criterion.benchmark_group("alerts: a piece of a log");
    group.throughput(Throughput::Bytes(length));
    for count in [1, 20] {
        let rule = |(number, pattern): (usize, &&str)| {
            format!("[[rule]]\nname = 'p{number}'\npattern = '{pattern}'\ncount = 1000000\nwindow = '1m'\n")
        };
        let rules: String = PATTERNS.iter().take(count).enumerate().map(rule).collect();
        let mut job = ScanPiece::start(&Setup::new(rules, "the bench".into())).unwrap();
        let piece = Piece {
            file: 0,
            path: path.clone(),
            place: None,
            packed: false,
            from: 0,
            aligned: true,
            to: length,
            end: length,
            whole: true,
            year: 2025,
        };
        let stop = Stop::new();
        group.bench_function(format!("{count} patterns"), |bench| {
            bench.iter(|| job.run(&piece, &stop).unwrap());
        });
    }
}

criterion_group!(benches, scan);
criterion_main!(benches);
