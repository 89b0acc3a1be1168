//! The command line: options, the listening socket, and what ends the server.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};

use clap::Parser;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use crate::{Config, ServeError, run};

/// A simulated HTTP API: realistic, seeded, and able to misbehave.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  mock-api                          serve http://127.0.0.1:8000 until Ctrl-C
  mock-api --port 0                 take a free port; the first line on stdout tells it
  mock-api --or-any-port            prefer port 8000, but take a free one where it is taken"
)]
pub struct Args {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Take a free port where the wanted one is taken
    #[arg(long)]
    or_any_port: bool,
    /// Threads that serve [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// Decides every body and every fault
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Stop when standard input ends
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

/// Why the program ended with exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The address could not be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where it should have listened.
        address: SocketAddr,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The threads, the signal handlers or standard output could not be set up.
    #[error("cannot start")]
    Start(#[from] io::Error),
    /// The server failed while it served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl CliError {
    /// What to try.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => Some(
                "another program has this port: choose one with --port, or let --or-any-port take a free one",
            ),
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 need rights that this user lacks: choose another with --port")
            }
            Self::Bind { .. } => Some("choose another address with --host or another port with --port"),
            Self::Start(_) | Self::Serve(_) => None,
        }
    }
}

/// Serves as the arguments say until Ctrl-C, SIGTERM or, with `--stop-with-stdin`, the end of standard input.
///
/// # Errors
/// When the address cannot be listened on, and when the server cannot start or go on.
pub fn main(args: &Args) -> Result<(), CliError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = args.workers {
        runtime.worker_threads(workers.into());
    }
    runtime.enable_all().build()?.block_on(serve(args))
}

async fn serve(args: &Args) -> Result<(), CliError> {
    let config = Config { seed: args.seed, ..Config::default() };
    let shutdown = stop_signal(args.stop_with_stdin)?;
    let listener = listen(args)?;
    let address = listener.local_addr()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;
    drop(stdout);
    Ok(run(listener, config, shutdown).await?)
}

fn listen(args: &Args) -> Result<TcpListener, CliError> {
    let address = SocketAddr::new(args.host, args.port);
    match bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && args.or_any_port => {
            let free = bind(SocketAddr::new(args.host, 0))
                .map_err(|source| CliError::Bind { address: SocketAddr::new(args.host, 0), source })?;
            eprintln!("port {} is taken; taking {} instead", args.port, free.local_addr()?.port());
            Ok(free)
        }
        bound => bound.map_err(|source| CliError::Bind { address, source }),
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Without it the port of a server that was just stopped stays taken for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // A herd of clients that connect at once waits here; the system caps the number at its own limit.
    socket.listen(16_384)
}

/// Completes when the program is to stop. The handlers are in place when this function returns.
fn stop_signal(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
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
