//! What this machine can do at the most, measured: the lines that no program of ours will cross.
//!
//! Each limit is the best of a few rounds, because a limit is what is possible and not what is usual.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::out::Staging;
use crate::problem::{OrProblem, Problem};
use crate::stop::Stop;

const ROUNDS: usize = 3;
const MIB: usize = 1 << 20;
/// A piece that is read, written or sent at once.
const PIECE: usize = MIB;
/// Round trips through the loopback device.
const TRIPS: usize = 200;
/// A peer of ours on the loopback device that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(10);

/// Limits in bytes a second, and one in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory copied by all cores at once; each copied byte is read and written and counts twice, as in STREAM.
    pub memory: f64,
    /// A file read that is in the page cache, by one thread.
    pub page_cache_read: f64,
    /// A file written and brought to the disk, by one thread.
    pub disk_write: f64,
    /// Bytes through one connection of the loopback device.
    pub loopback: f64,
    /// A byte there and a byte back through the loopback device, in nanoseconds: the median.
    pub loopback_trip_ns: u64,
}

impl Limits {
    /// Measures all limits, with files of `mebibytes` in a hidden folder below `scratch` that is gone afterwards.
    ///
    /// # Errors
    /// A folder that cannot be written to, no loopback device, an interruption.
    pub fn measure(scratch: &Path, mebibytes: usize, cores: usize, stop: &Stop) -> Result<Self, Problem> {
        fs::create_dir_all(scratch).or_problem(|| format!("cannot make {}", scratch.display()))?;
        let folder = Staging::within(scratch)?;
        let file = folder.path("limit");
        let cannot = || format!("cannot measure the disk's limits in {}", scratch.display());
        stop.check()?;
        let memory = best(|| Ok(copy_memory(mebibytes, cores)))?;
        stop.check()?;
        let disk_write = best(|| write_file(&file, mebibytes).or_problem(cannot))?;
        stop.check()?;
        let page_cache_read = best(|| read_file(&file).or_problem(cannot))?;
        stop.check()?;
        let (loopback, loopback_trip_ns) =
            loopback(mebibytes).or_problem(|| "cannot measure the loopback device")?;
        Ok(Self { memory, page_cache_read, disk_write, loopback, loopback_trip_ns })
    }

    /// The four rates with their names, in a fixed order.
    pub fn rates(&self) -> [(&'static str, f64); 4] {
        [
            ("memory", self.memory),
            ("page cache", self.page_cache_read),
            ("disk write", self.disk_write),
            ("loopback", self.loopback),
        ]
    }
}

fn best(mut round: impl FnMut() -> Result<f64, Problem>) -> Result<f64, Problem> {
    (0..ROUNDS).try_fold(0.0_f64, |best, _| Ok(best.max(round()?)))
}

fn rate(bytes: usize, started: Instant) -> f64 {
    bytes as f64 / started.elapsed().as_secs_f64().max(1e-9)
}

fn copy_memory(mebibytes: usize, cores: usize) -> f64 {
    let mut pairs: Vec<_> =
        (0..cores).map(|_| (vec![1_u8; mebibytes * MIB], vec![2_u8; mebibytes * MIB])).collect();
    let started = Instant::now();
    thread::scope(|scope| {
        for (from, to) in &mut pairs {
            scope.spawn(move || black_box(to).copy_from_slice(black_box(from)));
        }
    });
    rate(2 * cores * mebibytes * MIB, started)
}

fn write_file(path: &Path, mebibytes: usize) -> std::io::Result<f64> {
    let piece = vec![7_u8; PIECE];
    let started = Instant::now();
    let mut file = File::create(path)?;
    for _ in 0..mebibytes {
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    Ok(rate(mebibytes * MIB, started))
}

fn read_file(path: &Path) -> std::io::Result<f64> {
    let mut piece = vec![0_u8; PIECE];
    let started = Instant::now();
    let (mut file, mut bytes) = (File::open(path)?, 0);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(rate(bytes, started)),
            length => bytes += length,
        }
    }
}

/// Sends `mebibytes` to a thread of ours that reads them, and then single bytes back and forth.
fn loopback(mebibytes: usize) -> std::io::Result<(f64, u64)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sending = TcpStream::connect(listener.local_addr()?)?;
    let (mut receiving, _) = listener.accept()?;
    for stream in [&sending, &receiving] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
    }
    thread::scope(|scope| {
        let echoing = scope.spawn(move || -> std::io::Result<()> {
            let mut piece = vec![0_u8; PIECE];
            for _ in 0..mebibytes {
                receiving.read_exact(&mut piece)?;
            }
            for _ in 0..=TRIPS {
                receiving.write_all(&[1])?;
                receiving.read_exact(&mut piece[..1])?;
            }
            Ok(())
        });
        let mut byte = [0_u8];
        let piece = vec![7_u8; PIECE];
        let started = Instant::now();
        for _ in 0..mebibytes {
            sending.write_all(&piece)?;
        }
        sending.read_exact(&mut byte)?;
        let rate = rate(mebibytes * MIB, started);
        let mut trips = Vec::with_capacity(TRIPS);
        for _ in 0..TRIPS {
            let started = Instant::now();
            sending.write_all(&byte)?;
            sending.read_exact(&mut byte)?;
            trips.push(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        sending.write_all(&byte)?;
        echoing.join().map_err(|_| std::io::Error::other("the echo is gone"))??;
        Ok((rate, super::stats::median(&trips).unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_a_rate_that_a_machine_can_have_and_no_file_is_left() {
        let scratch = tempfile::tempdir().unwrap();
        let limits = Limits::measure(scratch.path(), 2, 2, &Stop::new()).unwrap();
        for (name, rate) in limits.rates() {
            assert!((1e6..1e13).contains(&rate), "{name}: {rate}");
        }
        assert!((500..1_000_000_000).contains(&limits.loopback_trip_ns), "{limits:?}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
}
