//! What this crate promises of bytes that others wrote and of numbers that others measured, as functions of any bytes: the
//! fuzz targets call them with inputs of libFuzzer's, the tests with inputs of proptest's and with those that once broke a
//! promise. They panic where a promise is broken.

use std::io::{self, ErrorKind, Read};

use crate::procs::{Frame, MAX_PAYLOAD};
use crate::scaling::{Coefficient, Fit, Law, Peak, Point};

/// What is read as frames is written as the same bytes, however they arrive, and what is no frame is an error that says why.
///
/// # Panics
/// Where it is not.
pub fn frames_are_the_bytes_that_they_came_as(bytes: &[u8]) {
    let (frames, ended) = frames(&mut &*bytes);
    let mut written = Vec::new();
    for frame in &frames {
        frame.write(&mut written).expect("memory can be written");
    }
    assert!(bytes.starts_with(&written), "{frames:?}");
    let rest = &bytes[written.len()..];
    let length = rest.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
    match ended {
        None => assert!(rest.is_empty(), "{rest:?}"),
        Some(ErrorKind::UnexpectedEof) => {
            assert!(rest.len() < 13 || length.is_some_and(|length| rest.len() < 13 + length), "{rest:?}");
        }
        Some(ErrorKind::InvalidData) => {
            let is_kind = rest.get(4).is_some_and(|kind| (1..=6).contains(kind));
            assert!(!is_kind || length.is_some_and(|length| length > MAX_PAYLOAD), "{rest:?}");
        }
        Some(other) => panic!("{other:?} for {rest:?}"),
    }
    let mut slowly = Halting { bytes, at: 0, halted: false };
    assert_eq!(self::frames(&mut slowly), (frames, ended), "a byte at a time");
}

fn frames(from: &mut impl Read) -> (Vec<Frame>, Option<ErrorKind>) {
    let mut frames = Vec::new();
    loop {
        match Frame::read(from) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.kind())),
        }
    }
}

/// A pipe that gives a byte at a time, and is interrupted before each.
struct Halting<'a> {
    bytes: &'a [u8],
    at: usize,
    halted: bool,
}

impl Read for Halting<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.halted = !self.halted;
        if self.halted {
            return Err(ErrorKind::Interrupted.into());
        }
        let count = into.len().min(1).min(self.bytes.len() - self.at);
        into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A law that is fitted to any measurements is a curve: finite, with coefficients that are not negative, no worse than the
/// best straight line through the origin, and the same one in any unit of throughput.
///
/// The first byte chooses the law. Each ten bytes that follow are a number of workers and a throughput.
///
/// # Panics
/// Where it is not.
pub fn a_fit_is_a_curve(bytes: &[u8]) {
    let [law, rest @ ..] = bytes else { return };
    let law = if law % 2 == 0 { Law::Usl } else { Law::Amdahl };
    let points: Vec<Point> = rest
        .as_chunks::<10>()
        .0
        .iter()
        .take(24)
        .map(|[a, b, bits @ ..]| Point::new(u16::from_le_bytes([*a, *b]).into(), f64::from_le_bytes(*bits)))
        .collect();
    let Ok(fit) = Fit::of(law, &points) else { return };
    let curve = fit.curve;
    assert!(curve.gamma > 0.0 && curve.alpha >= 0.0 && curve.beta >= 0.0, "{fit:?}");
    assert!(
        [curve.gamma, curve.alpha, curve.beta, fit.sigma].iter().all(|value| value.is_finite()),
        "{fit:?}"
    );
    assert!(fit.r_squared <= 1.0 && fit.sigma >= 0.0, "{fit:?}");
    for (point, residual) in points.iter().zip(&fit.residuals) {
        let fitted = curve.at(point.workers.into());
        assert!(
            fitted >= 0.0
                && (point.throughput - fitted - residual).abs() <= 1e-9 * point.throughput.max(fitted),
            "{fit:?}"
        );
    }
    for coefficient in [Coefficient::Gamma, Coefficient::Alpha, Coefficient::Beta] {
        assert!(fit.standard_error(coefficient) >= 0.0, "{fit:?}");
        let [from, to] = fit.interval(coefficient, 0.95);
        assert!(from <= to, "{fit:?}");
    }
    if let Peak::At { workers, throughput } = curve.peak() {
        assert!(workers >= 1.0 && throughput >= curve.at(1.0) * (1.0 - 1e-9), "{fit:?}");
    }
    assert!((1..=64).contains(&curve.best(64)));
    no_worse_than_a_line(&fit, &points);
    let doubled: Vec<Point> =
        points.iter().map(|point| Point::new(point.workers, point.throughput * 2.0)).collect();
    if let Ok(Fit { curve: again, .. }) = Fit::of(law, &doubled) {
        let alike = |one: f64, other: f64| (one - other).abs() <= 1e-6 * one.abs().max(other.abs());
        assert!(
            alike(again.gamma, 2.0 * curve.gamma)
                && alike(again.alpha, curve.alpha)
                && alike(again.beta, curve.beta),
            "{curve:?} in another unit is {again:?}"
        );
    }
}

