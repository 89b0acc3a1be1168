//! What came back.

use std::time::Duration;

use bytes::Bytes;

use crate::quota::Quota;

/// A whole answer with a status of success (2xx).
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, complete, without its content encoding.
    pub body: Bytes,
    /// How many attempts it took, redirects not counted.
    pub attempts: u32,
    /// How long it took, with all attempts and pauses, without the time spent at a [`crate::Gate`].
    pub elapsed: Duration,
    /// How long the last attempt took until the head of the answer was there, redirects included.
    pub first_byte: Duration,
    /// Whether the server said that what was kept of it is still right.
    pub revalidated: bool,
}

/// What one attempt brought.
#[derive(Clone, Debug)]
pub struct Once {
    /// The answer.
    pub answer: Answer,
    /// Its header field `Link` (RFC 8288).
    pub link: Option<String>,
    /// What it tells of the server's limit.
    pub quota: Option<Quota>,
}
