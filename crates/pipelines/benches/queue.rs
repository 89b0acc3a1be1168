//! The same messages over each queue, from two producers to two consumers.

use clap::Parser;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lab::{Exercise, Kind, Lab};
use pipelines::queue::{Queue, QueueArgs};

const MESSAGES: u64 = 20_000;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    queue: QueueArgs,
}

fn pass(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::new(2).with_out(folder.path().join("out.ndjson"));
    let messages = MESSAGES.to_string();
    let args = CommandLine::parse_from(["queue", "--messages", &messages, "--producers", "2"]).queue;
    let input = Queue::prepare(&args, &lab).unwrap();
    let mut group = criterion.benchmark_group("queue: messages passed and processed");
    group.throughput(Throughput::Elements(MESSAGES)).sample_size(10);
    // Worker processes are the program's own, which a bench is not.
    let local = Queue::STRATEGIES.iter().filter(|one| one.needs.is_none() && one.kind != Kind::Processes);
    for strategy in local {
        let Ok(run) = strategy.run else { continue };
        group.bench_function(strategy.name, |bench| bench.iter(|| run(&input, &lab).unwrap()));
    }
}

criterion_group!(benches, pass);
criterion_main!(benches);
