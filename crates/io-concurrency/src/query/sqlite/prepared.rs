//! A compiled statement, stepped through the C interface itself.

use std::ffi::{CStr, c_int};
use std::ptr;
use std::time::Instant;

use lab::Problem;
use rusqlite::{Connection, ffi};

use super::times::Times;
use crate::query::column::Value;
use crate::query::kind::Kind;
use crate::query::part::{Ask, Named, late};

/// The kind of a column without values, by the rules of SQLite for what a declaration means
/// (<https://www.sqlite.org/datatype3.html>, section 3.1).
fn kind_of(declared: &str) -> Kind {
    let has = |word: &str| declared.contains(word);
    match Times::of(declared) {
        Times::Instant => return Kind::Instant { zoned: false },
        Times::Date => return Kind::Date,
        Times::Not => {}
    }
    if has("INT") {
        Kind::Int { wide: false }
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Kind::Text
    } else if has("BLOB") {
        Kind::Bytes
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Kind::Real
    } else {
        Kind::Null
    }
}

/// A value as SQLite keeps it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    Null,
    Int(i64),
    Real(f64),
    /// Text as it was stored, which need not be UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

/// A compiled statement. It is used by one thread, and the connection outlives it.
pub(super) struct Prepared<'a> {
    statement: *mut ffi::sqlite3_stmt,
    handle: *mut ffi::sqlite3,
    _database: &'a Connection,
}

#[allow(unsafe_code, reason = "SQLite is a C library")]
impl<'a> Prepared<'a> {
    pub(super) fn new(database: &'a Connection, sql: &str) -> Result<Self, Problem> {
        let mut statement = ptr::null_mut();
        let length = c_int::try_from(sql.len()).map_err(|_| Problem::new("the statement is too long"))?;
        // SAFETY: the handle is that of an open connection, which `database` keeps open for as long as this lives, and the
        // text has the length that is given.
        let (handle, code) = unsafe {
            let handle = database.handle();
            (
                handle,
                ffi::sqlite3_prepare_v2(
                    handle,
                    sql.as_ptr().cast(),
                    length,
                    &raw mut statement,
                    ptr::null_mut(),
                ),
            )
        };
        let prepared = Self { statement, handle, _database: database };
        if code == ffi::SQLITE_OK && !statement.is_null() {
            Ok(prepared)
        } else {
            Err(prepared.problem("the statement is not understood"))
        }
    }

    fn problem(&self, what: &str) -> Problem {
        // SAFETY: the handle is open, and the message is a C string that lasts until the next call; it is copied at once.
        let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(self.handle)) };
        Problem::new(format!("{what}: {}", message.to_string_lossy())).of_class("sql")
    }

    /// What a failed step means: the deadline, or the database's own word.
    pub(super) fn why(&self, problem: Problem, ask: &Ask<'_>) -> Problem {
        // SAFETY: the handle is open.
        let code = unsafe { ffi::sqlite3_errcode(self.handle) };
        let over = ask.deadline.is_some_and(|deadline| Instant::now() > deadline);
        if over && matches!(code, ffi::SQLITE_INTERRUPT | ffi::SQLITE_BUSY) { late(ask) } else { problem }
    }

    pub(super) fn only_reads(&self) -> bool {
        // SAFETY: the statement is compiled and not yet finalised.
        unsafe { ffi::sqlite3_stmt_readonly(self.statement) != 0 }
    }

    pub(super) fn columns(&self) -> usize {
        // SAFETY: as above.
        usize::try_from(unsafe { ffi::sqlite3_column_count(self.statement) }).unwrap_or(0)
    }

    pub(super) fn named(&self) -> Vec<Named> {
        let name = |column: usize| {
            // SAFETY: the column exists; its name is a C string that lasts as long as the statement, or null without memory.
            let name = unsafe { ffi::sqlite3_column_name(self.statement, number(column)) };
            // SAFETY: it is that C string, and is copied at once.
            let name = if name.is_null() { c"" } else { unsafe { CStr::from_ptr(name) } };
            Named { name: name.to_string_lossy().into_owned(), declared: kind_of(&self.declared(column)) }
        };
        (0..self.columns()).map(name).collect()
    }

    /// The declared type of a column in capitals; empty for an expression.
    pub(super) fn declared(&self, column: usize) -> String {
        // SAFETY: the column exists; the type is a C string that lasts as long as the statement, or null for an expression.
        let declared = unsafe { ffi::sqlite3_column_decltype(self.statement, number(column)) };
        // SAFETY: it is that C string, and is copied at once.
        let declared = if declared.is_null() { c"" } else { unsafe { CStr::from_ptr(declared) } };
        declared.to_string_lossy().to_ascii_uppercase()
    }

    /// The next row; false when there is none.
    pub(super) fn step(&mut self) -> Result<bool, Problem> {
        // SAFETY: the statement is compiled, and no value of the last row is borrowed any longer: they borrow from `self`.
        match unsafe { ffi::sqlite3_step(self.statement) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            _ => Err(self.problem("the database could not answer")),
        }
    }

    /// The value of a column of this row. Text that is not UTF-8 is bytes.
    #[inline]
    pub(super) fn value(&self, column: usize) -> Value<'_> {
        match self.raw(column) {
            Raw::Null => Value::Null,
            Raw::Int(value) => Value::Int(value),
            Raw::Real(value) => Value::Real(value),
            Raw::Text(text) => std::str::from_utf8(text).map_or(Value::Bytes(text), Value::Text),
            Raw::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    /// The value of a column of this row as SQLite keeps it.
    #[inline]
    pub(super) fn raw(&self, column: usize) -> Raw<'_> {
        // SAFETY: there is a row, and the column exists. The connection has no mutex and is used by this thread alone, which
        // is what makes an unprotected value safe to ask. Text and bytes lie in memory of the statement until the next
        // step, which needs `self` for itself.
        unsafe {
            let value = ffi::sqlite3_column_value(self.statement, number(column));
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => Raw::Int(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_FLOAT => Raw::Real(ffi::sqlite3_value_double(value)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_value_text(value);
                    Raw::Text(slice(text.cast(), ffi::sqlite3_value_bytes(value)))
                }
                ffi::SQLITE_BLOB => {
                    let blob = ffi::sqlite3_value_blob(value);
                    Raw::Bytes(slice(blob.cast(), ffi::sqlite3_value_bytes(value)))
                }
                _ => Raw::Null,
            }
        }
    }
}

