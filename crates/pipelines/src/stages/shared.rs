//! The stages at the same time, with several workers for the one in the middle.

use std::collections::BTreeMap;
use std::thread;

use arrow_array::RecordBatch;
use crossbeam_channel::bounded;
use lab::{Lab, Problem};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::overlapped::{joined, named};
use super::queue::{ROOM, pass_on, take};
use super::{Ingest, Input, Output, Store, stage_output, transform};

/// A thread that ingests, one that stores, and a pool of `lab.workers` between them. Batches are numbered, and the storing
/// thread puts them back in order: it holds those that came too early, at most as many as the queues and the pool hold.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (to_transform, from_ingest) = bounded::<(usize, RecordBatch)>(ROOM);
    let (to_store, from_transform) = bounded::<(usize, RecordBatch)>(ROOM);
    stage_output(input, |staged| {
        thread::scope(|scope| {
            let ingest = named(scope, "ingest", move || {
                for (number, batch) in Ingest::new(&input.files).enumerate() {
                    lab.stop.check()?;
                    if !pass_on(&to_transform, (number, batch?)) {
                        break;
                    }
                }
                Ok(())
            });
            let transforming: Vec<_> = (0..lab.workers)
                .map(|number| {
                    let (from_ingest, to_store) = (from_ingest.clone(), to_store.clone());
                    named(scope, &format!("transform {number}"), move || {
                        while let Some((number, batch)) = take(&from_ingest) {
                            if !pass_on(&to_store, (number, transform(&batch)?)) {
                                break;
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            // The workers hold the only other ends: when they are done, the queues end.
            drop((from_ingest, to_store));
            let stored = named(scope, "store", move || {
                let mut store = Store::create(staged)?;
                let mut early = BTreeMap::new();
                let mut next = 0;
                while let Some((number, batch)) = take(&from_transform) {
                    early.insert(number, batch);
                    while let Some(batch) = early.remove(&next) {
                        store.write(&batch)?;
                        next += 1;
                    }
                }
                store.finish()
            });
            joined(ingest?)?;
            transforming.into_iter().try_for_each(|worker| joined(worker?))?;
            joined(stored?)
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
    stage_output(input, |staged| {
        let mut store = Store::create(staged)?;
        let mut ingest = Ingest::new(&input.files);
        let steps = |pool: &rayon::ThreadPool| {
            pool.install(|| {
                let mut read: Vec<RecordBatch> = Vec::new();
                let mut done: Vec<RecordBatch> = Vec::new();
                loop {
                    lab.stop.check()?;
                    let (next, (transformed, stored)) = rayon::join(
                        || ingest.by_ref().take(window).collect::<Result<Vec<_>, _>>(),
                        || {
                            rayon::join(
                                || read.par_iter().map(transform).collect::<Result<Vec<_>, _>>(),
                                || done.iter().try_for_each(|batch| store.write(batch)),
                            )
                        },
                    );
                    stored?;
                    (read, done) = (next?, transformed?);
                    if read.is_empty() && done.is_empty() {
                        return Ok(());
                    }
                }
            })
        };
        let outcome: Result<Result<(), Problem>, _> = workers.build_scoped(rayon::ThreadBuilder::run, steps);
        outcome.map_err(|error| Problem::because("the system has no threads for the pool", &error))??;
        store.finish()
    })
}
