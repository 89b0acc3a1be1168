//! In which way a fetch failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::manners::Manners;
use crate::wire::Broken;

/// Which wait lasted too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// For the connection.
    Connect,
    /// For the next bytes of the answer, the first ones included.
    Read,
    /// For everything together.
    Whole,
    /// For a turn under the server's rate limit.
    Turn,
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Connect => "no connection was made",
            Self::Read => "the server sent nothing",
            Self::Whole => "there was no whole answer",
            Self::Turn => "the server's rate limit left no turn for it",
        })
    }
}

/// Why an attempt failed. No variant holds the URL's user name or password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// What was given is no `http` or `https` URL.
    #[error("`{shown}` is not a URL that can be fetched: {why}")]
    InvalidUrl {
        /// The text, without what may be a secret.
        shown: String,
        /// The parser's word.
        why: String,
    },
    /// The name could not be resolved, the connection was refused, or the TLS handshake failed.
    #[error("no connection could be made: {why}")]
    Connect {
        /// The innermost cause.
        why: String,
    },
    /// A deadline passed.
    #[error("{phase} within {limit:?}")]
    Timeout {
        /// What was being waited for.
        phase: Phase,
        /// The deadline that passed.
        limit: Duration,
    },
    /// The connection ended before an answer began.
    #[error("the connection was lost before an answer came: {why}")]
    Lost {
        /// The innermost cause.
        why: String,
    },
    /// The connection ended within the answer, or the body has not the length that was announced.
    #[error("the answer broke off after {received} bytes{}", announced.map_or(String::new(), |n| format!(" of {n}")))]
    Truncated {
        /// How many bytes of the body came.
        received: u64,
        /// How many were announced, if any were.
        announced: Option<u64>,
    },
    /// The body is longer than is wanted.
    #[error("the answer is longer than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A redirect that is not followed.
    #[error("the server redirects, {why}")]
    Redirect {
        /// Why it is not followed.
        why: String,
    },
    /// A status other than success (2xx).
    #[error("the server answered with status {status}{}", reason(*status))]
    Status {
        /// The status code.
        status: u16,
        /// For how long the server asks to be left alone.
        retry_after: Option<Duration>,
        /// The rest of the answer.
        refusal: Box<Refusal>,
    },
    /// What came is not HTTP.
    #[error("the server's answer is not HTTP: {why}")]
    Protocol {
        /// The innermost cause.
        why: String,
    },
    /// The body is in an encoding that is not undone.
    #[error("the answer cannot be decoded: {why}")]
    Encoding {
        /// Which encoding, and what is wrong with it.
        why: String,
    },
    /// The whole answer came, and it is not what was asked for.
    #[error("the answer cannot be used: {why}")]
    Malformed {
        /// What is wrong with it.
        why: String,
    },
    /// Nobody asked: the server has failed so often that it is left alone for a while.
    #[error("the server has failed too often and is left alone for another {} ms", pause.as_millis())]
    Open {
        /// For how long.
        pause: Duration,
    },
    /// The client itself could not be set up.
    #[error("the HTTP client cannot be set up: {why}")]
    Client {
        /// The innermost cause.
        why: String,
    },
}

/// An answer that is no success, besides its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Header fields that tell what it is about: `Content-Type`, `Location`, `WWW-Authenticate`, limits.
    pub fields: Vec<(String, String)>,
    /// The body without its encoding, up to a bound.
    pub body: Bytes,
    /// Whether the body goes on, or could not be read or decoded.
    pub cut: bool,
    /// Whether it is the server's rate limit that refuses: 429, 503 with `Retry-After`, 403 with nothing left.
    pub limit: bool,
}

fn reason(status: u16) -> String {
    let reason = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map_or(String::new(), |reason| format!(" ({reason})"))
}

