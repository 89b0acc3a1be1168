//! States, cities and districts, in the nested form in which they are served.
//!
//! The names of the fields are English where the form is ours and Portuguese where the record is IBGE's.

use std::fmt;
use std::sync::Arc;

use super::{Gap, Missing, Why};

/// One of the five regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// IBGE's number.
    pub id: u32,
    /// The letters, as `NE`.
    pub sigla: Box<str>,
    /// The name.
    pub nome: Box<str>,
}

/// A state, or the federal district.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// IBGE's code of two digits.
    pub id: u32,
    /// The two letters.
    pub sigla: Code,
    /// The name.
    pub nome: Box<str>,
    /// The region that it lies in.
    pub regiao: Region,
}

/// A city: what IBGE calls a municipality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct City {
    /// IBGE's code of seven digits, which starts with the state's.
    pub id: u32,
    /// The name.
    pub nome: Box<str>,
    /// Its districts; nothing where they could not be had. There is no city without a district, so an empty list would be
    /// a lie.
    pub districts: Option<Vec<District>>,
}

/// A part of a city.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct District {
    /// IBGE's code of nine digits, which starts with the city's.
    pub id: u32,
    /// The name.
    pub nome: Box<str>,
}

/// A state with everything below it, as far as it could be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTree {
    /// The state itself.
    pub state: State,
    /// Its cities in the order of their codes; nothing where they could not be had.
    pub cities: Option<Vec<City>>,
    /// What is missing in here, and why.
    pub gaps: Vec<Gap>,
}

/// All states that could be had.
#[derive(Clone, Debug, Default)]
pub struct Country {
    /// The states in the order of their codes.
    pub states: Vec<Arc<StateTree>>,
}

/// Two letters that name a state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; 2]);

/// A record that cannot be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity(pub String);

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// States.
    pub states: usize,
    /// Cities.
    pub cities: usize,
    /// Districts.
    pub districts: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.states += other.states;
        self.cities += other.cities;
        self.districts += other.districts;
    }
}

impl Code {
    /// Reads two letters, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        match *text.as_bytes() {
            [one, two] if one.is_ascii_alphabetic() && two.is_ascii_alphabetic() => {
                Some(Self([one.to_ascii_uppercase(), two.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// The two capital letters.
    pub fn as_str(&self) -> &str {
        // Only ASCII letters get in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl State {
    /// The states in the order of their codes, if they can be right.
    ///
    /// # Errors
    /// No state at all, a code that is none, or one that stands twice.
    pub fn checked(mut states: Vec<Self>) -> Result<Vec<Self>, Oddity> {
        states.sort_by_key(|state| state.id);
        ordered(states.iter().map(|state| state.id), "state", |id| (10..100).contains(&id))?;
        Ok(states)
    }
}

impl City {
    /// A state's cities in the order of their codes, if they can be right.
    ///
    /// # Errors
    /// No city at all, a code that is none of this state's, or one that stands twice.
    pub fn checked(state: u32, mut cities: Vec<Self>) -> Result<Vec<Self>, Oddity> {
        cities.sort_by_key(|city| city.id);
        ordered(cities.iter().map(|city| city.id), "city", |id| Self::state_of(id) == Some(state))?;
        Ok(cities)
    }

    /// The code of the state that a city's code starts with; nothing if it is no city's code.
    pub fn state_of(city: u32) -> Option<u32> {
        (1_000_000..10_000_000).contains(&city).then_some(city / 100_000)
    }
}

impl District {
    /// A city's districts in the order of their codes, if they can be right.
    ///
    /// # Errors
    /// No district at all, a code that is none of this city's, or one that stands twice.
    pub fn checked(city: u32, mut districts: Vec<Self>) -> Result<Vec<Self>, Oddity> {
        districts.sort_by_key(|district| district.id);
        ordered(districts.iter().map(|district| district.id), "district", |id| id / 100 == city)?;
        Ok(districts)
    }
}

/// That there is something, that each code can be right, and that none stands twice.
fn ordered(
    ids: impl Iterator<Item = u32>,
    what: &str,
    can_be_right: impl Fn(u32) -> bool,
) -> Result<(), Oddity> {
    let mut last = None;
    for id in ids {
        if !can_be_right(id) {
            return Err(Oddity(format!("the {what} {id} does not belong there")));
        }
        if last == Some(id) {
            return Err(Oddity(format!("the {what} {id} stands twice")));
        }
        last = Some(id);
    }
    if last.is_none() { Err(Oddity(format!("there is no {what} at all"))) } else { Ok(()) }
}

impl StateTree {
    /// How much is in here.
    pub fn tally(&self) -> Tally {
        let cities = self.cities.as_deref().unwrap_or_default();
        let districts = cities.iter().filter_map(|city| city.districts.as_ref());
        Tally { states: 1, cities: cities.len(), districts: districts.map(Vec::len).sum() }
    }

    /// The city with this code.
    pub fn city(&self, id: u32) -> Option<&City> {
        let cities = self.cities.as_deref()?;
        cities.binary_search_by_key(&id, |city| city.id).ok().map(|at| &cities[at])
    }

    /// A state of which nothing could be had but its name.
    pub fn bare(state: State, why: Why) -> Self {
        let gaps = vec![Gap { missing: Missing::Cities { state: state.sigla }, why }];
        Self { state, cities: None, gaps }
    }

    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.gaps.is_empty()
    }
}

impl Country {
    /// Everything that is missing.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> + Clone {
        self.states.iter().flat_map(|tree| &tree.gaps)
    }

    /// How much there is.
    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.states.iter().for_each(|tree| sum += tree.tally());
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn districts(ids: &[u32]) -> Vec<District> {
        ids.iter().map(|&id| District { id, nome: "a".into() }).collect()
    }

    #[track_caller]
    fn check(ids: &[u32], expected: Result<&[u32], &str>) {
        let checked = District::checked(5_300_108, districts(ids));
        let checked = checked.map(|all| all.iter().map(|one| one.id).collect::<Vec<_>>());
        assert_eq!(checked.as_deref().map_err(|oddity| oddity.0.as_str()), expected);
    }

    #[test]
    fn records_that_cannot_be_right_are_refused_and_the_others_stand_in_order() {
        check(&[530_010_810, 530_010_805], Ok(&[530_010_805, 530_010_810]));
        check(&[], Err("there is no district at all"));
        check(&[530_010_805, 530_010_805], Err("the district 530010805 stands twice"));
        check(&[530_020_805], Err("the district 530020805 does not belong there"));
    }

    #[test]
    fn a_citys_code_tells_its_state() {
        assert_eq!(City::state_of(5_300_108), Some(53));
        assert_eq!((City::state_of(530_010), City::state_of(53_001_080)), (None, None));
    }

    #[test]
    fn a_states_letters_are_two_in_any_case() {
        assert_eq!(Code::parse("sp").map(|code| code.to_string()).as_deref(), Some("SP"));
        for wrong in ["", "s", "spx", "s1", "ã"] {
            assert_eq!(Code::parse(wrong), None, "{wrong}");
        }
    }
}
