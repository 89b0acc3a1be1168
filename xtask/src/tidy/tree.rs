//! The files of the project, as a commit would hold them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Paths, relative to the root and with `/` between folders, and what is in the files.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, Content>);

#[derive(Debug)]
enum Content {
    Text(String),
    /// A picture, say.
    Bytes,
}

impl Tree {
    /// Reads what git tracks and what it would track if it were added: a new file is checked before its commit.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut command = Command::new("git");
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
        let listed = command.output().context("cannot start git")?;
        ensure!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim());
        let listed = String::from_utf8(listed.stdout).context("a file name is not text")?;
        let mut tree = Self::default();
        for path in listed.split_terminator('\0') {
            // A file may be removed and not yet committed; a link is checked where it points to.
            let file = root.join(path);
            if !file.symlink_metadata().is_ok_and(|entry| entry.is_file()) {
                continue;
            }
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read {path}"))?;
            let content = String::from_utf8(bytes).map_or(Content::Bytes, Content::Text);
            tree.0.insert(path.into(), content);
        }
        Ok(tree)
    }

    /// A tree in memory.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).into(), Content::Text((*text).into()))).collect())
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The text files with their paths.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(path, content)| match content {
            Content::Text(text) => Some((&**path, &**text)),
            Content::Bytes => None,
        })
    }

    /// The text files whose name ends like this.
    pub(super) fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// All paths.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is such a file or folder.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let within = |other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        path.is_empty() || self.0.contains_key(path) || self.paths().any(within)
    }
}
