//! What a server program needs around its server: an address to listen on, what ends it, enough files, and how it fails.

use std::error::Error;
use std::io::{self, Read, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

/// The address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// The system's word.
    #[source]
    pub source: io::Error,
}

impl BindError {
    /// What to try.
    pub fn hint(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                "another program has this port: choose one with --port, or let --or-any-port take a free one"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need rights that this user lacks: choose another with --port"
            }
            _ => "choose another address with --host or another port with --port",
        }
    }
}

/// Listens on `address`, or on a free port of it if that one is taken and any will do; the change is told on standard
/// error.
///
/// # Errors
/// An address that cannot be listened on.
pub fn listen(address: SocketAddr, or_any_port: bool) -> Result<TcpListener, BindError> {
    match bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && or_any_port => {
            let any = SocketAddr::new(address.ip(), 0);
            let free = bind(any).map_err(|source| BindError { address: any, source })?;
            if let Ok(taken) = free.local_addr() {
                eprintln!("port {} is taken; taking {} instead", address.port(), taken.port());
            }
            Ok(free)
        }
        bound => bound.map_err(|source| BindError { address, source }),
    }
}

/// Says on standard output where the server listens, for whoever has started it.
///
/// # Errors
/// Those of standard output.
pub fn announce(listener: &TcpListener) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{}", listener.local_addr()?)?;
    stdout.flush()
}

/// Says on standard error why the program ends, from the last cause to the first, and what to try.
pub fn failed(error: &dyn Error, hint: Option<&str>) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {error}");
        cause = error.source();
    }
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Without it the port of a server that was just stopped stays taken for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // A herd of clients that connect at once waits here; the system caps the number at its own limit.
    socket.listen(16_384)
}

/// Raises the limit on open files as far as it goes, and says so when that is not far.
pub fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    // One descriptor for each of 10,000 connections, and some for the program.
    const WANTED: u64 = 10_240;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    // Root may raise the hard limit too; another user gets an error and keeps what there is.
    if hard < WANTED && setrlimit(Resource::RLIMIT_NOFILE, WANTED, WANTED).is_ok() {
        return;
    }
    let reached =
        if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft };
    if reached < WANTED {
        eprintln!(
            "only {reached} files may be open: fewer than 10000 connections can be held (see ulimit -n)"
        );
    }
}

/// Completes when the program is to stop: by Ctrl-C, by SIGTERM or, if asked for, by the end of standard input. The
/// handlers are in place when this function returns.
///
/// # Errors
/// When the system refuses a handler or a thread.
pub fn stop_signal(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (ended, stdin_end) = oneshot::channel::<()>();
    if with_stdin {
        // A read of standard input cannot be called off, so this thread cannot be joined when a signal comes first. It
        // holds nothing and ends with the process.
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            let mut unread = [0; 256];
            while matches!(io::stdin().read(&mut unread), Ok(1..)) {}
            drop(ended);
        })?;
    }
    Ok(async move {
        let stdin_end = async {
            if with_stdin {
                let _ = stdin_end.await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = stdin_end => {}
        }
    })
}
