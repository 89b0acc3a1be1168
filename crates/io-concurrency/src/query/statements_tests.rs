use super::*;

#[track_caller]
fn check_split(dialect: Dialect, text: &str, expected: &[(&str, &str)]) {
    let found = statements(text, dialect).unwrap();
    let pairs: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.sql.as_str())).collect();
    assert_eq!(pairs, expected, "{text}");
}

#[test]
fn semicolons_in_quotes_and_remarks_end_no_statement() {
    let text = "-- name: one\nSELECT ';' -- a; b\n, \"x;\"; /* ; */ ;\nSELECT 2;\n";
    for dialect in Dialect::ALL {
        let expected = [("one", "SELECT ';' -- a; b\n, \"x;\""), ("query-2", "SELECT 2")];
        check_split(dialect, text, &expected);
        assert!(statements(" ; -- nothing\n", dialect).is_err());
        assert!(statements("-- name: ../x\nSELECT 1", dialect).is_err());
    }
}

#[test]
fn each_dialect_has_its_own_strings_and_comments() {
    use Dialect::{MariaDb, Postgres, Sqlite};
    check_split(MariaDb, r"SELECT 'a\'; b'", &[("query-1", r"SELECT 'a\'; b'")]);
    check_split(MariaDb, "SELECT 1 # a; b\n, `c;`", &[("query-1", "SELECT 1 # a; b\n, `c;`")]);
    check_split(MariaDb, "SELECT 1--1;SELECT 2", &[("query-1", "SELECT 1--1"), ("query-2", "SELECT 2")]);
    check_split(MariaDb, "/*! SELECT 1; */", &[("query-1", "/*! SELECT 1; */")]);
    check_split(MariaDb, "SELECT \"a\\\";b\"", &[("query-1", "SELECT \"a\\\";b\"")]);
    check_split(
        Postgres,
        "DO $f$ a; b $f$; SELECT 2",
        &[("query-1", "DO $f$ a; b $f$"), ("query-2", "SELECT 2")],
    );
    check_split(Postgres, r"SELECT 'a\';SELECT 2", &[("query-1", r"SELECT 'a\'"), ("query-2", "SELECT 2")]);
    check_split(Postgres, r"SELECT E'a\'; b'", &[("query-1", r"SELECT E'a\'; b'")]);
    check_split(Postgres, "SELECT 1 /* a /* ; */ ; */", &[("query-1", "SELECT 1 /* a /* ; */ ; */")]);
    check_split(Postgres, "SELECT 1+--it's; \n2", &[("query-1", "SELECT 1+--it's; \n2")]);
    check_split(Postgres, "SELECT 1-/* ; */2", &[("query-1", "SELECT 1-/* ; */2")]);
    check_split(Sqlite, "SELECT [a;b], `c;`", &[("query-1", "SELECT [a;b], `c;`")]);
    check_split(
        Sqlite,
        "SELECT 1 /* /* */;SELECT 2",
        &[("query-1", "SELECT 1 /* /* */"), ("query-2", "SELECT 2")],
    );
}

#[test]
fn the_body_of_a_routine_is_not_cut() {
    let trigger = "CREATE TRIGGER a AFTER INSERT ON t BEGIN DELETE FROM u; DELETE FROM v; END";
    check_split(
        Dialect::Sqlite,
        &format!("{trigger}; SELECT 1"),
        &[("query-1", trigger), ("query-2", "SELECT 1")],
    );
    let routine = "CREATE PROCEDURE p() BEGIN BEGIN SELECT 1; END; SELECT 2; END";
    check_split(Dialect::MariaDb, &format!("{routine};"), &[("query-1", routine)]);
    let why = statements("DELIMITER //\nSELECT 1//", Dialect::MariaDb).unwrap_err().to_string();
    assert!(why.contains("DELIMITER"), "{why}");
}

