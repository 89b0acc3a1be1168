//! Many threads at one bucket, and a look at every stretch of time afterwards.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::bucket::{Bucket, Rate};

/// How far each ask turns the clock, in nanoseconds: far less than a token of any rate here, so most asks are sent away.
const TURN_NS: u64 = 10_000;

/// The times for which a bucket gave tokens to so many threads that each ask so many times, sorted. The clock is turned by
/// those who ask and stands still while nobody does.
///
/// # Panics
/// When the system refuses the threads.
pub fn grants(bucket: &impl Bucket, threads: usize, asks: usize) -> Vec<u64> {
    let clock = AtomicU64::new(0);
    // One start for all, or the first would be done before the last begins.
    let start = Barrier::new(threads);
    let mut times: Vec<u64> = thread::scope(|scope| {
        let asking: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let ask = |_| {
                        // The clock orders nothing but itself; that it never goes back is all that is asked of it.
                        clock.fetch_add(TURN_NS, Ordering::Relaxed);
                        bucket.take(&|| clock.load(Ordering::Relaxed))
                    };
                    (0..asks).filter_map(ask).collect::<Vec<u64>>()
                })
            })
            .collect();
        asking.into_iter().flat_map(|thread| thread.join().expect("asking does not panic")).collect()
    });
    times.sort_unstable();
    times
}

/// How many tokens too many were given in the worst stretch of time between any two of these sorted times.
///
/// From grant `i` to grant `j` there are `j − i + 1` of them, and `burst + (tⱼ − tᵢ) / interval` are allowed. With
/// `f(k) = k · interval − tₖ` the worst pair is the greatest `f(j) − f(i)`, and one pass finds it.
pub fn excess(times: &[u64], rate: Rate) -> u64 {
    let interval = i128::from(rate.interval_ns());
    let (mut least, mut worst) = (i128::MAX, 0);
    for (number, time) in (0_i128..).zip(times) {
        let this = number * interval - i128::from(*time);
        least = least.min(this);
        worst = worst.max(this - least + interval - i128::from(rate.burst) * interval);
    }
    u64::try_from(worst.max(0).div_euclid(interval) + i128::from(worst.max(0).rem_euclid(interval) > 0))
        .unwrap_or(u64::MAX)
}
