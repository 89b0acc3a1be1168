//! The same transformation on three rungs; the fourth is to give the third to several workers.
//!
//! 1. [`Rung::Rows`]: a row is a handful of texts, each made anew by a function that reads well. Most of its time goes to the
//!    allocator and to doing the same for a customer's tenth order as for the first.
//! 2. [`Rung::Buffers`]: the same loop with texts that are kept and filled again: no allocation for a row.
//! 3. [`Rung::Columns`]: a batch at a time and a stage at a time. Customers that the worker has not seen are cleaned column by
//!    column, once; the orders of a batch only look them up. The distance is computed once for each state.
//!
//! All rungs give the same rows: a test compares them.

use arrow_array::{Array, RecordBatch};
use lab::Problem;
use serde::{Deserialize, Serialize};

use super::clean::{self, Document, Fault, Features};
use super::place::{STATES, nearest, state_of};
use super::profile::{Profile, Stage};
use super::rules::{Cleaned, Clear, Customer, Customers, Orders, Rejected, Rows, Rules};
use super::secret::{Secret, Thing};

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
    customers: Customers,
    rows: Rows,
    buffers: Buffers,
    known: Known,
}

/// Why a customer is not in the table: the column and the reason.
type Why = (&'static str, Fault);

impl Transformer {
    /// A worker that has not seen any order.
    pub fn new(rung: Rung, rules: Rules, customers: Customers) -> Self {
        let known = Known::new(&rules, customers.len());
        Self {
            rung,
            secret: rules.secret(),
            rules,
            customers,
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
        let found = customer.and_then(|customer| self.customers.find(customer));
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
            match plain::clean(self.customers.get(customer), &self.rules, &self.secret, profile) {
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
            let customer = self.customers.get(customer);
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
        let new = self.known.unseen(joined.iter().map(|(_, _, customer)| *customer));
        self.known.clean(&new, &self.customers, &self.secret, &mut self.buffers, profile);
        let scratch = &mut self.buffers.scratch;
        let note = |row: usize| if orders.notes.is_valid(row) { orders.notes.value(row) } else { "" };
        let features: Vec<Features> =
            joined.iter().map(|(row, ..)| clean::features(note(*row), scratch)).collect();
        profile.lap(Stage::Note);
        for ((row, order, customer), features) in joined.iter().zip(features) {
            match self.known.get(*customer, &self.rules) {
                Ok(cleaned) => self.rows.push(*order, &cleaned, features),
                Err((column, reason)) => aside.push((*row, Rejected::new(*order, column, reason))),
            }
        }
        aside.sort_by_key(|(row, _)| *row);
        rejects.extend(aside.into_iter().map(|(_, why)| why));
        profile.lap(Stage::Columns);
    }
}

/// Texts that are filled again for each row.
#[derive(Debug, Default)]
struct Buffers {
    name: String,
    document: String,
    email: String,
    area: String,
    phone: String,
    cep: String,
    scratch: String,
    plain: String,
    message: Vec<u8>,
}

impl Buffers {
    fn clean(
        &mut self,
        customer: Customer<'_>,
        rules: &Rules,
        secret: &Secret,
        profile: &mut Profile,
    ) -> Result<(Document, usize), Why> {
        for text in [
            &mut self.name,
            &mut self.document,
            &mut self.email,
            &mut self.area,
            &mut self.phone,
            &mut self.cep,
        ] {
            text.clear();
        }
        self.name(customer.name)?;
        profile.lap(Stage::Name);
        self.plain.clear();
        let kind = clean::document(customer.document, &mut self.plain).map_err(|why| ("document", why))?;
        put(
            Thing::Document,
            &self.plain,
            rules.is_clear(Clear::Document),
            secret,
            &mut self.message,
            &mut self.document,
        );
        self.plain.clear();
        clean::phone(customer.phone, &mut self.plain).map_err(|why| ("phone", why))?;
        let sector = clean::cep(customer.cep, &mut self.cep).map_err(|why| ("cep", why))?;
        profile.lap(Stage::Check);
        self.area.push_str(&self.plain[3..5]);
        put(
            Thing::Phone,
            &self.plain,
            rules.is_clear(Clear::Phone),
            secret,
            &mut self.message,
            &mut self.phone,
        );
        self.hide_email(customer.email, rules, secret);
        self.hide_name(rules, secret);
        profile.lap(Stage::Secret);
        Ok((kind, state_of(sector)))
    }

    fn name(&mut self, name: &str) -> Result<(), Why> {
        clean::name(name, &mut self.scratch, &mut self.name).map_err(|why| ("name", why))
    }

    fn hide_name(&mut self, rules: &Rules, secret: &Secret) {
        if !rules.is_clear(Clear::Name) {
            self.plain.clear();
            clean::folded(&self.name, &mut self.plain);
            self.name.clear();
            secret.pseudonym(Thing::Name, &self.plain, &mut self.message, &mut self.name);
        }
    }

    fn hide_email(&mut self, email: &str, rules: &Rules, secret: &Secret) {
        self.plain.clear();
        self.plain.extend(email.trim().chars().flat_map(char::to_lowercase));
        if !self.plain.is_empty() {
            put(
                Thing::Email,
                &self.plain,
                rules.is_clear(Clear::Email),
                secret,
                &mut self.message,
                &mut self.email,
            );
        }
    }
}

fn put(thing: Thing, text: &str, clear: bool, secret: &Secret, message: &mut Vec<u8>, out: &mut String) {
    if clear {
        out.push_str(text);
    } else {
        secret.pseudonym(thing, text, message, out);
    }
}

/// Customers that were cleaned, column by column.
#[derive(Debug)]
struct Known {
    rules: Rules,
    /// The place of each customer in the columns, plus one.
    places: Vec<u32>,
    faults: Vec<Option<Why>>,
    names: Column,
    kinds: Vec<Document>,
    documents: Column,
    emails: Column,
    phones: Column,
    areas: Column,
    ceps: Column,
    states: Vec<u8>,
    /// The nearest store of each state and its distance.
    nearest: Vec<(usize, f64)>,
}

/// Texts one behind the other.
#[derive(Debug, Default)]
struct Column {
    ends: Vec<usize>,
    text: String,
}

impl Column {
    fn close(&mut self) {
        self.ends.push(self.text.len());
    }

    fn get(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[number]]
    }
}

impl Known {
    fn new(rules: &Rules, customers: usize) -> Self {
        Self {
            nearest: STATES.iter().map(|state| nearest(state.capital, &rules.stores)).collect(),
            rules: rules.clone(),
            places: vec![0; customers],
            faults: Vec::new(),
            names: Column::default(),
            kinds: Vec::new(),
            documents: Column::default(),
            emails: Column::default(),
            phones: Column::default(),
            areas: Column::default(),
            ceps: Column::default(),
            states: Vec::new(),
        }
    }

    /// Gives places to the customers that have none, and returns them.
    fn unseen(&mut self, customers: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut next = u32::try_from(self.faults.len()).unwrap_or(u32::MAX);
        let mut new = Vec::new();
        for customer in customers {
            let place = &mut self.places[customer as usize];
            if *place == 0 {
                next += 1;
                *place = next;
                new.push(customer);
            }
        }
        new
    }

    fn clean(
        &mut self,
        new: &[u32],
        customers: &Customers,
        secret: &Secret,
        buffers: &mut Buffers,
        profile: &mut Profile,
    ) {
        let first = self.faults.len();
        self.faults.resize(first + new.len(), None);
        let Self { faults, names, kinds, documents, emails, phones, areas, ceps, states, rules, .. } = self;
        let faults = &mut faults[first..];
        let blame = |fault: &mut Option<Why>, column, outcome: Result<(), Fault>| {
            if let (None, Err(why)) = (&fault, outcome) {
                *fault = Some((column, why));
            }
        };
        let mut written = Column::default();
        for (customer, fault) in new.iter().zip(&mut *faults) {
            let outcome = clean::name(customers.get(*customer).name, &mut buffers.scratch, &mut written.text);
            blame(fault, "name", outcome);
            written.close();
        }
        profile.lap(Stage::Name);
        let (mut papers, mut numbers) = (Column::default(), Column::default());
        for (customer, fault) in new.iter().zip(&mut *faults) {
            let found = clean::document(customers.get(*customer).document, &mut papers.text);
            kinds.push(found.unwrap_or(Document::Cpf));
            blame(fault, "document", found.map(drop));
            papers.close();
        }
        for (customer, fault) in new.iter().zip(&mut *faults) {
            blame(fault, "phone", clean::phone(customers.get(*customer).phone, &mut numbers.text));
            numbers.close();
        }
        for (customer, fault) in new.iter().zip(&mut *faults) {
            let found = clean::cep(customers.get(*customer).cep, &mut ceps.text);
            states.push(found.map_or(0, |sector| u8::try_from(state_of(sector)).unwrap_or_default()));
            blame(fault, "cep", found.map(drop));
            ceps.close();
        }
        profile.lap(Stage::Check);
        for (at, fault) in faults.iter().enumerate() {
            if fault.is_none() {
                buffers.name.clear();
                buffers.name.push_str(written.get(at));
                buffers.hide_name(rules, secret);
                names.text.push_str(&buffers.name);
                put(
                    Thing::Document,
                    papers.get(at),
                    rules.is_clear(Clear::Document),
                    secret,
                    &mut buffers.message,
                    &mut documents.text,
                );
                areas.text.push_str(&numbers.get(at)[3..5]);
                put(
                    Thing::Phone,
                    numbers.get(at),
                    rules.is_clear(Clear::Phone),
                    secret,
                    &mut buffers.message,
                    &mut phones.text,
                );
                buffers.email.clear();
                buffers.hide_email(customers.get(new[at]).email, rules, secret);
                emails.text.push_str(&buffers.email);
            }
            [&mut *names, &mut *documents, &mut *areas, &mut *phones, &mut *emails]
                .into_iter()
                .for_each(Column::close);
        }
        profile.lap(Stage::Secret);
    }

    fn get<'a>(&'a self, customer: u32, rules: &'a Rules) -> Result<Cleaned<'a>, Why> {
        let place = self.places[customer as usize] as usize - 1;
        if let Some(why) = self.faults[place] {
            return Err(why);
        }
        let state = usize::from(self.states[place]);
        let (store, distance) = self.nearest[state];
        Ok(Cleaned {
            name: self.names.get(place),
            kind: self.kinds[place],
            document: self.documents.get(place),
            email: self.emails.get(place),
            area: self.areas.get(place),
            phone: self.phones.get(place),
            cep: self.ceps.get(place),
            uf: STATES[state].uf,
            store: &rules.stores[store].name,
            distance,
        })
    }
}

/// The first rung: short functions from text to text.
mod plain {
    use super::{
        Cleaned, Clear, Customer, Document, Features, Profile, Rules, STATES, Secret, Stage, Thing, Why,
        clean, nearest, state_of,
    };

    /// A customer whose values are texts of their own.
    pub(super) struct Row {
        name: String,
        kind: Document,
        document: String,
        email: String,
        area: String,
        phone: String,
        cep: String,
        uf: String,
        store: String,
        distance: f64,
    }

    impl Row {
        pub(super) fn borrowed(&self) -> Cleaned<'_> {
            Cleaned {
                name: &self.name,
                kind: self.kind,
                document: &self.document,
                email: &self.email,
                area: &self.area,
                phone: &self.phone,
                cep: &self.cep,
                uf: &self.uf,
                store: &self.store,
                distance: self.distance,
            }
        }
    }

    pub(super) fn clean(
        customer: Customer<'_>,
        rules: &Rules,
        secret: &Secret,
        profile: &mut Profile,
    ) -> Result<Row, Why> {
        let name =
            made(|out| clean::name(customer.name, &mut String::new(), out)).map_err(|why| ("name", why))?;
        profile.lap(Stage::Name);
        let mut document = String::new();
        let kind = clean::document(customer.document, &mut document).map_err(|why| ("document", why))?;
        let phone = made(|out| clean::phone(customer.phone, out)).map_err(|why| ("phone", why))?;
        let mut cep = String::new();
        let sector = clean::cep(customer.cep, &mut cep).map_err(|why| ("cep", why))?;
        profile.lap(Stage::Check);
        let hidden = |thing, column, text: String| {
            if rules.is_clear(column) { text } else { secret.pseudonym_of(thing, &text) }
        };
        let email = customer.email.trim().to_lowercase();
        let mut row = Row {
            area: phone[3..5].to_owned(),
            document: hidden(Thing::Document, Clear::Document, document),
            phone: hidden(Thing::Phone, Clear::Phone, phone),
            email: if email.is_empty() { email } else { hidden(Thing::Email, Clear::Email, email) },
            name: if rules.is_clear(Clear::Name) {
                name
            } else {
                secret.pseudonym_of(Thing::Name, &folded(&name))
            },
            kind,
            cep,
            uf: String::new(),
            store: String::new(),
            distance: 0.0,
        };
        profile.lap(Stage::Secret);
        let state = &STATES[state_of(sector)];
        let (store, distance) = nearest(state.capital, &rules.stores);
        (row.uf, row.store, row.distance) = (state.uf.to_owned(), rules.stores[store].name.clone(), distance);
        profile.lap(Stage::Distance);
        Ok(row)
    }

    fn made(make: impl FnOnce(&mut String) -> Result<(), clean::Fault>) -> Result<String, clean::Fault> {
        let mut text = String::new();
        make(&mut text).map(|()| text)
    }

    fn folded(name: &str) -> String {
        let mut text = String::new();
        clean::folded(name, &mut text);
        text
    }

    pub(super) fn features(note: Option<String>) -> Features {
        note.map_or_else(Features::default, |note| {
            // A list of words, each a text of its own, and then the features of each.
            let words: Vec<String> = note.split_whitespace().map(str::to_owned).collect();
            let mut all = Features::default();
            for word in &words {
                let one = clean::features(word, &mut String::new());
                all.words += one.words;
                all.digits += one.digits;
                all.shouts += one.shouts;
                all.urgent |= one.urgent;
            }
            all.characters = i32::try_from(note.chars().count()).unwrap_or(i32::MAX);
            all
        })
    }
}
