//! How a process notices that its parent is gone, and goes too.

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
    std::thread::sleep(LAST_MOMENT);
    // A process that someone started by hand is in its starter's group, which is none of ours.
    if getpgrp() == getpid() {
        let _ = killpg(getpgrp(), Signal::SIGKILL);
    }
    std::process::exit(1)
}
