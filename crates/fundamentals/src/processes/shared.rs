//! Memory that several processes see.
//!
//! Linux gives anonymous memory a file descriptor (`memfd_create(2)`). Whoever may look into its owner's `/proc` can open it
//! under its number and map it, and then both have the same bytes in view: no copy, no pipe, and no protection either.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

use lab::{OrProblem, Problem};
use memmap2::MmapRaw;
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::{Deserialize, Serialize};

/// Numbers that several processes see.
#[derive(Debug)]
pub struct SharedNumbers {
    map: MmapRaw,
    file: File,
}

/// Where another process finds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    owner: u32,
    descriptor: i32,
}

impl SharedNumbers {
    /// Makes so many numbers, all 0.
    ///
    /// # Errors
    /// When the system has no memory to share.
    pub fn new(count: usize) -> Result<Self, Problem> {
        let cannot = || "cannot make memory to share";
        let file = File::from(memfd_create("shared numbers", MFdFlags::MFD_CLOEXEC).or_problem(cannot)?);
        file.set_len((count * size_of::<AtomicU64>()) as u64).or_problem(cannot)?;
        Self::map(file)
    }

    /// Opens those of another process.
    ///
    /// # Errors
    /// When they are gone, or may not be seen.
    pub fn open(place: Place) -> Result<Self, Problem> {
        let path = format!("/proc/{}/fd/{}", place.owner, place.descriptor);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        Self::map(file.or_problem(|| format!("cannot open the memory at {path}"))?)
    }

    fn map(file: File) -> Result<Self, Problem> {
        let map = MmapRaw::map_raw(&file).or_problem(|| "cannot map shared memory")?;
        Ok(Self { map, file })
    }

    /// Where another process finds them, as long as these live.
    pub fn place(&self) -> Place {
        Place { owner: std::process::id(), descriptor: self.file.as_raw_fd() }
    }

    /// The numbers.
    pub fn numbers(&self) -> &[AtomicU64] {
        let count = self.map.len() / size_of::<AtomicU64>();
        // SAFETY: the mapping begins at a page, which is aligned for any number; it is as long as `count` numbers, lives as long as
        // `self`, and nobody shortens the file. All bytes are a number. Other processes change it at any time, which is what
        // an atomic allows and a plain integer would not.
        #[allow(unsafe_code, clippy::cast_ptr_alignment)]
        unsafe {
            std::slice::from_raw_parts(self.map.as_ptr().cast::<AtomicU64>(), count)
        }
    }
}

/// A lock between processes: a number in shared memory that is 1 while somebody holds it.
///
/// It spins, which is right for work of a few instructions. A process that dies while it holds the lock leaves it locked:
/// for more than a lesson, take one that the system gives back (`flock(2)`, or a robust mutex).
#[derive(Clone, Copy, Debug)]
pub struct SharedLock<'a>(pub &'a AtomicU64);

impl SharedLock<'_> {
    /// Waits for the lock, does the work with it, and gives it back.
    pub fn hold<R>(self, work: impl FnOnce() -> R) -> R {
        // Acquire sees what the last holder wrote before its release, in whichever process it was.
        while self.0.compare_exchange_weak(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::thread::yield_now();
        }
        let result = work();
        self.0.store(0, Ordering::Release);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_views_of_one_memory_see_what_each_other_writes() {
        let one = SharedNumbers::new(1_000).unwrap();
        let other = SharedNumbers::open(one.place()).unwrap();
        assert!(
            other.numbers().len() >= 1_000
                && other.numbers().iter().all(|number| number.load(Ordering::Relaxed) == 0)
        );
        one.numbers()[999].store(7, Ordering::Relaxed);
        assert_eq!(other.numbers()[999].load(Ordering::Relaxed), 7);
        assert!(SharedNumbers::open(Place { owner: one.place().owner, descriptor: -1 }).is_err());
    }

    #[test]
    fn a_lock_in_shared_memory_keeps_two_threads_apart() {
        let one = SharedNumbers::new(2).unwrap();
        let other = SharedNumbers::open(one.place()).unwrap();
        let count = |view: &SharedNumbers| {
            for _ in 0..2_000 {
                let numbers = view.numbers();
                SharedLock(&numbers[0]).hold(|| {
                    let seen = numbers[1].load(Ordering::Relaxed);
                    numbers[1].store(seen + 1, Ordering::Relaxed);
                });
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| count(&one));
            count(&other);
        });
        assert_eq!(one.numbers()[1].load(Ordering::Relaxed), 4_000);
    }
}
