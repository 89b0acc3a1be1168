//! What is done is put together, partition by partition, in the order of the plan.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use lab::{Cause, Failure, OrProblem, Problem};
use tabular::row_groups::{Assembler, Encoding};
use tabular::rows::REJECTS_HEADER;

use super::clean::cleaned;
use super::commit::NewLake;
use super::lake::Keys;
use super::manifest::Entry;
use super::revenue::merged;
use super::work::Done;

/// All partitions that are being done.
pub(super) struct Writing<'a> {
    partitions: BTreeMap<usize, Partition>,
    encoding: &'a Encoding,
}

/// A partition of which some pieces are done. Its pieces come one after another, so the files of one partition at most are open.
struct Partition {
    entry: Entry,
    keys: Keys,
    /// How many of its pieces have come.
    come: usize,
    open: Option<Box<Assembler<Hashed>>>,
    orders: Option<Staged>,
    rejects: Option<Hashed>,
    rejected: Option<Staged>,
    failed: Option<Problem>,
}

/// A whole file that waits for its place.
struct Staged {
    path: PathBuf,
    bytes: u64,
    digest: blake3::Hash,
}

/// A file whose length and digest are known when it is written.
struct Hashed {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Hashed {
    fn create(path: PathBuf) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 18, File::create(&path)?);
        Ok(Self { path, file, hasher: blake3::Hasher::new(), bytes: 0 })
    }

    fn finish(mut self) -> io::Result<Staged> {
        self.file.flush()?;
        Ok(Staged { path: self.path, bytes: self.bytes, digest: self.hasher.finalize() })
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

const CANNOT: &str = "cannot write the lake";

impl<'a> Writing<'a> {
    /// Nothing so far.
    pub(super) fn new(encoding: &'a Encoding) -> Self {
        Self { partitions: BTreeMap::new(), encoding }
    }

    /// Waits for the pieces of a partition. One without any is whole already.
    pub(super) fn expect(&mut self, number: usize, entry: Entry, keys: Keys) {
        let partition = Partition {
            entry,
            keys,
            come: 0,
            open: None,
            orders: None,
            rejects: None,
            rejected: None,
            failed: None,
        };
        self.partitions.insert(number, partition);
    }

    /// Takes the next piece of a partition that has so many.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub(super) fn take(
        &mut self,
        number: usize,
        of: usize,
        done: Result<Done, Problem>,
        lake: &NewLake,
    ) -> Result<(), Problem> {
        let Some(partition) = self.partitions.get_mut(&number) else { return Ok(()) };
        partition.come += 1;
        match done {
            Ok(done) if partition.failed.is_none() => {
                let staged = |what: &str| lake.staging.path(format!("{what}-{number}"));
                partition.add(done, &staged("orders"), staged("rejects"), self.encoding)?;
                if partition.come == of {
                    partition.close()?;
                }
            }
            Ok(_) => {}
            Err(problem) => {
                partition.failed.get_or_insert(problem);
            }
        }
        Ok(())
    }

    /// The partitions that were done, whose files wait in the lake for its commit, and those that could not be.
    ///
    /// # Errors
    /// Sums that do not fit.
    pub(super) fn finish(self, lake: &mut NewLake) -> Result<(Vec<Entry>, Vec<Failure>), Problem> {
        let (mut entries, mut failures) = (Vec::new(), Vec::new());
        for partition in self.partitions.into_values() {
            let mut entry = partition.entry;
            if let Some(problem) = partition.failed {
                let task = if entry.partition.is_empty() { "the lake".into() } else { entry.partition };
                failures.push(Failure { task, cause: Cause::Problem(problem) });
                continue;
            }
            // Files of another input have another name: the old ones stay until the manifest names the new ones.
            let place = |folder: &str, ending: &str| {
                let slash = if entry.partition.is_empty() { "" } else { "/" };
                format!("{folder}/{}{slash}part-{}.{ending}", entry.partition, &entry.input[..16])
            };
            let (orders_at, rejects_at) = (place("orders", "parquet"), place("rejects", "csv"));
            entry.orders =
                partition.orders.map(|file| lake.add(file.path, orders_at, file.bytes, file.digest));
            entry.rejects =
                partition.rejected.map(|file| lake.add(file.path, rejects_at, file.bytes, file.digest));
            entry.groups = merged(entry.groups.iter())?;
            entries.push(entry);
        }
        Ok((entries, failures))
    }
}

impl Partition {
    fn add(
        &mut self,
        done: Done,
        orders: &Path,
        rejects: PathBuf,
        encoding: &Encoding,
    ) -> Result<(), Problem> {
        let cannot = || CANNOT;
        self.entry.rows_in += done.rows_in;
        self.entry.rows += done.rows;
        self.entry.rejected += done.rejected;
        self.entry.groups.extend(done.groups);
        if let Some((bytes, digest)) = done.file {
            self.orders = Some(Staged { path: orders.into(), bytes, digest: digest.into() });
        }
        if !done.encoded.0.is_empty() {
            let file = match &mut self.open {
                Some(file) => file,
                empty => {
                    let file = Hashed::create(orders.into()).or_problem(cannot)?;
                    let file = Assembler::new(file, cleaned(&self.keys), encoding).or_problem(cannot)?;
                    empty.insert(Box::new(file))
                }
            };
            file.append(done.encoded.0).or_problem(cannot)?;
        }
        if !done.rejects.0.is_empty() {
            let file = match &mut self.rejects {
                Some(file) => file,
                empty => {
                    let mut file = Hashed::create(rejects).or_problem(cannot)?;
                    file.write_all(REJECTS_HEADER.as_bytes()).or_problem(cannot)?;
                    empty.insert(file)
                }
            };
            file.write_all(&done.rejects.0).or_problem(cannot)?;
        }
        Ok(())
    }

    /// All pieces have come: its files are whole.
    fn close(&mut self) -> Result<(), Problem> {
        if let Some(file) = self.rejects.take() {
            self.rejected = Some(file.finish().or_problem(|| CANNOT)?);
        }
        if let Some(file) = self.open.take() {
            let file = file.finish().or_problem(|| CANNOT)?;
            self.orders = Some(file.finish().or_problem(|| CANNOT)?);
        }
        Ok(())
    }
}
