//! Opaque cursors that expire.
//!
//! A cursor is 32 hexadecimal digits: the position, masked, and a check word, both keyed by the seed and the view. So a
//! cursor is the same for every run, cannot be used on another filter or order, and cannot be made up by counting.
//! When it was given out last is remembered beside it: that is the one thing about an answer that follows the clock.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::dice::Dice;
use crate::problem::Problem;

/// Cursors whose age is known. Past as many all ages are forgotten, and forgotten cursors count as fresh.
const MAX_KNOWN: usize = 100_000;

/// The ages of the cursors that were given out.
#[derive(Debug)]
pub(crate) struct Cursors {
    ttl: Duration,
    /// By check word. Locked for one look-up or insertion for each page read by cursor.
    issued: Mutex<HashMap<u64, Instant>>,
}

impl Cursors {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, issued: Mutex::default() }
    }

    /// The cursor for a position of a view.
    pub(super) fn issue(&self, seed: u64, view: &str, position: u64) -> String {
        let check = check_word(seed, view, position);
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if issued.len() >= MAX_KNOWN {
            issued.clear();
        }
        issued.insert(check, Instant::now());
        format!("{:016x}{check:016x}", position ^ mask(seed, view, check))
    }

    /// The position that a cursor of this view points at; 410 if it is too old.
    pub(super) fn position(&self, seed: u64, view: &str, cursor: &str) -> Result<u64, Problem> {
        if cursor == "start" {
            return Ok(0);
        }
        let mut words = [0; 16];
        if hex::decode_to_slice(cursor, &mut words).is_err() {
            return Err(Problem::field("cursor", "must be `start` or a `next_cursor` of this API"));
        }
        let number = u128::from_be_bytes(words);
        // The halves of a number of 128 bits.
        #[allow(clippy::cast_possible_truncation)]
        let (masked, check) = ((number >> 64) as u64, number as u64);
        let position = masked ^ mask(seed, view, check);
        if check_word(seed, view, position) != check {
            return Err(Problem::field(
                "cursor",
                "does not belong to this collection with this filter and order",
            ));
        }
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner).get(&check).copied();
        if issued.is_some_and(|issued| issued.elapsed() > self.ttl) {
            let detail =
                format!("expired: a cursor is good for {} s; begin again with `start`", self.ttl.as_secs());
            return Err(Problem::field("cursor", detail).with_status(StatusCode::GONE));
        }
        Ok(position)
    }

    /// Forgets all ages.
    pub(crate) fn reset(&self) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn check_word(seed: u64, view: &str, position: u64) -> u64 {
    Dice::of(seed, &[b"cursor", view.as_bytes(), &position.to_le_bytes()]).bits()
}

fn mask(seed: u64, view: &str, check: u64) -> u64 {
    Dice::of(seed, &[b"mask", view.as_bytes(), &check.to_le_bytes()]).bits()
}
