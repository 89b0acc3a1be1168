//! Servers as children: the simulated API, alone or for the time of a run, and whatever else says where it listens.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::arguments::Words;
use crate::children::{Leash, Running};
use crate::house::House;

/// What the first line of the server's standard output starts with.
const LISTENING: &str = "listening on ";
/// How long the server may take to listen. It takes milliseconds; a busy machine may need more.
const DEADLINE: Duration = Duration::from_secs(20);

/// `cargo xtask serve`: the API until Ctrl-C.
pub(crate) fn serve(house: &House, words: &Words) -> Result<u8> {
    house.build(&["mock-api"])?;
    house.run("mock-api", words.into_iter().chain([OsStr::new("--stop-with-stdin")]), Leash::Stdin)
}

/// The API's own help.
pub(crate) fn help(house: &House) -> Result<u8> {
    house.build(&["mock-api"])?;
    house.run("mock-api", ["--help"], Leash::Signal)
}

/// A server that listens, and that is stopped when this value goes.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where it listens, as it says.
    pub(crate) address: String,
    /// What it is.
    name: &'static str,
    /// `None` once it was stopped.
    running: Option<Running>,
    /// Reads what the server writes until it ends, so that a full pipe cannot stop it. `None` once it was joined.
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the simulated API on port 8000, or on a free one, and waits until it listens.
    pub(crate) fn api(house: &House, words: &[OsString]) -> Result<Self> {
        let mut command = house.program("mock-api");
        command.args(["--port", "8000", "--or-any-port", "--stop-with-stdin"]).args(words);
        Self::start("the API", command, house)
    }

    /// Starts the simulated API on a free port, which nobody else would think of.
    pub(crate) fn api_anywhere(house: &House) -> Result<Self> {
        let mut command = house.program("mock-api");
        command.args(["--port", "0", "--stop-with-stdin"]);
        Self::start("the API", command, house)
    }

    /// Starts any program of ours that tells where it listens and ends with its standard input.
    pub(crate) fn start(name: &'static str, mut command: Command, house: &House) -> Result<Self> {
        let mut running = Running::start(command.stdout(Stdio::piped()), Leash::Stdin, &house.stop)?;
        let (lines, reader) = read(running.stdout().context("the server's output is not piped")?);
        // From here on, an early return stops the server and joins the reader.
        let mut server = Self { address: String::new(), name, running: Some(running), reader: Some(reader) };
        server.address = address(name, &lines, house)?;
        eprintln!("{name} listens on {}", server.address);
        Ok(server)
    }

    /// The server's number among the processes.
    pub(crate) fn number(&self) -> Option<i32> {
        self.running.as_ref().map(Running::number)
    }

    /// Stops the server; an error when it had ended before.
    pub(crate) fn stop(mut self) -> Result<()> {
        if let Some(running) = &mut self.running
            && let Some(status) = running.ended()?
        {
            bail!("{} ended before it was told to: {status}", self.name);
        }
        Ok(())
    }

    /// Kills the server, without a word.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.running.as_mut().map_or(Ok(()), Running::kill)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server first: its end is what ends the reader.
        drop(self.running.take());
        self.reader.take().map(JoinHandle::join);
    }
}

/// Sends the first line, and reads the others away.
fn read(stdout: ChildStdout) -> (Receiver<String>, JoinHandle<()>) {
    // Holds the one line that is ever sent.
    let (sender, first) = mpsc::sync_channel(1);
    let reader = std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        if stdout.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            let _ = sender.send(line);
        }
        drop(sender);
        let _ = std::io::copy(&mut stdout, &mut std::io::sink());
    });
    (first, reader)
}

fn address(name: &str, first: &Receiver<String>, house: &House) -> Result<String> {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        match first.recv_timeout(Duration::from_millis(5)) {
            Ok(line) => match line.trim().strip_prefix(LISTENING) {
                Some(address) => return Ok(address.to_owned()),
                None => bail!("{name} said `{}` instead of where it listens", line.trim()),
            },
            Err(RecvTimeoutError::Disconnected) => bail!("{name} ended before it listened"),
            Err(RecvTimeoutError::Timeout) => house.stop.pause(Duration::ZERO)?,
        }
    }
    bail!("{name} does not listen after {} seconds", DEADLINE.as_secs())
}
