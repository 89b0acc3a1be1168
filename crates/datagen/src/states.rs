//! The 27 federative units of Brazil: codes, names and regions by IBGE, population by the census of 2022, telephone
//! codes by Anatel, and postal-code ranges by Correios.

use std::sync::LazyLock;

use crate::alias::Alias;

/// One of the five regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Region {
    /// IBGE's number, 1 to 5.
    pub id: u8,
    /// `N`, `NE`, `SE`, `S` or `CO`.
    pub sigla: &'static str,
    /// The region's name in Portuguese.
    pub nome: &'static str,
}

/// The five regions by IBGE's number, from 1.
pub const REGIONS: [Region; 5] = [
    Region { id: 1, sigla: "N", nome: "Norte" },
    Region { id: 2, sigla: "NE", nome: "Nordeste" },
    Region { id: 3, sigla: "SE", nome: "Sudeste" },
    Region { id: 4, sigla: "S", nome: "Sul" },
    Region { id: 5, sigla: "CO", nome: "Centro-Oeste" },
];

/// A federative unit: one of the 26 states or the federal district.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// IBGE's two-digit code; its first digit is the region.
    pub id: u8,
    /// The two letters that everybody uses, such as `SP`.
    pub sigla: &'static str,
    /// The name in Portuguese.
    pub nome: &'static str,
    /// Residents counted by the census of 2022.
    pub population: u64,
    /// Municipalities, 5,571 in all since 2025.
    pub municipalities: u16,
}

impl State {
    /// The state's region.
    pub fn region(&self) -> &'static Region {
        &REGIONS[usize::from(self.id / 10) - 1]
    }
}

/// A row of [`STATES`].
const fn state(
    id: u8,
    sigla: &'static str,
    nome: &'static str,
    population: u64,
    municipalities: u16,
) -> State {
    State { id, sigla, nome, population, municipalities }
}

/// All states, in the order of their codes.
pub const STATES: [State; 27] = [
    state(11, "RO", "Rondônia", 1_581_196, 52),
    state(12, "AC", "Acre", 830_018, 22),
    state(13, "AM", "Amazonas", 3_941_613, 62),
    state(14, "RR", "Roraima", 636_707, 15),
    state(15, "PA", "Pará", 8_120_131, 144),
    state(16, "AP", "Amapá", 733_759, 16),
    state(17, "TO", "Tocantins", 1_511_460, 139),
    state(21, "MA", "Maranhão", 6_776_699, 217),
    state(22, "PI", "Piauí", 3_271_199, 224),
    state(23, "CE", "Ceará", 8_794_957, 184),
    state(24, "RN", "Rio Grande do Norte", 3_302_729, 167),
    state(25, "PB", "Paraíba", 3_974_687, 223),
    state(26, "PE", "Pernambuco", 9_058_931, 185),
    state(27, "AL", "Alagoas", 3_127_683, 102),
    state(28, "SE", "Sergipe", 2_210_004, 75),
    state(29, "BA", "Bahia", 14_141_626, 417),
    state(31, "MG", "Minas Gerais", 20_539_989, 853),
    state(32, "ES", "Espírito Santo", 3_833_712, 78),
    state(33, "RJ", "Rio de Janeiro", 16_055_174, 92),
    state(35, "SP", "São Paulo", 44_411_238, 645),
    state(41, "PR", "Paraná", 11_444_380, 399),
    state(42, "SC", "Santa Catarina", 7_610_361, 295),
    state(43, "RS", "Rio Grande do Sul", 10_882_965, 497),
    state(50, "MS", "Mato Grosso do Sul", 2_757_013, 79),
    state(51, "MT", "Mato Grosso", 3_658_649, 142),
    state(52, "GO", "Goiás", 7_056_495, 246),
    state(53, "DF", "Distrito Federal", 2_817_381, 1),
];

/// Draws an index into [`STATES`] with the shares of the population.
pub static BY_POPULATION: LazyLock<Alias> =
    LazyLock::new(|| Alias::new(&STATES.map(|state| state.population)));

#[cfg(test)]
mod tests {
    use super::*;

    /// The totals were published with the figures: 203,080,756 residents and 5,571 municipalities.
    #[test]
    fn the_states_add_up_to_the_published_totals() {
        assert_eq!(STATES.iter().map(|state| state.population).sum::<u64>(), 203_080_756);
        assert_eq!(STATES.iter().map(|state| u32::from(state.municipalities)).sum::<u32>(), 5_571);
        assert!(STATES.is_sorted_by_key(|state| state.id));
    }

    #[test]
    fn a_state_lies_in_the_region_of_its_first_digit() {
        let region =
            |sigla| STATES.iter().find(|state| state.sigla == sigla).map(|state| state.region().sigla);
        assert_eq!(region("RO"), Some("N"));
        assert_eq!(region("BA"), Some("NE"));
        assert_eq!(region("SP"), Some("SE"));
        assert_eq!(region("RS"), Some("S"));
        assert_eq!(region("DF"), Some("CO"));
    }
}
