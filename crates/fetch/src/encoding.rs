//! Content encodings (RFC 9110, section 8.4): a body is decoded, whether or not anybody asked for an encoding.
//!
//! `gzip`, `deflate`, `br` and `zstd` are known, also several on top of each other. `deflate` is the zlib format (RFC 1950),
//! and some servers send the raw one (RFC 1951): both are read. A body must end where its encoding ends: one that is cut off
//! is as bad as one with something behind its end. An empty body is empty under any encoding.

use std::io::{self, Read};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use crate::error::FetchError;

/// A body may decode to so many times its size: beyond is a bomb.
const MOST_TIMES: u64 = 250;
/// However small a body is, it may decode to so many bytes.
const ALWAYS: u64 = 8 << 20;
/// So many encodings of one body are undone.
const MOST_ENCODINGS: usize = 4;
/// The window of a Zstandard body: 8 MiB at the most (RFC 9659).
const ZSTD_WINDOW: u32 = 23;
/// What a decoder makes in one step.
const STEP: usize = 64 << 10;

/// Why a body cannot be decoded.
#[derive(Debug)]
enum Wrong {
    /// It decodes to more than is allowed.
    Bomb,
    /// It ends within the encoding.
    Cut,
    /// Something comes behind the end of the encoding.
    Behind(usize),
    /// It is not in this encoding.
    Damaged(String),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Damaged(error.to_string()),
        }
    }
}

/// Undoes the encodings that the head of an answer names. No body decodes to more than `limit` bytes.
///
/// # Errors
/// [`FetchError::Encoding`] for an encoding that is not known and for a bomb, [`FetchError::TooLarge`], and
/// [`FetchError::Malformed`] for a body that is not what its head says.
pub(crate) fn decoded(body: Bytes, fields: &HeaderMap, limit: u64) -> Result<Bytes, FetchError> {
    // Most answers have no such field.
    if !fields.contains_key(CONTENT_ENCODING) || body.is_empty() {
        return Ok(body);
    }
    let names = names(fields);
    if names.len() > MOST_ENCODINGS {
        let why = format!("{} encodings are on top of each other: {}", names.len(), names.join(", "));
        return Err(FetchError::Encoding { why });
    }
    let most = limit.min((body.len() as u64).saturating_mul(MOST_TIMES).max(ALWAYS));
    let mut body = body;
    for name in names.iter().rev() {
        body = undone(name, &body, most).map_err(|wrong| match wrong {
            None => FetchError::Encoding { why: format!("the encoding `{name}` is not known") },
            Some(Wrong::Bomb) if most == limit => FetchError::TooLarge { limit },
            Some(Wrong::Bomb) => FetchError::Encoding {
                why: format!("it decodes to more than {MOST_TIMES} times its size ({name})"),
            },
            Some(Wrong::Cut) => malformed(name, "the body ends within it"),
            Some(Wrong::Behind(bytes)) => malformed(name, &format!("{bytes} bytes come behind its end")),
            Some(Wrong::Damaged(why)) => malformed(name, &why),
        })?;
    }
    Ok(body)
}

/// The encodings in the order in which they were applied.
fn names(fields: &HeaderMap) -> Vec<String> {
    let texts = fields.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let names = texts.flat_map(|text| text.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !matches!(name.as_str(), "" | "identity")).collect()
}

/// The encodings of an answer as its head names them, where there are any.
pub(crate) fn told(fields: &HeaderMap) -> Option<String> {
    let names = names(fields);
    (!names.is_empty()).then(|| names.join(", "))
}

fn malformed(name: &str, why: &str) -> FetchError {
    FetchError::Malformed { why: format!("the answer is to be in the encoding `{name}`, and {why}") }
}

/// Undoes one encoding; an error of nothing for one that is not known.
fn undone(name: &str, body: &[u8], most: u64) -> Result<Bytes, Option<Wrong>> {
    let plain = match name {
        "gzip" | "x-gzip" => collected(MultiGzDecoder::new(body), most),
        "deflate" => deflate(body, most),
        "br" => brotli(body, most),
        "zstd" => zstd(body, most),
        _ => return Err(None),
    };
    plain.map(Bytes::from).map_err(Some)
}

