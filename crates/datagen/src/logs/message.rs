//! One log event as text, in each of the three formats.

use crate::cells::date_and_time;
use crate::page::Page;
use crate::stream::{Words, below};

/// A level, from the least to the most severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Level {
    pub(super) const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The name in capitals, as the plain services write it.
    fn capitals(self) -> &'static str {
        ["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"][self as usize]
    }

    /// The name in small letters, as the others write it.
    fn name(self) -> &'static str {
        ["debug", "info", "warning", "error", "critical"][self as usize]
    }

    /// The severity of RFC 5424, table 2.
    fn severity(self) -> u64 {
        [7, 6, 4, 3, 2][self as usize]
    }
}

/// How a service writes its log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Plain,
    Json,
    Syslog,
}

/// A service with its share of the events.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) style: Style,
    pub(super) weight: u64,
    /// The first frame of its stack traces.
    module: &'static str,
}

pub(super) const SERVICES: [Service; 6] = [
    Service { name: "checkout", style: Style::Plain, weight: 18, module: "checkout::cart" },
    Service { name: "payments", style: Style::Json, weight: 14, module: "payments::capture" },
    Service { name: "catalog", style: Style::Plain, weight: 22, module: "catalog::search" },
    Service { name: "gateway", style: Style::Syslog, weight: 30, module: "gateway::route" },
    Service { name: "inventory", style: Style::Json, weight: 10, module: "inventory::reserve" },
    Service { name: "mailer", style: Style::Syslog, weight: 6, module: "mailer::deliver" },
];

/// What each level says; `{}` in the middle is where the number goes.
const MESSAGES: [[(&str, &str); 4]; 5] = [
    [
        ("cache hit for key product:", ""),
        ("query planned in ", " us"),
        ("session ", " refreshed"),
        ("retry budget at ", " tokens"),
    ],
    [
        ("request served in ", " ms"),
        ("order ", " accepted"),
        ("user ", " signed in"),
        ("batch of ", " items written"),
    ],
    [
        ("slow query: ", " ms"),
        ("queue depth above ", ", shedding load"),
        ("retrying call to upstream, attempt ", ""),
        ("certificate expires in ", " hours"),
    ],
    [
        ("upstream timed out after ", " ms"),
        ("could not reserve item ", ": out of stock"),
        ("payment ", " refused by the acquirer"),
        ("connection reset by peer, ", " bytes lost"),
    ],
    [
        ("database unreachable after ", " attempts, giving up"),
        ("disk full: ", " bytes free"),
        ("data loss: ", " messages dropped"),
        ("out of memory, worker ", " killed"),
    ],
];

/// Causes of the failures of an incident.
const CAUSES: [&str; 4] = [
    "connection pool exhausted",
    "replica lag beyond limit",
    "name resolution failed: servi\u{e7}o indispon\u{ed}vel",
    "circuit breaker open",
];

/// Writes the message itself.
fn message(level: Level, failing: bool, words: &Words, page: &mut Page) {
    let (before, after) = MESSAGES[level as usize][below(words[4], 4) as usize];
    page.text(before.as_bytes());
    page.number(u64::from(1 + below(words[5], 30_000)));
    page.text(after.as_bytes());
    if failing && level as usize >= Level::Error as usize {
        page.text(b": ");
        page.text(CAUSES[below(words[6], 4) as usize].as_bytes());
    }
}

/// The request's identifier: 16 hexadecimal digits.
fn request(words: &Words, page: &mut Page) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut id = u64::from(words[7]) << 32 | u64::from(words[8]);
    let mut text = [0; 16];
    for digit in &mut text {
        *digit = DIGITS[(id >> 60) as usize];
        id <<= 4;
    }
    page.fixed(&text);
}

/// Writes `YYYY-MM-DD`, `between` and `HH:MM:SS.mmm` of milliseconds since the epoch.
fn timestamp(milliseconds: u64, between: u8, page: &mut Page) {
    date_and_time(milliseconds as i64 * 1_000, between, page);
    page.byte(b'.');
    page.padded::<3>(milliseconds % 1_000);
}

/// `2025-03-10 08:00:00.123 ERROR [checkout] (worker-3) message request=…`, and a stack trace after errors.
pub(super) fn plain(service: usize, level: Level, time: u64, failing: bool, words: &Words, page: &mut Page) {
    timestamp(time, b' ', page);
    page.byte(b' ');
    page.text(level.capitals().as_bytes());
    page.fixed(b" [");
    page.text(SERVICES[service].name.as_bytes());
    page.fixed(b"] (worker-");
    page.number(u64::from(below(words[9], 8)));
    page.fixed(b") ");
    message(level, failing, words, page);
    page.fixed(b" request=");
    request(words, page);
    page.byte(b'\n');
    if matches!(level, Level::Error | Level::Critical) {
        stack_trace(service, words, page);
    }
}

/// Three to seven frames, each on a line that begins with white space.
fn stack_trace(service: usize, words: &Words, page: &mut Page) {
    const FRAMES: [&str; 6] =
        ["retry::run", "pool::checkout", "http::call", "runtime::poll", "thread::spawn", "main"];
    let depth = 3 + below(words[10], 5);
    for frame in 0..depth {
        page.fixed(b"    at ");
        if frame == 0 {
            page.text(SERVICES[service].module.as_bytes());
        } else {
            let known = (words[11].rotate_left(frame * 5) >> 16) as usize % FRAMES.len();
            page.text(FRAMES[known].as_bytes());
        }
        page.fixed(b" (src/");
        page.text(SERVICES[service].name.as_bytes());
        page.fixed(b".rs:");
        page.number(u64::from(1 + (words[12].rotate_left(frame * 7) >> 22)));
        page.fixed(b")\n");
    }
}

/// One JSON object on a line.
pub(super) fn json(service: usize, level: Level, time: u64, failing: bool, words: &Words, page: &mut Page) {
    page.fixed(b"{\"ts\":\"");
    timestamp(time, b'T', page);
    page.fixed(b"Z\",\"level\":\"");
    page.text(level.name().as_bytes());
    page.fixed(b"\",\"service\":\"");
    page.text(SERVICES[service].name.as_bytes());
    page.fixed(b"\",\"msg\":\"");
    message(level, failing, words, page);
    page.fixed(b"\",\"request\":\"");
    request(words, page);
    page.fixed(b"\",\"ms\":");
    page.number(u64::from(below(words[9], 2_000)));
    page.fixed(b"}\n");
}

/// `<PRI>1 TIME HOST APP PROCID MSGID [meta …] message`, RFC 5424, facility local0.
pub(super) fn syslog(service: usize, level: Level, time: u64, failing: bool, words: &Words, page: &mut Page) {
    page.byte(b'<');
    page.number(16 * 8 + level.severity());
    page.fixed(b">1 ");
    timestamp(time, b'T', page);
    page.fixed(b"Z host-");
    page.number(u64::from(1 + below(words[9], 4)));
    page.byte(b' ');
    page.text(SERVICES[service].name.as_bytes());
    page.byte(b' ');
    page.number(u64::from(1_000 + below(words[10], 64)));
    page.fixed(b" - [meta level=\"");
    page.text(level.name().as_bytes());
    page.fixed(b"\" request=\"");
    request(words, page);
    page.fixed(b"\"] ");
    message(level, failing, words, page);
    page.byte(b'\n');
}
