//! The endpoints, one module for each family.

mod delay;
mod health;
mod orders;
mod weather;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use crate::Api;
use crate::problem::Problem;

pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/weather/{city}", get(weather::one))
        .route("/orders", get(orders::page))
        .route("/delay/{ms}", get(delay::delay))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(api)
}

/// A JSON answer whose keys stand in the order of the struct's fields.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(256);
        match serde_json::to_writer(&mut body, &self.0) {
            Ok(()) => {
                let kind = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, kind)], body).into_response()
            }
            Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

async fn unknown_method(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not answer {method}", uri.path()))
}
