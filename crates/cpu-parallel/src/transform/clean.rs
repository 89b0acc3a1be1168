//! What is right of a name, a document, a telephone number and a postal code, and how it is written.
//!
//! Each function appends to a text that its caller keeps, so that a caller who wants to allocates nothing.

use tabular::text::{plain_letter, push_composed};

/// Why a value is none.
pub type Fault = &'static str;

/// Words of a Brazilian name that are written small, unless they come first.
const PARTICLES: [&str; 6] = ["da", "de", "do", "das", "dos", "e"];

/// Appends a name as it is written: composed letters, single spaces, capitals where a word or a part of one begins, particles
/// small. `  JOÃO   DA silva-d'ávila ` is `João da Silva-D'Ávila`.
///
/// # Errors
/// A name without a letter.
pub fn name(text: &str, scratch: &mut String, out: &mut String) -> Result<(), Fault> {
    scratch.clear();
    push_composed(text, scratch);
    let start = out.len();
    for word in scratch.split_whitespace() {
        if out.len() > start {
            out.push(' ');
        }
        let from = out.len();
        let mut begins = true;
        for letter in word.chars() {
            if begins {
                out.extend(letter.to_uppercase());
            } else {
                out.extend(letter.to_lowercase());
            }
            begins = matches!(letter, '-' | '\'' | '’' | '.' | '&');
        }
        if from > start {
            let is_particle = PARTICLES.iter().any(|particle| out[from..].eq_ignore_ascii_case(particle));
            if is_particle {
                out[from..].make_ascii_lowercase();
            }
        }
    }
    if out[start..].chars().any(char::is_alphabetic) { Ok(()) } else { Err("a name needs a letter") }
}

/// Appends what two spellings of a name have in common: small letters and digits without accents, words apart.
pub fn folded(name: &str, out: &mut String) {
    for letter in name.chars().flat_map(char::to_lowercase).map(plain_letter) {
        if letter.is_alphanumeric() || letter == ' ' {
            out.push(letter);
        }
    }
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Of a person: nine digits and two that check them.
    Cpf,
    /// Of a company: twelve digits, or since July 2026 capital letters as well, and two digits that check them.
    Cnpj,
}

impl Document {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpf => "cpf",
            Self::Cnpj => "cnpj",
        }
    }
}

/// Appends the characters of a CPF or a CNPJ without its marks, and says which it is.
///
/// The check digits are those of the Receita Federal: weighted sums modulo 11. A character counts its ASCII code less 48,
/// so that a digit counts itself and `A` counts 17 (Instrução Normativa RFB 2.229/2024, in force since July 2026).
///
/// # Errors
/// A wrong length, a character that has no place, the same digit all over, or a check digit that is wrong.
pub fn document(text: &str, out: &mut String) -> Result<Document, Fault> {
    let mut values = [0_u8; 14];
    let mut length = 0;
    for byte in text.bytes() {
        match byte {
            b'.' | b'-' | b'/' | b' ' => {}
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' if length < 14 => {
                values[length] = byte.to_ascii_uppercase() - b'0';
                length += 1;
            }
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => return Err("a document has 11 or 14 characters"),
            _ => return Err("a document has digits, capital letters and . - / only"),
        }
    }
    let kind = match length {
        11 => Document::Cpf,
        14 => Document::Cnpj,
        _ => return Err("a document has 11 or 14 characters"),
    };
    let values = &values[..length];
    let (body, check) = values.split_at(length - 2);
    if check.iter().any(|value| *value > 9) || (kind == Document::Cpf && body.iter().any(|value| *value > 9))
    {
        return Err("a letter stands where only a digit can");
    }
    if values.iter().all(|value| *value == values[0]) {
        return Err("the same digit all over is nobody's document");
    }
    let heaviest = if kind == Document::Cpf { 11 } else { 9 };
    let first = check_digit(body.iter().copied(), heaviest);
    let second = check_digit(body.iter().copied().chain([first]), heaviest);
    if check != [first, second] {
        return Err("the check digits are wrong");
    }
    out.extend(values.iter().map(|value| char::from(value + b'0')));
    Ok(kind)
}

