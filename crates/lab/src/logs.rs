//! Logging: short lines on the console, JSON lines in `logs/`.
//!
//! What is logged of a step is one mechanism, [`mod@crate::logged`]. A log file is made only at the project's own home
//! ([`Home::is_own`]): a folder `logs` of somebody else's stays as it is.

use std::io;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::home::Home;

/// Sets up the console and the log file of `program`. Keep the guard until the end: dropping it writes what
/// is still in memory. Without a `logs` folder at a home of our own, there is no log file.
#[must_use]
pub fn init(program: &str, level: LevelFilter, home: &Home) -> Option<WorkerGuard> {
    let console = fmt::layer()
        .with_writer(|| anstream::AutoStream::new(io::stderr(), anstream::AutoStream::choice(&io::stderr())))
        .without_time()
        .with_target(false)
        .with_filter(level);
    let (file, guard) = file(program, home);
    // A second call, as from two tests in one process, keeps the first set-up.
    let _ = tracing_subscriber::registry().with(console).with(file).try_init();
    guard
}

/// The log file of `program`, as a layer of whoever sets up its own console, and the guard to keep until the end.
pub fn file<S>(program: &str, home: &Home) -> (Option<impl Layer<S> + use<S>>, Option<WorkerGuard>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let folder = home.logs();
    if !home.is_own() || !folder.is_dir() {
        return (None, None);
    }
    // The writer drops lines by default when it cannot keep up; a log that lacks lines is worse than a short wait.
    let appender = tracing_appender::rolling::daily(folder, format!("{program}.jsonl"));
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(appender);
    let layer = fmt::layer().json().with_writer(writer).with_filter(LevelFilter::INFO);
    (Some(layer), Some(guard))
}

/// Sets up a worker process: warnings go to standard error, which the parent listens to.
pub(crate) fn worker(level: LevelFilter) {
    let console = fmt::layer().with_writer(io::stderr).without_time().with_target(false).with_ansi(false);
    let _ = tracing_subscriber::registry().with(console.with_filter(level)).try_init();
}
