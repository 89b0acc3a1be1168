//! The text of a filter to its expression, by recursive descent.

use std::fmt;

use super::Comparison;

/// Parentheses and `not` within each other, at most: a text cannot exhaust the stack.
const DEPTH: usize = 64;

/// The longer ones first: `<` is the beginning of others.
const SIGNS: [(&str, Comparison); 8] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("!=", Comparison::NotEqual),
    ("<>", Comparison::NotEqual),
    ("==", Comparison::Equal),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    IsNull(String),
    Compare(String, Comparison, Literal),
}

impl Expression {
    pub(super) fn columns<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.columns(names)),
            Self::Not(part) => part.columns(names),
            Self::IsNull(name) | Self::Compare(name, ..) => names.push(name),
        }
    }
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Number(String),
    Text(String),
    Flag(bool),
}

impl fmt::Display for Literal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(text) => out.write_str(text),
            Self::Text(text) => write!(out, "'{text}'"),
            Self::Flag(flag) => flag.fmt(out),
        }
    }
}

pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The whole text as one expression.
    pub(super) fn whole(mut self) -> Result<Expression, String> {
        let expression = self.any()?;
        if self.rest().is_empty() { Ok(expression) } else { self.expected("`and`, `or` or the end") }
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn one(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.expected(&format!("at most {DEPTH} levels"));
        }
        let one = if self.word("not") {
            Expression::Not(Box::new(self.one()?))
        } else if self.sign("(") {
            let inner = self.any()?;
            if !self.sign(")") {
                return self.expected("`)`");
            }
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(one)
    }

    fn condition(&mut self) -> Result<Expression, String> {
        let name = self.column()?;
        if self.word("is") {
            let not = self.word("not");
            if !self.word("null") {
                return self.expected("`null`");
            }
            return Ok(negated(not, Expression::IsNull(name)));
        }
        let not = self.word("not");
        if self.word("in") {
            return self.list(&name).map(|list| negated(not, list));
        }
        if not {
            return self.expected("`in`");
        }
        let Some((_, comparison)) = SIGNS.into_iter().find(|(sign, _)| self.sign(sign)) else {
            return self.expected("a comparison, `in` or `is`");
        };
        Ok(Expression::Compare(name, comparison, self.literal()?))
    }

    /// `(1, 2, 3)`: any of them.
    fn list(&mut self, name: &str) -> Result<Expression, String> {
        if !self.sign("(") {
            return self.expected("`(`");
        }
        let mut parts = Vec::new();
        loop {
            parts.push(Expression::Compare(name.to_owned(), Comparison::Equal, self.literal()?));
            if self.sign(")") {
                return Ok(Expression::Any(parts));
            }
            if !self.sign(",") {
                return self.expected("`,` or `)`");
            }
        }
    }

    fn column(&mut self) -> Result<String, String> {
        if let Some(name) = self.quoted('"')? {
            return Ok(name);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
        if end == 0 {
            return self.expected("the name of a column");
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn literal(&mut self) -> Result<Literal, String> {
        if let Some(text) = self.quoted('\'')? {
            return Ok(Literal::Text(text));
        }
        for (word, flag) in [("true", true), ("false", false)] {
            if self.word(word) {
                return Ok(Literal::Flag(flag));
            }
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
        let number = &rest[..end.unwrap_or(rest.len())];
        if number.parse::<f64>().is_err() {
            return self.expected("a number, a text in single quotes, true or false");
        }
        self.at += number.len();
        Ok(Literal::Number(number.to_owned()))
    }

    /// What stands between two quotes; a doubled quote is one.
    fn quoted(&mut self, quote: char) -> Result<Option<String>, String> {
        let Some(inner) = self.rest().strip_prefix(quote) else { return Ok(None) };
        let mut text = String::new();
        let mut letters = inner.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter != quote {
                text.push(letter);
            } else if letters.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.at += 1 + at + 1;
                return Ok(Some(text));
            }
        }
        self.at = self.text.len();
        self.expected(&format!("a closing {quote}"))
    }

    /// Takes a keyword, in any case.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    /// What is left, without the space before it.
    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn expected<T>(&mut self, what: &str) -> Result<T, String> {
        let rest: String = self.rest().chars().take(12).collect();
        let found = if rest.is_empty() { "the end".to_owned() } else { format!("`{rest}`") };
        let place = self.text[..self.at].chars().count() + 1;
        Err(format!("expected {what} at character {place}, found {found}"))
    }
}

fn negated(not: bool, expression: Expression) -> Expression {
    if not { Expression::Not(Box::new(expression)) } else { expression }
}
