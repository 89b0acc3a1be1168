//! What the kernel tells about running threads, looked at again and again.
//!
//! Wall-clock time says how long work took, and on a busy machine it says little else. The kernel also knows for each thread
//! whether it *could* run at this moment: state `R` of `/proc/PID/task/TID/stat` means that it runs or waits for a
//! processor, everything else that it waits for something. How many threads are in state `R` at the same time is how
//! parallel a program is by itself, however many processors are free. Linux only; elsewhere a film has no frames.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use lab::timeline::{self, Slice, State};

use crate::measured::Measured;

/// The pause between two looks: short beside the 5 ms for which `CPython` lets a thread keep its lock, and long beside the
/// look itself.
const TICK: Duration = Duration::from_millis(1);

/// Into so many parts a film is cut for its median.
const PARTS: usize = 8;

/// One thread at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The process's number.
    pub(crate) process: u32,
    /// The thread's number.
    pub(crate) thread: u32,
    /// Whether it runs or could run if a processor were free.
    pub(crate) runnable: bool,
}

/// What was seen while work went on.
#[derive(Debug, Default)]
pub(crate) struct Film {
    frames: Vec<(u64, Vec<Seen>)>,
}

impl Film {
    /// Looks until something arrives on `until`, or until nobody can send there any more, and returns what arrived.
    pub(crate) fn until<T>(until: &Receiver<T>, look: impl Fn() -> Vec<Seen>) -> (Self, Option<T>) {
        let mut film = Self::default();
        loop {
            match until.recv_timeout(TICK) {
                Ok(arrived) => return (film, Some(arrived)),
                Err(RecvTimeoutError::Disconnected) => return (film, None),
                Err(RecvTimeoutError::Timeout) => film.frames.push((timeline::now(), look())),
            }
        }
    }

    /// How many threads were runnable at the same time, on average, while there were at least so many: the median over the
    /// parts of the film. Before all of them have started and after the first has ended there is nothing to see.
    pub(crate) fn at_once(&self, all: usize) -> Option<Measured> {
        let counts: Vec<f64> = self
            .frames
            .iter()
            .filter(|(_, seen)| seen.len() >= all)
            .map(|(_, seen)| seen.iter().filter(|seen| seen.runnable).count() as f64)
            .collect();
        let parts: Vec<f64> = counts
            .chunks(counts.len().div_ceil(PARTS).max(1))
            .map(|part| part.iter().sum::<f64>() / part.len() as f64)
            .collect();
        (parts.len() >= 3).then(|| Measured::median(&parts))
    }

    /// The film as lanes, one for each thread that ever ran; between its runs it was in the state `otherwise`.
    pub(crate) fn slices(&self, name: &str, otherwise: State) -> Vec<Slice> {
        let mut lanes: BTreeMap<(u32, u32), Vec<(u64, bool)>> = BTreeMap::new();
        for (at, seen) in &self.frames {
            for seen in seen {
                lanes.entry((seen.process, seen.thread)).or_default().push((*at, seen.runnable));
            }
        }
        lanes.retain(|_, looks| looks.iter().filter(|(_, runnable)| *runnable).count() > looks.len() / 10);
        let mut slices = Vec::new();
        for (number, looks) in lanes.values().enumerate() {
            for (here, next) in looks.iter().zip(looks.iter().skip(1)) {
                slices.push(Slice {
                    lane: format!("{name} {}", number + 1),
                    state: if here.1 { State::Running } else { otherwise },
                    name: name.to_owned(),
                    label: String::new(),
                    start_ns: here.0,
                    end_ns: next.0,
                });
            }
        }
        slices
    }
}

/// The numbers of a process and of all below it, itself first.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        for thread in numbers(&format!("/proc/{}/task", found[at])) {
            let children = fs::read_to_string(format!("/proc/{}/task/{thread}/children", found[at]));
            let children = children.unwrap_or_default();
            let children = children.split_whitespace().filter_map(|number| number.parse().ok());
            let new: Vec<u32> = children.filter(|child| !found.contains(child)).collect();
            found.extend(new);
        }
        at += 1;
    }
    found
}

/// All threads of these processes.
pub(crate) fn threads(processes: &[u32]) -> Vec<Seen> {
    let of = |process: &u32| {
        let process = *process;
        let threads = numbers(&format!("/proc/{process}/task")).into_iter();
        threads.filter_map(move |thread| see(process, thread))
    };
    processes.iter().flat_map(of).collect()
}

/// The threads of this process whose names begin like this.
pub(crate) fn own_threads(prefix: &str) -> Vec<Seen> {
    let process = std::process::id();
    let named = |thread: &u32| {
        let name = fs::read_to_string(format!("/proc/self/task/{thread}/comm"));
        name.is_ok_and(|name| name.starts_with(prefix))
    };
    let threads = numbers("/proc/self/task").into_iter().filter(named);
    threads.filter_map(|thread| see(process, thread)).collect()
}

fn see(process: u32, thread: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok()?;
    // The name in the second field may itself hold spaces and brackets; the state comes after the last one.
    let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
    // What has ended and was not yet waited for is no thread any longer.
    (!matches!(state, 'Z' | 'X')).then_some(Seen { process, thread, runnable: state == 'R' })
}

/// The entries of a folder that are numbers.
fn numbers(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
