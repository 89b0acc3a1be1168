//! Just enough of Rust's lexical rules to tell code from comments and from text in quotes.

/// The code with comments and the insides of literals replaced by spaces; lines stay where they are.
pub(super) fn code_of(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        let end = match literal_or_comment(&letters, at) {
            Some(end) => {
                let end = end.min(letters.len());
                letters[at..end]
                    .iter_mut()
                    .filter(|letter| **letter != '\n')
                    .for_each(|letter| *letter = ' ');
                end
            }
            // A name is taken whole, so that its last letter is not read as the `r` of a raw text.
            None if is_name(letters[at]) => {
                at + letters[at..].iter().take_while(|letter| is_name(**letter)).count()
            }
            None => at + 1,
        };
        at = end;
    }
    letters.into_iter().collect()
}

/// Whether a letter can be part of a name.
pub(super) fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where the comment or literal ends that starts here, if one does.
fn literal_or_comment(letters: &[char], at: usize) -> Option<usize> {
    let rest = &letters[at..];
    let starts =
        |with: &str| with.chars().zip(rest).filter(|(one, other)| one == *other).count() == with.len();
    if starts("//") {
        return Some(at + rest.iter().take_while(|letter| **letter != '\n').count());
    }
    if starts("/*") {
        return Some(at + block_comment(rest));
    }
    if starts("'") {
        return character(rest).map(|length| at + length);
    }
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let hashes = rest.iter().skip(prefix.len()).take_while(|letter| **letter == '#').count();
        let hashes = if prefix.ends_with('r') { hashes } else { 0 };
        starts(prefix) && rest.get(prefix.len() + hashes) == Some(&'"')
    })?;
    Some(at + prefix.len() + quoted(&rest[prefix.len()..], prefix.ends_with('r')))
}

/// The length of a block comment; they nest.
fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a character in quotes; `None` for a lifetime.
fn character(rest: &[char]) -> Option<usize> {
    match rest {
        [_, '\\', _, more @ ..] => Some(4 + more.iter().take_while(|letter| **letter != '\'').count()),
        [_, _, '\'', ..] => Some(3),
        _ => None,
    }
}

/// The length of a text in quotes, from its first `#` or quote on.
fn quoted(rest: &[char], raw: bool) -> usize {
    let hashes = rest.iter().take_while(|letter| **letter == '#').count();
    let mut at = hashes + 1;
    while at < rest.len() {
        match rest[at] {
            '\\' if !raw => at += 2,
            '"' if rest[at + 1..].iter().take_while(|letter| **letter == '#').count() >= hashes => {
                return at + 1 + hashes;
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// The lines, counted from 0, of everything that is compiled for tests only.
pub(super) fn test_lines(code: &str) -> Vec<std::ops::Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    let line_of = |at: usize| code[..at].matches('\n').count();
    let marks = code.match_indices(MARK).map(|(at, _)| at);
    marks.map(|mark| line_of(mark)..line_of(item_end(code, mark + MARK.len())) + 1).collect()
}

/// Where the item ends that starts here: at its semicolon, or at the bracket that closes its first one.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in code[from..].char_indices() {
        match letter {
            ';' if depth == 0 => return from + at,
            '{' => depth += 1,
            '}' if depth <= 1 => return from + at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `_` stands for what is blanked; spaces are not compared, for there are many.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let code = code_of(text);
        assert_eq!(code.replace(' ', ""), expected.replace([' ', '_'], ""), "{text}");
        assert_eq!(code.chars().count(), text.chars().count(), "{text}");
    }

    #[test]
    fn comments_are_no_code() {
        check("a // b\nc", "a _\nc");
        check("a /* b /* c */ d */ e", "a _ e");
        check("a /// `b`\n//! c", "a _\n_");
    }

    #[test]
    fn text_in_quotes_is_no_code() {
        check(r#"f("a // \" b"); c"#, "f(_); c");
        check(r##"f(r#"a " b"#, c)"##, "f(_, c)");
        check("f(b\"a\", c\"d\", br\"\\\", g)", "f(_, _, _, g)");
        check("\"a\nb\" c", "_\n_ c");
    }

    #[test]
    fn characters_are_no_code_and_lifetimes_are() {
        check(r#"f('"', '\'', '\u{1f}', '/')"#, "f(_, _, _, _)");
        check("fn f<'a>(a: &'a str) -> &'static str", "fn f<'a>(a: &'a str) -> &'static str");
    }

    #[test]
    fn a_name_that_ends_in_r_starts_no_raw_text() {
        check("for\"a\"; br", "for_; br");
    }

    #[test]
    fn what_is_for_tests_only_ends_with_its_brackets() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { {} }\n}\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}";
        assert_eq!(test_lines(code), [1..5, 6..8]);
    }
}
