//! The command line of the service.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use fetch::{FetchError, Fuse, Manners};
use lab::Home;
use serving::program::{BindError, announce, listen, raise_file_limit, stop_signal};
use serving::serve::{Limits, Loops, ServeError};

use crate::application::{Atlas, Bulkheads, Gatherer, Settings};
use crate::domain::Ages;
use crate::http::{ACCESS, Service};
use crate::source::snapshot::Known;
use crate::source::{self, Ibge, snapshot};

/// Brazil's states with their cities and districts, in one answer.
#[derive(Debug, Parser)]
#[command(
    name = "states-api",
    version,
    after_help = "Examples:
  states-api                                            serve http://127.0.0.1:8001, from the simulated API on port 8000
  states-api --source https://servicodados.ibge.gov.br  from IBGE itself
  curl localhost:8001/api/v1/states?fields=sigla,cities.nome
  curl -H 'accept: application/x-ndjson' localhost:8001/api/v1/states

It is an exercise program too:
  states-api states --compare                           the aggregation in six ways, measured
  states-api states --help                              as a tool: the whole map as a file
  states-api list                                       what is measured"
)]
pub struct Args {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8001)]
    port: u16,
    /// Take a free port where the wanted one is taken
    #[arg(long)]
    or_any_port: bool,
    /// Threads that serve [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// Where the localities come from: the base address of the API
    #[arg(long, value_name = "URL", env = "PARALELO_API", default_value = "http://127.0.0.1:8000")]
    source: String,
    /// Requests for the cities of a state in flight at once, at the most
    #[arg(long, value_name = "N", default_value_t = 26, value_parser = clap::value_parser!(u16).range(1..))]
    states_at_once: u16,
    /// Requests for the districts of a city in flight at once, at the most
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..))]
    cities_at_once: u16,
    /// The longest that one request to the source may take with all its attempts, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    request_timeout: Duration,
    /// The longest silence of the source, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    read_timeout: Duration,
    /// The longest that fetching a state may take with everything below it, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    deadline: Duration,
    /// How often a request to the source is repeated after a failure that may pass
    #[arg(long, value_name = "N", default_value_t = 3)]
    retries: u32,
    /// So many failures in a row, and the source is left alone for a while
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    fuse: u32,
    /// How long what came is fresh, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    fresh: Duration,
    /// The same for what has gaps, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    fresh_with_gaps: Duration,
    /// How long after that it is served while a new one is fetched, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    stale_while_revalidate: Duration,
    /// How long it is served where a new one cannot be had, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2592000", value_parser = seconds)]
    stale_if_error: Duration,
    /// Where what is known is kept for the next start [default: data/out/states-api/snapshot.json]
    #[arg(long, value_name = "FILE", conflicts_with = "no_snapshot")]
    snapshot: Option<PathBuf>,
    /// Keep nothing for the next start
    #[arg(long)]
    no_snapshot: bool,
    /// Fetch everything at once instead of when it is first asked for
    #[arg(long)]
    prefetch: bool,
    /// The longest that a connection may wait for its client, for a request or for room to write, in milliseconds
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    client_timeout_ms: u64,
    /// How long open requests may go on after Ctrl-C, in milliseconds
    #[arg(long, default_value_t = 5_000)]
    shutdown_deadline_ms: u64,
    /// Write a line of JSON for each request to standard error
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
    /// The source cannot be asked.
    #[error("the source cannot be used")]
    Source(#[from] FetchError),
    /// The threads, the signal handlers or standard output could not be set up.
    #[error("cannot start")]
    Start(#[from] io::Error),
    /// The server failed while it served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl CliError {
    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bind(error) => Some(error.hint().to_owned()),
            Self::Source(error) => Some(format!("{}; --source takes the address of an API", error.hint())),
            Self::Start(_) | Self::Serve(_) => None,
        }
    }
}

/// Serves as the arguments say until Ctrl-C, SIGTERM or, with `--stop-with-stdin`, the end of standard input.
///
/// # Errors
/// When the address cannot be listened on, and when the server cannot start or go on.
pub fn main(args: &Args) -> Result<(), CliError> {
    let _guard = init_logs(args);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = args.workers {
        runtime.worker_threads(workers.into());
    }
    runtime.enable_all().build()?.block_on(serve(args))
}

async fn serve(args: &Args) -> Result<(), CliError> {
    raise_file_limit();
    let shutdown = stop_signal(args.stop_with_stdin)?;
    let atlas = atlas(args)?;
    let service = Service::new(atlas.clone());
    let listener = listen(SocketAddr::new(args.host, args.port), args.or_any_port)?;
    announce(&listener)?;
    if args.prefetch {
        atlas.prefetch();
    }
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let loops = Loops::start(args.workers.map_or_else(cores, usize::from))?;
    let limits = Limits::new(
        Duration::from_millis(args.client_timeout_ms),
        Duration::from_millis(args.shutdown_deadline_ms),
    );
    let served =
        serving::serve::run(listener, service.router(), &loops, limits, service.connections(), shutdown)
            .await;
    // Requests have ended; what was being fetched for nobody is called off, and the snapshot is written.
    atlas.close().await;
    Ok(served?)
}

fn atlas(args: &Args) -> Result<Atlas, CliError> {
    let manners = Manners {
        read: args.read_timeout.min(args.request_timeout),
        whole: args.request_timeout,
        retries: args.retries,
        ..source::Settings::new("").manners
    };
    let settings = source::Settings {
        manners,
        fuse: Fuse { failures: args.fuse, ..Fuse::default() },
        headers: vec![("x-client-id".to_owned(), "states-api".to_owned())],
        ..source::Settings::new(&args.source)
    };
    let source = Ibge::new(&settings)?;
    let home = || Home::find().out().join("states-api/snapshot.json");
    let snapshot = (!args.no_snapshot).then(|| args.snapshot.clone().unwrap_or_else(home));
    let known = match &snapshot {
        None => Known::default(),
        // A service without its snapshot starts empty, which is better than not at all.
        Some(path) => snapshot::load(path, &source.shown())
            .unwrap_or_else(|problem| {
                tracing::warn!("{}", problem.line());
                None
            })
            .unwrap_or_default(),
    };
    let bulkheads = Bulkheads::new(args.states_at_once.into(), args.cities_at_once.into());
    let ages = Ages {
        fresh: args.fresh,
        fresh_with_gaps: args.fresh_with_gaps,
        while_revalidating: args.stale_while_revalidate,
        if_error: args.stale_if_error,
    };
    let settings = Settings { ages, deadline: args.deadline, snapshot };
    Ok(Atlas::new(Gatherer { source, bulkheads }, settings, known))
}

/// Logs to standard error, and to a file where there is a folder for it. Dropping the guard writes what is still in memory.
fn init_logs(args: &Args) -> Option<impl Drop + use<>> {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let access = if args.access_log { LevelFilter::INFO } else { LevelFilter::OFF };
    let others = Targets::new().with_default(args.log_level).with_target(ACCESS, LevelFilter::OFF);
    let others =
        tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).with_filter(others);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    let lines = lines.with_filter(Targets::new().with_target(ACCESS, access));
    // A second call in one process keeps the first one's choice, which is as good.
    let (file, guard) = lab::logs::file("states-api", &Home::find());
    let _ = tracing_subscriber::registry().with(file).with(others).with(lines).try_init();
    guard
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if seconds <= 1e9 => Ok(duration),
        _ => Err("expected at least 0 and at most 10^9".into()),
    }
}
