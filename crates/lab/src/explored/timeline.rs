//! Threads that record and end while somebody collects.

use std::sync::Arc;

use shuttle::thread;

use super::buffers::Buffers;
use super::explore;
use crate::timeline::{Kept, Slice, State};

fn slice(number: u64) -> Kept {
    let (lane, name, label) = ("another".into(), "task".into(), number.to_string());
    Slice { lane, state: State::Running, name, label, start_ns: number, end_ns: number }.into()
}

/// Threads that record `slices` each and end, while they are collected `looks` times, and once more at the end.
fn check(threads: u64, slices: u64, looks: usize) {
    explore(move || {
        let buffers = Arc::new(Buffers::new());
        let record = |_| {
            let buffers = Arc::clone(&buffers);
            thread::spawn(move || {
                let mine = buffers.open("pool");
                (0..slices).for_each(|number| mine.keep(slice(number)));
            })
        };
        let recording: Vec<_> = (0..threads).map(record).collect();
        let mut found: Vec<Slice> = (0..looks).flat_map(|_| buffers.drain()).collect();
        recording.into_iter().for_each(|thread| thread.join().unwrap());
        found.extend(buffers.drain());
        assert_eq!(
            found.len() as u64,
            threads * slices,
            "nothing is lost and nothing comes twice: {found:?}"
        );
        assert!(buffers.drain().is_empty(), "what was collected is forgotten");
    });
}

#[test]
fn what_threads_record_is_collected_once_also_of_those_that_end_meanwhile() {
    check(2, 2, 2);
    check(1, 1, 3);
}

#[test]
fn threads_of_one_name_that_live_at_one_time_have_lanes_of_their_own() {
    explore(|| {
        let buffers = Arc::new(Buffers::new());
        let open = |_| {
            let buffers = Arc::clone(&buffers);
            thread::spawn(move || buffers.open("pool"))
        };
        let threads: Vec<_> = (0..3).map(open).collect();
        let opened: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let mut lanes: Vec<&str> = opened.iter().map(|buffer| &*buffer.lane).collect();
        lanes.sort_unstable();
        assert_eq!(lanes, ["pool", "pool #2", "pool #3"]);
    });
}
