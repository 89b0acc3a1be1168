//! Plain HTTP/1.1 connections that are kept open, each driven by the request that uses it.
//!
//! A client for every protocol gives each connection to a task of its own and talks to that task: two queues and two
//! wake-ups for each request, which at a near server cost more than the request. Here a connection travels with its
//! request, and lies in a drawer between two of them.

use std::collections::HashMap;
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{fmt, mem};

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::header::HOST;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service as _;

use crate::error::{FetchError, Phase, innermost};

/// How long a connection may idle before it is closed. It holds a file descriptor here and at the server.
pub(crate) const IDLE: Duration = Duration::from_secs(10);
/// How often those are looked for that have idled for so long.
const TIDY: Duration = Duration::from_secs(1);

/// Up to so many bytes are read at once. More makes nothing faster, and each connection holds them.
const BUFFER: usize = 64 << 10;

/// The connections of one client.
#[derive(Clone, Debug)]
pub(crate) struct Wires {
    connector: HttpConnector,
    connect: Duration,
    /// Locked to take a wire out or to put one in.
    drawer: Arc<Mutex<Drawer>>,
}

/// The wires that nobody uses just now.
#[derive(Debug)]
struct Drawer {
    /// By host and port; of each, the one that was used last comes last.
    idle: HashMap<Box<str>, Vec<Idle>>,
    tidied: Instant,
}

#[derive(Debug)]
struct Idle {
    wire: Wire,
    since: Instant,
}

/// A connection, and who asks over it.
struct Wire {
    sender: SendRequest<String>,
    /// It makes progress only while it is polled.
    connection: Pin<Box<Connection<TokioIo<TcpStream>, String>>>,
    open: bool,
}

/// How a body may end before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Nothing came for too long.
    Silent,
    /// The connection ended, or what came is not HTTP.
    Off,
}

/// The body of an answer that comes over a wire. At its end the wire goes back into its drawer; dropped before, it closes
/// the connection.
#[derive(Debug)]
pub(crate) struct WireBody {
    body: Incoming,
    wire: Option<Wire>,
    host: Box<str>,
    wires: Wires,
}

impl Wires {
    /// An empty drawer. To make a connection may take as long as `connect`.
    pub(crate) fn new(connect: Duration) -> Self {
        let mut connector = HttpConnector::new();
        // A request and its answer are single packets mostly; they do not wait for more.
        connector.set_nodelay(true);
        let drawer = Drawer { idle: HashMap::new(), tidied: Instant::now() };
        Self { connector, connect, drawer: Arc::new(Mutex::new(drawer)) }
    }

    /// Asks for a URL whose scheme is `http`, and returns when the head of the answer is there.
    ///
    /// # Errors
    /// That no connection could be made, or that one ended or was silent for as long as `read`.
    pub(crate) async fn ask(
        &self,
        url: &Url,
        fields: HeaderMap,
        read: Duration,
    ) -> Result<Response<WireBody>, FetchError> {
        let host = host(url);
        let mut request = request(url, host, fields)?;
        loop {
            let (mut wire, used) = match self.take(host).await {
                Some(wire) => (wire, true),
                None => (self.connect(url).await?, false),
            };
            let answer =
                alongside(wire.connection.as_mut(), &mut wire.open, wire.sender.try_send_request(request));
            let late = |_| FetchError::Timeout { phase: Phase::Read, limit: read };
            match timeout(read, answer).await.map_err(late)? {
                Ok(answer) => {
                    let (wires, host) = (self.clone(), host.into());
                    return Ok(answer.map(|body| WireBody { body, wire: Some(wire), host, wires }));
                }
                Err(mut failed) => match failed.take_message() {
                    // The server closed the connection while it idled, and never heard of this request.
                    Some(unsent) if used => request = unsent,
                    _ => return Err(FetchError::of_wire(failed.error())),
                },
            }
        }
    }

