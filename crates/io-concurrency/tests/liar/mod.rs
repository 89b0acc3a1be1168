//! A server of files that lies, on a real socket of the loopback interface. How it lies is the first part of the path.

#![allow(
    clippy::format_push_string,
    dead_code,
    unreachable_pub,
    reason = "each test program uses its part of this module"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// What was asked for: the path, and the range.
type Asked = Arc<Mutex<HashMap<String, Vec<Option<(usize, usize)>>>>>;

pub struct Liar {
    pub base: String,
    asked: Asked,
}

/// The bytes of every file; `state` is another one after it has changed.
pub fn content(length: usize, state: u8) -> Vec<u8> {
    let byte = |at: usize| {
        (at.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()[0]
            ^ (at >> 11).to_le_bytes()[0]
            ^ state.wrapping_mul(85)
    };
    (0..length).map(byte).collect()
}

impl Liar {
    /// A server of files of this length. Its threads end with the test program.
    pub fn start(length: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Asked::default();
        let counts = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = Arc::clone(&counts);
                std::thread::spawn(move || serve(stream, length, &asked));
            }
        });
        Self { base, asked }
    }

    /// The ranges that were asked of this path, in the order in which they were asked.
    pub fn asked(&self, path: &str) -> Vec<Option<(usize, usize)>> {
        self.asked.lock().unwrap().get(path).cloned().unwrap_or_default()
    }
}

/// Answers one request; every connection ends after it.
fn serve(mut stream: TcpStream, length: usize, asked: &Asked) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut path, mut range, mut if_range) = (String::new(), None, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? <= 2 {
            break;
        }
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("GET ") {
            path = rest.split(' ').next()?.into();
        } else if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
                    range = Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()? + 1));
                }
                "if-range" => if_range = Some(value.to_owned()),
                _ => {}
            }
        }
    }
    let times = {
        let mut asked = asked.lock().unwrap();
        let ranges = asked.entry(path.clone()).or_default();
        ranges.push(range);
        ranges.len()
    };
    let lie = path.trim_start_matches('/').split('/').next()?;
    let state = u8::from(lie == "changes" && times > 1 || lie == "always-changes" && times.is_multiple_of(2));
    let bytes = content(length, state);
    let etag = format!("\"{state}\"");
    let ranges = !matches!(lie, "no-ranges" | "chunked" | "close" | "close-cut" | "cut-whole");
    let fresh = if_range.is_none_or(|validator| validator == etag);
    let part = range.filter(|_| ranges && fresh).map(|(first, end)| (first, end.min(length)));
    let mut head = String::new();
    if lie != "nameless" && !lie.starts_with("close") {
        head += &format!("etag: {etag}\r\n");
    }
    let body = match part {
        Some((first, end)) if first < end => {
            let (said, sent) = match lie {
                "elsewhere" if first > 0 => (first - 1, first - 1..end - 1),
                "from-zero" if first > 0 => (first, 0..end - first),
                _ => (first, first..end),
            };
            head += &format!("content-range: bytes {}-{}/{length}\r\n", said, said + sent.len() - 1);
            bytes[sent].to_vec()
        }
        _ => bytes.clone(),
    };
    match lie {
        "wrong-digest" => head += "repr-digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:\r\n",
        "spoilt-parts" => {
            let digest = md5(&body);
            head += &format!("content-md5: {digest}\r\n");
        }
        // Nobody asked for it; what the bytes are is another matter.
        "encodes" => head += "content-encoding: gzip\r\n",
        "busy" if times < 3 => {
            return stream
                .write_all(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .ok();
        }
        "gone" => {
            return stream
                .write_all(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .ok();
        }
        _ => {}
    }
    let mut body = body;
    if lie == "spoilt-parts" && times == 2 {
        body[3] ^= 1;
    }
    let status = if part.is_some() { "206 Partial Content" } else { "200 OK" };
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\n{head}").ok()?;
    match lie {
        "chunked" => {
            write!(stream, "transfer-encoding: chunked\r\n\r\n").ok()?;
            for piece in body.chunks(70_000) {
                write!(stream, "{:x}\r\n", piece.len()).ok()?;
                stream.write_all(piece).ok()?;
                stream.write_all(b"\r\n").ok()?;
            }
            stream.write_all(b"0\r\n\r\n").ok()
        }
        "close" => {
            stream.write_all(b"\r\n").ok()?;
            stream.write_all(&body).ok()
        }
        "close-cut" => {
            stream.write_all(b"\r\n").ok()?;
            stream.write_all(&body[..body.len() - 1_000 * times.min(9)]).ok()
        }
        _ => {
            write!(stream, "content-length: {}\r\n\r\n", body.len()).ok()?;
            let cut = matches!(lie, "cut") && body.len() > 1_000 || lie == "cut-whole" && times < 3;
            let sent = if cut { body.len() / 2 } else { body.len() };
            stream.write_all(&body[..sent]).ok()
        }
    }
}

/// The MD5 in Base64.
fn md5(bytes: &[u8]) -> String {
    use md5::Digest as _;
    BASE64_STANDARD.encode(md5::Md5::digest(bytes))
}
