//! The client: attempts, pauses between them, and bodies read to their end.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use reqwest::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LINK, LOCATION, RETRY_AFTER, SERVER, WWW_AUTHENTICATE,
};
use tokio::time::{sleep, timeout, timeout_at};

use crate::answer::{Answer, Once};
use crate::backoff::{pause, retry_after};
use crate::circuit::Circuit;
use crate::encoding;
use crate::error::{Failed, FetchError, Phase, Refusal};
use crate::gate::{Gate, Pass};
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
    pub(crate) gate: Arc<Gate>,
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
        Ok(Self { roads, manners, circuit: None, gate: Arc::default(), memory: None })
    }

    /// The client, asking only while `circuit` lets it. An open circuit is waited for like a `Retry-After`, as long as the
    /// deadline allows, and is an attempt that failed: an outage that lasts is not waited for.
    #[must_use]
    pub fn guarded_by(self, circuit: Circuit) -> Self {
        Self { circuit: Some(circuit), ..self }
    }

    /// The client, passing this gate with each request. Clients that share a gate share what it learns of rate limits.
    #[must_use]
    pub fn through(self, gate: Arc<Gate>) -> Self {
        Self { gate, ..self }
    }

    /// The client, asking only for what is newer than what is remembered.
    #[must_use]
    pub fn remembering(self, memory: Arc<dyn Memory>) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Fetches one target with `GET`: again and again while the failure is one that may pass, there are retries left,
    /// and the pause before the next attempt ends before the deadline. A refusal for the server's rate limit is no failure: it
    /// is obeyed, as long as the deadline allows. The time for which one waits for a turn that our own limits or those of the
    /// server leave is not counted.
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
        let (mut attempts, mut failures, mut refusals) = (0, 0, 0);
        let mut refused: Option<(FetchError, Duration)> = None;
        loop {
            let arrived = Instant::now();
            let entering = self.gate.enter(target.host());
            let entered = match until {
                Some(until) => timeout_at(until.into(), entering).await.ok(),
                None => Some(entering.await),
            };
            let Some(mut pass) = entered else {
                let late = FetchError::Timeout { phase: Phase::Turn, limit: arrived.elapsed() };
                return Err(Failed { error: refused.map_or(late, |(error, _)| error), attempts });
            };
            // To wait for a turn is nobody's delay; the pause that the server asked this request for is.
            let owed = refused.take().map_or(Duration::ZERO, |(_, pause)| pause);
            started += arrived.elapsed().saturating_sub(owed);
            attempts += 1;
            let deadline = started + self.manners.whole;
            let deadline = until.map_or(deadline, |until| until.min(deadline));
            let late =
                || FetchError::Timeout { phase: Phase::Whole, limit: deadline.duration_since(started) };
            let attempt =
                timeout_at(deadline.into(), self.guarded(target)).await.unwrap_or_else(|_| Err(late()));
            let limit = match &attempt {
                Ok(fetched) => {
                    pass.accepted(fetched.quota.as_ref());
                    None
                }
                Err(error) => self.tell(&mut pass, target, error),
            };
            drop(pass);
            let outcome = attempt.and_then(|fetched| {
                let Fetched { status, body, first_byte, revalidated, .. } = fetched;
                let answer =
                    Answer { status, body, attempts, elapsed: started.elapsed(), first_byte, revalidated };
                read(&answer).map_err(|why| FetchError::Malformed { why })
            });
            let error = match outcome {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
            if let Some(owed) = limit {
                refusals += 1;
                // A server may refuse this request for ever and let others through, and ask for no pause.
                let least = if refusals > 1 { pause(&self.manners, refusals - 1, None, 1.0) } else { owed };
                if Instant::now() + owed.max(least) >= deadline {
                    return Err(Failed { error, attempts });
                }
                tracing::debug!(%target, attempts, ?owed, %error, "asking again at the server's pace");
                refused = Some((error, owed));
                sleep(least.saturating_sub(owed)).await;
                continue;
            }
            failures += 1;
            let asked = match error {
                FetchError::Status { retry_after, .. } => retry_after,
                FetchError::Open { pause } => Some(pause),
                _ => None,
            };
            let pause = pause(&self.manners, failures, asked, fastrand::f64());
            if !self.may_pass(&error) || failures > self.manners.retries || Instant::now() + pause >= deadline
            {
                return Err(Failed { error, attempts });
            }
            tracing::debug!(%target, attempts, ?pause, %error, "asking again after a pause");
            sleep(pause).await;
        }
    }

    /// Tells the gate of a failure. Where the server refused for its rate limit, returns the pause before the next attempt.
    ///
    /// A pause that is longer than a request may last concerns this request alone, and so does a refusal by a server that has
    /// refused everything for as long: to wait for it would keep all from coming to their end.
    pub(crate) fn tell(&self, pass: &mut Pass, target: &Target, error: &FetchError) -> Option<Duration> {
        match error {
            FetchError::Status { retry_after, .. } if error.is_limit() => {
                let longest = self.manners.whole;
                let alone = retry_after.is_some_and(|asked| asked >= longest)
                    || self.gate.refuses_for(target.host()) >= longest;
                Some(if alone { longest } else { pass.refused(*retry_after) })
            }
            FetchError::Status { .. } | FetchError::Malformed { .. } | FetchError::Encoding { .. } => {
                pass.accepted(None);
                None
            }
            _ => None,
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
        let (mut attempts, mut failures) = (0, 0);
        loop {
            let late = FetchError::Timeout { phase: Phase::Turn, limit: self.manners.whole };
            let entered = timeout_at(deadline.into(), self.gate.enter(target.host())).await;
            let mut pass = entered.map_err(|_| Failed { error: late, attempts })?;
            attempts += 1;
            let sent = self.roads.post(&target.url, content_type, body.clone(), &self.manners);
            let error = match timeout_at(deadline.into(), sent).await {
                Err(_) => FetchError::Timeout { phase: Phase::Whole, limit: self.manners.whole },
                Ok(Err(error)) => error,
                Ok(Ok(reply)) if reply.status.is_success() => {
                    pass.accepted(Quota::read(&reply.fields, SystemTime::now()).as_ref());
                    return Ok(attempts);
                }
                Ok(Ok(reply)) => refusal(reply, &self.manners).await,
            };
            let limit = self.tell(&mut pass, target, &error);
            drop(pass);
            failures += u32::from(limit.is_none());
            let asked = if let FetchError::Status { retry_after, .. } = error { retry_after } else { None };
            let pause =
                limit.unwrap_or_else(|| pause(&self.manners, failures.max(1), asked, fastrand::f64()));
            if !self.may_pass(&error) || failures > self.manners.retries || Instant::now() + pause >= deadline
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
                None => {
                    let body = if more.is_empty() { whole } else { more.freeze() };
                    return encoding::decoded(body, &reply.fields, limit);
                }
            }
        }
    }
}

