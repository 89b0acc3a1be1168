//! What a server's limit can have been, judged by what it let through and what it refused.
//!
//! A limit is a token bucket: `burst` requests at once and `rate` a second in the long run. After a refusal it is empty. From
//! there on, a rate that is too low cannot explain what was let through, and one that is too high cannot explain the next
//! refusal: the bucket would have had a token. What explains both lies between two bounds, and the bounds are found by
//! filling and emptying the bucket in thought.

/// How far the level of the bucket in thought may be off, in tokens: requests do not arrive exactly when they were sent.
const SLACK: f64 = 0.5;
/// Rates are tried in steps of a hundredth, down to so small a share of the greatest.
const STEP: f64 = 1.01;
const STEPS: i32 = 1_200;

/// What was let through between two refusals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretch {
    /// Requests that were let through: when they were sent and when their answers came, in seconds since the bucket was empty.
    /// The server let them through somewhere between.
    pub(crate) accepted: Vec<[f64; 2]>,
    /// When one was refused.
    pub(crate) refused: f64,
    /// Whether the beginning was forgotten: what the bucket had then is not known.
    pub(crate) cut: bool,
}

impl Stretch {
    /// The least rate that explains what was let through, where the bucket holds `most_burst` at the most, and the greatest that
    /// explains the refusal, where it holds `least_burst(rate)` at the least; neither beyond `most`.
    pub(crate) fn rates(&self, most_burst: f64, least_burst: impl Fn(f64) -> f64, most: f64) -> (f64, f64) {
        let rates = || (0..STEPS).map(|step| most / STEP.powi(step));
        // A rate explains what a lower one explains.
        let low = rates().take_while(|rate| self.explains_accepted(*rate, most_burst + SLACK)).last();
        let high = rates().find(|rate| self.left(*rate, least_burst(*rate)) < 1.0);
        let low = low.unwrap_or(most);
        (low, high.unwrap_or(low).max(low))
    }

    /// Whether the bucket had a token for each request that was let through, as late as that may have been.
    fn explains_accepted(&self, rate: f64, burst: f64) -> bool {
        let (mut level, mut then) = (if self.cut { burst } else { 1.0 }, 0.0);
        self.accepted.iter().all(|&[_, at]| {
            level = (level + (at - then).max(0.0) * rate).min(burst) - 1.0;
            then = at.max(then);
            level >= -SLACK
        })
    }

    /// What the bucket had at the refusal at the least.
    fn left(&self, rate: f64, burst: f64) -> f64 {
        let (mut level, mut then) = (0.0_f64, 0.0);
        for &[at, _] in &self.accepted {
            level = ((level + (at - then).max(0.0) * rate).min(burst) - 1.0).max(0.0);
            then = at;
        }
        (level + (self.refused - then).max(0.0) * rate).min(burst)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A server's bucket, asked faster and faster: the truth lies between the bounds.
        #[test]
        fn the_true_rate_lies_between_the_bounds(rate in 1.0_f64..400.0, burst in 1_u32..40, start in 0.1_f64..1.0, grows in 1.02_f64..1.5) {
            let burst = f64::from(burst);
            let (mut level, mut now, mut asked) = (0.0_f64, 0.0, rate * start);
            let mut stretch = Stretch::default();
            loop {
                let pause = 1.0 / asked;
                now += pause;
                level = (level + pause * rate).min(burst);
                asked *= grows;
                if level < 1.0 && !stretch.accepted.is_empty() {
                    break;
                }
                if level >= 1.0 {
                    level -= 1.0;
                    stretch.accepted.push([now; 2]);
                } else {
                    // It was asked too early: the bucket is empty from here on.
                    now = 0.0;
                    stretch.accepted.clear();
                }
                prop_assume!(stretch.accepted.len() < 5_000);
            }
            stretch.refused = now;
            let (low, high) = stretch.rates(burst, |_| burst, asked * 2.0);
            prop_assert!(low <= rate * STEP && rate <= high * STEP, "{low} to {high} for {rate}, {burst}: {stretch:?}");
        }
    }

    #[test]
    fn a_long_stretch_tells_the_rate_closely() {
        // Ten at once and then 50 a second, asked 60 times a second.
        let (mut level, mut stretch) = (0.0_f64, Stretch::default());
        for number in 0_u32.. {
            let at = 0.2 + f64::from(number) / 60.0;
            level = if number == 0 { 10.0 } else { level + 50.0 / 60.0 };
            if level < 1.0 {
                stretch.refused = at;
                break;
            }
            level -= 1.0;
            stretch.accepted.push([at; 2]);
        }
        let (low, high) = stretch.rates(10.0, |_| 10.0, 200.0);
        assert!(low > 48.0 && low <= 50.0 && (50.0..52.5).contains(&high), "{low} to {high}");
    }
}
