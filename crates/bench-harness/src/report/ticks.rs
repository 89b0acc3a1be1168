//! Axes: round values at a readable distance.

/// Round values from 0 to `end`, `most` of them at the most besides 0: multiples of 1, 2 or 5 times a power of ten.
pub(super) fn linear(end: f64, most: usize) -> Vec<f64> {
    let raw = end / most.max(1) as f64;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw * 0.999)
        .unwrap_or(raw);
    (0..=most).map(|number| number as f64 * step).take_while(|value| *value <= end * 1.000_1).collect()
}

/// Round values from `low` to `high` on a logarithmic axis: 1, 2 and 5 times each power of ten, or the powers alone where
/// those would be too many.
pub(super) fn logarithmic(low: f64, high: f64) -> Vec<f64> {
    let factors: &[f64] = if (high / low).log10() > 2.2 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let mut ticks = Vec::new();
    let mut power = 10_f64.powf(low.log10().floor());
    while power <= high {
        let values = factors.iter().map(|factor| factor * power);
        ticks.extend(values.filter(|value| (low * 0.999..=high * 1.001).contains(value)));
        power *= 10.0;
    }
    ticks
}

/// The unit in which times up to this many nanoseconds read best, and how many nanoseconds it has.
pub(super) fn unit(end_ns: u64) -> (&'static str, f64) {
    match end_ns {
        1_000_000_000.. => ("s", 1e9),
        1_000_000.. => ("ms", 1e6),
        _ => ("µs", 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(linear(105.0, 5), [0.0, 50.0, 100.0]);
        assert_eq!(linear(2.2, 5), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(linear(10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(logarithmic(0.5, 6.0), [0.5, 1.0, 2.0, 5.0]);
        assert_eq!(logarithmic(0.5, 150.0), [1.0, 10.0, 100.0]);
        assert_eq!(logarithmic(0.7, 45.0), [1.0, 2.0, 5.0, 10.0, 20.0]);
    }
}
