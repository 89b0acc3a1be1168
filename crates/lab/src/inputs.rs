//! The files that a user means.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::content::Content;
use crate::context::Lab;
use crate::problem::{OrProblem, Problem};

impl Lab {
    /// The files that `patterns` mean, each once, in the order given and sorted within a pattern: a file, a folder (its files with this
    /// extension), or a glob. Without patterns, the lab's own data set `own`.
    ///
    /// A pattern that means no file costs itself only: it is noted as a failure of the run, and the files of the others are
    /// used.
    ///
    /// # Errors
    /// Patterns none of which means a file; the hint says how the lab's own data is made.
    pub fn inputs(&self, patterns: &[String], own: &str, extension: &str) -> Result<Vec<PathBuf>, Problem> {
        self.inputs_of(patterns, own, extension, usual(extension))
    }

    /// The same for files whose content is one of `wanted`. A file that is recognised as something else costs itself only.
    ///
    /// # Errors
    /// Those of [`Lab::inputs`].
    pub fn inputs_of(
        &self,
        patterns: &[String],
        own: &str,
        extension: &str,
        wanted: &[Content],
    ) -> Result<Vec<PathBuf>, Problem> {
        if patterns.is_empty() {
            return self.own_inputs(own, extension);
        }
        let mut all = Vec::new();
        let mut refused: Vec<(String, Problem)> = Vec::new();
        for pattern in patterns {
            match meant_by(pattern, extension) {
                Ok(files) if files.is_empty() => refused.push((pattern.clone(), no_file(pattern, extension))),
                Ok(files) => all.extend(files),
                Err(problem) => refused.push((pattern.clone(), problem)),
            }
        }

        let mut seen = HashSet::new();
        all.retain(|file| seen.insert(file.clone()));
        all.retain(|file| match Content::check(file, wanted) {
            Ok(()) => true,
            Err(problem) => {
                refused.push((file.display().to_string(), problem));
                false
            }
        });
        let count = refused.len();
        if all.is_empty() && count == 1 {
            return Err(refused.swap_remove(0).1);
        }
        refused.into_iter().for_each(|(input, problem)| self.note_failure(input, problem));
        if all.is_empty() {
            Err(Problem::new(format!("none of the {count} inputs can be used")))
        } else {
            Ok(all)
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

/// The contents that exercises expect whose files have this extension. Tables of Parquet are mostly taken as CSV too, and
/// text may be compressed.
fn usual(extension: &str) -> &'static [Content] {
    match extension {
        "db" => &[Content::Sqlite],
        "parquet" => &[Content::Parquet, Content::Csv, Content::Gzip, Content::Zstd],
        "csv" => &[Content::Csv, Content::Gzip, Content::Zstd],
        "ndjson" => &[Content::Json, Content::Csv],
        _ => &[],
    }
}

/// The problem of a pattern that means nothing.
fn no_file(pattern: &str, extension: &str) -> Problem {
    let is_folder = Path::new(pattern).is_dir();
    let what = if is_folder {
        format!("the folder `{pattern}` has no .{extension} file")
    } else {
        format!("no file matches `{pattern}`")
    };
    Problem::new(what).of_class("no-file").expected(format!(
        "a file, a folder with .{extension} files, or a pattern such as 'in/*.{extension}'"
    ))
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
        assert!(
            lab.inputs(&[at("none*")], "none", "csv").unwrap_err().to_string().contains("no file matches")
        );
        assert!(lab.noted.failures().is_empty());
        assert_eq!(names(&[at("none*"), at("a.csv")]), ["a.csv"]);
        let noted = lab.noted.failures();
        assert_eq!(noted.iter().map(|failure| &failure.task).collect::<Vec<_>>(), [&at("none*")]);
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
