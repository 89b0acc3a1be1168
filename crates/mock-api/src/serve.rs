//! Serving: connections are accepted, served, and let finish at the end.
//!
//! Each connection is a task. `axum::serve` would do for that, but not for a limit on how long a request head may take,
//! nor for an end of what is still open once a deadline has passed.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Config, app};

/// Why a server could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener itself is broken: no connection will come any more.
    #[error("the listening socket failed")]
    Accept(#[source] io::Error),
}

/// The two ends of a connection: finish what you are at, and stop at once.
#[derive(Clone, Debug, Default)]
struct Stop {
    finish: CancellationToken,
    abandon: CancellationToken,
}

/// Serves the API on `listener` until `shutdown` completes; then accepts nothing more, lets open requests finish within
/// [`Config::shutdown_deadline`] and drops what is left. No task outlives the returned future's completion.
///
/// # Errors
/// [`ServeError::Accept`] when the listening socket itself fails. A connection that fails costs only itself, and a
/// shortage of file descriptors is waited out.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (head_timeout, deadline) = (config.head_timeout, config.shutdown_deadline);
    let app = app(config);
    let stop = Stop::default();
    let connections = TaskTracker::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let outcome = loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break Ok(()),
        };
        match accepted {
            Ok((stream, _peer)) => {
                connections.spawn(serve_connection(stream, app.clone(), head_timeout, stop.clone()));
            }
            Err(error) if is_about_one_connection(&error) => tracing::debug!(%error, "a connection was lost"),
            Err(error) if is_shortage(&error) => {
                tracing::warn!(%error, "no file descriptor is left for a new connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => break Err(ServeError::Accept(error)),
        }
    };
    drop(listener);
    stop.finish.cancel();
    connections.close();
    if tokio::time::timeout(deadline, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were still busy at the deadline");
        stop.abandon.cancel();
        connections.wait().await;
    }
    outcome
}

async fn serve_connection(stream: TcpStream, app: Router, head_timeout: Duration, stop: Stop) {
    // Small answers must not wait for the client's delayed acknowledgement; a socket without the option still works.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.finish.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                served = &mut connection => served,
                () = stop.abandon.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The peer was gone before its connection was accepted.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`: the machine or the process is short of something that comes back.
fn is_shortage(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM))
}
