//! The third rung: customers cleaned column by column.

use super::Why;
use super::buffers::{Buffers, put};
use crate::transform::clean::{self, Document, Fault};
use crate::transform::place::{STATES, nearest, state_of};
use crate::transform::profile::{Profile, Stage};
use crate::transform::rules::{Cleaned, Clear, Customers, Rules};
use crate::transform::secret::{Secret, Thing};

/// Customers that were cleaned, column by column.
#[derive(Debug)]
pub(super) struct Known {
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
    pub(super) fn new(rules: &Rules, customers: usize) -> Self {
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
    pub(super) fn unseen(&mut self, customers: impl Iterator<Item = u32>) -> Vec<u32> {
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

    pub(super) fn clean(
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

    pub(super) fn get<'a>(&'a self, customer: u32, rules: &'a Rules) -> Result<Cleaned<'a>, Why> {
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
