//! SQLite: a file is opened, asked and read value by value.
//!
//! Rows are stepped through the C interface itself: asking each value for its type and content once, where it lies, is a
//! third of the calls that a safe wrapper needs for it. Nothing is allocated for a row.

use std::ffi::{CStr, c_int};
use std::path::Path;
use std::ptr;
use std::time::Instant;

use lab::{Problem, Stop};
use rusqlite::{Connection, OpenFlags, ffi};
use tabular::values::time::{self, Order};

use super::batches::Gatherer;
use super::column::Value;
use super::kind::Kind;
use super::part::{Answer, Ask, Named, Range, late};
use super::statements::Scan;

/// How many steps of its machine SQLite does between two looks at the clock: a tenth of a millisecond's.
const STEPS: c_int = 10_000;
/// The rows of a range of a large table.
const RANGE: i64 = 131_072;
/// The least file, in bytes, whose tables are read by ranges.
pub const LARGE: u64 = 8 << 20;

/// Asks a file one statement.
///
/// # Errors
/// A file that is no database, a statement that it does not understand, a deadline that passed.
pub fn ask(path: &Path, ask: &Ask<'_>, stop: &Stop) -> Result<Answer, Problem> {
    let database = open(path, ask, stop)?;
    let sql = match ask.range {
        Range::Whole => ask.sql.to_owned(),
        Range::Rows { .. } => {
            let scan =
                Scan::of(ask.sql).ok_or_else(|| Problem::new("the statement has no place for a range"))?;
            scan.within("rowid", &ask.range.conditions(""))
        }
        Range::Key { .. } => ask.by_key("`"),
    };
    let mut statement = Prepared::new(&database, &sql).map_err(|problem| problem.at(path.display()))?;
    if !ask.may_write && !statement.only_reads() {
        return Err(not_a_reader());
    }
    if statement.columns() == 0 {
        return changed(&database, &mut statement, ask, path);
    }
    rows(&mut statement, ask, stop).map_err(|problem| problem.at(path.display()))
}

/// What to say of a statement that would write.
pub fn not_a_reader() -> Problem {
    Problem::new("this statement changes the database, which is only read")
        .of_class("read-only")
        .hint("--write lets statements change databases")
}

