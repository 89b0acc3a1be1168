//! SQLite: a file is opened, asked and read value by value.
//!
//! Rows are stepped through the C interface itself: asking each value for its type and content once, where it lies, is a
//! third of the calls that a safe wrapper needs for it. Nothing is allocated for a row.

mod at_hand;
mod grouped;
mod prepared;
mod times;

use std::ffi::c_int;
use std::path::Path;
use std::time::Instant;

use lab::{Problem, Stop};
use rusqlite::{Connection, OpenFlags};

use self::grouped::Grouped;
use self::prepared::Prepared;
use self::times::Times;
use super::batches::Gatherer;
use super::part::{Answer, Ask};
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
    if let Some(grouped) = Grouped::of(&sql).filter(|_| !ask.may_write && sorts_for_groups(&database, &sql)) {
        let gathered = grouped.gather(&database, &statement, ask, stop);
        if let Some(answer) = gathered.map_err(|problem| problem.at(path.display()))? {
            return Ok(answer);
        }
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

/// Whether SQLite would sort the rows of this statement to find its groups, and texts are compared by their bytes.
fn sorts_for_groups(database: &Connection, sql: &str) -> bool {
    let sorts = || -> rusqlite::Result<bool> {
        let mut explain = database.prepare(&format!("EXPLAIN {sql}"))?;
        let mut steps = explain.query([])?;
        while let Some(step) = steps.next()? {
            if step.get_ref(1)?.as_str()? == "SorterOpen" {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let plain = "SELECT count(*) = 0 FROM sqlite_schema WHERE sql LIKE '%collate%'";
    sorts().unwrap_or(false)
        && database.query_row(plain, [], |row| row.get(0)).unwrap_or(false)
        && database
            .query_row("PRAGMA encoding", [], |row| Ok(row.get::<_, String>(0)? == "UTF-8"))
            .unwrap_or(false)
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
