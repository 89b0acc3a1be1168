//! How patient, persistent and modest a client is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a client behaves. It can be sent to a worker process, which then behaves likewise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manners {
    /// The longest that making a connection may take: name resolution, TCP and TLS together.
    pub connect: Duration,
    /// The longest silence of a server before and within an answer.
    pub read: Duration,
    /// The longest that one URL may take, with all attempts and the pauses between them; without the time for which it waits
    /// for its turn.
    pub whole: Duration,
    /// The longest body that is read, in bytes.
    pub max_body: u64,
    /// How many redirects are followed; one from HTTPS to HTTP never is.
    pub redirects: usize,
    /// How often a request is repeated when it failed in a way that may pass. A refusal for the server's rate limit is not
    /// counted.
    pub retries: u32,
    /// Statuses that are asked again besides 429, 502, 503 and 504.
    pub also_retried: Vec<u16>,
    /// The bound of the pause before the first retry; it doubles with each further one.
    pub first_pause: Duration,
    /// The bound of the longest pause, unless the server asks for a longer one.
    pub longest_pause: Duration,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(15),
            whole: Duration::from_mins(1),
            max_body: 64 << 20,
            redirects: 5,
            retries: 3,
            also_retried: Vec::new(),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
        }
    }
}
