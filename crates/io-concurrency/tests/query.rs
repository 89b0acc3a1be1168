//! Exercise 05 on real databases: one table whatever the strategy, sources that fail are named and the rest is kept.
//!
//! PostgreSQL and MariaDB are asked where they answer at their usual places on this machine; a test says so when not.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use io_concurrency::query::Query;
use lab::Exercise;
use nix::sys::signal::Signal;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::Connection;
use tabular::csv_text::{Dialect, write_batch, write_header};
use tempfile::TempDir;
use witness::{Ended, end, listing, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_io-concurrency");

/// A folder with databases, each made by its statements.
fn folder(databases: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    for (name, statements) in databases {
        Connection::open(folder.path().join("in").join(name)).unwrap().execute_batch(statements).unwrap();
    }
    folder
}

/// Asks the databases of the folder.
fn query(folder: &Path, args: &[&str]) -> Command {
    let mut command = witness::program(PROGRAM, folder);
    command.arg("query").arg(folder.join("in")).arg("--quiet").args(args);
    command
}

/// The types of a Parquet file and its rows as CSV.
fn table(path: &Path) -> (String, String) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let mut text = Vec::new();
    write_header(&schema, Dialect::default(), &mut text);
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    batches.iter().for_each(|batch| write_batch(batch, Dialect::default(), &mut text).unwrap());
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().to_string()).collect();
    (types.join(" "), String::from_utf8(text).unwrap())
}

/// Asks databases and checks the types and the rows of the united table.
#[track_caller]
fn check(databases: &[(&str, &str)], sql: &str, types: &str, rows: &str) {
    let folder = folder(databases);
    let out = folder.path().join("t.parquet");
    let ended = run(query(folder.path(), &["--sql", sql]).arg("--out").arg(&out));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(table(&out), (types.to_owned(), rows.to_owned()));
    assert_eq!(listing(folder.path()), ["in", "t.parquet"], "nothing else is left");
}

const NUMBERS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, price REAL, day DATE, at TIMESTAMP, raw BLOB);
    INSERT INTO t VALUES (1, 'ação', 1.5, '2024-12-31', '2024-12-31 23:59:59', x'00ff'), (2, NULL, NULL, NULL, NULL, NULL);";

#[test]
fn types_are_those_of_the_declarations_and_of_the_values() {
    check(
        &[("a.db", NUMBERS)],
        "SELECT id, name, price, day, at, id / 2.0 AS half FROM t",
        "Utf8 Int64 Utf8 Float64 Date32 Timestamp(µs) Float64",
        "source,id,name,price,day,at,half\na,1,ação,1.5,2024-12-31,2024-12-31 23:59:59,0.5\na,2,,,,,1.0\n",
    );
    check(
        &[("a.db", "CREATE TABLE t (id INTEGER, name TEXT, price REAL, day DATE)")],
        "SELECT * FROM t",
        "Utf8 Int64 Utf8 Float64 Date32",
        "source,id,name,price,day\n",
    );
}

#[test]
fn a_column_is_as_wide_as_the_values_of_all_sources() {
    let loose = |values: &str| format!("CREATE TABLE t (v); INSERT INTO t VALUES {values}");
    let (ints, reals, texts) = (loose("(1), (2)"), loose("(2.5), (3.0)"), loose("('x'), (7), (NULL)"));
    check(
        &[("a.db", &ints), ("b.db", &reals)],
        "SELECT v FROM t",
        "Utf8 Float64",
        "source,v\na,1.0\na,2.0\nb,2.5\nb,3.0\n",
    );
    check(
        &[("a.db", &ints), ("b.db", &reals), ("c.db", &texts)],
        "SELECT v FROM t",
        "Utf8 Utf8",
        "source,v\na,1\na,2\nb,2.5\nb,3\nc,x\nc,7\nc,\n",
    );
    // A float would change it, so it stays what it is.
    check(
        &[("a.db", &loose("(9007199254740993)")), ("b.db", &reals)],
        "SELECT v FROM t",
        "Utf8 Utf8",
        "source,v\na,9007199254740993\nb,2.5\nb,3\n",
    );
    // Moments that would not be written back as they stand are text, and so is the whole column.
    let moments =
        "CREATE TABLE t (v TIMESTAMP); INSERT INTO t VALUES ('2024-01-01 00:00:00'), ('2024-01-01T00:00:00')";
    check(
        &[("a.db", moments)],
        "SELECT v FROM t",
        "Utf8 Utf8",
        "source,v\na,2024-01-01 00:00:00\na,2024-01-01T00:00:00\n",
    );
}

