//! Whether somebody else is using the processors.
//!
//! What is said of two threads on two processors is said of processors that are free. On a machine that compiles something
//! meanwhile the number is not a refutation; it is a measurement of something else, and is thrown away.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::measured::Measured;
use crate::text::Text;

/// Why there is no number.
pub const BUSY: Text = Text::new(
    "other programs were using the processors meanwhile: measure again when they are done",
    "outros programas ocupavam os processadores: meça de novo quando terminarem",
);

/// How many processors others may use on average. Two that are half taken cannot show a speed-up of 1.3.
const MOST: f64 = 0.4;

/// `USER_HZ`, the unit of `/proc/stat`, which is 100 on every architecture that Linux promises anything about (`time(7)`).
const TICKS_A_SECOND: u64 = 100;

/// Measures, and throws the number away when others have used the processors meanwhile.
pub fn undisturbed(measure: impl FnOnce() -> Measured) -> Measured {
    let (all, own, started) = (of_all(), of_us(), Instant::now());
    let measured = measure();
    let own = of_us().saturating_sub(own);
    // Where the system does not tell, nobody is accused.
    let all = all.zip(of_all()).map_or(own, |(before, after)| after.saturating_sub(before));
    if is_busy(all, own, started.elapsed()) { Measured::nothing(BUSY) } else { measured }
}

/// Whether others had more of the processors than they may, of the time that all of them worked.
fn is_busy(all: Duration, own: Duration, wall: Duration) -> bool {
    all.saturating_sub(own) > wall.mul_f64(MOST)
}

/// The time that all processors together have worked so far (`proc_stat(5)`: user, nice, system, irq, softirq and steal).
fn of_all() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    let ticks: u64 = [0, 1, 2, 5, 6, 7].into_iter().filter_map(|at| fields.get(at)).sum();
    Some(Duration::from_millis(ticks * 1000 / TICKS_A_SECOND))
}

/// The processor time of this process and of the children that it has reaped.
fn of_us() -> Duration {
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .filter_map(|who| getrusage(who).ok())
        .flat_map(|usage| [usage.user_time(), usage.system_time()])
        .map(|time| {
            Duration::from_secs(time.tv_sec().unsigned_abs())
                + Duration::from_micros(time.tv_usec().unsigned_abs())
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(all: u64, own: u64, wall: u64, busy: bool) {
        let [all, own, wall] = [all, own, wall].map(Duration::from_millis);
        assert_eq!(is_busy(all, own, wall), busy, "{all:?} {own:?} {wall:?}");
    }

    #[test]
    fn others_are_what_is_not_ours() {
        check(2000, 2000, 1000, false);
        check(1000, 500, 1000, true);
        check(1300, 1000, 1000, false);
        // The two clocks tick differently: more than all is all.
        check(990, 1000, 1000, false);
        check(0, 0, 0, false);
    }

    #[test]
    fn somebody_elses_work_is_seen() {
        // A child that nobody has reaped yet is somebody else.
        let burn = || std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let mut others = [burn(), burn()];
        let measured = undisturbed(|| {
            // sleep: it is what is measured: a time in which we do nothing and the others do.
            std::thread::sleep(Duration::from_millis(400));
            Measured::count(1)
        });
        for other in &mut others {
            other.kill().unwrap();
            other.wait().unwrap();
        }
        assert_eq!(measured, Measured::nothing(BUSY));
    }
}
