//! Groups without sorting.
//!
//! SQLite finds the groups of a `GROUP BY` by sorting all rows, unless an index has them in order: for a summary of a large
//! table that is about half of the time. A plain summary (`SELECT key, …, sum(x), … FROM … GROUP BY key, …`) is gathered
//! here instead: SQLite reads and joins, and a table of ours has a place for each group. The answer is the same to the
//! last bit and in the same order. Whatever would need SQLite's own rules for what is equal, less or a sum (floats, bytes,
//! columns of mixed types, sums past 64 bits, collations) goes to SQLite as it was asked.

use std::cmp::Ordering;

use hashbrown::HashMap;
use lab::{Problem, Stop};
use rusqlite::Connection;

use super::at_hand::AtHand;
use super::prepared::{Prepared, Raw};
use super::times::Times;
use crate::query::batches::Gatherer;
use crate::query::column::Value;
use crate::query::part::{Answer, Ask};
use crate::query::tokens::{Token, tokens};

/// More groups than this are sorted by SQLite, which can use the disk for them.
const MOST: usize = 1 << 17;
/// Words of the statement itself that make it more than a plain summary.
const NOT_PLAIN: [&str; 11] = [
    "distinct",
    "having",
    "limit",
    "offset",
    "union",
    "except",
    "intersect",
    "window",
    "over",
    "filter",
    "collate",
];

/// A plain summary.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grouped {
    /// What gives the rows to be summarised: first the keys, then what is aggregated.
    rows: String,
    keys: usize,
    items: Vec<Item>,
}

/// A column of the answer, by the columns of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Key(usize),
    Rows,
    Of(Function, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Count,
    Sum,
    Total,
    Avg,
    Min,
    Max,
}

impl Grouped {
    /// The statement, if it is a plain summary.
    pub(super) fn of(sql: &str) -> Option<Self> {
        let all = tokens(sql);
        let word = |token: &Token, word: &str| token.text(sql).eq_ignore_ascii_case(word);
        if all.iter().any(|token| NOT_PLAIN.iter().any(|other| word(token, other)))
            || !word(all.first()?, "select")
        {
            return None;
        }
        let outer = outside(sql, &all)?;
        let place =
            |other: &str| outer.iter().position(|at| word(&all[*at], other)).map(|found| outer[found]);
        let (from, group) = (place("from")?, place("group")?);
        let by = |at: usize| all.get(at + 1).is_some_and(|token| word(token, "by"));
        let order = place("order");
        if from > group || !by(group) || order.is_some_and(|order| order < group || !by(order)) {
            return None;
        }
        let key_tokens = split(sql, &all[group + 2..order.unwrap_or(all.len())])?;
        let keys: Vec<String> = key_tokens.iter().map(|tokens| canonical(sql, tokens)).collect();
        if let Some(order) = order {
            let ordered = split(sql, &all[order + 2..])?;
            let ascending = |tokens: &&[Token]| {
                let last = tokens.last().filter(|token| word(token, "asc"));
                canonical(sql, &tokens[..tokens.len() - usize::from(last.is_some())])
            };
            if ordered.iter().map(ascending).ne(keys.iter().cloned()) {
                return None;
            }
        }
        let mut selected: Vec<&str> = key_tokens.iter().map(|tokens| text(sql, tokens)).collect();
        let mut items = Vec::new();
        for tokens in split(sql, &all[1..from])? {
            let (expression, called) = unnamed(sql, tokens);
            let written = canonical(sql, expression);
            // A name that hides another key would be what is ordered by.
            if called.is_some_and(|called| keys.contains(&called) && called != written) {
                return None;
            }
            items.push(match keys.iter().position(|key| *key == written) {
                Some(key) => Item::Key(key),
                None => match aggregate(sql, expression)? {
                    (Function::Count, [star]) if star.text(sql) == "*" => Item::Rows,
                    (function, argument) => {
                        selected.push(text(sql, argument));
                        Item::Of(function, selected.len() - 1)
                    }
                },
            });
        }
        let rest = &sql[all[from].start..all[group].start];
        Some(Self { rows: format!("SELECT {}\n{rest}", selected.join(", ")), keys: keys.len(), items })
    }

