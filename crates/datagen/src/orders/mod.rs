//! The table `orders`: a shop's orders over three years.
//!
//! A row is drawn from its own sixteen words (see [`crate::stream`]) into a compact `Row` of indices, and only the
//! writers turn indices into text. Everything that has a shape is a table made once: states by population, products with
//! category and price, days by month, weekday and sales event, hours of the day.
//!
//! The customers grow with the orders: order `i` comes from one of the first `1000 + i / 8` customers. So a longer table
//! begins with the shorter one, and `customers` of [`customers_of`] rows holds every customer that the orders name.

mod calendar;
mod note;

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use serde::{Serialize, Serializer};

use crate::alias::Alias;
use crate::cells::{Cells, Json};
use crate::page::{Page, Short};
use crate::products::{self, Facts, Products};
use crate::states::{BY_POPULATION, STATES};
use crate::stream::{Stream, Words, below, below_skewed, mix};
use crate::table::{Column, Field, Kind, Rows, Table, field_of};

use calendar::Calendar;
use note::Note;

/// One order, as readers meet it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// From 1, without gaps.
    pub order_id: i64,
    /// From 1; a customer of the table `customers`.
    pub customer_id: i64,
    /// From 1 to [`products::COUNT`].
    pub product_id: i64,
    /// The product's category, in Portuguese.
    pub category: &'static str,
    /// The customer's state.
    pub uf: &'static str,
    /// Pieces, at least 1.
    pub quantity: i32,
    /// Price of one piece before the discount, in cents.
    pub unit_price_cents: i64,
    /// Discount in basis points: 1,000 is 10 %.
    pub discount_bp: i32,
    /// `delivered`, `shipped`, `processing`, `cancelled`, `returned` or `pending`.
    pub status: &'static str,
    /// Microseconds since 1970-01-01 00:00:00 UTC, always whole seconds; JSON has it as `2024-03-05T12:34:56Z`.
    #[serde(serialize_with = "as_rfc_3339")]
    pub ordered_at: i64,
    /// Free text, with commas, quotes, accents and line breaks.
    pub note: Option<String>,
}

/// Customers that the first `orders` orders can name, at most.
pub fn customers_of(orders: u64) -> u64 {
    FIRST_CUSTOMERS + orders / ORDERS_PER_CUSTOMER
}

const FIRST_CUSTOMERS: u64 = 1_000;
const ORDERS_PER_CUSTOMER: u64 = 8;

/// Each status with its share.
const STATUSES: [(&str, u64); 6] = [
    ("delivered", 780),
    ("shipped", 80),
    ("processing", 50),
    ("cancelled", 45),
    ("returned", 25),
    ("pending", 20),
];

/// Discounts in basis points with their shares.
const DISCOUNTS: [(i32, u64); 9] = [
    (0, 600),
    (500, 120),
    (750, 20),
    (1_000, 130),
    (1_250, 10),
    (1_500, 50),
    (2_000, 40),
    (3_000, 20),
    (5_000, 10),
];

/// Quantities with their shares.
const QUANTITIES: [(i32, u64); 8] =
    [(1, 640), (2, 190), (3, 80), (4, 40), (5, 20), (6, 15), (10, 10), (12, 5)];

/// The orders of one seed.
#[derive(Debug, Clone)]
pub struct Orders {
    stream: Stream,
    seed: u64,
    products: Vec<Facts>,
    statuses: Alias,
    discounts: Alias,
    quantities: Alias,
    calendar: Calendar,
    /// `,category,` for CSV, by index.
    category_cells: Vec<Short>,
    /// `UF,` for CSV, by index.
    state_cells: Vec<Short>,
    /// `,status,` for CSV, by index.
    status_cells: Vec<Short>,
}

/// A row as indices into the tables.
#[derive(Debug, Clone, Copy)]
struct Row {
    order_id: u64,
    customer_id: u64,
    product_id: u32,
    category: usize,
    state: usize,
    quantity: i32,
    unit_price_cents: u32,
    discount_bp: i32,
    status: usize,
    day: usize,
    second: u32,
    note: Option<Note>,
}

impl Orders {
    /// Makes the tables that rows are drawn from; this takes about a millisecond.
    pub fn new(seed: u64) -> Self {
        let cell = |text: &str| Short::new(&format!(",{text},"));
        Self {
            stream: Stream::new(seed, "orders"),
            seed,
            products: Products::new(seed).facts(),
            statuses: Alias::new(&STATUSES.map(|(_, weight)| weight)),
            discounts: Alias::new(&DISCOUNTS.map(|(_, weight)| weight)),
            quantities: Alias::new(&QUANTITIES.map(|(_, weight)| weight)),
            calendar: Calendar::new(),
            category_cells: (0..products::CATEGORY_COUNT).map(|i| cell(products::category_name(i))).collect(),
            state_cells: STATES.iter().map(|state| Short::new(&format!("{},", state.sigla))).collect(),
            status_cells: STATUSES.iter().map(|(status, _)| cell(status)).collect(),
        }
    }

