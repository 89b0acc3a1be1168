//! Where the laboratory's data lives when the user names no folder.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root: `PARALELO_HOME`, else the nearest folder at or above the current one that holds `Cargo.toml`
/// and `crates`, else the current folder.
pub(crate) fn home() -> PathBuf {
    if let Some(home) = env::var_os("PARALELO_HOME").filter(|home| !home.is_empty()) {
        return home.into();
    }
    let here = env::current_dir().unwrap_or_else(|_| ".".into());
    let is_root = |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join("crates").is_dir();
    here.ancestors().find(is_root).unwrap_or(&here).to_owned()
}
