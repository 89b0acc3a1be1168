//! The files that a user means.

use std::path::{Path, PathBuf};

use crate::context::Lab;
use crate::job::{Cause, Failure};
use crate::problem::{OrProblem, Problem};

impl Lab {
    /// The files that `patterns` mean, each once, in the order given and sorted within a pattern: a file, a folder (its files with this
    /// extension), or a glob. Without patterns, the lab's own data set `own`.
    ///
    /// # Errors
    /// A pattern that means nothing; the hint says how the lab's own data is made.
    pub fn inputs(&self, patterns: &[String], own: &str, extension: &str) -> Result<Vec<PathBuf>, Problem> {
        if patterns.is_empty() {
            return self.own_inputs(own, extension);
        }
        let mut all = Vec::new();
        for pattern in patterns {
            all.extend(found_by(pattern, extension)?);
        }
        Ok(each_once(all))
    }

    /// The files that `patterns` mean, as [`Self::inputs`] finds them, and a failure for each pattern that finds none: an input
    /// that is missing costs itself only.
    ///
    /// # Errors
    /// The first failure, where no pattern finds a file.
    pub fn inputs_that_exist(
        &self,
        patterns: &[String],
        own: &str,
        extension: &str,
    ) -> Result<(Vec<PathBuf>, Vec<Failure>), Problem> {
        if patterns.is_empty() {
            return Ok((self.own_inputs(own, extension)?, Vec::new()));
        }
        let mut all = Vec::new();
        let mut missing = Vec::new();
        for pattern in patterns {
            match found_by(pattern, extension) {
                Ok(files) => all.extend(files),
                Err(problem) => {
                    missing.push(Failure { task: pattern.clone(), cause: Cause::Problem(problem) });
                }
            }
        }
        match missing.first() {
            Some(Failure { cause: Cause::Problem(problem), .. }) if all.is_empty() => Err(problem.clone()),
            _ => Ok((each_once(all), missing)),
        }
    }

    fn own_inputs(&self, own: &str, extension: &str) -> Result<Vec<PathBuf>, Problem> {
        let files = in_folder(&self.raw(own), extension)?;
        let make = format!("`cargo xtask data --scale {}` makes the lab's own data", self.scale.name());
        let empty =
            || Problem::new(format!("the lab has no {own} yet")).at(self.raw(own).display()).hint(make);
        if files.is_empty() { Err(empty()) } else { Ok(files) }
    }
}

fn each_once(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// What a pattern means, which is at least one file.
fn found_by(pattern: &str, extension: &str) -> Result<Vec<PathBuf>, Problem> {
    let files = meant_by(pattern, extension)?;
    if files.is_empty() {
        return Err(Problem::new(format!("`{pattern}` means no file")).expected(format!(
            "a file, a folder with .{extension} files, or a pattern such as 'in/*.{extension}'"
        )));
    }
    Ok(files)
}

fn meant_by(pattern: &str, extension: &str) -> Result<Vec<PathBuf>, Problem> {
    let path = Path::new(pattern);
    if path.is_dir() {
        return in_folder(path, extension);
    }
    if path.exists() {
        return Ok(vec![path.into()]);
    }
    let found = glob::glob(pattern).or_problem(|| format!("`{pattern}` is no pattern"))?;
    found.collect::<Result<_, _>>().or_problem(|| format!("cannot look for `{pattern}`"))
}

/// The folder's files with this extension, sorted; none where there is no such folder.
fn in_folder(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Problem> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let cannot = || format!("cannot list {}", folder.display());
    let entries =
        std::fs::read_dir(folder).or_problem(cannot)?.collect::<Result<Vec<_>, _>>().or_problem(cannot)?;
    let wanted = |path: &PathBuf| path.is_file() && path.extension().is_some_and(|found| found == extension);
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(wanted).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    #[test]
    fn a_file_a_folder_and_a_pattern_mean_files_in_a_stable_order_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let lab = Lab::new(1);
        let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let names = |patterns: &[String]| -> Vec<String> {
            let files = lab.inputs(patterns, "none", "csv").unwrap();
            files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(&[at("")]), ["a.csv", "b.csv"]);
        assert_eq!(names(&[at("c.txt"), at("*.csv"), at("a.csv")]), ["c.txt", "a.csv", "b.csv"]);
        assert!(lab.inputs(&[at("none*")], "none", "csv").unwrap_err().to_string().contains("means no file"));
    }

    #[test]
    fn an_input_that_is_missing_costs_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "").unwrap();
        let lab = Lab::new(1);
        let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let (files, missing) = lab.inputs_that_exist(&[at("no.csv"), at("a.csv")], "none", "csv").unwrap();
        assert_eq!((files.len(), missing.len()), (1, 1));
        assert_eq!(missing[0].task, at("no.csv"));
        assert!(lab.inputs_that_exist(&[at("no.csv")], "none", "csv").is_err());
    }

    #[test]
    fn without_the_labs_own_data_the_hint_says_how_to_make_it() {
        let mut lab = Lab::new(1);
        lab.home = Home::at("/nowhere");
        assert!(
            lab.inputs(&[], "orders-csv", "csv")
                .unwrap_err()
                .to_string()
                .contains("cargo xtask data --scale small")
        );
    }
}
