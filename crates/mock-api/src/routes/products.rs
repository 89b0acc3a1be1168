//! `/products`: what the orders are for, which is datagen's.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Api;
use crate::collection::{self, Collection, Listed, Paging, Row, Selection, SortKey};
use crate::front::PageFaults;
use crate::input::{Check, Query};
use crate::problem::Problem;

/// The products of one seed.
#[derive(Debug)]
pub(crate) struct Products(datagen::products::Products);

/// A product.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the fields carry the names of the wire")]
pub(crate) struct Product {
    /// From 1, without gaps.
    product_id: i64,
    /// What it is called.
    name: String,
    /// Its category, in Portuguese.
    category: String,
    /// Who makes it.
    brand: String,
    /// List price in cents.
    price_cents: i64,
    /// Weight in grams.
    weight_g: i64,
    /// Pieces in stock.
    stock: i64,
    /// The bar code's 13 digits, with a valid check digit.
    ean: String,
}

/// Which products, and in which order.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct ProductSelection {
    /// Only products of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// Only products of this brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    /// What to sort by; with `-`, the highest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<ProductSort>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum ProductSort {
    #[serde(rename = "product_id")]
    Id,
    #[serde(rename = "-product_id")]
    IdDown,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "price_cents")]
    Price,
    #[serde(rename = "-price_cents")]
    PriceDown,
}

impl Check for ProductSelection {}

impl Products {
    pub(crate) fn new(seed: u64) -> Self {
        Self(datagen::products::Products::new(seed))
    }
}

impl Collection for Products {
    type Record = Product;
    const NAME: &'static str = "products";

    fn total(&self) -> u64 {
        datagen::products::COUNT.into()
    }

    fn record(&self, index: u64) -> Product {
        let mut row = Row::of(&self.0, index);
        Product {
            product_id: row.number(),
            name: row.text(),
            category: row.text(),
            brand: row.text(),
            price_cents: row.number(),
            weight_g: row.number(),
            stock: row.number(),
            ean: row.text(),
        }
    }
}

impl Selection<Product> for ProductSelection {
    fn is_everything(&self) -> bool {
        matches!(self, Self { category: None, brand: None, sort: None })
    }

    fn chooses(&self, product: &Product) -> bool {
        self.category.as_ref().is_none_or(|category| *category == product.category)
            && self.brand.as_ref().is_none_or(|brand| *brand == product.brand)
    }

    fn key(&self, product: &Product) -> SortKey {
        match self.sort {
            None | Some(ProductSort::Id | ProductSort::IdDown) => SortKey::Number(product.product_id),
            Some(ProductSort::Name | ProductSort::NameDown) => SortKey::Text(product.name.clone()),
            Some(ProductSort::Price | ProductSort::PriceDown) => SortKey::Number(product.price_cents),
        }
    }

    fn is_descending(&self) -> bool {
        use ProductSort::{IdDown, NameDown, PriceDown};
        matches!(self.sort, Some(IdDown | NameDown | PriceDown))
    }
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Query(paging): Query<Paging>,
    Query(selection): Query<ProductSelection>,
    faults: Option<Extension<PageFaults>>,
) -> Result<Listed<Product>, Problem> {
    let faults = faults.map(|Extension(faults)| faults);
    collection::list(&api, Arc::clone(&api.products), &paging, selection, faults).await
}
