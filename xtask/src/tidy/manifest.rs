//! Cargo's manifests, as far as the checks ask for them.

use crate::tidy::Finding;
use crate::tidy::tree::Tree;

/// A member of the workspace: its folder's name, its manifest's path and text.
pub(super) fn members(tree: &Tree) -> impl Iterator<Item = (&str, &str, &str)> {
    tree.ending("/Cargo.toml").filter_map(|(path, text)| {
        let folder = path.strip_suffix("/Cargo.toml")?;
        let name = folder.strip_prefix("crates/").or((folder == "xtask").then_some(folder))?;
        (!name.contains('/')).then_some((name, path, text))
    })
}

/// Whom a crate depends on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The other crate's own name.
    pub(super) name: String,
    /// For tests, examples and benches only.
    pub(super) dev: bool,
    /// Where it is written, counted from 1.
    pub(super) line: usize,
}

/// The dependencies in a manifest, in its order.
pub(super) fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut last_table = None;
    for Entry { table, key, value, line } in entries(manifest) {
        let Some((before, after)) = table.split_once("dependencies") else { continue };
        let dev = before.ends_with("dev-");
        // Either a line in the table of all, or a table of its own.
        let own_table = after.strip_prefix('.').map(unquoted);
        let name = own_table.unwrap_or_else(|| unquoted(key.split('.').next().unwrap_or(key)));
        let renamed = value_of(value, "package").or((key == "package").then(|| unquoted(value)));
        if own_table.is_none() || last_table != Some(table) {
            found.push(Dependency { name: name.into(), dev, line });
        }
        last_table = Some(table);
        if let (Some(renamed), Some(last)) = (renamed, found.last_mut()) {
            last.name = renamed.into();
        }
    }
    found
}

/// Every member takes the workspace's lints.
pub(super) fn lints(tree: &Tree) -> Vec<Finding> {
    let takes_them = |entry: Entry| {
        (entry.value == "true")
            && matches!((entry.table, entry.key), ("lints", "workspace") | ("", "lints.workspace"))
    };
    let without = members(tree).filter(|(_, _, text)| !entries(text).any(takes_them));
    without.map(|(_, path, _)| Finding::new(path, 0, "`[lints] workspace = true` is missing")).collect()
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    table: &'a str,
    key: &'a str,
    value: &'a str,
    line: usize,
}

/// The lines `key = value`, each with the table that it stands in. A value that goes on in the next line is cut off.
fn entries(manifest: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut table = "";
    manifest.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.split(" #").next().unwrap_or(line).trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = name.trim_matches(['[', ']']).trim();
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some(Entry { table, key: key.trim(), value: value.trim(), line: index + 1 })
    })
}

/// A text in an inline table.
fn value_of<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    let inside = value.strip_prefix('{')?;
    let parts = inside.split(',').filter_map(|part| part.split_once('='));
    parts.into_iter().find(|(name, _)| name.trim() == key).map(|(_, value)| unquoted(value))
}

fn unquoted(text: &str) -> &str {
    text.trim_matches([' ', '"', '\'', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy;

    #[test]
    fn every_spelling_of_a_dependency_is_read() {
        let manifest = r#"
[package]
name = "a"
[dependencies]
b.workspace = true # why
c = { version = "1", features = ["d"] }
e = { package = "f", version = "1" }
# g = "1"
[dependencies.h]
version = "1"
features = []
[target.'cfg(unix)'.dependencies]
i = "1"
[dev-dependencies]
j = { path = "../j" }
[dev-dependencies.k]
package = "l"
version = "1"
[features]
m = ["dep:c"]
"#;
        let found = dependencies(manifest);
        let found: Vec<_> = found.iter().map(|it| (&*it.name, it.dev, it.line)).collect();
        let expected = [
            ("b", false, 5),
            ("c", false, 6),
            ("f", false, 7),
            ("h", false, 10),
            ("i", false, 13),
            ("j", true, 15),
            ("l", true, 17),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_member_without_the_workspaces_lints_is_named() {
        let files = [
            ("Cargo.toml", "[workspace]\n"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"),
            ("crates/b/Cargo.toml", "[package]\nname = \"b\"\n\n[dependencies]\nworkspace = true\n"),
            ("crates/b/peers/c/Cargo.toml", "[package]\nname = \"a workspace of its own\"\n"),
            ("crates/d/Cargo.toml", "[package]\nname = \"d\"\n\n[lints]\nworkspace = false\n"),
            ("xtask/Cargo.toml", "lints.workspace = true\n[package]\nname = \"xtask\"\n"),
        ];
        let expected =
            ["b", "d"].map(|name| format!("crates/{name}/Cargo.toml: `[lints] workspace = true` is missing"));
        tidy::check(lints, &files, &expected.each_ref().map(String::as_str));
    }
}