    /// The order at `index`, counted from 0; its `order_id` is `index + 1`. Any index costs the same, less than a
    /// microsecond.
    pub fn record(&self, index: u64) -> Order {
        self.read(&self.row(index, &self.stream.words(index)))
    }

    /// The orders of `range`, counted from 0, in order.
    pub fn records(&self, range: Range<u64>) -> Vec<Order> {
        let mut orders = Vec::new();
        self.stream.for_each(range, |index, words| orders.push(self.read(&self.row(index, words))));
        orders
    }

    #[inline]
    fn row(&self, index: u64, words: &Words) -> Row {
        let customer_id = customer_of(index, words);
        let product = below_skewed(words[1], products::COUNT);
        let facts = self.products[product as usize];
        // Prices move by up to 8 % around the list price, and still end in 90 cents if they are above 10 reais.
        let moved = u64::from(facts.price_cents) * u64::from(9_200 + below(words[2], 1_601)) / 10_000;
        let moved = moved as u32;
        let unit_price_cents = if moved > 1_000 { moved / 100 * 100 + 90 } else { moved };
        Row {
            order_id: index + 1,
            customer_id,
            product_id: product + 1,
            category: usize::from(facts.category),
            state: state_of(self.seed, customer_id),
            quantity: QUANTITIES[self.quantities.draw(words[3])].0,
            unit_price_cents,
            discount_bp: DISCOUNTS[self.discounts.draw(words[4])].0,
            status: self.statuses.draw(words[5]),
            day: self.calendar.day(words[6]),
            second: self.calendar.second_of_day(words[7], words[8]),
            note: Note::draw(words),
        }
    }

    fn read(&self, row: &Row) -> Order {
        Order {
            order_id: row.order_id as i64,
            customer_id: row.customer_id as i64,
            product_id: i64::from(row.product_id),
            category: products::category_name(row.category),
            uf: STATES[row.state].sigla,
            quantity: row.quantity,
            unit_price_cents: i64::from(row.unit_price_cents),
            discount_bp: row.discount_bp,
            status: STATUSES[row.status].0,
            ordered_at: self.calendar.microseconds(row.day, row.second),
            note: row.note.map(|note| note.read(&mut Page::default()).into_owned()),
        }
    }

    #[inline]
    fn csv_row(&self, row: &Row, page: &mut Page) {
        page.row();
        page.number(row.order_id);
        page.byte(b',');
        page.number(row.customer_id);
        page.byte(b',');
        page.number(u64::from(row.product_id));
        page.short(&self.category_cells[row.category]);
        page.short(&self.state_cells[row.state]);
        page.number(row.quantity as u64);
        page.byte(b',');
        page.number(u64::from(row.unit_price_cents));
        page.byte(b',');
        page.number(row.discount_bp as u64);
        page.short(&self.status_cells[row.status]);
        self.calendar.write(row.day, row.second, page);
        page.byte(b',');
        if let Some(note) = row.note {
            note.csv(page);
        }
        page.byte(b'\n');
    }
}

/// The customer of the order at `index`.
#[inline]
fn customer_of(index: u64, words: &Words) -> u64 {
    let customers = u32::try_from(customers_of(index)).unwrap_or(u32::MAX);
    u64::from(below_skewed(words[0], customers)) + 1
}

/// The index into [`STATES`] of a customer's state: a function of the identifier alone, so that an order knows it
/// without reading the customer.
#[inline]
pub(crate) fn state_of(seed: u64, customer_id: u64) -> usize {
    let mixed = mix(mix(seed) ^ customer_id);
    BY_POPULATION.draw((mixed >> 32) as u32)
}

/// The columns; a lake's files have them all but `uf`, which their folder's name tells.
const COLUMNS: [Column; 11] = [
    Column::new("order_id", Kind::Int64),
    Column::new("customer_id", Kind::Int64),
    Column::new("product_id", Kind::Int64),
    Column::new("category", Kind::Text),
    Column::new("uf", Kind::Text),
    Column::new("quantity", Kind::Int32),
    Column::new("unit_price_cents", Kind::Cents),
    Column::new("discount_bp", Kind::Int32),
    Column::new("status", Kind::Text),
    Column::new("ordered_at", Kind::Time),
    Column::new("note", Kind::Text).nullable(),
];

