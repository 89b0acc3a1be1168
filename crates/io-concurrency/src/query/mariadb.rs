//! `MariaDB` and `MySQL`, by the binary protocol of prepared statements.

use lab::Problem;
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::Queryable;
use mysql_async::{Column as Described, Conn, Opts};
use tabular::calendar;

use super::batches::Gatherer;
use super::column::Value;
use super::dialect::Dialect::MariaDb;
use super::kind::Kind;
use super::part::{Answer, Ask, Named, late};
use super::range::Range;
use super::statements::first_word;

/// The character set of what is no text.
const BINARY: u16 = 63;

/// Asks a database one statement.
///
/// # Errors
/// A server that does not answer or refuses, with its code.
pub async fn ask(url: &str, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let sql = match ask.range {
        Range::Key { .. } => ask.by_key("`"),
        _ => limited(ask),
    };
    let mut connection = connect(url, ask).await?;
    let answer = rows(&mut connection, &sql, ask).await;
    if answer.is_ok() {
        let end = if ask.may_write { "COMMIT" } else { "ROLLBACK" };
        connection.query_drop(end).await.map_err(|error| refused(&error, ask))?;
    }
    // Whatever it says good-bye with, the answer is there.
    let _ = connection.disconnect().await;
    answer
}

/// The ranges of a statement with a key; one of any other.
///
/// # Errors
/// Those of [`ask`].
pub async fn ranges(url: &str, ask: &Ask<'_>) -> Result<Vec<Range>, Problem> {
    if ask.key.is_none() {
        return Ok(vec![Range::Whole]);
    }
    let mut connection = connect(url, ask).await?;
    let edges = connection.exec_first(ask.edges_of_key("`"), ()).await;
    let edges: Option<(Option<i64>, Option<i64>)> = edges.map_err(|error| refused(&error, ask))?;
    let _ = connection.disconnect().await;
    let (least, most) = edges.unwrap_or_default();
    Ok(Range::keys(least, most, ask.parts))
}

/// The statement, and one row more than are wanted.
fn limited(ask: &Ask<'_>) -> String {
    match (ask.limit, first_word(ask.sql, MariaDb).as_str()) {
        (Some(limit), "select" | "with" | "values") => {
            // Two columns of one name cannot stand in a subquery, so the server is told in its own way.
            format!("SET STATEMENT sql_select_limit = {} FOR {}", limit.saturating_add(1), ask.sql)
        }
        _ => ask.sql.to_owned(),
    }
}

async fn connect(url: &str, ask: &Ask<'_>) -> Result<Conn, Problem> {
    let cannot = |error: &dyn std::error::Error| {
        Problem::because("the database cannot be reached", error)
            .of_class("connect")
            .expected("mysql://USER:PASSWORD@HOST:PORT/DATABASE")
    };
    let opts = Opts::from_url(url).map_err(|error| cannot(&error))?;
    let mut connection = Conn::new(opts).await.map_err(|error| cannot(&error))?;
    if let Some(timeout) = ask.timeout {
        // MySQL has another name for it; the deadline on our side holds anyway.
        let _ = connection
            .query_drop(format!("SET SESSION max_statement_time = {}", timeout.as_secs_f64()))
            .await;
    }
    // Times are in UTC, whatever the server's own zone is, and strings end where the tokenizer saw their ends.
    let settings = "SET SESSION time_zone = '+00:00', \
        SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')";
    let mode = if ask.may_write { "READ WRITE" } else { "READ ONLY" };
    for setting in [settings.to_owned(), format!("START TRANSACTION {mode}")] {
        connection.query_drop(setting).await.map_err(|error| refused(&error, ask))?;
    }
    Ok(connection)
}

/// What the server said, with its code.
fn refused(error: &mysql_async::Error, ask: &Ask<'_>) -> Problem {
    let mysql_async::Error::Server(said) = error else {
        return Problem::because("the database could not answer", error).of_class("connection");
    };
    match said.code {
        // ER_STATEMENT_TIMEOUT of MariaDB, ER_QUERY_TIMEOUT of MySQL.
        1969 | 3024 if ask.timeout.is_some() => late(ask),
        // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        1792 => super::sqlite::not_a_reader(),
        code => Problem::new(format!(
            "the database refused: {} (error {code}, SQLSTATE {})",
            said.message, said.state
        ))
        .of_class("sql"),
    }
}

async fn rows(connection: &mut Conn, sql: &str, ask: &Ask<'_>) -> Result<Answer, Problem> {
    // What changes a schema would end the transaction that is only to read, and then be done.
    const READERS: [&str; 9] =
        ["select", "with", "values", "table", "show", "describe", "desc", "explain", "analyze"];
    if !ask.may_write && !READERS.contains(&first_word(ask.sql, MariaDb).as_str()) {
        return Err(super::sqlite::not_a_reader());
    }
    let mut result = connection.exec_iter(sql, ()).await.map_err(|error| refused(&error, ask))?;
    let described = result.columns().unwrap_or_default();
    if described.is_empty() {
        return Answer::changed(i64::try_from(result.affected_rows()).unwrap_or(i64::MAX), ask);
    }
    let decimals: Vec<u8> = described.iter().map(Described::decimals).collect();
    let columns: Vec<Named> = (described.iter())
        .map(|column| Named { name: column.name_str().into_owned(), declared: kind_of(column) })
        .collect();
    let mut rows = Gatherer::new(columns.len(), ask.spool);
    let mut limited = false;
    while let Some(row) = result.next().await.map_err(|error| refused(&error, ask))? {
        if ask.limit == Some(rows.rows()) {
            limited = true;
            continue;
        }
        for (column, (value, named)) in row.unwrap().iter().zip(&columns).enumerate() {
            push(&mut rows, column, value, named.declared, decimals[column])?;
        }
        rows.end_row()?;
    }
    Ok(Answer { columns, rows: rows.finish()?, limited })
}

