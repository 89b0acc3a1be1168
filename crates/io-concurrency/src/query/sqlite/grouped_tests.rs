use std::path::Path;

use proptest::prelude::*;
use rusqlite::types::Value as Cell;

use super::*;
use crate::query::range::Range;

#[track_caller]
fn check(sql: &str, rows: Option<&str>) {
    assert_eq!(Grouped::of(sql).map(|grouped| grouped.rows).as_deref(), rows, "{sql}");
}

#[test]
fn a_plain_summary_is_recognised_and_nothing_else() {
    check(
        "SELECT p.a, count(*) AS n, SUM(x * 2) total FROM t p -- c\nWHERE y > 1 GROUP BY P.A ORDER BY p.a ASC;",
        None,
    );
    check(
        "SELECT p.a, count(*) AS n, SUM(x * 2) total FROM t p -- c\nWHERE y > 1 GROUP BY P.A ORDER BY p.a ASC",
        Some("SELECT P.A, x * 2\nFROM t p -- c\nWHERE y > 1 "),
    );
    check("SELECT min(b) FROM t GROUP BY a, lower(c)", Some("SELECT a, lower(c), b\nFROM t "));
    for sql in [
        "SELECT a FROM t",
        "SELECT a, count(DISTINCT b) FROM t GROUP BY a",
        "SELECT a, b, count(*) FROM t GROUP BY a",
        "SELECT a, sum(b) / 2 FROM t GROUP BY a",
        "SELECT a, min(b, c) FROM t GROUP BY a",
        "SELECT a, sum(b) FROM t GROUP BY a HAVING sum(b) > 1",
        "SELECT a, sum(b) FROM t GROUP BY a ORDER BY a DESC",
        "SELECT a, sum(b) FROM t GROUP BY a ORDER BY sum(b)",
        "SELECT a, sum(b) AS a FROM t GROUP BY a ORDER BY a",
        "SELECT a, sum(b) FROM t GROUP BY a LIMIT 3",
        "SELECT a, sum(b) OVER () FROM t GROUP BY a",
        "SELECT a, sum(b) FROM t GROUP BY a COLLATE NOCASE",
        "SELECT a, sum(b) FROM t GROUP BY a UNION SELECT 1, 2",
        "SELECT a, group_concat(b) FROM t GROUP BY a",
        "WITH t AS (SELECT 1 AS a) SELECT a, count(*) FROM t GROUP BY a",
    ] {
        check(sql, None);
    }
}

/// The answer of ours, if there is one, and SQLite's, as texts.
fn both(rows: &[(Cell, Cell, Cell)], sql: &str) -> (Option<Vec<String>>, Vec<String>) {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch("CREATE TABLE t (a, b, c)").unwrap();
    for (a, b, c) in rows {
        database.execute("INSERT INTO t VALUES (?1, ?2, ?3)", (a, b, c)).unwrap();
    }
    both_of(&database, sql)
}

fn both_of(database: &Connection, sql: &str) -> (Option<Vec<String>>, Vec<String>) {
    let whole = Prepared::new(database, sql).unwrap();
    let ask = Ask {
        sql,
        range: &Range::Whole,
        limit: None,
        timeout: None,
        deadline: None,
        key: None,
        parts: 1,
        may_write: false,
        spool: Path::new("/nowhere"),
    };
    let stop = Stop::new();
    let ours = Grouped::of(sql).unwrap().gather(database, &whole, &ask, &stop).unwrap();
    let mut whole = whole;
    let theirs = super::super::rows(&mut whole, &ask, &stop).unwrap();
    (ours.map(|answer| shown(&answer)), shown(&theirs))
}

fn shown(answer: &Answer) -> Vec<String> {
    let mut lines = vec![format!("{:?} {:?}", answer.columns, answer.rows.kinds)];
    answer
        .rows
        .each(|batch| {
            lines.extend(
                (0..batch.record.num_rows()).map(|row| format!("{:?}", batch.record.slice(row, 1).columns())),
            );
            Ok(())
        })
        .unwrap();
    lines
}

const SQL: &str = "SELECT b, a, count(*), count(c) AS n, sum(c), total(c), avg(c), min(c), max(c), max(b) FROM t GROUP BY a, b";

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![Just(Cell::Null), (-2..3_i64).prop_map(Cell::Integer), "[a-c]{0,2}".prop_map(Cell::Text),]
}

proptest! {
    #[test]
    fn the_answer_is_sqlites_own(
        rows in proptest::collection::vec((cell(), cell(), prop_oneof![Just(Cell::Null), any::<i32>().prop_map(|value| Cell::Integer(value.into()))]), 0..40),
    ) {
        let (ours, theirs) = both(&rows, SQL);
        // The greatest of texts and numbers together is SQLite's to tell.
        if let Some(ours) = ours {
            prop_assert_eq!(ours, theirs);
        } else {
            prop_assert!(rows.iter().any(|row| matches!(row.1, Cell::Text(_))) && rows.iter().any(|row| matches!(row.1, Cell::Integer(_))));
        }
    }
}

#[test]
fn what_sqlite_has_rules_of_its_own_for_is_left_to_it() {
    let row = |a: Cell, c: Cell| (a, Cell::Null, c);
    let int = |value: i64| Cell::Integer(value);
    assert!(both(&[row(int(1), int(2))], SQL).0.is_some());
    for rows in [
        // 1 and 1.0 are one group.
        vec![row(int(1), int(1)), row(Cell::Real(1.0), int(1))],
        vec![row(Cell::Blob(vec![1]), int(1))],
        // Floats are added up in SQLite's own way, and texts are taken for numbers.
        vec![row(int(1), Cell::Real(0.5))],
        vec![row(int(1), Cell::Text("2".into()))],
    ] {
        assert_eq!(both(&rows, SQL).0, None, "{rows:?}");
    }
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (CAST(x'ff' AS TEXT))").unwrap();
    assert_eq!(both_of(&database, "SELECT a, count(*) FROM t GROUP BY a").0, None, "text that is not UTF-8");
    let database = Connection::open_in_memory().unwrap();
    database
        .execute_batch("CREATE TABLE t (a, c); INSERT INTO t VALUES (1, 9223372036854775807), (1, 1)")
        .unwrap();
    let grouped = Grouped::of("SELECT a, sum(c) FROM t GROUP BY a").unwrap();
    let mut rows = Prepared::new(&database, &grouped.rows).unwrap();
    let mut state = State::default();
    assert!(rows.step().unwrap() && state.add(rows.value(1), Function::Sum));
    assert!(rows.step().unwrap() && !state.add(rows.value(1), Function::Sum));
}

#[test]
fn a_small_table_that_is_looked_into_is_copied_and_the_answer_is_sqlites_own() {
    let database = Connection::open_in_memory().unwrap();
    let tables = "CREATE TABLE product (product_id BIGINT PRIMARY KEY, category);
        INSERT INTO product VALUES (1, 'a'), (4, 'b'), (9, NULL);
        CREATE TABLE sale (product_id, items);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
        INSERT INTO sale SELECT i % 11, i FROM n";
    database.execute_batch(tables).unwrap();
    let sql =
        "SELECT p.category, count(*), sum(s.items) FROM sale s JOIN product p USING (product_id) GROUP BY 1";
    assert_eq!(Grouped::of(sql), None, "a number is no key that is selected");
    let sql = sql.replace("BY 1", "BY p.category");
    let (ours, theirs) = both_of(&database, &sql);
    assert_eq!(ours, Some(theirs));
}
