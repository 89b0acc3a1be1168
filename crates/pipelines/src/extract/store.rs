//! What was extracted so far, on disk: so that a run that was killed goes on, and the next one takes only what is new.
//!
//! With `--state FILE` there are two files. `FILE.ndjson` has the records, each once, in the order of the pages. `FILE` is
//! one JSON object, written beside its place and renamed:
//!
//! | field | what it is |
//! |---|---|
//! | `format` | `paralelo extract state 1` |
//! | `url` | the address as the user gave it; a state belongs to one collection |
//! | `walk` | how the collection is paged |
//! | `key` | the field that tells records apart; null for the whole record |
//! | `place` | the first page that is still to be fetched, from 0; after a whole run, the last one if it was not full |
//! | `next` | its address, where each page tells the next one's |
//! | `bytes` | how long `FILE.ndjson` was; what is behind it is cut off and fetched again |
//! | `limit` | the server's limit, once it is known |

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lab::out::{Staging, publish};
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

use super::Limit;
use super::page::key_of;
use super::walk::Walk;

const FORMAT: &str = "paralelo extract state 1";

/// The content of a state file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    format: String,
    url: String,
    pub(super) walk: Option<Walk>,
    pub(super) key: Option<String>,
    pub(super) place: u64,
    pub(super) next: Option<String>,
    bytes: u64,
    pub(super) limit: Option<Limit>,
}

/// The records, and where the run is.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) state: State,
    path: Option<PathBuf>,
    /// Holds the records of a run that keeps no state.
    pub(super) staging: Option<Staging>,
    pub(super) records_path: PathBuf,
    records: BufWriter<File>,
    /// The keys of all records: 16 bytes each.
    seen: HashSet<u128>,
}

impl Store {
    /// Opens what an earlier run left, or begins anew; without a path, in a folder that goes with the run.
    ///
    /// # Errors
    /// Files that cannot be opened, or that belong to something else.
    pub(super) fn open(path: Option<&Path>, url: &str, beside: Option<&Path>) -> Result<Self, Problem> {
        let mut state = State { format: FORMAT.into(), url: url.into(), ..State::default() };
        let (records_path, staging) = match (path, beside) {
            (Some(path), _) => (path.with_added_extension("ndjson"), None),
            (None, beside) => {
                let staging = match beside {
                    Some(out) => Staging::beside(out)?,
                    None => Staging::within(&std::env::temp_dir())?,
                };
                (staging.path("records.ndjson"), Some(staging))
            }
        };
        if let Some(path) = path.filter(|path| path.exists()) {
            state = read(path, url)?;
        }
        let cannot = || format!("cannot open {}", records_path.display());
        let mut open = OpenOptions::new();
        let file = open
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&records_path)
            .or_problem(cannot)?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(Problem::new("another run is at work with this state").at(records_path.display()));
        }
        file.set_len(state.bytes).or_problem(cannot)?;
        let mut seen = HashSet::new();
        for line in BufReader::new(&file).lines() {
            seen.insert(hash(key_of(&line.or_problem(cannot)?, state.key.as_deref())));
        }
        let mut records = BufWriter::with_capacity(1 << 18, file);
        records.seek(SeekFrom::End(0)).or_problem(cannot)?;
        Ok(Self { state, path: path.map(Path::to_owned), staging, records_path, records, seen })
    }

    /// How many records there are.
    pub(super) fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    /// How many bytes they are.
    pub(super) fn bytes(&self) -> u64 {
        self.state.bytes
    }

    /// Whether none of these records is new.
    pub(super) fn knows_all(&self, lines: &[String]) -> bool {
        lines.iter().all(|line| self.seen.contains(&hash(key_of(line, self.state.key.as_deref()))))
    }

    /// Adds those that are new.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub(super) fn add(&mut self, lines: &[String]) -> Result<(), Problem> {
        for line in lines {
            if self.seen.insert(hash(key_of(line, self.state.key.as_deref()))) {
                let written =
                    self.records.write_all(line.as_bytes()).and_then(|()| self.records.write_all(b"\n"));
                written.or_problem(|| format!("cannot write {}", self.records_path.display()))?;
                self.state.bytes += line.len() as u64 + 1;
            }
        }
        Ok(())
    }

    /// Begins anew.
    ///
    /// # Errors
    /// A file that cannot be cut off.
    pub(super) fn clear(&mut self) -> Result<(), Problem> {
        let cannot = || "cannot begin the table anew";
        self.records.seek(SeekFrom::Start(0)).or_problem(cannot)?;
        self.records.get_ref().set_len(0).or_problem(cannot)?;
        (self.state.bytes, self.state.place) = (0, 0);
        self.seen.clear();
        Ok(())
    }

    /// Keeps where the run is.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub(super) fn save(&mut self) -> Result<(), Problem> {
        let cannot = || "cannot keep what was extracted";
        self.records.flush().or_problem(cannot)?;
        let Some(path) = &self.path else { return Ok(()) };
        self.records.get_ref().sync_data().or_problem(cannot)?;
        let staging = Staging::beside(path)?;
        let staged = staging.path("state");
        fs::write(&staged, serde_json::to_vec(&self.state).or_problem(cannot)?).or_problem(cannot)?;
        publish(&staged, path)
    }
}

/// A key as 16 bytes: a short one is itself, behind its length; a longer one is its BLAKE3, with a length that none of the
/// others has.
fn hash(key: &str) -> u128 {
    let mut first = [0; 16];
    if key.len() < first.len() {
        first[0] = u8::try_from(key.len()).unwrap_or_default();
        first[1..=key.len()].copy_from_slice(key.as_bytes());
    } else {
        first[1..].copy_from_slice(&blake3::hash(key.as_bytes()).as_bytes()[..15]);
        first[0] = u8::MAX;
    }
    u128::from_le_bytes(first)
}

fn read(path: &Path, url: &str) -> Result<State, Problem> {
    let text = fs::read(path).or_problem(|| format!("cannot read {}", path.display()))?;
    let state: Option<State> =
        serde_json::from_slice(&text).ok().filter(|state: &State| state.format == FORMAT);
    let Some(state) = state else {
        return Err(Problem::new("this file is no state of an extraction")
            .at(path.display())
            .expected(format!("a new file, or a JSON object whose format is `{FORMAT}`"))
            .hint("use another file, or remove this one if nothing in it is needed"));
    };
    if state.url != url {
        return Err(Problem::new("this state belongs to another collection")
            .at(path.display())
            .expected(fetch::Target::show(&state.url))
            .hint("each collection needs a --state of its own"));
    }
    Ok(state)
}
