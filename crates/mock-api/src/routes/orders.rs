//! `/orders`: a collection, page by page.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::Api;
use crate::dice::Dice;
use crate::input::{Check, Query, within};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    #[serde(default = "first_page")]
    page: u64,
    #[serde(default = "usual_size")]
    page_size: u64,
}

fn first_page() -> u64 {
    1
}

fn usual_size() -> u64 {
    20
}

impl Check for PageQuery {
    fn check(&self) -> Result<(), Problem> {
        within("page", &self.page, 1..=1_000_000_000)?;
        within("page_size", &self.page_size, 1..=1_000)
    }
}

/// One page of a collection.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the fields carry the names of the wire")]
pub(super) struct Page<T> {
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
}

/// An order.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the fields carry the names of the wire")]
pub(super) struct Order {
    order_id: u64,
    customer_id: u64,
    product_id: u64,
    quantity: u64,
    amount_cents: u64,
}

pub(super) async fn page(
    State(api): State<Arc<Api>>,
    Query(PageQuery { page, page_size }): Query<PageQuery>,
) -> Json<Page<Order>> {
    let total = api.config.orders;
    let first = (page - 1) * page_size;
    let items = (first..total.min(first + page_size)).map(|index| order(api.config.seed, index)).collect();
    Json(Page { items, page, page_size, total, pages: total.div_ceil(page_size) })
}

fn order(seed: u64, index: u64) -> Order {
    let mut dice = Dice::of(seed, &[b"order", &index.to_le_bytes()]);
    let quantity = 1 + dice.below(9);
    Order {
        order_id: index + 1,
        customer_id: 1 + dice.below(2_000),
        product_id: 1 + dice.below(500),
        quantity,
        amount_cents: quantity * (100 + dice.below(50_000)),
    }
}
