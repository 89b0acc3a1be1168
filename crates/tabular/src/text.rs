//! Letters of Portuguese and its neighbours, with and without their accents.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The plain letter under an accent; every other character as it is. Capital letters stay capital.
pub fn plain_letter(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' => 'O',
        'Ù'..='Ü' => 'U',
        'Ý' => 'Y',
        other => other,
    }
}

/// Appends the text in Unicode's normal form C: a letter and its accent are one character where there is one.
pub fn push_composed(text: &str, out: &mut String) {
    // Nearly all texts are in that form, and most of what they are made of comes before all accents that stand alone.
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        out.push_str(text);
    } else {
        out.extend(text.nfc());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_and_its_accent_become_one_and_lose_it() {
        let mut composed = String::new();
        push_composed("Joa\u{303}o da Conceic\u{327}a\u{303}o", &mut composed);
        assert_eq!(composed, "João da Conceição");
        assert_eq!(composed.chars().map(plain_letter).collect::<String>(), "Joao da Conceicao");
        assert_eq!("ÁÉÍÓÚ Ñ ß ø".chars().map(plain_letter).collect::<String>(), "AEIOU N ß ø");
    }
}
