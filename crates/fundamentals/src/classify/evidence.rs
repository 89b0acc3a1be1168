//! Running a command and collecting what the kernel counts of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use lab::{OrProblem, Problem, Stop};
use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use serde::Serialize;
use wait4::Wait4;

use super::waits::{self, Doing};
use crate::observe;

/// The pause between two looks. A look at a few threads takes a twentieth of it.
const TICK: Duration = Duration::from_millis(10);

/// How long a command has to notice by itself that it was interrupted: a terminal tells everyone in front of it.
const NOTICE: Duration = Duration::from_millis(300);

/// How long it may then take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a command did with its time.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Evidence {
    /// From start to end, in seconds.
    pub(super) wall_s: f64,
    /// On a processor, in the command's own code, in seconds; children that it waited for are counted in.
    pub(super) user_s: f64,
    /// On a processor, in the kernel, in seconds.
    pub(super) system_s: f64,
    /// Ready, but without a processor, in seconds; sampled.
    pub(super) ready_s: f64,
    /// How often it gave up a processor because it had to wait.
    pub(super) voluntary: u64,
    /// How often the kernel took one away.
    pub(super) involuntary: u64,
    /// Bytes that came from disks, and that are to go there; sampled.
    pub(super) disk_read: u64,
    pub(super) disk_written: u64,
    /// Bytes that its reads and writes moved, from and to anything; sampled.
    pub(super) moved: u64,
    /// Bytes that all programs of the machine sent and received meanwhile.
    pub(super) machine_network: u64,
    /// Waiting for disks as delay accounting counts it, in seconds; `null` where the kernel does not.
    pub(super) disk_delay_s: Option<f64>,
    /// The most processes, threads and sockets at one time; sampled.
    pub(super) processes: usize,
    pub(super) threads: usize,
    pub(super) sockets: usize,
    /// How many looks there were, and how many threads were seen doing what in all of them.
    pub(super) looks: u64,
    pub(super) doing: BTreeMap<Doing, u64>,
    /// The exit code, or the signal that ended it.
    pub(super) code: Option<i32>,
    pub(super) signal: Option<String>,
}

impl Evidence {
    /// Whether it ended by itself and content.
    pub(super) fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// The share of the time in which it computed or would have, had there been a processor: 0 to 1.
    pub(super) fn computing(&self) -> f64 {
        ((self.user_s + self.system_s + self.ready_s) / self.wall_s.max(1e-9)).min(1.0)
    }

    /// What it mostly waited for, and the share of its waiting threads that did.
    pub(super) fn waited_for(&self) -> Option<(Doing, f64)> {
        // A parent that waits for its child, and a thread that waits for another, say nothing of what is waited for in the
        // end, so they count only where there is nothing else.
        let waiting = |inner: bool| {
            self.doing.iter().filter(move |(doing, _)| match doing {
                Doing::Computing => false,
                Doing::Child | Doing::Lock => inner,
                _ => true,
            })
        };
        let pick = |inner| -> Option<(Doing, f64)> {
            let sum: u64 = waiting(inner).map(|(_, count)| count).sum();
            let (doing, count) = waiting(inner).max_by_key(|(_, count)| **count)?;
            Some((*doing, *count as f64 / sum as f64))
        };
        pick(false).or_else(|| pick(true))
    }
}

/// What the looks saw. Counts of processes and threads that are gone stay as they were last seen.
#[derive(Default)]
struct Seen {
    ready_ns: BTreeMap<u32, u64>,
    io: BTreeMap<u32, [u64; 3]>,
    delay_ticks: BTreeMap<u32, u64>,
    evidence: Evidence,
}

impl Seen {
    fn look(&mut self, root: u32) {
        let processes = observe::tree(root);
        let threads = observe::threads(&processes);
        for thread in &threads {
            if let Some(doing) = waits::of(thread.process, thread.thread) {
                *self.evidence.doing.entry(doing).or_default() += 1;
            }
            let file = format!("/proc/{}/task/{}/schedstat", thread.process, thread.thread);
            // The second number: nanoseconds spent in a queue for a processor (Documentation/scheduler/sched-stats).
            let stat = fs::read_to_string(file).unwrap_or_default();
            if let Some(ready) = stat.split_whitespace().nth(1).and_then(|word| word.parse().ok()) {
                self.ready_ns.insert(thread.thread, ready);
            }
        }
        for process in &processes {
            let io = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
            let field = |name: &str| -> u64 {
                let line = io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.and_then(|number| number.parse().ok()).unwrap_or_default()
            };
            if !io.is_empty() {
                let moved = field("rchar") + field("wchar");
                self.io.insert(*process, [field("read_bytes"), field("write_bytes"), moved]);
            }
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
            // Field 42 of proc_pid_stat(5); the first one after the name is field 3.
            if let Some(ticks) = after.split_whitespace().nth(39).and_then(|word| word.parse().ok()) {
                self.delay_ticks.insert(*process, ticks);
            }
        }
        let evidence = &mut self.evidence;
        evidence.looks += 1;
        evidence.processes = evidence.processes.max(processes.len());
        evidence.threads = evidence.threads.max(threads.len());
        evidence.sockets =
            evidence.sockets.max(processes.iter().map(|process| waits::sockets(*process)).sum());
    }

