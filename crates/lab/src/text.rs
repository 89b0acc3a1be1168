//! Words for the reader, in both languages or not at all.
//!
//! A text that lacks a language does not compile: [`Text::new`] and [`words!`](crate::words) look at both halves while the
//! program is being built, and refuse one that is empty or that was copied from the other.

use crate::record::Bilingual;

/// A language that the course speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Brazilian Portuguese.
    Pt,
}

impl Lang {
    /// The language of a locale such as `pt_BR.UTF-8`; English for every language that we do not speak.
    pub fn of_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("pt") { Self::Pt } else { Self::En }
    }

    /// The language of the user's locale. The first of `LC_ALL`, `LC_MESSAGES` and `LANG` that says anything decides, as
    /// POSIX has it (Base Definitions, 8.2).
    pub fn of_user() -> Self {
        let said = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::of_locale(&["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(said).unwrap_or_default())
    }
}

impl std::str::FromStr for Lang {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "en" => Ok(Self::En),
            "pt" | "pt-br" | "pt_br" => Ok(Self::Pt),
            _ => Err("expected `en` or `pt-BR`".into()),
        }
    }
}

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    /// The English text.
    pub en: &'static str,
    /// The Portuguese text.
    pub pt: &'static str,
}

impl Text {
    /// A text whose words differ between the languages. In a constant, a half that is missing does not compile.
    ///
    /// # Panics
    /// When a half is empty or both are the same.
    pub const fn new(en: &'static str, pt: &'static str) -> Self {
        complete(en, pt);
        Self { en, pt }
    }

    /// A name, a number or a unit: what every language writes in the same way.
    ///
    /// # Panics
    /// When it is empty.
    pub const fn same(text: &'static str) -> Self {
        assert!(!text.is_empty(), "a text is empty");
        Self { en: text, pt: text }
    }

    /// The text in one language.
    pub const fn in_lang(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Pt => self.pt,
        }
    }
}

impl From<Text> for Bilingual {
    fn from(text: Text) -> Self {
        Self { en: text.en.into(), pt: text.pt.into() }
    }
}

impl Bilingual {
    /// The text in one language.
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Pt => &self.pt,
        }
    }
}

/// A number with as many digits as a reader can use, with the comma of the reader's language.
pub fn number(value: f64, lang: Lang) -> String {
    let text = match value.abs() {
        whole if whole.fract() == 0.0 && whole < 1e15 => format!("{value:.0}"),
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        small if small >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.2e}"),
    };
    match lang {
        Lang::En => text,
        Lang::Pt => text.replace('.', ","),
    }
}

/// Refuses a pair of texts in which a language is missing.
///
/// # Panics
/// When a half is empty or both are the same; in a constant, that is an error of the compiler.
pub const fn complete(en: &str, pt: &str) {
    assert!(!en.is_empty() && !pt.is_empty(), "a text lacks a language");
    let (one, two) = (en.as_bytes(), pt.as_bytes());
    let mut same = one.len() == two.len();
    let mut at = 0;
    while same && at < one.len() {
        same = one[at] == two[at];
        at += 1;
    }
    assert!(!same, "a text was copied and not translated");
}

/// A `String` in a [`Lang`], from two formats that are checked when the program is built.
///
/// ```
/// let (lang, lost) = (lab::Lang::Pt, 7);
/// let said = lab::words!(lang, "{lost} updates were lost", "{lost} atualizações se perderam");
/// assert_eq!(said, "7 atualizações se perderam");
/// ```
#[macro_export]
macro_rules! words {
    ($lang:expr, $en:literal, $pt:literal $(, $($argument:tt)*)?) => {{
        const _: () = $crate::complete($en, $pt);
        match $lang {
            $crate::Lang::En => format!($en $(, $($argument)*)?),
            $crate::Lang::Pt => format!($pt $(, $($argument)*)?),
        }
    }};
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_text_that_lacks_a_language_is_refused() {
        for (en, pt) in [("", "a"), ("a", ""), ("a", "a"), ("", "")] {
            assert!(catch_unwind(|| Text::new(en, pt)).is_err(), "{en:?} {pt:?}");
        }
        assert_eq!(Text::new("bread", "pão").in_lang(Lang::Pt), "pão");
    }

    #[test]
    fn a_locale_is_a_language() {
        let of = ["pt_BR.UTF-8", "pt", "C", "de_AT", "en_GB.UTF-8", ""].map(Lang::of_locale);
        assert_eq!(of, [Lang::Pt, Lang::Pt, Lang::En, Lang::En, Lang::En, Lang::En]);
        assert_eq!(("pt-BR".parse(), "EN".parse()), (Ok(Lang::Pt), Ok(Lang::En)));
        assert!("fr".parse::<Lang>().is_err());
    }

    #[test]
    fn a_number_has_the_digits_and_the_comma_that_a_reader_expects() {
        let said = [0.0, 6.0, 465.3, 12.34, 1.876, 0.000_12].map(|value| number(value, Lang::En));
        assert_eq!(said, ["0", "6", "465", "12.3", "1.88", "1.20e-4"]);
        assert_eq!(number(1.876, Lang::Pt), "1,88");
    }
}
