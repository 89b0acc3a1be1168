//! The kernels of 06 and 09, without files: `cargo bench -p cpu-parallel --bench kernels`.
//!
//! Before criterion's figures a line compares the ungrouped pass over floats in memory with the bandwidth that this machine
//! gives to the same threads in the same rounds: 0.7 or more is the aim.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use cpu_parallel::aggregate::floats::{Wide, add_all};
use cpu_parallel::aggregate::hash::{Texts, Words};
use cpu_parallel::aggregate::states::FloatState;
use cpu_parallel::aggregate::sum::Unit;
use cpu_parallel::transform::clean;
use cpu_parallel::transform::place::{STATES, distance_km};
use cpu_parallel::transform::secret::{Method, Secret, Thing};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Values of the ungrouped pass: 256 MB, far more than a cache.
const VALUES: usize = 32 << 20;
const ROUNDS: usize = 9;

/// Prices: whole cents that floating point cannot hold.
fn prices(count: usize) -> Vec<f64> {
    let mut state = 42_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 44) as f64 / 100.0
    };
    (0..count).map(|_| next()).collect()
}

/// Reads everything once: as fast as memory gives it.
fn read(values: &[f64]) -> u64 {
    let mut sums = [0_u64; 32];
    let (lanes, _) = values.as_chunks::<32>();
    for values in lanes {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(value.to_bits());
        }
    }
    sums.iter().fold(0, |one, two| one ^ two)
}

fn pass(values: &[f64]) -> FloatState {
    let mut wide = Wide::new(Unit::fitting(&values[..1_024]));
    let mut state = FloatState::default();
    add_all(&mut state, values, &mut wide);
    state
}

/// Seconds of `work` on a half of the values in each of two threads.
fn on_both<T>(values: &[f64], work: impl Fn(&[f64]) -> T + Sync) -> f64 {
    let started = Instant::now();
    thread::scope(|scope| {
        for half in values.chunks(values.len() / 2) {
            scope.spawn(|| {
                black_box(work(half));
            });
        }
    });
    started.elapsed().as_secs_f64()
}

fn bandwidth() {
    let values = prices(VALUES);
    let bytes = size_of_val(&*values) as f64 / 1e9;
    let median = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    };
    let (mut plain, mut exact) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(on_both(&values, read));
        exact.push(on_both(&values, pass));
    }
    let (plain, exact) = (bytes / median(plain), bytes / median(exact));
    println!(
        "two threads read {plain:.1} GB/s and aggregate {exact:.1} GB/s exactly: {:.2} of it",
        exact / plain
    );
}

fn aggregate(criterion: &mut Criterion) {
    bandwidth();
    let values = prices(1 << 17);
    let mut group = criterion.benchmark_group("aggregate");
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function("ungrouped floats in blocks", |bencher| bencher.iter(|| pass(black_box(&values))));
    group.bench_function("floats one by one", |bencher| {
        bencher.iter(|| {
            let mut wide = Wide::new(Unit::fitting(&values[..1_024]));
            let mut state = FloatState::default();
            black_box(&values).iter().for_each(|value| state.add(*value, &mut wide));
            state
        });
    });
    for keys in [27_u64, 10_000, 1_000_000] {
        let rows: Vec<u64> =
            values.iter().map(|value| (value * 100.0).to_bits().wrapping_mul(0x9e37_79b9) % keys).collect();
        let mut words = Words::default();
        for row in &rows {
            words.number(*row);
        }
        group.bench_function(format!("numbers of {keys} words"), |bencher| {
            bencher.iter(|| rows.iter().fold(0, |all, row| all ^ words.number(*row)));
        });
    }
    let names: Vec<String> = (0..1_000).map(|number| format!("municipality {number}")).collect();
    let mut texts = Texts::default();
    group.throughput(Throughput::Elements(names.len() as u64));
    group.bench_function("numbers of 1000 texts", |bencher| {
        bencher.iter(|| names.iter().fold(0, |all, name| all ^ texts.number(name.as_bytes())));
    });
    group.finish();
}

fn transform(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transform");
    let (mut out, mut scratch, mut message) = (String::new(), String::new(), Vec::new());
    group.bench_function("name", |bencher| {
        bencher.iter(|| {
            out.clear();
            clean::name(black_box("  JOÃO   DA silva-d'ávila "), &mut scratch, &mut out)
        });
    });
    for document in ["111.444.777-35", "12.ABC.345/01DE-35"] {
        group.bench_function(format!("document {document}").replace('/', "|"), |bencher| {
            bencher.iter(|| {
                out.clear();
                clean::document(black_box(document), &mut out)
            });
        });
    }
    group.bench_function("phone", |bencher| {
        bencher.iter(|| {
            out.clear();
            clean::phone(black_box("(11) 91234-5678"), &mut out)
        });
    });
    for (name, method) in [("keyed BLAKE3", Method::Blake3), ("HMAC-SHA-256", Method::HmacSha256)] {
        let secret = Secret::new(method, "key");
        group.bench_function(format!("pseudonym by {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                secret.pseudonym(Thing::Document, black_box("11144477735"), &mut message, &mut out);
            });
        });
    }
    group.bench_function("distance", |bencher| {
        bencher.iter(|| distance_km(black_box(STATES[0].capital), black_box(STATES[15].capital)));
    });
    group.bench_function("features of a note", |bencher| {
        let note = "Favor não tocar a campainha, bebê dormindo; ligar antes de entregar, é URGENTE!";
        bencher.iter(|| clean::features(black_box(note), &mut scratch));
    });
    group.finish();
}

criterion_group! {
    name = kernels;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = aggregate, transform
}
criterion_main!(kernels);
