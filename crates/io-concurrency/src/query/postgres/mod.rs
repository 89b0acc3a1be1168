//! PostgreSQL: an answer comes as one binary COPY, whose values are read where they lie.

mod reader;

use futures::{TryStreamExt, pin_mut};
use lab::Problem;
use tokio_postgres::binary_copy::BinaryCopyOutStream;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use self::reader::{Raw, Reader};
use super::batches::Gatherer;
use super::column::Value;
use super::dialect::Dialect::Postgres;
use super::kind::Kind;
use super::part::{Answer, Ask, Named, late};
use super::range::Range;
use super::statements::{Scan, first_word, verb};

/// Pages of a range of a large table: 16 MiB.
const PAGES: i64 = 2_048;

/// Asks a database one statement.
///
/// # Errors
/// A server that does not answer or refuses, with its code and position in the statement.
pub async fn ask(url: &str, ask: &Ask<'_>) -> Result<Answer, Problem> {
    connected(url, ask, async |client| {
        let sql = match ask.range {
            Range::Whole => ask.sql.to_owned(),
            Range::Rows { from, to } => {
                let scan = Scan::of(ask.sql, Postgres)
                    .ok_or_else(|| Problem::new("the statement has no place for a range"))?;
                let edge =
                    |sign: &str, page: &Option<i64>| page.map(|page| format!("{sign} '({page},0)'::tid"));
                scan.within("ctid", &edge(">=", from).into_iter().chain(edge("<", to)).collect::<Vec<_>>())
            }
            Range::Key { .. } => ask.by_key("\""),
        };
        match first_word(&sql, Postgres).as_str() {
            "select" | "with" | "values" | "table" | "insert" | "update" | "delete" | "merge" => {
                copied(&client, &sql, ask).await
            }
            _ => told(&client, &sql, ask).await,
        }
    })
    .await
}

/// The ranges of a statement that reads a large table from one end to the other; one for any other.
///
/// # Errors
/// Those of [`ask`].
pub async fn ranges(url: &str, ask: &Ask<'_>) -> Result<Vec<Range>, Problem> {
    connected(url, ask, async |client| {
        if ask.key.is_some() {
            let row =
                client.query_one(&ask.edges_of_key("\""), &[]).await.map_err(|error| refused(&error, ask))?;
            let edge = |at: usize| -> Result<Option<i64>, Problem> {
                let narrow = || row.try_get::<_, Option<i32>>(at).map(|edge| edge.map(i64::from));
                row.try_get::<_, Option<i64>>(at).or_else(|_| narrow()).map_err(|error| {
                    Problem::because("the key is no whole number", &error)
                        .hint("--key takes a column of integer or bigint")
                })
            };
            return Ok(Range::keys(edge(0)?, edge(1)?, ask.parts));
        }
        let pages = match Scan::of(ask.sql, Postgres) {
            Some(scan) if reads_each_row(&client, ask.sql).await => {
                pages(&client, &scan.table).await.unwrap_or(0)
            }
            _ => 0,
        };
        Ok(if pages > PAGES { Range::rows(Some(0), Some(pages - 1), PAGES) } else { vec![Range::Whole] })
    })
    .await
}

/// Whether the plan is nothing but a reading of a table from one end to the other.
async fn reads_each_row(client: &Client, sql: &str) -> bool {
    let alone = "SET max_parallel_workers_per_gather = 0";
    client.batch_execute(alone).await.is_ok()
        && plan_of(client, sql).await.is_some_and(|line| line.starts_with("Seq Scan on"))
}

async fn plan_of(client: &Client, sql: &str) -> Option<String> {
    let lines = client.query(&format!("EXPLAIN (COSTS OFF) {sql}"), &[]).await.ok()?;
    lines.first()?.try_get(0).ok()
}

/// The pages of a plain table; none of a view, a partitioned table or what is not there.
async fn pages(client: &Client, table: &str) -> Option<i64> {
    let sql = "SELECT pg_relation_size(c.oid) / current_setting('block_size')::bigint FROM pg_class c \
               WHERE c.oid = to_regclass($1::text) AND c.relkind = 'r' \
               AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid)";
    client.query_opt(sql, &[&table]).await.ok()??.try_get(0).ok()
}

