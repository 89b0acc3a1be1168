//! The client: attempts, pauses between them, and bodies read to their end.

use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, StatusCode};
use tokio::time::{sleep, timeout_at};

use crate::answer::Answer;
use crate::backoff::{pause, retry_after};
use crate::error::{Failed, FetchError, Phase, innermost};
use crate::manners::Manners;
use crate::target::Target;
use crate::tls;

/// How long a connection may idle before it is closed. It holds a file descriptor here and at the server.
const IDLE: Duration = Duration::from_secs(10);
/// Up to this many bytes of a refusal are read, so that its connection can be used again.
const REFUSAL: usize = 16 << 10;

/// An HTTP client. It keeps connections open and belongs to the async runtime in which it was first used: a program with a
/// runtime in each thread needs a client in each thread. Cloning it shares the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    manners: Manners,
}

impl Client {
    /// A client with these manners. It opens nothing yet.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS settings or the client cannot be made.
    pub fn new(manners: Manners) -> Result<Self, FetchError> {
        let tls = tls::settings().map_err(|error| FetchError::Client { why: error.to_string() })?;
        let most = manners.redirects;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("paralelo/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(manners.connect)
            .read_timeout(manners.read)
            .redirect(Policy::custom(move |attempt| follow(attempt, most)))
            // Where a request came from is nobody's business, and may hold a token in its query.
            .referer(false)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| FetchError::Client { why: innermost(&error).to_string() })?;
        Ok(Self { http, manners })
    }

    /// Fetches one target with `GET`: again and again while the failure is one that may pass, there are retries left,
    /// and the pause before the next attempt ends before the deadline.
    ///
    /// Dropping the future ends everything at once.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub async fn get(&self, target: &Target) -> Result<Answer, Failed> {
        let started = Instant::now();
        let deadline = started + self.manners.whole;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let late = || FetchError::Timeout { phase: Phase::Whole, limit: self.manners.whole };
            let attempt = timeout_at(deadline.into(), self.attempt(target)).await;
            let error = match attempt.unwrap_or_else(|_| Err(late())) {
                Ok((status, body)) => {
                    return Ok(Answer { status, body, attempts, elapsed: started.elapsed() });
                }
                Err(error) => error,
            };
            let asked = match error {
                FetchError::Status { retry_after, .. } => retry_after,
                _ => None,
            };
            let pause = pause(&self.manners, attempts, asked, fastrand::f64());
            if !error.may_pass() || attempts > self.manners.retries || Instant::now() + pause >= deadline {
                return Err(Failed { error, attempts });
            }
            tracing::debug!(%target, attempts, ?pause, %error, "asking again after a pause");
            sleep(pause).await;
        }
    }

    async fn attempt(&self, target: &Target) -> Result<(u16, Bytes), FetchError> {
        let sent = self.http.get(target.url.clone()).send().await;
        let response = sent.map_err(|error| FetchError::of_request(&error, &self.manners))?;
        let status = response.status();
        if status.is_success() {
            Ok((status.as_u16(), self.body(response).await?))
        } else {
            Err(refusal(response).await)
        }
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, FetchError> {
        let limit = self.manners.max_body;
        let announced = header(&response, &CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|announced| announced > limit) {
            return Err(FetchError::TooLarge { limit });
        }
        let mut body = BytesMut::new();
        loop {
            let received = body.len() as u64;
            let chunk = response.chunk().await;
            match chunk.map_err(|error| FetchError::of_body(&error, &self.manners, received, announced))? {
                Some(chunk) if received + chunk.len() as u64 > limit => {
                    return Err(FetchError::TooLarge { limit });
                }
                Some(chunk) => body.extend_from_slice(&chunk),
                None if announced.is_some_and(|announced| announced != received) => {
                    return Err(FetchError::Truncated { received, announced });
                }
                None => return Ok(body.freeze()),
            }
        }
    }
}

/// Whether a redirect is followed: not too often, and never from a protected connection to an open one.
fn follow(attempt: Attempt<'_>, most: usize) -> reqwest::redirect::Action {
    let from_https = attempt.previous().last().is_some_and(|from| from.scheme() == "https");
    if attempt.previous().len() > most {
        attempt.error(format!("and more than {most} redirects in a row are not followed"))
    } else if from_https && attempt.url().scheme() != "https" {
        attempt.error("but from HTTPS to plain HTTP")
    } else {
        attempt.follow()
    }
}

/// The error of an answer that is no success. What it says is read, up to a bound, to keep the connection usable.
async fn refusal(mut response: Response) -> FetchError {
    let status = response.status();
    let asked = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        .then(|| header(&response, &RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now())))
        .flatten();
    let mut read = 0;
    while read < REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read += chunk.len();
    }
    FetchError::Status { status: status.as_u16(), retry_after: asked }
}

fn header<'a>(response: &'a Response, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}
