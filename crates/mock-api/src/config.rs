//! What a server can be told before it starts.

use std::time::Duration;

use crate::Profile;

/// How the API behaves. `Config::default()` is what `mock-api` without options serves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Threads that serve; with none, the caller's runtime does.
    pub workers: usize,
    /// Every body and every fault is decided by this number and the request.
    pub seed: u64,
    /// How many orders there are.
    pub orders: u64,
    /// What goes wrong at the start; `/admin/profile` changes it at run time.
    pub profile: Profile,
    /// The longest wait that `/delay/{ms}`, `/drip` and `/sse` accept.
    pub max_delay: Duration,
    /// How long a cursor of a collection is good after it was given out.
    pub cursor_ttl: Duration,
    /// The longest that a connection may wait for its client: for a request's head or body, and for room to write an answer.
    pub client_timeout: Duration,
    /// How long open requests may go on after a shutdown was asked for.
    pub shutdown_deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 0,
            seed: 42,
            orders: 10_000,
            profile: Profile { name: "calm".to_owned(), ..Profile::default() },
            max_delay: Duration::from_mins(1),
            cursor_ttl: Duration::from_mins(5),
            client_timeout: Duration::from_secs(30),
            shutdown_deadline: Duration::from_secs(5),
        }
    }
}
