//! One request over a connection of its own, with the time of each of its phases.
//!
//! The times are the target's and not ours: when bytes came is what the kernel noted, not when this program got round to
//! reading them ([`crate::stamped`]). What cannot be told apart from the target's time is bounded and reported as
//! [`Probe::lag`].

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::encoding;
use crate::error::{FetchError, Phase, innermost};
use crate::stamped::{Arrivals, Stamped};
use crate::target::Target;
use crate::tls;
use crate::wire::{self, alongside};

/// The most to which a body is decoded that is looked at.
const DECODED: u64 = 16 << 20;

thread_local! {
    /// When the event loop of this thread last woke up.
    static AWAKE_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// To be called when an event loop wakes up (`on_thread_unpark`), so that probes on it know how long it has been busy.
pub fn note_waking() {
    AWAKE_SINCE.set(Some(Instant::now()));
}

/// The longest for which something that this thread notices now may have waited for it: what came while the loop slept woke
/// it, and anything else came later.
fn busy() -> Duration {
    AWAKE_SINCE.get().map_or(Duration::ZERO, |since| since.elapsed())
}

/// How probes are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    /// The longest that one probe may take.
    pub timeout: Duration,
    /// The most of a body that is kept to be looked at, in bytes; all of it is read.
    pub keep: usize,
    /// Whether to ask for the head alone.
    pub head: bool,
    /// Header fields of each request.
    pub fields: Vec<(String, String)>,
}

/// How long each phase took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// The look-up of the name; nothing where the host is an address.
    pub dns: Duration,
    /// The TCP handshake.
    pub connect: Duration,
    /// The TLS handshake; nothing without one.
    pub tls: Duration,
    /// From the request to the first byte of the answer.
    pub first_byte: Duration,
    /// From the beginning to the last byte of the answer, or to the failure.
    pub total: Duration,
}

/// What a probe found.
#[derive(Clone, Debug)]
pub struct Probe {
    /// How long it took.
    pub phases: Phases,
    /// How much of that may be this program's own delay, at the most.
    pub lag: Duration,
    /// For how long the answer lay in the kernel before it was read. It is no part of the phases.
    pub unread: Duration,
    /// The address that was asked, once there was one.
    pub remote: Option<SocketAddr>,
    /// The answer.
    pub outcome: Result<Probed, FetchError>,
}

/// A whole answer, of whatever status.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The status code.
    pub status: u16,
    /// The beginning of the body, up to [`Probing::keep`].
    pub body: Bytes,
    /// The length of the body.
    pub length: u64,
    /// Where a redirect leads; none is followed.
    pub location: Option<String>,
}

/// Makes probes. Cloning it is cheap.
#[derive(Clone)]
pub struct Prober {
    probing: Arc<Probing>,
    fields: Arc<[(HeaderName, HeaderValue)]>,
    tls: TlsConnector,
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Prober").field("probing", &self.probing).finish_non_exhaustive()
    }
}

/// What is known so far of a probe that may be broken off at any moment.
struct Progress {
    start: Instant,
    arrivals: Arc<Arrivals>,
    phases: Phases,
    lag: Duration,
    remote: Option<SocketAddr>,
}

impl Prober {
    /// A prober.
    ///
    /// # Errors
    /// [`FetchError::Client`] when a field is none or the TLS settings cannot be made.
    pub fn new(probing: Probing) -> Result<Self, FetchError> {
        let wrong = |why: String| FetchError::Client { why };
        let agent = ("user-agent".to_owned(), concat!("paralelo/", env!("CARGO_PKG_VERSION")).to_owned());
        let fields = std::iter::once(&agent).chain(&probing.fields).map(|(name, value)| {
            let field = HeaderName::try_from(name.as_str()).map_err(|error| error.to_string());
            let value = HeaderValue::try_from(value.as_str()).map_err(|error| error.to_string());
            Ok((
                field.map_err(|why| wrong(format!("`{name}`: {why}")))?,
                value.map_err(|why| wrong(format!("{name}: {why}")))?,
            ))
        });
        let fields = fields.collect::<Result<Vec<_>, FetchError>>()?;
        let mut settings = tls::settings().map_err(|error| wrong(error.to_string()))?;
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Each probe makes the whole handshake, as a new visitor does.
        settings.resumption = Resumption::disabled();
        let tls = TlsConnector::from(Arc::new(settings));
        Ok(Self { probing: Arc::new(probing), fields: fields.into(), tls })
    }

    /// Asks a target once.
    ///
    /// Dropping the future closes the connection.
    pub async fn probe(&self, target: &Target) -> Probe {
        let start = Instant::now();
        let mut progress = Progress {
            start,
            arrivals: Arrivals::new(start),
            phases: Phases::default(),
            lag: Duration::ZERO,
            remote: None,
        };
        let limit = self.probing.timeout;
        let outcome = timeout(limit, self.attempt(&target.url, &mut progress)).await;
        let Progress { mut phases, arrivals, lag, remote, .. } = progress;
        let outcome = outcome.unwrap_or_else(|_| {
            let phase =
                if remote.is_none() || phases.connect.is_zero() { Phase::Connect } else { Phase::Read };
            Err(FetchError::Timeout { phase, limit })
        });
        phases.total = match (&outcome, arrivals.last()) {
            (Ok(_), Some(last)) => last.duration_since(start),
            _ => start.elapsed(),
        };
        Probe { phases, lag, unread: arrivals.lag(), remote, outcome }
    }

