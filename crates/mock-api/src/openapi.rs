//! The description of the API, made from the handlers' own types, and the two pages that show it.

use aide::openapi::{Info, OpenApi};
use axum::Router;
use serde_json::Value;

pub(crate) use serving::openapi::{
    Answer, Anything, InputBody, MediaKind, Raw, TextAnswer, answer, schemaless,
};

/// What the handlers do not say.
pub(crate) fn blank() -> OpenApi {
    OpenApi {
        info: Info {
            title: "mock-api".to_owned(),
            summary: Some("A simulated HTTP API: realistic, seeded, and able to misbehave.".to_owned()),
            description: Some(ABOUT.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Info::default()
        },
        ..OpenApi::default()
    }
}

const ABOUT: &str = "Every answer is decided by the server's seed and the request, so two runs give the same bytes. \
    `X-Client-Id` names a client for the ledger, the attempts and the rate limits. `X-Fault` orders a fault for one \
    request: `none`, `latency=MS`, `status=CODE`, `reset`, `truncate`, `drip`, `hang`, `wrong-content-type`, \
    `malformed-json`, `duplicate-page`, and `attempts=N` to stop after the first N attempts.";

/// The description and the pages, as routes.
pub(crate) fn pages<S: Clone + Send + Sync + 'static>(
    mut description: Value,
    longest_delay_ms: u64,
) -> Router<S> {
    finish(&mut description, longest_delay_ms);
    serving::openapi::pages("mock-api", &description)
}

/// Writes into the description what is known at run time only.
fn finish(description: &mut Value, longest_delay_ms: u64) {
    let parameters = description.pointer_mut("/paths/~1delay~1{ms}/get/parameters");
    for parameter in parameters.and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["name"] == "ms" {
            parameter["schema"]["maximum"] = longest_delay_ms.into();
        }
    }
}
