//! A ring of bytes in memory that two processes share: one writes, one reads, neither copies through the kernel.
//!
//! The writer owns `tail`, the reader owns `head`; both only ever grow, and modulo the capacity, a power of two, they are
//! places in the ring. So `tail - head` bytes are filled, whichever way the numbers have wrapped, and an empty ring and a
//! full one are told apart without a spare byte. A full ring stops the writer: that is the back-pressure. Whoever has
//! nothing to do looks a while, because the other side is usually about to act, and then sleeps on a futex in the same
//! memory, from which the other side wakes it.
//!
//! [`Writer`] and [`Reader`] are [`Write`] and [`Read`], so what travels through a pipe travels through a ring.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use memmap2::MmapRaw;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{Pid, getppid};
use rustix::thread::futex;

/// Where the numbers stand, in bytes. Each has a cache line of its own: the two sides would otherwise take it from each
/// other at every step.
const TAIL: usize = 64;
const HEAD: usize = 128;
const READER_SLEEPS: usize = 192;
const WRITER_SLEEPS: usize = 256;
/// Where the bytes begin: at the second page.
const BYTES: usize = 4_096;
/// How often to look before sleeping: some ten microseconds, about what a sleep and a wake cost together.
const LOOKS: u32 = 2_000;
/// The longest sleep, in nanoseconds, after which a sleeper looks whether its parent still lives.
const NAP_NANOS: i64 = 50_000_000;

/// How many bytes are filled; `None` where the numbers cannot be those of a ring.
fn filled(head: u64, tail: u64, capacity: usize) -> Option<usize> {
    usize::try_from(tail.wrapping_sub(head)).ok().filter(|filled| *filled <= capacity)
}

/// The places of `count` bytes from `position` on: up to the end of the ring, and from its beginning.
fn places(position: u64, count: usize, capacity: usize) -> (Range<usize>, Range<usize>) {
    // The remainder is below the capacity, which is a `usize`.
    let from = usize::try_from(position % capacity as u64).unwrap_or_default();
    let first = count.min(capacity - from);
    (from..from + first, 0..count - first)
}

/// The shared memory of a ring.
pub struct Ring {
    map: MmapRaw,
    file: File,
    capacity: usize,
}

impl Ring {
    /// Makes an empty ring of so many bytes, rounded up to a power of two.
    ///
    /// # Errors
    /// When the system has no memory to share.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let capacity = bytes.max(64).next_power_of_two();
        let file = File::from(memfd_create("relay ring", MFdFlags::MFD_CLOEXEC)?);
        file.set_len((BYTES + capacity) as u64)?;
        Self::open(file)
    }

    /// Opens the ring in this file, which another process may have made.
    ///
    /// # Errors
    /// A file that is no ring.
    pub fn open(file: File) -> io::Result<Self> {
        let map = MmapRaw::map_raw(&file)?;
        let capacity = map.len().saturating_sub(BYTES);
        if !capacity.is_power_of_two() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the shared memory is no ring"));
        }
        Ok(Self { map, file, capacity })
    }

    /// The file of the ring, to be handed to a process that is started.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn file(&self) -> io::Result<OwnedFd> {
        self.file.try_clone().map(OwnedFd::from)
    }

    fn number(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= BYTES);
        // SAFETY: the mapping begins at a page and is longer than `BYTES`, so the place is aligned and inside; it lives as long as
        // `self`, and nobody shortens the file. The other process changes it at any time, which an atomic allows.
        #[allow(unsafe_code, clippy::cast_ptr_alignment)]
        unsafe {
            &*self.map.as_ptr().add(at).cast::<AtomicU64>()
        }
    }

    fn flag(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= BYTES);
        // SAFETY: as for `number`.
        #[allow(unsafe_code, clippy::cast_ptr_alignment)]
        unsafe {
            &*self.map.as_ptr().add(at).cast::<AtomicU32>()
        }
    }

    /// Copies bytes into the ring. Only the writer calls this, and only for places that are free.
    fn put(&self, place: Range<usize>, from: &[u8]) {
        assert!(place.end <= self.capacity && place.len() == from.len());
        // SAFETY: the place is inside of the mapping. The reader does not look at free places, and sees these bytes only after the
        // release of `tail` behind them. `from` is our own memory, so the two do not overlap.
        #[allow(unsafe_code)]
        unsafe {
            let to = self.map.as_mut_ptr().add(BYTES + place.start);
            std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len());
        }
    }

    /// Copies bytes out of the ring. Only the reader calls this, and only for places that are filled.
    fn take(&self, place: Range<usize>, to: &mut [u8]) {
        assert!(place.end <= self.capacity && place.len() == to.len());
        // SAFETY: the place is inside of the mapping. The writer does not touch filled places until it has seen the release of
        // `head` behind them.
        #[allow(unsafe_code)]
        unsafe {
            let from = self.map.as_ptr().add(BYTES + place.start);
            std::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), to.len());
        }
    }
}