    async fn attempt(&self, url: &Url, progress: &mut Progress) -> Result<Probed, FetchError> {
        let stream = connect(url, progress).await?;
        // A request and its answer are single packets mostly; they do not wait for more.
        let _ = stream.set_nodelay(true);
        let stream = Stamped::new(stream, Arc::clone(&progress.arrivals));
        if url.scheme() != "https" {
            return self.ask(url, stream, progress).await;
        }
        let begun = Instant::now();
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let refused = |error: &dyn std::fmt::Display| FetchError::Connect { why: error.to_string() };
        let name = ServerName::try_from(host).map_err(|error| refused(&error))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| refused(&innermost(&error)))?;
        progress.phases.tls = progress.arrivals.last().map_or(begun.elapsed(), |last| last - begun);
        self.ask(url, stream, progress).await
    }

    async fn ask(
        &self,
        url: &Url,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        progress: &mut Progress,
    ) -> Result<Probed, FetchError> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| FetchError::of_wire(&error))?;
        let (mut connection, mut open) = (pin!(connection), true);
        let request = self.request(url)?;
        let sent = Instant::now();
        let response = {
            let mut answer = pin!(sender.send_request(request));
            alongside(connection.as_mut(), &mut open, poll_fn(|context| answer.as_mut().poll(context))).await
        };
        let response: Response<Incoming> = response.map_err(|error| FetchError::of_wire(&error))?;
        // After a TLS handshake the server may still send tickets, which are no answer.
        let arrivals = &progress.arrivals;
        let came = if url.scheme() == "https" { arrivals.last() } else { arrivals.first() };
        progress.phases.first_byte = came.unwrap_or_else(Instant::now).saturating_duration_since(sent);
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(Into::into);
        let (head, body) = response.into_parts();
        let (body, length) = self.body(connection, open, body).await?;
        // A look at the beginning of an encoded body shows nothing; all of it can be decoded.
        let whole = body.len() as u64 == length;
        let plain = whole.then(|| encoding::decoded(body.clone(), &head.headers, DECODED).ok()).flatten();
        let body = plain.unwrap_or(body);
        Ok(Probed { status, body, length, location })
    }

    fn request(&self, url: &Url) -> Result<Request<String>, FetchError> {
        let wrong = |error: &dyn std::fmt::Display| FetchError::Client { why: error.to_string() };
        let method = if self.probing.head { Method::HEAD } else { Method::GET };
        let mut request =
            Request::builder().method(method).uri(wire::path(url)).header(HOST, wire::host(url));
        for (name, value) in &*self.fields {
            request = request.header(name, value);
        }
        if let Some(authorization) = authorization(url) {
            request = request.header(hyper::header::AUTHORIZATION, authorization);
        }
        request.body(String::new()).map_err(|error| wrong(&error))
    }

    async fn body(
        &self,
        mut connection: Pin<&mut impl Future<Output = hyper::Result<()>>>,
        mut open: bool,
        body: Incoming,
    ) -> Result<(Bytes, u64), FetchError> {
        let (mut body, mut kept, mut length) = (pin!(body), BytesMut::new(), 0);
        loop {
            let frame = alongside(
                connection.as_mut(),
                &mut open,
                poll_fn(|context| body.as_mut().poll_frame(context)),
            )
            .await;
            match frame {
                None => return Ok((kept.freeze(), length)),
                Some(Err(_)) => return Err(FetchError::Truncated { received: length, announced: None }),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    length += data.len() as u64;
                    let room = self.probing.keep.saturating_sub(kept.len());
                    kept.extend_from_slice(&data[..data.len().min(room)]);
                }
            }
        }
    }
}

async fn connect(url: &Url, progress: &mut Progress) -> Result<TcpStream, FetchError> {
    let refused = |error: io::Error| FetchError::Connect { why: innermost(&error).to_string() };
    let addresses = addresses(url, progress).await.map_err(refused)?;
    let begun = Instant::now();
    let mut last = io::Error::other("the name has no address");
    for address in addresses {
        progress.remote = Some(address);
        match TcpStream::connect(address).await {
            Ok(stream) => {
                progress.phases.connect = begun.elapsed();
                progress.lag += busy().min(progress.phases.connect);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(refused(last))
}

async fn addresses(url: &Url, progress: &mut Progress) -> io::Result<Vec<SocketAddr>> {
    let port = url.port_or_known_default().unwrap_or(80);
    let host = url.host_str().unwrap_or_default();
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = lookup_host((host, port)).await?.collect();
    progress.phases.dns = progress.start.elapsed();
    progress.lag += busy().min(progress.phases.dns);
    Ok(found)
}

/// `Basic` credentials, where the URL has a user.
fn authorization(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |text| percent_decode_str(text).collect::<Vec<u8>>();
    let pair = [plain(url.username()), b":".to_vec(), plain(url.password().unwrap_or_default())].concat();
    let mut value = HeaderValue::try_from(format!("Basic {}", crate::base64::encode(&pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
