use std::collections::HashSet;

use serde_json::json;

use super::*;

fn map() -> Localities {
    Localities::new(42)
}

#[test]
fn the_tree_has_the_real_numbers() {
    let map = map();
    assert_eq!(map.municipalities().len(), 5_571);
    assert_eq!(map.districts().len(), DISTRICTS as usize);
    for state in &STATES {
        let places = map.municipalities_of(state);
        assert_eq!(places.len(), usize::from(state.municipalities), "{}", state.sigla);
        assert!(places.iter().all(|place| place.state == state));
    }
    let of = |sigla: &str| {
        map.districts().iter().filter(|district| map.municipality_of(district).state.sigla == sigla).count()
    };
    assert_eq!((of("MG"), of("RS"), of("SP"), of("DF")), (1_817, 1_254, 1_039, 1));
    let most = map.municipalities().iter().map(|place| map.districts_of(place).len()).max();
    assert_eq!(most, Some(96));
}

#[test]
fn codes_are_unique_in_order_and_carry_their_check_digit_and_their_parents() {
    let map = map();
    assert!(map.municipalities().is_sorted_by(|a, b| a.id < b.id));
    assert!(map.districts().is_sorted_by(|a, b| a.id < b.id));
    for place in map.municipalities() {
        assert_eq!(place.id / 100_000, u32::from(place.state.id));
        assert_eq!(place.id % 10, check_digit(place.id / 10), "{}", place.id);
        let districts = map.districts_of(place);
        assert_eq!(districts[0].nome, place.nome);
        assert!(districts.iter().all(|district| district.id / 100 == place.id));
        assert_eq!(map.municipality(place.id), Some(place));
    }
    let names: HashSet<_> = map.municipalities().iter().map(|place| (place.state.id, &place.nome)).collect();
    assert_eq!(names.len(), 5_571);
}

/// Real codes: Brasília, São Paulo, Porto Alegre, Belo Horizonte, Boa Esperança do Norte.
#[test]
fn check_digits_agree_with_real_codes() {
    for code in [5_300_108, 3_550_308, 4_314_902, 3_106_200, 5_101_837] {
        assert_eq!(check_digit(code / 10), code % 10, "{code}");
    }
}

#[test]
fn records_have_the_keys_and_the_nesting_of_the_public_api() {
    let map = map();
    let df = map.state("df").expect("a state");
    let uf = json!({"id": 53, "sigla": "DF", "nome": "Distrito Federal",
        "regiao": {"id": 5, "sigla": "CO", "nome": "Centro-Oeste"}});
    let brasilia = json!({"id": 5_300_108, "nome": "Brasília",
        "microrregiao": {"id": 53_001, "nome": "Brasília",
            "mesorregiao": {"id": 5_301, "nome": "Distrito Federal", "UF": uf}},
        "regiao-imediata": {"id": 530_001, "nome": "Distrito Federal",
            "regiao-intermediaria": {"id": 5_301, "nome": "Distrito Federal", "UF": uf}}});
    let place = &map.municipalities_of(df)[0];
    assert_eq!(serde_json::to_value(df.record()).expect("JSON"), uf);
    assert_eq!(serde_json::to_value(place.record()).expect("JSON"), brasilia);
    let district = &map.districts_of(place)[0];
    let expected = json!({"id": 530_010_805, "nome": "Brasília", "municipio": brasilia});
    assert_eq!(serde_json::to_value(district.record(&map)).expect("JSON"), expected);
    let flat = serde_json::to_value(district.flat(&map)).expect("JSON");
    assert_eq!(flat["municipio-id"], 5_300_108);
    assert_eq!(flat["UF-sigla"], "DF");
    assert_eq!(flat["regiao-imediata-nome"], "Distrito Federal");
}

#[test]
fn one_municipality_has_no_microregion_and_is_found_all_the_same() {
    let map = map();
    let without: Vec<_> = map
        .municipalities()
        .iter()
        .filter(|place| place.microrregiao.is_none())
        .map(|place| place.id)
        .collect();
    assert_eq!(without, [WITHOUT_MICROREGION]);
    let place = map.municipality(WITHOUT_MICROREGION).expect("it is there");
    assert_eq!(place.state.sigla, "MT");
    let record = serde_json::to_value(place.record()).expect("JSON");
    assert!(record["microrregiao"].is_null());
    assert_eq!(record["regiao-imediata"]["regiao-intermediaria"]["UF"]["sigla"], "MT");
}

#[test]
fn states_are_found_by_letters_and_by_code() {
    let map = map();
    assert_eq!(map.state("sp"), map.state("35"));
    assert_eq!(map.state("SP").map(|state| state.nome), Some("São Paulo"));
    assert!(map.state("XX").is_none() && map.state("99").is_none());
}

#[test]
fn another_seed_gives_other_names_and_the_same_codes() {
    let (one, two) = (Localities::new(1), Localities::new(2));
    assert!(one.municipalities().iter().zip(two.municipalities()).all(|(a, b)| a.id == b.id));
    let same = one.municipalities().iter().zip(two.municipalities()).filter(|(a, b)| a.nome == b.nome);
    assert!(same.count() < 600);
}
