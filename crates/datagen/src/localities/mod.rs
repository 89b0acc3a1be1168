//! Brazil's political map: states, municipalities and districts, in the form of IBGE's public data.
//!
//! Real are the 27 states with their codes, names and regions, the number of municipalities of each state, and the form
//! of every code with its check digit. Synthetic are the names of municipalities and districts, their codes, and the way
//! they are grouped into regions. One municipality, 5101837 in Mato Grosso, has no microregion, as the newest real one
//! has none: programs that take it for granted fail on it, and should meet it here first.
//!
//! The fields keep IBGE's Portuguese names where they are IBGE's terms, so that a reader finds them in its documents.

mod names;
mod shape;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::cells::Cells;
use crate::states::{STATES, State};
use crate::stream::{Stream, below, below_skewed};
use crate::table::{Column, Kind, Rows};

use names::Names;
pub use shape::{DistrictRecord, FlatRecord, MunicipalityRecord, StateRecord};

/// The municipality without a microregion.
pub const WITHOUT_MICROREGION: u32 = 5_101_837;

/// Districts of all states together.
pub const DISTRICTS: u32 = 10_670;

/// States whose number of districts is real; the others share the rest in proportion to their municipalities.
const KNOWN_DISTRICTS: [(&str, u32); 4] = [("MG", 1_817), ("RS", 1_254), ("SP", 1_039), ("DF", 1)];

/// Districts of the largest city.
const LARGEST: u32 = 96;

/// A named area with its code, such as a microregion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// IBGE's form: the state's two digits, then a number.
    pub id: u32,
    /// The name of its first municipality.
    pub nome: Arc<str>,
}

/// One of the 5,571 municipalities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Municipality {
    /// Seven digits: state, number, check digit.
    pub id: u32,
    /// The name, unique in its state.
    pub nome: Arc<str>,
    /// Its state.
    pub state: &'static State,
    /// Microregion and the mesoregion above it (IBGE's division until 2017).
    pub microrregiao: Option<(Area, Area)>,
    /// Immediate region.
    pub regiao_imediata: Area,
    /// The intermediate region above it.
    pub regiao_intermediaria: Area,
    /// Its districts, as a range of [`Localities::districts`].
    districts: Range<usize>,
}

/// A district; the first one of a municipality carries its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct District {
    /// Nine digits: the municipality's seven, then a number.
    pub id: u32,
    /// The name.
    pub nome: Arc<str>,
    /// Index into [`Localities::municipalities`].
    municipality: usize,
}

/// The whole map under one seed: about 2 MB.
#[derive(Debug, Clone)]
pub struct Localities {
    municipalities: Vec<Municipality>,
    districts: Vec<District>,
    by_id: HashMap<u32, usize>,
    /// The municipalities of each state, by its index in [`STATES`].
    by_state: Vec<Range<usize>>,
}

impl Localities {
    /// Makes the map; this takes some milliseconds.
    pub fn new(seed: u64) -> Self {
        let mut municipalities = Vec::with_capacity(5_571);
        let mut by_state = Vec::with_capacity(STATES.len());
        let stream = Stream::new(seed, "municipalities");
        for state in &STATES {
            let first = municipalities.len();
            add_state(state, &stream, &mut municipalities);
            by_state.push(first..municipalities.len());
        }
        let mut map = Self {
            by_id: municipalities.iter().enumerate().map(|(index, place)| (place.id, index)).collect(),
            districts: Vec::with_capacity(DISTRICTS as usize),
            municipalities,
            by_state,
        };
        map.add_districts(&Stream::new(seed, "districts"));
        map
    }

    /// A state by its letters, in any case, or by its code.
    pub fn state(&self, key: &str) -> Option<&'static State> {
        STATES.iter().find(|state| {
            state.sigla.eq_ignore_ascii_case(key) || key.parse::<u8>().is_ok_and(|id| id == state.id)
        })
    }

    /// All municipalities in the order of their codes.
    pub fn municipalities(&self) -> &[Municipality] {
        &self.municipalities
    }

    /// A state's municipalities in the order of their codes.
    pub fn municipalities_of(&self, state: &State) -> &[Municipality] {
        let index = STATES.iter().position(|known| known.id == state.id);
        index.map_or(&[], |index| &self.municipalities[self.by_state[index].clone()])
    }

    /// The municipality with this code.
    pub fn municipality(&self, id: u32) -> Option<&Municipality> {
        self.by_id.get(&id).map(|index| &self.municipalities[*index])
    }

    /// All districts in the order of their codes.
    pub fn districts(&self) -> &[District] {
        &self.districts
    }

    /// A municipality's districts in the order of their codes; at least one.
    pub fn districts_of(&self, municipality: &Municipality) -> &[District] {
        &self.districts[municipality.districts.clone()]
    }

    /// The municipality that a district belongs to.
    pub fn municipality_of(&self, district: &District) -> &Municipality {
        &self.municipalities[district.municipality]
    }

    fn add_districts(&mut self, stream: &Stream) {
        for (state, range) in STATES.iter().zip(&self.by_state) {
            let counts = district_counts(state, range.len(), stream);
            let mut names = Names::default();
            for (index, count) in range.clone().zip(counts) {
                let place = &mut self.municipalities[index];
                let first = self.districts.len();
                for number in 0..count {
                    let words = stream.words(self.districts.len() as u64);
                    let nome = if number == 0 { place.nome.clone() } else { names.take(&words).into() };
                    // IBGE numbers in steps of five, to leave room; the largest city has used it up.
                    let suffix = if count > 19 { number + 1 } else { (number + 1) * 5 };
                    self.districts.push(District { id: place.id * 100 + suffix, nome, municipality: index });
                }
                place.districts = first..self.districts.len();
            }
        }
    }
}

