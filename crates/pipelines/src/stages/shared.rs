//! The stages at the same time, with several workers for the one in the middle.

use std::collections::BTreeMap;
use std::thread;

use arrow_array::RecordBatch;
use lab::{Lab, Problem};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::overlapped::{joined, named};
use super::queue::queue;
use super::{Hours, Ingest, Input, Output, Shared, Store, finish, stage_hours, stage_output, transform};

/// A thread that ingests, one that stores, and a pool of `lab.workers` between them. Batches are numbered, and the storing
/// thread puts them back in order: it holds those that came too early, at most as many as the queues and the pool hold.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (to_transform, from_ingest, before_transform) =
        queue::<(usize, RecordBatch)>("queue before transform");
    let (to_store, from_transform, before_store) = queue::<(usize, RecordBatch)>("queue before store");
    let [ingest_wait, transform_wait, store_wait] = input.waits;
    stage_output(input, |staged| {
        thread::scope(|scope| {
            let ingest = named(scope, "ingest", move || {
                let (mut hours, mut ingest) = (Hours::default(), Ingest::new(&input.files));
                let mut number = 0;
                while let Some(batch) = hours.make(ingest_wait, || ingest.next()) {
                    lab.stop.check()?;
                    if !to_transform.pass_on((number, batch?), &mut hours) {
                        break;
                    }
                    number += 1;
                }
                Ok(hours)
            });
            let transforming: Vec<_> = (0..lab.workers)
                .map(|number| {
                    let (from_ingest, to_store) = (from_ingest.clone(), to_store.clone());
                    named(scope, &format!("transform {number}"), move || {
                        let mut hours = Hours::default();
                        while let Some((number, batch)) = from_ingest.take(&mut hours) {
                            let batch = hours.work(transform_wait, || transform(&batch))?;
                            if !to_store.pass_on((number, batch), &mut hours) {
                                break;
                            }
                        }
                        Ok(hours)
                    })
                })
                .collect();
            // The workers hold the only other ends: when they are done, the queues end.
            drop((from_ingest, to_store));
            let stored = named(scope, "store", move || {
                let (mut hours, mut store) = (Hours::default(), Store::create(staged)?);
                let mut early = BTreeMap::new();
                let mut next = 0;
                while let Some((number, batch)) = from_transform.take(&mut hours) {
                    early.insert(number, batch);
                    while let Some(batch) = early.remove(&next) {
                        hours.work(store_wait, || store.write(&batch))?;
                        next += 1;
                    }
                }
                Ok((finish(store)?, hours))
            });
            let ingesting = joined(ingest?)?;
            let workers: Result<Vec<Hours>, Problem> =
                transforming.into_iter().map(|worker| joined(worker?)).collect();
            let ((stored, end), storing) = joined(stored?)?;
            let hours = [ingesting, workers?.into_iter().sum(), storing];
            let queues = [&before_transform, &before_store].map(|gauge| Some(gauge.finish()));
            Ok((stored, stage_hours([1, lab.workers, 1], hours, queues), Shared::Nothing, end))
        })
    })
}

/// Windows of batches, a step of the pipeline at a time: while one window is being transformed by whoever is idle, the next
/// one is being read and the last one stored.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let workers = rayon::ThreadPoolBuilder::new()
        .num_threads(lab.workers)
        .thread_name(|number| format!("rayon {number}"));
    let window = lab.workers * 2;
    let [ingest_wait, transform_wait, store_wait] = input.waits;
    stage_output(input, |staged| {
        let mut store = Store::create(staged)?;
        let mut ingest = Ingest::new(&input.files);
        let [mut ingesting, mut transforming, mut storing] = [Hours::default(); 3];
        let one = |batch: &RecordBatch| {
            let mut hours = Hours::default();
            hours.work(transform_wait, || transform(batch)).map(|batch| (batch, hours))
        };
        let steps = |pool: &rayon::ThreadPool| {
            pool.install(|| {
                let mut read: Vec<RecordBatch> = Vec::new();
                let mut done: Vec<RecordBatch> = Vec::new();
                loop {
                    lab.stop.check()?;
                    let (next, (transformed, stored)) = rayon::join(
                        || {
                            let batches =
                                std::iter::from_fn(|| ingesting.make(ingest_wait, || ingest.next()));
                            batches.take(window).collect::<Result<Vec<_>, _>>()
                        },
                        || {
                            rayon::join(
                                || read.par_iter().map(one).collect::<Result<Vec<_>, _>>(),
                                || {
                                    done.iter()
                                        .try_for_each(|batch| storing.work(store_wait, || store.write(batch)))
                                },
                            )
                        },
                    );
                    stored?;
                    let (batches, hours): (Vec<_>, Vec<Hours>) = transformed?.into_iter().unzip();
                    transforming = std::iter::once(transforming).chain(hours).sum();
                    (read, done) = (next?, batches);
                    if read.is_empty() && done.is_empty() {
                        return Ok(());
                    }
                }
            })
        };
        let outcome: Result<Result<(), Problem>, _> = workers.build_scoped(rayon::ThreadBuilder::run, steps);
        outcome.map_err(|error| Problem::because("the system has no threads for the pool", &error))??;
        let (stored, end) = finish(store)?;
        let stages = stage_hours([1, lab.workers, 1], [ingesting, transforming, storing], [None; 2]);
        Ok((stored, stages, Shared::Pool(lab.workers), end))
    })
}
