//! What came back.

use std::time::Duration;

use bytes::Bytes;

/// A whole answer with a status of success (2xx).
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, complete, in the encoding in which it was sent.
    pub body: Bytes,
    /// How many requests it took, redirects not counted.
    pub attempts: u32,
    /// How long it took, with all attempts and pauses.
    pub elapsed: Duration,
}
