//! What a waiting thread waits for, from the system call that it is in.

use std::fs;

use serde::Serialize;

/// What a thread was doing when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Doing {
    /// Computing, or waiting for a processor to compute on.
    Computing,
    /// Waiting for a disk: a sleep that no signal ends, or a read of a file.
    Disk,
    /// Waiting for another machine or program at the end of a socket.
    Network,
    /// Waiting at a pipe.
    Pipe,
    /// Waiting for a terminal.
    Terminal,
    /// Waiting for a clock.
    Clock,
    /// Waiting for a lock, a condition or a thread of its own program.
    Lock,
    /// Waiting for a child.
    Child,
    /// Waiting for whatever comes first, with nothing open that would tell what.
    Events,
    /// Waiting for something else.
    Other,
}

/// The system calls that wait, by what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// On the file of the first argument.
    OnFile,
    Network,
    Clock,
    Lock,
    Child,
    Events,
}

/// The numbers of system calls that wait, from `asm/unistd_64.h`.
#[cfg(target_arch = "x86_64")]
const CALLS: &[(Call, &[u32])] = &[
    (Call::OnFile, &[0, 1, 17, 18, 19, 20, 40, 74, 75, 275]),
    (Call::Network, &[42, 43, 44, 45, 46, 47, 288, 299]),
    (Call::Clock, &[35, 230]),
    (Call::Lock, &[202, 449]),
    (Call::Child, &[61, 247]),
    (Call::Events, &[7, 23, 232, 270, 271, 281, 441, 426]),
];

/// The same from `asm-generic/unistd.h`, which 64-bit Arm uses.
#[cfg(not(target_arch = "x86_64"))]
const CALLS: &[(Call, &[u32])] = &[
    (Call::OnFile, &[63, 64, 65, 66, 67, 68, 71, 76, 82, 83]),
    (Call::Network, &[202, 203, 206, 207, 211, 212, 242, 243]),
    (Call::Clock, &[101, 115]),
    (Call::Lock, &[98, 449]),
    (Call::Child, &[95, 260]),
    (Call::Events, &[22, 72, 73, 426, 441]),
];

/// What a thread is doing, from its state and its system call; `None` when it is gone.
pub(super) fn of(process: u32, thread: u32) -> Option<Doing> {
    let stat = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok()?;
    match stat.rsplit_once(')')?.1.trim_start().chars().next()? {
        'R' => Some(Doing::Computing),
        'D' => Some(Doing::Disk),
        'Z' | 'X' => None,
        _ => Some(waiting(process, thread)),
    }
}

fn waiting(process: u32, thread: u32) -> Doing {
    let call = fs::read_to_string(format!("/proc/{process}/task/{thread}/syscall")).unwrap_or_default();
    let mut words = call.split_whitespace();
    let Some(number) = words.next().and_then(|word| word.parse::<u32>().ok()) else {
        return if call.starts_with("running") { Doing::Computing } else { Doing::Other };
    };
    match CALLS.iter().find(|(_, numbers)| numbers.contains(&number)).map(|(call, _)| call) {
        Some(Call::OnFile) => {
            let file =
                words.next().and_then(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
            file.map_or(Doing::Other, |file| kind(process, &file.to_string()))
        }
        Some(Call::Network) => Doing::Network,
        Some(Call::Clock) => Doing::Clock,
        Some(Call::Lock) => Doing::Lock,
        Some(Call::Child) => Doing::Child,
        Some(Call::Events) if sockets(process) > 0 => Doing::Network,
        Some(Call::Events) => Doing::Events,
        None => Doing::Other,
    }
}

/// What an open file is.
fn kind(process: u32, file: &str) -> Doing {
    let Ok(target) = fs::read_link(format!("/proc/{process}/fd/{file}")) else { return Doing::Other };
    match &*target.to_string_lossy() {
        socket if socket.starts_with("socket:") => Doing::Network,
        pipe if pipe.starts_with("pipe:") => Doing::Pipe,
        terminal if terminal.starts_with("/dev/pts/") || terminal.starts_with("/dev/tty") => Doing::Terminal,
        _ => Doing::Disk,
    }
}

/// How many sockets a process has open.
pub(super) fn sockets(process: u32) -> usize {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
