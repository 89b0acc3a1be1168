//! `/download/{name}`: files of any size that are generated and never stored.
//!
//! A file's bytes are decided by the seed, its name and its size, and any part of it can be made without the rest, so
//! ranges cost what they transfer. Digests are those of RFC 9530: `Content-Digest` over what is sent, `Repr-Digest`
//! over the whole file. They come unasked up to [`UNASKED`] bytes, and for larger parts when the request has
//! `Want-Content-Digest` or `Want-Repr-Digest`, because a digest of a terabyte takes longer than its client waits.

mod content;
mod digest;
mod range;

use std::ops::Range;
use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use content::{Content, OctetStream};
pub(crate) use digest::Digests;
use range::Wanted;

use crate::Api;
use crate::input::{Check, Path, Query, within};
use crate::openapi::{self, Anything, Raw};
use crate::problem::Problem;

/// Up to so many bytes are digested unasked.
const UNASKED: u64 = 64 * 1024 * 1024;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct DownloadPath {
    /// Any name; another name is another file.
    #[schemars(length(min = 1))]
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct DownloadQuery {
    /// Bytes in the file, to 1 TiB. The usual size is 1 MiB.
    #[serde(default = "usual_size")]
    #[schemars(range(min = 0, max = 1_099_511_627_776_u64))]
    size: u64,
    /// Whether to send it compressed to a client that accepts gzip. There are no ranges and no length then.
    #[serde(default)]
    gzip: bool,
}

fn usual_size() -> u64 {
    1024 * 1024
}

impl Check for DownloadPath {}

impl Check for DownloadQuery {
    fn check(&self) -> Result<(), Problem> {
        within("size", &self.size, 0..=1 << 40)
    }
}

/// The description of the operation, whose answer has four statuses.
pub(super) fn document(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let mut operation = super::about("A file of any size, also in parts", "data")(operation);
    let responses = &mut operation.inner_mut().responses.get_or_insert_default().responses;
    for (status, media_type, description) in [
        (200, "application/octet-stream", "The file."),
        (206, "application/octet-stream", "A part of the file; several come as `multipart/byteranges`."),
        (304, "", "The file is the one that `If-None-Match` names."),
    ] {
        let mut answer = openapi::schemaless(media_type, description);
        if media_type.is_empty() {
            answer.content.clear();
        }
        if status == 206 {
            answer.content.extend(openapi::schemaless("multipart/byteranges", "").content);
        }
        responses.insert(aide::openapi::StatusCode::Code(status), aide::openapi::ReferenceOr::Item(answer));
    }
    operation
}

pub(super) async fn download(
    State(api): State<Arc<Api>>,
    Path(DownloadPath { name }): Path<DownloadPath>,
    Query(DownloadQuery { size, gzip }): Query<DownloadQuery>,
    headers: HeaderMap,
) -> Result<Raw<Anything>, Problem> {
    let content = Content::new(api.config.seed, name.as_bytes(), size);
    let gzip = gzip && accepts_gzip(&headers);
    let etag = content.etag(gzip);
    if let Some(response) = preconditions(&headers, &etag) {
        return Ok(Raw::new(response));
    }
    let mut response = if gzip {
        let mut response = Response::new(content.gzip());
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        match range::wanted(&headers, &etag, size) {
            Wanted::Everything => {
                let mut response = Response::new(content.body(0..size));
                add_digests(&api, &content, 0..size, &headers, &mut response).await?;
                response
            }
            Wanted::Part(part) => {
                let mut response = Response::new(content.body(part.clone()));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                response.headers_mut().insert(header::CONTENT_RANGE, range::content_range(&part, size));
                add_digests(&api, &content, part, &headers, &mut response).await?;
                response
            }
            Wanted::Parts(parts) => range::multipart(&content, &parts, size),
            Wanted::Impossible => {
                let problem = Problem::field("Range", format!("the file has {size} bytes"));
                let mut response = problem.with_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
                if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
                    response.headers_mut().insert(header::CONTENT_RANGE, value);
                }
                return Ok(Raw::new(response));
            }
        }
    };
    let answer = response.headers_mut();
    answer.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    answer.insert(header::ETAG, etag);
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let ranges = if gzip { "none" } else { "bytes" };
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static(ranges));
    Ok(Raw::new(response))
}

/// Answers a request whose conditions already decide it (RFC 9110, section 13).
fn preconditions(headers: &HeaderMap, etag: &HeaderValue) -> Option<Response> {
    let names = |list: &HeaderValue| {
        let etag = etag.to_str().unwrap_or_default();
        let list = list.to_str().unwrap_or_default();
        list.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || tag == etag)
    };
    if headers.get(header::IF_MATCH).is_some_and(|list| !names(list)) {
        let problem = Problem::field("If-Match", "the file is another one");
        return Some(problem.with_status(StatusCode::PRECONDITION_FAILED).into_response());
    }
    if headers.get(header::IF_NONE_MATCH).is_some_and(names) {
        let mut response = (StatusCode::NOT_MODIFIED, Body::empty()).into_response();
        response.headers_mut().insert(header::ETAG, etag.clone());
        return Some(response);
    }
    None
}

async fn add_digests(
    api: &Api,
    content: &Content,
    part: Range<u64>,
    headers: &HeaderMap,
    response: &mut Response,
) -> Result<(), Problem> {
    let whole = part == (0..content.size());
    let wants = |name: &str| headers.get(name).is_some_and(|wish| wish.as_bytes().starts_with(b"sha-256"));
    if part.end - part.start <= UNASKED || wants("want-content-digest") {
        let digest = api.digests.of(content, part).await?;
        response.headers_mut().insert(CONTENT_DIGEST, digest.clone());
        if whole {
            response.headers_mut().insert(REPR_DIGEST, digest);
            return Ok(());
        }
    }
    if content.size() <= UNASKED || wants("want-repr-digest") {
        let digest = api.digests.of(content, 0..content.size()).await?;
        response.headers_mut().insert(REPR_DIGEST, digest);
    }
    Ok(())
}

/// Whether the client takes gzip: it is named, and not with a weight of zero.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts
            .filter_map(|part| part.strip_prefix("q="))
            .any(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}
