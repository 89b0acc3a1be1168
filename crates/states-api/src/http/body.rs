//! A body that is made once and handed out often.
//!
//! A warm answer is a few pointers: the bytes were serialised when the atlas changed, and compressed when the first client
//! asked for them so.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::RwLock;
use tokio::sync::OnceCell;

use crate::domain::Code;

/// Bodies from this size on are worth compressing.
const WORTH_IT: usize = 1024;

/// Bodies up to this size are compressed by whoever serves them; others by a thread that may take its time.
const AT_ONCE: usize = 32 << 10;

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
    /// One for each encoding: strong validators name bytes.
    tags: [HeaderValue; 3],
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
        let tags = [tag(""), tag("-gz"), tag("-br")];
        Self { plain: plain.into(), usage, gzip: OnceCell::new(), brotli: OnceCell::new(), tags }
    }

    /// The encoding in which it is sent to a client who would like it so: small bodies are not worth one.
    pub(super) fn coding(&self, wanted: Coding) -> Coding {
        if self.plain.len() < WORTH_IT { Coding::Identity } else { wanted }
    }

    /// The validator of the bytes in this encoding.
    pub(super) fn tag(&self, coding: Coding) -> &HeaderValue {
        &self.tags[coding as usize]
    }

    /// The bytes in this encoding. The first who asks has them made; the others wait for that. If they cannot be made, the
    /// plain ones.
    pub(super) async fn bytes(&self, coding: Coding) -> (Coding, Bytes) {
        let cell = match coding {
            Coding::Identity => return (coding, self.plain.clone()),
            Coding::Gzip => &self.gzip,
            Coding::Brotli => &self.brotli,
        };
        let plain = || self.plain.clone();
        let made = cell.get_or_try_init(|| async {
            let plain = plain();
            if plain.len() <= AT_ONCE {
                return compressed(&plain, coding, self.usage);
            }
            let usage = self.usage;
            let made = tokio::task::spawn_blocking(move || compressed(&plain, coding, usage)).await;
            made.unwrap_or_else(|error| Err(io::Error::other(error)))
        });
        match made.await {
            Ok(bytes) => (coding, bytes.clone()),
            Err(error) => {
                tracing::error!(%error, "a body could not be compressed");
                (Coding::Identity, plain())
            }
        }
    }
}

fn compressed(plain: &[u8], coding: Coding, usage: Use) -> io::Result<Bytes> {
    // What is handed out often may cost ten times as much for a tenth less of its size.
    let (gzip, quality) = if usage == Use::Often { (6, 9) } else { (1, 4) };
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
            let body = Body::new(plain.clone(), if size > 9 { Use::Often } else { Use::Once });
            assert_eq!(body.bytes(Coding::Identity).await.1, plain);
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&body.bytes(Coding::Gzip).await.1[..])
                .read_to_end(&mut text)
                .unwrap();
            assert_eq!(text, plain);
            text.clear();
            let (_, packed) = body.bytes(Coding::Brotli).await;
            brotli::BrotliDecompress(&mut &packed[..], &mut text).unwrap();
            assert_eq!(text, plain);
            assert!(body.tag(Coding::Gzip) != body.tag(Coding::Brotli));
            assert_eq!(body.coding(Coding::Gzip) == Coding::Identity, size < WORTH_IT);
        }
    }
}