/// Without contention and coherency the least squares are those of a line, which are known exactly.
fn no_worse_than_a_line(fit: &Fit, points: &[Point]) {
    let most = points.iter().map(|point| point.throughput).fold(0.0, f64::max);
    let scaled = |point: &Point| (f64::from(point.workers), point.throughput / most);
    let (above, below) = points.iter().map(scaled).fold((0.0, 0.0), |(a, b), (n, x)| (a + n * x, b + n * n));
    let line = |(n, x): (f64, f64)| (x - above / below * n).powi(2);
    let of_line: f64 = points.iter().map(scaled).map(line).sum();
    let of_fit: f64 = fit.residuals.iter().map(|residual| (residual / most).powi(2)).sum();
    assert!(of_fit <= of_line * (1.0 + 1e-6) + 1e-12, "{of_fit} is more than {of_line}: {fit:?}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn throughputs_that_are_140_powers_of_ten_apart_are_the_same_in_another_unit() {
        // Found by the fuzz target `usl`: the equations were rounded otherwise in another unit.
        let points = [
            (1, 3.844_387_375_226_108e78),
            (71, 995.900_000_000_011_6),
            (36, 1652.4),
            (10_312, 7.138_293_066_458_448e-64),
            (39_453, 1_828.900_000_000_001_5),
            (128, 1.086_123_034_284_696_5e34),
            (216, 1718.2),
        ];
        let bytes = points.iter().flat_map(|(workers, throughput): &(u16, f64)| {
            [&workers.to_le_bytes()[..], &throughput.to_le_bytes()].concat()
        });
        a_fit_is_a_curve(&[vec![0], bytes.collect()].concat());
    }

    proptest! {
        #[test]
        fn bytes_are_frames_or_an_error(
            parts in proptest::collection::vec((0_u8..8, 0_u8..4, proptest::collection::vec(any::<u8>(), 0..8)), 0..5),
        ) {
            let bytes: Vec<u8> = parts
                .into_iter()
                .flat_map(|(kind, length, rest)| [vec![length, 0, 0, 0, kind], vec![7; 8], rest].concat())
                .collect();
            frames_are_the_bytes_that_they_came_as(&bytes);
        }

        #[test]
        fn any_measurements_give_a_curve_or_a_reason(
            law: u8,
            points in proptest::collection::vec((1_u16..300, 1e-3_f64..1e6), 3..9),
        ) {
            let points = points.iter().flat_map(|(n, x)| [&n.to_le_bytes()[..], &x.to_le_bytes()].concat());
            a_fit_is_a_curve(&std::iter::once(law).chain(points).collect::<Vec<_>>());
        }
    }
}
