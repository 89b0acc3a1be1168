//! What is asked: the statements of a text, and where a range can be put into one.

use lab::Problem;
use serde::{Deserialize, Serialize};

use super::tokens::{Token, tokens};

/// One statement and what its answer is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// From a remark `-- name: …` before it, else `query-1` and so on.
    pub name: String,
    /// Without the semicolon.
    pub sql: String,
}

/// The statements of a text, which semicolons set apart, but for those in quotes and remarks.
///
/// # Errors
/// A text without any statement, and two of one name.
pub fn statements(text: &str) -> Result<Vec<Statement>, Problem> {
    let mut found: Vec<Statement> = Vec::new();
    let mut start = 0;
    let ends = tokens(text).into_iter().filter(|token| token.text(text) == ";").map(|token| token.start);
    for end in ends.chain([text.len()]) {
        let piece = &text[start..end];
        start = (end + 1).min(text.len());
        let Some(first) = tokens(piece).first().map(|token| token.start) else { continue };
        let name = piece[..first].lines().rev().find_map(|line| line.trim().strip_prefix("-- name:"));
        let name = name.map_or_else(|| format!("query-{}", found.len() + 1), |name| name.trim().to_owned());
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(Problem::new(format!("`{name}` cannot be the name of a table"))
                .expected("a name that a file may have"));
        }
        if found.iter().any(|statement| statement.name == name) {
            return Err(Problem::new(format!("two statements are called {name}")));
        }
        found.push(Statement { name, sql: piece[first..].trim_end().to_owned() });
    }
    if found.is_empty() { Err(Problem::new("there is no statement")) } else { Ok(found) }
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
    /// What the table is called in the statement.
    called: String,
}

/// What makes a statement more than a reading of one table, row by row.
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
    pub fn of(sql: &str) -> Option<Self> {
        let tokens = tokens(sql);
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
        let is = |token: &Token, word: &str| token.text(sql).eq_ignore_ascii_case(word);
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
        let named = |token: &Token| token.is_name(sql);
        if !named(table) || !named(called) {
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
pub fn first_word(sql: &str) -> String {
    tokens(sql).first().map(|token| token.text(sql).to_ascii_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_in_quotes_and_remarks_end_no_statement() {
        let text = "-- name: one\nSELECT ';' -- a; b\n, \"x;\"; /* ; */ ;\nDO $f$ a; b $f$;\n";
        let found = statements(text).unwrap();
        let pairs: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.sql.as_str())).collect();
        assert_eq!(pairs, [("one", "SELECT ';' -- a; b\n, \"x;\""), ("query-2", "DO $f$ a; b $f$")]);
        assert!(statements(" ; -- nothing\n").is_err());
        assert!(statements("-- name: ../x\nSELECT 1").is_err());
    }

    #[track_caller]
    fn check(sql: &str, expected: Option<&str>) {
        let found = Scan::of(sql).map(|scan| scan.within("rowid", &[">= 1".into(), "< 5".into()]));
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn a_range_goes_into_a_statement_that_reads_one_table() {
        check("SELECT * FROM sale", Some("SELECT * FROM sale\nWHERE sale.rowid >= 1 AND sale.rowid < 5"));
        check(
            "select a, (select 1 from b) from x.sale s -- c",
            Some("select a, (select 1 from b) from x.sale s -- c\nWHERE s.rowid >= 1 AND s.rowid < 5"),
        );
        check(
            "SELECT a FROM sale AS s WHERE a = ')' OR b -- x",
            Some("SELECT a FROM sale AS s WHERE s.rowid >= 1 AND s.rowid < 5 AND (a = ')' OR b -- x\n)"),
        );
    }

    #[test]
    fn no_range_goes_into_any_other() {
        for sql in [
            "SELECT DISTINCT a FROM t",
            "SELECT a FROM t LIMIT 5",
            "SELECT a FROM t, u",
            "SELECT a FROM t JOIN u USING (a)",
            "SELECT a FROM (SELECT 1 AS a)",
            "SELECT a FROM t UNION SELECT a FROM u",
            "SELECT a FROM t ORDER BY a",
            "WITH t AS (SELECT 1) SELECT * FROM t",
            "DELETE FROM t",
            "SELECT 1",
            "SELECT a FROM f(1)",
        ] {
            check(sql, None);
        }
    }
}
