//! The command line: options, the listening socket, and what ends the server.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Parser;
use serving::program::{BindError, announce, listen, raise_file_limit, stop_signal};

use crate::{Config, Profile, ProfileError, ServeError, run};

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
    /// Threads that serve [default: one for every two cores, as those who ask run beside it]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// Decides every body and every fault
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// What goes wrong: calm, flaky, rate-limited, drifting, outage, or a TOML file
    #[arg(long, default_value = "calm")]
    profile: String,
    /// How many orders there are
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
    orders: u64,
    /// The longest wait that a request may ask for, in milliseconds
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(0..=600_000))]
    max_delay_ms: u64,
    /// The longest that a connection may wait for its client, for a request or for room to write, in milliseconds
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    client_timeout_ms: u64,
    /// How long open requests may go on after Ctrl-C, in milliseconds
    #[arg(long, default_value_t = 5_000)]
    shutdown_deadline_ms: u64,
    /// Write a line for each request to standard error
    #[arg(long)]
    access_log: bool,
    /// What else to write to standard error: error, warn, info, debug or trace
    #[arg(long, default_value = "warn")]
    log_level: tracing::Level,
    /// Stop when standard input ends
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

/// Why the program ended with exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The profile's file could not be read.
    #[error("cannot read the profile {path}")]
    ReadProfile {
        /// The file.
        path: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The profile makes no sense.
    #[error("cannot use the profile {path}")]
    Profile {
        /// The file.
        path: String,
        /// The line or the key.
        #[source]
        source: ProfileError,
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
            Self::Bind(error) => Some(error.hint()),
            Self::ReadProfile { .. } => Some(
                "--profile takes calm, flaky, rate-limited, drifting, outage, or the path of a TOML file",
            ),
            Self::Profile { .. } => Some("the built-in profiles in crates/mock-api/profiles show every key"),
            Self::Start(_) | Self::Serve(_) => None,
        }
    }
}

/// Serves as the arguments say until Ctrl-C, SIGTERM or, with `--stop-with-stdin`, the end of standard input.
///
/// # Errors
/// When the address cannot be listened on, and when the server cannot start or go on.
pub fn main(args: &Args) -> Result<(), CliError> {
    log_to_stderr(args);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(args))
}

async fn serve(args: &Args) -> Result<(), CliError> {
    // What asks a simulated server runs beside it and needs processors too.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let config = Config {
        workers: args.workers.map_or(processors.div_ceil(2), usize::from),
        seed: args.seed,
        orders: args.orders,
        profile: profile(&args.profile)?,
        max_delay: Duration::from_millis(args.max_delay_ms),
        client_timeout: Duration::from_millis(args.client_timeout_ms),
        shutdown_deadline: Duration::from_millis(args.shutdown_deadline_ms),
        ..Config::default()
    };
    raise_file_limit();
    let shutdown = stop_signal(args.stop_with_stdin)?;
    let listener = listen(SocketAddr::new(args.host, args.port), args.or_any_port)?;
    announce(&listener)?;
    Ok(run(listener, config, shutdown).await?)
}

fn profile(name: &str) -> Result<Profile, CliError> {
    if let Some(profile) = Profile::built_in(name) {
        return Ok(profile);
    }
    let path = name.to_owned();
    let text = std::fs::read_to_string(name)
        .map_err(|source| CliError::ReadProfile { path: path.clone(), source })?;
    Profile::from_toml(&text).map_err(|source| CliError::Profile { path, source })
}

fn log_to_stderr(args: &Args) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let access = if args.access_log { LevelFilter::INFO } else { LevelFilter::OFF };
    let filter = Targets::new().with_default(args.log_level).with_target("mock_api::access", access);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    // A second call in one process keeps the first one's choice, which is as good.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}
