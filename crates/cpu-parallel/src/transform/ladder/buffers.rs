//! The second rung: texts that are kept and filled again.

use super::Why;
use crate::transform::clean::{self, Document};
use crate::transform::place::state_of;
use crate::transform::profile::{Profile, Stage};
use crate::transform::rules::{Clear, Customer, Rules};
use crate::transform::secret::{Secret, Thing};

/// Texts that are filled again for each row.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) name: String,
    pub(super) document: String,
    pub(super) email: String,
    pub(super) area: String,
    pub(super) phone: String,
    pub(super) cep: String,
    pub(super) scratch: String,
    plain: String,
    pub(super) message: Vec<u8>,
}

impl Buffers {
    pub(super) fn clean(
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

    pub(super) fn hide_name(&mut self, rules: &Rules, secret: &Secret) {
        if !rules.is_clear(Clear::Name) {
            self.plain.clear();
            clean::folded(&self.name, &mut self.plain);
            self.name.clear();
            secret.pseudonym(Thing::Name, &self.plain, &mut self.message, &mut self.name);
        }
    }

    pub(super) fn hide_email(&mut self, email: &str, rules: &Rules, secret: &Secret) {
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

pub(super) fn put(
    thing: Thing,
    text: &str,
    clear: bool,
    secret: &Secret,
    message: &mut Vec<u8>,
    out: &mut String,
) {
    if clear {
        out.push_str(text);
    } else {
        secret.pseudonym(thing, text, message, out);
    }
}
