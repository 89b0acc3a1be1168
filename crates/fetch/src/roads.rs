//! The two roads to a server, and redirects from one to the other.
//!
//! Plain HTTP goes over [`crate::wire`]: a crawl of a near server then takes 17 µs of processor time a page, where the client
//! for everything took 27. That one takes what is left: HTTPS with HTTP/2, proxies, and credentials in a URL.

use std::borrow::Cow;
use std::{env, mem};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url, Version};

use crate::error::{FetchError, innermost};
use crate::manners::Manners;
use crate::target::{Target, is_secret_field};
use crate::tls;
use crate::wire::{Broken, IDLE, WireBody, Wires};

/// Up to this many bytes of an answer that nobody wants are read, so that its connection can be used again.
const UNWANTED: usize = 16 << 10;
/// What names a proxy for plain HTTP.
const PROXIES: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// Both roads, with the fields that every request carries.
#[derive(Debug)]
pub(crate) struct Roads {
    http: reqwest::Client,
    wires: Option<Wires>,
    fields: HeaderMap,
    /// Those of them that are told to no other server than the one they were meant for.
    secrets: Vec<HeaderName>,
}

/// The head of an answer, and where its body comes from.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) fields: HeaderMap,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Wire(WireBody),
    Client(reqwest::Response),
}

impl Roads {
    /// Roads that nothing has gone over yet.
    ///
    /// # Errors
    /// [`FetchError::Client`] when a field is none or the TLS settings cannot be made.
    pub(crate) fn new(manners: &Manners, own: &[(&str, &str)]) -> Result<Self, FetchError> {
        let wrong = |why: String| FetchError::Client { why };
        // With room for those that a request adds.
        let mut fields = HeaderMap::with_capacity(own.len() + 6);
        fields.insert(USER_AGENT, HeaderValue::from_static(concat!("paralelo/", env!("CARGO_PKG_VERSION"))));
        fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let mut secrets = Vec::new();
        for (name, text) in own {
            let name = HeaderName::try_from(*name).map_err(|error| wrong(format!("`{name}`: {error}")))?;
            let value = HeaderValue::try_from(*text).map_err(|error| wrong(format!("{name}: {error}")))?;
            secrets.extend(is_secret_field(name.as_str(), text).then(|| name.clone()));
            fields.insert(name, value);
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::settings().map_err(|error| wrong(error.to_string()))?)
            .connect_timeout(manners.connect)
            .read_timeout(manners.read)
            .redirect(Policy::none())
            // Where a request came from is nobody's business, and may hold a token in its query.
            .referer(false)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| wrong(innermost(&error).to_string()))?;
        let proxy = PROXIES.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
        Ok(Self { http, wires: (!proxy).then(|| Wires::new(manners.connect)), fields, secrets })
    }

    /// Asks for a URL with these fields more, and follows redirects as the manners allow. Returns when the head of the answer
    /// is there.
    pub(crate) async fn get(
        &self,
        url: &Url,
        more: HeaderMap,
        manners: &Manners,
    ) -> Result<Reply, FetchError> {
        let mut reply = self.ask(url, self.with(&more), manners).await?;
        let (mut here, mut hops) = (Cow::Borrowed(url), 0);
        while let Some(next) = reply.leads_to(&here)? {
            let refused = |why: String| Err(FetchError::Redirect { why });
            hops += 1;
            if hops > manners.redirects {
                let there = Target::show(next.as_str());
                return refused(match manners.redirects {
                    0 => format!("to {there}, and redirects are not followed here"),
                    most => format!(
                        "and more than {most} redirects in a row are not followed; the next one is to {there}"
                    ),
                });
            }
            if here.scheme() == "https" && next.scheme() != "https" {
                return refused("but from HTTPS to plain HTTP".to_owned());
            }
            reply.discard(manners).await;
            let mut fields = self.with(&more);
            if next.origin() != url.origin() {
                self.secrets.iter().for_each(|name| drop(fields.remove(name)));
            }
            reply = self.ask(&next, fields, manners).await?;
            here = Cow::Owned(next);
        }
        Ok(reply)
    }

    /// A request that sends `body`. Its redirects are not followed.
    pub(crate) async fn post(
        &self,
        url: &Url,
        content_type: &str,
        body: Bytes,
        manners: &Manners,
    ) -> Result<Reply, FetchError> {
        let request = self.http.post(url.clone()).headers(self.fields.clone());
        let sent = request.header(CONTENT_TYPE, content_type).body(body).send().await;
        sent.map(Reply::from).map_err(|error| FetchError::of_request(&error, manners))
    }

    /// The fields of every request and these.
    fn with(&self, more: &HeaderMap) -> HeaderMap {
        let mut fields = self.fields.clone();
        fields.extend(more.clone());
        fields
    }

    async fn ask(&self, url: &Url, fields: HeaderMap, manners: &Manners) -> Result<Reply, FetchError> {
        if let Some(wires) = &self.wires
            && url.scheme() == "http"
            && url.username().is_empty()
            && url.password().is_none()
        {
            return wires.ask(url, fields, manners.read).await.map(Reply::from);
        }
        let sent = self.http.get(url.clone()).headers(fields).send().await;
        sent.map(Reply::from).map_err(|error| FetchError::of_request(&error, manners))
    }
}

