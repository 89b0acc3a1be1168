//! How this program starts itself again, as a worker or as a cell.
//!
//! Whoever starts a process holds its standard input, and a process whose standard input ends, ends. So a parent that is
//! killed, however it is killed, leaves no child behind.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The hidden subcommand that turns an exercise program into a worker.
pub(crate) const WORKER: &str = "worker";

/// A program and the arguments that come before the role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    program: PathBuf,
    args: Vec<OsString>,
}

impl Launch {
    /// The running executable.
    pub fn myself() -> Self {
        // On Linux this path opens the very file that runs, also after a rebuild has replaced it.
        let running = PathBuf::from("/proc/self/exe");
        let program = if cfg!(target_os = "linux") {
            running.canonicalize().unwrap_or(running)
        } else {
            std::env::current_exe().unwrap_or_default()
        };
        Self { program, args: Vec::new() }
    }

    /// Another program, for tests and examples.
    pub fn program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), args: Vec::new() }
    }

    /// The program that is started.
    pub fn into_program(self) -> PathBuf {
        self.program
    }

    /// The command that starts a worker with this role; all three of its streams are pipes.
    pub(crate) fn worker(&self, role: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).arg(WORKER).arg(role);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
