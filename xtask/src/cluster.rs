//! `cargo xtask cluster`: the lake of exercise 11 on a scheduler and two executors, one of which is killed half-way.
//!
//! The engine is three times as much to build as all the rest, and its speed is not what is looked at: it has a profile of its
//! own, which optimises nothing, and a folder of its own in `target`. The build has every feature that is off by default, so
//! that whoever runs its tests as well builds once.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::arguments::Data;
use crate::children::{Leash, Running, exit_code};
use crate::house::House;
use crate::run_all;
use crate::serve::Server;

/// How the engine is built, and with which features.
const BUILD: [&str; 6] = ["--package", "pipelines", "--profile", "cluster", "--features", "cluster,s3"];
/// Seconds after which the scheduler takes a silent executor for dead. A busy one is heard of every five.
const PATIENCE: &str = "12";
/// How long a server may take to listen, and the job to begin.
const DEADLINE: Duration = Duration::from_mins(1);

/// `cargo xtask cluster`
pub(crate) fn task(house: &House, data: &Data) -> Result<u8> {
    house.build(&["datagen"])?;
    let code = run_all::make_data(house, data)?;
    if code != 0 {
        return Ok(code);
    }
    let words = ["build", "--bin", "pipelines"].into_iter().chain(BUILD);
    ensure!(house.cargo(words)? == 0, "the build failed");
    show(house, data)
}

/// The lints of what is not built by default.
pub(crate) fn clippy(house: &House) -> Result<u8> {
    house.cargo(["clippy"].into_iter().chain(BUILD).chain(["--all-targets", "--", "-D", "warnings"]))
}

/// The tests of what is not built by default.
pub(crate) fn test(house: &House) -> Result<u8> {
    let tests = ["--test", "etl_cluster", "--test", "etl_s3"];
    house.cargo(["test"].into_iter().chain(BUILD).chain(tests))
}

fn show(house: &House, data: &Data) -> Result<u8> {
    let program = house.programs().with_file_name("cluster").join("pipelines");
    let folder = Temporary::new()?;
    let server = |name: &'static str, role: &str, words: &[&str]| -> Result<(Server, PathBuf)> {
        let own = folder.within(role)?;
        let mut command = house.command(&program);
        command.args(["worker", role, "--listen", "127.0.0.1:0"]).args(words).env("TMPDIR", &own);
        Ok((Server::start(name, command, house)?, own))
    };
    let (scheduler, _) = server("the scheduler", "etl-scheduler", &["--patience", PATIENCE])?;
    let words = ["--scheduler", &*scheduler.address, "--tasks", "1"];
    let (doomed, its_folder) = server("an executor", "etl-executor", &words)?;
    let (living, _) = server("another executor", "etl-executor", &words)?;

    let mut command = house.command(&program);
    command.args(["etl", "--scheduler", &*scheduler.address, "--strategy", "cluster", "--compare"]);
    command.args(["--samples", "1"]).args(data.words());
    let mut job = Running::start(&mut command, Leash::Signal, &house.stop)?;
    let began = Instant::now();
    // A task was done, and its rows are in this folder and nowhere else.
    while !has_rows(&its_folder) {
        if let Some(status) = job.ended()? {
            bail!("the job was over before an executor could be killed: {status}");
        }
        ensure!(began.elapsed() < DEADLINE, "the executor has done nothing");
        house.stop.pause(Duration::from_millis(1))?;
    }
    eprintln!("an executor has done a part of the job; now it is killed");
    doomed.kill()?;
    let code = exit_code("pipelines", job.wait()?);
    living.stop()?;
    scheduler.stop()?;
    Ok(code)
}

/// Whether an executor keeps rows for others in this folder.
fn has_rows(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let is_rows = path.extension() == Some(OsStr::new("arrow"));
        if path.is_dir() {
            has_rows(&path)
        } else {
            is_rows && entry.metadata().is_ok_and(|found| found.len() > 0)
        }
    })
}

/// A folder that is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("paralelo-cluster-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// A new folder in it.
    fn within(&self, name: &str) -> Result<PathBuf> {
        let number = std::fs::read_dir(&self.0).map_or(0, Iterator::count);
        let folder = self.0.join(format!("{number}-{name}"));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