/// The bytes at a place; none at null, which is how SQLite gives an empty blob.
///
/// # Safety
/// So many bytes can be read there for as long as the answer is used.
#[allow(unsafe_code, reason = "SQLite is a C library")]
unsafe fn slice<'a>(place: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        // SAFETY: the caller's promise.
        Ok(length @ 1..) if !place.is_null() => unsafe { std::slice::from_raw_parts(place, length) },
        _ => &[],
    }
}

fn number(column: usize) -> c_int {
    c_int::try_from(column).unwrap_or(c_int::MAX)
}

#[allow(unsafe_code, reason = "SQLite is a C library")]
impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        // SAFETY: it is finalised once, before its connection is closed; null is allowed.
        unsafe { ffi::sqlite3_finalize(self.statement) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_as_it_was_written_and_no_bytes_are_none() {
        let database = Connection::open_in_memory().unwrap();
        let rows = "CREATE TABLE t (i INTEGER, r REAL, x TEXT, b BLOB);
            INSERT INTO t VALUES (-7, 0.5, 'a' || char(0) || 'é', x'00ff'), (NULL, NULL, '', x''),
            (9223372036854775807, 1e300, CAST(x'ff' AS TEXT), zeroblob(3));";
        database.execute_batch(rows).unwrap();
        let mut prepared = Prepared::new(&database, "SELECT *, i + 1 AS \"next one\" FROM t").unwrap();
        let mut shown = Vec::new();
        while prepared.step().unwrap() {
            shown.push(
                (0..4).map(|column| format!("{:?}", prepared.value(column))).collect::<Vec<_>>().join(" "),
            );
        }
        let expected = [
            "Int(-7) Real(0.5) Text(\"a\\0é\") Bytes([0, 255])",
            "Null Null Text(\"\") Bytes([])",
            "Int(9223372036854775807) Real(1e300) Bytes([255]) Bytes([0, 0, 0])",
        ];
        assert_eq!(shown, expected);
        let named: Vec<_> = prepared.named().into_iter().map(|named| named.name).collect();
        assert_eq!(named, ["i", "r", "x", "b", "next one"]);
        assert_eq!((prepared.declared(0).as_str(), prepared.declared(4).as_str()), ("INTEGER", ""));
        assert!(prepared.only_reads() && prepared.columns() == 5);
    }

    #[test]
    fn a_statement_that_is_none_and_one_that_fails_have_the_databases_word() {
        let database = Connection::open_in_memory().unwrap();
        for sql in ["SELEC 1", "", "-- nothing"] {
            assert!(Prepared::new(&database, sql).is_err(), "{sql}");
        }
        let mut failing = Prepared::new(&database, "SELECT abs(-9223372036854775808)").unwrap();
        let why = failing.step().unwrap_err().to_string();
        assert!(why.contains("integer overflow"), "{why}");
    }
}
