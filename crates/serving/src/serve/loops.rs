//! Event loops, each on a thread of its own, that connections are dealt out to.
//!
//! The usual runtime of several threads lets any thread take any connection's work: good for work of uneven size, and paid
//! for with each request. It is not fair either: what does not fit into a thread's own short queue waits in a common one,
//! which is looked at rarely. With a thousand busy connections the slowest answer in a hundred took five times as long as
//! the middle one. Here a connection stays where it began, and each loop serves its own in turn: it takes three times as
//! long.

use std::thread::{Builder, JoinHandle};

use tokio::runtime::{self, Handle};
use tokio_util::sync::CancellationToken;

use super::ServeError;

/// The loops. Dropping them ends what still runs on them, and their threads.
#[derive(Debug, Default)]
pub struct Loops {
    handles: Vec<Handle>,
    threads: Vec<JoinHandle<()>>,
    end: CancellationToken,
}

impl Loops {
    /// Starts so many. None at all means that the caller's runtime serves.
    ///
    /// # Errors
    /// [`ServeError::Start`] when the system refuses a thread or what an event loop needs.
    pub fn start(count: usize) -> Result<Self, ServeError> {
        let mut loops = Self::default();
        for number in 1..=count {
            let event_loop =
                runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
            loops.handles.push(event_loop.handle().clone());
            let end = loops.end.clone();
            let thread = Builder::new().name(format!("serve-{number}"));
            let thread = thread.spawn(move || event_loop.block_on(end.cancelled()));
            loops.threads.push(thread.map_err(ServeError::Start)?);
        }
        Ok(loops)
    }

    /// The loop for the connection of this number.
    pub(super) fn of(&self, connection: usize) -> Option<&Handle> {
        self.handles.get(connection.checked_rem(self.handles.len())?)
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        self.end.cancel();
        for thread in self.threads.drain(..) {
            // A loop that panicked has said so already.
            let _ = thread.join();
        }
    }
}
