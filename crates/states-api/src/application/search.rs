//! Finding places by name, however it is typed.

use std::sync::Arc;

use crate::domain::{Code, Country, Match, StateTree, fold, matches};

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A state.
    State,
    /// A city.
    City,
    /// A district.
    District,
}

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// A part of the name, folded.
    pub text: String,
    /// Only this.
    pub kind: Option<Kind>,
    /// Only there.
    pub state: Option<Code>,
    /// The most that are wanted.
    pub limit: usize,
}

/// A place that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its code.
    pub id: u32,
    /// Its name.
    pub nome: Box<str>,
    /// The state that it is or lies in.
    pub state: Code,
    /// The city that a district lies in: code and name.
    pub city: Option<(u32, Box<str>)>,
}

/// All names of a country, folded once.
#[derive(Debug)]
pub struct Index {
    states: Vec<Arc<StateTree>>,
    /// In the order of the tree.
    names: Vec<Name>,
}

#[derive(Debug)]
struct Name {
    folded: Box<str>,
    state: usize,
    city: Option<usize>,
    district: Option<usize>,
}

impl Name {
    fn kind(&self) -> Kind {
        match (self.city, self.district) {
            (None, _) => Kind::State,
            (_, None) => Kind::City,
            _ => Kind::District,
        }
    }
}

impl Index {
    /// The names of a country, as far as they are known.
    pub fn of(country: &Country) -> Self {
        let mut names = Vec::new();
        for (state, tree) in country.states.iter().enumerate() {
            let mut add = |nome: &str, city, district| {
                names.push(Name { folded: fold(nome).into(), state, city, district });
            };
            add(&tree.state.nome, None, None);
            for (number, city) in tree.cities.iter().flatten().enumerate() {
                add(&city.nome, Some(number), None);
                for (district, place) in city.districts.iter().flatten().enumerate() {
                    add(&place.nome, Some(number), Some(district));
                }
            }
        }
        Self { states: country.states.clone(), names }
    }

    /// The best matches, and how many there are in all. Better matches come first, then larger places, then names.
    pub fn find(&self, question: &Question) -> (Vec<Found>, usize) {
        let wanted = |name: &&Name| {
            question.kind.is_none_or(|kind| kind == name.kind())
                && question.state.is_none_or(|state| state == self.states[name.state].state.sigla)
        };
        let mut found: Vec<(Match, Kind, &Name)> = self
            .names
            .iter()
            .filter(wanted)
            .filter_map(|name| Some((matches(&name.folded, &question.text)?, name.kind(), name)))
            .collect();
        // A stable sort: places that are equal in all of it keep the order of their codes.
        found.sort_by(|one, two| (one.0, one.1, &one.2.folded).cmp(&(two.0, two.1, &two.2.folded)));
        let total = found.len();
        (
            found
                .into_iter()
                .take(question.limit)
                .filter_map(|(_, kind, name)| self.place(kind, name))
                .collect(),
            total,
        )
    }

    fn place(&self, kind: Kind, name: &Name) -> Option<Found> {
        let tree = &self.states[name.state];
        let state = tree.state.sigla;
        let Some(city) = name.city else {
            return Some(Found { kind, id: tree.state.id, nome: tree.state.nome.clone(), state, city: None });
        };
        let city = tree.cities.as_ref()?.get(city)?;
        let Some(district) = name.district else {
            return Some(Found { kind, id: city.id, nome: city.nome.clone(), state, city: None });
        };
        let district = city.districts.as_ref()?.get(district)?;
        let city = Some((city.id, city.nome.clone()));
        Some(Found { kind, id: district.id, nome: district.nome.clone(), state, city })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{City, District, Region, State};

    /// A city and its districts: codes and names.
    type Row<'a> = (u32, &'a str, &'a [(u32, &'a str)]);

    fn country() -> Country {
        let tree = |id, sigla, cities: &[Row<'_>]| {
            let regiao = Region { id: 1, sigla: "N".into(), nome: "Norte".into() };
            let sigla = Code::parse(sigla).unwrap();
            let state = State { id, sigla, nome: "São Paulo".into(), regiao };
            let city = |(id, nome, districts): &Row<'_>| City {
                id: *id,
                nome: (*nome).into(),
                districts: Some(
                    districts.iter().map(|(id, nome)| District { id: *id, nome: (*nome).into() }).collect(),
                ),
            };
            Arc::new(StateTree { state, cities: Some(cities.iter().map(city).collect()), gaps: Vec::new() })
        };
        let sp = tree(
            35,
            "SP",
            &[
                (3_550_308, "São Paulo", &[(355_030_801, "Sé"), (355_030_802, "São Paulo")]),
                (3_549_904, "São José dos Campos", &[(354_990_405, "Eugênio de Melo")]),
            ],
        );
        let rs = tree(43, "RS", &[(4_318_705, "Pau-Brasil", &[(431_870_505, "Vila São Paulo")])]);
        Country { states: vec![sp, rs] }
    }

    #[track_caller]
    fn check(text: &str, kind: Option<Kind>, limit: usize, expected: &[u32], total: usize) {
        let question = Question { text: fold(text), kind, state: None, limit };
        let (found, all) = Index::of(&country()).find(&question);
        let found: Vec<u32> = found.iter().map(|found| found.id).collect();
        assert_eq!((found.as_slice(), all), (expected, total), "{text}");
    }

    #[test]
    fn the_best_match_comes_first_and_the_largest_place_of_those() {
        check("sao paulo", None, 10, &[35, 43, 3_550_308, 355_030_802, 431_870_505], 5);
        check("SÃO PAULO", Some(Kind::City), 10, &[3_550_308], 1);
        check("pau", None, 10, &[4_318_705, 35, 43, 3_550_308, 355_030_802, 431_870_505], 6);
        check("sao", None, 3, &[35, 43, 3_549_904], 6);
        check("atlantis", None, 10, &[], 0);
    }

    #[test]
    fn a_district_tells_its_city_and_its_state() {
        let question =
            Question { text: "se".into(), kind: Some(Kind::District), state: Code::parse("SP"), limit: 1 };
        let (found, _) = Index::of(&country()).find(&question);
        assert_eq!(found[0].city, Some((3_550_308, "São Paulo".into())));
        assert_eq!(found[0].state, Code::parse("SP").unwrap());
    }
}
