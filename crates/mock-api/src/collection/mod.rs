//! Collections: records that are filtered, sorted and read page by page, in the four ways that real APIs use.
//!
//! | parameters | answer |
//! |---|---|
//! | `page`, `page_size` (and nothing at all) | an object with the records and all totals |
//! | `offset`, `limit` | an object with the records and the total |
//! | `cursor`, `limit` | an object with the records and the next cursor; a walk begins with `cursor=start` |
//! | `per_page`, `page` | a bare array, with its neighbours in the header `Link` (RFC 8288) |
//!
//! Records are made when they are asked for, and none is kept. A filter or an order costs one pass over the collection,
//! after which the chosen positions are remembered.

mod cells;
mod cursor;
mod paging;
mod view;

use std::sync::Arc;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

pub(crate) use cells::Row;
pub(crate) use cursor::Cursors;
pub(crate) use paging::Paging;
use paging::Style;
pub(crate) use view::{SortKey, Views};

use crate::Api;
use crate::front::PageFaults;
use crate::ledger::ServedPage;
use crate::openapi;
use crate::problem::Problem;
use crate::routes::Json;

/// Records that can be made in any order.
pub(crate) trait Collection: Send + Sync + 'static {
    /// One record.
    type Record: Serialize + JsonSchema + Send;

    /// The path's last part.
    const NAME: &'static str;

    /// How many records there are.
    fn total(&self) -> u64;

    /// The record at a position below the total.
    fn record(&self, index: u64) -> Self::Record;
}

/// A choice of records, and their order.
pub(crate) trait Selection<R>: Serialize + Send + 'static {
    /// Whether it chooses all records in their own order.
    fn is_everything(&self) -> bool;

    /// Whether it chooses this record.
    fn chooses(&self, record: &R) -> bool;

    /// What records are ordered by; equal ones stay in their own order.
    fn key(&self, record: &R) -> SortKey;

    /// Whether the highest key comes first.
    fn is_descending(&self) -> bool;
}

/// One page of a collection, in one of four shapes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Listing<T> {
    /// By page number.
    Page {
        /// The records of this page; none past the last page.
        items: Vec<T>,
        /// This page's number; the first is 1.
        page: u64,
        /// How many records a full page has.
        page_size: u64,
        /// How many records there are in all.
        total: u64,
        /// How many pages that makes.
        pages: u64,
    },
    /// By position.
    Offset {
        /// The records from `offset` on.
        items: Vec<T>,
        /// The first record's position, from 0.
        offset: u64,
        /// How many records were asked for.
        limit: u64,
        /// How many records there are in all.
        total: u64,
    },
    /// By cursor.
    Cursor {
        /// The records after the cursor.
        items: Vec<T>,
        /// How many records were asked for.
        limit: u64,
        /// What to ask with for the records after these; null after the last.
        next_cursor: Option<String>,
        /// For how many seconds `next_cursor` is good.
        cursor_ttl_s: u64,
    },
    /// Bare records; the header `Link` leads to the neighbours.
    Bare(Vec<T>),
}

/// A listing with its header `Link` and its note for the ledger.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    listing: Listing<T>,
    link: Option<String>,
    page: ServedPage,
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.listing).into_response();
        if let Some(link) = self.link.and_then(|link| HeaderValue::from_str(&link).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response.extensions_mut().insert(self.page);
        response
    }
}

impl<T: Serialize + JsonSchema> OperationOutput for Listed<T> {
    type Inner = Listing<T>;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<openapi::Answer> {
        Json::<Listing<T>>::operation_response(ctx, operation)
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, openapi::Answer)> {
        Json::<Listing<T>>::inferred_responses(ctx, operation)
    }
}

/// Answers one request for a page of `collection`.
pub(crate) async fn list<C: Collection, S: Selection<C::Record>>(
    api: &Api,
    collection: Arc<C>,
    paging: &Paging,
    selection: S,
    faults: Option<PageFaults>,
) -> Result<Listed<C::Record>, Problem> {
    let query = serde_urlencoded::to_string(&selection)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let name = if query.is_empty() { C::NAME.to_owned() } else { format!("{}?{query}", C::NAME) };
    let style = paging.style()?;
    let view = api.views.view(&name, &collection, selection).await?;
    let total = view.len();
    let (asked, size) = match &style {
        Style::Page { page, page_size: size } | Style::Link { page, per_page: size } => {
            ((page - 1) * size, *size)
        }
        Style::Offset { offset, limit } => (*offset, *limit),
        Style::Cursor { cursor, limit } => (api.cursors.position(api.config.seed, &name, cursor)?, *limit),
    };
    let (first, shown) = moved(asked, size, total, &style, faults);
    let positions = first.min(total)..first.saturating_add(size).min(total);
    let length = positions.end - positions.start;
    let items: Vec<_> = positions.map(|position| collection.record(view.index(position))).collect();
    let page = ServedPage { view: name.clone(), first: first.min(total), length, total, page_size: size };
    let mut link = None;
    let listing = match style {
        Style::Page { page, page_size } => {
            Listing::Page { items, page, page_size, total: shown, pages: shown.div_ceil(page_size) }
        }
        Style::Offset { offset, limit } => Listing::Offset { items, offset, limit, total: shown },
        Style::Cursor { limit, .. } => {
            let next = first + length;
            let next_cursor = (next < total).then(|| api.cursors.issue(api.config.seed, &name, next));
            Listing::Cursor { items, limit, next_cursor, cursor_ttl_s: api.config.cursor_ttl.as_secs() }
        }
        Style::Link { page, per_page } => {
            link = Some(paging::link(C::NAME, &query, page, per_page, shown.div_ceil(per_page)));
            Listing::Bare(items)
        }
    };
    Ok(Listed { listing, link, page })
}

/// Where a page really begins, and the total that it shows, when the collection moves while it is read. A cursor points
/// at a record and not at a number, so nothing moves for its reader: that is what cursors are for.
fn moved(asked: u64, size: u64, total: u64, style: &Style, faults: Option<PageFaults>) -> (u64, u64) {
    let Some(faults) = faults else { return (asked, total) };
    if matches!(style, Style::Cursor { .. }) {
        return (asked, total);
    }
    // Whoever has read `asked` records has seen the collection grow so often.
    let grown = |asked: u64| faults.drift.map_or(0, |drift| (asked / drift.every).saturating_mul(drift.rows));
    // A page that comes twice is the one before as it was when it came first.
    let before = if faults.duplicate { asked.saturating_sub(size) } else { asked };
    (before.saturating_sub(grown(before)), total.saturating_add(grown(asked)))
}

/// Microseconds since the epoch as RFC 3339. The reference is what serde asks for.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde decides the signature")]
pub(crate) fn as_rfc_3339<S: Serializer>(microseconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let instant = jiff::Timestamp::from_microsecond(*microseconds).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&instant)
}
