//! Processes as `/proc` shows them.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Whether there is a `/proc` as Linux has it.
pub(super) fn is_readable() -> bool {
    Path::new("/proc/self/status").is_file()
}

/// The children of a process, their children, and so on.
pub(super) fn offspring(parent: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let mut found: Vec<i32> = lists
        .flat_map(|list| list.split_whitespace().filter_map(|number| number.parse().ok()).collect::<Vec<_>>())
        .collect();
    let deeper: Vec<i32> = found.iter().flat_map(|child| offspring(*child)).collect();
    found.extend(deeper);
    found
}

/// What a process holds in memory now, and the most that it ever held, in bytes; nothing once it is gone.
pub(super) fn memory(process: i32) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib << 10)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

/// Kills a process, whatever it is doing. It may be gone already; its number is not given out anew within the moment since
/// it was seen.
pub(super) fn kill_now(process: i32) {
    let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
}

/// When a process was started, in the kernel's ticks since it started itself; nothing for one that is gone, or that nobody
/// has reaped yet. Together with its number it is a name that is never given twice.
pub(super) fn started(process: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which stands in brackets and may hold anything, the first field is the state and the twentieth this.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    fields.nth(18)?.parse().ok().filter(|_| state != "Z")
}
