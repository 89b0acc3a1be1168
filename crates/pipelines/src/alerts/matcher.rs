//! Which rules an event fits, and a fast way to the events that may fit one.
//!
//! Every shape of every rule gives literals of which one must stand in its events (`literals`). One search for the literals
//! of all shapes goes over the text, once: each literal that it comes upon marks its shapes in the event around it, and only
//! these are asked. Events without a literal are never looked at. Shapes without literals are searched for one by one.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind, packed};
use lab::{OrProblem, Problem};
use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;

use super::events::{Events, trimmed};
use super::literals::{Needles, needles};
use super::rules::{Rule, Rules, Shape, Want};

/// Compiled rules. A clone shares what was compiled and has a scratch memory of its own, so that threads which search at the
/// same time do not wait for each other.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    rules: Vec<Counted>,
    shapes: Vec<Compiled>,
    search: Search,
    /// The shapes that each literal belongs to, and those of the literals that it begins with.
    owners: Vec<Vec<usize>>,
    /// Shapes without literals: those that can be searched for in a text, and those that each event must be shown to.
    searched: Vec<usize>,
    shown_all: Vec<usize>,
    pub(super) events: Events,
}

#[derive(Clone, Debug)]
struct Counted {
    except: Option<Regex>,
    by: Option<String>,
}

#[derive(Clone, Debug)]
struct Compiled {
    rule: usize,
    pattern: Option<Regex>,
    /// Whether the literal alone decides.
    exact: bool,
    fields: Vec<(String, Vec<Test>)>,
}

/// What a field is asked.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Is(String),
    Less(f64),
    AtMost(f64),
    More(f64),
    AtLeast(f64),
    IsNot(String),
}

/// Finds the next literal of any shape; of several that begin at one place, the longest.
#[derive(Clone, Debug)]
enum Search {
    Nothing,
    Vector(packed::Searcher),
    Automaton(AhoCorasick),
}

/// A literal in the text.
#[derive(Clone, Copy, Debug)]
struct Place {
    literal: usize,
    start: usize,
    end: usize,
}

/// What a worker keeps from one event to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    marked: Vec<bool>,
    /// For each shape that is searched for by itself, its next match.
    next: Vec<Option<usize>>,
    fits: Vec<Fit>,
}

/// An event that fits a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) rule: usize,
    pub(super) key: String,
}

fn compiled(pattern: &str, rule: &Rule) -> Result<Regex, Problem> {
    // A dollar sign also stands before the `\r` of CRLF, and a caret at the beginning of each line of an event.
    let built = RegexBuilder::new(pattern).multi_line(true).crlf(true).build();
    built.or_problem(|| format!("the pattern of rule `{}` cannot be read", rule.name))
}

/// The pattern as the literal search sees it: with the same flags.
fn parsed(pattern: &str) -> Option<regex_syntax::hir::Hir> {
    let mut parser = regex_syntax::ParserBuilder::new().multi_line(true).crlf(true).utf8(false).build();
    parser.parse(pattern).ok()
}

impl Matcher {
    /// Compiles rules.
    ///
    /// # Errors
    /// A pattern that cannot be read, with its rule and its place in the pattern.
    pub(super) fn new(rules: &Rules) -> Result<Self, Problem> {
        let (mut shapes, mut literals, mut owners) =
            (Vec::new(), Vec::<Vec<u8>>::new(), Vec::<Vec<usize>>::new());
        let (mut searched, mut shown_all) = (Vec::new(), Vec::new());
        for (number, rule) in rules.rules.iter().enumerate() {
            for shape in rule.shapes() {
                let mut shape_compiled = Compiled::new(number, rule, &shape)?;
                let hir = shape.pattern.as_deref().and_then(parsed);
                let needles = hir.as_ref().and_then(needles).or_else(|| of_fields(&shape_compiled.fields));
                match needles {
                    Some(Needles { any, exact }) => {
                        shape_compiled.exact = exact && shape.fields.is_empty();
                        for literal in any {
                            let place =
                                literals.iter().position(|known| *known == literal).unwrap_or_else(|| {
                                    literals.push(literal);
                                    owners.push(Vec::new());
                                    literals.len() - 1
                                });
                            owners[place].push(shapes.len());
                        }
                    }
                    // `\A` and `\z` mean the ends of an event, which a search of a whole text does not see.
                    None if hir.is_none_or(|hir| hir.properties().look_set().contains_anchor_haystack()) => {
                        shown_all.push(shapes.len());
                    }
                    None => searched.push(shapes.len()),
                }
                shapes.push(shape_compiled);
            }
        }
        // Of the literals that begin at one place the longest is found, and where it stands, those that it begins with stand too.
        let own = owners.clone();
        for (literal, owners) in literals.iter().zip(&mut owners) {
            let beginnings = literals
                .iter()
                .zip(&own)
                .filter(|(other, _)| other.len() < literal.len() && literal.starts_with(other));
            beginnings.for_each(|(_, shapes)| owners.extend(shapes));
        }
        let search = if literals.is_empty() {
            Search::Nothing
        } else {
            let vector = packed::Config::new()
                .match_kind(packed::MatchKind::LeftmostLongest)
                .builder()
                .extend(&literals)
                .build();
            match vector {
                Some(vector) => Search::Vector(vector),
                None => Search::Automaton(
                    AhoCorasick::builder()
                        .match_kind(MatchKind::LeftmostLongest)
                        .build(&literals)
                        .or_problem(|| "the rules have too many literals")?,
                ),
            }
        };
        let begins = match &rules.begins {
            Some(pattern) => Some(Regex::new(pattern).or_problem(|| "`begins` cannot be read as a pattern")?),
            None => None,
        };
        let counted = |rule: &Rule| {
            let except = rule.except.as_deref().map(|pattern| compiled(pattern, rule)).transpose()?;
            Ok(Counted { except, by: rule.by.clone() })
        };
        Ok(Self {
            rules: rules.rules.iter().map(counted).collect::<Result<_, Problem>>()?,
            shapes,
            search,
            owners,
            searched,
            shown_all,
            events: Events::new(begins),
        })
    }