/// A database with a table that is large enough to be read by ranges.
fn large(rows: u32) -> String {
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i * 3, hex(randomblob(24)) FROM n"
    )
}

#[test]
fn every_strategy_gives_the_same_bytes_for_any_number_of_workers() {
    let folder = folder(&[("a.db", NUMBERS), ("b.db", &large(150_000)), ("c.db", NUMBERS)]);
    for (sql, format) in [
        ("SELECT id FROM t WHERE id > 1", "csv"),
        ("SELECT * FROM (SELECT id FROM t) WHERE id % 2 = 0", "parquet"),
    ] {
        let mut answers = BTreeSet::new();
        for workers in ["1", "2", "7"] {
            for strategy in Query::STRATEGIES {
                let out = folder.path().join("t");
                let args =
                    ["--sql", sql, "--format", format, "--strategy", strategy.name, "--workers", workers];
                let ended = run(query(folder.path(), &args).arg("--out").arg(&out));
                assert_eq!(ended.code, Some(0), "{} {workers}: {}", strategy.name, ended.err);
                answers.insert(fs::read(out).unwrap());
            }
        }
        assert_eq!(answers.len(), 1, "{format}");
    }
}

/// The states that --summary tells, and the rows and ranges of each.
fn states(path: &Path) -> Vec<String> {
    let lines = fs::read_to_string(path).unwrap();
    let state = |line: &str| {
        let one: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {} {}", text("source"), text("state"), one["rows"], one["parts"])
    };
    lines.lines().map(state).collect()
}

#[test]
fn a_large_table_is_read_by_ranges_and_each_row_once() {
    let folder = folder(&[("b.db", &large(150_000))]);
    let (out, summary) = (folder.path().join("t.csv"), folder.path().join("s"));
    let mut texts = BTreeSet::new();
    // By rowid, by a key, and in one piece.
    for (args, parts) in [(&[][..], 4), (&["--key", "id"], 8), (&["--parts", "1"], 1)] {
        let mut command = query(folder.path(), &["--sql", "SELECT id, text FROM t -- all"]);
        let ended = run(command.args(args).arg("--out").arg(&out).arg("--summary").arg(&summary));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(states(&summary), [format!("b whole 150000 {parts}")]);
        texts.insert(fs::read_to_string(&out).unwrap());
    }
    assert_eq!(texts.len(), 1);
    assert_eq!(texts.first().unwrap().lines().collect::<BTreeSet<_>>().len(), 150_001);
    // What gathers rows is asked as a whole.
    let mut command = query(folder.path(), &["--sql", "SELECT count(*) AS n FROM t"]);
    run(command.arg("--out").arg(&out));
    assert_eq!(fs::read_to_string(&out).unwrap(), "source,n\nb,150000\n");
}

#[test]
fn a_key_is_a_name_and_never_a_piece_of_a_statement() {
    let folder =
        folder(&[("b.db", "CREATE TABLE t (\"a\"\"b\" INTEGER); INSERT INTO t VALUES (1), (2), (3)")]);
    let (out, summary) = (folder.path().join("t.csv"), folder.path().join("s"));
    let ask = |key: &str| {
        let mut command = query(folder.path(), &["--sql", "SELECT * FROM t", "--parts", "2", "--key", key]);
        run(command.arg("--out").arg(&out).arg("--summary").arg(&summary))
    };
    let ended = ask("a\"b");
    assert_eq!((ended.code, states(&summary)), (Some(0), vec!["b whole 3 2".to_owned()]), "{}", ended.err);
    for key in ["a\"b\") FROM t --", "1) OR (1", "a\"\"b", "x\"; DROP TABLE t; --"] {
        let ended = ask(key);
        assert_eq!(ended.code, Some(1), "{key}: {}", ended.err);
    }
    let database = Connection::open(folder.path().join("in/b.db")).unwrap();
    assert_eq!(database.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 3);
}

