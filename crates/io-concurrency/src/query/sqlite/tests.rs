use super::*;

#[test]
fn every_value_is_read_as_it_was_written_and_no_bytes_are_none() {
    let database = Connection::open_in_memory().unwrap();
    let made = "CREATE TABLE t (i INTEGER, r REAL, x TEXT, b BLOB);
        INSERT INTO t VALUES (-7, 0.5, 'a' || char(0) || 'é', x'00ff'), (NULL, NULL, '', x''),
        (9223372036854775807, 1e300, CAST(x'ff' AS TEXT), zeroblob(3));";
    database.execute_batch(made).unwrap();
    let mut statement = database.prepare("SELECT *, i + 1 AS \"next one\" FROM t").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut shown = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let values = (0..4).map(|column| format!("{:?}", value_of(row.get_ref(column).unwrap())));
        shown.push(values.collect::<Vec<_>>().join(" "));
    }
    let expected = [
        "Int(-7) Real(0.5) Text(\"a\\0é\") Bytes([0, 255])",
        "Null Null Text(\"\") Bytes([])",
        "Int(9223372036854775807) Real(1e300) Bytes([255]) Bytes([0, 0, 0])",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_statement_that_is_none_and_one_that_fails_have_the_databases_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let ask = |sql: &'static str| Ask {
        sql,
        range: &Range::Whole,
        limit: None,
        timeout: None,
        deadline: None,
        key: None,
        parts: 1,
        may_write: false,
        spool: Path::new(""),
    };
    for (sql, said) in [
        ("SELEC 1", "syntax error"),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
        ("SELECT * FROM t WHERE a = :missing", "parameters"),
    ] {
        let why = super::ask(&path, &ask(sql), &Stop::new()).unwrap_err().to_string();
        assert!(why.contains(said), "{sql}: {why}");
    }
}