/// The most that is read of an answer that is no success, in bytes.
const REFUSAL: u64 = 1 << 20;

/// Fields that tell what an answer that is no success is about, besides all whose names have `ratelimit` in them.
const TELLING: [HeaderName; 6] = [ALLOW, CONTENT_TYPE, LOCATION, RETRY_AFTER, SERVER, WWW_AUTHENTICATE];

/// The error of an answer that is no success. What it says is read, up to a bound, which also keeps the connection usable.
pub(crate) async fn refusal(mut reply: Reply, manners: &Manners) -> FetchError {
    let (status, now) = (reply.status, SystemTime::now());
    let quota = Quota::read(&reply.fields, now);
    let exhausted = quota.filter(|quota| quota.remaining == Some(0));
    let may_ask = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN
    );
    let asked =
        may_ask.then(|| reply.field(&RETRY_AFTER).and_then(|value| retry_after(value, now))).flatten();
    let limit = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => asked.is_some(),
        StatusCode::FORBIDDEN => asked.is_some() || exhausted.is_some(),
        _ => false,
    };
    let reset = exhausted.and_then(|quota| quota.reset).filter(|_| limit);
    let fields = reply
        .fields
        .iter()
        .filter(|(name, _)| TELLING.contains(name) || name.as_str().replace('-', "").contains("ratelimit"))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let (body, cut) = said(&mut reply, manners).await;
    let refusal = Box::new(Refusal { fields, body, cut, limit });
    FetchError::Status { status: status.as_u16(), retry_after: asked.or(reset), refusal }
}

/// The body of an answer that is no success, up to a bound, and whether that is not all of it.
async fn said(reply: &mut Reply, manners: &Manners) -> (Bytes, bool) {
    let most = usize::try_from(REFUSAL.min(manners.max_body)).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    let read = async {
        loop {
            match reply.piece(manners).await {
                Ok(Some(piece)) => {
                    body.extend_from_slice(&piece[..piece.len().min(most - body.len())]);
                    if body.len() == most {
                        return true;
                    }
                }
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    };
    // One that drips is no reason to wait any longer: the status is known.
    let cut = timeout(manners.read, read).await.unwrap_or(true);
    match encoding::decoded(body.freeze(), &reply.fields, REFUSAL) {
        Ok(body) => (body, cut),
        Err(_) => (Bytes::new(), true),
    }
}