    /// The answer; none where SQLite's own rules are needed.
    ///
    /// # Errors
    /// A deadline that passed, rows that cannot be read or kept.
    pub(super) fn gather(
        &self,
        database: &Connection,
        whole: &Prepared<'_>,
        ask: &Ask<'_>,
        stop: &Stop,
    ) -> Result<Option<Answer>, Problem> {
        let _at_hand = AtHand::of(database, &self.rows);
        let Ok(mut rows) = Prepared::new(database, &self.rows) else { return Ok(None) };
        let mut groups = Groups::default();
        let mut key = Vec::new();
        while rows.step().map_err(|problem| rows.why(problem, ask))? {
            key.clear();
            for column in 0..self.keys {
                if !write(rows.raw(column), &mut key) {
                    return Ok(None);
                }
            }
            let Some(states) = groups.of(&key, self.items.len()) else { return Ok(None) };
            for (item, state) in self.items.iter().zip(states) {
                let fits = match *item {
                    Item::Key(_) => true,
                    Item::Rows => state.add(Value::Int(0), Function::Count),
                    Item::Of(function, column) => state.add(rows.value(column), function),
                };
                if !fits {
                    return Ok(None);
                }
            }
            if groups.places.len() > MOST {
                return Ok(None);
            }
        }
        stop.check()?;
        let columns = whole.named();
        let times: Vec<Times> = (0..columns.len()).map(|column| Times::of(&whole.declared(column))).collect();
        let mut out = Gatherer::new(columns.len(), ask.spool);
        let found = groups.in_order();
        let limit = ask.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        for (key, states) in found.iter().take(limit) {
            for (column, (item, state)) in self.items.iter().zip(*states).enumerate() {
                let value = match *item {
                    Item::Key(number) => key[number],
                    Item::Rows => Value::Int(state.count),
                    Item::Of(function, _) => state.value(function),
                };
                out.push(column, times[column].read(value))?;
            }
            out.end_row()?;
        }
        Ok(Some(Answer { columns, rows: out.finish()?, limited: found.len() > limit }))
    }
}

/// The tokens outside of all parentheses.
fn outside(sql: &str, all: &[Token]) -> Option<Vec<usize>> {
    let (mut depth, mut outer) = (0_usize, Vec::new());
    for (at, token) in all.iter().enumerate() {
        match token.text(sql) {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ if depth == 0 => outer.push(at),
            _ => {}
        }
    }
    (depth == 0).then_some(outer)
}

/// A list at its commas; none where a part of it is empty.
fn split<'a>(sql: &str, list: &'a [Token]) -> Option<Vec<&'a [Token]>> {
    let outer = outside(sql, list)?;
    let commas = outer.into_iter().filter(|at| list[*at].text(sql) == ",");
    let mut start = 0;
    let mut parts = Vec::new();
    for end in commas.chain([list.len()]) {
        parts.push(&list[start..end]);
        start = end + 1;
    }
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

/// The same for everything that means the same but for its spaces, remarks and the case of its letters.
fn canonical(sql: &str, tokens: &[Token]) -> String {
    let one = |token: &Token| match token.text(sql) {
        quoted if quoted.starts_with(['\'', '"', '`', '[']) => quoted.to_owned(),
        plain => plain.to_ascii_lowercase(),
    };
    tokens.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn text<'a>(sql: &'a str, tokens: &[Token]) -> &'a str {
    match tokens {
        [first, .., last] => &sql[first.start..last.end],
        [only] => only.text(sql),
        [] => "",
    }
}

/// What is selected without the name that it gets, and that name.
fn unnamed<'a>(sql: &str, tokens: &'a [Token]) -> (&'a [Token], Option<String>) {
    match tokens {
        [rest @ .., word, name] if word.text(sql).eq_ignore_ascii_case("as") => {
            (rest, Some(canonical(sql, &[*name])))
        }
        [rest @ .., name] if !rest.is_empty() && name.is_name(sql) && ends_a_value(sql, rest) => {
            (rest, Some(canonical(sql, &[*name])))
        }
        _ => (tokens, None),
    }
}

/// Whether a name may follow: behind an operator it would be its operand.
fn ends_a_value(sql: &str, tokens: &[Token]) -> bool {
    tokens.last().is_some_and(|last| last.text(sql) == ")" || last.is_name(sql))
}

/// `function(argument)`, and nothing else.
fn aggregate<'a>(sql: &str, tokens: &'a [Token]) -> Option<(Function, &'a [Token])> {
    let [name, open, argument @ .., close] = tokens else { return None };
    if open.text(sql) != "(" || close.text(sql) != ")" || split(sql, argument)?.len() != 1 {
        return None;
    }
    let function = match name.text(sql).to_ascii_lowercase().as_str() {
        "count" => Function::Count,
        "sum" => Function::Sum,
        "total" => Function::Total,
        "avg" => Function::Avg,
        "min" => Function::Min,
        "max" => Function::Max,
        _ => return None,
    };
    let star = argument.len() == 1 && argument[0].text(sql) == "*";
    (!star || function == Function::Count).then_some((function, argument))
}

/// What a group has of one column of the answer.
#[derive(Clone, Debug, Default)]
struct State {
    /// Values that are there.
    count: i64,
    sum: i64,
    /// The least or the greatest.
    end: Option<End>,
}

#[derive(Clone, Debug, PartialEq)]
enum End {
    Int(i64),
    Text(Box<str>),
}

