//! The id by which a client and a log speak of one request.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The client's own id where it is a sensible one, or the next of a series.
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    sensible_or_next(headers.get(REQUEST_ID))
}

/// The id that a client has sent, where it is a sensible one, or the next of a series.
pub fn sensible_or_next(sent: Option<&HeaderValue>) -> HeaderValue {
    if let Some(id) = sent
        && (1..=128).contains(&id.len())
        && id.as_bytes().iter().all(u8::is_ascii_graphic)
    {
        return id.clone();
    }
    let mut digits = [0; 16];
    // There is room for two digits a byte, which is all that could be wrong.
    let _ = hex::encode_to_slice(next_request_number().to_be_bytes(), &mut digits);
    // Hexadecimal digits are always a valid value.
    HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("0"))
}

/// A number that no other request of this process has. Each thread takes a thousand at a time, because a counter that
/// all threads write for every request travels between their caches.
fn next_request_number() -> u64 {
    const BLOCK: u64 = 1_000;
    // Only that the numbers differ matters: `Relaxed`.
    static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
    thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
    NEXT.with(|next| {
        let number =
            if next.get() % BLOCK == 0 { NEXT_BLOCK.fetch_add(BLOCK, Relaxed) + 1 } else { next.get() };
        next.set(number + 1);
        number
    })
}
