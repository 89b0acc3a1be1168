//! The kernels of exercise 07, a call each.

use std::hint::black_box;

use cpu_parallel::apply::kernels::{
    European, Places, Point, Simulation, asian_call, black_scholes, haversine_km, most_similar,
};
use criterion::{Criterion, criterion_group, criterion_main};

fn kernels(criterion: &mut Criterion) {
    let points: Vec<Point> = (0..1_000)
        .map(|number| Point::new(f64::from(number % 180) - 90.0, f64::from(number % 360) - 180.0).unwrap())
        .collect();
    let (from, to) = (points[17], points[700]);
    let places = Places::new(points);
    let option = European { spot: 100.0, strike: 95.0, rate: 0.1, volatility: 0.3, years: 1.0 };
    let simulation = Simulation { seed: 42, paths: 32, steps: 12 };
    let list: Vec<String> = ["São Paulo", "Rio de Janeiro", "Belo Horizonte", "Brasília", "Porto Alegre"]
        .map(String::from)
        .into();
    criterion
        .bench_function("haversine", |bench| bench.iter(|| haversine_km(black_box(from), black_box(to))));
    criterion
        .bench_function("nearest of 1,000 places", |bench| bench.iter(|| places.nearest(black_box(from))));
    criterion.bench_function("Black-Scholes", |bench| bench.iter(|| black_scholes(black_box(option))));
    criterion.bench_function("Asian call, 32 paths of 12 steps", |bench| {
        bench.iter(|| asian_call(black_box(option), 7, simulation));
    });
    criterion.bench_function("Jaro-Winkler against 5 names", |bench| {
        bench.iter(|| most_similar(black_box("Rio Grande do Sul"), &list));
    });
}

criterion_group!(benches, kernels);
criterion_main!(benches);
