//! The numbers that Brazilian registers give to people, companies, places and things, and their check digits.
//!
//! Sources: the Receita Federal's rules for CPF (nine digits, two check digits modulo 11) and CNPJ (twelve characters,
//! two check digits modulo 11; letters since 2026, valued by their ASCII code less 48), Anatel's table of area codes
//! (DDD), the Correios' table of postal-code ranges (CEP), and GS1's rule for EAN-13.

/// The two check digits of a CPF's first nine digits.
pub fn cpf_check(nine: &[u8; 9]) -> [u8; 2] {
    let weighted = |digits: &[u8], first: u32| {
        digits.iter().zip((2..=first).rev()).map(|(d, w)| u32::from(*d) * w).sum()
    };
    let first = modulo_11(weighted(nine, 10));
    let mut ten = [0; 10];
    ten[..9].copy_from_slice(nine);
    ten[9] = first;
    [first, modulo_11(weighted(&ten, 11))]
}

/// The two check digits of a CNPJ's first twelve characters, given as values: digits as themselves, letters as their
/// ASCII code less 48.
pub fn cnpj_check(twelve: &[u8; 12]) -> [u8; 2] {
    // Weights run 2 to 9 from the right, over and over.
    let weighted =
        |values: &[u8]| values.iter().rev().zip((2..=9).cycle()).map(|(v, w)| u32::from(*v) * w).sum();
    let first = modulo_11(weighted(twelve));
    let mut thirteen = [0; 13];
    thirteen[..12].copy_from_slice(twelve);
    thirteen[12] = first;
    [first, modulo_11(weighted(&thirteen))]
}

/// Eleven less the remainder, and 0 for what has no digit.
fn modulo_11(sum: u32) -> u8 {
    match sum % 11 {
        0 | 1 => 0,
        rest => (11 - rest) as u8,
    }
}

/// The check digit of an EAN-13's first twelve digits: odd places weigh 1, even places 3.
pub fn ean_check(twelve: &[u8; 12]) -> u8 {
    let sum: u32 =
        twelve.iter().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    ((10 - sum % 10) % 10) as u8
}

/// What registers know of a state.
#[derive(Debug, Clone, Copy)]
pub struct Register {
    /// The state's letters.
    pub uf: &'static str,
    /// The ninth digit of a CPF: the fiscal region that issued it.
    pub fiscal_region: u8,
    /// Area codes.
    pub ddds: &'static [u8],
    /// Ranges of the first five digits of postal codes, both ends included.
    pub ceps: &'static [(u32, u32)],
}

const fn register(
    uf: &'static str,
    fiscal_region: u8,
    ddds: &'static [u8],
    ceps: &'static [(u32, u32)],
) -> Register {
    Register { uf, fiscal_region, ddds, ceps }
}

/// All states, in the order of [`crate::states::STATES`].
pub const REGISTERS: [Register; 27] = [
    register("RO", 2, &[69], &[(76_800, 76_999)]),
    register("AC", 2, &[68], &[(69_900, 69_999)]),
    register("AM", 2, &[92, 97], &[(69_000, 69_299), (69_400, 69_899)]),
    register("RR", 2, &[95], &[(69_300, 69_399)]),
    register("PA", 2, &[91, 93, 94], &[(66_000, 68_899)]),
    register("AP", 2, &[96], &[(68_900, 68_999)]),
    register("TO", 1, &[63], &[(77_000, 77_999)]),
    register("MA", 3, &[98, 99], &[(65_000, 65_999)]),
    register("PI", 3, &[86, 89], &[(64_000, 64_999)]),
    register("CE", 3, &[85, 88], &[(60_000, 63_999)]),
    register("RN", 4, &[84], &[(59_000, 59_999)]),
    register("PB", 4, &[83], &[(58_000, 58_999)]),
    register("PE", 4, &[81, 87], &[(50_000, 56_999)]),
    register("AL", 4, &[82], &[(57_000, 57_999)]),
    register("SE", 5, &[79], &[(49_000, 49_999)]),
    register("BA", 5, &[71, 73, 74, 75, 77], &[(40_000, 48_999)]),
    register("MG", 6, &[31, 32, 33, 34, 35, 37, 38], &[(30_000, 39_999)]),
    register("ES", 7, &[27, 28], &[(29_000, 29_999)]),
    register("RJ", 7, &[21, 22, 24], &[(20_000, 28_999)]),
    register("SP", 8, &[11, 12, 13, 14, 15, 16, 17, 18, 19], &[(1_000, 19_999)]),
    register("PR", 9, &[41, 42, 43, 44, 45, 46], &[(80_000, 87_999)]),
    register("SC", 9, &[47, 48, 49], &[(88_000, 89_999)]),
    register("RS", 0, &[51, 53, 54, 55], &[(90_000, 99_999)]),
    register("MS", 1, &[67], &[(79_000, 79_999)]),
    register("MT", 1, &[65, 66], &[(78_000, 78_899)]),
    register("GO", 1, &[62, 64], &[(72_800, 72_999), (73_700, 76_799)]),
    register("DF", 1, &[61], &[(70_000, 72_799), (73_000, 73_699)]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::states::STATES;

    fn values<const N: usize>(text: &str) -> [u8; N] {
        let mut values = [0; N];
        values.iter_mut().zip(text.bytes()).for_each(|(value, byte)| *value = byte - b'0');
        values
    }

    /// The worked example of most explanations, and numbers that were published as examples.
    #[test]
    fn cpf_digits_agree_with_published_examples() {
        for (nine, check) in [("111444777", [3, 5]), ("529982247", [2, 5]), ("123456789", [0, 9])] {
            assert_eq!(cpf_check(&values(nine)), check, "{nine}");
        }
    }

    /// Banco do Brasil's number, the worked example 11.222.333/0001-81, and the Receita's example with letters,
    /// 12.ABC.345/01DE-35.
    #[test]
    fn cnpj_digits_agree_with_published_examples() {
        for (twelve, check) in [("000000000001", [9, 1]), ("112223330001", [8, 1]), ("12ABC34501DE", [3, 5])]
        {
            assert_eq!(cnpj_check(&values(twelve)), check, "{twelve}");
        }
    }

    #[test]
    fn ean_digits_agree_with_a_published_example() {
        assert_eq!(ean_check(&values("789100031550")), 7);
        assert_eq!(ean_check(&values("400638133393")), 1);
    }

    /// Anatel's plan has 67 area codes, and each belongs to one state (61 is shared with a strip of Goiás).
    #[test]
    fn area_codes_and_postal_ranges_are_disjoint_and_complete() {
        assert!(REGISTERS.iter().zip(&STATES).all(|(register, state)| register.uf == state.sigla));
        let mut ddds: Vec<u8> = REGISTERS.iter().flat_map(|register| register.ddds).copied().collect();
        ddds.sort_unstable();
        ddds.dedup();
        assert_eq!(ddds.len(), 67);
        let mut ceps: Vec<(u32, u32)> =
            REGISTERS.iter().flat_map(|register| register.ceps).copied().collect();
        ceps.sort_unstable();
        // 78900 to 78999 was Rondônia's until it moved, and is nobody's now.
        let gap = |end: u32| if end == 78_899 { 100 } else { 0 };
        assert!(ceps.windows(2).all(|pair| pair[0].1 + 1 + gap(pair[0].1) == pair[1].0), "{ceps:?}");
        assert_eq!((ceps[0].0, ceps[ceps.len() - 1].1), (1_000, 99_999));
    }
}
