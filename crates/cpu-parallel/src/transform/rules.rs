//! What is done to whom: the rules, the customers, and the table that comes out.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::concat::concat;
use hashbrown::HashMap;
use lab::{OrProblem, Problem};
use serde::{Deserialize, Serialize};
use tabular::csv_batches::schema;

use super::clean::{Document, Features};
use super::place::Store;
use super::secret::{Method, Secret};

/// Columns that may stay readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Clear {
    /// The normalised name
    Name,
    /// The checked document
    Document,
    /// The mail address
    Email,
    /// The telephone number
    Phone,
}

/// The rules as they travel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rules {
    /// How pseudonyms are made.
    pub method: Method,
    /// What they are made with.
    pub key: String,
    /// What stays readable.
    pub clear: Vec<Clear>,
    /// The stores.
    pub stores: Vec<Store>,
}

impl Rules {
    /// What makes the pseudonyms.
    pub fn secret(&self) -> Secret {
        Secret::new(self.method, &self.key)
    }

    /// Whether a column stays readable.
    pub fn is_clear(&self, column: Clear) -> bool {
        self.clear.contains(&column)
    }
}

/// The customers that orders name.
#[derive(Debug)]
pub struct Customers {
    rows: HashMap<i64, u32>,
    name: StringArray,
    document: StringArray,
    email: StringArray,
    phone: StringArray,
    cep: StringArray,
}

/// The columns of customers.
pub(super) fn customer_columns() -> SchemaRef {
    schema([
        ("customer_id", DataType::Int64, true),
        ("name", DataType::Utf8, true),
        ("document", DataType::Utf8, true),
        ("email", DataType::Utf8, true),
        ("phone", DataType::Utf8, true),
        ("cep", DataType::Utf8, true),
    ])
}

/// The columns of orders.
pub(super) fn order_columns() -> SchemaRef {
    schema([
        ("order_id", DataType::Int64, true),
        ("customer_id", DataType::Int64, true),
        ("note", DataType::Utf8, true),
    ])
}

/// What a register says of a customer.
#[derive(Clone, Copy, Debug)]
pub struct Customer<'a> {
    /// The name as it was typed.
    pub name: &'a str,
    /// The document as it was typed.
    pub document: &'a str,
    /// The mail address as it was typed.
    pub email: &'a str,
    /// The telephone number as it was typed.
    pub phone: &'a str,
    /// The postal code as it was typed.
    pub cep: &'a str,
}

/// The row of each customer.
fn rows_of(batches: &[RecordBatch]) -> Result<HashMap<i64, u32>, Problem> {
    let mut rows = HashMap::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    let ids = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>());
    for (row, id) in (0..).zip(ids) {
        let Some(id) = id else { continue };
        if rows.insert(id, row).is_some() {
            return Err(Problem::new(format!("customer {id} is there twice"))
                .hint("each customer_id must be one row"));
        }
    }
    Ok(rows)
}

impl Customers {
    /// Of batches with the columns of customers, by one or by two threads.
    pub(super) fn of(batches: &[RecordBatch], threads: usize) -> Result<Self, Problem> {
        let text = |column: usize| -> Result<StringArray, Problem> {
            let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(column).as_ref()).collect();
            if parts.is_empty() {
                return Ok(StringArray::new_null(0));
            }
            let all = concat(&parts).or_problem(|| "the customers are too many for one table")?;
            Ok(all.as_string::<i32>().clone())
        };
        let texts = || Ok([text(1)?, text(2)?, text(3)?, text(4)?, text(5)?]);
        let (rows, texts) = if threads > 1 {
            thread::scope(|scope| {
                let rows = scope.spawn(|| rows_of(batches));
                let texts = texts();
                (rows.join().unwrap_or_else(|why| resume_unwind(why)), texts)
            })
        } else {
            (rows_of(batches), texts())
        };
        let (rows, [name, document, email, phone, cep]) = (rows?, texts?);
        Ok(Self { rows, name, document, email, phone, cep })
    }

    /// The row of a customer.
    #[inline]
    pub fn find(&self, customer: i64) -> Option<u32> {
        self.rows.get(&customer).copied()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of a customer; what is missing is empty.
    pub fn get(&self, row: u32) -> Customer<'_> {
        let row = row as usize;
        // The value of a missing text is empty in every array that our readers make.
        Customer {
            name: self.name.value(row),
            document: self.document.value(row),
            email: self.email.value(row),
            phone: self.phone.value(row),
            cep: self.cep.value(row),
        }
    }
}

