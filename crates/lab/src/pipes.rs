//! A process's own ends of its pipes, kept out of everyone else's reach.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::os::fd::AsFd;

use nix::unistd::{dup2_stdin, dup2_stdout};

/// Takes standard output away from everyone but the protocol: what is printed from now on goes to standard error.
///
/// # Errors
/// A process without standard output or standard error.
pub fn claim_stdout() -> io::Result<BufWriter<File>> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    dup2_stdout(io::stderr())?;
    Ok(BufWriter::new(File::from(pipe)))
}

/// Takes standard input away from everyone but the protocol: a program that a job starts must not eat frames.
///
/// # Errors
/// A process without standard input.
pub fn claim_stdin() -> io::Result<BufReader<File>> {
    let pipe = io::stdin().as_fd().try_clone_to_owned()?;
    dup2_stdin(File::open("/dev/null")?)?;
    Ok(BufReader::with_capacity(1 << 16, File::from(pipe)))
}