#[test]
fn a_source_that_fails_is_late_or_differs_is_named_and_the_rest_is_kept() {
    let endless = "CREATE TABLE t (id INTEGER); CREATE VIEW v AS
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) AS id FROM n;";
    let good = "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7); CREATE VIEW v AS SELECT id FROM t";
    let other = "CREATE VIEW v AS SELECT 1 AS other";
    let folder = folder(&[
        ("a.db", good),
        ("b.db", endless),
        ("c.db", other),
        ("e.db", "CREATE TABLE x (y)"),
        ("f.db", good),
    ]);
    fs::write(folder.path().join("in/d.db"), "this is no database, whatever its name says").unwrap();
    let (out, summary) = (folder.path().join("t.csv"), folder.path().join("s"));
    for strategy in Query::STRATEGIES {
        let args = ["--sql", "SELECT * FROM v", "--source-timeout", "0.5", "--strategy", strategy.name];
        let ended = run(query(folder.path(), &args).arg("--out").arg(&out).arg("--summary").arg(&summary));
        assert_eq!(ended.code, Some(1), "{}: {}", strategy.name, ended.err);
        let expected =
            ["a whole 1 1", "b late 0 1", "c failed 0 1", "d failed 0 1", "e failed 0 1", "f whole 1 1"];
        assert_eq!(states(&summary), expected, "{}", strategy.name);
        assert_eq!(fs::read_to_string(&out).unwrap(), "source,id\na,7\nf,7\n");
        for said in
            ["no whole answer within 0.5 s", "its columns are other", "not a database", "no such table: v"]
        {
            assert!(ended.err.contains(said), "{said}: {}", ended.err);
        }
    }
}

#[test]
fn a_database_that_is_not_there_costs_itself_only() {
    let good = "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7)";
    let folder = folder(&[("a.db", good), ("f.db", good)]);
    let (out, summary) = (folder.path().join("t.csv"), folder.path().join("s"));
    let gone = ["gone.db", "nothing-*.db", "no=postgres://nobody@127.0.0.1:1/x"];
    let gone = gone.map(|name| if name.contains("://") { name.into() } else { folder.path().join(name) });
    let mut command = witness::program(PROGRAM, folder.path());
    command.arg("query").args(&gone).arg(folder.path().join("in")).args(["--sql", "SELECT * FROM t"]);
    let ended = run(command.arg("--out").arg(&out).arg("--summary").arg(&summary));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(fs::read_to_string(&out).unwrap(), "source,id\na,7\nf,7\n");
    for said in ["gone.db", "nothing-*.db", "127.0.0.1:1", "partial: 2 of 5 databases are in it"] {
        assert!(ended.err.contains(said), "{said}: {}", ended.err);
    }
}

#[test]
fn a_table_that_no_database_gave_replaces_nothing() {
    let folder = folder(&[("a.db", NUMBERS)]);
    let out = folder.path().join("t.csv");
    fs::write(&out, "before").unwrap();
    let ended = run(query(folder.path(), &["--sql", "SELECT nothing FROM t"]).arg("--out").arg(&out));
    assert_eq!(
        (ended.code, fs::read_to_string(&out).unwrap().as_str()),
        (Some(1), "before"),
        "{}",
        ended.err
    );
}