impl Reply {
    /// A field of the head, if it is there and is text.
    pub(crate) fn field(&self, name: &HeaderName) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }

    /// The next piece of the body; nothing at its end.
    ///
    /// # Errors
    /// A body that breaks off, and a silence that is longer than the manners allow.
    pub(crate) async fn piece(&mut self, manners: &Manners) -> Result<Option<Bytes>, Broken> {
        match &mut self.body {
            Body::Wire(flow) => flow.piece(manners.read).await,
            Body::Client(response) => response
                .chunk()
                .await
                .map_err(|error| if error.is_timeout() { Broken::Silent } else { Broken::Off }),
        }
    }

    /// Reads what is left of the body, up to a bound, to keep the connection usable.
    pub(crate) async fn discard(&mut self, manners: &Manners) {
        let mut read = 0;
        while read < UNWANTED
            && let Ok(Some(piece)) = self.piece(manners).await
        {
            read += piece.len();
        }
    }

    /// Where the server says that the answer is, if it is elsewhere.
    ///
    /// # Errors
    /// A place that is no address of HTTP.
    fn leads_to(&self, here: &Url) -> Result<Option<Url>, FetchError> {
        use StatusCode as S;
        let moved =
            [S::MOVED_PERMANENTLY, S::FOUND, S::SEE_OTHER, S::TEMPORARY_REDIRECT, S::PERMANENT_REDIRECT];
        if !moved.contains(&self.status) {
            return Ok(None);
        }
        let refused = |why: String| FetchError::Redirect { why };
        let status = self.status;
        let Some(location) = self.fields.get(LOCATION) else {
            return Err(refused(format!(
                "with status {status}, and does not say where to: there is no field `Location`"
            )));
        };
        let text = String::from_utf8_lossy(location.as_bytes());
        let there = here.join(&text).map_err(|error| {
            refused(format!("to `{}`, which is no address: {error}", Target::show(&text)))
        })?;
        match there.scheme() {
            "http" | "https" => Ok(Some(there)),
            scheme => Err(refused(format!("to an address of `{scheme}`, which is neither http nor https"))),
        }
    }
}

impl From<hyper::Response<WireBody>> for Reply {
    fn from(answer: hyper::Response<WireBody>) -> Self {
        let (head, body) = answer.into_parts();
        Self { status: head.status, version: head.version, fields: head.headers, body: Body::Wire(body) }
    }
}

impl From<reqwest::Response> for Reply {
    fn from(mut answer: reqwest::Response) -> Self {
        let fields = mem::take(answer.headers_mut());
        Self { status: answer.status(), version: answer.version(), fields, body: Body::Client(answer) }
    }
}
