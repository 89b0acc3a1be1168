//! File formats and the endings that name them: one table for all commands.
//!
//! The ending of `--out` decides the format. A command states in [`Out`] which formats it writes; any other ending is
//! refused before any work, so that no file holds something else than its name says.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// A JSON value on each line.
    Ndjson,
    /// One JSON document.
    Json,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, the file format (Feather version 2).
    Arrow,
    /// An SQLite database.
    Sqlite,
    /// Text for readers.
    Text,
}

impl Format {
    /// Every format, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Csv,
        Self::Tsv,
        Self::Ndjson,
        Self::Json,
        Self::Parquet,
        Self::Arrow,
        Self::Sqlite,
        Self::Text,
    ];

    /// The name for readers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Ndjson => "NDJSON",
            Self::Json => "JSON",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
            Self::Sqlite => "SQLite",
            Self::Text => "text",
        }
    }

    /// The endings of its files, without the dot; the first one is the usual one.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &["csv"],
            Self::Tsv => &["tsv"],
            Self::Ndjson => &["ndjson", "jsonl"],
            Self::Json => &["json"],
            Self::Parquet => &["parquet"],
            Self::Arrow => &["arrow", "feather", "ipc"],
            Self::Sqlite => &["sqlite", "sqlite3", "db"],
            Self::Text => &["txt"],
        }
    }

    /// The format that the ending of a name stands for, in upper or lower case.
    pub fn from_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.endings().contains(&ending.as_str()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The kind of output that a command writes to `--out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// One file in one of these formats. A name without an ending gets the first one.
    File(&'static [Format]),
    /// A folder.
    Folder,
    /// A file where the ending is that of one of these formats, otherwise a folder.
    FileOrFolder(&'static [Format]),
    /// The command writes no files.
    Nothing,
}

impl Out {
    /// Refuses a path whose ending names a format that the command does not write, or another one than `asked`, which is
    /// the format that an option names.
    ///
    /// # Errors
    /// The refusal, with the endings that the command can write.
    pub fn check(
        self,
        command: &str,
        option: &str,
        path: &Path,
        asked: Option<Format>,
    ) -> Result<(), Problem> {
        let found = Format::from_path(path);
        let shown = path.display();
        let can_write = match (self, found) {
            (Self::File(formats), Some(found)) => formats.contains(&found),
            (Self::File(_), None) => path.extension().is_none(),
            (Self::FileOrFolder(formats), Some(found)) => formats.contains(&found) || path.is_dir(),
            (Self::Folder, Some(_)) => path.is_dir(),
            (Self::Nothing, _) | (Self::Folder | Self::FileOrFolder(_), None) => true,
        };
        if !can_write {
            let what = match (self, found) {
                (Self::Folder, _) => {
                    format!("`{command}` writes a folder of files, and {shown} names one file")
                }
                (_, Some(found)) => format!("`{command}` cannot write {found}, which {shown} asks for"),
                (_, None) => format!("{shown} ends in no format that `{command}` can write"),
            };
            return Err(Problem::new(what)
                .expected(self.endings())
                .hint(format!("the ending of {option} decides the format")));
        }
        match (asked, found) {
            (Some(asked), Some(found)) if asked != found && !path.is_dir() => Err(Problem::new(format!(
                "{shown} asks for {found}, and --format for {asked}"
            ))
            .hint(format!("leave --format away, or name a file that ends in .{}", asked.endings()[0]))),
            _ => Ok(()),
        }
    }

    /// The endings that can be written, as a reader is told of them.
    pub fn endings(self) -> String {
        let list = |formats: &[Format]| {
            let each = formats.iter().map(|format| {
                let endings: Vec<String> =
                    format.endings().iter().map(|ending| format!(".{ending}")).collect();
                format!("{} ({format})", endings.join(", "))
            });
            each.collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::File(formats) => format!("a name that ends in {}", list(formats)),
            Self::FileOrFolder(formats) => format!("a folder, or a name that ends in {}", list(formats)),
            Self::Folder => "a folder".into(),
            Self::Nothing => "no file".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ending_stands_for_two_formats() {
        let all: Vec<&str> = Format::ALL.iter().flat_map(|format| format.endings()).copied().collect();
        let different: std::collections::HashSet<&&str> = all.iter().collect();
        assert_eq!(all.len(), different.len());
    }

    fn check(out: Out, name: &str, asked: Option<Format>, refused: Option<&str>) {
        let found = out.check("toy", "--out", Path::new(name), asked).map_err(|problem| problem.to_string());
        match (found, refused) {
            (Ok(()), None) => {}
            (Err(found), Some(refused)) if found.contains(refused) => {}
            (found, _) => panic!("{name}: {found:?}, expected {refused:?}"),
        }
    }

    #[test]
    fn an_ending_is_a_format_that_the_command_writes_or_is_refused_with_those_that_it_writes() {
        const FILE: Out = Out::File(&[Format::Parquet, Format::Ndjson]);
        const EITHER: Out = Out::FileOrFolder(&[Format::Sqlite]);
        for name in ["t.parquet", "T.PARQUET", "t.jsonl", "t", "/dev/null", "in.d/t", ".hidden"] {
            check(FILE, name, None, None);
        }
        for name in ["t.csv", "t.xlsx", "t.parquet.bak", "t.csv.gz"] {
            check(FILE, name, None, Some("a name that ends in .parquet (Parquet), .ndjson, .jsonl (NDJSON)"));
        }
        check(FILE, "t.ndjson", Some(Format::Ndjson), None);
        check(FILE, "t", Some(Format::Ndjson), None);
        check(FILE, "t.parquet", Some(Format::Ndjson), Some("--format for NDJSON"));
        check(EITHER, "t.db", None, None);
        check(EITHER, "lake.2024", None, None);
        check(EITHER, "t.csv", None, Some("a folder, or a name that ends in .sqlite"));
        check(Out::Folder, "t.csv", None, Some("writes a folder"));
        check(Out::Folder, "t", None, None);
        check(Out::Nothing, "t.csv", None, None);
    }
}