#[test]
fn the_columns_that_most_databases_have_are_those_of_the_table() {
    let good = "CREATE VIEW v AS SELECT 7 AS id";
    let folder = folder(&[("a.db", "CREATE VIEW v AS SELECT 1 AS other"), ("b.db", good), ("c.db", good)]);
    let ended = run(&mut query(folder.path(), &["--sql", "SELECT * FROM v", "--format", "csv"]));
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), "source,id\nb,7\nc,7\n"), "{}", ended.err);
    assert!(ended.err.contains("its columns are other"), "{}", ended.err);
}

#[test]
fn servers_are_all_waited_for_at_once_whatever_the_number_of_processors() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, connections) = std::sync::mpsc::channel();
    std::thread::spawn(move || listener.incoming().try_for_each(|connection| sender.send(connection)));

    for strategy in ["pool", "async", "processes"] {
        let folder = folder(&[]);
        let mut command = witness::program(PROGRAM, folder.path());
        let sources = (0..8).map(|number| format!("s{number}=postgres://x@127.0.0.1:{port}/x"));
        command.arg("query").args(sources).args([
            "--sql",
            "SELECT 1",
            "--parts",
            "1",
            "--strategy",
            strategy,
        ]);
        let program = command.spawn().unwrap();

        // None is answered or closed before all have come.
        let mut held = Vec::new();
        witness::wait_for("eight connections at once", || {
            held.extend(connections.try_iter());
            (held.len() == 8).then_some(())
        });
        drop(held);
        let (ended, _) = end(program, &[], Signal::SIGINT);
        assert_ne!(ended.code, Some(0), "{strategy}");
    }
}

#[test]
fn a_limit_is_for_each_source_and_says_so() {
    let folder =
        folder(&[("a.db", NUMBERS), ("b.db", "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (5)")]);
    let (out, summary) = (folder.path().join("t.ndjson"), folder.path().join("s"));
    let args = ["--sql", "SELECT id FROM t", "--limit", "1", "--source-column", "shop"];
    let ended = run(query(folder.path(), &args).arg("--out").arg(&out).arg("--summary").arg(&summary));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(fs::read_to_string(&out).unwrap(), "{\"shop\":\"a\",\"id\":1}\n{\"shop\":\"b\",\"id\":5}\n");
    assert_eq!(states(&summary), ["a limited 1 1", "b whole 1 1"]);
}

#[test]
fn databases_are_only_read_unless_told() {
    let folder = folder(&[("a.db", NUMBERS)]);
    let before = fs::read(folder.path().join("in/a.db")).unwrap();
    let sql = ["--sql", "DELETE FROM t WHERE id = 2"];
    let ended = run(&mut query(folder.path(), &sql));
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("which is only read") && ended.err.contains("--write"), "{}", ended.err);
    assert_eq!(fs::read(folder.path().join("in/a.db")).unwrap(), before);
    let ended = run(query(folder.path(), &sql).args(["--write", "--format", "csv"]));
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "source,changed\na,1\n"), "{}", ended.err);
}

#[test]
fn a_file_of_statements_makes_a_table_of_each() {
    let folder = folder(&[("a.db", NUMBERS)]);
    let sql = folder.path().join("q.sql");
    fs::write(
        &sql,
        "-- name: ids\nSELECT id FROM t; /* ; */\n-- name: names\nSELECT name FROM t WHERE name <> ';';\n",
    )
    .unwrap();
    let at_sql = format!("@{}", sql.display());
    let out = folder.path().join("out");
    let ended = run(query(folder.path(), &["--sql", &at_sql, "--format", "csv"]).arg("--out").arg(&out));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(listing(&out), ["ids.csv", "names.csv"]);
    assert_eq!(fs::read_to_string(out.join("names.csv")).unwrap(), "source,name\na,ação\n");
    // Without a place they are shown, one after another.
    let ended = run(&mut query(folder.path(), &["--sql", &at_sql]));
    assert!(ended.out.starts_with("ids\n") && ended.out.contains("ação"), "{}", ended.out);
}

