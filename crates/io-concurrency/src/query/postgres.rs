//! PostgreSQL: an answer comes as one binary COPY, whose values are read where they lie.

use bytes::{Buf, Bytes, BytesMut};
use futures::{StreamExt, pin_mut};
use lab::Problem;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::batches::Gatherer;
use super::column::Value;
use super::kind::Kind;
use super::part::{Answer, Ask, Named, Range, late};
use super::statements::{Scan, first_word};

/// Days from 1970 to 2000, when PostgreSQL's time begins.
const DAYS: i32 = 10_957;
const MICROS: i64 = DAYS as i64 * 86_400_000_000;
/// What a binary COPY begins with (PostgreSQL's documentation of COPY, "Binary Format").
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
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
                let scan = Scan::of(ask.sql)
                    .ok_or_else(|| Problem::new("the statement has no place for a range"))?;
                let edge =
                    |sign: &str, page: &Option<i64>| page.map(|page| format!("{sign} '({page},0)'::tid"));
                scan.within("ctid", &edge(">=", from).into_iter().chain(edge("<", to)).collect::<Vec<_>>())
            }
            Range::Key { .. } => ask.by_key("\""),
        };
        match first_word(&sql).as_str() {
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
        let pages = match Scan::of(ask.sql) {
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
    let settings = format!(
        "SET statement_timeout = {}; SET default_transaction_read_only = {}",
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

/// How the values of a column are read.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Date,
    Instant {
        zoned: bool,
    },
    Decimal {
        precision: u8,
        scale: u8,
    },
    Text,
    Bytes,
    /// As the server writes it: it is asked to.
    Written,
}

impl Reader {
    fn of(kind: &Type, modifier: i32) -> Self {
        match *kind {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::DATE => Self::Date,
            Type::TIMESTAMP => Self::Instant { zoned: false },
            Type::TIMESTAMPTZ => Self::Instant { zoned: true },
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON => Self::Text,
            Type::BYTEA => Self::Bytes,
            Type::NUMERIC => Self::numeric(modifier).unwrap_or(Self::Written),
            _ => Self::Written,
        }
    }

    /// The digits of `numeric(p, s)` stand in 16 bits each, four more than nothing; one without digits may have any number.
    fn numeric(modifier: i32) -> Option<Self> {
        let digits = modifier.checked_sub(4).filter(|digits| *digits >= 0)?;
        let (precision, scale) = (u8::try_from(digits >> 16).ok()?, u8::try_from(digits & 0x7ff).ok()?);
        (precision <= 38 && scale <= precision).then_some(Self::Decimal { precision, scale })
    }

    fn kind(self) -> Kind {
        match self {
            Self::Bool => Kind::Bool,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid => Kind::Int { wide: false },
            Self::Float4 | Self::Float8 => Kind::Real,
            Self::Date => Kind::Date,
            Self::Instant { zoned } => Kind::Instant { zoned },
            Self::Decimal { precision, scale } => Kind::Decimal { precision, scale },
            Self::Text | Self::Written => Kind::Text,
            Self::Bytes => Kind::Bytes,
        }
    }

    /// The value of these bytes, which are in network order; `None` of bytes that are none of this type.
    #[inline]
    fn read(self, bytes: &[u8]) -> Option<Value<'_>> {
        Some(match self {
            Self::Bool => Value::Bool(bytes.first()? != &0),
            Self::Int2 => Value::Int(i16::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Int4 => Value::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Int8 => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Oid => Value::Int(u32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Float4 => Value::Real(f32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Float8 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
            // What is past all days, `infinity`, overflows and is no value.
            Self::Date => Value::Date(
                i32::from_be_bytes(bytes.try_into().ok()?)
                    .checked_add(DAYS)
                    .filter(|day| *day > i32::MIN + DAYS)?,
            ),
            Self::Instant { zoned } => {
                let micros = i64::from_be_bytes(bytes.try_into().ok()?);
                Value::Instant { micros: micros.checked_add(MICROS).filter(|_| micros != i64::MIN)?, zoned }
            }
            Self::Decimal { precision, scale } => {
                Value::Decimal { digits: decimal(bytes, scale)?, precision, scale }
            }
            Self::Text | Self::Written => Value::Text(std::str::from_utf8(bytes).ok()?),
            Self::Bytes => Value::Bytes(bytes),
        })
    }
}

/// A `numeric`: digits to the base of 10,000, the weight of the first, and a sign (`numeric_send` in PostgreSQL's source).
fn decimal(mut bytes: &[u8], scale: u8) -> Option<i128> {
    let mut next = || -> Option<i16> {
        let (head, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        Some(i16::from_be_bytes(*head))
    };
    let (digits, weight, sign, _scale) = (next()?, next()?, next()?, next()?);
    let mut number = 0_i128;
    for place in 0..digits {
        let digit = i128::from(next()?);
        // The place of this digit, in powers of ten, from the last one that is kept.
        let power = i32::from(weight - place) * 4 + i32::from(scale);
        number = number.checked_add(match u32::try_from(power) {
            Ok(power) => digit.checked_mul(10_i128.checked_pow(power)?)?,
            Err(_) => digit / 10_i128.checked_pow(power.unsigned_abs())?,
        })?;
    }
    match sign {
        0 => Some(number),
        0x4000 => Some(-number),
        // Not a number, or without end.
        _ => None,
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
    let copy = format!("COPY ({}) TO STDOUT (FORMAT BINARY)", readable(sql, &readers, ask.limit));
    let stream = client.copy_out(&copy).await.map_err(failed)?;
    pin_mut!(stream);
    let mut rows = Copied::new(columns, readers, ask);
    while let Some(chunk) = stream.next().await {
        rows.take(&chunk.map_err(failed)?)?;
    }
    rows.finish()
}

/// The statement with its columns numbered and those without a reader of ours as text, and one row more than are wanted.
fn readable(sql: &str, readers: &[Reader], limit: Option<u64>) -> String {
    let plain = readers.iter().all(|reader| !matches!(reader, Reader::Written));
    if plain && limit.is_none() || !matches!(first_word(sql).as_str(), "select" | "with" | "values" | "table")
    {
        return sql.into();
    }
    let column = |(number, reader): (usize, &Reader)| match reader {
        Reader::Written => format!("c{number}::text"),
        _ => format!("c{number}"),
    };
    let chosen: Vec<_> = readers.iter().enumerate().map(column).collect();
    let names: Vec<_> = (0..readers.len()).map(|number| format!("c{number}")).collect();
    let limit = limit.map_or_else(String::new, |limit| format!(" LIMIT {}", limit.saturating_add(1)));
    format!("SELECT {} FROM (\n{sql}\n) AS q({}){limit}", chosen.join(", "), names.join(", "))
}

/// The rows of a COPY, as they come.
struct Copied<'a> {
    columns: Vec<Named>,
    readers: Vec<Reader>,
    rows: Gatherer,
    /// What was left of the last piece: less than a row.
    rest: BytesMut,
    begun: bool,
    ended: bool,
    limited: bool,
    ask: &'a Ask<'a>,
}

impl<'a> Copied<'a> {
    fn new(columns: Vec<Named>, readers: Vec<Reader>, ask: &'a Ask<'a>) -> Self {
        let rows = Gatherer::new(columns.len(), ask.spool);
        Self {
            columns,
            readers,
            rows,
            rest: BytesMut::new(),
            begun: false,
            ended: false,
            limited: false,
            ask,
        }
    }

    /// Reads the whole rows of a piece. A server sends a row a piece, so hardly ever anything is left.
    fn take(&mut self, piece: &Bytes) -> Result<(), Problem> {
        if self.rest.is_empty() {
            let used = self.read(piece)?;
            self.rest.extend_from_slice(&piece[used..]);
        } else {
            self.rest.extend_from_slice(piece);
            let whole = self.rest.split();
            let used = self.read(&whole)?;
            self.rest.extend_from_slice(&whole[used..]);
        }
        Ok(())
    }

    /// Reads whole rows and returns how many bytes they were.
    fn read(&mut self, bytes: &[u8]) -> Result<usize, Problem> {
        let mut at = 0;
        if !self.begun {
            if bytes.len() < SIGNATURE.len() + 8 {
                return Ok(0);
            }
            let extension = (&bytes[SIGNATURE.len() + 4..]).get_u32() as usize;
            at = SIGNATURE.len() + 8 + extension;
            if !bytes.starts_with(SIGNATURE) || bytes.len() < at {
                return Err(broken());
            }
            self.begun = true;
        }
        while !self.ended {
            match self.row(&bytes[at..])? {
                Some(used) => at += used,
                None => break,
            }
        }
        Ok(if self.ended { bytes.len() } else { at })
    }

    /// Reads one row, if it is whole.
    #[inline]
    fn row(&mut self, bytes: &[u8]) -> Result<Option<usize>, Problem> {
        let Some((count, mut rest)) =
            bytes.split_first_chunk().map(|(count, rest)| (i16::from_be_bytes(*count), rest))
        else {
            return Ok(None);
        };
        if count == -1 {
            self.ended = true;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.readers.len()) {
            return Err(broken());
        }
        if !is_whole(rest, self.readers.len()) {
            return Ok(None);
        }
        let over = self.ask.limit == Some(self.rows.rows());
        self.limited |= over;
        for (column, reader) in self.readers.iter().enumerate() {
            let (length, behind) = rest.split_first_chunk().ok_or_else(broken)?;
            let length = usize::try_from(i32::from_be_bytes(*length)).ok();
            let (value, behind) = behind.split_at(length.unwrap_or(0));
            rest = behind;
            if over {
                continue;
            }
            let value = match length {
                None => Value::Null,
                Some(_) => reader
                    .read(value)
                    .ok_or_else(|| no_value(&self.columns[column].name, self.rows.rows()))?,
            };
            self.rows.push(column, value)?;
        }
        if !over {
            self.rows.end_row()?;
        }
        Ok(Some(bytes.len() - rest.len()))
    }

    fn finish(self) -> Result<Answer, Problem> {
        if !self.ended && self.begun {
            return Err(Problem::new("the answer of the database was cut short").of_class("connection"));
        }
        Ok(Answer { columns: self.columns, rows: self.rows.finish()?, limited: self.limited })
    }
}

/// Whether so many values lie there.
#[inline]
fn is_whole(mut rest: &[u8], values: usize) -> bool {
    for _ in 0..values {
        let Some((length, behind)) = rest.split_first_chunk() else { return false };
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        match behind.get(length..) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

fn broken() -> Problem {
    Problem::new("the answer of the database is no binary COPY").of_class("connection")
}

fn no_value(column: &str, row: u64) -> Problem {
    Problem::new("a value has no place in its column: `infinity`, `NaN` or text that is not UTF-8")
        .of_class("value")
        .at(format!("row {}, column {column}", row + 1))
        .hint(format!("ask for it as text: CAST({column} AS text)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_keeps_its_digits() {
        let numeric = |weight: i16, sign: i16, digits: &[i16]| -> Vec<u8> {
            let head = [i16::try_from(digits.len()).unwrap(), weight, sign, 2];
            head.iter().chain(digits).flat_map(|part| part.to_be_bytes()).collect()
        };
        // 12345.67 is 1, 2345 and 6700 ten-thousandths.
        assert_eq!(decimal(&numeric(1, 0, &[1, 2_345, 6_700]), 2), Some(1_234_567));
        assert_eq!(decimal(&numeric(-1, 0x4000, &[500]), 2), Some(-5));
        assert_eq!(decimal(&numeric(0, 0, &[]), 2), Some(0));
        assert_eq!(decimal(&numeric(2, 0, &[3]), 0), Some(300_000_000));
        assert_eq!(decimal(&numeric(0, -0x4000, &[]), 2), None, "NaN");
    }
}
