//! Where the project keeps its data and logs.

use std::path::{Path, PathBuf};

/// The folder that holds `data` and `logs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
    own: bool,
}

/// Files that only this project has at these places.
const SOURCES: [&str; 3] = ["Cargo.toml", "crates/lab/Cargo.toml", "crates/one-build/Cargo.toml"];

impl Home {
    /// `PARALELO_HOME`, or the nearest folder above the current one that holds this project's sources (`SOURCES`), or the
    /// current folder, which is a home that is not our own.
    pub fn find() -> Self {
        if let Some(home) = std::env::var_os("PARALELO_HOME") {
            return Self::at(home);
        }
        Self::above(&std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")))
    }

    fn above(here: &Path) -> Self {
        let is_ours = |folder: &&Path| SOURCES.iter().all(|file| folder.join(file).is_file());
        match here.ancestors().find(is_ours) {
            Some(folder) => Self::at(folder),
            None => Self { folder: here.into(), own: false },
        }
    }

    /// A home at a chosen place.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), own: true }
    }

    /// Whether this is the project's own folder, or one that the user chose for it. Anywhere else a folder by the name of `logs`
    /// belongs to somebody else.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// The lab's own inputs at a scale.
    pub fn raw(&self, scale: &str) -> PathBuf {
        self.folder.join("data/raw").join(scale)
    }

    /// What the exercises write when they are used as tools.
    pub fn out(&self) -> PathBuf {
        self.folder.join("data/out")
    }

    /// The measured runs.
    pub fn runs(&self) -> PathBuf {
        self.folder.join("data/runs")
    }

    /// What a reader of the course has answered.
    pub fn learnt(&self) -> PathBuf {
        self.folder.join("data/learn.json")
    }

    /// The log files.
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_the_folder_of_our_sources_and_no_workspace_of_somebody_else() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        SOURCES.iter().for_each(|file| make(&format!("ours/{file}")));
        make("other/Cargo.toml");
        make("other/crates/thing/Cargo.toml");
        make("other/logs/app.log");

        let inside = root.path().join("ours/crates/lab");
        assert_eq!(Home::above(&inside), Home::at(root.path().join("ours")));
        let other = root.path().join("other/crates");
        let home = Home::above(&other);
        assert!(!home.is_own() && home.logs() == other.join("logs"));
    }
}