#[test]
fn ctrl_c_ends_an_endless_statement_and_leaves_nothing() {
    let endless = "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) AS id FROM n";
    let folder = folder(&[("a.db", endless), ("b.db", endless)]);
    for strategy in ["sequential", "pool", "async", "processes"] {
        let out = folder.path().join("t.csv");
        let mut command = query(folder.path(), &["--sql", "SELECT * FROM v", "--strategy", strategy]);
        let program = command.arg("--out").arg(&out).spawn().unwrap();
        let staged = || listing(folder.path()).into_iter().find(|name| name.starts_with(".paralelo"));
        witness::wait_for("a staging folder", staged);
        let (Ended { code, .. }, took) = end(program, &[], Signal::SIGINT);
        assert_eq!(code, Some(130), "{strategy}");
        assert!(took < Duration::from_secs(10), "{strategy}: {took:?}");
        assert_eq!(listing(folder.path()), ["in"], "{strategy}");
    }
}

#[test]
fn wrong_usage_says_what_is_right() {
    let folder = folder(&[("a.db", NUMBERS)]);
    let failed = |args: &[&str], said: &str| {
        let ended = run(&mut query(folder.path(), args));
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        assert!(ended.err.contains(said), "{}", ended.err);
    };
    failed(&[], "nothing to ask them");
    failed(&["--sql", " ; "], "there is no statement");
    failed(&["--sql", "SELECT id AS source FROM t"], "--source-column");
    failed(&["oracle://x", "--sql", "SELECT 1"], "no database that can be asked");
    failed(&["--sql", "SELECT id FROM t", "--key", "nothing"], "nothing");
}

/// A server's own database for one test, dropped with it.
struct Server {
    client: PathBuf,
    drop: Vec<String>,
    url: String,
}

impl Server {
    fn named() -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("paralelo_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// What makes a fresh database and fills it; `None`, said, where the server does not answer.
    fn start(kind: &str, filled: &str) -> Option<Self> {
        let name = Self::named();
        let (client, base, url): (&str, &[&str], _) = match kind {
            "postgres" => (
                "psql",
                &["-h", "127.0.0.1", "-U", "postgres", "-qX", "-v", "ON_ERROR_STOP=1"],
                format!("postgres://postgres@127.0.0.1:5432/{name}"),
            ),
            _ => (
                "mysql",
                &["-h", "127.0.0.1", "-u", "root", "--connect-timeout=3"],
                format!("mysql://root@127.0.0.1:3306/{name}"),
            ),
        };
        let call = |database: Option<&str>, sql: &str| {
            let mut command = Command::new(client);
            command.args(base).args(database).arg(if kind == "postgres" { "-c" } else { "-e" }).arg(sql);
            command.output().is_ok_and(|output| output.status.success())
        };
        if !call(if kind == "postgres" { Some("postgres") } else { None }, &format!("CREATE DATABASE {name}"))
        {
            println!("skipped: {kind} does not answer on this machine, or there is no {client}");
            return None;
        }
        let mut drop: Vec<String> = base.iter().map(ToString::to_string).collect();
        drop.extend(if kind == "postgres" {
            vec!["postgres".into(), "-c".into()]
        } else {
            vec!["-e".into()]
        });
        drop.push(format!("DROP DATABASE {name}"));
        let server = Self { client: client.into(), drop, url };
        assert!(call(Some(&name), filled), "{kind} is not filled");
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new(&self.client).args(&self.drop).output();
    }
}

#[track_caller]
fn check_server(server: &Server, args: &[&str], types: &str, rows: &str) {
    let folder = folder(&[]);
    let out = folder.path().join("t.parquet");
    let mut command = witness::program(PROGRAM, folder.path());
    command.args(["query", &format!("db={}", server.url), "--quiet"]).args(args).arg("--out").arg(&out);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(table(&out), (types.to_owned(), rows.to_owned()));
}

#[test]
fn postgresql_gives_its_types_and_its_digits() {
    let filled = "CREATE TABLE t (b boolean, i smallint, j integer, k bigint, r real, d double precision, n numeric(12,3),
        m numeric, day date, at timestamp, tz timestamptz, x text, u uuid, raw bytea);
        INSERT INTO t VALUES (true, 1, 2, 9007199254740993, 1.5, 0.1, -1234567.891, 0.1000, '2024-12-31', '1999-12-31 23:59:59.5',
        '2024-01-01 00:00:00+03', 'ção', '6ecd8c99-4036-403d-bf84-cf8400f67836', NULL), (NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL);";
    let Some(server) = Server::start("postgres", filled) else { return };
    check_server(
        &server,
        &["--sql", "SELECT b, i, j, k, r, d, n, m, day, at, tz, x, u FROM t"],
        "Utf8 Boolean Int64 Int64 Int64 Float32 Float64 Decimal128(12, 3) Utf8 Date32 Timestamp(µs) Timestamp(µs, \"UTC\") Utf8 Utf8",
        "source,b,i,j,k,r,d,n,m,day,at,tz,x,u\n\
         db,true,1,2,9007199254740993,1.5,0.1,-1234567.891,0.1000,2024-12-31,1999-12-31 23:59:59.500000,2023-12-31 21:00:00Z,ção,6ecd8c99-4036-403d-bf84-cf8400f67836\n\
         db,,,,,,,,,,,,,\n",
    );
    check_server(
        &server,
        &["--sql", "SELECT j, j FROM t", "--limit", "1"],
        "Utf8 Int64 Int64",
        "source,j,j_2\ndb,2,2\n",
    );
    check_server(
        &server,
        &["--sql", "SHOW search_path"],
        "Utf8 Utf8",
        "source,search_path\ndb,\"\"\"$user\"\", public\"\n",
    );
}

