//! A body that is made once and handed out often.
//!
//! A warm answer is a few pointers: the bytes were serialised when the atlas changed, and compressed when the first client
//! asked for them so. What many ask for is compressed once more, as small as it can be, while the first bytes are served:
//! it takes a second for the whole country, which no request should wait for, and a fifth of the bytes is saved with each
//! answer from then on.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Instant, SystemTime};

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::RwLock;
use tokio::sync::{OnceCell, Semaphore};

use crate::domain::Code;

/// Bodies from this size on are worth compressing.
const WORTH_IT: usize = 1024;

/// Bodies up to this size are compressed by whoever serves them; others by a thread that may take its time.
const AT_ONCE: usize = 32 << 10;

/// After so many answers in brotli a body is worth being made as small as it can be.
const MANY: u32 = 16;

/// Bodies are made as small as they can be one at a time, so that a change of the atlas, which makes many of them anew,
/// never takes more than one thread from the requests.
static SQUEEZING: Semaphore = Semaphore::const_new(1);

/// Whether a body is kept and handed out often, or made for one request: what compressing it may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Often,
    Once,
}

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Brotli,
}

/// A whole body in each encoding that somebody has asked for.
#[derive(Debug)]
pub(super) struct Body {
    plain: Bytes,
    usage: Use,
    gzip: OnceCell<Bytes>,
    brotli: OnceCell<Bytes>,
    /// As small as brotli makes it, once that is done.
    smallest: OnceLock<Bytes>,
    /// Answers in brotli so far. It only decides when the smallest is made: `Relaxed`.
    given: AtomicU32,
    /// One for each encoding, and one for the smallest: strong validators name bytes.
    tags: [HeaderValue; 4],
}

/// How hard to compress.
#[derive(Clone, Copy, Debug)]
enum Effort {
    /// For one answer.
    Quick,
    /// For many answers, while the first of them waits.
    Good,
    /// For many answers, and nobody waits.
    Best,
}

/// A body with what must be said of it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) body: Arc<Body>,
    /// When the oldest part of it came from the source.
    pub(super) at: SystemTime,
    /// Whether something is missing in it.
    pub(super) partial: bool,
    /// What must be said of its age, where it is stale.
    pub(super) warning: Option<HeaderValue>,
    /// The version of the atlas that it was made of.
    pub(super) version: u64,
    /// Until when it is served without asking the atlas.
    pub(super) fresh_until: Instant,
}

/// The bodies that are asked for most: that of the whole country, and those of the states.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Written when the atlas has changed, read once for each request, for a clone of a pointer.
    country: RwLock<Option<Arc<Made>>>,
    states: RwLock<HashMap<Code, Arc<Made>>>,
}

impl Coding {
    /// The one that the client likes best of those that we have; of equals the smallest (RFC 9110, section 12.5.3).
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let mut best = (0, Self::Identity);
        for field in headers.get_all(header::ACCEPT_ENCODING) {
            for part in field.to_str().unwrap_or_default().split(',') {
                let (name, rest) = part.split_once(';').unwrap_or((part, ""));
                let quality =
                    rest.trim().strip_prefix("q=").map_or(Some(1.0), |text| text.parse::<f32>().ok());
                let coding = match name.trim() {
                    "br" => Self::Brotli,
                    "gzip" | "x-gzip" => Self::Gzip,
                    _ => continue,
                };
                // Three digits are all that the grammar allows.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "clamped to 0 to 1000"
                )]
                let quality = (quality.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u32;
                if quality > best.0 || (quality == best.0 && quality > 0 && coding == Self::Brotli) {
                    best = (quality, coding);
                }
            }
        }
        best.1
    }

    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }
}

impl Body {
    pub(super) fn new(plain: Vec<u8>, usage: Use) -> Self {
        let hash = blake3::hash(&plain).to_hex();
        let tag = |suffix: &str| {
            let tag = format!("\"{}{suffix}\"", &hash.as_str()[..24]);
            // Hexadecimal digits are always a valid value.
            HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
        };
        let tags = [tag(""), tag("-gz"), tag("-br"), tag("-br-s")];
        Self {
            plain: plain.into(),
            usage,
            gzip: OnceCell::new(),
            brotli: OnceCell::new(),
            smallest: OnceLock::new(),
            given: AtomicU32::new(0),
            tags,
        }
    }

    /// The encoding in which it is sent to a client who would like it so: small bodies are not worth one.
    pub(super) fn coding(&self, wanted: Coding) -> Coding {
        if self.plain.len() < WORTH_IT { Coding::Identity } else { wanted }
    }

    /// The validator of the bytes that a client gets in this encoding now.
    pub(super) fn tag(&self, coding: Coding) -> &HeaderValue {
        let [identity, gzip, brotli, smallest] = &self.tags;
        match coding {
            Coding::Identity => identity,
            Coding::Gzip => gzip,
            Coding::Brotli if self.smallest.get().is_some() => smallest,
            Coding::Brotli => brotli,
        }
    }

    /// The bytes in this encoding, which may be another one if they cannot be made, with their validator. The first who
    /// asks has them made; the others wait for that.
    pub(super) async fn bytes(self: &Arc<Self>, coding: Coding) -> (Coding, Bytes, &HeaderValue) {
        let (cell, tag) = match coding {
            Coding::Identity => return (coding, self.plain.clone(), &self.tags[0]),
            Coding::Gzip => (&self.gzip, &self.tags[1]),
            Coding::Brotli => {
                if let Some(smallest) = self.smallest.get() {
                    return (coding, smallest.clone(), &self.tags[3]);
                }
                if self.usage == Use::Often && self.given.fetch_add(1, Relaxed) == MANY {
                    tokio::spawn(squeeze(Arc::downgrade(self)));
                }
                (&self.brotli, &self.tags[2])
            }
        };
        let effort = if self.usage == Use::Often { Effort::Good } else { Effort::Quick };
        match cell.get_or_try_init(|| self.made(coding, effort)).await {
            Ok(bytes) => (coding, bytes.clone(), tag),
            Err(error) => {
                tracing::error!(%error, "a body could not be compressed");
                (Coding::Identity, self.plain.clone(), &self.tags[0])
            }
        }
    }

