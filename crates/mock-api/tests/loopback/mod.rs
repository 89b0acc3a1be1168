//! A server on a free port of the loopback interface, and an HTTP/1.1 client that shows exactly what came.
//!
//! The client is written on a bare socket on purpose: a library would hide resets, early ends and wrong lengths.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part of this module")]

use std::net::SocketAddr;
use std::time::Duration;

use mock_api::{Config, ServeError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// No test waits longer than this for anything.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// An answer, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Server {
    pub async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (shutdown, stopped) = oneshot::channel();
        let task = tokio::spawn(mock_api::run(listener, config, async move {
            let _ = stopped.await;
        }));
        Self { address, shutdown, task }
    }

    pub async fn calm() -> Self {
        Self::start(Config::default()).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.request("GET", target, &[], b"").await
    }

    pub async fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let raw = self.exchange(&request_bytes(method, target, headers, body)).await;
        Answer::parse(&raw).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&raw)))
    }

    /// Sends the bytes and returns all that comes until the server closes.
    pub async fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let exchange = async {
            let mut stream = self.connect().await;
            stream.write_all(request).await.expect("the request is taken");
            let mut raw = Vec::new();
            // A reset ends the answer as an orderly end does; what came before it is what the test asks about.
            let _ = stream.read_to_end(&mut raw).await;
            raw
        };
        tokio::time::timeout(DEADLINE, exchange).await.expect("an answer within the deadline")
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Asks the server to stop; the handle completes when it has.
    pub fn ask_to_stop(self) -> JoinHandle<Result<(), ServeError>> {
        self.shutdown.send(()).expect("the server runs");
        self.task
    }

    pub async fn stop(self) {
        let stopped = tokio::time::timeout(DEADLINE, self.ask_to_stop()).await;
        stopped.expect("stopped within the deadline").expect("no panic").expect("no error");
    }
}

impl Answer {
    /// The last answer in `raw`: one that says 100 (continue) may stand before it.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let end = raw.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&raw[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: raw[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = dechunk(&answer.body);
        }
        Some(answer)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub fn request_bytes(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-length") {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The data of a chunked body, as far as it came.
fn dechunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|w| w == b"\r\n") {
        let size =
            std::str::from_utf8(&raw[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size @ 1..) = size else { break };
        let rest = &raw[end + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        raw = rest.get(size + 2..).unwrap_or_default();
    }
    body
}
