//! Bodies that do not come as they should.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt as _, stream};

/// How long a torn body waits between its last byte and its end: the server writes out what it holds when a body has
/// nothing more to give for the moment, and drops it when the body fails at once.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// The first `length` bytes of `body`, then a failure, which ends the connection.
pub(crate) fn tear(body: Body, length: u64) -> Body {
    let pieces = stream::unfold((body.into_data_stream(), length), |(mut pieces, left)| async move {
        let piece = if left == 0 { None } else { pieces.next().await };
        let Some(piece) = piece else {
            tokio::time::sleep(LAST_WORDS).await;
            return Some((Err(io::Error::other("the body was torn on purpose")), (pieces, 0)));
        };
        let piece = piece.map_err(io::Error::other).map(|piece| {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            piece.slice(..length)
        });
        let left = left - piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Some((piece, (pieces, left)))
    });
    Body::from_stream(pieces)
}

/// The same bytes in pieces of `chunk` bytes, with a pause before each but the first.
pub(crate) fn drip(body: Body, chunk: u32, every: Duration) -> Body {
    let chunk = usize::try_from(chunk).unwrap_or(usize::MAX).max(1);
    let start = (body.into_data_stream(), Bytes::new(), true);
    let pieces = stream::unfold(start, move |(mut pieces, mut rest, first)| async move {
        while rest.is_empty() {
            match pieces.next().await? {
                Ok(piece) => rest = piece,
                Err(error) => return Some((Err(error), (pieces, rest, first))),
            }
        }
        if !first {
            tokio::time::sleep(every).await;
        }
        let piece = rest.split_to(chunk.min(rest.len()));
        Some((Ok(piece), (pieces, rest, false)))
    });
    Body::from_stream(pieces)
}