#[test]
fn postgresql_alters_no_value_that_has_no_place_in_its_type() {
    let filled = "CREATE TABLE t (id int, r real, n numeric(6,2), d date, m timestamp);
        INSERT INTO t VALUES (1, 1.1, 'NaN', 'infinity', '-infinity'), (2, 16777217, 1.5, '2024-02-29', '2024-02-29 12:00:00')";
    let Some(server) = Server::start("postgres", filled) else { return };
    check_server(
        &server,
        &["--sql", "SELECT r, n, d, m FROM t ORDER BY id -- all"],
        "Utf8 Float32 Utf8 Utf8 Utf8",
        "source,r,n,d,m\ndb,1.1,NaN,infinity,-infinity\ndb,16777216.0,1.50,2024-02-29,2024-02-29 12:00:00\n",
    );
    // What changes rows gives values of any type as well.
    check_server(
        &server,
        &[
            "--write",
            "--sql",
            "UPDATE t SET id = 5 WHERE id = 2 RETURNING id, 10::numeric AS u, '{1,2}'::int[] AS a",
        ],
        "Utf8 Int64 Utf8 Utf8",
        "source,id,u,a\ndb,5,10,\"{1,2}\"\n",
    );
    check_server(
        &server,
        &["--sql", "SELECT 'a\\' || E'\\';' || $$;$$ /* ; /* ; */ ; */ AS x; -- end"],
        "Utf8 Utf8",
        "source,x\ndb,a\\';;\n",
    );
}

#[test]
fn mariadb_alters_no_value_and_cuts_no_string() {
    let filled = "SET sql_mode = ''; CREATE TABLE t (f float, m datetime, h time(3), m3 datetime(3));
        INSERT INTO t VALUES (1.1, '0000-00-00 00:00:00', '01:02:03.1', '2024-00-00 12:34:56.5')";
    let Some(server) = Server::start("mariadb", filled) else { return };
    check_server(
        &server,
        &["--sql", "SELECT f, m, h, m3 FROM t"],
        "Utf8 Float32 Utf8 Utf8 Utf8",
        "source,f,m,h,m3\ndb,1.1,0000-00-00 00:00:00,01:02:03.100,2024-00-00 12:34:56.500\n",
    );
    check_server(
        &server,
        &["--sql", "SELECT 'a\\'; b' AS x # ; it's\n, `x;`.f FROM t AS `x;`"],
        "Utf8 Utf8 Float32",
        "source,x,f\ndb,a'; b,1.1\n",
    );
}