/// Does `work` with a client, whose connection is driven beside it and ends with it.
async fn connected<T>(
    url: &str,
    ask: &Ask<'_>,
    work: impl AsyncFnOnce(Client) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let cannot = |error: &tokio_postgres::Error| {
        Problem::because("the database cannot be reached", error)
            .of_class("connect")
            .expected("postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    };
    let mut config: Config = url.parse().map_err(|error| cannot(&error))?;
    config.application_name("paralelo");
    let (client, connection) = config.connect(NoTls).await.map_err(|error| cannot(&error))?;
    // Strings end where the tokenizer saw their ends, and floats in arrays keep all of their digits.
    let settings = format!(
        "SET standard_conforming_strings = on; SET extra_float_digits = 1; SET datestyle = ISO; \
         SET statement_timeout = {}; SET default_transaction_read_only = {}",
        ask.timeout.map_or(0, |timeout| timeout.as_millis().max(1)),
        if ask.may_write { "off" } else { "on" },
    );
    let work = async {
        client.batch_execute(&settings).await.map_err(|error| refused(&error, ask))?;
        work(client).await
    };
    pin_mut!(work, connection);
    tokio::select! {
        biased;
        answer = &mut work => answer,
        ended = &mut connection => match ended {
            Err(error) => Err(cannot(&error)),
            // The connection ends in good order when the client is gone, and then the work has its answer.
            Ok(()) => work.await,
        },
    }
}

/// What the server said, with its code.
fn refused(error: &tokio_postgres::Error, ask: &Ask<'_>) -> Problem {
    let Some(said) = error.as_db_error() else {
        return Problem::because("the database could not answer", error).of_class("connection");
    };
    match said.code().code() {
        "57014" if ask.timeout.is_some() => late(ask),
        "25006" => super::sqlite::not_a_reader(),
        code => {
            let problem = Problem::new(format!("the database refused: {} (SQLSTATE {code})", said.message()))
                .of_class("sql");
            match said.hint() {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        }
    }
}

/// A statement that COPY does not take, such as SHOW or CREATE: its answer is text, or a number of rows.
async fn told(client: &Client, sql: &str, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let messages = client.simple_query(sql).await.map_err(|error| refused(&error, ask))?;
    let mut columns: Vec<Named> = Vec::new();
    let mut rows: Option<Gatherer> = None;
    let mut changed = 0;
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(found) => {
                let named = |name: &str| Named { name: name.into(), declared: Kind::Text };
                columns = found.iter().map(|column| named(column.name())).collect();
                rows = Some(Gatherer::new(columns.len(), ask.spool));
            }
            SimpleQueryMessage::Row(row) => {
                let Some(rows) = &mut rows else { continue };
                for column in 0..row.len() {
                    rows.push(column, row.get(column).map_or(Value::Null, Value::Text))?;
                }
                rows.end_row()?;
            }
            SimpleQueryMessage::CommandComplete(count) => changed = count,
            _ => {}
        }
    }
    match rows {
        Some(rows) => Ok(Answer { columns, rows: rows.finish()?, limited: false }),
        None => Answer::changed(i64::try_from(changed).unwrap_or(i64::MAX), ask),
    }
}

async fn copied(client: &Client, sql: &str, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let failed = |error: tokio_postgres::Error| refused(&error, ask);
    let statement = client.prepare(sql).await.map_err(failed)?;
    let readers: Vec<Reader> =
        statement.columns().iter().map(|column| Reader::of(column.type_(), column.type_modifier())).collect();
    if readers.is_empty() {
        let changed = client.execute(&statement, &[]).await.map_err(failed)?;
        return Answer::changed(i64::try_from(changed).unwrap_or(i64::MAX), ask);
    }
    let columns: Vec<Named> = (statement.columns().iter().zip(&readers))
        .map(|(column, reader)| Named { name: column.name().into(), declared: reader.kind() })
        .collect();
    let copy = format!("COPY (\n{}\n) TO STDOUT (FORMAT BINARY)", readable(sql, &readers, ask.limit));
    let stream = client.copy_out(&copy).await.map_err(failed)?;
    let stream = BinaryCopyOutStream::new(stream, &vec![Type::BYTEA; readers.len()]);
    pin_mut!(stream);

    let mut rows = Gatherer::new(columns.len(), ask.spool);
    let mut limited = false;
    while let Some(row) = stream.try_next().await.map_err(failed)? {
        if ask.limit == Some(rows.rows()) {
            limited = true;
            continue;
        }
        for (column, reader) in readers.iter().enumerate() {
            let value = match row.try_get::<Option<Raw<'_>>>(column).map_err(failed)? {
                None => Value::Null,
                Some(raw) => {
                    reader.read(raw.0).ok_or_else(|| no_value(&columns[column].name, rows.rows()))?
                }
            };
            rows.push(column, value)?;
        }
        rows.end_row()?;
    }
    Ok(Answer { columns, rows: rows.finish()?, limited })
}

fn no_value(column: &str, row: u64) -> Problem {
    Problem::new(
        "a value has no place in its column: a moment past the year 294246, or text that is not UTF-8",
    )
    .of_class("value")
    .at(format!("row {}, column {column}", row + 1))
    .hint(format!("ask for it as text: CAST({column} AS text)"))
}

/// The statement with its columns numbered and those without a reader of ours as text, and one row more than are wanted.
fn readable(sql: &str, readers: &[Reader], limit: Option<u64>) -> String {
    let plain = readers.iter().all(|reader| !matches!(reader, Reader::Written));
    let changes = matches!(verb(sql, Postgres).as_str(), "insert" | "update" | "delete" | "merge");
    if plain && (changes || limit.is_none()) {
        return sql.into();
    }
    let column = |(number, reader): (usize, &Reader)| match reader {
        Reader::Written => format!("c{number}::text"),
        _ => format!("c{number}"),
    };
    let chosen: Vec<_> = readers.iter().enumerate().map(column).collect();
    let names: Vec<_> = (0..readers.len()).map(|number| format!("c{number}")).collect();
    let limit = limit.map_or_else(String::new, |limit| format!(" LIMIT {}", limit.saturating_add(1)));
    let (chosen, names) = (chosen.join(", "), names.join(", "));
    if changes {
        return format!("WITH q({names}) AS (\n{sql}\n) SELECT {chosen} FROM q");
    }
    format!("SELECT {chosen} FROM (\n{sql}\n) AS q({names}){limit}")
}
