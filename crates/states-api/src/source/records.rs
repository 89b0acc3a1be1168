//! The records of the localities API, as far as they are read, and how they become places.
//!
//! A record has much more in it: the municipality has all regions above it, and the district has the whole municipality.
//! What lies above is known already, so it is skipped. It is not even safe to read: the newest municipality has no
//! microregion, and a reader that takes it for granted fails on it.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::{City, Code, District, Oddity, Region, State};

#[derive(Deserialize)]
struct StateRecord {
    id: u32,
    sigla: String,
    nome: Box<str>,
    regiao: RegionRecord,
}

#[derive(Deserialize)]
struct RegionRecord {
    id: u32,
    sigla: Box<str>,
    nome: Box<str>,
}

/// A municipality or a district.
#[derive(Deserialize)]
struct NamedRecord {
    id: u32,
    nome: Box<str>,
}

/// The most that a compressed body may hold.
const LARGEST: u64 = 64 << 20;

/// All states, in the order of their codes.
pub(super) fn states(body: &[u8]) -> Result<Vec<State>, String> {
    let states = records::<StateRecord>(body)?.into_iter().map(State::try_from).collect::<Result<_, _>>();
    states.and_then(State::checked).map_err(|oddity| oddity.to_string())
}

/// A state's cities, still without their districts.
pub(super) fn cities(state: u32, body: &[u8]) -> Result<Vec<City>, String> {
    let records = records::<NamedRecord>(body)?.into_iter();
    let cities = records.map(|NamedRecord { id, nome }| City { id, nome, districts: None }).collect();
    City::checked(state, cities).map_err(|oddity| oddity.to_string())
}

/// A city's districts.
pub(super) fn districts(city: u32, body: &[u8]) -> Result<Vec<District>, String> {
    let records = records::<NamedRecord>(body)?.into_iter();
    let districts = records.map(|NamedRecord { id, nome }| District { id, nome }).collect();
    District::checked(city, districts).map_err(|oddity| oddity.to_string())
}

impl TryFrom<StateRecord> for State {
    type Error = Oddity;

    fn try_from(StateRecord { id, sigla, nome, regiao }: StateRecord) -> Result<Self, Oddity> {
        let sigla =
            Code::parse(&sigla).ok_or_else(|| Oddity(format!("`{sigla}` are no letters of a state")))?;
        let regiao = Region { id: regiao.id, sigla: regiao.sigla, nome: regiao.nome };
        Ok(Self { id, sigla, nome, regiao })
    }
}

/// Reads a list. A body that was compressed without having been asked for is taken as what it is: some servers of this
/// API compress whatever the client says.
fn records<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, String> {
    let read =
        |text: &[u8]| serde_json::from_slice(text).map_err(|error| format!("not as expected: {error}"));
    if !body.starts_with(&[0x1f, 0x8b]) {
        return read(body);
    }
    let mut text = Vec::new();
    let unpacked = GzDecoder::new(body).take(LARGEST).read_to_end(&mut text);
    unpacked.map_err(|error| format!("not gzip: {error}"))?;
    read(&text)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    /// The record of Brasília as IBGE's documentation has it, and its only district.
    const CITY: &str =
        r#"{"id":5300108,"nome":"Brasília","microrregiao":null,"regiao-imediata":{"id":530001}}"#;
    const DISTRICT: &str = r#"{"id":530010805,"nome":"Brasília","municipio":{"id":5300108}}"#;

    #[test]
    fn a_record_is_read_whatever_lies_above_it_also_compressed() {
        let body = format!("[{CITY}]");
        let expected = vec![City { id: 5_300_108, nome: "Brasília".into(), districts: None }];
        assert_eq!(cities(53, body.as_bytes()), Ok(expected.clone()));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(body.as_bytes()).unwrap();
        assert_eq!(cities(53, &gzip.finish().unwrap()), Ok(expected));
        assert_eq!(districts(5_300_108, format!("[{DISTRICT}]").as_bytes()).unwrap()[0].id, 530_010_805);
    }

    #[test]
    fn what_cannot_be_right_is_an_error_and_says_why() {
        let check = |body: &str, why: &str| {
            let error = districts(5_300_108, body.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{body}: {error}");
        };
        check("[]", "there is no district at all");
        check("{}", "expected a sequence");
        check("[{\"id\":530010805,\"nome\":\"Bra", "EOF");
        check("<html>", "expected value");
        check(&format!("[{DISTRICT},{DISTRICT}]"), "stands twice");
        check(r#"[{"id":530020805,"nome":"Outra"}]"#, "does not belong");
        check(r#"[{"id":"530010805","nome":"Brasília"}]"#, "invalid type");
        check("\u{1f}\u{8b}", "expected");
        let error = states(
            r#"[{"id":11,"sigla":"R1","nome":"a","regiao":{"id":1,"sigla":"N","nome":"b"}}]"#.as_bytes(),
        );
        assert!(error.unwrap_err().contains("no letters"));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic_and_none_but_a_right_one_is_taken(body: Vec<u8>, cut in 0..90_usize) {
            let _ = (states(&body), cities(53, &body));
            let mut zipped = vec![0x1f, 0x8b];
            zipped.extend(&body);
            prop_assert!(districts(5_300_108, &zipped).is_err());
            let right = format!("[{CITY}]");
            prop_assert!(cities(53, &right.as_bytes()[..cut.min(right.len() - 1)]).is_err());
        }
    }
}
