//! What a process has cost, as the kernel counts it.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

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
    fn peak_memory_grows_with_what_is_touched() {
        let before = peak_rss_bytes(std::process::id());
        let touched = vec![1_u8; 64 << 20];
        let after = peak_rss_bytes(std::process::id());
        assert!(after >= before.max(64 << 20), "{before} -> {after} with {} bytes", touched.len());
    }
}
