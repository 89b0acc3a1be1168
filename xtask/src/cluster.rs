//! `cargo xtask cluster`: the lake of exercise 11 on a scheduler and two executors, one of which is killed half-way.
//!
//! The engine is three times as much to build as all the rest, and its speed is not what is looked at: it has a profile of its
//! own, which optimises nothing, and a folder of its own in `target`. The build has every feature that is off by default, so
//! that whoever runs its tests as well builds once.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::children::{Leash, Running, exit_code};
use crate::flags::{Flag, Given};
use crate::house::House;
use crate::run_all;

/// How the engine is built, and with which features.
const BUILD: [&str; 6] = ["--package", "pipelines", "--profile", "cluster", "--features", "cluster,s3"];
/// Seconds after which the scheduler takes a silent executor for dead. A busy one is heard of every five.
const PATIENCE: &str = "8";
/// How long a server may take to listen, and the job to begin.
const DEADLINE: Duration = Duration::from_mins(1);

/// `cargo xtask cluster`
pub(crate) fn task(house: &House, arguments: &[OsString]) -> Result<u8> {
    let given = Given::parse(arguments, &[Flag::Scale, Flag::Seed])?;
    house.build(&["datagen"])?;
    let code = run_all::make_data(house, &given)?;
    if code != 0 {
        return Ok(code);
    }
    let words = ["build", "--bin", "pipelines"].into_iter().chain(BUILD);
    ensure!(house.cargo(words)? == 0, "the build failed");
    show(house, &given)
}

fn show(house: &House, given: &Given) -> Result<u8> {
    let program = house.programs().with_file_name("cluster").join("pipelines");
    let folder = Temporary::new()?;
    let server = |name: &str, words: &[&str]| -> Result<Server> {
        let mut command = house.command(&program);
        command.args(["worker", name, "--listen", "127.0.0.1:0"]).args(words);
        Server::start(command, &folder.within(name)?, house)
    };
    let scheduler = server("etl-scheduler", &["--patience", PATIENCE])?;
    let words = ["--scheduler", &*scheduler.address, "--tasks", "1"];
    let (doomed, living) = (server("etl-executor", &words)?, server("etl-executor", &words)?);

    let mut command = house.command(&program);
    command.args(["etl", "--scheduler", &*scheduler.address, "--strategy", "cluster", "--compare"]);
    command.args(["--samples", "1"]).args(given.words(&[Flag::Scale, Flag::Seed]));
    let mut job = Running::start(&mut command, Leash::Signal, &house.stop)?;
    let began = Instant::now();
    // A task was done, and its rows are in this folder and nowhere else.
    while !has_rows(&doomed.folder) {
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

/// A scheduler or an executor that listens, and that is stopped when this value goes.
struct Server {
    address: String,
    /// Where it keeps what is of no use after it.
    folder: PathBuf,
    running: Option<Running>,
    /// Reads what it says until it ends. `None` once it was joined.
    reader: Option<JoinHandle<()>>,
}

impl Server {
    fn start(mut command: Command, folder: &Path, house: &House) -> Result<Self> {
        command.env("TMPDIR", folder).stdout(Stdio::piped());
        let mut running = Running::start(&mut command, Leash::Stdin, &house.stop)?;
        let mut out = BufReader::new(running.stdout().context("a server's output is not piped")?);
        let (tell, told) = std::sync::mpsc::channel();
        let reader = thread::spawn(move || {
            let mut line = String::new();
            let read = out.read_line(&mut line).map(|_| line);
            let _ = tell.send(read);
            let _ = out.read_to_end(&mut Vec::new());
        });
        let mut server = Self {
            address: String::new(),
            folder: folder.into(),
            running: Some(running),
            reader: Some(reader),
        };
        let line = told.recv_timeout(DEADLINE).context("a server does not say where it listens")?;
        let line = line.context("a server cannot be heard")?;
        let address = line.trim().strip_prefix("listening on ");
        address.context("a server does not listen")?.clone_into(&mut server.address);
        Ok(server)
    }

    /// Kills it, without a word.
    fn kill(mut self) -> Result<()> {
        self.running.as_mut().map_or(Ok(()), Running::kill)
    }

    /// Stops it; an error when it had ended before.
    fn stop(mut self) -> Result<()> {
        if let Some(running) = &mut self.running
            && let Some(status) = running.ended()?
        {
            bail!("a server ended before the job did: {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server first: its end is what ends the reader.
        drop(self.running.take());
        self.reader.take().map(JoinHandle::join);
    }
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
