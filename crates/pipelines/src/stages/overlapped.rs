//! The three stages at the same time, one worker each.

use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use lab::{Lab, OrProblem, Problem};
use tokio::sync::mpsc;

use super::queue::{Gauge, ROOM, queue};
use super::{Hours, Ingest, Input, Output, Shared, Store, finish, stage_hours, stage_output, transform};

/// A thread for each stage, and a bounded queue between each two.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (to_transform, from_ingest, before_transform) = queue("queue before transform");
    let (to_store, from_transform, before_store) = queue("queue before store");
    let [ingest_wait, transform_wait, store_wait] = input.waits;
    stage_output(input, |staged| {
        thread::scope(|scope| {
            // A stage that fails drops its ends of the queues, so its neighbours end too; its problem is the one that counts.
            let ingest = named(scope, "ingest", move || {
                let (mut hours, mut ingest) = (Hours::default(), Ingest::new(&input.files));
                while let Some(batch) = hours.make(ingest_wait, || ingest.next()) {
                    lab.stop.check()?;
                    if !to_transform.pass_on(batch?, &mut hours) {
                        break;
                    }
                }
                Ok(hours)
            });
            let transforming = named(scope, "transform", move || {
                let mut hours = Hours::default();
                while let Some(batch) = from_ingest.take(&mut hours) {
                    let batch = hours.work(transform_wait, || transform(&batch))?;
                    if !to_store.pass_on(batch, &mut hours) {
                        break;
                    }
                }
                Ok(hours)
            });
            let store = named(scope, "store", move || {
                let (mut hours, mut store) = (Hours::default(), Store::create(staged)?);
                while let Some(batch) = from_transform.take(&mut hours) {
                    hours.work(store_wait, || store.write(&batch))?;
                }
                Ok((finish(store)?, hours))
            });
            let (ingesting, transforming) = (joined(ingest?)?, joined(transforming?)?);
            let ((stored, end), storing) = joined(store?)?;
            let queues = [&before_transform, &before_store].map(|gauge| Some(gauge.finish()));
            let stages = stage_hours([1; 3], [ingesting, transforming, storing], queues);
            Ok((stored, stages, Shared::Nothing, end))
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
/// is gained, because no stage ever waits for anything but another stage. Where a stage waits for somebody far away, the
/// others go on.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (to_transform, mut from_ingest) = mpsc::channel(ROOM);
    let (to_store, mut from_transform) = mpsc::channel(ROOM);
    let (before_transform, before_store) =
        (&Gauge::new("queue before transform"), &Gauge::new("queue before store"));
    let [ingest_wait, transform_wait, store_wait] = input.waits;
    let ingest = async move {
        let (mut hours, mut ingest) = (Hours::default(), Ingest::new(&input.files));
        while let Some(batch) = hours.make(Duration::ZERO, || ingest.next()) {
            lab.stop.check()?;
            away(ingest_wait, &mut hours).await;
            let since = Instant::now();
            if to_transform.send(batch?).await.is_err() {
                break;
            }
            hours.held_up += since.elapsed();
            before_transform.moved(1);
        }
        Ok::<_, Problem>(hours)
    };
    let transforming = async move {
        let (mut hours, mut since) = (Hours::default(), Instant::now());
        while let Some(batch) = from_ingest.recv().await {
            hours.starved += since.elapsed();
            before_transform.moved(-1);
            let batch = hours.work(Duration::ZERO, || transform(&batch))?;
            away(transform_wait, &mut hours).await;
            since = Instant::now();
            if to_store.send(batch).await.is_err() {
                break;
            }
            hours.held_up += since.elapsed();
            before_store.moved(1);
            since = Instant::now();
        }
        Ok(hours)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.or_problem(|| "cannot start an event loop")?;
    stage_output(input, |staged| {
        let store = async {
            let (mut hours, mut store) = (Hours::default(), Store::create(staged)?);
            let mut since = Instant::now();
            while let Some(batch) = from_transform.recv().await {
                hours.starved += since.elapsed();
                before_store.moved(-1);
                hours.work(Duration::ZERO, || store.write(&batch))?;
                away(store_wait, &mut hours).await;
                since = Instant::now();
            }
            Ok((finish(store)?, hours))
        };
        let (ingest, transforming, stored) =
            runtime.block_on(futures::future::join3(ingest, transforming, store));
        let (ingesting, transforming, ((stored, end), storing)) = (ingest?, transforming?, stored?);
        let queues = [before_transform, before_store].map(|gauge| Some(gauge.finish()));
        let stages = stage_hours([1; 3], [ingesting, transforming, storing], queues);
        Ok((stored, stages, Shared::Loop, end))
    })
}

/// Waits for somebody far away without holding the thread.
async fn away(wait: Duration, hours: &mut Hours) {
    if !wait.is_zero() {
        let since = Instant::now();
        tokio::time::sleep(wait).await;
        hours.away += since.elapsed();
    }
}
