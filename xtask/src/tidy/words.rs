//! What a crate must not know, by the names of the libraries through which it would.

use crate::tidy::Finding;
use crate::tidy::manifest::{dependencies, members};
use crate::tidy::rust::{code_of, is_name};
use crate::tidy::tree::Tree;

/// A crate, what it knows nothing of, and the libraries that would give it away. Those that a library is made of, like
/// `arrow-array` or `hyper-util`, are meant with it.
const UNKNOWN: &[(&str, &str, &[&str])] = &[
    ("lab", "HTTP", HTTP),
    ("lab", "SQL", &["rusqlite", "tokio-postgres", "deadpool-postgres", "mysql_async", "sqlx", "datafusion"]),
    ("lab", "Arrow", &["arrow", "parquet"]),
    ("datagen", "HTTP", HTTP),
];

const HTTP: &[&str] = &["reqwest", "axum", "hyper", "http", "tower", "ureq"];

/// No library stands in the manifest or in the code of a crate that must not know it.
pub(super) fn knowledge(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, subject, libraries) in UNKNOWN {
        let names = |found: &str| libraries.iter().any(|library| is_part_of(found, library));
        let mut find = |path: &str, line, found: &str| {
            findings.push(Finding::new(
                path,
                line,
                format!("`{name}` knows nothing of {subject}, but names `{found}`"),
            ));
        };
        for (_, path, text) in members(tree).filter(|(member, _, _)| member == name) {
            for dependency in dependencies(text).iter().filter(|dependency| names(&dependency.name)) {
                find(path, dependency.line, &dependency.name);
            }
        }
        let folder = format!("crates/{name}/");
        for (path, text) in tree.ending(".rs").filter(|(path, _)| path.starts_with(&folder)) {
            for (index, line) in code_of(text).lines().enumerate() {
                for found in crates_in(line).filter(|found| names(found)) {
                    find(path, index + 1, found);
                }
            }
        }
    }
    findings
}

/// Whether a name is that of a library, or of a part of it.
fn is_part_of(found: &str, library: &str) -> bool {
    let found = found.replace('-', "_");
    let rest = found.strip_prefix(&library.replace('-', "_"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// The names on a line of code that stand where a crate's name stands: first in a path, or alone after `use`.
fn crates_in(line: &str) -> impl Iterator<Item = &str> {
    let after_use = line.trim_start().trim_start_matches("pub ").strip_prefix("use ");
    let alone = after_use.map(|rest| &rest[..rest.find(|letter| !is_name(letter)).unwrap_or(rest.len())]);
    let heads = line.match_indices("::").filter_map(|(at, _)| {
        let before = &line[..at];
        let start = before.rfind(|letter| !is_name(letter)).map_or(0, |last| last + 1);
        let is_head = start < at && !before[..start].ends_with("::");
        is_head.then_some(&before[start..])
    });
    // `use a::b` is a head already.
    heads.chain(alone.filter(move |name| !line.contains(&format!("{name}::"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn words_in_comments_texts_and_other_places_are_no_knowledge() {
        let lab = "//! Nothing of arrow::array.\nlet http = \"reqwest::get\"; let arrow = a::http::b;\nuse self::tower;\n";
        check(
            knowledge,
            &[("crates/lab/src/lib.rs", lab), ("crates/fetch/src/lib.rs", "use reqwest::get;")],
            &[],
        );
    }

    #[test]
    fn a_library_in_the_code_is_named_with_its_line() {
        let lab = "use std::fs;\nuse arrow_array::Array;\n\nfn f() { let a = hyper::get(); }\nuse axum;\n";
        let expected = [
            "crates/lab/src/a.rs:2: `lab` knows nothing of Arrow, but names `arrow_array`",
            "crates/lab/src/a.rs:4: `lab` knows nothing of HTTP, but names `hyper`",
            "crates/lab/src/a.rs:5: `lab` knows nothing of HTTP, but names `axum`",
        ];
        check(knowledge, &[("crates/lab/src/a.rs", lab)], &expected);
    }

    #[test]
    fn a_library_in_the_manifest_is_named_with_its_line() {
        let datagen = "[dependencies]\nparquet.workspace = true\n[dev-dependencies]\nhyper-util = \"0.1\"\n";
        let expected = "crates/datagen/Cargo.toml:4: `datagen` knows nothing of HTTP, but names `hyper-util`";
        check(knowledge, &[("crates/datagen/Cargo.toml", datagen)], &[expected]);
    }
}
