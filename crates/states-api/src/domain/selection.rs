//! Which fields of the tree an answer has: `?fields=sigla,cities.nome,cities.districts`.

/// The fields that were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Those of each state.
    pub state: StateFields,
}

/// Fields of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields have the names of those that they choose")]
pub struct StateFields {
    pub id: bool,
    pub sigla: bool,
    pub nome: bool,
    pub regiao: bool,
    pub cities: Option<CityFields>,
}

/// Fields of a city.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields have the names of those that they choose")]
pub struct CityFields {
    pub id: bool,
    pub nome: bool,
    pub districts: Option<DistrictFields>,
}

/// Fields of a district.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields have the names of those that they choose")]
pub struct DistrictFields {
    pub id: bool,
    pub nome: bool,
}

/// A field that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField(pub String);

/// Every name that may be chosen; `cities` and `districts` alone mean everything below them.
const NAMES: &str = "id, sigla, nome, regiao, cities, cities.id, cities.nome, cities.districts, \
    cities.districts.id, cities.districts.nome";

impl DistrictFields {
    const ALL: Self = Self { id: true, nome: true };
}

impl CityFields {
    /// Everything.
    pub const ALL: Self = Self { id: true, nome: true, districts: Some(DistrictFields::ALL) };
}

impl Selection {
    /// Everything.
    pub const ALL: Self = Self {
        state: StateFields { id: true, sigla: true, nome: true, regiao: true, cities: Some(CityFields::ALL) },
    };

    /// The names that may be chosen, for an error.
    pub fn names() -> &'static str {
        NAMES
    }

    /// Reads names with commas between them.
    ///
    /// # Errors
    /// The first name that is none.
    pub fn parse(text: &str) -> Result<Self, UnknownField> {
        let mut state = StateFields::default();
        for name in text.split(',').map(str::trim) {
            let cities = || state.cities.unwrap_or_default();
            let districts = || cities().districts.unwrap_or_default();
            let with = |districts| Some(CityFields { districts: Some(districts), ..cities() });
            match name {
                "id" => state.id = true,
                "sigla" => state.sigla = true,
                "nome" => state.nome = true,
                "regiao" => state.regiao = true,
                "cities" => state.cities = Some(CityFields::ALL),
                "cities.id" => state.cities = Some(CityFields { id: true, ..cities() }),
                "cities.nome" => state.cities = Some(CityFields { nome: true, ..cities() }),
                "cities.districts" => state.cities = with(DistrictFields::ALL),
                "cities.districts.id" => state.cities = with(DistrictFields { id: true, ..districts() }),
                "cities.districts.nome" => state.cities = with(DistrictFields { nome: true, ..districts() }),
                unknown => return Err(UnknownField(unknown.to_owned())),
            }
        }
        Ok(Self { state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_chosen_by_name_and_add_up() {
        let selection = Selection::parse("sigla, cities.districts.nome,cities.nome").unwrap().state;
        let districts = Some(DistrictFields { id: false, nome: true });
        let cities = Some(CityFields { id: false, nome: true, districts });
        assert_eq!(selection, StateFields { sigla: true, cities, ..StateFields::default() });
        assert_eq!(Selection::parse("id,sigla,nome,regiao,cities"), Ok(Selection::ALL));
        assert_eq!(Selection::parse("cities.id,cities"), Selection::parse("cities"));
    }

    #[test]
    fn every_name_of_the_list_can_be_chosen_and_no_other() {
        for name in Selection::names().split(',').map(str::trim) {
            assert!(Selection::parse(name).is_ok(), "{name}");
        }
        for wrong in ["", "name", "cities.", "id,", "cities.districts.sigla"] {
            assert!(Selection::parse(wrong).is_err(), "{wrong}");
        }
    }
}