fn collected(source: impl Read, most: u64) -> Result<Vec<u8>, Wrong> {
    let mut plain = Vec::new();
    source.take(most.saturating_add(1)).read_to_end(&mut plain)?;
    if plain.len() as u64 > most { Err(Wrong::Bomb) } else { Ok(plain) }
}

fn zstd(body: &[u8], most: u64) -> Result<Vec<u8>, Wrong> {
    let mut decoder = zstd::Decoder::with_buffer(body)?;
    decoder.window_log_max(ZSTD_WINDOW)?;
    collected(decoder, most)
}

/// The zlib format where it begins like that, and the raw one otherwise.
fn deflate(body: &[u8], most: u64) -> Result<Vec<u8>, Wrong> {
    let is_zlib = matches!(*body, [one, two, ..]
        if one & 15 == 8 && (u16::from(one) << 8 | u16::from(two)).is_multiple_of(31));
    if !is_zlib {
        return inflated(body, false, most);
    }
    // A raw stream may begin like that by chance.
    inflated(body, true, most).or_else(|wrong| match wrong {
        Wrong::Damaged(_) => inflated(body, false, most).map_err(|_| wrong),
        wrong => Err(wrong),
    })
}

fn inflated(body: &[u8], zlib: bool, most: u64) -> Result<Vec<u8>, Wrong> {
    let mut state = Decompress::new(zlib);
    let mut plain = Vec::with_capacity(body.len().saturating_mul(3));
    loop {
        if plain.capacity() - plain.len() < STEP {
            plain.reserve(STEP.max(plain.len()));
        }
        let (read, written) = (state.total_in(), plain.len());
        let rest = usize::try_from(read).ok().and_then(|read| body.get(read..)).unwrap_or_default();
        let status = state
            .decompress_vec(rest, &mut plain, FlushDecompress::None)
            .map_err(|error| Wrong::Damaged(error.to_string()))?;
        if plain.len() as u64 > most {
            return Err(Wrong::Bomb);
        }
        if status == Status::StreamEnd {
            let behind = (body.len() as u64).saturating_sub(state.total_in());
            return if behind == 0 {
                Ok(plain)
            } else {
                Err(Wrong::Behind(usize::try_from(behind).unwrap_or(0)))
            };
        }
        if (state.total_in(), plain.len()) == (read, written) {
            return Err(Wrong::Cut);
        }
    }
}

