//! The literals of which one must stand in every text that a pattern matches.
//!
//! A search for twenty patterns is a search for their literals, which vector instructions do at gigabytes a second, and a
//! look at the few lines that have one.

use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this make a search slower than it saves.
const MOST: usize = 24;
/// A shorter literal stands in nearly every line.
const SHORTEST: usize = 3;

/// The literals of one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needles {
    /// One of these stands in every match.
    pub(super) any: Vec<Vec<u8>>,
    /// Whether wherever one of these stands, there is a match.
    pub(super) exact: bool,
}

/// The best literals that can be read off a pattern; `None` where it has none that are worth a search.
pub(super) fn needles(hir: &Hir) -> Option<Needles> {
    if let Some(any) = all_of(hir)
        && good(&any)
    {
        return Some(Needles { any, exact: true });
    }
    best(hir).map(|any| Needles { any, exact: false })
}

fn good(any: &[Vec<u8>]) -> bool {
    !any.is_empty() && any.iter().all(|one| one.len() >= SHORTEST && !one.contains(&b'\n'))
}

/// All texts that `hir` matches, if they are few.
fn all_of(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => all_of(&capture.sub),
        HirKind::Class(class) => of_class(class),
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![Vec::new()], |front, part| join(&front, &all_of(part)?))
        }
        HirKind::Alternation(branches) => {
            let all = branches.iter().map(all_of).collect::<Option<Vec<_>>>()?.concat();
            (all.len() <= MOST).then_some(all)
        }
        HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn of_class(class: &Class) -> Option<Vec<Vec<u8>>> {
    let few = 4;
    match class {
        Class::Unicode(class) => {
            let chars = class.ranges().iter().flat_map(|range| range.start()..=range.end()).take(few + 1);
            let all: Vec<_> = chars.map(|one| one.to_string().into_bytes()).collect();
            (all.len() <= few).then_some(all)
        }
        Class::Bytes(class) => {
            let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end()).take(few + 1);
            let all: Vec<_> = bytes.map(|one| vec![one]).collect();
            (all.len() <= few).then_some(all)
        }
    }
}

fn join(front: &[Vec<u8>], back: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let both = front.iter().flat_map(|front| back.iter().map(move |back| [front.as_slice(), back].concat()));
    (front.len() * back.len() <= MOST).then(|| both.collect())
}

/// Of all literals that must be there, those whose shortest is the longest, and of these the fewest.
fn best(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let candidates: Vec<_> = match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => all_of(hir).into_iter().collect(),
        HirKind::Capture(capture) => best(&capture.sub).into_iter().collect(),
        HirKind::Repetition(again) if again.min > 0 => best(&again.sub).into_iter().collect(),
        HirKind::Alternation(branches) => {
            let all = branches.iter().map(best).collect::<Option<Vec<_>>>().map(|all| all.concat());
            all.into_iter().filter(|all| all.len() <= MOST).collect()
        }
        HirKind::Concat(parts) => in_row(parts),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => Vec::new(),
    };
    let rank =
        |any: &Vec<Vec<u8>>| (any.iter().map(Vec::len).min().unwrap_or(0).min(12), usize::MAX - any.len());
    candidates.into_iter().filter(|any| good(any)).max_by_key(rank)
}

/// The literals of a row of parts: those of each part, and those of neighbours of which all texts are known.
fn in_row(parts: &[Hir]) -> Vec<Vec<Vec<u8>>> {
    let mut found: Vec<_> = parts.iter().filter_map(best).collect();
    let mut run = vec![Vec::new()];
    for part in parts {
        // A look around takes no text, so its neighbours stay neighbours.
        if matches!(part.kind(), HirKind::Look(_)) {
            continue;
        }
        let longer = all_of(part).and_then(|all| join(&run, &all));
        found.push(std::mem::take(&mut run));
        run = longer.or_else(|| all_of(part)).unwrap_or_else(|| vec![Vec::new()]);
    }
    found.push(run);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(pattern: &str) -> Option<Needles> {
        needles(&regex_syntax::parse(pattern).unwrap())
    }

    #[track_caller]
    fn check(pattern: &str, any: &[&str], exact: bool) {
        let mut found = of(pattern).expect("literals");
        found.any.sort();
        let mut any: Vec<_> = any.iter().map(|one| one.as_bytes().to_vec()).collect();
        any.sort();
        assert_eq!(found, Needles { any, exact }, "{pattern}");
    }

    #[test]
    fn the_longest_literal_that_must_be_there_is_found() {
        check("out of memory", &["out of memory"], true);
        check("ERROR|CRITICAL", &["ERROR", "CRITICAL"], true);
        check(r"timed out after \d{4,} ms", &["timed out after "], false);
        check(r"^\S+ (?:ERROR|CRITICAL) \[(\w+)\]", &[" ERROR [", " CRITICAL ["], false);
        check(r"\bfatal\b", &["fatal"], false);
        check("(?:abc)+x?", &["abc"], false);
    }

    #[test]
    fn a_pattern_without_a_literal_has_none() {
        for pattern in [r"\d+", "a|b", ".*", "(?:error)?", "(?:abc|.)"] {
            assert_eq!(of(pattern), None, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn every_match_has_one_of_the_literals(
            parts in proptest::collection::vec(
                proptest::sample::select(&["abc", "[ab]cd", "x", "ERR(?:OR)?", "(?:foo|bar){1,2}", r"\d", "[x-z]ab", r"\b", "q*", "|abc[de]f", "^"][..]), 1..6),
            text in "(abc|acd|bcd|x|ERR|ERROR|foo|bar|[0-9]|xab|zab| |q|abcdf){0,12}",
        ) {
            let pattern = parts.concat();
            let regex = regex::Regex::new(&pattern).unwrap();
            if let (Some(found), Some(needles)) = (regex.find(&text), of(&pattern)) {
                let holds = |one: &Vec<u8>| memchr::memmem::find(found.as_str().as_bytes(), one).is_some();
                prop_assert!(needles.any.iter().any(holds), "{pattern} in {text}: {needles:?}");
            }
            if let Some(Needles { any, exact: true }) = of(&pattern) {
                let there = any.iter().any(|one| memchr::memmem::find(text.as_bytes(), one).is_some());
                prop_assert_eq!(there, regex.is_match(&text));
            }
        }
    }
}
