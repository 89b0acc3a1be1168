//! File descriptors: what many open connections use up first.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the program itself holds beside its connections: streams, log file, event loops, the files it reads and writes.
const OWN: u64 = 32;

/// How many connections this process may hold open at once.
///
/// The soft limit of open files is raised to the hard one first: it is low for the sake of programs that use `select`,
/// which this one does not.
pub fn room() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let limit = if raised { hard } else { soft };
    usize::try_from(limit.saturating_sub(OWN).max(1)).unwrap_or(usize::MAX)
}
