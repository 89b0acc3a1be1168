//! The client: attempts, pauses between them, and bodies read to their end.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LINK,
    RETRY_AFTER,
};
use tokio::time::{sleep, timeout_at};

use crate::answer::{Answer, Once};
use crate::backoff::{pause, retry_after};
use crate::circuit::Circuit;
use crate::error::{Failed, FetchError, Phase};
use crate::gate::Gate;
use crate::manners::Manners;
use crate::memory::{Kept, Memory};
use crate::quota::Quota;
use crate::roads::{Reply, Roads};
use crate::target::Target;

/// The most that is reserved for a body before it is there, in bytes.
const ROOM: u64 = 1 << 20;

/// An HTTP client. It keeps connections open and belongs to the async runtime in which it was first used: a program with a
/// runtime in each thread needs a client in each thread. Cloning it shares the connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) roads: Arc<Roads>,
    pub(crate) manners: Manners,
    circuit: Option<Circuit>,
    pub(crate) gate: Option<Arc<Gate>>,
    memory: Option<Arc<dyn Memory>>,
}

/// A whole answer to one request.
struct Fetched {
    status: u16,
    body: Bytes,
    first_byte: Duration,
    revalidated: bool,
    link: Option<String>,
    quota: Option<Quota>,
}

impl Client {
    /// A client with these manners. It opens nothing yet.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS settings or the client cannot be made.
    pub fn new(manners: Manners) -> Result<Self, FetchError> {
        Self::with_headers(manners, &[])
    }

    /// A client whose requests carry these header fields.
    ///
    /// # Errors
    /// [`FetchError::Client`] when a field is none, and those of [`Client::new`].
    pub fn with_headers(manners: Manners, fields: &[(&str, &str)]) -> Result<Self, FetchError> {
        let roads = Arc::new(Roads::new(&manners, fields)?);
        Ok(Self { roads, manners, circuit: None, gate: None, memory: None })
    }

    /// The client, asking only while `circuit` lets it. An open circuit is waited for like a `Retry-After`, as long as the
    /// deadline allows, and is an attempt that failed: an outage that lasts is not waited for.
    #[must_use]
    pub fn guarded_by(self, circuit: Circuit) -> Self {
        Self { circuit: Some(circuit), ..self }
    }

    /// The client, passing this gate with each request.
    #[must_use]
    pub fn through(self, gate: Arc<Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// The client, asking only for what is newer than what is remembered.
    #[must_use]
    pub fn remembering(self, memory: Arc<dyn Memory>) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Fetches one target with `GET`: again and again while the failure is one that may pass, there are retries left,
    /// and the pause before the next attempt ends before the deadline.
    ///
    /// Dropping the future ends everything at once.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub async fn get(&self, target: &Target) -> Result<Answer, Failed> {
        self.get_as(target, None, |answer| Ok(answer.clone())).await
    }

