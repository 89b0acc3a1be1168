//! An answer that is read as it comes: for bodies too large for memory, and for parts of them.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::Version;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED,
    RANGE, TRANSFER_ENCODING,
};

use crate::base64;
use crate::client::{Client, refusal};
use crate::encoding;
use crate::error::FetchError;
use crate::gate::Pass;
use crate::quota::Quota;
use crate::roads::Reply;
use crate::target::Target;
use crate::throttle::Throttle;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Only these bytes.
    pub range: Option<Range<u64>>,
    /// Only if the file is still the one that this validator names; otherwise all of it.
    pub if_range: Option<String>,
    /// Whether a refusal for the server's rate limit is waited for; not where somebody else has the file too.
    pub patient: bool,
}

/// Which part of a file an answer says it has: the value of `Content-Range` (RFC 9110, section 14.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The bytes.
    pub range: Range<u64>,
    /// The length of the file, where it is told.
    pub total: Option<u64>,
}

/// A digest that a server states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Such as `sha-256`, in lower case.
    pub algorithm: String,
    /// The digest.
    pub value: Vec<u8>,
}

/// What the head of an answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// 200 or 206, or another status of success.
    pub status: u16,
    /// The length of the body, where it is announced.
    pub length: Option<u64>,
    /// The part, where the answer is one and says so rightly.
    pub part: Option<Part>,
    /// What names this state of the file so surely that its parts may be joined by it: a strong `ETag`, or `Last-Modified`
    /// (RFC 9110, section 13.1.5).
    pub validator: Option<String>,
    /// Whether the end of the body can be told from a connection that broke: by a length, by chunks, by HTTP/2.
    pub ends_surely: bool,
    /// Digests of the whole file.
    pub whole: Vec<Stated>,
    /// Digests of what this answer carries.
    pub carried: Vec<Stated>,
    /// The encodings that the server applied although it was asked for none. The bytes come as they were sent: a part of what
    /// is encoded cannot be decoded.
    pub encoding: Option<String>,
}

/// An answer whose body is read piece by piece. As long as it is there, it holds its place at the client's gate.
#[derive(Debug)]
pub struct Incoming {
    /// What its head says.
    pub head: Head,
    reply: Reply,
    client: Client,
    throttle: Option<Arc<Throttle>>,
    received: u64,
    _pass: Pass,
}

impl Client {
    /// Asks once, and returns when the head of the answer is there. Bytes are then read no faster than `throttle` allows.
    ///
    /// # Errors
    /// That there is no answer, or none of success.
    pub async fn open(
        &self,
        target: &Target,
        ask: &Ask,
        throttle: Option<Arc<Throttle>>,
    ) -> Result<Incoming, FetchError> {
        // What is stored is what the server has, and parts are parts of that.
        let mut more = HeaderMap::new();
        more.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(range) = &ask.range {
            let range = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
            more.extend(HeaderValue::from_str(&range).ok().map(|range| (RANGE, range)));
            let validator =
                ask.if_range.as_deref().and_then(|validator| HeaderValue::from_str(validator).ok());
            more.extend(validator.map(|validator| (IF_RANGE, validator)));
        }
        let mut waited = Duration::ZERO;
        let (reply, pass) = loop {
            let mut pass = self.gate.enter(target.host()).await;
            let reply = self.roads.get(&target.url, more.clone(), &self.manners).await?;
            if reply.status.is_success() {
                pass.accepted(Quota::read(&reply.fields, SystemTime::now()).as_ref());
                break (reply, pass);
            }
            let error = refusal(reply, &self.manners).await;
            let pause = self.tell(&mut pass, target, &error).filter(|_| ask.patient);
            waited = waited.saturating_add(pause.unwrap_or_default());
            if pause.is_none() || waited >= self.manners.whole {
                return Err(error);
            }
        };
        let head = Head::of(reply.status.as_u16(), reply.version, &reply.fields);
        let (limit, total) = (self.manners.max_body, head.part.as_ref().and_then(|part| part.total));
        if head.length.max(total).is_some_and(|length| length > limit) {
            return Err(FetchError::TooLarge { limit });
        }
        Ok(Incoming { head, reply, client: self.clone(), throttle, received: 0, _pass: pass })
    }
}

impl Incoming {
    /// The next piece of the body; nothing at its end.
    ///
    /// # Errors
    /// A body that breaks off or stalls, of which what came before is right as far as it goes, and one that is longer than the
    /// client's manners allow.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        let announced = self.head.length;
        let manners = &self.client.manners;
        let piece = self.reply.piece(manners).await;
        let piece = piece.map_err(|broken| FetchError::of_body(broken, manners, self.received, announced))?;
        match &piece {
            Some(piece) => {
                self.received += piece.len() as u64;
                let limit = self.client.manners.max_body;
                if self.received > limit {
                    return Err(FetchError::TooLarge { limit });
                }
                if let Some(throttle) = &self.throttle {
                    throttle.take(piece.len()).await;
                }
            }
            None if announced.is_some_and(|announced| announced != self.received) => {
                return Err(FetchError::Truncated { received: self.received, announced });
            }
            None => {}
        }
        Ok(piece)
    }
}