impl State {
    /// Takes a value in; false where the answer is for SQLite to give.
    #[inline]
    fn add(&mut self, value: Value<'_>, function: Function) -> bool {
        match (function, value) {
            (_, Value::Null) => return true,
            (Function::Count, _) => {}
            (Function::Sum | Function::Total | Function::Avg, Value::Int(value)) => {
                let Some(sum) = self.sum.checked_add(value) else { return false };
                self.sum = sum;
            }
            (Function::Min | Function::Max, value) => {
                let wanted = if function == Function::Min { Ordering::Less } else { Ordering::Greater };
                let order = match (&value, &self.end) {
                    (Value::Int(_) | Value::Text(_), None) => wanted,
                    (Value::Int(value), Some(End::Int(end))) => value.cmp(end),
                    (Value::Text(value), Some(End::Text(end))) => value.as_bytes().cmp(end.as_bytes()),
                    _ => return false,
                };
                if order == wanted {
                    self.end = match value {
                        Value::Int(value) => Some(End::Int(value)),
                        Value::Text(value) => Some(End::Text(value.into())),
                        _ => return false,
                    };
                }
            }
            _ => return false,
        }
        self.count += 1;
        true
    }

    /// What SQLite makes of whole numbers and texts.
    #[allow(clippy::cast_precision_loss, reason = "SQLite rounds them so")]
    fn value(&self, function: Function) -> Value<'_> {
        match function {
            Function::Count => Value::Int(self.count),
            Function::Total => Value::Real(self.sum as f64),
            _ if self.count == 0 => Value::Null,
            Function::Sum => Value::Int(self.sum),
            Function::Avg => Value::Real(self.sum as f64 / self.count as f64),
            Function::Min | Function::Max => match &self.end {
                None => Value::Null,
                Some(End::Int(value)) => Value::Int(*value),
                Some(End::Text(value)) => Value::Text(value),
            },
        }
    }
}

/// All groups, by their keys as bytes.
#[derive(Debug, Default)]
struct Groups {
    places: HashMap<Box<[u8]>, usize>,
    /// So many for each group, one group after another.
    states: Vec<State>,
}

impl Groups {
    /// What there is of the group with this key; none where SQLite has to say how its texts are ordered.
    #[inline]
    fn of(&mut self, key: &[u8], items: usize) -> Option<&mut [State]> {
        let place = if let Some(place) = self.places.get(key) {
            *place
        } else {
            read(key)?;
            let place = self.states.len();
            self.states.resize(place + items, State::default());
            self.places.insert(key.into(), place);
            place
        };
        Some(&mut self.states[place..place + items])
    }

    /// The groups in SQLite's order of their keys, in which they came from a sorter.
    fn in_order(&self) -> Vec<(Vec<Value<'_>>, &[State])> {
        let items = self.states.len() / self.places.len().max(1);
        let states = |place: usize| &self.states[place..place + items];
        let all = self.places.iter().filter_map(|(key, place)| Some((read(key)?, states(*place))));
        let mut all: Vec<_> = all.collect();
        all.sort_by(|(one, _), (two, _)| {
            let orders = one.iter().zip(two).map(|(one, two)| order(one, two));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        all
    }
}

const NULL: u8 = 0;
const INT: u8 = 1;
const TEXT: u8 = 2;

/// Appends a value of a key; false where SQLite has to say which others are equal to it.
#[inline]
fn write(value: Raw<'_>, key: &mut Vec<u8>) -> bool {
    match value {
        Raw::Null => key.push(NULL),
        Raw::Int(value) => {
            key.push(INT);
            key.extend_from_slice(&value.to_ne_bytes());
        }
        Raw::Text(text) => {
            key.push(TEXT);
            key.extend_from_slice(&(text.len() as u64).to_ne_bytes());
            key.extend_from_slice(text);
        }
        Raw::Real(_) | Raw::Bytes(_) => return false,
    }
    true
}

/// The values of a key; none where a text is not UTF-8.
fn read(mut key: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut values = Vec::new();
    while let Some((tag, rest)) = key.split_first() {
        let Some((number, rest)) = rest.split_first_chunk().filter(|_| *tag != NULL) else {
            values.push(Value::Null);
            key = rest;
            continue;
        };
        key = rest;
        if *tag == INT {
            values.push(Value::Int(i64::from_ne_bytes(*number)));
        } else {
            let length = usize::try_from(u64::from_ne_bytes(*number)).unwrap_or(usize::MAX);
            let (text, rest) = key.split_at(length.min(key.len()));
            values.push(Value::Text(std::str::from_utf8(text).ok()?));
            key = rest;
        }
    }
    Some(values)
}

/// SQLite's order of values: nothing, numbers, texts by their bytes.
fn order(one: &Value<'_>, two: &Value<'_>) -> Ordering {
    let rank = |value: &Value<'_>| match value {
        Value::Null => 0,
        Value::Int(_) => 1,
        _ => 2,
    };
    match (one, two) {
        (Value::Int(one), Value::Int(two)) => one.cmp(two),
        (Value::Text(one), Value::Text(two)) => one.as_bytes().cmp(two.as_bytes()),
        _ => rank(one).cmp(&rank(two)),
    }
}

#[cfg(test)]
#[path = "grouped_tests.rs"]
mod tests;
