//! SHA-256 of parts, as structured fields have it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderValue, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::Content;
use crate::problem::Problem;

/// Digests of whole files that are remembered. Past as many all are forgotten.
const MAX_KNOWN: usize = 4_096;

/// The digests of whole files that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    /// By validator. Locked for a look-up or an insertion, never while a digest is made.
    known: Mutex<HashMap<HeaderValue, HeaderValue>>,
}

impl Digests {
    /// The value of `Content-Digest` or `Repr-Digest` for a part of a file.
    pub(super) async fn of(&self, content: &Content, part: Range<u64>) -> Result<HeaderValue, Problem> {
        let etag = (part == (0..content.size())).then(|| content.etag(false));
        if let Some(etag) = &etag
            && let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(etag)
        {
            return Ok(known.clone());
        }
        let content = content.clone();
        let make = move || {
            let mut hash = Sha256::new();
            content.pieces(part).for_each(|piece| hash.update(&piece));
            structured(&hash.finalize())
        };
        // Up to a millisecond of work is cheaper done here than handed to another thread.
        let digest = tokio::task::spawn_blocking(make)
            .await
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        if let Some(etag) = etag {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(etag, digest.clone());
        }
        Ok(digest)
    }
}

/// `sha-256=:BASE64:` (RFC 9530 and RFC 8941).
fn structured(digest: &[u8]) -> HeaderValue {
    let value = format!("sha-256=:{}:", BASE64_STANDARD.encode(digest));
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_rfc_9530_writes_it() {
        // RFC 9530, appendix D: the digest of `{"hello": "world"}` followed by a line feed.
        let digest = structured(&Sha256::digest(b"{\"hello\": \"world\"}\n"));
        assert_eq!(digest, "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
    }
}