impl Orders {
    /// The columns of a lake's files.
    pub(crate) const IN_LAKE: &'static [Column] = &{
        let [a, b, c, d, _, f, g, h, i, j, k] = COLUMNS;
        [a, b, c, d, f, g, h, i, j, k]
    };

    /// Tells for each row of a range its month, counted from the first one, and its state's index.
    pub(crate) fn places(&self, rows: Range<u64>, mut each: impl FnMut(u64, usize, usize)) {
        self.stream.for_each(rows, |index, words| {
            let state = state_of(self.seed, customer_of(index, words));
            each(index, self.calendar.month(self.calendar.day(words[6])), state);
        });
    }

    /// Gives the cells of single rows, without `uf`.
    pub(crate) fn picked(&self, rows: impl Iterator<Item = u64>, cells: &mut impl Cells) {
        let mut note_text = Page::default();
        for index in rows {
            self.cells(&self.row(index, &self.stream.words(index)), false, &mut note_text, cells);
        }
    }

    #[inline]
    fn cells(&self, row: &Row, with_state: bool, note_text: &mut Page, cells: &mut impl Cells) {
        cells.integer(row.order_id as i64);
        cells.integer(row.customer_id as i64);
        cells.integer(i64::from(row.product_id));
        cells.word(products::category_name(row.category));
        if with_state {
            cells.word(STATES[row.state].sigla);
        }
        cells.integer(i64::from(row.quantity));
        cells.integer(i64::from(row.unit_price_cents));
        cells.integer(i64::from(row.discount_bp));
        cells.word(STATUSES[row.status].0);
        cells.time(self.calendar.microseconds(row.day, row.second));
        match row.note {
            Some(note) => cells.text(&note.read(note_text)),
            None => cells.null(),
        }
        cells.end();
    }
}

impl Rows for Orders {
    const COLUMNS: &'static [Column] = &COLUMNS;

    fn rows(&self, rows: Range<u64>, cells: &mut impl Cells) {
        let mut note_text = Page::default();
        self.stream.for_each(rows, |index, words| {
            self.cells(&self.row(index, words), true, &mut note_text, cells);
        });
    }
}

/// CSV has a writer of its own, because it is what most users make most of; `Rows` gives the other formats.
impl Table for Orders {
    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn csv(&self, rows: Range<u64>, page: &mut Page) {
        self.stream.for_each(rows, |index, words| self.csv_row(&self.row(index, words), page));
    }

    fn ndjson(&self, rows: Range<u64>, page: &mut Page) {
        self.rows(rows, &mut Json::new(&COLUMNS, page));
    }

    fn fields(&self, row: u64) -> Vec<Field> {
        field_of(&COLUMNS, |fields| self.rows(row..row + 1, fields))
    }

    fn batch(&self, rows: Range<u64>) -> RecordBatch {
        let mut drawn = Vec::with_capacity(usize::try_from(rows.end - rows.start).unwrap_or(0));
        self.stream.for_each(rows, |index, words| drawn.push(self.row(index, words)));
        let longs = |of: fn(&Row) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(drawn.iter().map(of)))
        };
        let ints = |of: fn(&Row) -> i32| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values(drawn.iter().map(of)))
        };
        let texts = |of: fn(&Row) -> &'static str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(drawn.iter().map(of)))
        };
        let mut notes = StringBuilder::with_capacity(drawn.len(), drawn.len() * 16);
        let mut page = Page::default();
        for row in &drawn {
            if let Some(note) = row.note {
                notes.append_value(note.read(&mut page));
            } else {
                notes.append_null();
            }
        }
        let instants = drawn.iter().map(|row| self.calendar.microseconds(row.day, row.second));
        let columns: Vec<ArrayRef> = vec![
            longs(|row| row.order_id as i64),
            longs(|row| row.customer_id as i64),
            longs(|row| i64::from(row.product_id)),
            texts(|row| products::category_name(row.category)),
            texts(|row| STATES[row.state].sigla),
            ints(|row| row.quantity),
            longs(|row| i64::from(row.unit_price_cents)),
            ints(|row| row.discount_bp),
            texts(|row| STATUSES[row.status].0),
            Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC")),
            Arc::new(notes.finish()),
        ];
        RecordBatch::try_new(self.schema(), columns).expect("the columns are of the schema, and equally long")
    }
}

/// Serialises microseconds since the epoch as RFC 3339 in UTC. The reference is what serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn as_rfc_3339<S: Serializer>(microseconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let instant = jiff::Timestamp::from_microsecond(*microseconds).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&instant)
}

#[cfg(test)]
mod tests;
