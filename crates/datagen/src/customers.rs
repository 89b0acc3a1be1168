//! The table `customers`: people and companies with the numbers that Brazilian registers give them.
//!
//! Names come from the `pt_BR` tables of `fake`, read as slices: a name is two table look-ups and no allocation. A
//! customer's state follows from its identifier alone, as in `orders`. CPF and CNPJ are unique up to a hundred million
//! customers, because their numbers are a permutation of the identifiers. Mail addresses end in `.example` (RFC 2606):
//! nobody can be written to by accident.

use std::ops::Range;
use std::sync::LazyLock;

use fake::locales::{Data, PT_BR};

use crate::cells::Cells;
use crate::localities::Localities;
use crate::orders::state_of;
use crate::page::Page;
use crate::registers::{REGISTERS, cnpj_check, cpf_check};
use crate::states::STATES;
use crate::stream::{Stream, below, below_skewed, mix};
use crate::table::{Column, Kind, Rows};

/// Companies in a hundred customers.
const COMPANIES: u32 = 12;

/// The first and the last second at which customers registered, and the microseconds of a second.
const REGISTERED: (i64, i64) = (1_577_836_800, 1_672_531_199);

const MAIL_HOSTS: [&str; 5] =
    ["correio.example", "mail.example", "caixa.example", "postal.example", "empresa.example"];

/// A name and its spelling in mail addresses: lower case, without accents and spaces.
struct Name {
    text: &'static str,
    plain: String,
}

static FIRST_NAMES: LazyLock<Vec<Name>> = LazyLock::new(|| names(PT_BR::NAME_FIRST_NAME));
static LAST_NAMES: LazyLock<Vec<Name>> = LazyLock::new(|| names(PT_BR::NAME_LAST_NAME));

fn names(texts: &'static [&'static str]) -> Vec<Name> {
    texts.iter().map(|text| Name { text, plain: plain(text) }).collect()
}

/// Lower case, with accents taken off and everything else that is no ASCII letter left out.
fn plain(text: &str) -> String {
    let fold = |letter: char| match letter {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        other => other,
    };
    text.to_lowercase().chars().map(fold).filter(char::is_ascii_alphabetic).collect()
}

/// The customers of one seed.
#[derive(Debug, Clone)]
pub struct Customers {
    stream: Stream,
    seed: u64,
    places: Localities,
}

impl Customers {
    /// Makes what customers are drawn from; this takes some milliseconds.
    pub fn new(seed: u64) -> Self {
        Self { stream: Stream::new(seed, "customers"), seed, places: Localities::new(seed) }
    }

    /// The eight digits that make a register's number unique: a permutation of the identifiers below 10^8.
    fn base_digits(&self, customer_id: u64) -> u64 {
        // The factor has no divisor in common with 10^8.
        (customer_id * 61_803_399 + mix(self.seed) % 100_000_000) % 100_000_000
    }
}

impl Rows for Customers {
    const COLUMNS: &'static [Column] = &[
        Column::new("customer_id", Kind::Int64),
        Column::new("kind", Kind::Text),
        Column::new("name", Kind::Text),
        Column::new("document", Kind::Text),
        Column::new("email", Kind::Text),
        Column::new("phone", Kind::Text),
        Column::new("cep", Kind::Text),
        Column::new("city", Kind::Text),
        Column::new("uf", Kind::Text),
        Column::new("registered_at", Kind::Time),
    ];

    fn rows(&self, rows: Range<u64>, cells: &mut impl Cells) {
        let mut page = Page::default();
        self.stream.for_each(rows, |index, words| {
            let customer_id = index + 1;
            let state = state_of(self.seed, customer_id);
            let register = &REGISTERS[state];
            let pick = |word: u32, names: &'static [Name]| &names[below(word, names.len() as u32) as usize];
            let first = pick(words[1], &FIRST_NAMES);
            let last = pick(words[2], &LAST_NAMES);
            let second = pick(words[3], &LAST_NAMES);
            let company = below(words[0], 100) < COMPANIES;
            cells.integer(customer_id as i64);
            cells.word(if company { "company" } else { "person" });

            page.clear();
            page.row();
            let suffixes = PT_BR::COMPANY_SUFFIX;
            let parts = if company {
                [
                    last.text,
                    " & ",
                    second.text,
                    " ",
                    suffixes[below(words[4], suffixes.len() as u32) as usize],
                ]
            } else {
                let two = words[4] % 3 == 0;
                [first.text, " ", last.text, if two { " " } else { "" }, if two { second.text } else { "" }]
            };
            for part in parts {
                page.text(part.as_bytes());
            }
            cells.text(read(&page));

            page.clear();
            let base = self.base_digits(customer_id);
            if company {
                cnpj(base, &mut page);
            } else {
                cpf(base, register.fiscal_region, &mut page);
            }
            cells.word(read(&page));

            page.clear();
            let who = if company { ["contato", &last.plain] } else { [first.plain.as_str(), &last.plain] };
            page.text(who[0].as_bytes());
            page.byte(b'.');
            page.text(who[1].as_bytes());
            page.number(customer_id % 1_000);
            page.byte(b'@');
            page.text(MAIL_HOSTS[below(words[5], MAIL_HOSTS.len() as u32) as usize].as_bytes());
            cells.word(read(&page));

            page.clear();
            let ddd = register.ddds[below_skewed(words[6], register.ddds.len() as u32) as usize];
            phone(u64::from(ddd), company, words[7], &mut page);
            cells.word(read(&page));

            page.clear();
            let range = register.ceps[below(words[8], register.ceps.len() as u32) as usize];
            page.padded::<5>(u64::from(range.0 + below(words[9], range.1 - range.0 + 1)));
            page.byte(b'-');
            page.padded::<3>(u64::from(below(words[10], 1_000)));
            cells.word(read(&page));

            let cities = self.places.municipalities_of(&STATES[state]);
            cells.text(&cities[below_skewed(words[11], cities.len() as u32) as usize].nome);
            cells.word(STATES[state].sigla);
            let span = (REGISTERED.1 - REGISTERED.0) as u32;
            cells.time((REGISTERED.0 + i64::from(below(words[12], span))) * 1_000_000);
            cells.end();
        });
    }
}