#[test]
fn a_token_without_a_certain_end_is_an_error_with_its_place() {
    use Dialect::{MariaDb, Postgres, Sqlite};
    for (dialect, text, said) in [
        (Sqlite, "SELECT 1;\nSELECT 'a", "line 2, column 8"),
        (Sqlite, "SELECT 1 /* a", "closed"),
        (Postgres, "SELECT $a$ x", "PostgreSQL"),
        (Postgres, "SELECT $é€$;$é€$", "not certain"),
        (Postgres, "SELECT $1$;$1$", "not certain"),
        (Postgres, "SELECT 'a'||/* ; */'b'", "not certain"),
        (MariaDb, "SELECT x'\\';'", "not certain"),
        (MariaDb, "SELECT 1 --\u{a0}';'", "not certain"),
        (MariaDb, "SELECT 1 --\u{1}';'\n", "not certain"),
        (MariaDb, "SELECT @@`sql_mode`, ';'", ""),
    ] {
        let why = statements(text, dialect).unwrap_err().to_string();
        assert!(why.contains(said), "{text}: {why}");
    }
}

#[test]
fn a_text_that_dialects_split_differently_is_refused() {
    let text = "SELECT 'a\\'; SELECT '";
    let why = statements_for(text, &[Dialect::Sqlite, Dialect::MariaDb]);
    assert!(why.is_err(), "{why:?}");
    assert_eq!(statements_for("SELECT 1; SELECT 2", &Dialect::ALL).unwrap().len(), 2);
}

#[track_caller]
fn check(sql: &str, expected: Option<&str>) {
    for dialect in Dialect::ALL {
        let found = Scan::of(sql, dialect).map(|scan| scan.within("rowid", &[">= 1".into(), "< 5".into()]));
        assert_eq!(found.as_deref(), expected);
    }
}

#[test]
fn a_range_goes_into_a_statement_that_reads_one_table() {
    check("SELECT * FROM sale", Some("SELECT * FROM sale\nWHERE sale.rowid >= 1 AND sale.rowid < 5"));
    check(
        "select a, (select 1 from b) from x.sale s -- c",
        Some("select a, (select 1 from b) from x.sale s -- c\nWHERE s.rowid >= 1 AND s.rowid < 5"),
    );
    check(
        "SELECT a FROM sale AS s WHERE a = ')' OR b -- x",
        Some("SELECT a FROM sale AS s WHERE s.rowid >= 1 AND s.rowid < 5 AND (a = ')' OR b -- x\n)"),
    );
    check("SELECT a FROM x.sale", Some("SELECT a FROM x.sale\nWHERE sale.rowid >= 1 AND sale.rowid < 5"));
}

#[test]
fn a_range_goes_behind_what_only_looks_like_a_condition() {
    let find = |sql: &str, dialect| Scan::of(sql, dialect).map(|scan| scan.within("ctid", &["< 5".into()]));
    assert_eq!(
        find("SELECT E'\\' where ' FROM sale", Dialect::Postgres).as_deref(),
        Some("SELECT E'\\' where ' FROM sale\nWHERE sale.ctid < 5")
    );
    assert_eq!(
        find("SELECT 1 /* /* */ where */ FROM sale", Dialect::Postgres).as_deref(),
        Some("SELECT 1 /* /* */ where */ FROM sale\nWHERE sale.ctid < 5")
    );
    assert_eq!(
        find("SELECT [a where] FROM sale", Dialect::Sqlite).as_deref(),
        Some("SELECT [a where] FROM sale\nWHERE sale.ctid < 5")
    );
}

#[test]
fn no_range_goes_into_any_other() {
    for sql in [
        "SELECT DISTINCT a FROM t",
        "SELECT a FROM t LIMIT 5",
        "SELECT a FROM t, u",
        "SELECT a FROM t JOIN u USING (a)",
        "SELECT a FROM (SELECT 1 AS a)",
        "SELECT a FROM t UNION SELECT a FROM u",
        "SELECT a FROM t ORDER BY a",
        "WITH t AS (SELECT 1) SELECT * FROM t",
        "DELETE FROM t",
        "SELECT 1",
        "SELECT a FROM f(1)",
    ] {
        check(sql, None);
    }
}
