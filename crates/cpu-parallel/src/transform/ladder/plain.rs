//! The first rung: short functions from text to text.

use super::Why;
use crate::transform::clean::{self, Document, Features};
use crate::transform::place::{STATES, nearest, state_of};
use crate::transform::profile::{Profile, Stage};
use crate::transform::rules::{Cleaned, Clear, Customer, Rules};
use crate::transform::secret::{Secret, Thing};

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
