//! SHA-256 of parts, as structured fields have it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderValue, StatusCode};
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
    let value = format!("sha-256=:{}:", base64(digest));
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""))
}

/// Base64 with padding (RFC 4648, section 4). Written here because it is all that a crate would be used for.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_the_vectors_of_its_specification() {
        // RFC 4648, section 10.
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_digest_is_written_as_rfc_9530_writes_it() {
        // RFC 9530, appendix D: the digest of `{"hello": "world"}` followed by a line feed.
        let digest = structured(&Sha256::digest(b"{\"hello\": \"world\"}\n"));
        assert_eq!(digest, "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
    }
}
