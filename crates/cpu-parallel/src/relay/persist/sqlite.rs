//! A table in a SQLite database: the rows and the position are changed by one transaction.

use std::fmt::Write as _;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use lab::{Digest, OrProblem, Problem};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, ToSql, params};
use tabular::csv_text;

use super::{Target, begun_otherwise};

/// How long to wait for another writer of the database.
const BUSY: Duration = Duration::from_secs(5);
const POSITIONS: &str = "CREATE TABLE IF NOT EXISTS relay_positions (
    table_name TEXT PRIMARY KEY, mark TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID";

fn cannot(target: &Target) -> impl Fn() -> String + '_ {
    || format!("cannot write to {}", target.path.display())
}

/// The position of the target's table, if there is one.
fn committed(connection: &Connection, target: &Target) -> Result<Option<u64>, Problem> {
    let found = connection
        .query_row(
            "SELECT mark, position FROM relay_positions WHERE table_name = ?1",
            [&target.table],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)),
        )
        .optional()
        .or_problem(|| format!("{} has no positions of a relay", target.path.display()))?;
    match found {
        Some((mark, _)) if mark != target.mark => Err(begun_otherwise(target)),
        found => Ok(found.map(|(_, position)| position.unsigned_abs())),
    }
}

pub(super) fn position(target: &Target) -> Result<u64, Problem> {
    if !target.path.exists() {
        return Ok(0);
    }
    let connection = read(target)?;
    let begun = connection.table_exists(None, "relay_positions").or_problem(cannot(target))?;
    Ok(if begun { committed(&connection, target)?.unwrap_or_default() } else { 0 })
}

/// Reading may have to finish what a killed writer left, so the connection may write.
fn read(target: &Target) -> Result<Connection, Problem> {
    let cannot = || format!("cannot read {}", target.path.display());
    let connection =
        Connection::open_with_flags(&target.path, OpenFlags::SQLITE_OPEN_READ_WRITE).or_problem(cannot)?;
    connection.busy_timeout(BUSY).or_problem(cannot)?;
    Ok(connection)
}