/// Some orders.
#[derive(Clone, Copy, Debug)]
pub struct Orders<'a> {
    /// Their numbers.
    pub ids: &'a Int64Array,
    /// Their customers.
    pub customers: &'a Int64Array,
    /// Their notes.
    pub notes: &'a StringArray,
}

/// An order that is not in the table, and why. Personal data is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The order, or where its row is, where it has no number.
    pub order: String,
    /// The column that is to blame.
    pub column: String,
    /// Why.
    pub reason: String,
}

impl Rejected {
    pub(super) fn new(order: i64, column: &str, reason: &str) -> Self {
        Self { order: order.to_string(), column: column.into(), reason: reason.into() }
    }
}

/// The columns that come out.
pub(super) fn transformed() -> SchemaRef {
    schema([
        ("order_id", DataType::Int64, false),
        ("name", DataType::Utf8, false),
        ("document_kind", DataType::Utf8, false),
        ("document", DataType::Utf8, false),
        ("email", DataType::Utf8, true),
        ("phone_area", DataType::Utf8, false),
        ("phone", DataType::Utf8, false),
        ("cep", DataType::Utf8, false),
        ("uf", DataType::Utf8, false),
        ("store", DataType::Utf8, false),
        ("distance_km", DataType::Float64, false),
        ("note_words", DataType::Int32, false),
        ("note_characters", DataType::Int32, false),
        ("note_digits", DataType::Int32, false),
        ("note_shouts", DataType::Int32, false),
        ("note_urgent", DataType::Boolean, false),
    ])
}

/// A customer as the table has it.
#[derive(Clone, Copy, Debug)]
pub struct Cleaned<'a> {
    /// The name or its pseudonym.
    pub name: &'a str,
    /// What the document is.
    pub kind: Document,
    /// The document or its pseudonym.
    pub document: &'a str,
    /// The mail address or its pseudonym; empty where there is none.
    pub email: &'a str,
    /// The area of the telephone number.
    pub area: &'a str,
    /// The telephone number or its pseudonym.
    pub phone: &'a str,
    /// The postal code.
    pub cep: &'a str,
    /// The state.
    pub uf: &'a str,
    /// The nearest store.
    pub store: &'a str,
    /// How far it is, in kilometres.
    pub distance: f64,
}

/// Rows of the table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    orders: Vec<i64>,
    texts: [StringBuilder; 9],
    distances: Vec<f64>,
    counts: [Vec<i32>; 4],
    urgent: BooleanBuilder,
}

impl Rows {
    pub(super) fn push(&mut self, order: i64, customer: &Cleaned<'_>, note: Features) {
        self.orders.push(order);
        let texts = [
            customer.name,
            customer.kind.name(),
            customer.document,
            customer.email,
            customer.area,
            customer.phone,
            customer.cep,
            customer.uf,
            customer.store,
        ];
        for (number, (builder, text)) in self.texts.iter_mut().zip(texts).enumerate() {
            if number == 3 && text.is_empty() { builder.append_null() } else { builder.append_value(text) }
        }
        self.distances.push(customer.distance);
        let counts = [note.words, note.characters, note.digits, note.shouts];
        self.counts.iter_mut().zip(counts).for_each(|(column, count)| column.push(count));
        self.urgent.append_value(note.urgent);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Problem> {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(std::mem::take(&mut self.orders)))];
        columns.extend(self.texts.iter_mut().map(|text| Arc::new(text.finish()) as ArrayRef));
        columns.push(Arc::new(Float64Array::from(std::mem::take(&mut self.distances))));
        let counts =
            self.counts.iter_mut().map(|count| Arc::new(Int32Array::from(std::mem::take(count))) as ArrayRef);
        columns.extend(counts);
        columns.push(Arc::new(self.urgent.finish()));
        RecordBatch::try_new(transformed(), columns).or_problem(|| "cannot make a table of the orders")
    }
}