impl FetchError {
    /// The name of the class of failure, for counting and for machines: `connect`, `timeout`, `status` and so on.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "invalid-url",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Lost { .. } => "lost",
            Self::Truncated { .. } => "truncated",
            Self::TooLarge { .. } => "too-large",
            Self::Redirect { .. } => "redirect",
            Self::Status { .. } => "status",
            Self::Protocol { .. } => "protocol",
            Self::Encoding { .. } => "encoding",
            Self::Malformed { .. } => "malformed",
            Self::Open { .. } => "open",
            Self::Client { .. } => "client",
        }
    }

    /// Whether the server refused because it is asked too fast.
    pub const fn is_limit(&self) -> bool {
        matches!(self, Self::Status { refusal, .. } if refusal.limit)
    }

    /// Whether the same request may succeed a moment later. All requests of this crate are `GET`, which does no harm when
    /// it is repeated.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Timeout { phase: Phase::Connect | Phase::Read, .. }
            | Self::Lost { .. }
            | Self::Truncated { .. }
            | Self::Malformed { .. }
            | Self::Open { .. } => true,
            Self::Status { status, refusal, .. } => refusal.limit || matches!(status, 429 | 502..=504),
            _ => false,
        }
    }

    /// What a reader can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::InvalidUrl { .. } => "write it like http://host:port/path".into(),
            Self::Connect { .. } => "check the host, the port, and whether the server runs".into(),
            Self::Timeout { phase: Phase::Turn, .. } => {
                "allow more time: the server lets no more requests through in it".into()
            }
            Self::Timeout { .. } => {
                "the server is slow or the network loses packets: allow more time, or ask for less at once"
                    .into()
            }
            Self::Lost { .. } => {
                "the server closes connections: ask for less at once, and look into its log".into()
            }
            Self::Truncated { .. } => {
                "the server or a proxy breaks answers off: nothing of this one was kept".into()
            }
            Self::TooLarge { .. } => "raise the limit if the answer is meant to be that long".into(),
            Self::Redirect { .. } => {
                "ask for the address itself that the server should lead to; a browser shows where that is".into()
            }
            Self::Status { retry_after: Some(pause), .. } => format!(
                "the server asks for a pause of {} s: allow more time, or come back later",
                pause.as_secs_f64().ceil()
            ),
            Self::Status { status: 429, .. } => {
                "the server is asked too fast, and does not say when to come back: allow more time, or ask for less a second"
                    .into()
            }
            Self::Status { status: 304, .. } => {
                "nothing was kept of an earlier answer, so the server, or a cache before it, should have sent all of it: \
                 ask the server itself, or for another address of the same"
                    .into()
            }
            Self::Status { status: 300, .. } => {
                "the server offers several addresses: choose one of them".into()
            }
            Self::Status { status: 305 | 306, .. } => {
                "the server wants to be asked through a proxy: name it in the variable http_proxy or https_proxy".into()
            }
            Self::Status { status: 300..=399, .. } => {
                "the server redirects and does not say where to: ask for the new address itself".into()
            }
            Self::Status { status: 401 | 403, .. } => {
                "the server wants other credentials, or none will do".into()
            }
            Self::Status { status: 404 | 410, .. } => "check the path: the server has nothing there".into(),
            Self::Status { status: 400..=499, .. } => {
                "the server does not take this request: check the path and the query".into()
            }
            Self::Status { .. } => "the fault is the server's: try again later, or look into its log".into(),
            Self::Protocol { .. } => "check the port: something else than a web server answers there".into(),
            Self::Encoding { .. } => {
                "ask for an address whose answers are not encoded like that, or fetch it with a program that undoes this"
                    .into()
            }
            Self::Malformed { .. } => {
                "the server or something before it is broken: look at what it answers".into()
            }
            Self::Open { .. } => "wait until the server is back".into(),
            Self::Client { .. } => "check the limits of this process, such as `ulimit -n`".into(),
        }
    }

    /// The failure of a request whose answer had not yet begun.
    pub(crate) fn of_request(error: &reqwest::Error, manners: &Manners) -> Self {
        let why = innermost(error).to_string();
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Self::Timeout { phase: Phase::Connect, limit: manners.connect },
            (true, false) => Self::Connect { why },
            (false, true) => Self::Timeout { phase: Phase::Read, limit: manners.read },
            (false, false) if is_not_http(error) => Self::Protocol { why },
            (false, false) => Self::Lost { why },
        }
    }

    /// The same of a request over a connection of our own.
    pub(crate) fn of_wire(error: &hyper::Error) -> Self {
        let why = innermost(error).to_string();
        if is_not_http(error) { Self::Protocol { why } } else { Self::Lost { why } }
    }

    /// The failure of an answer that had begun.
    pub(crate) fn of_body(broken: Broken, manners: &Manners, received: u64, announced: Option<u64>) -> Self {
        match broken {
            Broken::Silent => Self::Timeout { phase: Phase::Read, limit: manners.read },
            Broken::Off => Self::Truncated { received, announced },
        }
    }
}

/// The causes between name the layers of the client; the innermost one says what happened.
pub(crate) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_not_http(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<hyper::Error>())
        .any(|error| error.is_parse() || error.is_parse_status() || error.is_parse_too_large())
}

/// A fetch that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why the last attempt failed.
    pub error: FetchError,
    /// How many attempts were made.
    pub attempts: u32,
}

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.error)?;
        if self.attempts > 1 { write!(out, ", at attempt {}", self.attempts) } else { Ok(()) }
    }
}

impl Error for Failed {}