/// One side of a ring: its own number, which nobody else changes, and what it last saw of the other's.
struct Side {
    ring: Arc<Ring>,
    own: u64,
    seen: u64,
    parent: Pid,
}

impl Side {
    fn new(ring: Arc<Ring>, own: usize, other: usize) -> Self {
        let (own, seen) =
            (ring.number(own).load(Ordering::Acquire), ring.number(other).load(Ordering::Acquire));
        // Asked only now, the system may name another one already.
        let parent =
            lab::parent().and_then(|parent| i32::try_from(parent).ok()).map_or_else(getppid, Pid::from_raw);
        Self { ring, own, seen, parent }
    }

    /// Publishes `own` and wakes the other side, if it sleeps and `worth` waking.
    fn publish(&self, own: usize, other_sleeps: usize, worth: bool) {
        // Release: who sees the number sees the bytes before it (the writer's), or that they were read (the reader's).
        self.ring.number(own).store(self.own, Ordering::Release);
        // The sleeper sets its flag and then looks at the number; we set the number and then look at the flag. With a fence
        // between the two on both sides, at least one of us sees the other.
        fence(Ordering::SeqCst);
        let flag = self.ring.flag(other_sleeps);
        if worth && flag.load(Ordering::Relaxed) != 0 && flag.swap(0, Ordering::Relaxed) != 0 {
            // The only error is a bad address, which ours is not.
            let _ = futex::wake(flag, futex::Flags::empty(), 1);
        }
    }

    /// Waits until the other side's number is another than the one last seen.
    fn wait(&mut self, other: usize, sleeps: usize) -> io::Result<()> {
        let (number, flag) = (self.ring.number(other), self.ring.flag(sleeps));
        for _ in 0..LOOKS {
            if number.load(Ordering::Acquire) != self.seen {
                break;
            }
            std::hint::spin_loop();
        }
        loop {
            let now = number.load(Ordering::Acquire);
            if now != self.seen {
                self.seen = now;
                return Ok(());
            }
            flag.store(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if number.load(Ordering::Acquire) == self.seen {
                let nap = futex::Timespec { tv_sec: 0, tv_nsec: NAP_NANOS };
                // Woken, timed out, interrupted or too late: in every case the number is looked at again.
                let _ = futex::wait(flag, futex::Flags::empty(), 1, Some(&nap));
            }
            flag.store(0, Ordering::Relaxed);
            if getppid() != self.parent {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the parent is gone"));
            }
        }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the ring is damaged: more is filled than it holds")
}

/// The writing end.
pub struct Writer(Side);

impl Writer {
    /// The writing end of a ring; a ring has one.
    pub fn new(ring: Arc<Ring>) -> Self {
        Self(Side::new(ring, TAIL, HEAD))
    }
}

impl Write for Writer {
    /// Writes what there is room for; waits while there is none.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let side = &mut self.0;
        let capacity = side.ring.capacity;
        let free = |side: &Side| {
            filled(side.seen, side.own, capacity).map(|filled| capacity - filled).ok_or_else(damaged)
        };
        if free(side)? < bytes.len() {
            side.seen = side.ring.number(HEAD).load(Ordering::Acquire);
        }
        while free(side)? == 0 && !bytes.is_empty() {
            side.wait(HEAD, WRITER_SLEEPS)?;
        }
        let count = free(side)?.min(bytes.len());
        let (end, beginning) = places(side.own, count, capacity);
        let (first, rest) = bytes[..count].split_at(end.len());
        side.ring.put(end, first);
        side.ring.put(beginning, rest);
        side.own = side.own.wrapping_add(count as u64);
        side.publish(TAIL, READER_SLEEPS, true);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reading end.
pub struct Reader(Side);

impl Reader {
    /// The reading end of a ring; a ring has one.
    pub fn new(ring: Arc<Ring>) -> Self {
        Self(Side::new(ring, HEAD, TAIL))
    }
}

impl Read for Reader {
    /// Reads what is there; waits while there is nothing. A ring has no end: what travels through it says when it is over.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let side = &mut self.0;
        let capacity = side.ring.capacity;
        let there = |side: &Side| filled(side.own, side.seen, capacity).ok_or_else(damaged);
        if there(side)? < bytes.len() {
            side.seen = side.ring.number(TAIL).load(Ordering::Acquire);
        }
        while there(side)? == 0 && !bytes.is_empty() {
            side.wait(TAIL, READER_SLEEPS)?;
        }
        let count = there(side)?.min(bytes.len());
        let (end, beginning) = places(side.own, count, capacity);
        let (first, rest) = bytes[..count].split_at_mut(end.len());
        side.ring.take(end, first);
        side.ring.take(beginning, rest);
        side.own = side.own.wrapping_add(count as u64);
        // A writer that is woken for a few bytes would be asleep again after them: it is woken when half of the ring is
        // free. It cannot be forgotten, because a reader that waits has emptied the ring.
        let half_free = there(side)? <= capacity / 2;
        side.publish(HEAD, WRITER_SLEEPS, half_free);
        Ok(count)
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
