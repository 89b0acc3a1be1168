//! Where a customer is, and how far from the nearest store.

use serde::{Deserialize, Serialize};

/// The mean radius of the earth in kilometres (IUGG).
const RADIUS_KM: f64 = 6_371.008_8;

/// A point on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Point,
}

/// The letters of a state and its capital, which stands for the places of the state: a postal code tells no more without
/// the Correios' own table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Two letters.
    pub uf: &'static str,
    /// The capital.
    pub capital: Point,
}

const fn state(uf: &'static str, latitude: f64, longitude: f64) -> State {
    State { uf, capital: Point { latitude, longitude } }
}

/// The states, with the coordinates of their capitals by IBGE, to about a kilometre.
pub const STATES: [State; 27] = [
    state("SP", -23.5505, -46.6333),
    state("RJ", -22.9068, -43.1729),
    state("ES", -20.3155, -40.3128),
    state("MG", -19.9167, -43.9345),
    state("BA", -12.9714, -38.5014),
    state("SE", -10.9472, -37.0731),
    state("PE", -8.0476, -34.8770),
    state("AL", -9.6658, -35.7350),
    state("PB", -7.1195, -34.8450),
    state("RN", -5.7945, -35.2110),
    state("CE", -3.7172, -38.5433),
    state("PI", -5.0892, -42.8019),
    state("MA", -2.5307, -44.3068),
    state("PA", -1.4558, -48.4902),
    state("AP", 0.0349, -51.0694),
    state("AM", -3.1190, -60.0217),
    state("RR", 2.8235, -60.6758),
    state("AC", -9.9754, -67.8249),
    state("DF", -15.7939, -47.8828),
    state("GO", -16.6869, -49.2648),
    state("RO", -8.7612, -63.9004),
    state("TO", -10.1840, -48.3336),
    state("MT", -15.6014, -56.0979),
    state("MS", -20.4697, -54.6201),
    state("PR", -25.4284, -49.2733),
    state("SC", -27.5954, -48.5480),
    state("RS", -30.0346, -51.2177),
];

/// The Correios' ranges: the first five digits from which on a postal code belongs to a state.
const RANGES: [(u32, &str); 30] = [
    (1_000, "SP"),
    (20_000, "RJ"),
    (29_000, "ES"),
    (30_000, "MG"),
    (40_000, "BA"),
    (49_000, "SE"),
    (50_000, "PE"),
    (57_000, "AL"),
    (58_000, "PB"),
    (59_000, "RN"),
    (60_000, "CE"),
    (64_000, "PI"),
    (65_000, "MA"),
    (66_000, "PA"),
    (68_900, "AP"),
    (69_000, "AM"),
    (69_300, "RR"),
    (69_400, "AM"),
    (69_900, "AC"),
    (70_000, "DF"),
    (72_800, "GO"),
    (73_000, "DF"),
    (73_700, "GO"),
    (76_800, "RO"),
    (77_000, "TO"),
    (78_000, "MT"),
    (79_000, "MS"),
    (80_000, "PR"),
    (88_000, "SC"),
    (90_000, "RS"),
];

/// The number in [`STATES`] of the state to which a postal code belongs, by its first five digits from 01000 on.
pub fn state_of(sector: u32) -> usize {
    let range = RANGES.partition_point(|(from, _)| *from <= sector).saturating_sub(1);
    STATES.iter().position(|state| state.uf == RANGES[range].1).unwrap_or_default()
}

/// The distance along the surface in kilometres, by the haversine formula (R. W. Sinnott, Virtues of the haversine, 1984).
pub fn distance_km(one: Point, two: Point) -> f64 {
    let (from, to) = (one.latitude.to_radians(), two.latitude.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin();
    let chord = half(two.latitude - one.latitude).powi(2)
        + from.cos() * to.cos() * half(two.longitude - one.longitude).powi(2);
    2.0 * RADIUS_KM * chord.sqrt().min(1.0).asin()
}

/// The number of the nearest store, of equals the first, and its distance in kilometres with one digit behind the point.
pub fn nearest(place: Point, stores: &[Store]) -> (usize, f64) {
    let mut found = (0, f64::INFINITY);
    for (number, store) in stores.iter().enumerate() {
        let distance = distance_km(place, store.place);
        if distance < found.1 {
            found = (number, distance);
        }
    }
    (found.0, (found.1 * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_maps() {
        // São Paulo to Rio de Janeiro is 361 km and to Manaus 2 689 km as the crow flies.
        let of = |uf| STATES.iter().find(|state| state.uf == uf).unwrap().capital;
        assert!((distance_km(of("SP"), of("RJ")) - 361.0).abs() < 2.0);
        assert!((distance_km(of("SP"), of("AM")) - 2_689.0).abs() < 5.0);
        let half_way_round =
            (Point { latitude: 0.0, longitude: 0.0 }, Point { latitude: 0.0, longitude: 180.0 });
        assert!((distance_km(half_way_round.0, half_way_round.1) - 20_015.1).abs() < 0.1);
    }

    #[test]
    fn a_postal_code_belongs_to_its_state() {
        let uf = |sector| STATES[state_of(sector)].uf;
        for (sector, expected) in [
            (1_000, "SP"),
            (19_999, "SP"),
            (20_040, "RJ"),
            (69_301, "RR"),
            (69_400, "AM"),
            (72_850, "GO"),
            (73_015, "DF"),
            (99_999, "RS"),
        ] {
            assert_eq!(uf(sector), expected, "{sector}");
        }
        assert!(RANGES.is_sorted_by_key(|range| range.0));
        assert!(RANGES.iter().all(|(_, uf)| STATES.iter().any(|state| state.uf == *uf)));
    }
}
