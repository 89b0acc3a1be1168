//! Buckets whose borders are powers of a base (`DDSketch`; see `samples`).

/// What is neither positive nor negative, and what is no number.
const ZERO: i32 = 0;
const NO_NUMBER: i32 = i32::MAX;
/// Room for the logarithms of all numbers on either side of zero.
const MIDDLE: i32 = 1 << 30;

/// The bucket of a value: buckets have the order of the values.
#[allow(
    clippy::cast_possible_truncation,
    reason = "logarithms of numbers of 64 bits to a base that is not too near 1"
)]
pub(super) fn bucket(value: f64, error: f64) -> i32 {
    if value.is_nan() {
        return NO_NUMBER;
    }
    if value == 0.0 {
        return ZERO;
    }
    let base = ((1.0 + error) / (1.0 - error)).ln();
    let finite = value.abs().min(f64::MAX);
    let power = (finite.ln() / base).ceil() as i32;
    if value > 0.0 { MIDDLE + power } else { -(MIDDLE + power) }
}

/// The value that is no further than the error from all values of a bucket.
pub(super) fn middle(bucket: i32, error: f64) -> f64 {
    if bucket == NO_NUMBER {
        return f64::NAN;
    }
    if bucket == ZERO {
        return 0.0;
    }
    let base = (1.0 + error) / (1.0 - error);
    let power = bucket.abs() - MIDDLE;
    (2.0 * base.powi(power) / (base + 1.0)).copysign(f64::from(bucket))
}