/// The kind of a column; its values may ask for a wider one.
fn kind_of(column: &Described) -> Kind {
    use ColumnType as Type;
    let binary = column.character_set() == BINARY;
    match column.column_type() {
        Type::MYSQL_TYPE_TINY
        | Type::MYSQL_TYPE_SHORT
        | Type::MYSQL_TYPE_LONG
        | Type::MYSQL_TYPE_INT24
        | Type::MYSQL_TYPE_LONGLONG
        | Type::MYSQL_TYPE_YEAR => Kind::Int { wide: false },
        Type::MYSQL_TYPE_FLOAT => Kind::Single,
        Type::MYSQL_TYPE_DOUBLE => Kind::Real,
        Type::MYSQL_TYPE_NEWDECIMAL | Type::MYSQL_TYPE_DECIMAL => {
            let scale = column.decimals();
            // The length counts the point and the sign.
            let signs =
                u32::from(scale > 0) + u32::from(!column.flags().contains(ColumnFlags::UNSIGNED_FLAG));
            let digits = u8::try_from(column.column_length().saturating_sub(signs)).unwrap_or(u8::MAX);
            Kind::decimal(digits.saturating_sub(scale), scale)
        }
        Type::MYSQL_TYPE_DATE | Type::MYSQL_TYPE_NEWDATE => Kind::Date,
        Type::MYSQL_TYPE_DATETIME | Type::MYSQL_TYPE_TIMESTAMP => Kind::Instant { zoned: false },
        Type::MYSQL_TYPE_BIT | Type::MYSQL_TYPE_GEOMETRY => Kind::Bytes,
        Type::MYSQL_TYPE_TINY_BLOB
        | Type::MYSQL_TYPE_BLOB
        | Type::MYSQL_TYPE_MEDIUM_BLOB
        | Type::MYSQL_TYPE_LONG_BLOB
        | Type::MYSQL_TYPE_STRING
        | Type::MYSQL_TYPE_VAR_STRING
        | Type::MYSQL_TYPE_VARCHAR
            if binary =>
        {
            Kind::Bytes
        }
        _ => Kind::Text,
    }
}

fn push(
    rows: &mut Gatherer,
    column: usize,
    value: &mysql_async::Value,
    kind: Kind,
    decimals: u8,
) -> Result<(), Problem> {
    use mysql_async::Value as Sent;

    let text;
    let value = match value {
        Sent::NULL => Value::Null,
        Sent::Int(number) => Value::Int(*number),
        Sent::UInt(number) => match i64::try_from(*number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Decimal { digits: i128::from(*number), precision: 20, scale: 0 },
        },
        Sent::Float(number) => Value::Single(*number),
        Sent::Double(number) => Value::Real(*number),
        Sent::Bytes(bytes) => match (kind, std::str::from_utf8(bytes)) {
            (Kind::Bytes, _) | (_, Err(_)) => Value::Bytes(bytes),
            (Kind::Decimal { precision, scale }, Ok(digits)) => match decimal(digits, scale) {
                Some(digits) => Value::Decimal { digits, precision, scale },
                None => Value::Text(digits),
            },
            (_, Ok(text)) => Value::Text(text),
        },
        Sent::Date(year, month, day, hour, minute, second, micros) => {
            match calendar::days((*year).into(), (*month).into(), (*day).into()) {
                Some(days) if kind == Kind::Date => Value::Date(i32::try_from(days).unwrap_or(i32::MAX)),
                Some(days) => {
                    let seconds =
                        ((days * 24 + i64::from(*hour)) * 60 + i64::from(*minute)) * 60 + i64::from(*second);
                    Value::Instant { micros: seconds * 1_000_000 + i64::from(*micros), zoned: false }
                }
                // A day that is none, as `0000-00-00`, is text, as the server writes it.
                None => {
                    let day = format!("{year:04}-{month:02}-{day:02}");
                    text = match kind {
                        Kind::Date => day,
                        _ => {
                            format!("{day} {hour:02}:{minute:02}:{second:02}{}", fraction(*micros, decimals))
                        }
                    };
                    Value::Text(&text)
                }
            }
        }
        Sent::Time(negative, days, hours, minutes, seconds, micros) => {
            let (sign, hours) = (if *negative { "-" } else { "" }, days * 24 + u32::from(*hours));
            text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(*micros, decimals));
            Value::Text(&text)
        }
    };
    rows.push(column, value)
}

/// A fraction of a second with the digits of its column.
fn fraction(micros: u32, decimals: u8) -> String {
    let digits = usize::from(decimals.min(6));
    if digits == 0 { String::new() } else { format!(".{}", &format!("{micros:06}")[..digits]) }
}

/// The digits of a decimal as the server writes it, with all digits of its scale.
fn decimal(text: &str, scale: u8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() != usize::from(scale) {
        return None;
    }
    format!("{whole}{fraction}").parse().ok()
}
