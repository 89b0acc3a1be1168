//! A web server that fails on purpose, on a real socket of the loopback interface. What it does wrong is in the path.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part of this module")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Under this name the connections are counted.
pub const CONNECTIONS: &str = "connections";

/// How often each path was asked for. Locked for one addition.
type Asked = Arc<Mutex<HashMap<String, u32>>>;

/// The server, on a thread of its own so that the client under test may block.
pub struct Faulty {
    pub base: String,
    asked: Asked,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Faulty {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel();
        let asked = Asked::default();
        let counts = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, counts) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { base, asked, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// How often the path was asked for.
    pub fn asked(&self, path: &str) -> u32 {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}

/// The URL of a port on which nobody listens.
pub fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

async fn accept(listener: TcpListener, asked: Asked) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&asked)));
    }
}

async fn serve(mut stream: TcpStream, asked: Asked) {
    *asked.lock().unwrap().entry(CONNECTIONS.to_owned()).or_default() += 1;
    while answer(&mut stream, &asked).await {}
}

/// Answers one request; says whether the connection goes on.
async fn answer(stream: &mut TcpStream, asked: &Asked) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let time = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let whole = |status: &str, fields: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
    };
    let head_of = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    let answer = match path.as_str() {
        "/ok" => whole("200 OK", "", "{\"ok\":true}"),
        "/credentials" => whole("200 OK", "", &head.to_ascii_lowercase()),
        "/truncated" => head_of(100) + "{\"half\":",
        "/truncated-chunks" => {
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\n{\"half\":".to_owned()
        }
        "/truncated-once" if time == 1 => head_of(100) + "{\"half\":",
        "/closes" => String::new(),
        "/reset" => {
            // Closing with no time to linger sends a reset.
            let _ = stream.set_zero_linger();
            return false;
        }
        "/hangs" => {
            // sleep: this server hangs; the client must not.
            tokio::time::sleep(Duration::from_mins(1)).await;
            return false;
        }
        "/hangs-half-way" => {
            let _ = stream.write_all((head_of(100) + "{\"half\":").as_bytes()).await;
            // sleep: this server hangs half-way; the client must not.
            tokio::time::sleep(Duration::from_mins(1)).await;
            return false;
        }
        "/drips" => {
            let _ = stream.write_all(head_of(50_000).as_bytes()).await;
            while stream.write_all(b" ").await.is_ok() {
                // sleep: the pace of the drip.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            return false;
        }
        "/busy" => whole("503 Service Unavailable", "retry-after: 3600\r\n", "later"),
        "/busy-once" if time == 1 => whole("503 Service Unavailable", "retry-after: 1\r\n", "later"),
        "/flaky" if time <= 2 => whole("502 Bad Gateway", "", ""),
        "/missing" => whole("404 Not Found", "", "{\"detail\":\"no\"}"),
        "/garbage" => "220 mail.example ESMTP\r\n".to_owned(),
        "/announces-much" => head_of(1 << 40) + "[",
        "/chunks-much" => {
            let chunk = format!("4000\r\n{}\r\n", "7".repeat(0x4000));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            return false;
        }
        // What it was asked for is not in its answer.
        quiet if quiet.starts_with("/quiet?") => whole("200 OK", "", "{}"),
        // After the second it closes the connection, and does not say so.
        "/kept" | "/leaves" => head_of(2) + "{}",
        to if to.starts_with("/to?") => {
            whole("307 Temporary Redirect", &format!("location: {}\r\n", &to[4..]), "")
        }
        "/nowhere" => whole("301 Moved Permanently", "", ""),
        "/elsewhere" => whole("302 Found", "location: ftp://example.org/a?token=s3cr3t\r\n", ""),
        "/unchanged" => "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n".to_owned(),
        "/choices" => whole("300 Multiple Choices", "", ""),
        "/compress" => whole("200 OK", "content-encoding: compress\r\n", "x"),
        "/around" => whole("302 Found", "location: /around\r\n", ""),
        "/moved" => whole("301 Moved Permanently", "location: /ok\r\n", ""),
        _ => whole("200 OK", "", &format!("{{\"path\":{path:?},\"time\":{time}}}")),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    if path == "/kept" {
        return true;
    }
    let _ = stream.shutdown().await;
    false
}