/// Weights run from 2 at the right to `heaviest`, over and over.
fn check_digit(values: impl DoubleEndedIterator<Item = u8>, heaviest: u32) -> u8 {
    let weights = (2..=heaviest).cycle();
    let sum: u32 = values.rev().zip(weights).map(|(value, weight)| u32::from(value) * weight).sum();
    match sum % 11 {
        0 | 1 => 0,
        rest => u8::try_from(11 - rest).unwrap_or_default(),
    }
}

/// Appends a telephone number as E.164 has it, `+5511912345678`.
///
/// # Errors
/// What is no Brazilian number: two digits of the area, none of them 0, and eight digits, or nine that begin with 9.
pub fn phone(text: &str, out: &mut String) -> Result<(), Fault> {
    let mut digits = [0_u8; 14];
    let mut length = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if length < digits.len() => {
                digits[length] = byte;
                length += 1;
            }
            b'0'..=b'9' => return Err("a telephone number has 10 or 11 digits"),
            b'(' | b')' | b'-' | b'+' | b'.' | b' ' => {}
            _ => return Err("a telephone number has digits and ( ) + - . only"),
        }
    }
    let mut digits = &digits[..length];
    if digits.len() >= 12 && digits.starts_with(b"55") {
        digits = &digits[2..];
    }
    if digits.len() > 10 && digits[0] == b'0' {
        digits = &digits[1..];
    }
    let is_right = match digits {
        [one, two, b'9', _, rest @ ..] if rest.len() == 7 => *one != b'0' && *two != b'0',
        [one, two, b'2'..=b'9', rest @ ..] if rest.len() == 7 => *one != b'0' && *two != b'0',
        _ => return Err("a telephone number has its area and 8 digits, or 9 that begin with 9"),
    };
    if !is_right {
        return Err("there is no such area");
    }
    out.push_str("+55");
    out.extend(digits.iter().map(|digit| char::from(*digit)));
    Ok(())
}

/// Appends a postal code as `01310-100`, and returns its first five digits as a number.
///
/// # Errors
/// What has not eight digits, or is below 01000.
pub fn cep(text: &str, out: &mut String) -> Result<u32, Fault> {
    let mut digits = [0_u8; 8];
    let mut length = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if length < 8 => {
                digits[length] = byte;
                length += 1;
            }
            b'-' | b'.' | b' ' => {}
            _ => return Err("a CEP has eight digits"),
        }
    }
    if length != 8 {
        return Err("a CEP has eight digits");
    }
    let sector = digits[..5].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    if sector < 1_000 {
        return Err("no CEP begins with 00");
    }
    out.extend(digits[..5].iter().map(|digit| char::from(*digit)));
    out.push('-');
    out.extend(digits[5..].iter().map(|digit| char::from(*digit)));
    Ok(sector)
}

/// What a note is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Words.
    pub words: i32,
    /// Characters.
    pub characters: i32,
    /// Digits.
    pub digits: i32,
    /// Exclamation marks and words all in capitals of three letters or more.
    pub shouts: i32,
    /// Whether it says that something is urgent.
    pub urgent: bool,
}

/// Words that say that something is urgent, without accents.
const URGENT: [&str; 4] = ["urgente", "urgencia", "rapido", "imediato"];