/// Adds the municipalities of a state, in groups of ten or so for the regions.
fn add_state(state: &'static State, stream: &Stream, all: &mut Vec<Municipality>) {
    let mut names = Names::default();
    let base = u32::from(state.id);
    let mut ids: Vec<u32> =
        (0..u32::from(state.municipalities)).map(|n| municipality_id(base, 10 + n * 5)).collect();
    if base == WITHOUT_MICROREGION / 100_000 {
        // It takes the place of the one after it, so that the state's number stays right.
        let place = ids.partition_point(|id| *id < WITHOUT_MICROREGION);
        ids[place] = WITHOUT_MICROREGION;
    }
    let first = all.len();
    for (n, id) in ids.into_iter().enumerate() {
        let drawn = names.take(&stream.words(all.len() as u64));
        let nome: Arc<str> = if state.sigla == "DF" { "Brasília".into() } else { drawn.into() };
        let area = |members: usize, digits: u32, upper: bool| {
            let group = n / members;
            let named_after =
                all.get(first + group * members).map_or(&nome, |place: &Municipality| &place.nome);
            let nome = match (state.sigla, upper) {
                ("DF", true) => "Distrito Federal".into(),
                _ => Arc::clone(named_after),
            };
            Area { id: base * digits + group as u32 + 1, nome }
        };
        let microrregiao = (area(10, 1_000, false), area(40, 100, true));
        let regiao_imediata = area(11, 10_000, true);
        let regiao_intermediaria = area(44, 100, true);
        all.push(Municipality {
            id,
            nome,
            state,
            microrregiao: (id != WITHOUT_MICROREGION).then_some(microrregiao),
            regiao_imediata,
            regiao_intermediaria,
            districts: 0..0,
        });
    }
}

/// How many districts each municipality of a state has; the sum is the state's number.
fn district_counts(state: &State, municipalities: usize, stream: &Stream) -> Vec<u32> {
    let mut counts = vec![1; municipalities];
    let mut extra = districts_of_state(state) - municipalities as u32;
    if state.sigla == "SP" {
        counts[0] = LARGEST;
        extra -= LARGEST - 1;
    }
    // Words far above those of the names; a few places get many districts, as large municipalities have.
    let mut at = (1 << 32) + u64::from(state.id) * 100_000;
    while extra > 0 {
        let words = stream.words(at);
        at += 1;
        let chosen = if below(words[0], 2) == 0 {
            below(words[1], municipalities as u32)
        } else {
            below_skewed(words[1], municipalities as u32)
        };
        let count = &mut counts[chosen as usize];
        if *count < 19 {
            *count += 1;
            extra -= 1;
        }
    }
    counts
}

/// The number of districts of a state: real where it is known, else its share of the rest. What rounding leaves over
/// goes to Bahia, the largest of the others.
fn districts_of_state(state: &State) -> u32 {
    let known = |sigla| KNOWN_DISTRICTS.iter().find(|(known, _)| *known == sigla).map(|(_, count)| *count);
    if let Some(count) = known(state.sigla) {
        return count;
    }
    let rest = DISTRICTS - KNOWN_DISTRICTS.iter().map(|(_, count)| count).sum::<u32>();
    let others = || STATES.iter().filter(|other| known(other.sigla).is_none());
    let municipalities: u32 = others().map(|other| u32::from(other.municipalities)).sum();
    let share = |state: &State| u32::from(state.municipalities) * rest / municipalities;
    let left_over = rest - others().map(share).sum::<u32>();
    share(state) + if state.sigla == "BA" { left_over } else { 0 }
}

/// A municipality's code: state, four digits, and IBGE's check digit.
fn municipality_id(state: u32, number: u32) -> u32 {
    let six = state * 10_000 + number;
    six * 10 + check_digit(six)
}

/// The check digit of a six-digit municipality number: digits weigh 1 and 2 in turn, the digits of each product are
/// added, and the check digit fills the sum up to a multiple of ten. (IBGE's rule; a few old codes break it.)
pub(crate) fn check_digit(six: u32) -> u32 {
    let mut rest = six;
    let mut sum = 0;
    for weight in [2, 1, 2, 1, 2, 1] {
        let product = rest % 10 * weight;
        sum += product / 10 + product % 10;
        rest /= 10;
    }
    (10 - sum % 10) % 10
}

/// One row a district, in the order of codes.
impl Rows for Localities {
    const COLUMNS: &'static [Column] = &[
        Column::new("district_id", Kind::Int32),
        Column::new("district", Kind::Text),
        Column::new("municipality_id", Kind::Int32),
        Column::new("municipality", Kind::Text),
        Column::new("uf", Kind::Text),
        Column::new("state", Kind::Text),
        Column::new("region", Kind::Text),
    ];

    fn rows(&self, rows: Range<u64>, cells: &mut impl Cells) {
        for district in &self.districts[rows.start as usize..rows.end as usize] {
            let place = self.municipality_of(district);
            cells.integer(i64::from(district.id));
            cells.text(&district.nome);
            cells.integer(i64::from(place.id));
            cells.text(&place.nome);
            cells.word(place.state.sigla);
            cells.word(place.state.nome);
            cells.word(place.state.region().nome);
            cells.end();
        }
    }
}

#[cfg(test)]
mod tests;