/// What stands on a page that only text was written on.
fn read(page: &Page) -> &str {
    std::str::from_utf8(page.as_bytes()).unwrap_or_default()
}

/// Writes `123.456.789-09`: eight digits, the fiscal region, two check digits.
fn cpf(base: u64, fiscal_region: u8, page: &mut Page) {
    let nine: [u8; 9] = digits(base * 10 + u64::from(fiscal_region));
    let check = cpf_check(&nine);
    for (i, digit) in nine.into_iter().chain(check).enumerate() {
        match i {
            3 | 6 => page.byte(b'.'),
            9 => page.byte(b'-'),
            _ => {}
        }
        page.byte(b'0' + digit);
    }
}

/// Writes `12.345.678/0001-95`: eight digits of the company, its first branch, two check digits.
fn cnpj(base: u64, page: &mut Page) {
    let twelve: [u8; 12] = digits(base * 10_000 + 1);
    let check = cnpj_check(&twelve);
    for (i, digit) in twelve.into_iter().chain(check).enumerate() {
        match i {
            2 | 5 => page.byte(b'.'),
            8 => page.byte(b'/'),
            12 => page.byte(b'-'),
            _ => {}
        }
        page.byte(b'0' + digit);
    }
}

/// Writes `(11) 91234-5678`, or `(11) 3123-4567` for companies: mobile numbers begin with 9 and have nine digits.
fn phone(ddd: u64, company: bool, word: u32, page: &mut Page) {
    page.byte(b'(');
    page.padded::<2>(ddd);
    page.fixed(b") ");
    if company {
        page.number(u64::from(2 + below(word, 4)));
    } else {
        page.byte(b'9');
        page.number(u64::from(6 + below(word, 4)));
    }
    let rest = u64::from(word.wrapping_mul(0x9e37_79b9) % 10_000_000);
    page.padded::<3>(rest / 10_000);
    page.byte(b'-');
    page.padded::<4>(rest);
}

/// The last `N` digits of a number.
fn digits<const N: usize>(mut n: u64) -> [u8; N] {
    let mut digits = [0; N];
    for digit in digits.iter_mut().rev() {
        *digit = (n % 10) as u8;
        n /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::table::{ByRows, Table};

    fn sample(rows: Range<u64>) -> Vec<csv::StringRecord> {
        let table = ByRows(Customers::new(42));
        let mut page = Page::default();
        table.csv(rows, &mut page);
        let text = [table.csv_header().as_bytes(), page.as_bytes()].concat();
        csv::Reader::from_reader(&text[..]).records().collect::<Result<_, _>>().expect("valid CSV")
    }

    #[test]
    fn every_number_is_valid_for_the_customers_state() {
        let rows = sample(0..20_000);
        let mut documents = HashSet::new();
        for row in &rows {
            let register = REGISTERS.iter().find(|register| register.uf == &row[8]).expect("a state");
            let digits: Vec<u8> =
                row[3].bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
            match &row[1] {
                "person" => {
                    let nine: &[u8; 9] = digits[..9].try_into().expect("nine digits");
                    assert_eq!(digits[9..], cpf_check(nine), "{row:?}");
                    assert_eq!(digits[8], register.fiscal_region, "{row:?}");
                    assert!(row[5].len() == 15 && &row[5][5..6] == "9", "{row:?}");
                }
                "company" => {
                    let twelve: &[u8; 12] = digits[..12].try_into().expect("twelve digits");
                    assert_eq!(digits[12..], cnpj_check(twelve), "{row:?}");
                    assert_eq!(row[5].len(), 14, "{row:?}");
                }
                other => panic!("a customer is no {other}"),
            }
            assert!(documents.insert(row[3].to_owned()), "{row:?} has another's document");
            let ddd: u8 = row[5][1..3].parse().expect("an area code");
            assert!(register.ddds.contains(&ddd), "{row:?}");
            let cep: u32 = row[6][..5].parse().expect("a postal code");
            assert!(register.ceps.iter().any(|(low, high)| (*low..=*high).contains(&cep)), "{row:?}");
            assert!(row[6].len() == 9 && row[4].is_ascii() && row[4].ends_with(".example"), "{row:?}");
        }
        let people = rows.iter().filter(|row| &row[1] == "person").count();
        assert!((17_200..18_000).contains(&people), "{people} people");
    }

    #[test]
    fn a_customer_lives_in_the_state_that_its_orders_name_and_in_a_city_of_it() {
        let places = Localities::new(42);
        let rows = sample(0..2_000);
        for order in crate::orders::Orders::new(42).records(0..4_000) {
            let row = &rows[order.customer_id as usize - 1];
            assert_eq!(&row[8], order.uf);
            let state = places.state(order.uf).expect("a state");
            assert!(places.municipalities_of(state).iter().any(|place| *place.nome == row[7]));
        }
    }
}