    /// Calls `found` for every event of `text` that fits rules. `text` begins where an event begins and holds whole events.
    pub(super) fn scan(
        &self,
        text: &[u8],
        scratch: &mut Scratch,
        found: &mut impl FnMut(Range<usize>, &mut Vec<Fit>),
    ) {
        scratch.next.clear();
        scratch.next.resize(self.searched.len(), Some(0));
        let (mut at, mut literal) = (0, self.literal(text, 0));
        while at < text.len() {
            let Some(candidate) = self.next(text, at, literal, scratch) else { return };
            let event = self.events.around(text, at, candidate);
            let content = trimmed(&text[event.clone()]);
            scratch.marked.clear();
            scratch.marked.resize(self.shapes.len(), false);
            // The next literal may begin within this one, so the search goes on a byte behind its beginning.
            while let Some(place) = literal.filter(|place| place.start < event.end) {
                if place.end <= event.start + content.len() {
                    self.owners[place.literal].iter().for_each(|shape| scratch.marked[*shape] = true);
                }
                literal = self.literal(text, place.start + 1);
            }
            self.fits(content, scratch);
            at = event.end;
            if !scratch.fits.is_empty() {
                found(event, &mut scratch.fits);
            }
        }
    }

    /// The first literal that begins at `at` or behind it.
    fn literal(&self, text: &[u8], at: usize) -> Option<Place> {
        let (literal, start, end) = match &self.search {
            Search::Nothing => return None,
            Search::Vector(search) => {
                let found = search.find_in(text, (at..text.len()).into())?;
                (found.pattern(), found.start(), found.end())
            }
            Search::Automaton(search) => {
                let found = search.find(aho_corasick::Input::new(text).range(at..))?;
                (found.pattern(), found.start(), found.end())
            }
        };
        Some(Place { literal: literal.as_usize(), start, end })
    }

    /// The next place of a literal or of a match of a shape that has none.
    fn next(&self, text: &[u8], at: usize, literal: Option<Place>, scratch: &mut Scratch) -> Option<usize> {
        if !self.shown_all.is_empty() {
            return Some(at);
        }
        // What was found further on stays found; it is searched for again only when it was passed.
        for (next, shape) in scratch.next.iter_mut().zip(&self.searched) {
            if next.is_some_and(|next| next <= at) {
                let pattern = self.shapes[*shape].pattern.as_ref()?;
                *next = pattern.find_at(text, at).map(|found| found.start());
            }
        }
        scratch.next.iter().flatten().copied().chain(literal.map(|place| place.start)).min()
    }

    /// The rules that one event fits, each once, in the order of the rules: those of the marked shapes that it has.
    fn fits(&self, event: &[u8], scratch: &mut Scratch) {
        let Scratch { marked, fits, .. } = scratch;
        self.searched.iter().chain(&self.shown_all).for_each(|shape| marked[*shape] = true);
        fits.clear();
        let mut object = None;
        for (shape, marked) in self.shapes.iter().zip(marked) {
            let known = fits.last().is_some_and(|fit| fit.rule == shape.rule);
            if !*marked || known || !shape.fits(event, &mut object) {
                continue;
            }
            let rule = &self.rules[shape.rule];
            if rule.except.as_ref().is_some_and(|except| except.is_match(event)) {
                continue;
            }
            let key = rule.by.as_deref().map_or_else(String::new, |by| shape.key(by, event, &mut object));
            fits.push(Fit { rule: shape.rule, key });
        }
    }

