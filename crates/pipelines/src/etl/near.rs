//! Where the input can be read: it is where it is, or is fetched from an object store to a folder that goes with the run.

use std::path::{Path, PathBuf};

use lab::out::Staging;
use lab::{Problem, Stop};

use super::Input;
use super::commit::is_remote;
use super::remote::Remote;

/// The input on this machine.
pub(super) struct Near {
    pub(super) lake: PathBuf,
    pub(super) customers: Vec<PathBuf>,
    _fetched: Option<Staging>,
}

impl Near {
    /// The input, of which what is far away is fetched.
    ///
    /// # Errors
    /// A store that does not give it, or that the run is to end.
    pub(super) fn of(input: &Input, stop: &Stop) -> Result<Self, Problem> {
        let far = is_remote(&input.lake) || input.customers.iter().any(|path| is_remote(path));
        let staging = if far { Some(Staging::within(&std::env::temp_dir())?) } else { None };
        let near = |path: &Path, name: &str| match &staging {
            Some(staging) if is_remote(path) => fetched(path, &staging.path(name), stop),
            _ => Ok(vec![path.to_path_buf()]),
        };
        let lake = if is_remote(&input.lake) {
            near(&input.lake, "orders")?;
            staging.as_ref().map_or_else(PathBuf::new, |staging| staging.path("orders"))
        } else {
            input.lake.clone()
        };
        let mut customers = Vec::new();
        for path in &input.customers {
            customers.extend(near(path, "customers")?);
        }
        Ok(Self { lake, customers, _fetched: staging })
    }
}

/// Fetches what has rows, and tells where it is now.
fn fetched(from: &Path, to: &Path, stop: &Stop) -> Result<Vec<PathBuf>, Problem> {
    let url = from.to_string_lossy();
    let remote = Remote::open(&url)?;
    let is_data = |name: &String| {
        let path = Path::new(name);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let hidden = name.split('/').any(|part| part.starts_with(['.', '_']));
        matches!(ending, Some("csv" | "parquet")) && !hidden
    };
    let mut names: Vec<String> = remote.list()?.into_keys().filter(is_data).collect();
    names.sort();
    if names.is_empty() {
        return Err(Problem::new("there is nothing in the object store")
            .at(url)
            .expected(".csv or .parquet objects whose names begin so"));
    }
    remote.fetch(&names, to, stop)?;
    Ok(names.iter().map(|name| to.join(name)).collect())
}
