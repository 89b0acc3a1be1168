//! Probes saved as they end: CSV, Parquet or SQLite, by the file's ending. A file that is there already is added to.
//!
//! A run that is killed loses what came since the last flush: about a second of it, ten of Parquet. A Parquet file cannot grow, so the rows
//! of this run lie beside it in `FILE.parts/`, each part a Parquet file of its own, and are put behind the old ones at the
//! end, or by the next run where this one was killed: `whole` is written among the parts, the folder is renamed to
//! `FILE.done`, `whole` takes the file's place, and the folder goes. Whatever step is the last one, no row is lost or doubled.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{
    ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use lab::{OrProblem, Problem};
use rusqlite::{Connection, params_from_iter};
use tabular::row_groups::{Assembler, Encoder, Encoding};

use super::row::{COLUMNS, Row};

/// So many rows are one Parquet row group at the most.
const ROW_GROUP: usize = 65_536;
/// A Parquet part holds so much of the time at least, so that a long run does not leave thousands of them.
const PART: Duration = Duration::from_secs(10);

/// Where probes are saved.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    to: To,
}

#[derive(Debug)]
enum To {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    Sqlite(Connection),
    Parquet { parts: PathBuf, number: u32, rows: Vec<Row>, since: Instant },
}

impl Store {
    /// The store in this file.
    ///
    /// # Errors
    /// A file that cannot be opened or that is something else.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let cannot = || format!("cannot save probes in {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).or_problem(cannot)?;
        }
        let to = match path.extension().and_then(|ending| ending.to_str()) {
            Some("parquet") => {
                let parts = beside(path, ".parts");
                recover(path).or_problem(cannot)?;
                fs::create_dir_all(&parts).or_problem(cannot)?;
                To::Parquet {
                    number: next_number(&parts).or_problem(cannot)?,
                    parts,
                    rows: Vec::new(),
                    since: Instant::now(),
                }
            }
            Some("sqlite" | "sqlite3" | "db") => To::Sqlite(open_sqlite(path).or_problem(cannot)?),
            _ => To::Csv(Box::new(open_csv(path)?)),
        };
        Ok(Self { path: path.into(), to })
    }

    fn cannot(&self) -> String {
        format!("cannot save probes in {}", self.path.display())
    }

    /// Adds a probe.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), Problem> {
        let path = &self.path;
        let cannot = || format!("cannot save probes in {}", path.display());
        match &mut self.to {
            To::Csv(writer) => writer.write_record(row.texts()).or_problem(cannot),
            To::Sqlite(connection) => insert(connection, row).or_problem(cannot),
            To::Parquet { rows, .. } => {
                rows.push(row.clone());
                if rows.len() >= ROW_GROUP { self.write_part() } else { Ok(()) }
            }
        }
    }

    /// Makes what was added outlive this program.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn flush(&mut self) -> Result<(), Problem> {
        let cannot = self.cannot();
        match &mut self.to {
            To::Csv(writer) => writer.flush().or_problem(|| cannot),
            To::Sqlite(connection) => {
                let over = if connection.is_autocommit() { "BEGIN" } else { "COMMIT; BEGIN" };
                connection.execute_batch(over).or_problem(|| cannot)
            }
            To::Parquet { since, .. } if since.elapsed() < PART => Ok(()),
            To::Parquet { .. } => self.write_part(),
        }
    }

    /// Writes the rows that were held back as a part, where there are any.
    fn write_part(&mut self) -> Result<(), Problem> {
        let cannot = self.cannot();
        let To::Parquet { parts, number, rows, since } = &mut self.to else { return Ok(()) };
        *since = Instant::now();
        if rows.is_empty() {
            return Ok(());
        }
        let bytes = encode(rows).or_problem(|| cannot.clone())?;
        let (place, half) = (parts.join(format!("{number:08}.parquet")), parts.join("half"));
        fs::write(&half, bytes).and_then(|()| fs::rename(half, place)).or_problem(|| cannot)?;
        *number += 1;
        rows.clear();
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.flush()?;
        self.write_part()?;
        let cannot = self.cannot();
        match self.to {
            To::Csv(_) => Ok(()),
            To::Sqlite(connection) => {
                connection.execute_batch("COMMIT").or_problem(|| cannot.clone())?;
                connection.close().map_err(|(_, error)| error).or_problem(|| cannot)
            }
            To::Parquet { .. } => {
                assemble(&self.path).or_problem(|| cannot.clone())?;
                recover(&self.path).or_problem(|| cannot)
            }
        }
    }
}

fn open_csv(path: &Path) -> Result<csv::Writer<BufWriter<File>>, Problem> {
    let cannot = || format!("cannot save probes in {}", path.display());
    let head = COLUMNS.join(",");
    let file = OpenOptions::new().create(true).append(true).open(path).or_problem(cannot)?;
    let is_new = file.metadata().or_problem(cannot)?.len() == 0;
    if !is_new {
        use io::BufRead;
        let mut first = String::new();
        io::BufReader::new(File::open(path).or_problem(cannot)?).read_line(&mut first).or_problem(cannot)?;
        if first.trim_end() != head {
            return Err(Problem::new("the file is there and holds something else")
                .at(path.display())
                .expected(format!("a new file, or one that begins with {head}")));
        }
    }
    let mut out = csv::Writer::from_writer(BufWriter::new(file));
    if is_new {
        out.write_record(COLUMNS).or_problem(cannot)?;
    }
    Ok(out)
}

