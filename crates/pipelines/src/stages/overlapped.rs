//! The three stages at the same time, one worker each.

use std::thread::{self, Scope, ScopedJoinHandle};

use crossbeam_channel::bounded;
use lab::{Lab, OrProblem, Problem};
use tokio::sync::mpsc;

use super::queue::{ROOM, pass_on, take};
use super::{Ingest, Input, Output, Store, stage_output, transform};

/// A thread for each stage, and a bounded channel between each two.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (to_transform, from_ingest) = bounded(ROOM);
    let (to_store, from_transform) = bounded(ROOM);
    stage_output(input, |staged| {
        thread::scope(|scope| {
            // A stage that fails drops its ends of the queues, so its neighbours end too; its problem is the one that counts.
            let ingest = named(scope, "ingest", move || {
                for batch in Ingest::new(&input.files) {
                    lab.stop.check()?;
                    if !pass_on(&to_transform, batch?) {
                        break;
                    }
                }
                Ok(())
            });
            let transforming = named(scope, "transform", move || {
                while let Some(batch) = take(&from_ingest) {
                    if !pass_on(&to_store, transform(&batch)?) {
                        break;
                    }
                }
                Ok(())
            });
            let store = named(scope, "store", move || {
                let mut store = Store::create(staged)?;
                while let Some(batch) = take(&from_transform) {
                    store.write(&batch)?;
                }
                store.finish()
            });
            joined(ingest?)?;
            joined(transforming?)?;
            joined(store?)
        })
    })
}

/// Starts a thread that the timeline shows under this name.
pub(super) fn named<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, Problem> {
    let thread = thread::Builder::new().name(name.into());
    thread.spawn_scoped(scope, work).or_problem(|| "the system has no thread for a stage")
}

/// What a stage's thread returned; a panic goes on in the thread that asks.
pub(super) fn joined<T>(stage: ScopedJoinHandle<'_, T>) -> T {
    stage.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The same three stages as tasks of one event loop. They take turns on one thread: the queues fill and empty, and nothing
/// is gained, because no stage ever waits for anything but another stage.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (to_transform, mut from_ingest) = mpsc::channel(ROOM);
    let (to_store, mut from_transform) = mpsc::channel(ROOM);
    let ingest = async move {
        for batch in Ingest::new(&input.files) {
            lab.stop.check()?;
            if to_transform.send(batch?).await.is_err() {
                break;
            }
        }
        Ok::<_, Problem>(())
    };
    let transforming = async move {
        while let Some(batch) = from_ingest.recv().await {
            if to_store.send(transform(&batch)?).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().or_problem(|| "cannot start an event loop")?;
    stage_output(input, |staged| {
        let store = async {
            let mut store = Store::create(staged)?;
            while let Some(batch) = from_transform.recv().await {
                store.write(&batch)?;
            }
            store.finish()
        };
        let (ingest, transforming, stored) =
            runtime.block_on(futures::future::join3(ingest, transforming, store));
        ingest.and(transforming).and(stored)
    })
}
