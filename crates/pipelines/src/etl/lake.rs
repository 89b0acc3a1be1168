//! Which partitions and files a lake has.

use std::fs;
use std::path::{Path, PathBuf};

use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};

/// What the name of a partition says about each of its orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) year: Option<i32>,
    pub(super) month: Option<u8>,
    pub(super) uf: Option<String>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    /// CSV.
    Csv,
    /// Parquet.
    Parquet,
}

/// A file of a lake.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Source {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Where it is in the lake, with `/`: what is told of it does not depend on where the lake is.
    pub(super) name: String,
    pub(super) form: Form,
    pub(super) bytes: u64,
}

/// The files of one folder.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// The folder in the lake: `year=2024/month=3/uf=SP`; empty for the lake's own.
    pub(super) name: String,
    pub(super) keys: Keys,
    pub(super) files: Vec<Source>,
}

/// The partitions of a lake, sorted by their names; what begins with `.` or `_` is not part of it.
///
/// # Errors
/// A folder that cannot be read, a name whose value cannot be, or no file at all.
pub(super) fn find(lake: &Path) -> Result<Vec<Partition>, Problem> {
    let mut found = Vec::new();
    if lake.is_dir() {
        walk(lake, "", &Keys::default(), &mut found)?;
    } else {
        let files: Vec<Source> = source(lake, "")?.into_iter().collect();
        found.push(Partition { name: String::new(), keys: Keys::default(), files });
    }
    found.retain(|partition| !partition.files.is_empty());
    found.sort_by(|one, other| one.name.cmp(&other.name));
    if found.is_empty() {
        return Err(Problem::new("there is nothing in the lake")
            .at(lake.display())
            .expected(".csv or .parquet files, in folders such as year=2024/month=3/uf=SP or in none"));
    }
    Ok(found)
}

fn walk(folder: &Path, name: &str, keys: &Keys, found: &mut Vec<Partition>) -> Result<(), Problem> {
    let cannot = || format!("cannot list {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).or_problem(cannot)? {
        let entry = entry.or_problem(cannot)?;
        let own = entry.file_name();
        let Some(own) = own.to_str().filter(|own| !own.starts_with(['.', '_'])) else { continue };
        let path = entry.path();
        if path.is_dir() {
            let below = if name.is_empty() { own.to_owned() } else { format!("{name}/{own}") };
            let keys = keys.with(own).map_err(|problem| problem.at(path.display()))?;
            walk(&path, &below, &keys, found)?;
        } else {
            files.extend(source(&path, name)?);
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    found.push(Partition { name: name.into(), keys: keys.clone(), files });
    Ok(())
}

/// A file that has orders; `None` for any other.
fn source(path: &Path, folder: &str) -> Result<Option<Source>, Problem> {
    let form = match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Form::Csv,
        Some("parquet") => Form::Parquet,
        _ => return Ok(None),
    };
    let own = path.file_name().unwrap_or_default().to_string_lossy();
    let name = if folder.is_empty() { own.into_owned() } else { format!("{folder}/{own}") };
    let bytes = path.metadata().or_problem(|| format!("cannot read {}", path.display()))?.len();
    Ok(Some(Source { path: path.into(), name, form, bytes }))
}

impl Keys {
    /// These and what one more folder says. A folder of another key only has a name.
    fn with(&self, folder: &str) -> Result<Self, Problem> {
        let mut keys = self.clone();
        let Some((key, value)) = folder.split_once('=') else { return Ok(keys) };
        let wrong = |expected| Problem::new(format!("`{folder}` is no partition")).expected(expected);
        match key {
            "year" => keys.year = Some(value.parse().map_err(|_| wrong("a year such as year=2024"))?),
            "month" => {
                let month = value.parse().ok().filter(|month| (1..=12).contains(month));
                keys.month = Some(month.ok_or_else(|| wrong("a month from month=1 to month=12"))?);
            }
            "uf" => keys.uf = Some(value.into()),
            _ => {}
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_partitions_and_hidden_things_are_none() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["year=2024/month=3/uf=SP/b.csv", "year=2024/month=3/uf=SP/a.parquet", "c.csv"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        for name in ["_SUCCESS", ".hidden.csv", "manifest.json"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let found = find(folder.path()).unwrap();
        let names: Vec<_> = found.iter().map(|partition| partition.name.as_str()).collect();
        assert_eq!(names, ["", "year=2024/month=3/uf=SP"]);
        assert_eq!(found[1].keys, Keys { year: Some(2024), month: Some(3), uf: Some("SP".into()) });
        let files: Vec<_> = found[1].files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(files, ["year=2024/month=3/uf=SP/a.parquet", "year=2024/month=3/uf=SP/b.csv"]);
    }

    #[test]
    fn a_month_that_is_none_is_named_with_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("month=13")).unwrap();
        let problem = find(folder.path()).unwrap_err().to_string();
        assert!(problem.contains("`month=13` is no partition") && problem.contains("month=12"), "{problem}");
    }
}
