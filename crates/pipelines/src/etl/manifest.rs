//! What belongs to a lake: the one file that decides.
//!
//! `manifest.json` is one JSON object; README.md beside this file explains its fields. A lake is changed by one rename of
//! its manifest: before it the old files are the lake, after it the new ones are.

use std::fs;
use std::path::Path;

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

/// Reads the manifest of a lake.
///
/// # Errors
/// A file that cannot be read or is none.
pub(super) fn read(path: &Path) -> Result<Manifest, Problem> {
    let text = fs::read(path).or_problem(|| format!("cannot read {}", path.display()))?;
    let manifest = serde_json::from_slice(&text).ok();
    manifest.filter(|manifest: &Manifest| manifest.format == FORMAT).ok_or_else(|| {
        Problem::new("this is no manifest of a lake")
            .at(path.display())
            .expected(format!("a JSON object whose format is `{FORMAT}`"))
            .hint("write to another folder with --out, or remove this one if nothing in it is needed")
    })
}
