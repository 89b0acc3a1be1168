//! Where the project lies and how its programs are built and found.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::children::{Leash, Running, exit_code};
use crate::stop::Stop;

/// The variable that says that all programs are built already: nothing is built then. Whoever runs the commands of the pages
/// sets it, and so may the user of a release.
pub(crate) const BUILT: &str = "PARALELO_BUILT";

/// The project's folder and everything needed to start a program there.
#[derive(Clone, Debug)]
pub(crate) struct House {
    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Asked for by Ctrl-C.
    pub(crate) stop: Stop,
    /// Where cargo puts the programs: where this one lies.
    programs: PathBuf,
    /// The profile that puts them there.
    profile: String,
}

impl House {
    /// Finds the project from the folder that cargo names, else from the current one upwards.
    pub(crate) fn find(stop: Stop) -> Result<Self> {
        let from = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => std::env::current_dir().context("cannot find the current folder")?,
        };
        let is_root = |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join("crates").is_dir();
        let root = from.ancestors().find(is_root).context("this is not within the project's folder")?;
        let own = std::env::current_exe().context("cannot find this program's own folder")?;
        let programs = own.parent().context("this program lies nowhere")?;
        let profile = match programs.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        Ok(Self { root: root.into(), stop, programs: programs.into(), profile: profile.into() })
    }

    /// The same with its programs as users have them, built for release; what is built already is taken as it is.
    pub(crate) fn released(&self) -> Self {
        if std::env::var_os(BUILT).is_some() {
            return self.clone();
        }
        Self { programs: self.programs.with_file_name("release"), profile: "release".into(), ..self.clone() }
    }

    /// Whether a program can be found.
    pub(crate) fn has(program: &str) -> bool {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
    }

    /// Runs cargo to its end and returns its exit code.
    pub(crate) fn cargo<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Result<u8> {
        self.cargo_with(words, &[])
    }

    /// The same, with some more of an environment.
    pub(crate) fn cargo_with<W: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = W>,
        environment: &[(&str, &str)],
    ) -> Result<u8> {
        let mut command = self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(words).envs(environment.iter().copied());
        Ok(exit_code("cargo", Running::start(&mut command, Leash::Signal, &self.stop)?.wait()?))
    }

    /// Builds these programs.
    pub(crate) fn build(&self, programs: &[&str]) -> Result<()> {
        if std::env::var_os(BUILT).is_some() {
            return Ok(());
        }
        // Cargo compiles a dependency with the features that the chosen packages ask for. The whole workspace is chosen,
        // whichever program is built, so that no dependency is compiled twice.
        let mut words = vec!["build", "--workspace"];
        if self.profile != "dev" {
            words.extend(["--profile", &self.profile]);
        }
        words.extend(programs.iter().flat_map(|program| ["--bin", program]));
        ensure!(self.cargo(words)? == 0, "the build failed");
        Ok(())
    }

    /// The folder of the programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    /// A command for one of our programs, which will end when its standard input does.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.command(self.programs.join(name))
    }

    /// Runs one of our programs to its end and returns its exit code.
    pub(crate) fn run<W: AsRef<OsStr>>(
        &self,
        name: &str,
        words: impl IntoIterator<Item = W>,
        leash: Leash,
    ) -> Result<u8> {
        let mut command = self.program(name);
        command.args(words);
        Ok(exit_code(name, Running::start(&mut command, leash, &self.stop)?.wait()?))
    }

    /// A command in the project's folder, without what cargo said to this program.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        // Cargo described this package to this program. A cargo that inherits that passes it on to build scripts, and
        // those that watch these names (ring's does) would run again after each change between `cargo` and `cargo xtask`.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }
}