    async fn connect(&self, url: &Url) -> Result<Wire, FetchError> {
        let refused =
            |error: &(dyn Error + 'static)| FetchError::Connect { why: innermost(error).to_string() };
        let uri = Uri::try_from(url.as_str()).map_err(|error| refused(&error))?;
        let late = |_| FetchError::Timeout { phase: Phase::Connect, limit: self.connect };
        let stream = timeout(self.connect, self.connector.clone().call(uri)).await.map_err(late)?;
        // A request is one small piece: it goes out by itself and not in a list of pieces.
        let made = Builder::new()
            .writev(false)
            .max_buf_size(BUFFER)
            .handshake(stream.map_err(|error| refused(&error))?)
            .await;
        let (sender, connection) = made.map_err(|error| refused(&error))?;
        Ok(Wire { sender, connection: Box::pin(connection), open: true })
    }

    /// The wire to `host` that was used last, if one is still open.
    async fn take(&self, host: &str) -> Option<Wire> {
        loop {
            let Idle { mut wire, since } = self.drawer.lock().idle.get_mut(host)?.pop()?;
            if since.elapsed() < IDLE && wire.is_ready().await {
                return Some(wire);
            }
        }
    }

    fn put(&self, host: Box<str>, wire: Wire) {
        let since = Instant::now();
        let mut drawer = self.drawer.lock();
        if since - drawer.tidied > TIDY {
            drawer.idle.retain(|_, wires| {
                wires.retain(|idle| since - idle.since < IDLE);
                !wires.is_empty()
            });
            drawer.tidied = since;
        }
        drawer.idle.entry(host).or_default().push(Idle { wire, since });
    }
}

impl Wire {
    /// Whether another request can be sent over it: drives it once, so that it sees what has come meanwhile.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            self.open = self.open && self.connection.as_mut().poll(context).is_pending();
            Poll::Ready(self.open && self.sender.is_ready())
        })
        .await
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Wire").field("open", &self.open).finish_non_exhaustive()
    }
}

impl WireBody {
    /// The next piece of the body; nothing at its end.
    ///
    /// # Errors
    /// A body that breaks off, and a silence as long as `read`.
    pub(crate) async fn piece(&mut self, read: Duration) -> Result<Option<Bytes>, Broken> {
        loop {
            let Some(wire) = &mut self.wire else { return Ok(None) };
            let frame = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
            let frame = alongside(wire.connection.as_mut(), &mut wire.open, frame);
            match timeout(read, frame).await.map_err(|_| Broken::Silent)? {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
                Some(Err(_)) => return Err(Broken::Off),
                None => {
                    if let Some(mut wire) = self.wire.take()
                        && wire.is_ready().await
                    {
                        self.wires.put(mem::take(&mut self.host), wire);
                    }
                }
            }
        }
    }
}

/// Drives a connection for as long as `work` needs it.
pub(crate) async fn alongside<T>(
    mut connection: Pin<&mut impl Future<Output = hyper::Result<()>>>,
    open: &mut bool,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        // What the connection ends with, the work is told as well.
        *open = *open && connection.as_mut().poll(context).is_pending();
        work.as_mut().poll(context)
    })
    .await
}

/// The host with its port, where it has one, as the field `Host` names it.
pub(crate) fn host(url: &Url) -> &str {
    url.authority().rsplit_once('@').map_or(url.authority(), |(_, host)| host)
}

/// The path with its query, as the first line of a request has it.
pub(crate) fn path(url: &Url) -> &str {
    let asked = url.as_str().split_once('#').map_or(url.as_str(), |(asked, _)| asked);
    // Behind the scheme and `://`, the first slash is the path's: a parsed URL of HTTP always has one.
    let authority = url.scheme().len() + 3;
    asked.get(authority..).and_then(|rest| rest.find('/').map(|slash| &rest[slash..])).unwrap_or("/")
}

fn request(url: &Url, host: &str, fields: HeaderMap) -> Result<Request<String>, FetchError> {
    let wrong = |error: &dyn fmt::Display| FetchError::Client { why: error.to_string() };
    let mut request = Request::new(String::new());
    *request.uri_mut() = Uri::try_from(path(url)).map_err(|error| wrong(&error))?;
    *request.headers_mut() = fields;
    request.headers_mut().insert(HOST, HeaderValue::from_str(host).map_err(|error| wrong(&error))?);
    Ok(request)
}
