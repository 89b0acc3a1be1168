//! Where a run is, on disk: so that the next one neither loses an event nor tells an alert twice.
//!
//! A checkpoint is one JSON object, written beside its place and renamed:
//!
//! | field | what it is |
//! |---|---|
//! | `format` | `paralelo alerts checkpoint 1` |
//! | `rules` | the BLAKE3 of the rules; under other rules, what the old ones counted is forgotten |
//! | `files` | for each file: path, device, inode, position, line, and the hashes it is known by (`[bytes, BLAKE3]`) |
//! | `engine` | what the rules have counted |
//! | `out_bytes` | how long `--out` was; what is behind it belongs to a round that was not finished, and is cut off |
//! | `pending` | alerts that are in `--out` already, but that somebody is still to be told of, and who |
//!
//! A round ends in this order: alerts are appended to `--out`, the checkpoint is saved with what is pending, standard output,
//! web hooks and commands are told, and the checkpoint is saved again. So `--out` has every alert exactly once, wherever a
//! run is killed; the others get each at least once, and again only if the run was killed between telling them and saving
//! that. The alert's `id` is then the same.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

use super::engine::{Alert, Engine};
use super::files::Known;

const FORMAT: &str = "paralelo alerts checkpoint 1";

/// The content of a checkpoint.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    format: String,
    rules: String,
    pub(super) files: Vec<Known>,
    pub(super) engine: Engine,
    pub(super) out_bytes: u64,
    pub(super) pending: Vec<Pending>,
}

/// An alert that somebody is still to be told of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) alert: Alert,
    /// Numbers of those who are to be told.
    pub(super) whom: Vec<usize>,
}

/// A checkpoint's place. It is locked: two runs do not go on from the same one at the same time.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// None for a run that keeps nothing.
    path: Option<PathBuf>,
    _lock: Option<File>,
}

impl Checkpoint {
    /// Opens a checkpoint, and reads what it holds.
    ///
    /// # Errors
    /// A file that is no checkpoint, that another run holds, or that cannot be read.
    pub(super) fn open(path: Option<&Path>, rules: &str) -> Result<(Self, State), Problem> {
        let rules = blake3::hash(rules.as_bytes()).to_hex().to_string();
        let fresh = State { format: FORMAT.into(), rules: rules.clone(), ..State::default() };
        let Some(path) = path else { return Ok((Self { path: None, _lock: None }, fresh)) };
        let cannot = || format!("cannot open the checkpoint {}", path.display());
        let beside = path.with_added_extension("lock");
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&beside).or_problem(cannot)?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(Problem::new("another run is at work with this checkpoint")
                .at(path.display())
                .hint("wait until it has ended, or use another file"));
        }
        let state = match fs::read(path) {
            Ok(text) => read(&text, path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => fresh,
            Err(error) => return Err(Problem::because(cannot(), &error)),
        };
        let mut state = state;
        if state.rules != rules {
            tracing::warn!("the rules are others than those of {}: counting begins anew", path.display());
            (state.engine, state.rules) = (Engine::default(), rules);
        }
        Ok((Self { path: Some(path.into()), _lock: Some(lock) }, state))
    }

    /// Whether anything is kept.
    pub(super) fn keeps(&self) -> bool {
        self.path.is_some()
    }

    /// Saves the state, whole or not at all.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub(super) fn save(&self, state: &State) -> Result<(), Problem> {
        let Some(path) = &self.path else { return Ok(()) };
        let cannot = || format!("cannot save the checkpoint {}", path.display());
        let staging = lab::out::Staging::beside(path)?;
        let staged = staging.path("checkpoint");
        let text = serde_json::to_vec(state).or_problem(cannot)?;
        let mut file = File::create(&staged).or_problem(cannot)?;
        file.write_all(&text).and_then(|()| file.sync_data()).or_problem(cannot)?;
        lab::out::publish(&staged, path)
    }
}

fn read(text: &[u8], path: &Path) -> Result<State, Problem> {
    let wrong = || {
        Problem::new("this file is no checkpoint of alerts")
            .at(path.display())
            .expected(format!("a new file, or a JSON object whose format is `{FORMAT}`"))
            .hint("use another file, or remove this one if nothing in it is needed")
    };
    let state: State = serde_json::from_slice(text).map_err(|_| wrong())?;
    if state.format == FORMAT { Ok(state) } else { Err(wrong()) }
}
