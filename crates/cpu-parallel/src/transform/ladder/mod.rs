//! The same transformation on three rungs; the fourth is to give the third to several workers.
//!
//! 1. [`Rung::Rows`]: a row is a handful of texts, each made anew by a function that reads well. Most of its time goes to the
//!    allocator and to doing the same for a customer's tenth order as for the first.
//! 2. [`Rung::Buffers`]: the same loop with texts that are kept and filled again: no allocation for a row.
//! 3. [`Rung::Columns`]: a batch at a time and a stage at a time. Customers that no worker has seen are cleaned column by
//!    column, once; the orders of a batch only look them up. The distance is computed once for each state.
//!
//! All rungs give the same rows: a test compares them.

mod buffers;
mod columns;
mod plain;

use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use lab::Problem;
use serde::{Deserialize, Serialize};

use self::buffers::Buffers;
pub use self::columns::Sheet;

use self::columns::Known;
use super::clean::{self, Fault, Features};
use super::place::{STATES, nearest};
use super::profile::{Profile, Stage};
use super::register::Register;
use super::rules::{Cleaned, Orders, Rejected, Rows, Rules};
use super::secret::Secret;

/// How the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rung {
    /// Row by row, every value a text of its own.
    Rows,
    /// Row by row, without allocating.
    Buffers,
    /// Batch by batch and column by column.
    Columns,
}

/// One worker's tools and memory.
#[derive(Debug)]
pub struct Transformer {
    rung: Rung,
    rules: Rules,
    secret: Secret,
    register: Arc<Register>,
    rows: Rows,
    buffers: Buffers,
    known: Known,
}

/// Why a customer is not in the table: the column and the reason.
type Why = (&'static str, Fault);

impl Transformer {
    /// A worker that has not seen any order.
    pub fn new(rung: Rung, rules: Rules, register: Arc<Register>) -> Self {
        let known = Known::new(&rules);
        Self {
            rung,
            secret: rules.secret(),
            rules,
            register,
            rows: Rows::default(),
            buffers: Buffers::default(),
            known,
        }
    }

    /// The rows of some orders; those that are not among them are in `rejects`.
    ///
    /// # Errors
    /// Those of the columnar library.
    pub fn batch(
        &mut self,
        orders: &Orders<'_>,
        rejects: &mut Vec<Rejected>,
        profile: &mut Profile,
    ) -> Result<RecordBatch, Problem> {
        match self.rung {
            Rung::Rows => self.by_rows(orders, rejects, profile),
            Rung::Buffers => self.by_buffers(orders, rejects, profile),
            Rung::Columns => self.by_columns(orders, rejects, profile),
        }
        profile.begin();
        let batch = self.rows.finish();
        profile.lap(Stage::Columns);
        batch
    }

    /// The order's number and its customer's row, or why there is none.
    fn joined(&self, orders: &Orders<'_>, row: usize, rejects: &mut Vec<Rejected>) -> Option<(i64, u32)> {
        if orders.ids.is_null(row) {
            let reason = "an order needs a number".into();
            rejects.push(Rejected { order: String::new(), column: "order_id".into(), reason });
            return None;
        }
        let order = orders.ids.value(row);
        let customer = orders.customers.is_valid(row).then(|| orders.customers.value(row));
        let found = customer.and_then(|customer| self.register.customers.find(customer));
        if found.is_none() {
            rejects.push(Rejected::new(order, "customer_id", "there is no such customer"));
        }
        Some((order, found?))
    }

    fn by_rows(&mut self, orders: &Orders<'_>, rejects: &mut Vec<Rejected>, profile: &mut Profile) {
        for row in 0..orders.ids.len() {
            profile.begin_row(row);
            let joined = self.joined(orders, row, rejects);
            profile.lap(Stage::Join);
            let Some((order, customer)) = joined else { continue };
            match plain::clean(self.register.customers.get(customer), &self.rules, &self.secret, profile) {
                Ok(cleaned) => {
                    let note = orders.notes.is_valid(row).then(|| orders.notes.value(row).to_owned());
                    let features = plain::features(note);
                    profile.lap(Stage::Note);
                    self.rows.push(order, &cleaned.borrowed(), features);
                    profile.lap(Stage::Columns);
                }
                Err((column, reason)) => rejects.push(Rejected::new(order, column, reason)),
            }
        }
    }

    fn by_buffers(&mut self, orders: &Orders<'_>, rejects: &mut Vec<Rejected>, profile: &mut Profile) {
        for row in 0..orders.ids.len() {
            profile.begin_row(row);
            let joined = self.joined(orders, row, rejects);
            profile.lap(Stage::Join);
            let Some((order, customer)) = joined else { continue };
            let customer = self.register.customers.get(customer);
            match self.buffers.clean(customer, &self.rules, &self.secret, profile) {
                Ok((kind, state)) => {
                    let (store, distance) = nearest(STATES[state].capital, &self.rules.stores);
                    profile.lap(Stage::Distance);
                    let note = if orders.notes.is_valid(row) { orders.notes.value(row) } else { "" };
                    let features = clean::features(note, &mut self.buffers.scratch);
                    profile.lap(Stage::Note);
                    let cleaned = Cleaned {
                        name: &self.buffers.name,
                        kind,
                        document: &self.buffers.document,
                        email: &self.buffers.email,
                        area: &self.buffers.area,
                        phone: &self.buffers.phone,
                        cep: &self.buffers.cep,
                        uf: STATES[state].uf,
                        store: &self.rules.stores[store].name,
                        distance,
                    };
                    self.rows.push(order, &cleaned, features);
                    profile.lap(Stage::Columns);
                }
                Err((column, reason)) => rejects.push(Rejected::new(order, column, reason)),
            }
        }
    }

    fn by_columns(&mut self, orders: &Orders<'_>, rejects: &mut Vec<Rejected>, profile: &mut Profile) {
        profile.begin();
        let mut joined = Vec::with_capacity(orders.ids.len());
        // Orders are rejected at two stages, and are told in the order of their rows.
        let mut aside: Vec<(usize, Rejected)> = Vec::new();
        for row in 0..orders.ids.len() {
            let mut why = Vec::new();
            match self.joined(orders, row, &mut why) {
                Some((order, customer)) => joined.push((row, order, customer)),
                None => aside.extend(why.into_iter().map(|why| (row, why))),
            }
        }
        profile.lap(Stage::Join);
        let met = joined.iter().map(|(_, _, customer)| *customer);
        self.known.learn(&self.register, met, |new| {
            Sheet::of(new, &self.register.customers, &self.rules, &self.secret, &mut self.buffers, profile)
        });
        let scratch = &mut self.buffers.scratch;
        let note = |row: usize| if orders.notes.is_valid(row) { orders.notes.value(row) } else { "" };
        let features: Vec<Features> =
            joined.iter().map(|(row, ..)| clean::features(note(*row), scratch)).collect();
        profile.lap(Stage::Note);
        for ((row, order, customer), features) in joined.iter().zip(features) {
            let place = self.register.place(*customer).expect("who was learned is on a sheet");
            match self.known.get(place, &self.rules) {
                Ok(cleaned) => self.rows.push(*order, &cleaned, features),
                Err((column, reason)) => aside.push((*row, Rejected::new(*order, column, reason))),
            }
        }
        aside.sort_by_key(|(row, _)| *row);
        rejects.extend(aside.into_iter().map(|(_, why)| why));
        profile.lap(Stage::Columns);
    }
}
