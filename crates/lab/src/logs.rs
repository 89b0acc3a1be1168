//! Logging: short lines on the console, JSON lines in `logs/`.
//!
//! The counterpart of a log decorator is one attribute on a function, `#[tracing::instrument(err(level = "info"))]`: the
//! log file then has the function's name, its arguments, how long it was busy and idle, and the error that ended it.

use std::fs;
use std::io;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::home::Home;

/// Sets up the console and the log file of `program`. Keep the guard until the end: dropping it writes what
/// is still in memory. Without a `logs` folder at home, there is no log file.
#[must_use]
pub fn init(program: &str, level: LevelFilter, home: &Home) -> Option<WorkerGuard> {
    let console = fmt::layer()
        .with_writer(|| anstream::AutoStream::new(io::stderr(), anstream::AutoStream::choice(&io::stderr())))
        .without_time()
        .with_target(false)
        .with_filter(level);
    let folder = home.logs();
    let (file, guard) = if fs::metadata(&folder).is_ok_and(|found| found.is_dir()) {
        // The writer drops lines by default when it cannot keep up; a log that lacks lines is worse than a short wait.
        let appender = tracing_appender::rolling::daily(folder, format!("{program}.jsonl"));
        let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(appender);
        let layer = fmt::layer().json().with_writer(writer).with_span_events(FmtSpan::CLOSE);
        (Some(layer.with_filter(LevelFilter::INFO)), Some(guard))
    } else {
        (None, None)
    };
    // A second call, as from two tests in one process, keeps the first set-up.
    let _ = tracing_subscriber::registry().with(console).with(file).try_init();
    guard
}

/// Sets up a worker process: warnings go to standard error, which the parent listens to.
pub(crate) fn worker(level: LevelFilter) {
    let console = fmt::layer().with_writer(io::stderr).without_time().with_target(false).with_ansi(false);
    let _ = tracing_subscriber::registry().with(console.with_filter(level)).try_init();
}