    async fn made(&self, coding: Coding, effort: Effort) -> io::Result<Bytes> {
        let plain = self.plain.clone();
        if plain.len() <= AT_ONCE && !matches!(effort, Effort::Best) {
            return compressed(&plain, coding, effort);
        }
        let made = tokio::task::spawn_blocking(move || compressed(&plain, coding, effort)).await;
        made.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

/// Makes a body as small as it can be, unless nobody has it any more when its turn comes.
async fn squeeze(body: Weak<Body>) {
    // The semaphore is never closed.
    let Ok(_turn) = SQUEEZING.acquire().await else { return };
    let Some(body) = body.upgrade() else { return };
    match body.made(Coding::Brotli, Effort::Best).await {
        Ok(bytes) => drop(body.smallest.set(bytes)),
        Err(error) => tracing::error!(%error, "a body could not be compressed"),
    }
}

fn compressed(plain: &[u8], coding: Coding, effort: Effort) -> io::Result<Bytes> {
    let (gzip, quality) = match effort {
        Effort::Quick => (1, 4),
        Effort::Good => (6, 9),
        Effort::Best => (9, 11),
    };
    let room = Vec::with_capacity(plain.len() / 4);
    let made = match coding {
        Coding::Identity => plain.to_vec(),
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(room, Compression::new(gzip));
            encoder.write_all(plain)?;
            encoder.finish()?
        }
        Coding::Brotli => {
            let mut made = room;
            let params = brotli::enc::BrotliEncoderParams { quality, lgwin: 22, ..Default::default() };
            brotli::BrotliCompress(&mut &plain[..], &mut made, &params)?;
            made
        }
    };
    Ok(made.into())
}

impl Shelf {
    /// The country's body, if it is of this version and still fresh.
    pub(super) fn country(&self, version: u64) -> Option<Arc<Made>> {
        let made = self.country.read().clone()?;
        made.is_good(version).then_some(made)
    }

    pub(super) fn put_country(&self, made: &Arc<Made>) {
        *self.country.write() = Some(Arc::clone(made));
    }

    /// A state's body, likewise.
    pub(super) fn state(&self, state: Code, version: u64) -> Option<Arc<Made>> {
        let made = self.states.read().get(&state).cloned()?;
        made.is_good(version).then_some(made)
    }

    /// Only states that exist get here, so there are never more than a few dozen.
    pub(super) fn put_state(&self, state: Code, made: &Arc<Made>) {
        self.states.write().insert(state, Arc::clone(made));
    }
}

impl Made {
    fn is_good(&self, version: u64) -> bool {
        self.version == version && Instant::now() < self.fresh_until
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_client_gets_the_encoding_that_it_likes_best() {
        let check = |accepted: &'static str, expected| {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(Coding::accepted(&headers), expected, "{accepted}");
        };
        check("gzip, deflate, br", Coding::Brotli);
        check("gzip", Coding::Gzip);
        check("br;q=0.5, gzip;q=0.8", Coding::Gzip);
        check("br; q=0, gzip;q=0.0", Coding::Identity);
        check("gzip;q=nonsense, identity", Coding::Identity);
        check("", Coding::Identity);
        assert_eq!(Coding::accepted(&HeaderMap::new()), Coding::Identity);
    }

    #[tokio::test]
    async fn every_encoding_holds_the_same_body_and_has_a_validator_of_its_own() {
        for size in [10, 5_000, 300_000] {
            let plain: Vec<u8> = (0..size).map(|n: usize| b"abcdefgh"[n * n % 8]).collect();
            let usage = if size > 5_000 { Use::Often } else { Use::Once };
            let body = Arc::new(Body::new(plain.clone(), usage));
            assert_eq!(body.bytes(Coding::Identity).await.1, plain);
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&body.bytes(Coding::Gzip).await.1[..])
                .read_to_end(&mut text)
                .unwrap();
            assert_eq!(text, plain);
            text.clear();
            let (_, packed, _) = body.bytes(Coding::Brotli).await;
            brotli::BrotliDecompress(&mut &packed[..], &mut text).unwrap();
            assert_eq!(text, plain);
            assert!(body.tag(Coding::Gzip) != body.tag(Coding::Brotli));
            assert_eq!(body.coding(Coding::Gzip) == Coding::Identity, size < WORTH_IT);
        }
    }

    #[tokio::test]
    async fn what_many_ask_for_becomes_smaller_and_its_validator_another() {
        let plain: Vec<u8> =
            (0..8_000_u32).flat_map(|n| format!("{{\"id\":{}}},", n * n % 977).into_bytes()).collect();
        let body = Arc::new(Body::new(plain.clone(), Use::Often));
        let (_, first, tag) = body.bytes(Coding::Brotli).await;
        let (first, tag) = (first.len(), tag.clone());
        for _ in 0..=MANY {
            body.bytes(Coding::Brotli).await;
        }
        let smaller = async {
            while body.smallest.get().is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), smaller).await.unwrap();
        let (_, packed, other) = body.bytes(Coding::Brotli).await;
        assert!(packed.len() < first, "{} of {first}", packed.len());
        assert!(*other != tag && other == body.tag(Coding::Brotli));
        let mut text = Vec::new();
        brotli::BrotliDecompress(&mut &packed[..], &mut text).unwrap();
        assert_eq!(text, plain);
    }
}