fn brotli(body: &[u8], most: u64) -> Result<Vec<u8>, Wrong> {
    let new = StandardAlloc::default;
    let mut state = BrotliState::new(new(), new(), new());
    let (mut left, mut at, mut total) = (body.len(), 0, 0);
    let (mut step, mut plain) = (vec![0; STEP], Vec::new());
    loop {
        let (mut room, mut made) = (step.len(), 0);
        let result = BrotliDecompressStream(
            &mut left, &mut at, body, &mut room, &mut made, &mut step, &mut total, &mut state,
        );
        plain.extend_from_slice(&step[..made]);
        if plain.len() as u64 > most {
            return Err(Wrong::Bomb);
        }
        match result {
            BrotliResult::ResultSuccess if left == 0 => return Ok(plain),
            BrotliResult::ResultSuccess => return Err(Wrong::Behind(left)),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Err(Wrong::Cut),
            BrotliResult::ResultFailure => return Err(Wrong::Damaged("it is not brotli".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    const LIMIT: u64 = 64 << 20;
    const NAMES: [&str; 5] = ["gzip", "deflate", "raw", "br", "zstd"];

    /// Encodes; `raw` is deflate without zlib's frame.
    fn encoded(name: &str, plain: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        match name {
            "gzip" => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "deflate" => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "raw" => {
                let mut encoder = DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut out = Vec::new();
                let mut plain = plain;
                brotli::BrotliCompress(&mut plain, &mut out, &brotli::enc::BrotliEncoderParams::default())
                    .unwrap();
                out
            }
            _ => zstd::encode_all(plain, 3).unwrap(),
        }
    }

    fn field(name: &str) -> &str {
        if name == "raw" { "deflate" } else { name }
    }

    fn undo(body: Vec<u8>, encodings: &[&str], limit: u64) -> Result<Bytes, FetchError> {
        let mut fields = HeaderMap::new();
        for encoding in encodings {
            fields.append(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        }
        decoded(body.into(), &fields, limit)
    }

    #[track_caller]
    fn check_refused(body: Vec<u8>, encoding: &str, class: &str, why: &str) {
        let error = undo(body, &[encoding], LIMIT).unwrap_err();
        assert!(error.class() == class && error.to_string().contains(why), "{encoding}: {error}");
        assert!(!error.hint().is_empty());
    }

    #[test]
    fn every_encoding_is_undone_also_several_in_their_order() {
        let plain = "{\"city\":\"São Paulo\"}".repeat(20_000).into_bytes();
        for one in NAMES {
            assert_eq!(undo(encoded(one, &plain), &[field(one)], LIMIT).unwrap(), plain, "{one}");
            for two in NAMES {
                let both = encoded(two, &encoded(one, &plain));
                let fields = format!("{}, {}", field(one), field(two).to_uppercase());
                assert_eq!(undo(both.clone(), &[&fields], LIMIT).unwrap(), plain, "{fields}");
                assert_eq!(undo(both, &[field(one), "identity", field(two)], LIMIT).unwrap(), plain);
            }
        }
        assert_eq!(undo(encoded("gzip", b"a"), &["x-gzip"], LIMIT).unwrap(), "a");
        let members = [encoded("gzip", b"one"), encoded("gzip", b"two")].concat();
        assert_eq!(undo(members, &["gzip"], LIMIT).unwrap(), "onetwo");
    }

    #[test]
    fn a_body_without_an_encoding_and_an_empty_body_are_what_they_are() {
        assert_eq!(undo(b"plain".to_vec(), &[], LIMIT).unwrap(), "plain");
        assert_eq!(undo(b"plain".to_vec(), &["identity", ""], LIMIT).unwrap(), "plain");
        for name in NAMES.into_iter().chain(["unheard-of"]) {
            assert_eq!(undo(Vec::new(), &[field(name)], LIMIT).unwrap(), "", "{name}");
        }
    }

    #[test]
    fn a_body_that_is_cut_off_or_goes_on_behind_its_end_is_an_error() {
        for name in NAMES {
            let whole = encoded(name, "a,b\n1,2\n".repeat(2_000).as_bytes());
            for cut in [1, whole.len() / 2, whole.len() - 1] {
                check_refused(whole[..cut].to_vec(), field(name), "malformed", field(name));
            }
            let longer = [whole, b"more".to_vec()].concat();
            check_refused(longer, field(name), "malformed", field(name));
            check_refused(b"this is plain".to_vec(), field(name), "malformed", field(name));
        }
    }

    #[test]
    fn what_is_not_known_is_named_and_not_kept_as_it_came() {
        check_refused(b"x".to_vec(), "compress", "encoding", "`compress`");
        check_refused(encoded("gzip", b"x"), "gzip, aes128gcm", "encoding", "`aes128gcm`");
        check_refused(b"x".to_vec(), "gzip,gzip,gzip,gzip,gzip", "encoding", "5 encodings");
    }

    #[test]
    fn a_bomb_is_stopped_before_it_goes_off() {
        let zeros = vec![b'0'; 40 << 20];
        for name in NAMES {
            let bomb = encoded(name, &zeros);
            assert!(bomb.len() < 100_000);
            check_refused(bomb.clone(), field(name), "encoding", "250 times");
            let error = undo(bomb, &[field(name)], 1 << 20).unwrap_err();
            assert_eq!(error, FetchError::TooLarge { limit: 1 << 20 }, "{name}");
        }
        let inner = encoded("gzip", &zeros);
        check_refused(encoded("gzip", &inner), "gzip, gzip", "encoding", "250 times");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_to_the_same(plain: Vec<u8>, name in proptest::sample::select(&NAMES)) {
            prop_assert_eq!(undo(encoded(name, &plain), &[field(name)], LIMIT).unwrap(), plain);
        }

        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>, name in proptest::sample::select(&NAMES)) {
            let _ = undo(body, &[field(name)], LIMIT);
        }
    }
}