fn open_sqlite(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // Readers may look while it is written, and a kill leaves whole transactions.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         CREATE TABLE IF NOT EXISTS probes (
             at TEXT NOT NULL, target TEXT NOT NULL, round INTEGER NOT NULL, met INTEGER NOT NULL, state TEXT NOT NULL,
             status INTEGER, class TEXT, why TEXT, remote TEXT NOT NULL, dns_us INTEGER NOT NULL,
             connect_us INTEGER NOT NULL, tls_us INTEGER NOT NULL, first_byte_us INTEGER NOT NULL,
             total_us INTEGER NOT NULL, late_us INTEGER NOT NULL, lag_us INTEGER NOT NULL,
             unread_us INTEGER NOT NULL, bytes INTEGER NOT NULL);
         CREATE INDEX IF NOT EXISTS probes_by_target ON probes (target, at);
         BEGIN",
    )?;
    Ok(connection)
}

fn insert(connection: &Connection, row: &Row) -> rusqlite::Result<()> {
    use rusqlite::types::Value;
    let marks = vec!["?"; COLUMNS.len()].join(",");
    let mut statement = connection.prepare_cached(&format!("INSERT INTO probes VALUES ({marks})"))?;
    let seen = &row.seen;
    let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
    let [at, target, ..] = row.texts();
    let mut values = vec![
        Value::Text(at),
        Value::Text(target),
        Value::Integer(row.round.into()),
        Value::Integer(seen.verdict.is_met().into()),
        text(Some(row.state.name())),
        seen.status.map_or(Value::Null, |status| Value::Integer(status.into())),
        text(seen.verdict.class()),
        text(seen.verdict.why()),
        text(Some(&seen.remote)),
    ];
    values.extend(row.numbers().map(|number| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))));
    statement.execute(params_from_iter(values)).map(drop)
}

fn schema() -> SchemaRef {
    let kind = |name: &str| match name {
        "at" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "target" | "state" | "class" | "why" | "remote" => DataType::Utf8,
        "round" => DataType::UInt32,
        "met" => DataType::Boolean,
        "status" => DataType::UInt16,
        _ => DataType::UInt64,
    };
    let field = |name: &&str| Field::new(*name, kind(name), matches!(*name, "status" | "class" | "why"));
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
}

fn encode(rows: &[Row]) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    let texts = |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.seen.at_us));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(times.with_timezone("UTC")),
        texts(&|row| Some(row.target.clone())),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.round))),
        Arc::new(rows.iter().map(|row| Some(row.seen.verdict.is_met())).collect::<BooleanArray>()),
        texts(&|row| Some(row.state.to_string())),
        Arc::new(rows.iter().map(|row| row.seen.status).collect::<UInt16Array>()),
        texts(&|row| row.seen.verdict.class().map(Into::into)),
        texts(&|row| row.seen.verdict.why().map(Into::into)),
        texts(&|row| Some(row.seen.remote.clone())),
    ];
    for number in 0..9 {
        columns.push(Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.numbers()[number]))));
    }
    let mut encoder = Encoder::new(schema(), &Encoding::default())?;
    encoder.write(&RecordBatch::try_new(schema(), columns)?)?;
    encoder.finish()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// The parts in a folder, in their order.
fn part_files(parts: &Path) -> io::Result<Vec<PathBuf>> {
    let files = fs::read_dir(parts)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<_> =
        files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "parquet")).collect();
    files.sort();
    Ok(files)
}

fn next_number(parts: &Path) -> io::Result<u32> {
    let files = part_files(parts)?;
    let last = files.last().and_then(|file| file.file_stem()?.to_str()?.parse::<u32>().ok());
    Ok(last.map_or(0, |last| last + 1))
}

/// Puts the old rows and all parts together, and marks the parts as done.
fn assemble(path: &Path) -> io::Result<()> {
    let parts = beside(path, ".parts");
    let whole = parts.join("whole");
    let mut out = Assembler::new(BufWriter::new(File::create(&whole)?), schema(), &Encoding::default())?;
    let old = path.exists().then(|| path.to_path_buf());
    for file in old.into_iter().chain(part_files(&parts)?) {
        out.append(fs::read(file)?)?;
    }
    out.finish()?.flush()?;
    fs::rename(parts, beside(path, ".done"))
}

/// Takes the last steps of a run whose rows were put together.
fn recover(path: &Path) -> io::Result<()> {
    let done = beside(path, ".done");
    if !done.exists() {
        return Ok(());
    }
    match fs::rename(done.join("whole"), path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_dir_all(done),
    }
}
