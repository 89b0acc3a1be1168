//! SQL as words, texts and signs with their places, as far as splitting and recognising statements needs it.
//!
//! `sqlparser` tokenizes. Its tokens must cover the text without a gap, and a token whose end the database may see elsewhere
//! ([`doubtful`]) is an error: a statement that is cut in the wrong place would be another statement.

use lab::Problem;
use sqlparser::tokenizer::{Location, Token as Theirs, Tokenizer, Whitespace};

use super::dialect::Dialect;

/// A name with its dots, a quoted text or a single sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Dot,
    Remark,
    Other,
}

impl Token {
    /// The token as it stands there.
    pub(super) fn text(self, sql: &str) -> &str {
        &sql[self.start..self.end]
    }

    /// True for a name, quoted or not, with or without a schema.
    pub(super) fn is_name(self) -> bool {
        self.kind == Kind::Name
    }

    /// True for this word, in any case of its letters.
    pub(super) fn is_word(self, sql: &str, word: &str) -> bool {
        self.kind == Kind::Name && self.text(sql).eq_ignore_ascii_case(word)
    }
}

/// The tokens of a text, and its remarks of one line.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Without white space and remarks.
    pub(super) all: Vec<Token>,
    /// The remarks of one line.
    pub(super) remarks: Vec<Token>,
}

/// Tokenizes a text.
///
/// # Errors
/// A string, quoted name or comment without an end, and a token of which it is not sure where the database sees its end.
pub(super) fn tokens(sql: &str, dialect: Dialect) -> Result<Tokens, Problem> {
    let found = Tokenizer::new(dialect.rules(), sql).with_unescape(false).tokenize_with_location();
    let found = found.map_err(|error| {
        Problem::new(format!("the SQL cannot be read as that of {}: {}", dialect.name(), error.message))
            .of_class("sql")
            .at(place(error.location))
            .expected("strings, quoted names and comments that are closed")
    })?;

    let mut tokens = Tokens::default();
    let mut cursor = Cursor { sql, byte: 0, at: Location { line: 1, column: 1 } };
    for token in found {
        let start = cursor.byte;
        let gap = cursor.at != token.span.start;
        if gap || !cursor.advance(token.span.end) || doubtful(&token.token, &sql[start..], dialect) {
            return Err(Problem::new(format!(
                "the end of this token is not certain in the SQL of {}",
                dialect.name()
            ))
            .of_class("sql")
            .at(place(token.span.start))
            .hint("write it in another way, or send the statement alone and in a file of its own"));
        }

        let kind = match &token.token {
            Theirs::Whitespace(Whitespace::SingleLineComment { .. }) => Kind::Remark,
            Theirs::Whitespace(Whitespace::MultiLineComment(text)) if runs(text, dialect) => Kind::Other,
            Theirs::Whitespace(_) => continue,
            Theirs::Word(_) => Kind::Name,
            Theirs::Period => Kind::Dot,
            _ => Kind::Other,
        };
        let token = Token { start, end: cursor.byte, kind };
        match kind {
            Kind::Remark => tokens.remarks.push(token),
            _ => push(&mut tokens.all, token),
        }
    }
    Ok(tokens)
}

/// Adds a token; `schema.table` is one token, like the name that it is.
fn push(all: &mut Vec<Token>, token: Token) {
    if let [.., name, dot] = all.as_mut_slice()
        && (name.kind, dot.kind, token.kind) == (Kind::Name, Kind::Dot, Kind::Name)
        && name.end == dot.start
        && dot.end == token.start
    {
        name.end = token.end;
        all.pop();
        return;
    }
    all.push(token);
}

/// True for a comment whose text MariaDB runs: `/*! … */`, `/*M! … */`.
fn runs(comment: &str, dialect: Dialect) -> bool {
    dialect == Dialect::MariaDb && (comment.starts_with('!') || comment.starts_with("M!"))
}

/// True for a token whose end `sqlparser` and the database may see in different places.
fn doubtful(token: &Theirs, rest: &str, dialect: Dialect) -> bool {
    match token {
        // The tokenizer takes backslashes for escapes in these, and the databases do not, or the other way round.
        Theirs::HexStringLiteral(text) => text.contains('\\'),
        Theirs::DoubleQuotedByteStringLiteral(text) | Theirs::SingleQuotedByteStringLiteral(text) => {
            dialect == Dialect::MariaDb && text.contains('\\')
        }

        // SQLite ends `[name]` at the first bracket. Behind `@` any sign at all was taken for a letter.
        Theirs::Word(word) => match word.quote_style {
            Some('[') => word.value.contains(']'),
            Some(_) => false,
            None => !word.value.chars().all(|part| dialect.rules().is_identifier_part(part) || part == '.'),
        },

        // These took the sign along with which a comment begins.
        Theirs::PGSquareRoot => rest.starts_with("|/*"),
        Theirs::PGCubeRoot => rest.starts_with("||/*"),
        Theirs::HashMinus => rest.starts_with("#--"),

        // MariaDB asks for ASCII white space or a control character behind `--`.
        Theirs::Whitespace(Whitespace::SingleLineComment { prefix, comment }) => {
            dialect == Dialect::MariaDb
                && prefix == "--"
                && !comment.starts_with(|first: char| first.is_ascii_whitespace() || first == '\u{b}')
        }
        Theirs::Minus if dialect == Dialect::MariaDb => {
            let behind = rest.strip_prefix("--").map(|rest| rest.chars().next());
            behind.is_some_and(|next| next.is_none_or(char::is_control))
        }

        // PostgreSQL has tags of other letters, and none that begins with a digit.
        Theirs::DollarQuotedString(quoted) => {
            quoted.tag.as_ref().is_some_and(|tag| tag.starts_with(|first: char| first.is_numeric()))
        }
        Theirs::Placeholder(text) if dialect == Dialect::Postgres && text.starts_with('$') => {
            !text[1..].chars().all(|digit| digit.is_ascii_digit())
                || text.len() == 1
                || rest[text.len()..].starts_with(|next: char| next == '$' || !next.is_ascii())
        }
        // A variable of SQLite may hold anything in parentheses.
        Theirs::Placeholder(text) => {
            dialect == Dialect::Sqlite && text.len() > 1 && rest[text.len()..].starts_with(['(', ':'])
        }
        _ => false,
    }
}

fn place(at: Location) -> String {
    format!("line {}, column {}", at.line, at.column)
}

/// A place in the text, in bytes and as the tokenizer counts.
struct Cursor<'a> {
    sql: &'a str,
    byte: usize,
    at: Location,
}

impl Cursor<'_> {
    /// Goes on to a place of the tokenizer; false where the text has no such place.
    fn advance(&mut self, to: Location) -> bool {
        for letter in self.sql[self.byte..].chars() {
            if self.at == to {
                break;
            }
            self.byte += letter.len_utf8();
            if letter == '\n' {
                self.at = Location { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.at == to
    }
}
