//! The description of the API, made from the handlers' own types, and the two pages that show it.

use std::sync::Arc;

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody, SchemaObject};
use aide::operation::set_body;
use aide::redoc::Redoc;
use aide::swagger::Swagger;
use aide::transform::TransformOperation;
use aide::{OperationInput, OperationOutput};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use schemars::JsonSchema;
use serde_json::Value;

use crate::problem::Problem;

/// An answer as the description has it.
pub type Answer = aide::openapi::Response;

/// Where the description is.
pub const PATH: &str = "/openapi.json";

/// Where the description and its pages are.
pub const PAGES: [&str; 3] = [PATH, "/docs", "/redoc"];

/// Where `ReDoc` would take its logo from.
const REDOC_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";

/// Tells the browser to load nothing from elsewhere, so that a page that works with a network works without one.
const OWN_ONLY: HeaderValue = HeaderValue::from_static(
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; worker-src 'self' blob:",
);

/// An answer of one media type with the schema of `T`, described by the documentation of `T`.
pub fn answer<T: JsonSchema>(ctx: &mut GenContext, media_type: &str) -> Answer {
    let json_schema = ctx.schema.subschema_for::<T>();
    let described = ctx.resolve_schema(&json_schema).get("description").and_then(|text| text.as_str());
    let description = described.unwrap_or("The answer.").to_owned();
    let schema = SchemaObject { json_schema, example: None, external_docs: None };
    let content = MediaType { schema: Some(schema), ..MediaType::default() };
    Answer {
        description,
        content: [(media_type.to_owned(), content)].into_iter().collect(),
        ..Answer::default()
    }
}

/// The summary and the group of an operation, whose other answers are problems.
pub fn about(
    summary: &'static str,
    tag: &'static str,
) -> impl Fn(TransformOperation<'_>) -> TransformOperation<'_> + Clone {
    move |operation| operation.summary(summary).tag(tag).default_response::<Problem>()
}

/// The description and the pages, as routes. The pages carry their scripts and load nothing from elsewhere.
pub fn pages<S: Clone + Send + Sync + 'static>(title: &str, description: &Value) -> Router<S> {
    let description = Bytes::from(serde_json::to_vec(description).unwrap_or_default());
    let page = |html: String| (HeaderValue::from_static("text/html; charset=utf-8"), Bytes::from(html));
    // The one thing that a page would load from elsewhere: a picture beside its footer.
    let redoc = Redoc::new(PATH).with_title(title).html().replace(REDOC_LOGO, "data:,");
    let documents = [
        (PATH, (HeaderValue::from_static("application/json"), description)),
        ("/docs", page(Swagger::new(PATH).with_title(title).html())),
        ("/redoc", page(redoc)),
    ];
    documents.into_iter().fold(Router::new(), |router, (path, (kind, body))| {
        let document = Arc::new((kind, body));
        router.route(
            path,
            get(move || {
                // A clone of `Bytes` shares the pages' megabytes.
                let (kind, body) = (*document).clone();
                let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, OWN_ONLY)];
                async move { (headers, body).into_response() }
            }),
        )
    })
}

/// A text in the format of Prometheus.
#[derive(Debug)]
pub struct TextAnswer(pub String);

/// Bytes of one media type, which the handler states itself.
#[derive(Debug)]
pub struct Raw<K>(pub axum::response::Response, pub std::marker::PhantomData<K>);

/// A media type, for the description.
pub trait MediaKind {
    /// Its name, as `application/json`.
    const NAME: &'static str;
    /// What the bytes are, in a sentence.
    const ABOUT: &'static str;
}

impl IntoResponse for TextAnswer {
    fn into_response(self) -> axum::response::Response {
        let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        ([(header::CONTENT_TYPE, kind)], self.0).into_response()
    }
}

impl OperationOutput for TextAnswer {
    type Inner = String;

    fn operation_response(_ctx: &mut GenContext, _operation: &mut Operation) -> Option<Answer> {
        Some(schemaless("text/plain", "Counters in the text format of Prometheus."))
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Answer)> {
        Self::operation_response(ctx, operation).into_iter().map(|answer| (Some(200), answer)).collect()
    }
}

impl<K> Raw<K> {
    /// The answer as it is.
    pub fn new(response: impl IntoResponse) -> Self {
        Self(response.into_response(), std::marker::PhantomData)
    }
}

impl<K> IntoResponse for Raw<K> {
    fn into_response(self) -> axum::response::Response {
        self.0
    }
}

impl<K: MediaKind> OperationOutput for Raw<K> {
    type Inner = ();

    fn operation_response(_ctx: &mut GenContext, _operation: &mut Operation) -> Option<Answer> {
        Some(schemaless(K::NAME, K::ABOUT))
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Answer)> {
        Self::operation_response(ctx, operation).into_iter().map(|answer| (Some(200), answer)).collect()
    }
}

/// An answer that no JSON Schema describes.
pub fn schemaless(media_type: &str, description: &str) -> Answer {
    let content = [(media_type.to_owned(), MediaType::default())].into_iter().collect();
    Answer { description: description.to_owned(), content, ..Answer::default() }
}

/// An answer whose description the route gives itself.
#[derive(Debug)]
pub struct Anything;

impl OperationOutput for Raw<Anything> {
    type Inner = ();
}

/// A whole request; `BODY` says whether the description mentions a body.
#[derive(Debug)]
pub struct InputBody<const BODY: bool>(pub axum::extract::Request);

impl<S: Send + Sync, const BODY: bool> axum::extract::FromRequest<S> for InputBody<BODY> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: axum::extract::Request, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(request))
    }
}

impl<const BODY: bool> OperationInput for InputBody<BODY> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        if BODY {
            let kinds = ["application/octet-stream", "text/plain"];
            let content = kinds.map(|kind| (kind.to_owned(), MediaType::default())).into_iter().collect();
            set_body(ctx, operation, RequestBody { content, ..RequestBody::default() });
        }
    }
}
