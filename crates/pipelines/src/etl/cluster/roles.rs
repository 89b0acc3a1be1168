//! This program as a scheduler and as an executor: `pipelines worker etl-scheduler …`, `pipelines worker etl-executor …`.
//!
//! Both say on standard output where they listen, and end with their standard input.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;
use lab::out::Staging;
use lab::procs::hold;
use lab::{OrProblem, Problem, Stop};
use tokio::net::TcpListener;

use super::engine;

pub(in super::super) const SCHEDULER: &str = "etl-scheduler";
pub(in super::super) const EXECUTOR: &str = "etl-executor";

/// Plans what sessions ask for, and gives its tasks to executors.
#[derive(Debug, Parser)]
#[command(name = SCHEDULER)]
struct Scheduler {
    /// Where it listens; port 0 is any that is free
    #[arg(long, value_name = "IP:PORT")]
    listen: SocketAddr,
    /// Seconds after which an executor that is silent is taken for dead; a busy one is heard of every five
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    patience: u64,
}

/// Does tasks of a scheduler. It reads the files of the lake at the paths that they have where the job is started.
#[derive(Debug, Parser)]
#[command(name = EXECUTOR)]
struct Executor {
    /// Where the scheduler listens
    #[arg(long, value_name = "IP:PORT")]
    scheduler: SocketAddr,
    /// Where it listens for those who fetch what it has made; port 0 is any that is free
    #[arg(long, value_name = "IP:PORT")]
    listen: SocketAddr,
    /// How many tasks it does at a time [default: the processors]
    #[arg(long, value_name = "N")]
    tasks: Option<NonZeroUsize>,
}

/// Plays the scheduler.
pub(in super::super) fn scheduler() -> Result<(), Problem> {
    let told = Scheduler::parse_from(std::env::args_os().skip(2));
    serve(told.listen, None, |listener| engine::schedule(listener, Duration::from_secs(told.patience)))
}

/// Plays an executor.
pub(in super::super) fn executor() -> Result<(), Problem> {
    let told = Executor::parse_from(std::env::args_os().skip(2));
    let tasks = told.tasks.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let folder = Staging::within(&std::env::temp_dir())?;
    let place = folder.folder().to_path_buf();
    serve(told.listen, Some(folder), |listener| async move {
        engine::execute(listener, told.scheduler, &place, tasks).await
    })
}

/// Serves until a stop. The folder goes first: who is asked to end has a moment, and threads may take longer.
fn serve<F: Future<Output = Result<(), Problem>>>(
    address: SocketAddr,
    folder: Option<Staging>,
    work: impl FnOnce(TcpListener) -> F,
) -> Result<(), Problem> {
    let stop = Stop::new();
    stop.on_ctrl_c()?;
    hold(std::io::stdin(), stop.clone()).or_problem(|| "cannot watch standard input")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.or_problem(|| "cannot start an event loop")?;
    let served = runtime.block_on(async {
        let listener =
            TcpListener::bind(address).await.or_problem(|| format!("cannot listen on {address}"))?;
        let own = listener.local_addr().or_problem(|| format!("cannot listen on {address}"))?;
        let said = writeln!(std::io::stdout(), "listening on {own}");
        said.or_problem(|| "cannot say where it listens")?;
        let mut serving = pin!(work(listener));
        let served = tokio::select! {
            () = stop.wait() => Ok(()),
            served = &mut serving => served,
        };
        // Before the engine is dropped, which waits for threads of its own.
        drop(folder);
        served
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    served
}
