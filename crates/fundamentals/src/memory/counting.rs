//! A counting allocator: the system's, and a count of what is held.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Whether anything is counted. Off in every process but the children that ask for it, so that the others pay a load and a
/// branch for each allocation and nothing else.
static ON: AtomicBool = AtomicBool::new(false);
/// Bytes allocated since counting began, less those given back.
static HELD: AtomicI64 = AtomicI64::new(0);
/// How often memory was asked for since counting began.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, and a count of what is held. The program's `main.rs` installs it; it counts only in a
/// child that has asked for it.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

impl Counting {
    /// Counts from now on, in the whole process.
    pub(super) fn start() {
        HELD.store(0, Ordering::Relaxed);
        ASKED.store(0, Ordering::Relaxed);
        ON.store(true, Ordering::Relaxed);
    }

    /// Bytes held at this moment, of what was allocated since counting began. Less than nothing where more was given back.
    pub(super) fn held() -> i64 {
        HELD.load(Ordering::Relaxed)
    }

    /// How often memory was asked for since counting began.
    pub(super) fn asked() -> u64 {
        ASKED.load(Ordering::Relaxed)
    }

    /// Counts a change of what is held. The three numbers guard nothing and order nothing, and whoever reads them has made
    /// the changes on the same thread, so relaxed is enough.
    fn count(by: usize, sign: i64, asked: u64) {
        if ON.load(Ordering::Relaxed) {
            HELD.fetch_add(sign * i64::try_from(by).unwrap_or(i64::MAX), Ordering::Relaxed);
            ASKED.fetch_add(asked, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is passed to the system's allocator as it came, and what that returns is returned as it is; the counting
// beside it touches atomics only, so it neither allocates nor unwinds.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 1, 1);
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`, which are the same for `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        Self::count(layout.size(), -1, 0);
        // SAFETY: `at` came from `System` through the functions here, with this layout.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 1, 1);
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(layout.size(), -1, 0);
        Self::count(size, 1, 1);
        // SAFETY: as for `dealloc`, and the caller vouches for the new size.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code, reason = "an allocator is asked as the language asks it")]
    fn what_is_held_is_counted_and_memory_is_the_systems() {
        // It is no test's allocator, so nobody else changes the numbers.
        Counting::start();
        let (small, large) =
            (Layout::from_size_align(100, 8).unwrap(), Layout::from_size_align(300, 8).unwrap());
        // SAFETY: each place is used within its layout, and given back once with the layout that it has then.
        unsafe {
            let zeros = Counting.alloc_zeroed(small);
            assert!((0..100).all(|at| *zeros.add(at) == 0));
            *zeros.add(99) = 7;
            let grown = Counting.realloc(zeros, small, 300);
            assert_eq!(*grown.add(99), 7);
            let other = Counting.alloc(small);
            other.write_bytes(1, 100);
            assert_eq!((Counting::held(), Counting::asked()), (400, 3));
            Counting.dealloc(grown, large);
            Counting.dealloc(other, small);
        }
        assert_eq!(Counting::held(), 0);
        ON.store(false, Ordering::Relaxed);
    }
}
