//! SQLite: a file is opened, asked and read value by value, where it lies.

mod times;

use std::ffi::c_int;
use std::path::Path;
use std::time::Instant;

use lab::{Problem, Stop};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Statement};

use self::times::Times;
use super::batches::Gatherer;
use super::column::Value;
use super::dialect::Dialect::Sqlite;
use super::kind::Kind;
use super::part::{Answer, Ask, Named, late};
use super::range::Range;
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
            let scan = Scan::of(ask.sql, Sqlite)
                .ok_or_else(|| Problem::new("the statement has no place for a range"))?;
            scan.within("rowid", &ask.range.conditions(""))
        }
        Range::Key { .. } => ask.by_key("`"),
    };
    let refused = |error: Error| refused(&error, ask).at(path.display());
    let mut statement = database.prepare(&sql).map_err(refused)?;
    if !ask.may_write && !statement.readonly() {
        return Err(not_a_reader());
    }
    if statement.column_count() == 0 {
        return changed(&database, &mut statement, ask).map_err(|problem| problem.at(path.display()));
    }
    rows(&mut statement, ask, stop).map_err(|problem| problem.at(path.display()))
}

/// The database's own word, or that the time is over.
fn refused(error: &Error, ask: &Ask<'_>) -> Problem {
    let over = ask.deadline.is_some_and(|deadline| Instant::now() > deadline);
    let ended =
        matches!(error.sqlite_error_code(), Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy));
    if over && ended {
        return late(ask);
    }
    let said = match error {
        Error::SqliteFailure(_, Some(said)) | Error::SqlInputError { msg: said, .. } => said.clone(),
        other => other.to_string(),
    };
    Problem::new(format!("the database could not answer: {said}")).of_class("sql")
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
    if !path.is_file() {
        return Err(Problem::new("there is no such database").at(path.display()).expected("an SQLite file"));
    }
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
    let settings = "PRAGMA mmap_size = 2147418112; PRAGMA cache_size = -16384";
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
    let Some(scan) = Scan::of(ask.sql, Sqlite).filter(|_| large && ask.key.is_none()) else {
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

fn changed(database: &Connection, statement: &mut Statement<'_>, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let before = database.total_changes();
    let mut rows = statement.query([]).map_err(|error| refused(&error, ask))?;
    while rows.next().map_err(|error| refused(&error, ask))?.is_some() {}
    let changes = i64::try_from(database.total_changes() - before).unwrap_or(i64::MAX);
    Answer::changed(changes, ask)
}

fn rows(statement: &mut Statement<'_>, ask: &Ask<'_>, stop: &Stop) -> Result<Answer, Problem> {
    let (mut columns, mut times) = (Vec::new(), Vec::new());
    for column in statement.columns() {
        let declared = column.decl_type().unwrap_or_default().to_ascii_uppercase();
        columns.push(Named { name: column.name().to_owned(), declared: kind_of(&declared) });
        times.push(Times::of(&declared));
    }

    let mut rows = Gatherer::new(columns.len(), ask.spool);
    let mut limited = false;
    let mut found = statement.query([]).map_err(|error| refused(&error, ask))?;
    while let Some(row) = found.next().map_err(|error| refused(&error, ask))? {
        if ask.limit == Some(rows.rows()) {
            limited = true;
            break;
        }
        for (column, times) in times.iter().enumerate() {
            let value = row.get_ref(column).map_err(|error| refused(&error, ask))?;
            rows.push(column, times.read(value_of(value)))?;
        }
        rows.end_row()?;
    }
    stop.check()?;
    Ok(Answer { columns, rows: rows.finish()?, limited })
}

/// A value as SQLite keeps it. Text that is not UTF-8 is bytes.
#[inline]
fn value_of(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(text) => std::str::from_utf8(text).map_or(Value::Bytes(text), Value::Text),
        ValueRef::Blob(bytes) => Value::Bytes(bytes),
    }
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

#[cfg(test)]
mod tests;
