//! The one way to ask work to end early.
//!
//! Whoever works looks at a [`Stop`] between two steps that take no longer than a moment; whoever wants the work to end
//! calls [`Stop::now`]. Ctrl-C, the end of a process's standard input (its parent is gone) and `--fail-fast` all arrive
//! through it, so that no piece of work needs to know why it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use crate::problem::{OrProblem, Problem};

/// A request to stop, shared by everyone who works on the same thing. Cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Wakes those who wait in async code. Asking it takes a lock, so those who only look do not.
    token: CancellationToken,
    flag: Arc<Flag>,
}

#[derive(Debug, Default)]
struct Flag {
    asked: AtomicBool,
    parent: Option<Arc<Flag>>,
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop that follows `self`, and that can be asked for without asking `self`.
    #[must_use]
    pub fn child(&self) -> Self {
        let flag = Flag { asked: AtomicBool::new(false), parent: Some(Arc::clone(&self.flag)) };
        Self { token: self.token.child_token(), flag: Arc::new(flag) }
    }

    /// Asks everyone who holds this stop, or a child of it, to end.
    pub fn now(&self) {
        // The flag carries no data with it: whoever sees it late does one step more.
        self.flag.asked.store(true, Ordering::Relaxed);
        self.token.cancel();
    }

    /// Whether the work should end. Costs an atomic load for this stop and for each one that it follows.
    pub fn asked(&self) -> bool {
        let mut flag = Some(&self.flag);
        while let Some(this) = flag {
            if this.asked.load(Ordering::Relaxed) {
                return true;
            }
            flag = this.parent.as_ref();
        }
        false
    }

    /// Waits, in async code, until the work should end.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// `Ok` while the work may go on.
    ///
    /// # Errors
    /// The problem "interrupted" once a stop was asked for.
    pub fn check(&self) -> Result<(), Problem> {
        if self.asked() { Err(Problem::new("interrupted")) } else { Ok(()) }
    }

    /// Makes Ctrl-C and SIGTERM ask for this stop. A second Ctrl-C ends the process at once with exit code 130.
    ///
    /// # Errors
    /// When the process already has a handler or the system refuses one.
    pub fn on_ctrl_c(&self) -> Result<(), Problem> {
        let stop = self.clone();
        ctrlc::set_handler(move || {
            if stop.asked() {
                std::process::exit(130);
            }
            stop.now();
        })
        .or_problem(|| "cannot listen for Ctrl-C")
    }

    /// Makes the end of standard input ask for this stop: whoever started this program is gone, or wants it to end. The
    /// thread that reads lives as long as the program, because nothing else can end its read.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn on_stdin_end(&self) -> Result<(), Problem> {
        let stop = self.clone();
        let reading = move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            stop.now();
        };
        let thread = std::thread::Builder::new().name("lifeline".into()).spawn(reading);
        thread.map(drop).or_problem(|| "cannot start the thread that watches standard input")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_follows_its_parent_but_not_the_other_way_round() {
        let parent = Stop::new();
        let (one, two) = (parent.child(), parent.child());
        one.now();
        assert!(one.asked() && !two.asked() && !parent.asked());
        parent.now();
        assert!(two.asked());
        assert_eq!(two.check(), Err(Problem::new("interrupted")));
    }
}
