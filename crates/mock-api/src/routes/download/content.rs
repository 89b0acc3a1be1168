//! Bytes that are made where they are asked for.

use std::io::Write as _;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderValue;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::{Frame, SizeHint};

use crate::dice::Dice;
use crate::openapi::MediaKind;

/// Bytes that are made at once: few enough to stay in the cache, many enough to pay for a write.
const PIECE: u64 = 64 * 1024;

/// A file: word `i` of eight bytes is the `i`-th number of a dice, so any part can be made alone.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    dice: Dice,
    key: u64,
    size: u64,
}

/// `application/octet-stream`, for the description.
#[derive(Debug)]
pub(crate) struct OctetStream;

impl MediaKind for OctetStream {
    const NAME: &'static str = "application/octet-stream";
    const ABOUT: &'static str = "Bytes that the seed decides.";
}

/// A part of a file as a body of known length.
struct Part {
    content: Content,
    left: Range<u64>,
}

impl Content {
    /// The file of that name and size under that seed.
    pub(crate) fn new(seed: u64, name: &[u8], size: u64) -> Self {
        let mut dice = Dice::of(seed, &[b"file", name, &size.to_le_bytes()]);
        let key = dice.bits();
        Self { dice, key, size }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// A strong validator: it names the file's bytes and how they are coded.
    pub(super) fn etag(&self, gzip: bool) -> HeaderValue {
        let coding = if gzip { "-gzip" } else { "" };
        let etag = format!("\"{:016x}-{:x}{coding}\"", self.key, self.size);
        // Hexadecimal digits in quotes are always a valid value.
        HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\""))
    }

    /// The bytes of one part; the file goes on as long as it is asked to.
    pub(crate) fn bytes(&self, part: Range<u64>) -> Bytes {
        let length = usize::try_from(part.end.saturating_sub(part.start)).unwrap_or(usize::MAX);
        let mut words = self.dice.clone();
        words.skip(part.start / 8);
        let skipped = (part.start % 8) as usize;
        let mut bytes = Vec::with_capacity((length + 16) & !7);
        while bytes.len() < skipped + length {
            bytes.extend_from_slice(&words.bits().to_le_bytes());
        }
        bytes.truncate(skipped + length);
        Bytes::from(bytes).slice(skipped..)
    }

    /// One part as a body.
    pub(crate) fn body(&self, part: Range<u64>) -> Body {
        Body::new(Part { content: self.clone(), left: part })
    }

    /// The pieces of a part, to work through in turn.
    pub(super) fn pieces(&self, part: Range<u64>) -> impl Iterator<Item = Bytes> + use<> {
        let content = self.clone();
        let starts = (part.start..part.end).step_by(usize::try_from(PIECE).unwrap_or(1));
        starts.map(move |start| content.bytes(start..(start + PIECE).min(part.end)))
    }

    /// The whole file, compressed as it is sent.
    pub(super) fn gzip(&self) -> Body {
        let mut pieces = self.pieces(0..self.size);
        // The fastest level: random bytes do not become smaller at any other either.
        let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
        Body::from_stream(futures::stream::iter(std::iter::from_fn(move || {
            loop {
                let Some(piece) = pieces.next() else {
                    return encoder.take().map(|encoder| encoder.finish().map(Bytes::from));
                };
                let compressed = encoder.as_mut()?;
                if let Err(error) = compressed.write_all(&piece) {
                    return Some(Err(error));
                }
                let ready = std::mem::take(compressed.get_mut());
                if !ready.is_empty() {
                    return Some(Ok(Bytes::from(ready)));
                }
            }
        })))
    }
}

impl HttpBody for Part {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let end = self.left.end.min(self.left.start + PIECE);
        let bytes = self.content.bytes(self.left.start..end);
        self.left.start = end;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end.saturating_sub(self.left.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_is_what_the_whole_has_there() {
        let content = Content::new(1, b"file", 1_000);
        let whole = content.bytes(0..1_000);
        for (start, end) in [(0, 0), (0, 1), (1, 1_000), (7, 9), (8, 16), (500, 777), (999, 1_000)] {
            let part = content.bytes(start..end);
            assert_eq!(part, whole.slice(usize::try_from(start).unwrap()..usize::try_from(end).unwrap()));
        }
        let pieces: Vec<u8> = content.pieces(3..1_000).flatten().collect();
        assert_eq!(pieces, whole.slice(3..));
    }
}