    /// The rules that one event fits, each asked by itself and without any literal.
    #[cfg(any(test, fuzzing))]
    pub(super) fn alone(&self, event: &[u8]) -> Vec<usize> {
        let fits = |shape: &&Compiled| {
            let except = &self.rules[shape.rule].except;
            Compiled { exact: false, ..Compiled::clone(shape) }.fits(event, &mut None)
                && except.as_ref().is_none_or(|except| !except.is_match(event))
        };
        let mut rules: Vec<usize> = self.shapes.iter().filter(fits).map(|shape| shape.rule).collect();
        rules.dedup();
        rules
    }
}

/// An event as JSON: not tried yet, or tried.
type Object = Option<Option<Value>>;

fn object_of<'a>(event: &[u8], object: &'a mut Object) -> Option<&'a Value> {
    let parse = || (event.first() == Some(&b'{')).then(|| serde_json::from_slice(event).ok()).flatten();
    object.get_or_insert_with(parse).as_ref()
}

/// A field by its name, or by names with dots between them.
fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        field(object.get(first)?, rest)
    })
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Compiled {
    fn new(number: usize, rule: &Rule, shape: &Shape) -> Result<Self, Problem> {
        let pattern = shape.pattern.as_deref().map(|pattern| compiled(pattern, rule)).transpose()?;
        let fields = shape.fields.iter().map(|(name, want)| (name.clone(), tests(want))).collect();
        Ok(Self { rule: number, pattern, exact: false, fields })
    }

    fn fits(&self, event: &[u8], object: &mut Object) -> bool {
        (self.exact || self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(event)))
            && (self.fields.is_empty()
                || object_of(event, object).is_some_and(|object| {
                    self.fields.iter().all(|(name, tests)| {
                        field(object, name).is_some_and(|value| tests.iter().any(|test| test.holds(value)))
                    })
                }))
    }

    fn key(&self, by: &str, event: &[u8], object: &mut Object) -> String {
        let grouped = self.pattern.as_ref().and_then(|pattern| pattern.captures(event));
        if let Some(group) = grouped.and_then(|groups| groups.name(by)) {
            return String::from_utf8_lossy(group.as_bytes()).into_owned();
        }
        object_of(event, object).and_then(|object| field(object, by)).map(as_text).unwrap_or_default()
    }
}

/// Makes a comparison with a number.
type Compare = fn(f64) -> Test;

fn tests(want: &Want) -> Vec<Test> {
    match want {
        Want::Number(number) => vec![Test::Is(plain(*number))],
        Want::Truth(truth) => vec![Test::Is(truth.to_string())],
        Want::OneOf(several) => several.iter().flat_map(tests).collect(),
        Want::Text(text) => {
            let signs: [(&str, Compare); 4] =
                [("<=", Test::AtMost), (">=", Test::AtLeast), ("<", Test::Less), (">", Test::More)];
            let compared = signs.iter().find_map(|(sign, test)| {
                text.strip_prefix(sign)?.trim().parse().ok().map(|number: f64| test(number))
            });
            let other = || match text.strip_prefix("!=") {
                Some(text) => Test::IsNot(text.trim().to_owned()),
                None => Test::Is(text.clone()),
            };
            vec![compared.unwrap_or_else(other)]
        }
    }
}

/// A whole number without its `.0`, as JSON writes it.
fn plain(number: f64) -> String {
    serde_json::Number::from_f64(number)
        .map_or_else(String::new, |written| written.to_string().trim_end_matches(".0").to_owned())
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        let number = || value.as_f64().or_else(|| value.as_str()?.parse().ok());
        match self {
            Self::Is(text) => as_text(value) == *text,
            Self::IsNot(text) => as_text(value) != *text,
            Self::Less(limit) => number().is_some_and(|number| number < *limit),
            Self::AtMost(limit) => number().is_some_and(|number| number <= *limit),
            Self::More(limit) => number().is_some_and(|number| number > *limit),
            Self::AtLeast(limit) => number().is_some_and(|number| number >= *limit),
        }
    }
}

/// The literals of a shape without a pattern: a value that a field must have, or else the name of a field. JSON may write
/// any character of ASCII as `\u00…`, so that is a literal too.
fn of_fields(fields: &[(String, Vec<Test>)]) -> Option<Needles> {
    let sure = |text: &str| {
        text.len() >= 3
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let values = fields.iter().find_map(|(_, tests)| {
        let values: Option<Vec<_>> = tests
            .iter()
            .map(|test| match test {
                Test::Is(text) if sure(text) && text.parse::<f64>().is_err() => {
                    Some(text.clone().into_bytes())
                }
                _ => None,
            })
            .collect();
        values
    });
    let names = || {
        let (name, _) = fields.iter().find(|(name, _)| sure(name))?;
        Some(vec![format!("\"{name}\"").into_bytes()])
    };
    let mut any = values.or_else(names)?;
    any.push(b"\\u00".to_vec());
    Some(Needles { any, exact: false })
}

#[cfg(test)]
mod tests;