fn open(path: &Path, ask: &Ask<'_>, stop: &Stop) -> Result<Connection, Problem> {
    let mode =
        if ask.may_write { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let cannot = |error: rusqlite::Error| {
        Problem::because("the database cannot be opened", &error)
            .at(path.display())
            .expected("an SQLite file")
    };
    let mut database =
        Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(cannot)?;
    let (deadline, stop) = (ask.deadline, stop.clone());
    let over = move || stop.asked() || deadline.is_some_and(|deadline| Instant::now() > deadline);
    database.progress_handler(STEPS, Some(over)).map_err(cannot)?;
    let patience = ask.deadline.map_or(std::time::Duration::from_secs(5), |deadline| {
        deadline.saturating_duration_since(Instant::now())
    });
    database.busy_timeout(patience).map_err(cannot)?;
    // Mapped pages are read where they lie in the page cache, without a copy and without a system call each.
    let settings = "PRAGMA mmap_size = 2147418112; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384";
    database.execute_batch(settings).map_err(cannot)?;
    Ok(database)
}

/// The ranges of a statement that reads a large table from one end to the other; one for any other.
///
/// # Errors
/// Those of [`ask`].
pub fn ranges(path: &Path, ask: &Ask<'_>, stop: &Stop) -> Result<Vec<Range>, Problem> {
    let whole = Ok(vec![Range::Whole]);
    let large = std::fs::metadata(path).is_ok_and(|found| found.len() >= LARGE);
    let Some(scan) = Scan::of(ask.sql).filter(|_| large && ask.key.is_none()) else {
        return if ask.key.is_some() { by_key(path, ask, stop) } else { whole };
    };
    let database = open(path, ask, stop)?;
    if !reads_each_row(&database, ask.sql) || !has_rowid(&database, &scan.table) {
        return whole;
    }
    let probe = format!("SELECT min(rowid), max(rowid) FROM {}", scan.table);
    let Ok((least, most)) = edges(&database, &probe) else { return whole };
    Ok(Range::rows(least, most, RANGE))
}

fn by_key(path: &Path, ask: &Ask<'_>, stop: &Stop) -> Result<Vec<Range>, Problem> {
    let database = open(path, ask, stop)?;
    let (least, most) = edges(&database, &ask.edges_of_key("`")).map_err(|error| {
        Problem::because("the edges of --key cannot be asked for", &error).at(path.display())
    })?;
    Ok(Range::keys(least, most, ask.parts))
}

fn edges(database: &Connection, sql: &str) -> rusqlite::Result<(Option<i64>, Option<i64>)> {
    database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Whether `rowid` means the place of a row in this table: a column of that name would hide it.
fn has_rowid(database: &Connection, table: &str) -> bool {
    let name = table.trim_matches(['"', '`']);
    let name = if name == table { name.rsplit('.').next().unwrap_or(name) } else { name };
    let sql = "SELECT count(*), count(*) FILTER (WHERE lower(name) = 'rowid') FROM pragma_table_info(?1)";
    let counts = database.query_row(sql, [name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    counts.is_ok_and(|(columns, hiding)| columns > 0 && hiding == 0)
}

/// Whether the compiled statement gives each row as it reads it: nothing is gathered, sorted or counted on the way.
fn reads_each_row(database: &Connection, sql: &str) -> bool {
    let steps = || -> rusqlite::Result<bool> {
        let mut explain = database.prepare(&format!("EXPLAIN {sql}"))?;
        let mut steps = explain.query([])?;
        let mut scans = 0;
        while let Some(step) = steps.next()? {
            match step.get_ref(1)?.as_str()? {
                "Rewind" => scans += 1,
                // What gathers rows first, goes backwards, ends early, or reads in another order than that of the rows.
                "AggStep" | "AggStep1" | "AggFinal" | "AggValue" | "SorterOpen" | "OpenEphemeral"
                | "OpenAutoindex" | "Last" | "DecrJumpZero" | "IfPos" | "SeekGE" | "SeekGT" | "SeekLE"
                | "SeekLT" | "DeferredSeek" | "InitCoroutine" | "VFilter" | "Count" | "IdxRowid" => {
                    return Ok(false);
                }
                _ => {}
            }
        }
        Ok(scans == 1)
    };
    steps().unwrap_or(false)
}

fn changed(
    database: &Connection,
    statement: &mut Prepared<'_>,
    ask: &Ask<'_>,
    path: &Path,
) -> Result<Answer, Problem> {
    let before = database.total_changes();
    while statement.step().map_err(|problem| statement.why(problem, ask).at(path.display()))? {}
    let changes = i64::try_from(database.total_changes() - before).unwrap_or(i64::MAX);
    Answer::changed(changes, ask)
}

fn rows(statement: &mut Prepared<'_>, ask: &Ask<'_>, stop: &Stop) -> Result<Answer, Problem> {
    let columns = statement.named();
    let times: Vec<Times> = (0..columns.len()).map(|column| Times::of(&statement.declared(column))).collect();
    let mut rows = Gatherer::new(columns.len(), ask.spool);
    let mut limited = false;
    while statement.step().map_err(|problem| statement.why(problem, ask))? {
        if ask.limit == Some(rows.rows()) {
            limited = true;
            break;
        }
        for (column, times) in times.iter().enumerate() {
            rows.push(column, times.read(statement.value(column)))?;
        }
        rows.end_row()?;
    }
    stop.check()?;
    Ok(Answer { columns, rows: rows.finish()?, limited })
}

/// Whether texts of a column are taken for days or moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Not,
    Date,
    Instant,
}

impl Times {
    fn of(declared: &str) -> Self {
        if declared.starts_with("TIMESTAMP") || declared.starts_with("DATETIME") {
            Self::Instant
        } else if declared.starts_with("DATE") {
            Self::Date
        } else {
            Self::Not
        }
    }

    #[inline]
    fn read(self, value: Value<'_>) -> Value<'_> {
        match (self, value) {
            (Self::Date, Value::Text(text)) => date(text).map_or(value, Value::Date),
            (Self::Instant, Value::Text(text)) => {
                instant(text).map_or(value, |micros| Value::Instant { micros, zoned: false })
            }
            (_, value) => value,
        }
    }
}

/// A day that is written back as it stood.
fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.get(4) == Some(&b'-') { time::date(bytes, Order::Ymd) } else { None }
}

/// A moment that is written back as it stood: `YYYY-MM-DD HH:MM:SS`, or with six digits of a fraction that is not zero.
#[inline]
fn instant(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if !matches!(bytes.len(), 19 | 26) || bytes[10] != b' ' || bytes[4] != b'-' {
        return None;
    }
    let moment = time::instant(bytes, Order::Ymd)?;
    let whole = bytes.len() == 19 && moment.fraction == 0 || moment.fraction == 6 && moment.nanos > 0;
    if whole && !moment.zoned { moment.micros() } else { None }
}

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

/// A compiled statement. It is used by one thread, and the connection outlives it.
struct Prepared<'a> {
    statement: *mut ffi::sqlite3_stmt,
    handle: *mut ffi::sqlite3,
    _database: &'a Connection,
}

#[allow(unsafe_code, reason = "SQLite is a C library")]
impl<'a> Prepared<'a> {
    fn new(database: &'a Connection, sql: &str) -> Result<Self, Problem> {
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
    fn why(&self, problem: Problem, ask: &Ask<'_>) -> Problem {
        // SAFETY: the handle is open.
        let code = unsafe { ffi::sqlite3_errcode(self.handle) };
        let over = ask.deadline.is_some_and(|deadline| Instant::now() > deadline);
        if over && matches!(code, ffi::SQLITE_INTERRUPT | ffi::SQLITE_BUSY) { late(ask) } else { problem }
    }

    fn only_reads(&self) -> bool {
        // SAFETY: the statement is compiled and not yet finalised.
        unsafe { ffi::sqlite3_stmt_readonly(self.statement) != 0 }
    }

    fn columns(&self) -> usize {
        // SAFETY: as above.
        usize::try_from(unsafe { ffi::sqlite3_column_count(self.statement) }).unwrap_or(0)
    }

    fn named(&self) -> Vec<Named> {
        let name = |column: usize| {
            // SAFETY: the column exists; its name is a C string that lasts as long as the statement, or null without memory.
            let name = unsafe { ffi::sqlite3_column_name(self.statement, number(column)) };
            let name = if name.is_null() { c"" } else { unsafe { CStr::from_ptr(name) } };
            Named { name: name.to_string_lossy().into_owned(), declared: kind_of(&self.declared(column)) }
        };
        (0..self.columns()).map(name).collect()
    }

    /// The declared type of a column in capitals; empty for an expression.
    fn declared(&self, column: usize) -> String {
        // SAFETY: the column exists; the type is a C string that lasts as long as the statement, or null for an expression.
        let declared = unsafe { ffi::sqlite3_column_decltype(self.statement, number(column)) };
        let declared = if declared.is_null() { c"" } else { unsafe { CStr::from_ptr(declared) } };
        declared.to_string_lossy().to_ascii_uppercase()
    }

    /// The next row; false when there is none.
    fn step(&mut self) -> Result<bool, Problem> {
        // SAFETY: the statement is compiled, and no value of the last row is borrowed any longer: they borrow from `self`.
        match unsafe { ffi::sqlite3_step(self.statement) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            _ => Err(self.problem("the database could not answer")),
        }
    }

    /// The value of a column of this row.
    #[inline]
    fn value(&self, column: usize) -> Value<'_> {
        // SAFETY: there is a row, and the column exists. The connection has no mutex and is used by this thread alone, which
        // is what makes an unprotected value safe to ask. Text and bytes lie in memory of the statement until the next
        // step, which needs `self` for itself.
        unsafe {
            let value = ffi::sqlite3_column_value(self.statement, number(column));
            match ffi::sqlite3_value_type(value) {
                ffi::SQLITE_INTEGER => Value::Int(ffi::sqlite3_value_int64(value)),
                ffi::SQLITE_FLOAT => Value::Real(ffi::sqlite3_value_double(value)),
                ffi::SQLITE_TEXT => {
                    let text = ffi::sqlite3_value_text(value);
                    let bytes = slice(text.cast(), ffi::sqlite3_value_bytes(value));
                    std::str::from_utf8(bytes).map_or(Value::Bytes(bytes), Value::Text)
                }
                ffi::SQLITE_BLOB => {
                    let blob = ffi::sqlite3_value_blob(value);
                    Value::Bytes(slice(blob.cast(), ffi::sqlite3_value_bytes(value)))
                }
                _ => Value::Null,
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
