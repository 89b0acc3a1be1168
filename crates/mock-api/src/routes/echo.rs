//! `/echo`: the request as it arrived.

use std::collections::BTreeMap;
use std::sync::Arc;

use aide::axum::routing::{ApiMethodRouter, delete_with, get_with, patch_with, post_with, put_with};
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Json, about};
use crate::Api;
use crate::front::MAX_BODY;
use crate::openapi::InputBody;
use crate::problem::Problem;

/// A request as it arrived.
#[derive(Debug, Serialize, JsonSchema)]
struct Echo {
    /// Its method.
    method: String,
    /// Its path, still encoded.
    path: String,
    /// The names and values of its query, decoded, in their order.
    query: Vec<[String; 2]>,
    /// Its headers by name in lower case.
    headers: BTreeMap<String, Vec<String>>,
    /// How many bytes its body has.
    body_bytes: usize,
    /// Its body, where that is UTF-8.
    body: Option<String>,
}

pub(super) fn route() -> ApiMethodRouter<Arc<Api>> {
    let about = about("The request as it arrived", "behaviour");
    get_with(echo, about.clone())
        .merge(post_with(echo_body, about.clone()))
        .merge(put_with(echo_body, about.clone()))
        .merge(patch_with(echo_body, about.clone()))
        .merge(delete_with(echo, about))
}

async fn echo(State(api): State<Arc<Api>>, request: InputBody<false>) -> Result<Json<Echo>, Problem> {
    tell(&api, request.0).await
}

async fn echo_body(State(api): State<Arc<Api>>, request: InputBody<true>) -> Result<Json<Echo>, Problem> {
    tell(&api, request.0).await
}

async fn tell(api: &Api, request: Request) -> Result<Json<Echo>, Problem> {
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(api.config.client_timeout, to_bytes(body, MAX_BODY))
        .await
        .map_err(|_late| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?
        .map_err(|error| {
            let too_large = error.to_string().contains("length limit");
            let status = if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            Problem::new(status, format!("the body could not be read: {error}"))
        })?;
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.as_str().to_owned()).or_default().push(value);
    }
    Ok(Json(Echo {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: query.map(|(name, value)| [name.into_owned(), value.into_owned()]).collect(),
        headers,
        body_bytes: body.len(),
        body: String::from_utf8(body.into()).ok(),
    }))
}