    /// Fetches one target and reads its answer. An answer that `read` cannot use counts as a failure that may pass, as a
    /// broken proxy's does. `until` is a deadline that the caller has himself: it holds where it is earlier than that of
    /// the manners.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub async fn get_as<T>(
        &self,
        target: &Target,
        until: Option<Instant>,
        read: impl Fn(&Answer) -> Result<T, String>,
    ) -> Result<T, Failed> {
        let mut started = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let arrived = Instant::now();
            let pass = match &self.gate {
                Some(gate) => Some(gate.enter(target.host()).await),
                None => None,
            };
            // To wait for our own limits is nobody's delay.
            started += arrived.elapsed();
            let deadline = started + self.manners.whole;
            let deadline = until.map_or(deadline, |until| until.min(deadline));
            let late =
                || FetchError::Timeout { phase: Phase::Whole, limit: deadline.duration_since(started) };
            let attempt = timeout_at(deadline.into(), self.guarded(target)).await;
            drop(pass);
            let outcome = attempt.unwrap_or_else(|_| Err(late())).and_then(|fetched| {
                let Fetched { status, body, first_byte, revalidated, .. } = fetched;
                let answer =
                    Answer { status, body, attempts, elapsed: started.elapsed(), first_byte, revalidated };
                read(&answer).map_err(|why| FetchError::Malformed { why })
            });
            let error = match outcome {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
            let asked = match error {
                FetchError::Status { retry_after, .. } => retry_after,
                FetchError::Open { pause } => Some(pause),
                _ => None,
            };
            let pause = pause(&self.manners, attempts, asked, fastrand::f64());
            if !self.may_pass(&error) || attempts > self.manners.retries || Instant::now() + pause >= deadline
            {
                return Err(Failed { error, attempts });
            }
            // What one request was told, all heed; a pause that is longer than this request may last concerns it alone.
            if let (Some(gate), Some(asked)) = (&self.gate, asked) {
                gate.hold(target.host(), Instant::now() + asked);
            }
            tracing::debug!(%target, attempts, ?pause, %error, "asking again after a pause");
            sleep(pause).await;
        }
    }

    /// How long to wait before a request is repeated that has failed `attempts` times in a row, the last time like this;
    /// nothing where it should not be repeated.
    pub fn pause(&self, error: &FetchError, attempts: u32) -> Option<Duration> {
        let asked = match error {
            FetchError::Status { retry_after, .. } => *retry_after,
            _ => None,
        };
        let again = self.may_pass(error) && attempts <= self.manners.retries;
        again.then(|| pause(&self.manners, attempts, asked, fastrand::f64()))
    }

    /// Asks once, for a caller who has a pace and retries of his own.
    ///
    /// # Errors
    /// The failure of this attempt.
    pub async fn get_once(&self, target: &Target) -> Result<Once, FetchError> {
        let started = Instant::now();
        let late = || FetchError::Timeout { phase: Phase::Whole, limit: self.manners.whole };
        let attempt = timeout_at((started + self.manners.whole).into(), self.guarded(target)).await;
        let Fetched { status, body, first_byte, revalidated, link, quota } =
            attempt.unwrap_or_else(|_| Err(late()))?;
        let answer =
            Answer { status, body, attempts: 1, elapsed: started.elapsed(), first_byte, revalidated };
        Ok(Once { answer, link, quota })
    }

    /// Sends `body` with `POST`, again and again while the failure is one that may pass: only for a receiver to whom the same
    /// message twice does no harm. Returns how many attempts it took.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub async fn post(&self, target: &Target, content_type: &str, body: Bytes) -> Result<u32, Failed> {
        let deadline = Instant::now() + self.manners.whole;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let sent = self.roads.post(&target.url, content_type, body.clone(), &self.manners);
            let error = match timeout_at(deadline.into(), sent).await {
                Err(_) => FetchError::Timeout { phase: Phase::Whole, limit: self.manners.whole },
                Ok(Err(error)) => error,
                Ok(Ok(reply)) if reply.status.is_success() => return Ok(attempts),
                Ok(Ok(reply)) => refusal(reply, &self.manners).await,
            };
            let asked = if let FetchError::Status { retry_after, .. } = error { retry_after } else { None };
            let pause = pause(&self.manners, attempts, asked, fastrand::f64());
            if !self.may_pass(&error) || attempts > self.manners.retries || Instant::now() + pause >= deadline
            {
                return Err(Failed { error, attempts });
            }
            sleep(pause).await;
        }
    }

    fn may_pass(&self, error: &FetchError) -> bool {
        let also = |status| self.manners.also_retried.contains(&status);
        error.may_pass() || matches!(error, FetchError::Status { status, .. } if also(*status))
    }

    /// One attempt, if the circuit lets it through.
    async fn guarded(&self, target: &Target) -> Result<Fetched, FetchError> {
        let Some(circuit) = &self.circuit else { return self.attempt(target).await };
        let permission = circuit.enter()?;
        let outcome = self.attempt(target).await;
        permission.tell(outcome.as_ref().err());
        outcome
    }

    async fn attempt(&self, target: &Target) -> Result<Fetched, FetchError> {
        let kept = self.memory.as_ref().and_then(|memory| memory.recall(target));
        let mut more = HeaderMap::new();
        if let Some(kept) = &kept {
            let known = [(IF_NONE_MATCH, &kept.etag), (IF_MODIFIED_SINCE, &kept.last_modified)];
            let known =
                known.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?.parse().ok()?)));
            more.extend(known.collect::<Vec<(_, HeaderValue)>>());
        }
        let sent = Instant::now();
        let reply = self.roads.get(&target.url, more, &self.manners).await?;
        let (first_byte, status) = (sent.elapsed(), reply.status);
        if let (StatusCode::NOT_MODIFIED, Some(Kept { status, body, .. })) = (status, &kept) {
            return Ok(Fetched {
                status: *status,
                body: body.clone(),
                first_byte,
                revalidated: true,
                link: None,
                quota: None,
            });
        }
        if !status.is_success() {
            return Err(refusal(reply, &self.manners).await);
        }
        let status = status.as_u16();
        let value = |name| reply.field(&name).map(str::to_owned);
        let link = value(LINK);
        let known = self.memory.as_ref().map(|memory| (memory, value(ETAG), value(LAST_MODIFIED)));
        let quota = Quota::read(&reply.fields, SystemTime::now());
        let body = self.body(reply).await?;
        if let Some((memory, etag, last_modified)) = known
            && (etag.is_some() || last_modified.is_some())
        {
            memory.keep(target, &Kept { status, body: body.clone(), etag, last_modified });
        }
        Ok(Fetched { status, body, first_byte, revalidated: false, link, quota })
    }

    async fn body(&self, mut reply: Reply) -> Result<Bytes, FetchError> {
        let limit = self.manners.max_body;
        let announced = reply.field(&CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|announced| announced > limit) {
            return Err(FetchError::TooLarge { limit });
        }
        // Most bodies come in one piece, which is kept as it is.
        let (mut whole, mut more) = (Bytes::new(), BytesMut::new());
        loop {
            let received = (whole.len() + more.len()) as u64;
            let piece = reply.piece(&self.manners).await;
            let piece =
                piece.map_err(|broken| FetchError::of_body(broken, &self.manners, received, announced))?;
            match piece {
                Some(piece) if received + piece.len() as u64 > limit => {
                    return Err(FetchError::TooLarge { limit });
                }
                Some(piece) if received == 0 => whole = piece,
                Some(piece) => {
                    if more.is_empty() {
                        // A server may announce what it never sends.
                        let most = announced.unwrap_or_default().min(ROOM);
                        more.reserve(usize::try_from(most).unwrap_or_default());
                    }
                    more.extend_from_slice(&mem::take(&mut whole));
                    more.extend_from_slice(&piece);
                }
                None if announced.is_some_and(|announced| announced != received) => {
                    return Err(FetchError::Truncated { received, announced });
                }
                None if more.is_empty() => return Ok(whole),
                None => return Ok(more.freeze()),
            }
        }
    }
}

/// The error of an answer that is no success. What it says is read, up to a bound, to keep the connection usable.
pub(crate) async fn refusal(mut reply: Reply, manners: &Manners) -> FetchError {
    let status = reply.status;
    let asked = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        .then(|| reply.field(&RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now())))
        .flatten();
    reply.discard(manners).await;
    FetchError::Status { status: status.as_u16(), retry_after: asked }
}
