//! Places as JSON, whole or with chosen fields. Keys stand in one order, so that equal answers are equal bytes.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::application::Found;
use crate::domain::{
    City, CityFields, Country, District, DistrictFields, Gap, Selection, State, StateFields, StateTree,
};

/// `{"states":[…],"errors":[…]}`
pub(super) struct CountryView<'a>(pub(super) &'a Country, pub(super) Selection);

/// `{"state":{…},"errors":[…]}`
pub(super) struct StateView<'a>(pub(super) &'a StateTree, pub(super) Selection);

/// `{"city":{…},"state":{…},"errors":[…]}`: the city with its districts, and the state above it.
pub(super) struct CityView<'a>(pub(super) &'a City, pub(super) &'a StateTree);

/// A state with what is below it.
struct TreeView<'a>(&'a StateTree, StateFields);

/// Something that is missing.
struct GapView<'a>(&'a Gap);

/// A place that was found.
struct FoundView<'a>(&'a Found);

/// `{"results":[…],"total":…,"errors":[…]}`
pub(super) struct FoundsView<'a, G> {
    pub(super) found: &'a [Found],
    pub(super) total: usize,
    pub(super) gaps: G,
}

/// A list of anything that can be shown.
struct List<I>(I);

struct StateHead<'a>(&'a State);
struct CityFieldsView<'a>(&'a City, CityFields);
struct DistrictView<'a>(&'a District, DistrictFields);

/// The bytes of an answer.
pub(super) fn bytes(view: &impl Serialize, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
    // Maps with text for keys always serialise, and a vector takes everything.
    let _ = serde_json::to_writer(&mut bytes, view);
    bytes
}

impl Serialize for CountryView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        let trees = self.0.states.iter().map(|tree| TreeView(tree, self.1.state));
        map.serialize_entry("states", &List(trees))?;
        map.serialize_entry("errors", &List(self.0.gaps().map(GapView)))?;
        map.end()
    }
}

impl Serialize for StateView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("state", &TreeView(self.0, self.1.state))?;
        map.serialize_entry("errors", &List(self.0.gaps.iter().map(GapView)))?;
        map.end()
    }
}

impl Serialize for CityView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("city", &CityFieldsView(self.0, CityFields::ALL))?;
        map.serialize_entry("state", &StateHead(&self.1.state))?;
        let gaps = self.1.gaps.iter().filter(|gap| gap.missing.city() == Some(self.0.id));
        map.serialize_entry("errors", &List(gaps.map(GapView)))?;
        map.end()
    }
}

impl Serialize for TreeView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(StateTree { state, cities, .. }, fields) = self;
        let mut map = serializer.serialize_map(None)?;
        if fields.id {
            map.serialize_entry("id", &state.id)?;
        }
        if fields.sigla {
            map.serialize_entry("sigla", state.sigla.as_str())?;
        }
        if fields.nome {
            map.serialize_entry("nome", &state.nome)?;
        }
        if fields.regiao {
            map.serialize_entry("regiao", &RegionView(state))?;
        }
        if let Some(fields) = fields.cities {
            let views = |cities| List(each(cities, move |city| CityFieldsView(city, fields)));
            map.serialize_entry("cities", &cities.as_deref().map(views))?;
        }
        map.end()
    }
}

struct RegionView<'a>(&'a State);

impl Serialize for RegionView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let region = &self.0.regiao;
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("id", &region.id)?;
        map.serialize_entry("sigla", &region.sigla)?;
        map.serialize_entry("nome", &region.nome)?;
        map.end()
    }
}

impl Serialize for StateHead<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("id", &self.0.id)?;
        map.serialize_entry("sigla", self.0.sigla.as_str())?;
        map.serialize_entry("nome", &self.0.nome)?;
        map.serialize_entry("regiao", &RegionView(self.0))?;
        map.end()
    }
}

impl Serialize for CityFieldsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(city, fields) = self;
        let mut map = serializer.serialize_map(None)?;
        if fields.id {
            map.serialize_entry("id", &city.id)?;
        }
        if fields.nome {
            map.serialize_entry("nome", &city.nome)?;
        }
        if let Some(fields) = fields.districts {
            let views = |districts| List(each(districts, move |district| DistrictView(district, fields)));
            map.serialize_entry("districts", &city.districts.as_deref().map(views))?;
        }
        map.end()
    }
}

