//! An answer: the body in the client's encoding, or that it has it already, and how old and how whole it is.

use std::time::{Duration, Instant, SystemTime};

use axum::body::Body as HttpBody;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::body::{Body, Coding, Made, Use};
use crate::application::Shown;
use crate::domain::{Ages, Freshness, Why};

/// Set where something is missing.
const PARTIAL: HeaderName = HeaderName::from_static("x-partial");
const YES: HeaderValue = HeaderValue::from_static("true");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const VARY: HeaderValue = HeaderValue::from_static("accept, accept-encoding");

/// A stale body is made of what the atlas says again after this time at the latest.
const STALE: Duration = Duration::from_secs(1);

impl Made {
    /// What can be said of a body: made of something `shown`, of this version of the atlas.
    pub(super) fn of<T>(
        (plain, usage): (Vec<u8>, Use),
        shown: &Shown<T>,
        partial: bool,
        version: u64,
        ages: &Ages,
    ) -> Self {
        let age = shown.at.elapsed().unwrap_or_default();
        let left = match shown.freshness {
            Freshness::Fresh => ages.fresh(!partial).saturating_sub(age),
            _ => STALE,
        };
        Self {
            body: Body::new(plain, usage).into(),
            at: shown.at,
            partial,
            warning: warning(shown.freshness, shown.failed.as_ref()),
            version,
            fresh_until: Instant::now() + left,
        }
    }
}

/// The answer for a client who sent these header fields.
pub(super) async fn answer(made: &Made, asked: &HeaderMap, ages: &Ages) -> Response {
    let coding = made.body.coding(Coding::accepted(asked));
    if asked.get(header::IF_NONE_MATCH).is_some_and(|field| names(field, made.body.tag(coding))) {
        let mut response = (StatusCode::NOT_MODIFIED, HttpBody::empty()).into_response();
        describe(response.headers_mut(), made, made.body.tag(coding), ages);
        return response;
    }
    let (coding, bytes, tag) = made.body.bytes(coding).await;
    let mut response = HttpBody::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    if let Some(name) = coding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    describe(headers, made, tag, ages);
    response
}

fn describe(headers: &mut HeaderMap, made: &Made, tag: &HeaderValue, ages: &Ages) {
    headers.insert(header::ETAG, tag.clone());
    headers.insert(header::VARY, VARY);
    if made.partial {
        headers.insert(PARTIAL, YES);
    }
    if let Some(warning) = &made.warning {
        headers.insert(header::WARNING, warning.clone());
    }
    headers.insert(header::AGE, HeaderValue::from(age(made.at)));
    headers.insert(header::CACHE_CONTROL, cache_control(ages, !made.partial));
}

/// The header fields of an answer that is sent while it is made: nothing is known of it yet.
pub(super) fn streamed(body: HttpBody) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, VARY);
    response
}

fn age(at: SystemTime) -> u64 {
    at.elapsed().unwrap_or_default().as_secs()
}

fn cache_control(ages: &Ages, whole: bool) -> HeaderValue {
    let text = format!(
        "public, max-age={}, stale-while-revalidate={}, stale-if-error={}",
        ages.fresh(whole).as_secs(),
        ages.while_revalidating.as_secs(),
        ages.if_error.as_secs()
    );
    // Digits and letters are always a valid value.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("public"))
}

/// What must be said of something stale, in the form of RFC 7234, section 5.5: newer caches ignore it, people read it.
fn warning(freshness: Freshness, failed: Option<&Why>) -> Option<HeaderValue> {
    let text = match (freshness, failed) {
        (_, Some(why)) => {
            // A quoted text; what an error says may hold anything.
            let plain =
                |letter: char| if matches!(letter, ' '..='~') && letter != '"' { letter } else { ' ' };
            let detail: String = why.detail.chars().map(plain).collect();
            format!("111 - \"Revalidation Failed: {detail}\"")
        }
        (Freshness::Fresh, None) => return None,
        (_, None) => "110 - \"Response is Stale\"".to_owned(),
    };
    HeaderValue::try_from(text).ok()
}

/// Whether a list of validators names this one. They are compared weakly, as RFC 9110 has it for this field.
fn names(field: &HeaderValue, tag: &HeaderValue) -> bool {
    let field = field.to_str().unwrap_or_default();
    let tag = tag.to_str().unwrap_or_default();
    field.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_is_found_in_a_list_and_however_weak() {
        let check = |field: &'static str, expected| {
            let tag = HeaderValue::from_static("\"abc\"");
            assert_eq!(names(&HeaderValue::from_static(field), &tag), expected, "{field}");
        };
        check("\"abc\"", true);
        check("W/\"abc\"", true);
        check("\"x\", \"abc\"", true);
        check("*", true);
        check("\"abcd\"", false);
        check("abc", false);
    }

    #[test]
    fn a_warning_says_why_and_is_always_a_valid_field() {
        let why = Why { class: "connect", detail: "no \"connection\"\nat São Paulo".into() };
        let text = warning(Freshness::IfError, Some(&why)).unwrap();
        assert_eq!(text, "111 - \"Revalidation Failed: no  connection  at S o Paulo\"");
        assert_eq!(warning(Freshness::Revalidate, None).unwrap(), "110 - \"Response is Stale\"");
        assert_eq!(warning(Freshness::Fresh, None), None);
    }
}
