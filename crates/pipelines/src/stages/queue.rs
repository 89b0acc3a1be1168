//! Bounded queues between stages that show in the timeline when a stage is held up.

use crossbeam_channel::{Receiver, Sender, TrySendError};
use lab::span;

/// Batches that may wait between two stages: one to work on while the next arrives, and some to even out their paces.
pub(super) const ROOM: usize = 4;

/// Passes an item on; `false` once the other side is gone. While the queue is full, the sender is blocked: that is the
/// back-pressure of the stage behind.
pub(super) fn pass_on<T>(to: &Sender<T>, item: T) -> bool {
    match to.try_send(item) {
        Ok(()) => true,
        Err(TrySendError::Disconnected(_)) => false,
        Err(TrySendError::Full(item)) => {
            let _span = span!(Blocked, "queue is full", "").entered();
            to.send(item).is_ok()
        }
    }
}

/// Takes the next item; `None` once the other side is gone and the queue is empty.
pub(super) fn take<T>(from: &Receiver<T>) -> Option<T> {
    from.try_recv().ok().or_else(|| {
        let _span = span!(Waiting, "queue is empty", "").entered();
        from.recv().ok()
    })
}
