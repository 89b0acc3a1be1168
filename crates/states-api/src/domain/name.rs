//! Names as people type them: without accents, without regard to case.

/// How well a name fits what was asked for; the better comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It is the very name.
    Whole,
    /// It starts with it.
    Start,
    /// One of its words does.
    Word,
    /// It stands somewhere within.
    Within,
}

/// A name in small letters without accents; runs of anything that is neither letter nor digit become one space.
pub fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase).map(plain) {
        // What is left over of a letter that was written in two parts: the letter, then its accent.
        if ('\u{300}'..='\u{36f}').contains(&letter) {
            continue;
        }
        if letter.is_alphanumeric() {
            folded.push(letter);
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// How a folded name fits a folded question.
pub fn matches(name: &str, question: &str) -> Option<Match> {
    let mut found = name.match_indices(question).map(|(at, _)| at);
    let first = found.next()?;
    let starts_word = |at: usize| name[..at].ends_with(' ');
    Some(match first {
        0 if name.len() == question.len() => Match::Whole,
        0 => Match::Start,
        _ if starts_word(first) || found.any(starts_word) => Match::Word,
        _ => Match::Within,
    })
}

/// A small letter without its accent: those of Portuguese and its neighbours.
fn plain(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_typed() {
        assert_eq!(fold("São João d'Aliança"), "sao joao d alianca");
        assert_eq!(fold("  SÃO   JOÃO D’ALIANÇA "), "sao joao d alianca");
        assert_eq!(fold("Sa\u{303}o"), "sao");
        assert_eq!(fold("--"), "");
    }

    #[test]
    fn the_better_match_comes_first() {
        let check = |name, expected| assert_eq!(matches(&fold(name), "mar"), expected, "{name}");
        check("Mar", Some(Match::Whole));
        check("Marília", Some(Match::Start));
        check("Pinhal do Mar", Some(Match::Word));
        check("Amar e Mar", Some(Match::Word));
        check("Itamaracá", Some(Match::Within));
        check("Bahia", None);
        assert!(Match::Whole < Match::Start && Match::Start < Match::Word && Match::Word < Match::Within);
    }
}