pub(super) fn digest(target: &Target, digest: &mut Digest) -> Result<(), Problem> {
    let cannot = || format!("cannot read {} back", target.path.display());
    let connection = read(target)?;
    let all = format!("SELECT * FROM {} ORDER BY rowid", quoted(&target.table));
    let mut statement = connection.prepare(&all).or_problem(cannot)?;
    let columns = statement.column_count();
    let mut rows = statement.query([]).or_problem(cannot)?;
    let mut text = Vec::new();
    while let Some(row) = rows.next().or_problem(cannot)? {
        text.clear();
        for column in 0..columns {
            match row.get_ref(column).or_problem(cannot)? {
                ValueRef::Null => text.push(b'0'),
                ValueRef::Integer(number) => text.extend(number.to_le_bytes()),
                ValueRef::Real(number) => text.extend(number.to_bits().to_le_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    text.extend((bytes.len() as u64).to_le_bytes());
                    text.extend(bytes);
                }
            }
        }
        digest.add(&text);
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The database, open for one writer.
pub(super) struct Sqlite {
    connection: Connection,
    insert: String,
    table: String,
    place: String,
    /// The position at the last commit.
    committed: u64,
}

impl Sqlite {
    pub(super) fn open(target: &Target, columns: &SchemaRef) -> Result<(Self, u64), Problem> {
        let cannot = cannot(target);
        if let Some(parent) = target.path.parent() {
            std::fs::create_dir_all(parent).or_problem(&cannot)?;
        }
        let connection = Connection::open(&target.path).or_problem(&cannot)?;
        connection.busy_timeout(BUSY).or_problem(&cannot)?;
        // With a write-ahead log a commit is one append; `NORMAL` survives the death of any process, `FULL` also the loss
        // of power.
        let synchronous = if target.durable { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "journal_mode", "WAL").or_problem(&cannot)?;
        connection.pragma_update(None, "synchronous", synchronous).or_problem(&cannot)?;
        let (mut create, mut values) = (String::new(), String::new());
        for (number, field) in columns.fields().iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            let _ = write!(create, "{comma}{} {}", quoted(field.name()), affinity(field.data_type()));
            let _ = write!(values, "{comma}?{}", number + 1);
        }
        let table = quoted(&target.table);
        let positions = format!("BEGIN IMMEDIATE; {POSITIONS}");
        connection.execute_batch(&positions).or_problem(&cannot)?;
        let position = if let Some(position) = committed(&connection, target)? {
            position
        } else {
            let create = format!("CREATE TABLE {table} ({create})");
            connection.execute_batch(&create).or_problem(&cannot).map_err(|problem| {
                problem.hint("--table names another table; one that is there already is left as it is")
            })?;
            let begun = "INSERT INTO relay_positions VALUES (?1, ?2, 0)";
            connection.execute(begun, params![target.table, target.mark]).or_problem(&cannot)?;
            0
        };
        connection.execute_batch("COMMIT").or_problem(&cannot)?;
        let insert = format!("INSERT INTO {table} VALUES ({values})");
        let place = target.path.display().to_string();
        Ok((Self { connection, insert, table: target.table.clone(), place, committed: position }, position))
    }

    pub(super) fn add(&mut self, rows: &RecordBatch) -> Result<(), Problem> {
        let cannot = || format!("cannot write to {}", self.place);
        if self.connection.is_autocommit() {
            self.connection.execute_batch("BEGIN IMMEDIATE").or_problem(cannot)?;
        }
        let columns: Vec<Column> = rows
            .columns()
            .iter()
            .enumerate()
            .map(|(number, array)| Column::new(rows, number, array))
            .collect::<Result<_, _>>()?;
        let mut insert = self.connection.prepare_cached(&self.insert).or_problem(cannot)?;
        for row in 0..rows.num_rows() {
            for (number, column) in columns.iter().enumerate() {
                insert.raw_bind_parameter(number + 1, column.value(row)).or_problem(cannot)?;
            }
            insert.raw_execute().or_problem(cannot)?;
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, position: u64) -> Result<(), Problem> {
        let cannot = || format!("cannot write to {}", self.place);
        // The old position is part of the question: whoever else moved it must not be overtaken.
        let step = "UPDATE relay_positions SET position = ?1 WHERE table_name = ?2 AND position = ?3";
        let moved = self
            .connection
            .prepare_cached(step)
            .and_then(|mut step| {
                step.execute(params![position.cast_signed(), self.table, self.committed.cast_signed()])
            })
            .or_problem(cannot)?;
        if moved != 1 {
            return Err(Problem::new(format!("another relay writes to {}", self.place)));
        }
        self.connection.execute_batch("COMMIT").or_problem(cannot)?;
        self.committed = position;
        Ok(())
    }
}

fn affinity(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "INTEGER",
        kind if kind.is_integer() => "INTEGER",
        DataType::Float32 | DataType::Float64 => "REAL",
        _ => "TEXT",
    }
}

/// A column with its type found once.
enum Column<'a> {
    Int(&'a ArrayRef, Vec<i64>),
    Long(&'a ArrayRef, &'a [i64]),
    Real(&'a ArrayRef, Vec<f64>),
    Text(&'a arrow_array::StringArray),
    /// What has no type of SQLite's is written as CSV has it; nothing is null.
    Written(Vec<String>),
}

impl<'a> Column<'a> {
    fn new(rows: &RecordBatch, number: usize, array: &'a ArrayRef) -> Result<Self, Problem> {
        macro_rules! ints {
            ($kind:ty) => {
                Self::Int(
                    array,
                    array.as_primitive::<$kind>().values().iter().map(|value| i64::from(*value)).collect(),
                )
            };
        }
        Ok(match array.data_type() {
            DataType::Int64 => Self::Long(array, array.as_primitive::<Int64Type>().values()),
            DataType::Int32 => ints!(Int32Type),
            DataType::Int16 => ints!(Int16Type),
            DataType::Int8 => ints!(Int8Type),
            DataType::UInt32 => ints!(UInt32Type),
            DataType::UInt16 => ints!(UInt16Type),
            DataType::UInt8 => ints!(UInt8Type),
            DataType::Boolean => Self::Int(
                array,
                (0..array.len()).map(|row| i64::from(array.as_boolean().value(row))).collect(),
            ),
            DataType::Float64 => Self::Real(array, array.as_primitive::<Float64Type>().values().to_vec()),
            DataType::Float32 => Self::Real(
                array,
                array.as_primitive::<Float32Type>().values().iter().map(|value| f64::from(*value)).collect(),
            ),
            DataType::Utf8 => Self::Text(array.as_string()),
            _ => {
                let alone = rows.project(&[number]).or_problem(|| "a column cannot be taken out")?;
                let mut text = Vec::new();
                csv_text::write_batch(&alone, csv_text::Dialect::default(), &mut text).map_err(|error| {
                    Problem::because("SQLite cannot hold the rows", &error)
                        .hint("hand them over to a folder of Parquet files")
                })?;
                let text = String::from_utf8_lossy(&text);
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                if lines.len() != rows.num_rows() {
                    return Err(Problem::new("SQLite cannot hold text of this type with line breaks in it")
                        .at(alone.schema().field(0).name()));
                }
                Self::Written(lines)
            }
        })
    }

    fn value(&self, row: usize) -> Value<'_> {
        match self {
            Self::Int(array, _) | Self::Real(array, _) | Self::Long(array, _) if array.is_null(row) => {
                Value(ValueRef::Null)
            }
            Self::Int(_, values) => Value(ValueRef::Integer(values[row])),
            Self::Long(_, values) => Value(ValueRef::Integer(values[row])),
            Self::Real(_, values) => Value(ValueRef::Real(values[row])),
            Self::Text(array) if array.is_null(row) => Value(ValueRef::Null),
            Self::Text(array) => Value(ValueRef::Text(array.value(row).as_bytes())),
            Self::Written(lines) if lines[row].is_empty() => Value(ValueRef::Null),
            Self::Written(lines) => Value(ValueRef::Text(lines[row].as_bytes())),
        }
    }
}

struct Value<'a>(ValueRef<'a>);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}
