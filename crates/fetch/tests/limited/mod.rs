//! A web server with a rate limit, on a real socket of the loopback interface: a token bucket, and a word for those whom it
//! refuses.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its part of this module")]

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What a server says when it refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Word {
    /// `Retry-After` with the seconds until there is a token, rounded up.
    Seconds,
    /// The same as a date.
    Date,
    /// `Retry-After: 0`.
    Zero,
    /// `Retry-After` with so many seconds.
    Always(u64),
    /// Nothing.
    Nothing,
    /// Status 503, with `Retry-After`.
    Unavailable,
    /// Status 403 with `X-RateLimit-Remaining: 0` and the time of the reset, as a large API does.
    Forbidden,
    /// Every answer tells the limit in `RateLimit-Policy`.
    Policy,
}

/// A limit, and from which request on it holds.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub from: u32,
    pub rate: f64,
    pub burst: f64,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub answered: u32,
    pub refused: u32,
}

struct State {
    limits: Vec<Limit>,
    word: Word,
    tokens: f64,
    then: Instant,
    counts: Counts,
}

/// The server, on a thread of its own so that the client under test may block.
pub struct Limited {
    pub base: String,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Limited {
    pub fn start(rate: f64, burst: f64, word: Word) -> Self {
        Self::changing(vec![Limit { from: 0, rate, burst }], word)
    }

    pub fn changing(limits: Vec<Limit>, word: Word) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let tokens = limits[0].burst;
        let state = State { limits, word, tokens, then: Instant::now(), counts: Counts::default() };
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let accept = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(serve(stream, Arc::clone(&shared)));
                    }
                };
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        });
        Self { base, state, stop: Some(stop), thread: Some(thread) }
    }

    pub fn urls(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{}/item/{number}", self.base)).collect()
    }

    pub fn word(&self) -> Word {
        self.state.lock().unwrap().word
    }

    pub fn counts(&self) -> Counts {
        self.state.lock().unwrap().counts
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = state.lock().unwrap().answer(&path);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl State {
    fn answer(&mut self, path: &str) -> String {
        let asked = self.counts.answered + self.counts.refused;
        let limit = *self.limits.iter().rfind(|limit| limit.from <= asked).expect("a limit");
        let now = Instant::now();
        self.tokens = (self.tokens + (now - self.then).as_secs_f64() * limit.rate).min(limit.burst);
        self.then = now;
        let policy = match self.word {
            Word::Policy => format!("ratelimit-policy: {};w=1;burst={}\r\n", limit.rate, limit.burst),
            _ => String::new(),
        };
        let whole = |status: &str, fields: &str, body: &str| {
            format!("HTTP/1.1 {status}\r\n{policy}{fields}content-length: {}\r\n\r\n{body}", body.len())
        };
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            self.counts.answered += 1;
            return whole("200 OK", "", &format!("{{\"path\":{path:?}}}"));
        }
        self.counts.refused += 1;
        let seconds = ((1.0 - self.tokens) / limit.rate).ceil().max(1.0);
        let wait = Duration::from_secs_f64(seconds);
        let fields = match self.word {
            Word::Nothing => String::new(),
            Word::Zero => "retry-after: 0\r\n".to_owned(),
            Word::Always(seconds) => format!("retry-after: {seconds}\r\n"),
            Word::Date => {
                // A date has whole seconds: the next one is rounded up.
                let date = httpdate::fmt_http_date(SystemTime::now() + wait + Duration::from_secs(1));
                format!("retry-after: {date}\r\n")
            }
            Word::Forbidden => {
                let reset = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + wait;
                format!("x-ratelimit-remaining: 0\r\nx-ratelimit-reset: {}\r\n", reset.as_secs() + 1)
            }
            Word::Seconds | Word::Unavailable | Word::Policy => format!("retry-after: {seconds}\r\n"),
        };
        let status = match self.word {
            Word::Unavailable => "503 Service Unavailable",
            Word::Forbidden => "403 Forbidden",
            _ => "429 Too Many Requests",
        };
        whole(status, &fields, "{\"detail\":\"too fast\"}")
    }
}
