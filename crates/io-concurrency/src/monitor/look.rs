//! One probe of one target, and the worker that makes it.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fetch::{Prober, Probing, Target, note_waking};
use lab::timeline::Drawn as _;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use super::expect::{Expect, Verdict};

/// A target, and what is expected of it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Watched {
    /// The whole URL. It may carry a password, so it is shown to nobody.
    url: String,
    /// How it is shown.
    shown: String,
    /// Which of the different expectations is its own.
    expect: usize,
}

impl Watched {
    /// A URL as somebody wrote it, under the expectation of this number. One that starts with a single `/` is a path at the API.
    pub fn new(text: &str, api: &str, expect: usize) -> Self {
        let (url, shown) = if text.starts_with('/') && !text.starts_with("//") {
            (format!("{api}{text}"), Target::show_path(text))
        } else {
            (text.into(), Target::show(text))
        };
        Self { url, shown: shown.into(), expect }
    }

    /// How it is shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Watched({})", self.shown)
    }
}

/// What all workers start from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// How probes are made.
    pub probing: Probing,
    /// The different expectations.
    pub expects: Vec<Expect>,
}

impl Setup {
    /// A prober for one event loop.
    ///
    /// # Errors
    /// Header fields that are none.
    pub fn prober(&self) -> Result<Prober, Problem> {
        Prober::new(self.probing.clone()).or_problem(|| "there is no client to probe with")
    }
}

/// What one probe found. Times are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When the probe began, since 1970.
    pub at_us: i64,
    /// The look-up of the name.
    pub dns_us: u64,
    /// The TCP handshake.
    pub connect_us: u64,
    /// The TLS handshake.
    pub tls_us: u64,
    /// From the request to the first byte of the answer.
    pub first_byte_us: u64,
    /// From the beginning to the last byte of the answer, or to the failure.
    pub total_us: u64,
    /// How late the probe was sent. It is no part of the times above.
    pub late_us: u64,
    /// How much of the times above may be our own, at the most.
    pub lag_us: u64,
    /// How long the answer lay in the kernel before it was read. It is no part of the times above.
    pub unread_us: u64,
    /// The address that was asked.
    pub remote: String,
    /// The status, where an answer came.
    pub status: Option<u16>,
    /// The length of the body in bytes.
    pub bytes: u64,
    /// Whether it was as expected.
    pub verdict: Verdict,
}

/// Probes a target once. `late` is how late the probe is sent.
///
/// On the timeline it runs while it is polled and waits between the polls.
pub async fn look(prober: &Prober, setup: &Setup, watched: &Watched, late: Duration) -> Sighting {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let target = match Target::parse(&watched.url) {
        Ok(target) => target,
        Err(error) => return Sighting::unseen(at, error.class(), error.to_string()),
    };
    let probe = prober.probe(&target).drawn_on_thread(|| lab::span!(Running, "probe", watched)).await;
    let mut sighting = Sighting {
        dns_us: micros(probe.phases.dns),
        connect_us: micros(probe.phases.connect),
        tls_us: micros(probe.phases.tls),
        first_byte_us: micros(probe.phases.first_byte),
        total_us: micros(probe.phases.total),
        late_us: micros(late),
        lag_us: micros(probe.lag),
        unread_us: micros(probe.unread),
        remote: probe.remote.map_or_else(String::new, |remote| remote.to_string()),
        ..Sighting::unseen(at, "", String::new())
    };
    match probe.outcome {
        Ok(answer) => {
            let expect = &setup.expects[watched.expect];
            sighting.status = Some(answer.status);
            sighting.bytes = answer.length;
            sighting.verdict = expect.judge(answer.status, &answer.body, probe.phases.total);
            if let (Verdict::Missed { class, why }, Some(location)) =
                (&mut sighting.verdict, &answer.location)
                && class == "status"
            {
                why.push_str(", and it redirects to ");
                why.push_str(&Target::show(location));
            }
        }
        Err(error) => {
            sighting.verdict = Verdict::Failed { class: error.class().into(), why: error.to_string() };
        }
    }
    sighting
}

impl Sighting {
    /// Of a target that was not even asked.
    fn unseen(at: Duration, class: &str, why: String) -> Self {
        Self {
            at_us: i64::try_from(at.as_micros()).unwrap_or(i64::MAX),
            dns_us: 0,
            connect_us: 0,
            tls_us: 0,
            first_byte_us: 0,
            total_us: 0,
            late_us: 0,
            lag_us: 0,
            unread_us: 0,
            remote: String::new(),
            status: None,
            bytes: 0,
            verdict: Verdict::Failed { class: class.into(), why },
        }
    }

    /// How much of this program's own error there may be in what is known of this probe.
    pub fn own_error_us(&self) -> u64 {
        self.late_us + self.lag_us
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// An event loop whose probes know how long it has been busy.
pub(super) fn event_loop() -> Result<Runtime, Problem> {
    let built = Builder::new_current_thread().enable_all().on_thread_unpark(note_waking).build();
    built.map_err(|error| {
        Problem::because("no event loop could be started", &error)
            .hint("raise the limit of open files (`ulimit -n`), or use the strategy `async`, which needs one event loop for all")
    })
}

/// A worker that makes one probe at a time.
#[derive(Debug)]
pub struct Watcher {
    prober: Prober,
    setup: Setup,
    event_loop: Runtime,
}

impl Job for Watcher {
    const NAME: &'static str = "monitor";
    type Setup = Setup;
    type Task = Watched;
    type Reply = Sighting;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        Ok(Self { prober: setup.prober()?, setup: setup.clone(), event_loop: event_loop()? })
    }

    fn run(&mut self, watched: &Watched, stop: &Stop) -> Result<Sighting, Problem> {
        self.event_loop.block_on(async {
            tokio::select! {
                biased;
                () = stop.wait() => Err(Problem::new("interrupted").of_class("interrupted")),
                sighting = look(&self.prober, &self.setup, watched, Duration::ZERO) => Ok(sighting),
            }
        })
    }
}

/// How long after `time` it is now.
pub(super) fn late(time: Instant) -> Duration {
    Instant::now().saturating_duration_since(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_shows_neither_a_password_nor_a_secret_of_its_query() {
        for text in ["/a?token=s3cr3t", "http://me:s3cr3t@x/a", "http://x/a?api_key=s3cr3t"] {
            let watched = Watched::new(text, "http://me:s3cr3t@api", 0);
            assert!(!format!("{watched} {watched:?} {}", watched.shown()).contains("s3cr3t"), "{watched}");
        }
    }
}