/// The features of a note.
pub fn features(note: &str, scratch: &mut String) -> Features {
    let mut found = Features::default();
    for word in note.split_whitespace() {
        found.words += 1;
        scratch.clear();
        let (mut letters, mut capitals) = (0, 0);
        for letter in word.chars() {
            found.digits += i32::from(letter.is_ascii_digit());
            found.shouts += i32::from(letter == '!');
            if letter.is_alphabetic() {
                letters += 1;
                capitals += i32::from(letter.is_uppercase());
                scratch.extend(letter.to_lowercase().map(plain_letter));
            }
        }
        found.shouts += i32::from(letters >= 3 && capitals == letters);
        found.urgent |= URGENT.contains(&scratch.as_str());
    }
    found.characters = i32::try_from(note.chars().count()).unwrap_or(i32::MAX);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_written_as_its_owner_would() {
        let check = |text: &str, expected: Result<&str, Fault>| {
            let (mut scratch, mut out) = (String::new(), String::new());
            assert_eq!(name(text, &mut scratch, &mut out).map(|()| out.as_str()), expected, "{text}");
        };
        check("  JOÃO   DA silva-d'ávila ", Ok("João da Silva-D'Ávila"));
        check("maria DOS santos E souza", Ok("Maria dos Santos e Souza"));
        check("DE PAULA joa\u{303}o", Ok("De Paula João"));
        check("ÉRICA", Ok("Érica"));
        check("silva & costa ltda", Ok("Silva & Costa Ltda"));
        check(" 123 ", Err("a name needs a letter"));
        let mut out = String::new();
        folded("João da Silva-D'Ávila", &mut out);
        assert_eq!(out, "joao da silvadavila");
    }

    #[test]
    fn documents_are_checked_digit_by_digit() {
        let check = |text: &str, expected: Result<Document, Fault>| {
            assert_eq!(document(text, &mut String::new()), expected, "{text}");
        };
        // The worked examples of most explanations, and the Receita Federal's own of a CNPJ with letters.
        check("111.444.777-35", Ok(Document::Cpf));
        check("52998224725", Ok(Document::Cpf));
        check("11.222.333/0001-81", Ok(Document::Cnpj));
        check("12.ABC.345/01DE-35", Ok(Document::Cnpj));
        check("12abc34501de35", Ok(Document::Cnpj));
        check("12.ABC.345/01DE-36", Err("the check digits are wrong"));
        check("12.ABC.345/01DE-3A", Err("a letter stands where only a digit can"));
        check("111.444.777-36", Err("the check digits are wrong"));
        check("111.111.111-11", Err("the same digit all over is nobody's document"));
        check("1114447773A", Err("a letter stands where only a digit can"));
        check("111.444.777", Err("a document has 11 or 14 characters"));
        check("111.444.777_35", Err("a document has digits, capital letters and . - / only"));
    }

    #[test]
    fn telephone_numbers_and_postal_codes_are_written_one_way() {
        let phone_of = |text: &str| {
            let mut out = String::new();
            phone(text, &mut out).map(|()| out)
        };
        for text in ["(11) 91234-5678", "11912345678", "+55 11 91234-5678", "011 91234.5678"] {
            assert_eq!(phone_of(text).as_deref(), Ok("+5511912345678"), "{text}");
        }
        assert_eq!(phone_of("(11) 3123-4567").as_deref(), Ok("+551131234567"));
        for text in ["1234", "(01) 91234-5678", "(11) 81234-5678", "(11) 1123-4567", "11 9123x5678", ""] {
            assert!(phone_of(text).is_err(), "{text}");
        }
        let mut out = String::new();
        assert_eq!((cep("01310100", &mut out), out.as_str()), (Ok(1_310), "01310-100"));
        for text in ["0131010", "013101000", "00999-999", "0131o-100"] {
            assert!(cep(text, &mut String::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_note_is_counted() {
        let found = features("Pedido URGÊNTE! Ligar 2 vezes\nRápido", &mut String::new());
        assert_eq!(found, Features { words: 6, characters: 36, digits: 1, shouts: 2, urgent: true });
        assert_eq!(features("", &mut String::new()), Features::default());
    }

    proptest! {
        #[test]
        fn a_name_that_was_normalised_stays_as_it_is(text in "[a-zA-Zà-üÀ-Ü '\u{303}-]{1,30}") {
            let (mut scratch, mut once, mut twice) = (String::new(), String::new(), String::new());
            if name(&text, &mut scratch, &mut once).is_ok() {
                name(&once, &mut scratch, &mut twice).unwrap();
                prop_assert_eq!(&once, &twice);
            }
        }

        // Not every wrong digit can be found: the remainders 0 and 1 both make the check digit 0.
        #[test]
        fn of_a_hundred_endings_one_is_right(digits in "[0-9]{9}|[0-9A-Z]{12}") {
            prop_assume!(digits.bytes().any(|digit| digit != digits.as_bytes()[0]));
            let is_right = |ending: &u8| document(&format!("{digits}{ending:02}"), &mut String::new()).is_ok();
            prop_assert_eq!((0..100_u8).filter(is_right).count(), 1);
        }
    }
}
