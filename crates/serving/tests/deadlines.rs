//! Clients that do nothing, or next to nothing, lose their connections, and all others keep them.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use serving::serve::{Limits, Loops, run};
use tokio::sync::oneshot;

/// What a client has in these tests.
const DEADLINE: Duration = Duration::from_millis(300);
/// What a busy machine may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than the kernel keeps for a client that does not read.
const LARGE: usize = 24 << 20;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// No settings of the client's own.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// An initial window of 0 bytes: nothing of an answer may be sent.
const NO_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
/// A request for `/` on stream 1, whole.
const GET: &[u8] = &[0, 0, 9, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 4, b't', b'e', b's', b't'];

struct Server {
    address: SocketAddr,
    open: Arc<AtomicU64>,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(limits: Limits) -> Self {
        let open = Arc::new(AtomicU64::new(0));
        let (shutdown, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let counted = Arc::clone(&open);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                run(listener, app(), &Loops::default(), limits, &counted, stopped).await.unwrap();
            });
        });
        let address = told.recv().unwrap();
        Self { address, open, shutdown: Some(shutdown), thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

fn limits(connections: usize) -> Limits {
    Limits { client: DEADLINE, shutdown: Duration::ZERO, connections }
}

fn app() -> Router {
    let slow = || async {
        // sleep: a handler that takes longer than a client may.
        tokio::time::sleep(DEADLINE * 4).await;
        "well"
    };
    Router::new()
        .route("/", get(|| async { "well" }))
        .route("/slow", get(slow))
        .route("/large", get(|| async { Body::from(vec![b'x'; LARGE]) }))
        .route("/post", post(|body: Bytes| async move { body.len().to_string() }))
}

/// The connection ends after the deadline and not before, though the client sends a byte of `trickle` from time to time.
fn check_ends(what: &str, first: &[u8], mut trickle: impl Iterator<Item = Vec<u8>>) {
    let server = Server::start(limits(10));
    let mut stream = server.connect();
    let began = Instant::now();
    stream.write_all(first).unwrap();
    stream.set_read_timeout(Some(DEADLINE / 8)).unwrap();
    let mut last_answer = began;
    loop {
        match stream.read(&mut [0; 4_096]) {
            Ok(0) => break,
            Ok(_) => last_answer = Instant::now(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let _ = trickle.next().map(|bytes| stream.write_all(&bytes));
            }
            Err(_) => break,
        }
        assert!(began.elapsed() < PATIENCE, "{what}: the connection is still open");
    }
    // What HTTP/2 says at the end is the last that comes, so the time is that since the beginning.
    let waited = if first.starts_with(b"PRI") { began.elapsed() } else { last_answer.elapsed() };
    assert!(waited >= DEADLINE * 9 / 10, "{what}: the connection ended after {waited:?}");
    witness::wait_for(what, || (server.open.load(Ordering::Relaxed) == 0).then_some(()));
}

#[test]
fn a_connection_without_a_whole_request_ends() {
    check_ends("nothing", b"", std::iter::empty());
    check_ends("half of the preface of HTTP/2", &PREFACE[..9], std::iter::empty());
    check_ends("half a head", b"GET / HTTP/1.1\r\nx-slow: ", std::iter::empty());
    check_ends("a head byte by byte", b"GET / HTTP/1.1\r\nx-slow: ", std::iter::repeat(vec![b'x']));
    check_ends("an idle connection", b"GET / HTTP/1.1\r\nhost: test\r\n\r\n", std::iter::empty());
    check_ends("HTTP/2 without a request", &[PREFACE, SETTINGS].concat(), std::iter::empty());
}

#[test]
fn a_connection_whose_http_2_header_comes_byte_by_byte_ends() {
    let begun = [PREFACE, SETTINGS, &[0, 0, 3, 1, 1, 0, 0, 0, 1, 0x82, 0x86, 0x84]].concat();
    // A header `x` with a value of 64 bytes that does not come. After some more frames h2 itself takes it for an attack.
    let frames = [0, 1, b'x', 0x40].map(|byte| vec![0, 0, 1, 9, 0, 0, 0, 0, 1, byte]);
    check_ends("a head in frames without an end", &begun, frames.into_iter());
}

#[test]
fn a_connection_that_pings_and_asks_nothing_ends() {
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].to_vec();
    check_ends("pings", &[PREFACE, SETTINGS].concat(), std::iter::repeat(ping));
}

#[test]
fn a_connection_whose_body_does_not_come_ends() {
    let head = b"POST /post HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n";
    check_ends("no body", head, std::iter::empty());
    check_ends("a body byte by byte", head, std::iter::repeat(vec![b'x']));
}

/// The client takes nothing of the answer.
fn check_unread(what: &str, request: &[u8]) {
    let server = Server::start(limits(10));
    let mut stream = server.connect();
    stream.write_all(request).unwrap();
    witness::wait_for(what, || (server.open.load(Ordering::Relaxed) == 1).then_some(()));
    witness::wait_for(what, || (server.open.load(Ordering::Relaxed) == 0).then_some(()));
}

#[test]
fn a_connection_whose_answer_is_not_read_ends() {
    check_unread("a large answer", b"GET /large HTTP/1.1\r\nhost: test\r\n\r\n");
    check_unread("a window that is never opened", &[PREFACE, NO_WINDOW, GET].concat());
}

/// The answer to a request comes whole; `slowly` reads it so.
fn check_answered(request: &[u8], slowly: bool, expected: &[u8]) {
    let server = Server::start(limits(10));
    let mut stream = server.connect();
    stream.write_all(request).unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    let mut piece = vec![0; LARGE / 16];
    loop {
        let count = stream.read(&mut piece).unwrap();
        answer.extend_from_slice(&piece[..count]);
        if answer.ends_with(expected) || count == 0 {
            break;
        }
        if slowly && began.elapsed() < DEADLINE * 4 {
            // sleep: a reader that takes longer than the deadline for all of the answer.
            std::thread::sleep(DEADLINE / 3);
        }
    }
    assert!(answer.ends_with(expected), "{}", String::from_utf8_lossy(&answer[..answer.len().min(200)]));
}

#[test]
fn a_handler_takes_as_long_as_it_needs() {
    check_answered(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n", false, b"well");
}

#[test]
fn a_slow_reader_gets_all_of_a_large_answer() {
    check_answered(
        b"GET /large HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
        true,
        &vec![b'x'; LARGE],
    );
}

#[test]
fn an_address_with_too_many_connections_gets_no_further_one() {
    let server = Server::start(Limits { client: PATIENCE, ..limits(3) });
    let kept: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
    witness::wait_for("three connections", || (server.open.load(Ordering::Relaxed) == 3).then_some(()));
    let mut refused = server.connect();
    refused.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(refused.read(&mut [0; 1]).unwrap_or(0), 0);
    drop(kept);
    witness::wait_for("room again", || (server.open.load(Ordering::Relaxed) == 0).then_some(()));
    let mut again = server.connect();
    again.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    again.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("well"), "{answer}");
}
