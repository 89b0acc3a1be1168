//! What a process has cost, as the kernel counts it.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// What the kernel had to do for a process and the children that it has reaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// Times that a thread gave its core away because it had to wait.
    pub voluntary_switches: u64,
    /// Times that a core was taken away from a thread that wanted to go on.
    pub involuntary_switches: u64,
    /// Pages of memory that were handed out without the disk.
    pub minor_faults: u64,
    /// Pages that had to be read from the disk.
    pub major_faults: u64,
}

impl Events {
    /// What there was so far, of this process and of the children it has reaped.
    pub fn so_far() -> Self {
        let mut all = Self::default();
        for usage in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN].into_iter().flat_map(getrusage) {
            all.voluntary_switches += usage.voluntary_context_switches().unsigned_abs();
            all.involuntary_switches += usage.involuntary_context_switches().unsigned_abs();
            all.minor_faults += usage.minor_page_faults().unsigned_abs();
            all.major_faults += usage.major_page_faults().unsigned_abs();
        }
        all
    }

    /// What has happened since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self.involuntary_switches.saturating_sub(earlier.involuntary_switches),
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
        }
    }
}

/// CPU time of this process and of the children it has reaped, user and system together.
pub fn cpu_time() -> Duration {
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .filter_map(|who| getrusage(who).ok())
        .flat_map(|usage| [usage.user_time(), usage.system_time()])
        .map(|time| {
            let (seconds, micros) = (time.tv_sec().unsigned_abs(), time.tv_usec().unsigned_abs());
            Duration::from_secs(seconds) + Duration::from_micros(micros)
        })
        .sum()
}

/// Peak resident memory of a living process in bytes; 0 where it cannot be told.
///
/// Read from `/proc`, because `getrusage` gives a child that was started by a large parent the parent's peak: the kernel
/// counts the moment between fork and exec.
pub fn peak_rss_bytes(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

/// Resident memory of a living process in bytes; 0 where it cannot be told.
pub fn rss_bytes(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// A field of `/proc/pid/status` that the kernel gives in kibibytes, in bytes (proc(5)).
fn status(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// Starts the count of this process's peak memory anew, where the system can; otherwise it goes on.
pub fn forget_peak() {
    // Linux: 5 resets the high-water mark of the resident set (proc(5), /proc/pid/clear_refs).
    let _ = fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_and_memory_that_is_touched_are_counted() {
        let before = Events::so_far();
        // The thread has to start before it can end, and meanwhile this one waits for it.
        let touched = std::thread::spawn(|| vec![1_u8; 16 << 20]).join().unwrap();
        assert_eq!(touched[7], 1);
        let counted = Events::so_far().since(before);
        assert!(counted.voluntary_switches > 0 && counted.minor_faults >= 8, "{counted:?}");
    }

    #[test]
    fn two_looks_at_the_clock_cost_less_than_a_thousandth_of_the_shortest_sample() {
        // The shortest samples of the lab take some five milliseconds.
        let look = || std::hint::black_box(std::time::Instant::now()).elapsed();
        let least = (0..1000).map(|_| look()).min().unwrap();
        assert!(least < Duration::from_micros(5), "{least:?}");
    }

    #[test]
    fn peak_memory_grows_with_what_is_touched() {
        let before = peak_rss_bytes(std::process::id());
        let touched = vec![1_u8; 64 << 20];
        let after = peak_rss_bytes(std::process::id());
        assert!(after >= before.max(64 << 20), "{before} -> {after} with {} bytes", touched.len());
    }
}
