//! The SQL dialects of the databases, as `sqlparser`'s tokenizer needs them.
//!
//! The dialects of `sqlparser` are made for its parser. Three of their habits would move the end of a string or a comment, so
//! the dialects here answer otherwise: an operator of PostgreSQL never takes the `--` or `/*` of a comment along, the escapes
//! of `U&'…'` are left to the server, and MariaDB's `/*! … */` stays one token.

use std::any::TypeId;

use serde::{Deserialize, Serialize};
use sqlparser::dialect::{self as theirs, Dialect as Rules};

/// The SQL of a kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL with `standard_conforming_strings`, as our connections set it.
    Postgres,
    /// `MariaDB` and `MySQL` without `NO_BACKSLASH_ESCAPES`, as our connections set it.
    MariaDb,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MariaDb];

    /// The rules of its tokens.
    pub(super) fn rules(self) -> &'static dyn Rules {
        match self {
            Self::Sqlite => &theirs::SQLiteDialect {},
            Self::Postgres => &Postgres,
            Self::MariaDb => &MariaDb,
        }
    }

    /// The name of the databases that speak it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        }
    }
}

#[derive(Debug)]
struct Postgres;

impl Rules for Postgres {
    /// Some branches of the tokenizer ask for this type.
    fn dialect(&self) -> TypeId {
        TypeId::of::<theirs::PostgreSqlDialect>()
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        theirs::PostgreSqlDialect {}.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        theirs::PostgreSqlDialect {}.is_identifier_part(letter)
    }

    fn is_delimited_identifier_start(&self, sign: char) -> bool {
        sign == '"'
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct MariaDb;

impl Rules for MariaDb {
    /// Some branches of the tokenizer ask for this type.
    fn dialect(&self) -> TypeId {
        TypeId::of::<theirs::MySqlDialect>()
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        theirs::MySqlDialect {}.is_identifier_start(letter)
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        theirs::MySqlDialect {}.is_identifier_part(letter)
    }

    fn is_delimited_identifier_start(&self, sign: char) -> bool {
        sign == '`'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn supports_numeric_prefix(&self) -> bool {
        true
    }

    fn requires_single_line_comment_whitespace(&self) -> bool {
        true
    }
}
