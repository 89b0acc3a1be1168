//! What belongs to a lake: the one file that decides.
//!
//! `manifest.json` is one JSON object; README.md beside this file explains its fields. A lake is changed by one rename of
//! its manifest: before it the old files are the lake, after it the new ones are.

use std::fs;
use std::path::{Component, Path};

use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

use super::revenue::{Group, merged};

/// The value of the field `format`.
pub(super) const FORMAT: &str = "paralelo lake 1";
/// The manifest's name.
pub(super) const NAME: &str = "manifest.json";

/// The content of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: String,
    /// Digest of the table that the orders were joined with.
    pub(super) customers: String,
    pub(super) rows_in: u64,
    pub(super) rows: u64,
    pub(super) rejected: u64,
    pub(super) revenue: Option<Written>,
    pub(super) partitions: Vec<Entry>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) partition: String,
    /// What decides whether it has changed.
    pub(super) input: String,
    pub(super) files: Vec<InputFile>,
    pub(super) rows_in: u64,
    pub(super) rows: u64,
    pub(super) rejected: u64,
    pub(super) orders: Option<Written>,
    pub(super) rejects: Option<Written>,
    pub(super) groups: Vec<Group>,
}

/// A file that a partition was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InputFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) digest: String,
}

/// A file of the lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) digest: String,
}

impl Manifest {
    pub(super) fn new(customers: String) -> Self {
        Self { format: FORMAT.into(), customers, ..Self::default() }
    }

    /// The groups of all partitions.
    ///
    /// # Errors
    /// A sum that does not fit 64 bits.
    pub(super) fn groups(&self) -> Result<Vec<Group>, Problem> {
        merged(self.partitions.iter().flat_map(|entry| &entry.groups))
    }

    /// All files of the lake.
    pub(super) fn written(&self) -> impl Iterator<Item = &Written> {
        let partitions = self.partitions.iter().flat_map(|entry| entry.orders.iter().chain(&entry.rejects));
        partitions.chain(&self.revenue)
    }
}

/// Whether a path stays where it is looked up. A manifest comes from where the lake is, and that may be somebody else's.
fn stays_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Reads the manifest of a lake.
///
/// # Errors
/// A file that cannot be read or is none, and one that names a file that is not in its lake.
pub(super) fn read(path: &Path) -> Result<Manifest, Problem> {
    let text = fs::read(path).or_problem(|| format!("cannot read {}", path.display()))?;
    let manifest = serde_json::from_slice(&text).ok();
    let manifest = manifest.filter(|manifest: &Manifest| manifest.format == FORMAT).ok_or_else(|| {
        Problem::new("this is no manifest of a lake")
            .at(path.display())
            .expected(format!("a JSON object whose format is `{FORMAT}`"))
            .hint("write to another folder with --out, or remove this one if nothing in it is needed")
    })?;
    if let Some(file) = manifest.written().find(|file| !stays_inside(&file.path)) {
        return Err(Problem::new(format!("the manifest names `{}`, which is not in its lake", file.path))
            .at(path.display())
            .hint("somebody has changed it: do not read this lake"));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_leads_out_of_its_lake_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(NAME);
        let read_back = |path: &str| {
            let file = Written { path: path.into(), bytes: 1, digest: String::new() };
            let manifest = Manifest { revenue: Some(file), ..Manifest::new("none".into()) };
            fs::write(&place, serde_json::to_vec(&manifest).unwrap()).unwrap();
            read(&place)
        };
        assert!(read_back("revenue-1.parquet").is_ok() && read_back("orders/uf=..%2f../a.parquet").is_ok());
        for path in ["../a", "orders/../../a", "/etc/a", "./a", ""] {
            let problem = read_back(path).unwrap_err().to_string();
            assert!(problem.contains("not in its lake"), "{path}: {problem}");
        }
    }
}