impl Head {
    pub(crate) fn of(status: u16, version: Version, fields: &HeaderMap) -> Self {
        let text = |name: &HeaderName| fields.get(name).and_then(|value| value.to_str().ok());
        let length = text(&CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let chunked = text(&TRANSFER_ENCODING).is_some_and(|codings| codings.contains("chunked"));
        let etag = text(&ETAG).filter(|etag| !etag.starts_with("W/"));
        let mut whole = structured(text(&HeaderName::from_static("repr-digest")));
        whole.extend(listed(text(&HeaderName::from_static("digest"))));
        whole.extend(listed(text(&HeaderName::from_static("x-goog-hash"))));
        let mut carried = structured(text(&HeaderName::from_static("content-digest")));
        let md5 = text(&HeaderName::from_static("content-md5")).and_then(base64::decode);
        carried.extend(md5.map(|value| Stated { algorithm: "md5".into(), value }));
        Self {
            status,
            length,
            part: text(&reqwest::header::CONTENT_RANGE).and_then(Part::parse),
            validator: etag.or(text(&LAST_MODIFIED)).map(Into::into),
            ends_surely: length.is_some() || chunked || version >= Version::HTTP_2,
            whole,
            carried,
            encoding: encoding::told(fields),
        }
    }
}

impl Part {
    /// Reads `bytes FIRST-LAST/TOTAL`; nothing where it is something else or makes no sense.
    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
        let sane = first <= last && last < u64::MAX && total.is_none_or(|total| last < total);
        sane.then(|| Self { range: first..last + 1, total })
    }
}

/// Reads a dictionary of byte sequences (RFC 9530, RFC 8941): `sha-256=:BASE64:, sha-512=:BASE64:`.
fn structured(text: Option<&str>) -> Vec<Stated> {
    let read = |item: &str| {
        let (algorithm, value) = item.trim().split_once('=')?;
        let value = value.trim().strip_prefix(':')?.split_once(':')?.0;
        Some(Stated { algorithm: algorithm.trim().to_ascii_lowercase(), value: base64::decode(value)? })
    };
    text.unwrap_or_default().split(',').filter_map(read).collect()
}

/// Reads the older form (RFC 3230): `SHA-256=BASE64,md5=BASE64`.
fn listed(text: Option<&str>) -> Vec<Stated> {
    let read = |item: &str| {
        let (algorithm, value) = item.trim().split_once('=')?;
        Some(Stated { algorithm: algorithm.to_ascii_lowercase(), value: base64::decode(value)? })
    };
    text.unwrap_or_default().split(',').filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_part(text: &str, expected: Option<(Range<u64>, Option<u64>)>) {
        assert_eq!(Part::parse(text), expected.map(|(range, total)| Part { range, total }), "{text}");
    }

    #[test]
    fn a_part_is_believed_only_where_it_makes_sense() {
        check_part("bytes 0-99/1000", Some((0..100, Some(1_000))));
        check_part("bytes 5-5/*", Some((5..6, None)));
        for wrong in
            ["", "bytes */1000", "bytes 9-5/10", "bytes 0-10/10", "lines 0-1/2", "bytes 0-x/2", "bytes 0-1"]
        {
            check_part(wrong, None);
        }
    }

    fn head(fields: &[(&'static str, &str)]) -> Head {
        let fields =
            fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Head::of(200, Version::HTTP_11, &fields.collect())
    }

    #[test]
    fn only_what_is_strong_names_a_file_and_only_a_length_or_chunks_end_it_surely() {
        assert_eq!(head(&[("etag", "\"1\""), ("last-modified", "then")]).validator.as_deref(), Some("\"1\""));
        assert_eq!(
            head(&[("etag", "W/\"1\""), ("last-modified", "then")]).validator.as_deref(),
            Some("then")
        );
        assert_eq!(head(&[("etag", "W/\"1\"")]).validator, None);
        assert!(head(&[("content-length", "1")]).ends_surely);
        assert!(head(&[("transfer-encoding", "chunked")]).ends_surely);
        assert!(!head(&[]).ends_surely);
    }

    #[test]
    fn digests_are_read_in_all_their_forms() {
        let sha = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
        let found = head(&[
            ("repr-digest", &format!("sha-256=:{sha}:, unknown=?1")),
            ("digest", &format!("SHA-256={sha},md5=Zm9v")),
            ("content-md5", "Zm9v"),
        ]);
        assert_eq!(found.whole[0].value[..3], [0xb9, 0x4d, 0x27]);
        assert_eq!(found.whole[0], found.whole[1]);
        assert_eq!(found.whole[2], Stated { algorithm: "md5".into(), value: b"foo".to_vec() });
        assert_eq!(found.carried, [Stated { algorithm: "md5".into(), value: b"foo".to_vec() }]);
    }
}
