//! Serving: connections are accepted, served, and let finish at the end.
//!
//! Each connection is a task. `axum::serve` would do for that, but it has no deadline for clients, no limit for the connections
//! of one client, and no end of what is still open once a deadline has passed.

mod activity;
mod clients;
mod loops;
mod socket;

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Version;
use axum::response::Response;
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use activity::{Activity, AnswerBody, RequestBody, Turn, overdue};
use clients::{Clients, Open};
pub use loops::Loops;
use socket::Socket;

/// The longest that an overdue client has to take the end of its connection.
const GOODBYE: Duration = Duration::from_secs(1);

/// What answers the requests of a server.
pub trait App: Send + Sync + 'static {
    /// Answers one request of `peer`.
    fn answer(&self, peer: &Peer, request: Request) -> impl Future<Output = Response> + Send;
}

/// A router knows the peer as an extension of the request.
impl App for Router {
    async fn answer(&self, peer: &Peer, mut request: Request) -> Response {
        request.extensions_mut().insert(peer.clone());
        // A router is always ready.
        let Ok(response) = self.clone().call(request).await;
        response
    }
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address without the port, as text.
    pub name: Arc<str>,
}

impl Peer {
    /// The peer at this address.
    pub fn new(address: IpAddr) -> Self {
        Self { name: address.to_canonical().to_string().into() }
    }
}

/// In an answer's extensions: the connection is to be reset before any byte of it.
#[derive(Clone, Copy, Debug)]
pub struct ResetConnection;

/// Limits for the clients of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest that a connection may wait for its client: for a whole request head (also the first one, and the next one),
    /// for a request's body, for room to write an answer. Then it is closed. The work of the server itself has no limit here.
    pub client: Duration,
    /// The longest that open requests may go on after a shutdown was asked for.
    pub shutdown: Duration,
    /// Connections of one address at the same time. One more is closed at once.
    pub connections: usize,
}

impl Limits {
    /// Limits in time, and as many connections of one address as leave room for others.
    pub fn new(client: Duration, shutdown: Duration) -> Self {
        Self { client, shutdown, connections: clients::most_of_one() }
    }
}

/// Why a server could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The threads that serve cannot be started.
    #[error("the server cannot start")]
    Start(#[source] io::Error),
    /// The listener itself is broken: no connection will come any more.
    #[error("the listening socket failed")]
    Accept(#[source] io::Error),
}

/// Tells hyper to end the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset on purpose")]
struct Reset;

/// The two ends of a connection: finish what you are at, and stop at once.
#[derive(Clone, Debug, Default)]
struct Stop {
    finish: CancellationToken,
    abandon: CancellationToken,
}

impl Stop {
    /// Follows `self`. Asking a token takes its lock, which is a connection's own, because it is asked for every request.
    fn child(&self) -> Self {
        Self { finish: self.finish.child_token(), abandon: self.abandon.child_token() }
    }
}

/// Serves `app` on `listener`, its connections dealt out to `loops`, until `shutdown` completes; then accepts nothing more,
/// lets open requests finish within [`Limits::shutdown`] and drops what is left. No task outlives the returned future's
/// completion. `open` is the number of open connections at any time.
///
/// # Errors
/// [`ServeError::Accept`] when the listening socket itself fails. A connection that fails costs only itself, and a
/// shortage of file descriptors is waited out.
pub async fn run(
    listener: TcpListener,
    app: impl App,
    loops: &Loops,
    limits: Limits,
    open: &Arc<AtomicU64>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let app = Arc::new(app);
    let stop = Stop::default();
    let clients = Clients::new(limits.connections, Arc::clone(open));
    let connections = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    let mut number = 0;
    let outcome = loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(open) = clients.admit(peer.ip()) else {
                    tracing::debug!(%peer, "too many connections of one address");
                    continue;
                };
                let peer = Peer::new(peer.ip());
                let (app, stop) = (Arc::clone(&app), stop.child());
                let Some(event_loop) = loops.of(number) else {
                    connections.spawn(serve_connection(stream, peer, app, limits.client, stop, open));
                    continue;
                };
                number += 1;
                // Its readiness is to be told to the loop that serves it, and no longer to this one.
                let Ok(stream) = stream.into_std() else { continue };
                let connection = async move {
                    if let Ok(stream) = TcpStream::from_std(stream) {
                        serve_connection(stream, peer, app, limits.client, stop, open).await;
                    }
                };
                connections.spawn_on(connection, event_loop);
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
    if tokio::time::timeout(limits.shutdown, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were still busy at the deadline");
        stop.abandon.cancel();
        connections.wait().await;
    }
    outcome
}

async fn serve_connection(
    stream: TcpStream,
    peer: Peer,
    app: Arc<impl App>,
    deadline: Duration,
    stop: Stop,
    _open: Open,
) {
    // Small answers must not wait for the client's delayed acknowledgement; a socket without the option still works.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let activity = Arc::new(Activity::default());
    let socket = Socket::new(stream, Arc::clone(&reset), Arc::clone(&activity));

    // What the requests of this connection share: counting one pointer is cheaper than counting four.
    let shared = Arc::new((app, peer, reset, Arc::clone(&activity)));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (app, peer, reset, activity) = &*shared;
            let turn = Turn::begin(activity);
            let is_http_1 = request.version() < Version::HTTP_2;
            let response = app.answer(peer, request.map(|body| received(body, activity))).await;
            if response.extensions().get::<ResetConnection>().is_some() {
                // One connection of HTTP/2 carries many requests, and an error resets the stream of this one alone.
                reset.store(is_http_1, Relaxed);
                return Err(Reset);
            }
            Ok(response.map(|body| AnswerBody::new(body, turn)))
        }
    });

    // Flushing the answers to pipelined requests together would serve half as many again; but hyper holds them back as long as
    // it has unread bytes, and so an answer would wait for a slow request behind it.
    let builder = Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(socket, service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        biased;
        served = &mut connection => served,
        () = heard_once(&stop.finish) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                served = &mut connection => served,
                () = stop.abandon.cancelled() => Ok(()),
            }
        }
        () = overdue(&activity, deadline) => {
            tracing::debug!("a client let its connection wait too long");
            // HTTP/2 says goodbye; whoever does not take even that is left.
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GOODBYE.min(deadline), connection.as_mut()).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The body of a request as handlers get it. Most requests have none, and pay for none.
fn received(body: Incoming, activity: &Arc<Activity>) -> Body {
    if body.is_end_stream() { Body::empty() } else { Body::new(RequestBody::new(body, activity)) }
}

/// Completes when the token is cancelled. It leaves its waker once, because it is asked for every request and a task has one
/// waker all its life.
async fn heard_once(token: &CancellationToken) {
    let mut cancelled = pin!(token.cancelled());
    let mut heard = false;
    poll_fn(|context| match std::mem::replace(&mut heard, true) {
        true if token.is_cancelled() => Poll::Ready(()),
        true => Poll::Pending,
        false => cancelled.as_mut().poll(context),
    })
    .await;
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
