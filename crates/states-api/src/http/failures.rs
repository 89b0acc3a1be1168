//! What could not be had, as a problem.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serving::openapi;
use serving::problem::Problem;

use crate::domain::{Gap, Why};

/// More gaps than this are counted and not named in a problem.
const NAMED: usize = 100;

/// An answer that is none.
#[derive(Debug)]
pub(super) struct Refusal {
    problem: Problem,
    /// When it is worth to come back, in seconds.
    retry_after: Option<u32>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after: None }
    }
}

/// Nothing at all could be had.
impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        let (status, retry_after) = match why.class {
            "timeout" => (StatusCode::GATEWAY_TIMEOUT, Some(5)),
            "open" | "pause" | "stopped" => (StatusCode::SERVICE_UNAVAILABLE, Some(5)),
            _ => (StatusCode::BAD_GATEWAY, None),
        };
        let detail = format!("the source of the localities failed: {}", why.detail);
        Self { problem: Problem::new(status, detail), retry_after }
    }
}

/// Something is missing, and the client wants all or nothing.
pub(super) fn incomplete<'a>(gaps: impl Iterator<Item = &'a Gap> + Clone) -> Refusal {
    let count = gaps.clone().count();
    let listed =
        if count > NAMED { format!("; the first {NAMED} of them are listed") } else { String::new() };
    let detail = format!(
        "{count} parts of the answer could not be had{listed}; without strict=true the rest is served"
    );
    let named = gaps.take(NAMED).fold(Problem::new(StatusCode::BAD_GATEWAY, detail), |problem, gap| {
        let state = gap.missing.state();
        let field = match gap.missing.city() {
            Some(city) => format!("{state}/{city}/{}", gap.missing.what()),
            None => format!("{state}/{}", gap.missing.what()),
        };
        problem.with_error(field, format!("{}: {}", gap.why.class, gap.why.detail))
    });
    named.into()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl OperationOutput for Refusal {
    type Inner = Problem;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<openapi::Answer> {
        Problem::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, openapi::Answer)> {
        Problem::inferred_responses(ctx, operation)
    }
}