#[test]
fn postgresql_is_read_by_ranges_only_read_and_in_time() {
    let filled =
        "CREATE TABLE big AS SELECT i AS id, repeat('x', 300) AS text FROM generate_series(1, 60000) i;
        CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(20)";
    let Some(server) = Server::start("postgres", filled) else { return };
    let folder = folder(&[(
        "a.db",
        "CREATE TABLE big (id INTEGER, text TEXT); INSERT INTO big VALUES (0, 'y'); CREATE VIEW slow AS SELECT 7 AS id",
    )]);
    let (out, summary) = (folder.path().join("t.csv"), folder.path().join("s"));
    let ask = |args: &[&str]| {
        let mut command = query(folder.path(), &[&format!("pg={}", server.url)]);
        run(command.args(args).arg("--out").arg(&out).arg("--summary").arg(&summary))
    };
    for (args, parts) in [(&[][..], 2), (&["--key", "id"], 8)] {
        let ended = ask(&[&["--sql", "SELECT id FROM big"], args].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(states(&summary)[1].ends_with(&format!("whole 60000 {parts}")), "{:?}", states(&summary));
        let text = fs::read_to_string(&out).unwrap();
        assert_eq!(text.lines().collect::<BTreeSet<_>>().len(), 60_002, "each row once");
    }
    let ended = ask(&["--sql", "DELETE FROM big WHERE id = 1"]);
    assert!(ended.code == Some(1) && ended.err.contains("which is only read"), "{}", ended.err);
    let started = Instant::now();
    let ended = ask(&["--sql", "SELECT id FROM slow", "--source-timeout", "0.5"]);
    assert!(started.elapsed() < Duration::from_secs(10) && ended.code == Some(1), "{}", ended.err);
    assert_eq!(fs::read_to_string(&out).unwrap(), "source,id\na,7\n");
    assert!(states(&summary)[1].contains(" late 0 "), "{:?}", states(&summary));
}

#[test]
fn mariadb_gives_its_types_and_its_digits() {
    let filled = "CREATE TABLE t (i tinyint, k bigint unsigned, d double, n decimal(12,3), day date, at datetime(6), h time, x varchar(9), raw blob);
        INSERT INTO t VALUES (1, 18446744073709551615, 0.1, -1234567.891, '2024-12-31', '1999-12-31 23:59:59.5', '-01:02:03', 'ção', NULL),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);";
    let Some(server) = Server::start("mariadb", filled) else { return };
    let types = "Utf8 Int64 Decimal128(20, 0) Float64 Decimal128(12, 3) Date32 Timestamp(µs) Utf8 Utf8";
    check_server(
        &server,
        &["--sql", "SELECT i, k, d, n, day, at, h, x FROM t"],
        types,
        "source,i,k,d,n,day,at,h,x\n\
         db,1,18446744073709551615,0.1,-1234567.891,2024-12-31,1999-12-31 23:59:59.500000,-01:02:03,ção\ndb,,,,,,,,\n",
    );
    check_server(
        &server,
        &["--sql", "SELECT i FROM t", "--key", "i", "--parts", "3"],
        "Utf8 Int64",
        "source,i\ndb,1\ndb,\n",
    );
    check_server(
        &server,
        &["--sql", "SELECT i FROM t ORDER BY 1 DESC", "--limit", "1"],
        "Utf8 Int64",
        "source,i\ndb,1\n",
    );
    let mut command = witness::program(PROGRAM, Path::new("/tmp"));
    let ended = run(command.args(["query", &server.url, "--sql", "DROP TABLE t"]));
    assert!(ended.code == Some(1) && ended.err.contains("which is only read"), "{}", ended.err);
}
