//! The bounded queues, each behind the same two traits, so that all are used in the same way.

use std::sync::Arc;
use std::sync::mpsc;

use parking_lot::Mutex;

/// The producers' end. A full queue blocks: that is its back-pressure.
pub(super) trait Put: Clone + Send {
    type Item;
    /// `false` once nobody takes any more.
    fn put(&self, item: Self::Item) -> bool;
}

/// The consumers' end.
pub(super) trait Take: Clone + Send {
    type Item;
    /// `None` once every producer is gone and the queue is empty: that is how closing ends everyone.
    fn take(&self) -> Option<Self::Item>;
}

impl<T: Send> Put for mpsc::SyncSender<T> {
    type Item = T;
    fn put(&self, item: T) -> bool {
        self.send(item).is_ok()
    }
}

/// The standard library's queue has one consumer; several share it behind a lock, which is held while one of them waits.
pub(super) struct Shared<T>(pub(super) Arc<Mutex<mpsc::Receiver<T>>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send> Take for Shared<T> {
    type Item = T;
    fn take(&self) -> Option<T> {
        self.0.lock().recv().ok()
    }
}

impl<T: Send> Put for crossbeam_channel::Sender<T> {
    type Item = T;
    fn put(&self, item: T) -> bool {
        self.send(item).is_ok()
    }
}

impl<T: Send> Take for crossbeam_channel::Receiver<T> {
    type Item = T;
    fn take(&self) -> Option<T> {
        self.recv().ok()
    }
}

impl<T: Send> Put for flume::Sender<T> {
    type Item = T;
    fn put(&self, item: T) -> bool {
        self.send(item).is_ok()
    }
}

impl<T: Send> Take for flume::Receiver<T> {
    type Item = T;
    fn take(&self) -> Option<T> {
        self.recv().ok()
    }
}

impl<T: Send> Put for kanal::Sender<T> {
    type Item = T;
    fn put(&self, item: T) -> bool {
        self.send(item).is_ok()
    }
}

impl<T: Send> Take for kanal::Receiver<T> {
    type Item = T;
    fn take(&self) -> Option<T> {
        self.recv().ok()
    }
}
