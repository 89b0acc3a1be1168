//! The statements of a text, and the place in one where a range can be put.

use lab::Problem;
use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use super::tokens::{Token, tokens};

/// One statement and the name of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// From a remark `-- name: …` before it, else `query-1` and so on.
    pub name: String,
    /// Without the semicolon.
    pub sql: String,
}

/// The statements of a text that databases of several dialects are asked.
///
/// # Errors
/// A text without any statement, two of one name, a text that cannot be tokenized, and one that dialects split differently.
pub fn statements_for(text: &str, dialects: &[Dialect]) -> Result<Vec<Statement>, Problem> {
    let (first, others) = dialects.split_first().unwrap_or((&Dialect::Sqlite, &[]));
    let found = statements(text, *first)?;
    for other in others {
        let differs = || {
            Problem::new(format!(
                "{} and {} do not see the same statements in this text",
                first.name(),
                other.name()
            ))
            .of_class("sql")
            .hint("ask them by two calls, or write the strings and remarks as both understand them")
        };
        if statements(text, *other)? != found {
            return Err(differs());
        }
    }
    Ok(found)
}

/// The statements of a text, which semicolons set apart, but for those in strings, quoted names and comments.
///
/// # Errors
/// A text without any statement, two of one name, and a text that cannot be tokenized.
pub fn statements(text: &str, dialect: Dialect) -> Result<Vec<Statement>, Problem> {
    let mut found: Vec<Statement> = Vec::new();
    for piece in pieces(text, dialect)? {
        let Some(start) = piece.start else { continue };
        let name = piece.name.unwrap_or_else(|| format!("query-{}", found.len() + 1));
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(Problem::new(format!("`{name}` cannot be the name of a table"))
                .expected("a name that a file may have"));
        }
        if found.iter().any(|statement| statement.name == name) {
            return Err(Problem::new(format!("two statements are called {name}")));
        }
        found.push(Statement { name, sql: text[start..piece.end].trim_end().to_owned() });
    }
    if found.is_empty() { Err(Problem::new("there is no statement")) } else { Ok(found) }
}

/// A statement in its text, up to its semicolon.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The first token; none where there are remarks only.
    pub(super) start: Option<usize>,
    /// The semicolon, or the end of the text.
    pub(super) end: usize,
    /// The last name in the remarks before it.
    name: Option<String>,
}

/// The pieces of a text between its semicolons.
///
/// # Errors
/// A text that cannot be tokenized, and a command that a client would have to run.
pub(super) fn pieces(text: &str, dialect: Dialect) -> Result<Vec<Piece>, Problem> {
    let found = tokens(text, dialect)?;
    let mut remarks = found.remarks.iter().peekable();
    let mut pieces = Vec::new();
    let mut rest = found.all.as_slice();
    loop {
        let length = length(rest, text, dialect);
        let (statement, behind) = rest.split_at(length);
        let start = statement.first().map(|token| token.start);
        let end = behind.first().map_or(text.len(), |semicolon| semicolon.start);
        if statement.first().is_some_and(|first| first.is_word(text, "delimiter")) {
            return Err(Problem::new("`DELIMITER` is a command of the database's own client")
                .of_class("sql")
                .hint("leave it away: the body of a routine is not cut at its semicolons"));
        }

        let mut name = None;
        while let Some(remark) = remarks.next_if(|remark| remark.start < start.unwrap_or(end)) {
            let named = remark.text(text).strip_prefix("-- name:");
            name = named.map(|name| name.trim().to_owned()).or(name);
        }
        while remarks.next_if(|remark| remark.start < end).is_some() {}

        pieces.push(Piece { start, end, name });
        match behind.split_first() {
            Some((_, behind)) => rest = behind,
            None => return Ok(pieces),
        }
    }
}

/// The tokens up to the semicolon that ends the first statement. A routine or trigger with a `BEGIN` has semicolons of its
/// own: SQLite's ends with `; END;`, as its own client has it, and one of a server with the text.
fn length(tokens: &[Token], text: &str, dialect: Dialect) -> usize {
    let is = |token: Option<&Token>, word: &str| token.is_some_and(|token| token.is_word(text, word));
    let ends = |at: usize| tokens[at].text(text) == ";";
    let end = (0..tokens.len()).find(|at| ends(*at)).unwrap_or(tokens.len());
    let has = |word: &str| tokens[..end].iter().any(|token| token.is_word(text, word));
    let routine = is(tokens.first(), "create")
        && has("begin")
        && ["trigger", "procedure", "function", "event", "package"].iter().any(|word| has(word));
    if !routine {
        return end;
    }

    if dialect == Dialect::Sqlite {
        let closes = |at: &usize| ends(*at) && *at > 1 && is(tokens.get(at - 1), "end") && ends(at - 2);
        return (0..tokens.len()).find(closes).unwrap_or(tokens.len());
    }
    match tokens {
        [.., last] if last.text(text) == ";" => tokens.len() - 1,
        _ => tokens.len(),
    }
}

