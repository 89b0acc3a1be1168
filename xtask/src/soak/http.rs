//! Enough of HTTP to steer our own servers on the loopback device, and to read an answer of theirs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// The longest that a server may be silent.
const SILENCE: Duration = Duration::from_secs(90);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// Sends a request without a body to `base`, which is `http://HOST:PORT`, and returns the status and the body.
pub(super) fn ask(method: &str, base: &str, path: &str) -> Result<(u16, Vec<u8>)> {
    let place = base.strip_prefix("http://").context("not an address of ours")?;
    let mut stream = TcpStream::connect(place).with_context(|| format!("cannot reach {base}"))?;
    stream.set_read_timeout(Some(SILENCE))?;
    // HTTP/1.0: the end of the answer is the end of the connection, so there is nothing to take apart.
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {place}\r\nContent-Length: 0\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).with_context(|| format!("{method} {path}"))?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a head")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    Ok((status, answer.split_off(end + 4)))
}

/// The same, where nothing but success is expected.
pub(super) fn command(method: &str, base: &str, path: &str) -> Result<()> {
    let (status, body) = ask(method, base, path)?;
    ensure!(status == 200, "{method} {path}: {status} {}", String::from_utf8_lossy(&body));
    Ok(())
}
