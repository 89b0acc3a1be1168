//! `/orders`: a shop's orders, which are datagen's.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Api;
use crate::collection::{self, Collection, Listed, Paging, Selection, SortKey, as_rfc_3339};
use crate::front::PageFaults;
use crate::input::{Check, Query};
use crate::problem::Problem;

/// The orders of one seed.
#[derive(Debug)]
pub(crate) struct Orders {
    rows: datagen::orders::Orders,
    total: u64,
}

/// An order.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the fields carry the names of the wire")]
pub(crate) struct Order {
    /// From 1, without gaps.
    order_id: i64,
    /// The customer who gave it.
    customer_id: i64,
    /// The product that was ordered.
    product_id: i64,
    /// The product's category, in Portuguese.
    category: &'static str,
    /// The customer's state: two letters.
    uf: &'static str,
    /// Pieces.
    quantity: i32,
    /// Price of one piece before the discount, in cents.
    unit_price_cents: i64,
    /// Discount in basis points: 1,000 is 10 %.
    discount_bp: i32,
    /// `delivered`, `shipped`, `processing`, `cancelled`, `returned` or `pending`.
    status: &'static str,
    /// When, in UTC: `2024-03-05T12:34:56Z`.
    #[serde(serialize_with = "as_rfc_3339")]
    #[schemars(with = "String")]
    ordered_at: i64,
    /// Free text.
    note: Option<String>,
}

/// Which orders, and in which order.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct OrderSelection {
    /// Only orders in this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// Only orders from this state: two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    uf: Option<String>,
    /// Only orders of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// Only orders of this customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<i64>,
    /// Only orders of this product.
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<i64>,
    /// What to sort by; with `-`, the highest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<OrderSort>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum OrderSort {
    #[serde(rename = "order_id")]
    Id,
    #[serde(rename = "-order_id")]
    IdDown,
    #[serde(rename = "ordered_at")]
    At,
    #[serde(rename = "-ordered_at")]
    AtDown,
    #[serde(rename = "unit_price_cents")]
    Price,
    #[serde(rename = "-unit_price_cents")]
    PriceDown,
    #[serde(rename = "quantity")]
    Quantity,
    #[serde(rename = "-quantity")]
    QuantityDown,
}

impl Check for OrderSelection {}

impl Orders {
    pub(crate) fn new(seed: u64, total: u64) -> Self {
        Self { rows: datagen::orders::Orders::new(seed), total }
    }
}

impl Collection for Orders {
    type Record = Order;
    const NAME: &'static str = "orders";

    fn total(&self) -> u64 {
        self.total
    }

    fn record(&self, index: u64) -> Order {
        self.rows.record(index).into()
    }
}

impl Selection<Order> for OrderSelection {
    fn is_everything(&self) -> bool {
        matches!(
            self,
            Self { status: None, uf: None, category: None, customer_id: None, product_id: None, sort: None }
        )
    }

    fn chooses(&self, order: &Order) -> bool {
        self.status.as_ref().is_none_or(|status| *status == order.status)
            && self.uf.as_ref().is_none_or(|uf| *uf == order.uf)
            && self.category.as_ref().is_none_or(|category| *category == order.category)
            && self.customer_id.is_none_or(|id| id == order.customer_id)
            && self.product_id.is_none_or(|id| id == order.product_id)
    }

    fn key(&self, order: &Order) -> SortKey {
        match self.sort {
            None | Some(OrderSort::Id | OrderSort::IdDown) => SortKey::Number(order.order_id),
            Some(OrderSort::At | OrderSort::AtDown) => SortKey::Number(order.ordered_at),
            Some(OrderSort::Price | OrderSort::PriceDown) => SortKey::Number(order.unit_price_cents),
            Some(OrderSort::Quantity | OrderSort::QuantityDown) => SortKey::Number(order.quantity.into()),
        }
    }

    fn is_descending(&self) -> bool {
        use OrderSort::{AtDown, IdDown, PriceDown, QuantityDown};
        matches!(self.sort, Some(IdDown | AtDown | PriceDown | QuantityDown))
    }
}

impl From<datagen::orders::Order> for Order {
    fn from(order: datagen::orders::Order) -> Self {
        Self {
            order_id: order.order_id,
            customer_id: order.customer_id,
            product_id: order.product_id,
            category: order.category,
            uf: order.uf,
            quantity: order.quantity,
            unit_price_cents: order.unit_price_cents,
            discount_bp: order.discount_bp,
            status: order.status,
            ordered_at: order.ordered_at,
            note: order.note,
        }
    }
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Query(paging): Query<Paging>,
    Query(selection): Query<OrderSelection>,
    faults: Option<Extension<PageFaults>>,
) -> Result<Listed<Order>, Problem> {
    let faults = faults.map(|Extension(faults)| faults);
    collection::list(&api, Arc::clone(&api.orders), &paging, selection, faults).await
}