impl Serialize for DistrictView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.1.id {
            map.serialize_entry("id", &self.0.id)?;
        }
        if self.1.nome {
            map.serialize_entry("nome", &self.0.nome)?;
        }
        map.end()
    }
}

impl Serialize for GapView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Gap { missing, why } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("missing", missing.what())?;
        map.serialize_entry("state", missing.state().as_str())?;
        if let Some(city) = missing.city() {
            map.serialize_entry("city", &city)?;
        }
        map.serialize_entry("class", why.class)?;
        map.serialize_entry("detail", &why.detail)?;
        map.end()
    }
}

impl<'a, G: Iterator<Item = &'a Gap> + Clone> Serialize for FoundsView<'a, G> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("results", &List(self.found.iter().map(FoundView)))?;
        map.serialize_entry("total", &self.total)?;
        map.serialize_entry("errors", &List(self.gaps.clone().map(GapView)))?;
        map.end()
    }
}

impl Serialize for FoundView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use crate::application::Kind;
        let found = self.0;
        let mut map = serializer.serialize_map(None)?;
        let kind = match found.kind {
            Kind::State => "state",
            Kind::City => "city",
            Kind::District => "district",
        };
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("id", &found.id)?;
        map.serialize_entry("nome", &found.nome)?;
        map.serialize_entry("uf", found.state.as_str())?;
        if let Some((id, nome)) = &found.city {
            map.serialize_entry("city", &Named { id: *id, nome })?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Named<'a> {
    id: u32,
    nome: &'a str,
}

/// Views of the things in a list.
fn each<'a, T, V>(things: &'a [T], view: impl Fn(&'a T) -> V + Clone) -> impl Iterator<Item = V> + Clone {
    things.iter().map(view)
}

impl<V: Serialize, I: Iterator<Item = V> + Clone> Serialize for List<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for view in self.0.clone() {
            list.serialize_element(&view)?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Code, Missing, Region, Why};

    fn country() -> Country {
        let regiao = Region { id: 5, sigla: "CO".into(), nome: "Centro-Oeste".into() };
        let sigla = Code::parse("DF").unwrap();
        let state = State { id: 53, sigla, nome: "Distrito Federal".into(), regiao };
        let district = District { id: 530_010_805, nome: "Brasília".into() };
        let city = City { id: 5_300_108, nome: "Brasília".into(), districts: Some(vec![district]) };
        let bare = City { id: 5_300_109, nome: "Aspas \"".into(), districts: None };
        let why = Why { class: "status", detail: "a 404".into() };
        let gaps = vec![Gap { missing: Missing::Districts { state: sigla, city: 5_300_109 }, why }];
        let tree = StateTree { state, cities: Some(vec![city, bare]), gaps };
        Country { states: vec![Arc::new(tree)] }
    }

    #[track_caller]
    fn check(fields: Option<&str>, expected: &str) {
        let selection = fields.map_or(Selection::ALL, |fields| Selection::parse(fields).unwrap());
        let errors = r#""errors":[{"missing":"districts","state":"DF","city":5300109,"class":"status","detail":"a 404"}]"#;
        let text = String::from_utf8(bytes(&CountryView(&country(), selection), 0)).unwrap();
        assert_eq!(text, format!("{{\"states\":[{expected}],{errors}}}"));
    }

    #[test]
    fn places_are_nested_and_what_is_missing_is_null_and_told() {
        check(
            None,
            r#"{"id":53,"sigla":"DF","nome":"Distrito Federal","regiao":{"id":5,"sigla":"CO","nome":"Centro-Oeste"},"cities":[{"id":5300108,"nome":"Brasília","districts":[{"id":530010805,"nome":"Brasília"}]},{"id":5300109,"nome":"Aspas \"","districts":null}]}"#,
        );
    }

    #[test]
    fn only_chosen_fields_are_there() {
        check(Some("sigla"), r#"{"sigla":"DF"}"#);
        check(
            Some("cities.districts.nome"),
            r#"{"cities":[{"districts":[{"nome":"Brasília"}]},{"districts":null}]}"#,
        );
    }
}
