//! Where the project keeps its data and logs.

use std::path::{Path, PathBuf};

/// The folder that holds `data` and `logs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// `PARALELO_HOME`, or the nearest folder above the current one that holds the workspace (`Cargo.toml` and `crates`),
    /// or the current folder.
    pub fn find() -> Self {
        if let Some(home) = std::env::var_os("PARALELO_HOME") {
            return Self(home.into());
        }
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let workspace = here
            .ancestors()
            .find(|folder| folder.join("crates").is_dir() && folder.join("Cargo.toml").is_file());
        Self(workspace.map_or_else(|| here.clone(), Path::to_path_buf))
    }

    /// A home at a chosen place.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The lab's own inputs at a scale.
    pub fn raw(&self, scale: &str) -> PathBuf {
        self.0.join("data/raw").join(scale)
    }

    /// What the exercises write when they are used as tools.
    pub fn out(&self) -> PathBuf {
        self.0.join("data/out")
    }

    /// The measured runs.
    pub fn runs(&self) -> PathBuf {
        self.0.join("data/runs")
    }

    /// What a reader of the course has answered.
    pub fn learnt(&self) -> PathBuf {
        self.0.join("data/learn.json")
    }

    /// The log files.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }
}