/// Where a condition can be put into a statement that reads one table from one end to the other, so that ranges of the
/// table give the same rows, one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The table, as it stands there, with its schema.
    pub table: String,
    /// The statement up to its condition.
    head: String,
    /// Its condition, if it has one.
    condition: Option<String>,
    /// The table's name in the statement.
    called: String,
}

/// Words of a statement that does more than read one table, row by row.
const NOT_EACH_ROW: [&str; 14] = [
    "distinct",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "fetch",
    "union",
    "except",
    "intersect",
    "window",
    "join",
    "into",
    "for",
];

impl Scan {
    /// `SELECT … FROM table [[AS] name] [WHERE …]` and nothing else. Whether functions among what is selected look at
    /// several rows cannot be seen here; the database is asked for its plan.
    pub fn of(sql: &str, dialect: Dialect) -> Option<Self> {
        let tokens = tokens(sql, dialect).ok()?.all;
        let mut depth = 0_usize;
        let mut outer = Vec::new();
        for token in &tokens {
            match token.text(sql) {
                "(" => depth += 1,
                ")" => depth = depth.checked_sub(1)?,
                _ if depth == 0 => outer.push(*token),
                _ => {}
            }
        }
        let is = |token: &Token, word: &str| token.is_word(sql, word);
        let mut rest = outer.iter();
        if !is(rest.next()?, "select") {
            return None;
        }
        if outer.iter().any(|token| NOT_EACH_ROW.iter().any(|word| is(token, word))) {
            return None;
        }
        let from = outer.iter().position(|token| is(token, "from"))?;
        let condition = outer.iter().position(|token| is(token, "where"));
        let behind = &outer[from + 1..condition.unwrap_or(outer.len())];
        let end = condition.map_or(sql.len(), |place| outer[place].start);
        // Parentheses are no tokens of the outer level, so a subquery or a function would leave a gap.
        if sql[outer[from].end..end].contains('(') {
            return None;
        }
        let (table, called) = match behind {
            [table] => (table, table),
            [table, name] => (table, name),
            [table, word, name] if is(word, "as") => (table, name),
            _ => return None,
        };
        if !table.is_name() || !called.is_name() {
            return None;
        }
        let called = if std::ptr::eq(table, called) { last_part(table.text(sql)) } else { called.text(sql) };
        Some(Self {
            table: table.text(sql).into(),
            head: sql[..end].trim_end().into(),
            condition: condition.map(|place| sql[outer[place].end..].trim().into()),
            called: called.into(),
        })
    }

    /// The statement for the rows for which `column` of the table is in a range, given as conditions behind its name.
    pub fn within(&self, column: &str, conditions: &[String]) -> String {
        let range: Vec<String> =
            conditions.iter().map(|condition| format!("{}.{column} {condition}", self.called)).collect();
        let range = range.join(" AND ");
        match &self.condition {
            // The condition may end in a remark, so what follows it stands on a line of its own.
            Some(condition) => format!("{} WHERE {range} AND ({condition}\n)", self.head),
            None => format!("{}\nWHERE {range}", self.head),
        }
    }
}

/// The name of a table without its schema.
fn last_part(name: &str) -> &str {
    if name.ends_with(['"', '`', ']']) { name } else { name.rsplit('.').next().unwrap_or(name) }
}

/// The first word of a statement, in small letters.
pub fn first_word(sql: &str, dialect: Dialect) -> String {
    let tokens = tokens(sql, dialect).unwrap_or_default();
    tokens.all.first().map(|token| token.text(sql).to_ascii_lowercase()).unwrap_or_default()
}

/// The word that says what a statement does, in small letters: behind the tables of a `WITH`, else the first one.
pub fn verb(sql: &str, dialect: Dialect) -> String {
    const VERBS: [&str; 7] = ["select", "values", "table", "insert", "update", "delete", "merge"];
    let first = first_word(sql, dialect);
    if first != "with" {
        return first;
    }
    let tokens = tokens(sql, dialect).unwrap_or_default();
    let mut depth = 0_usize;
    for token in tokens.all {
        match token.text(sql) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            text if depth == 0 => {
                if let Some(verb) = VERBS.iter().find(|verb| text.eq_ignore_ascii_case(verb)) {
                    return (*verb).to_owned();
                }
            }
            _ => {}
        }
    }
    first
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
