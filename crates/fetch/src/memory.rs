//! What a client may remember of earlier answers, so that it need not fetch again what has not changed.

use std::fmt::Debug;

use bytes::Bytes;

use crate::target::Target;

/// An answer that was kept, and by what the server can tell whether it is still right (RFC 9110, section 8.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// The value of `ETag`, if there was one.
    pub etag: Option<String>,
    /// The value of `Last-Modified`, if there was one.
    pub last_modified: Option<String>,
}

/// A place for answers. A client asks it before a request, and asks the server only for what is newer; what cannot be
/// read or kept is no error, but costs a whole answer.
pub trait Memory: Send + Sync + Debug {
    /// What is kept of this target.
    fn recall(&self, target: &Target) -> Option<Kept>;

    /// Keeps an answer, in place of an earlier one.
    fn keep(&self, target: &Target, kept: &Kept);
}
