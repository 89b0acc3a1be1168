//! Addresses to fetch as work: with threads, and with async tasks on one thread.
//!
//! The client is as small as the question: HTTP/1.1, one connection an address, no redirects, no TLS. It measures how waiting
//! overlaps; a client with manners is `fetch`, in the exercises.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use lab::{OrProblem, Problem, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::sweep::Subject;

/// How long one address may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Answers longer than this are not read to their end.
const LONGEST: u64 = 16 << 20;

/// An address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    whole: String,
    /// Host and port.
    server: String,
    request: String,
}

impl Url {
    fn parse(line: &str) -> Result<Self, Problem> {
        let wrong =
            || Problem::new(format!("`{line}` cannot be fetched here")).expected("http://host[:port][/path]");
        let rest = line.strip_prefix("http://").ok_or_else(|| {
            wrong()
                .hint("https needs more than this small client; `io-concurrency crawl --compare` measures it")
        })?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        if host.is_empty() || path.contains(char::is_whitespace) {
            return Err(wrong());
        }
        let server = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAccept: */*\r\n\r\n");
        Ok(Self { whole: line.to_owned(), server, request })
    }

    /// Whether the answer is one: a status line that is no error.
    fn accept(&self, answer: &[u8]) -> Result<(), Problem> {
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()) {
            Some(200..400) => Ok(()),
            _ => Err(Problem::new(format!("{} answered `{line}`", self.whole))
                .expected("a status from 200 to 399")),
        }
    }

    fn fetch(&self) -> Result<(), Problem> {
        let get = || -> std::io::Result<Vec<u8>> {
            let address = self.server.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
            let mut connection = TcpStream::connect_timeout(&address, DEADLINE)?;
            connection.set_read_timeout(Some(DEADLINE))?;
            connection.write_all(self.request.as_bytes())?;
            let mut answer = Vec::new();
            connection.take(LONGEST).read_to_end(&mut answer)?;
            Ok(answer)
        };
        self.accept(&get().or_problem(|| format!("cannot fetch {}", self.whole))?)
    }

    async fn fetch_async(&self) -> Result<(), Problem> {
        let get = async {
            let mut connection = tokio::net::TcpStream::connect(&self.server).await?;
            connection.write_all(self.request.as_bytes()).await?;
            let mut answer = Vec::new();
            connection.take(LONGEST).read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let cannot = || format!("cannot fetch {}", self.whole);
        let answer = tokio::time::timeout(DEADLINE, get).await.or_problem(cannot)?;
        self.accept(&answer.or_problem(cannot)?)
    }
}

/// Reads addresses, one a line; empty lines and those that begin with `#` are skipped.
pub(super) fn read(file: &Path) -> Result<Vec<Url>, Problem> {
    let text = std::fs::read_to_string(file).or_problem(|| format!("cannot read {}", file.display()))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let parse = |(number, line): (usize, &str)| {
        Url::parse(line.trim()).map_err(|problem| problem.at(format!("{}:{number}", file.display())))
    };
    let urls = lines.map(parse).collect::<Result<Vec<_>, _>>()?;
    if urls.is_empty() {
        return Err(Problem::new(format!("{} holds no address", file.display())).expected("one a line"));
    }
    Ok(urls)
}

/// The models that apply to waiting.
pub(super) fn subjects(urls: &[Url]) -> Vec<Box<dyn Subject + '_>> {
    vec![Box::new(Async(urls)), Box::new(Threads(urls))]
}

struct Threads<'a>(&'a [Url]);

impl Subject for Threads<'_> {
    fn model(&self) -> &'static str {
        "threads"
    }

    fn throughput(&self, workers: u32, stop: &Stop) -> Result<f64, Problem> {
        // The next address that nobody has: a plain count, whose order with anything else does not matter.
        let next = AtomicUsize::new(0);
        let started = Instant::now();
        let worker = || -> Result<(), Problem> {
            while let Some(url) = self.0.get(next.fetch_add(1, Ordering::Relaxed)) {
                stop.check()?;
                url.fetch()?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(Problem::new("a thread that fetched panicked")))
            })
        })?;
        Ok(self.0.len() as f64 / started.elapsed().as_secs_f64())
    }
}

struct Async<'a>(&'a [Url]);

impl Subject for Async<'_> {
    fn model(&self) -> &'static str {
        "async"
    }

    fn throughput(&self, workers: u32, stop: &Stop) -> Result<f64, Problem> {
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let event_loop = event_loop.or_problem(|| "cannot start an event loop")?;
        let started = Instant::now();
        let all = async {
            let fetches = stream::iter(self.0).map(|url| async move {
                stop.check()?;
                url.fetch_async().await
            });
            let mut fetches = fetches.buffer_unordered(workers as usize);
            while let Some(fetched) = fetches.next().await {
                fetched?;
            }
            Ok::<_, Problem>(())
        };
        event_loop.block_on(all)?;
        Ok(self.0.len() as f64 / started.elapsed().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let url = Url::parse("http://localhost:8000/a?b=c").unwrap();
        assert_eq!(url.server, "localhost:8000");
        assert!(
            url.request.starts_with("GET /a?b=c HTTP/1.1\r\nHost: localhost:8000\r\n"),
            "{}",
            url.request
        );
        assert_eq!(Url::parse("http://localhost").unwrap().server, "localhost:80");
        let https = Url::parse("https://localhost").unwrap_err().to_string();
        assert!(https.contains("https needs more"), "{https}");
        assert!(Url::parse("http://").is_err() && Url::parse("ftp://a").is_err());
    }
}
