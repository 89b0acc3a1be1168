//! The third rung: customers cleaned column by column.

use std::sync::Arc;

use super::Why;
use super::buffers::{Buffers, put};
use crate::transform::clean::{self, Document, Fault};
use crate::transform::place::{STATES, nearest, state_of};
use crate::transform::profile::{Profile, Stage};
use crate::transform::register::Register;
use crate::transform::rules::{Cleaned, Clear, Customers, Rules};
use crate::transform::secret::{Secret, Thing};

/// Customers that were cleaned together, column by column.
#[derive(Debug, Default)]
pub struct Sheet {
    faults: Vec<Option<Why>>,
    names: Column,
    kinds: Vec<Document>,
    documents: Column,
    emails: Column,
    phones: Column,
    areas: Column,
    ceps: Column,
    states: Vec<u8>,
}

/// What a worker has of the sheets that it shares with others.
#[derive(Debug)]
pub(super) struct Known {
    sheets: Vec<Arc<Sheet>>,
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
    pub(super) fn new(rules: &Rules) -> Self {
        let nearest = STATES.iter().map(|state| nearest(state.capital, &rules.stores)).collect();
        Self { sheets: Vec::new(), nearest }
    }

    /// Sees to it that all these customers are on sheets that this worker has.
    pub(super) fn learn(
        &mut self,
        register: &Register,
        customers: impl Iterator<Item = u32>,
        clean: impl FnOnce(&[u32]) -> Sheet,
    ) {
        let mut new: Vec<u32> = customers.filter(|customer| register.place(*customer).is_none()).collect();
        new.sort_unstable();
        new.dedup();
        if !new.is_empty() {
            register.file(Arc::new(clean(&new)), &new);
        }
        register.fetch(&mut self.sheets);
    }

    pub(super) fn get<'a>(
        &'a self,
        (sheet, row): (usize, usize),
        rules: &'a Rules,
    ) -> Result<Cleaned<'a>, Why> {
        let sheet = &self.sheets[sheet];
        if let Some(why) = sheet.faults[row] {
            return Err(why);
        }
        let state = usize::from(sheet.states[row]);
        let (store, distance) = self.nearest[state];
        Ok(Cleaned {
            name: sheet.names.get(row),
            kind: sheet.kinds[row],
            document: sheet.documents.get(row),
            email: sheet.emails.get(row),
            area: sheet.areas.get(row),
            phone: sheet.phones.get(row),
            cep: sheet.ceps.get(row),
            uf: STATES[state].uf,
            store: &rules.stores[store].name,
            distance,
        })
    }
}

impl Sheet {
    /// Cleans some customers.
    pub(super) fn of(
        new: &[u32],
        customers: &Customers,
        rules: &Rules,
        secret: &Secret,
        buffers: &mut Buffers,
        profile: &mut Profile,
    ) -> Self {
        let mut sheet = Self { faults: vec![None; new.len()], ..Self::default() };
        let Self { faults, names, kinds, documents, emails, phones, areas, ceps, states } = &mut sheet;
        let blame = |fault: &mut Option<Why>, column, outcome: Result<(), Fault>| {
            if let (None, Err(why)) = (&fault, outcome) {
                *fault = Some((column, why));
            }
        };
        let mut written = Column::default();
        for (customer, fault) in new.iter().zip(faults.iter_mut()) {
            let outcome = clean::name(customers.get(*customer).name, &mut buffers.scratch, &mut written.text);
            blame(fault, "name", outcome);
            written.close();
        }
        profile.lap(Stage::Name);
        let (mut papers, mut numbers) = (Column::default(), Column::default());
        for (customer, fault) in new.iter().zip(faults.iter_mut()) {
            let found = clean::document(customers.get(*customer).document, &mut papers.text);
            kinds.push(found.unwrap_or(Document::Cpf));
            blame(fault, "document", found.map(drop));
            papers.close();
        }
        for (customer, fault) in new.iter().zip(faults.iter_mut()) {
            blame(fault, "phone", clean::phone(customers.get(*customer).phone, &mut numbers.text));
            numbers.close();
        }
        for (customer, fault) in new.iter().zip(faults.iter_mut()) {
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
        sheet
    }
}
