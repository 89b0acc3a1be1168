//! `/customers`: the customers that the orders name, which are datagen's.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Api;
use crate::collection::{self, Collection, Listed, Paging, Row, Selection, SortKey, as_rfc_3339};
use crate::front::PageFaults;
use crate::input::{Check, Query};
use crate::problem::Problem;

/// The customers of one seed.
#[derive(Debug)]
pub(crate) struct Customers {
    rows: datagen::customers::Customers,
    total: u64,
}

/// A customer.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the fields carry the names of the wire")]
pub(crate) struct Customer {
    /// From 1, without gaps.
    customer_id: i64,
    /// `person` or `company`.
    kind: String,
    /// The whole name.
    name: String,
    /// CPF or CNPJ, with valid check digits.
    document: String,
    /// A mail address that leads nowhere.
    email: String,
    /// With the area's code.
    phone: String,
    /// Postal code.
    cep: String,
    /// The municipality.
    city: String,
    /// The state: two letters.
    uf: String,
    /// When, in UTC.
    #[serde(serialize_with = "as_rfc_3339")]
    #[schemars(with = "String")]
    registered_at: i64,
}

/// Which customers, and in which order.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct CustomerSelection {
    /// Only customers of this kind: `person` or `company`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Only customers of this state: two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    uf: Option<String>,
    /// What to sort by; with `-`, the highest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<CustomerSort>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum CustomerSort {
    #[serde(rename = "customer_id")]
    Id,
    #[serde(rename = "-customer_id")]
    IdDown,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "registered_at")]
    At,
    #[serde(rename = "-registered_at")]
    AtDown,
}

impl Check for CustomerSelection {}

impl Customers {
    pub(crate) fn new(seed: u64, orders: u64) -> Self {
        let rows = datagen::customers::Customers::new(seed);
        Self { rows, total: datagen::orders::customers_of(orders) }
    }
}

impl Collection for Customers {
    type Record = Customer;
    const NAME: &'static str = "customers";

    fn total(&self) -> u64 {
        self.total
    }

    fn record(&self, index: u64) -> Customer {
        let mut row = Row::of(&self.rows, index);
        Customer {
            customer_id: row.number(),
            kind: row.text(),
            name: row.text(),
            document: row.text(),
            email: row.text(),
            phone: row.text(),
            cep: row.text(),
            city: row.text(),
            uf: row.text(),
            registered_at: row.number(),
        }
    }
}

impl Selection<Customer> for CustomerSelection {
    fn is_everything(&self) -> bool {
        matches!(self, Self { kind: None, uf: None, sort: None })
    }

    fn chooses(&self, customer: &Customer) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == customer.kind)
            && self.uf.as_ref().is_none_or(|uf| *uf == customer.uf)
    }

    fn key(&self, customer: &Customer) -> SortKey {
        match self.sort {
            None | Some(CustomerSort::Id | CustomerSort::IdDown) => SortKey::Number(customer.customer_id),
            Some(CustomerSort::Name | CustomerSort::NameDown) => SortKey::Text(customer.name.clone()),
            Some(CustomerSort::At | CustomerSort::AtDown) => SortKey::Number(customer.registered_at),
        }
    }

    fn is_descending(&self) -> bool {
        use CustomerSort::{AtDown, IdDown, NameDown};
        matches!(self.sort, Some(IdDown | NameDown | AtDown))
    }
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Query(paging): Query<Paging>,
    Query(selection): Query<CustomerSelection>,
    faults: Option<Extension<PageFaults>>,
) -> Result<Listed<Customer>, Problem> {
    let customers =
        api.customers.get_or_init(|| Arc::new(Customers::new(api.config.seed, api.config.orders)));
    let faults = faults.map(|Extension(faults)| faults);
    collection::list(&api, Arc::clone(customers), &paging, selection, faults).await
}
