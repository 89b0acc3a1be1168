//! What a server can be told before it starts.

use std::time::Duration;

/// How the API behaves. `Config::default()` is what `mock-api` without options serves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Every body is decided by this number and the request.
    pub seed: u64,
    /// How many orders there are.
    pub orders: u64,
    /// The longest wait that `/delay/{ms}` accepts.
    pub max_delay: Duration,
    /// How long a client may take to send a request head. A slower one is disconnected.
    pub head_timeout: Duration,
    /// How long open requests may go on after a shutdown was asked for.
    pub shutdown_deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 42,
            orders: 10_000,
            max_delay: Duration::from_mins(1),
            head_timeout: Duration::from_secs(30),
            shutdown_deadline: Duration::from_secs(5),
        }
    }
}
