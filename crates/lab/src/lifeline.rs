//! How a process notices that its parent is gone, and goes too.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{getpgrp, getpid};

use crate::stop::Stop;

/// How long a process whose parent is gone may go on with what it has in hand.
const LAST_MOMENT: Duration = Duration::from_millis(300);

/// Called by the thread that reads standard input, when it ends: asks the work to stop, leaves it a moment to clean up,
/// and then ends this process and whatever it started. A process with a lifeline leads a process group of its own.
pub(crate) fn cut(stop: &Stop) -> ! {
    stop.now();
    // Not a wait for something: whoever is done earlier ends the process, and this thread with it.
    thread::sleep(LAST_MOMENT);
    // A process that someone started by hand is in its starter's group, which is none of ours.
    if getpgrp() == getpid() {
        let _ = killpg(getpgrp(), Signal::SIGKILL);
    }
    std::process::exit(1)
}

/// Ends this process soon after its parent: reads `lifeline`, which only the parent can end, on a thread of its own, asks
/// `stop` when it ends, and ends the process a moment later.
///
/// # Errors
/// When the thread cannot be started.
pub fn hold(mut lifeline: impl Read + Send + 'static, stop: Stop) -> io::Result<()> {
    let thread = thread::Builder::new().name("lifeline".into());
    thread
        .spawn(move || {
            while matches!(lifeline.read(&mut [0; 64]), Ok(1..)) {}
            cut(&stop)
        })
        .map(drop)
}
