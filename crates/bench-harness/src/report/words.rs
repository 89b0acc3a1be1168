//! Texts in the two languages of the page. Both are in the file; a switch without script shows one.

use lab::record::Bilingual;
use lab::timeline::State;
use maud::{Markup, html};

use super::figures;

/// A sentence in both languages, with the same values in both.
macro_rules! both {
    ($en:literal, $pt:literal) => {
        lab::record::Bilingual { en: format!($en), pt: $crate::report::words::comma(&format!($pt)) }
    };
}
pub(super) use both;

/// A text in both languages, each marked as what it is.
pub(super) fn show(text: &Bilingual) -> Markup {
    html! { span lang="en" { (text.en) } span lang="pt-BR" { (text.pt) } }
}

/// Words without values in both languages.
pub(super) fn words(en: &str, pt: &str) -> Markup {
    html! { span lang="en" { (en) } span lang="pt-BR" { (pt) } }
}

/// What the mouse is told where it rests, and whoever does not see the picture below it. An attribute has one language, so
/// there is one such place for each, and the page shows one of them.
pub(super) fn tip(text: &Bilingual) -> Markup {
    html! {
        @for (language, text) in [("en", &text.en), ("pt-BR", &text.pt)] {
            span.tip role="img" lang=(language) title=(text) aria-label=(text) {}
        }
    }
}

/// What a state is called.
pub(super) fn state(state: State) -> Bilingual {
    let pt = match state {
        State::Running => "executando",
        State::Waiting => "esperando",
        State::Blocked => "bloqueada",
        State::Sending => "enviando",
        State::Task => "em curso",
    };
    Bilingual { en: state.name().into(), pt: pt.into() }
}

/// A noun with its number; the Portuguese one has its plural beside it.
pub(super) fn many(number: usize, en: &str, [one, more]: [&str; 2]) -> Bilingual {
    let pt = if number == 1 { one } else { more };
    Bilingual { en: figures::many(number, en), pt: format!("{number} {pt}") }
}

/// A number as each language writes it; once where both write the same.
pub(super) fn number(text: &str) -> Markup {
    let pt = comma(text);
    if pt == text {
        html! { (text) }
    } else {
        words(text, &pt)
    }
}

/// A text joined from parts.
pub(super) fn join(parts: &[Bilingual], between: &str) -> Bilingual {
    let all = |pick: fn(&Bilingual) -> &str| parts.iter().map(pick).collect::<Vec<_>>().join(between);
    Bilingual { en: all(|part| &part.en), pt: all(|part| &part.pt) }
}

/// Numbers as Portuguese writes them: a comma where a point stands between two digits.
pub(super) fn comma(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
    let changed = letters.iter().enumerate().map(|(at, letter)| {
        if *letter == '.' && is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)) { ',' } else { *letter }
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_between_digits_becomes_a_comma_and_no_other_one() {
        assert_eq!(comma("1.93× (1.5 – 2.0). Fim."), "1,93× (1,5 – 2,0). Fim.");
        let (fast, name) = ("1.50×", "pool");
        let said = both!("{name} is {fast} as fast.", "{name} é {fast} mais rápido.");
        assert_eq!(
            (said.en.as_str(), said.pt.as_str()),
            ("pool is 1.50× as fast.", "pool é 1,50× mais rápido.")
        );
    }
}
