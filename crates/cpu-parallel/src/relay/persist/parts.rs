//! A folder of Parquet files: one for each commit, and a manifest that names them.
//!
//! A part is written under a hidden name, renamed, and then named in a manifest that replaces the old one by a rename. A
//! process that dies in between leaves a part that no manifest names; it is written again with the same rows under the same
//! name. So also a reader that takes every `*.parquet` of the folder never sees a row twice.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use lab::{Digest, OrProblem, Problem};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use super::{Target, begun_otherwise};

const MANIFEST: &str = "manifest.json";
const UNFINISHED: &str = ".relay-part";
/// How long to wait for the end of a predecessor.
const PREDECESSOR: Duration = Duration::from_secs(5);

/// What is committed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Manifest {
    /// [`super::super::plan::Plan::mark`] of what it was begun from.
    mark: String,
    /// Batches that are in the parts.
    position: u64,
    rows: u64,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    file: String,
    rows: u64,
    bytes: u64,
}

fn manifest(target: &Target) -> Result<Manifest, Problem> {
    let path = target.path.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Manifest { mark: target.mark.clone(), ..Manifest::default() });
        }
        Err(error) => return Err(Problem::because("cannot read the manifest", &error).at(path.display())),
    };
    let manifest: Manifest = serde_json::from_slice(&text)
        .or_problem(|| format!("{} is no manifest of a relay", path.display()))?;
    if manifest.mark == target.mark { Ok(manifest) } else { Err(begun_otherwise(target)) }
}

pub(super) fn position(target: &Target) -> Result<u64, Problem> {
    manifest(target).map(|manifest| manifest.position)
}

pub(super) fn bytes(target: &Target) -> u64 {
    manifest(target).map_or(0, |manifest| manifest.parts.iter().map(|part| part.bytes).sum())
}

pub(super) fn digest(target: &Target, digest: &mut Digest) -> Result<(), Problem> {
    digest.add_file(&target.path.join(MANIFEST))?;
    manifest(target)?.parts.iter().try_for_each(|part| digest.add_file(&target.path.join(&part.file)))
}

/// The folder, open for one writer.
pub(super) struct Parts {
    folder: PathBuf,
    columns: SchemaRef,
    durable: bool,
    manifest: Manifest,
    /// The part that is being written.
    part: Option<ArrowWriter<File>>,
    part_rows: u64,
    _lock: File,
}

impl Parts {
    pub(super) fn open(target: &Target, columns: &SchemaRef) -> Result<(Self, u64), Problem> {
        let folder = target.path.clone();
        let lock = hold(&folder)?;
        // Only now: a predecessor may have committed until its end.
        let manifest = manifest(target)?;
        let position = manifest.position;
        let (columns, durable) = (columns.clone(), target.durable);
        Ok((Self { folder, columns, durable, manifest, part: None, part_rows: 0, _lock: lock }, position))
    }

    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<(), Problem> {
        let cannot = || format!("cannot write to {}", self.folder.display());
        let part = match &mut self.part {
            Some(part) => part,
            none => {
                let file = File::create(self.folder.join(UNFINISHED)).or_problem(cannot)?;
                let settings = Some(settings(&self.columns));
                none.insert(ArrowWriter::try_new(file, self.columns.clone(), settings).or_problem(cannot)?)
            }
        };
        self.part_rows += rows.num_rows() as u64;
        part.write(rows).or_problem(cannot)
    }

    pub(super) fn commit(&mut self, position: u64) -> Result<(), Problem> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let cannot = || format!("cannot write to {}", self.folder.display());
        let name = format!("part-{:06}.parquet", self.manifest.parts.len());
        let rows = std::mem::take(&mut self.part_rows);
        let file = part.into_inner().or_problem(cannot)?;
        if self.durable {
            file.sync_all().or_problem(cannot)?;
        }
        let bytes = file.metadata().or_problem(cannot)?.len();
        drop(file);
        fs::rename(self.folder.join(UNFINISHED), self.folder.join(&name)).or_problem(cannot)?;
        self.manifest.parts.push(Part { file: name, rows, bytes });
        self.manifest.rows += rows;
        self.manifest.position = position;
        self.write_manifest().or_problem(cannot)
    }

    fn write_manifest(&self) -> io::Result<()> {
        let beside = self.folder.join(format!(".{MANIFEST}"));
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(&self.manifest)?)?;
        if self.durable {
            file.sync_all()?;
        }
        fs::rename(&beside, self.folder.join(MANIFEST))?;
        if self.durable { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(UNFINISHED));
    }
}

/// Locks the folder, which is made if it is not there; the system gives the lock back when its owner dies.
///
/// A file for it would have to stay for ever: once it is removed, one writer waits for what has no name any longer, and the
/// next one makes a new one. Even the folder may have been removed and made again while it was waited for.
fn hold(folder: &Path) -> Result<File, Problem> {
    let cannot = || format!("cannot write to {}", folder.display());
    let until = Instant::now() + PREDECESSOR;
    loop {
        fs::create_dir_all(folder).or_problem(cannot)?;
        let lock = File::open(folder).or_problem(cannot)?;
        let free = !matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
        let held = lock.metadata().or_problem(cannot)?;
        if free && fs::metadata(folder).is_ok_and(|there| there.ino() == held.ino()) {
            return Ok(lock);
        }
        if Instant::now() >= until {
            return Err(Problem::new(format!("another relay writes to {}", folder.display())));
        }
        // A pause between two looks: the predecessor needs the processor to end.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Numbers are stored plainly, because keys and sums do not repeat; texts by a dictionary.
fn settings(columns: &SchemaRef) -> WriterProperties {
    let numbers = columns.fields().iter().filter(|field| !matches!(field.data_type(), DataType::Utf8));
    let settings = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(1 << 20));
    numbers
        .fold(settings, |settings, field| {
            settings.set_column_dictionary_enabled(ColumnPath::from(field.name().as_str()), false)
        })
        .build()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use arrow_schema::Schema;

    use super::*;

    #[test]
    fn a_third_writer_waits_for_the_second_one_which_waited_for_the_first() {
        let folder = tempfile::TempDir::new().unwrap();
        let target = Target {
            path: folder.path().join("out"),
            table: String::new(),
            durable: false,
            mark: "one".into(),
        };
        let open = || {
            let target = target.clone();
            let opened = thread::spawn(move || Parts::open(&target, &Schema::empty().into()).unwrap().0);
            // sleep: whoever need not wait has it by now, and whoever must is waiting.
            thread::sleep(Duration::from_millis(100));
            opened
        };
        let first = open().join().unwrap();
        let second = open();
        drop(first);
        let second = second.join().unwrap();
        let third = open();
        assert!(!third.is_finished());
        drop(second);
        third.join().unwrap();
    }
}
