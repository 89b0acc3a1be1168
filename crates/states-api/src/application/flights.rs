//! Single flight: whoever wants what is being fetched already waits for that, and nobody fetches it twice.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The fetches that are under way, by what they fetch.
///
/// Each is a task of its own, so that it goes on when the client who was the first to want it goes away. The tasks end
/// with [`Flights::close`].
#[derive(Debug)]
pub(super) struct Flights<K, V> {
    /// One entry for each task. Locked for a look-up and an insertion, never while anybody waits.
    open: Mutex<HashMap<K, Landing<V>>>,
    tasks: TaskTracker,
    close: CancellationToken,
    /// The runtime in which the flights were made. A request may come from another one, which serves connections alone.
    home: Option<Handle>,
}

/// How a flight is waited for.
#[derive(Debug)]
pub(super) struct Landing<V>(watch::Receiver<Option<V>>);

impl<V> Clone for Landing<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Clone> Landing<V> {
    /// What it brought; nothing if it was called off.
    pub(super) async fn wait(mut self) -> Option<V> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl<K, V> Flights<K, V> {
    pub(super) fn new() -> Self {
        let home = Handle::try_current().ok();
        Self { open: Mutex::default(), tasks: TaskTracker::new(), close: CancellationToken::new(), home }
    }

    /// How many are under way.
    pub(super) fn count(&self) -> usize {
        self.open.lock().len()
    }

    /// Starts another task of the same owner, which ends by itself when `close` is asked for.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.home {
            Some(home) => self.tasks.spawn_on(task, home),
            None => self.tasks.spawn(task),
        };
    }

    /// Asked for when all tasks are to end.
    pub(super) fn closing(&self) -> CancellationToken {
        self.close.clone()
    }

    /// Calls everything off and waits until it has ended.
    pub(super) async fn close(&self) {
        self.close.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl<K, V> Flights<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Joins the flight of `key`, or starts one. `owner` leads back to these flights from within the task, which takes
    /// itself off the list when it has landed; by then its value must be where the next one looks before it starts another.
    pub(super) fn join<O, F>(&self, key: K, owner: &O, start: impl FnOnce(O) -> F) -> Landing<V>
    where
        O: Clone + AsRef<Self> + Send + 'static,
        F: Future<Output = V> + Send + 'static,
    {
        let mut open = self.open.lock();
        if let Some(landing) = open.get(&key) {
            return landing.clone();
        }
        let (land, landing) = watch::channel(None);
        open.insert(key, Landing(landing.clone()));
        drop(open);
        // Taken off the list however the task ends, also by a panic.
        let entry = Entry { key, owner: owner.clone(), list: std::marker::PhantomData };
        let (flight, close) = (start(owner.clone()), self.close.clone());
        self.spawn(async move {
            let landed = close.run_until_cancelled(flight).await;
            drop(entry);
            if let Some(value) = landed {
                let _ = land.send(Some(value));
            }
        });
        Landing(landing)
    }
}

struct Entry<K: Copy + Eq + Hash, V, O: AsRef<Flights<K, V>>> {
    key: K,
    owner: O,
    list: std::marker::PhantomData<fn() -> V>,
}

impl<K: Copy + Eq + Hash, V, O: AsRef<Flights<K, V>>> Drop for Entry<K, V, O> {
    fn drop(&mut self) {
        self.owner.as_ref().open.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use tokio::sync::Notify;

    use super::*;

    #[derive(Clone)]
    struct Owner(Arc<Flights<u8, u32>>);

    impl AsRef<Flights<u8, u32>> for Owner {
        fn as_ref(&self) -> &Flights<u8, u32> {
            &self.0
        }
    }

    #[tokio::test]
    async fn who_comes_while_it_is_fetched_waits_for_that() {
        let owner = Owner(Arc::new(Flights::new()));
        let (count, go) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let join = |key| {
            let (count, go) = (Arc::clone(&count), Arc::clone(&go));
            owner.0.join(key, &owner, |_| async move {
                go.notified().await;
                count.fetch_add(1, Relaxed) + 1
            })
        };
        let landings: Vec<_> = (0..10).map(|_| join(1)).collect();
        assert_eq!(owner.0.count(), 1);
        go.notify_waiters();
        go.notify_one();
        for landing in landings {
            assert_eq!(landing.wait().await, Some(1));
        }
        assert_eq!(owner.0.count(), 0);
        go.notify_one();
        assert_eq!(join(1).wait().await, Some(2));
    }

    #[tokio::test]
    async fn what_panics_or_is_called_off_leaves_nobody_waiting() {
        let owner = Owner(Arc::new(Flights::new()));
        let panics = owner.0.join(1, &owner, |_| async { panic!("on purpose") });
        assert_eq!(panics.wait().await, None);
        let hangs = owner.0.join(2, &owner, |_| std::future::pending());
        owner.0.close().await;
        assert_eq!((hangs.wait().await, owner.0.count()), (None, 0));
    }
}
