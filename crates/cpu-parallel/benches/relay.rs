//! The ring of exercise 10 beside a pipe: a thread writes messages, the measuring one reads them.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;
use std::thread;

use cpu_parallel::relay::ring::{Reader, Ring, Writer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const MESSAGES: usize = 10_000;

fn pass(mut to: impl Write + Send, from: impl Read, length: usize) {
    thread::scope(|scope| {
        scope.spawn(move || {
            let message = vec![7; length];
            (0..MESSAGES).for_each(|_| to.write_all(&message).unwrap());
        });
        let (mut from, mut message) = (BufReader::with_capacity(1 << 16, from), vec![0; length]);
        (0..MESSAGES).for_each(|_| from.read_exact(&mut message).unwrap());
    });
}

fn hand_over(criterion: &mut Criterion) {
    for length in [80, 65_536] {
        let mut group = criterion.benchmark_group(format!("messages of {length} bytes"));
        group.throughput(Throughput::Elements(MESSAGES as u64)).sample_size(10);
        group.bench_function("ring", |bench| {
            bench.iter(|| {
                let ring = Arc::new(Ring::new(1 << 20).unwrap());
                pass(Writer::new(Arc::clone(&ring)), Reader::new(ring), length);
            });
        });
        group.bench_function("pipe", |bench| {
            bench.iter(|| {
                let (from, to) = io::pipe().unwrap();
                pass(to, from, length);
            });
        });
    }
}

criterion_group!(benches, hand_over);
criterion_main!(benches);
