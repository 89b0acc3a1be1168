//! Student's t distribution for whole degrees of freedom.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// The probability that |T| is at most `t`: the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.
fn within(t: f64, freedom: u32) -> f64 {
    let angle = (t / f64::from(freedom).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2 == 1;
    // The series has the terms cos^k · (2·4·…)/(3·5·…) or (1·3·…)/(2·4·…), each made from the last.
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut k = u32::from(odd);
    while k + 2 <= freedom {
        sum += term;
        term *= cosine * cosine * f64::from(k + 1) / f64::from(k + 2);
        k += 2;
    }
    if odd { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

/// The half-width of a two-sided interval of this `confidence` (such as 0.95) in standard errors.
pub(super) fn quantile(confidence: f64, freedom: u32) -> f64 {
    // The tangent maps the whole half-line into an interval that bisection can halve to the last digit.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if within(middle.tan(), freedom) < confidence { low = middle } else { high = middle }
    }
    low.tan()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_those_of_the_printed_table() {
        // Table of the t distribution, two-sided 95 %, e.g. NIST/SEMATECH e-Handbook 1.3.6.7.2 (column 0.975).
        for (freedom, printed) in
            [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (8, 2.306), (9, 2.262), (30, 2.042)]
        {
            assert!(
                (quantile(0.95, freedom) - printed).abs() < 0.0005,
                "{freedom}: {}",
                quantile(0.95, freedom)
            );
        }
    }
}
