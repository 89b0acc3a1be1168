//! How this program starts itself again, as a worker or as a cell.
//!
//! Whoever starts a process holds its standard input, and a process whose standard input ends, ends. So a parent that is
//! killed, however it is killed, leaves no child behind.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The hidden subcommand that turns an exercise program into a worker.
pub(crate) const WORKER: &str = "worker";

/// The hidden first argument that turns an exercise program into a cell, and how many there are before the user's.
pub(crate) const CELL: &str = "cell";
pub(crate) const CELL_ARGUMENTS: usize = 4;

/// Set for a worker, which does not start workers: a program that took its role for arguments would start itself for ever.
const ROLE: &str = "PARALELO_ROLE";

/// Who started a worker. Asked by the worker itself, the system names who owns it now: where the one that started it was killed at
/// once, that is another process already.
const PARENT: &str = "PARALELO_PARENT";

/// The process that started this one as a worker; `None` where nobody did.
pub fn parent() -> Option<u32> {
    std::env::var(PARENT).ok()?.parse().ok()
}

/// A program that can play roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    program: PathBuf,
}

impl Launch {
    /// The running executable.
    pub fn myself() -> Self {
        // On Linux this name opens the very file that runs, also after a rebuild has put another in its place: a worker
        // of another version would not understand its parent.
        let running = PathBuf::from("/proc/self/exe");
        let program = if running.exists() { running } else { std::env::current_exe().unwrap_or_default() };
        Self { program }
    }

    /// Another program, for tests and examples.
    pub fn program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// The program that is started.
    pub fn into_program(self) -> PathBuf {
        self.program
    }

    /// The command that starts this program in one of its roles; all three of its streams are pipes.
    ///
    /// # Errors
    /// When this process is a worker itself.
    pub fn role(&self, role: &str) -> io::Result<Command> {
        if std::env::var_os(ROLE).is_some() {
            return Err(io::Error::other("a worker does not start workers"));
        }
        let mut command = Command::new(&self.program);
        command.arg(WORKER).arg(role).env(ROLE, role).env(PARENT, std::process::id().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_who_started_it() {
        let command = Launch::program("x").role("r").unwrap();
        let told = command.get_envs().find(|(name, _)| *name == PARENT).and_then(|(_, value)| value);
        assert_eq!(told.unwrap(), std::process::id().to_string().as_str());
    }
}