    fn finish(mut self) -> Evidence {
        let io = |at: usize| self.io.values().map(|numbers| numbers[at]).sum();
        (self.evidence.disk_read, self.evidence.disk_written, self.evidence.moved) = (io(0), io(1), io(2));
        self.evidence.ready_s = seconds(Duration::from_nanos(self.ready_ns.values().sum()));
        let accounted =
            fs::read_to_string("/proc/sys/kernel/task_delayacct").is_ok_and(|on| on.trim() == "1");
        // The kernel counts these in hundredths of a second on every system that Rust runs on.
        let ticks = self.delay_ticks.values().sum::<u64>() as f64 / 100.0;
        self.evidence.disk_delay_s = accounted.then_some(ticks);
        self.evidence
    }
}

/// Runs a command to its end and looks at it meanwhile. Its streams are whatever `command` says.
pub(super) fn collect(mut command: Command, stop: &Stop) -> Result<Evidence, Problem> {
    let name = command.get_program().to_string_lossy().into_owned();
    let network = machine_network();
    let started = Instant::now();
    let child = command.spawn().or_problem(|| format!("cannot start {name}"))?;
    let root = child.id();
    thread::scope(|scope| {
        let (over, ended) = bounded::<()>(0);
        let looking = scope.spawn(move || {
            let mut seen = Seen::default();
            let mut asked: Option<Instant> = None;
            let mut told = false;
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                seen.look(root);
                if !stop.asked() {
                    continue;
                }
                let since = asked.get_or_insert_with(Instant::now).elapsed();
                if since >= PATIENCE {
                    signal(root, Signal::SIGKILL);
                } else if since >= NOTICE && !told {
                    signal(root, Signal::SIGINT);
                    told = true;
                }
            }
            seen.finish()
        });
        // Waiting without reaping keeps the number taken, so that the looks and the signals cannot meet a stranger.
        let number = Pid::from_raw(i32::try_from(root).unwrap_or_default());
        while waitid(Id::Pid(number), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
        let wall = started.elapsed();
        drop(over);
        let mut evidence = looking.join().unwrap_or_default();
        let before = switches();
        let used = child.wait4().or_problem(|| format!("cannot wait for {name}"))?;
        let after = switches();
        (evidence.voluntary, evidence.involuntary) = (after.0 - before.0, after.1 - before.1);
        evidence.wall_s = seconds(wall);
        evidence.user_s = seconds(used.rusage.utime);
        evidence.system_s = seconds(used.rusage.stime);
        evidence.machine_network = machine_network().saturating_sub(network);
        evidence.code = used.status.code();
        evidence.signal = used.status.signal().map(|number| {
            Signal::try_from(number).map_or_else(|_| number.to_string(), |signal| signal.to_string())
        });
        Ok(evidence)
    })
}

/// Context switches of all children that were reaped so far: given up, and taken away. What a reaping adds is what the
/// reaped one had, and what those had that it had reaped.
fn switches() -> (u64, u64) {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or((0, 0), |usage| {
        let count = |number: i64| number.unsigned_abs();
        (count(usage.voluntary_context_switches()), count(usage.involuntary_context_switches()))
    })
}

fn signal(root: u32, signal: Signal) {
    // The only error is that it is gone, which is what was wanted.
    let _ = i32::try_from(root).map(|root| kill(Pid::from_raw(root), signal));
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Bytes sent and received on all interfaces of this machine, loopback too.
fn machine_network() -> u64 {
    let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let lines = devices.lines().filter_map(|line| line.split_once(':'));
    let bytes = lines.map(|(_, counts)| {
        let counts: Vec<u64> = counts.split_whitespace().filter_map(|count| count.parse().ok()).collect();
        counts.first().unwrap_or(&0) + counts.get(8).unwrap_or(&0)
    });
    bytes.sum()
}
