//! Random tables and random SELECTs over them, in the SQL of each database.

use std::fmt::Write as _;

use io_concurrency::query::dialect::Dialect;

/// Rows of each table.
const ROWS: usize = 40;

/// A seeded source of random numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % end as u64).unwrap()
    }

    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const INTS: &[&str] = &["0", "1", "-1", "7", "42", "-32768", "32767", "2147483647", "9007199254740993"];
const REALS: &[&str] = &["0.0", "1.5", "-2.25", "0.1", "1.1", "3.0", "1e10", "-1e-05", "16384.5"];
const TEXTS: &[&str] = &[
    "", "a", "NULL", "it's", "ação", "a;b", "-- x", "/* x */", "\"q\"", "a\\b", "\\", "tab\there", "two\nlines", "€", "日本", "😀",
    " 1 ", "0012", "$$", "# x", "`", "[x]", "a,b", "<&>", "{}", "2024-01-01",
];

/// A table's columns, each with its type and the literals of its values.
fn columns(dialect: Dialect) -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    const DAYS: &[&str] = &["'2024-02-29'", "'1969-12-31'", "'0001-01-01'", "'9999-12-31'"];
    const MOMENTS: &[&str] =
        &["'2024-02-29 23:59:59'", "'1969-12-31 00:00:00.5'", "'1999-12-31 12:34:56.000001'"];
    match dialect {
        Dialect::Sqlite => vec![
            ("i", "INTEGER", INTS),
            ("r", "REAL", REALS),
            ("x", "TEXT", &["?"]),
            ("d", "DATE", &["'2024-02-29'", "'1969-12-31'", "'29/02/2024'", "'2024-2-9'"]),
            ("m", "TIMESTAMP", &["'2024-02-29 23:59:59'", "'2024-02-29T23:59:59'", "'1999-12-31 12:34:56.000001'"]),
            ("b", "BLOB", &["x''", "x'00ff'", "x'61'"]),
            ("v", "", &["1", "-9223372036854775808", "2.5", "3.0", "'text'", "'7'", "''"]),
            ("w", "", &["1", "2.5", "'ação'", "x'ff00'"]),
            ("n", "NUMERIC(10, 2)", &["'1.50'", "2", "'x'", "9223372036854775807"]),
        ],
        Dialect::Postgres => vec![
            ("i", "bigint", &["0", "-1", "9223372036854775807", "9007199254740993"]),
            ("s", "smallint", &["-32768", "0", "32767"]),
            ("o", "oid", &["0", "4294967295"]),
            ("r", "real", &["1.1", "-0.5", "16777216", "1e30", "'NaN'", "'infinity'"]),
            ("f", "double precision", &["0.1", "1e300", "-2.5", "'-infinity'"]),
            ("n", "numeric(12, 3)", &["1.5", "-123456789.125", "0", "'NaN'"]),
            ("w", "numeric", &["1.50", "0.000000000000000000000000000000000000001", "'NaN'", "123456789012345678901234567890"]),
            ("x", "text", &["?"]),
            ("c", "char(5)", &["'a'", "'ação'"]),
            ("d", "date", &["'2024-02-29'", "'infinity'", "'0001-01-01'", "'9999-12-31'"]),
            ("m", "timestamp", &["'2024-02-29 23:59:59.5'", "'-infinity'", "'1969-12-31 00:00:00.000001'"]),
            ("z", "timestamptz", &["'2024-02-29 23:59:59.5+03'", "'1999-12-31 00:00:00Z'"]),
            ("ti", "time", &["'23:59:59.5'", "'00:00'"]),
            ("tz", "timetz", &["'12:00+03'", "'23:59:59.25-08'"]),
            ("iv", "interval", &["'1 year 2 days'", "'-3 hours 0.5 seconds'"]),
            ("u", "uuid", &["'6ecd8c99-4036-403d-bf84-cf8400f67836'"]),
            ("j", "json", &["'{\"a\": [1, null]}'", "'\"ç\"'"]),
            ("jb", "jsonb", &["'{\"b\": 1, \"a\": 1.50}'"]),
            ("b", "bytea", &["'\\x'", "'\\x00ff5c'"]),
            ("l", "boolean", &["true", "false"]),
            ("ar", "real[]", &["'{1.1,NULL,2}'", "'{}'"]),
            ("en", "mood", &["'sad'", "'very happy'"]),
            ("dm", "small", &["1", "99"]),
            ("ip", "inet", &["'10.0.0.1/8'", "'::1'"]),
            ("bi", "bit(5)", &["B'10101'"]),
            ("mo", "money", &["'12.50'"]),
        ],
        Dialect::MariaDb => vec![
            ("i", "bigint", &["0", "-1", "9223372036854775807", "9007199254740993"]),
            ("ub", "bigint unsigned", &["0", "18446744073709551615"]),
            ("s", "smallint", &["-32768", "0", "32767"]),
            ("f", "float", &["1.1", "-0.5", "1e30", "123.456"]),
            ("d8", "double", &["0.1", "1e300", "-2.5"]),
            ("n", "decimal(12, 3)", &["1.5", "-123456789.125", "0"]),
            ("w", "decimal(50, 10)", &["1.5", "1234567890123456789012345678901234567890.0000000001"]),
            ("x", "varchar(50)", &["?"]),
            ("c", "char(5)", &["'a'", "'ação'"]),
            ("d", "date", &["'2024-02-29'", "'0000-00-00'", "'2024-00-00'", "'9999-12-31'"]),
            ("m", "datetime(6)", MOMENTS),
            ("m3", "datetime(3)", &["'2024-02-29 23:59:59.5'", "'0000-00-00 00:00:00'"]),
            ("z", "timestamp NULL", &["'2024-02-29 23:59:59'"]),
            ("ti", "time(3)", &["'-838:59:59'", "'01:02:03.1'", "'00:00:00'"]),
            ("t0", "time", &["'12:00:00'"]),
            ("y", "year", &["1999", "2155", "0"]),
            ("e", "enum('a', 'b''c')", &["'a'", "'b''c'"]),
            ("st", "set('p', 'q')", &["'p,q'", "''"]),
            ("b", "varbinary(10)", &["x''", "x'00ff5c'"]),
            ("bi", "bit(5)", &["b'10101'"]),
            ("j", "json", &["'{\"a\": [1, null]}'"]),
            ("uu", "uuid", &["'6ecd8c99-4036-403d-bf84-cf8400f67836'"]),
            ("ip", "inet6", &["'::1'"]),
            ("dd", "date", DAYS),
        ],
    }
}

/// A text as a literal, in one of the ways of its database.
fn literal(random: &mut Random, text: &str, dialect: Dialect) -> String {
    let doubled = text.replace('\'', "''");
    match dialect {
        Dialect::MariaDb if random.below(2) == 0 => {
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
        }
        Dialect::MariaDb => format!("'{}'", doubled.replace('\\', "\\\\")),
        Dialect::Postgres => match random.below(3) {
            0 => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            1 if !text.contains('$') => format!("$t${text}$t$"),
            _ => format!("'{doubled}'"),
        },
        Dialect::Sqlite => format!("'{doubled}'"),
    }
}

/// The statements that make two tables, `t` and `u`, of random rows.
pub fn tables(random: &mut Random, dialect: Dialect) -> String {
    let columns = columns(dialect);
    let mut sql = match dialect {
        Dialect::Postgres => "CREATE TYPE mood AS ENUM ('sad', 'very happy'); CREATE DOMAIN small AS integer;\n".to_owned(),
        Dialect::MariaDb => "SET sql_mode = '', time_zone = '+00:00';\n".to_owned(),
        Dialect::Sqlite => String::new(),
    };
    for table in ["t", "u"] {
        let declared: Vec<_> = columns.iter().map(|(name, kind, _)| format!("{name} {kind}")).collect();
        let _ = writeln!(sql, "CREATE TABLE {table} (id INTEGER PRIMARY KEY, {});", declared.join(", "));
        for row in 0..ROWS {
            let mut values = vec![row.to_string()];
            for (_, _, literals) in &columns {
                values.push(match random.below(6) {
                    0 => "NULL".to_owned(),
                    _ if literals == &["?"] => {
                        let text = random.one(TEXTS);
                        literal(random, text, dialect)
                    }
                    _ => random.one(literals).to_owned(),
                });
            }
            let _ = writeln!(sql, "INSERT INTO {table} VALUES ({});", values.join(", "));
        }
    }
    sql
}

/// A SELECT.
pub struct Select {
    pub sql: String,
    /// The names of its columns.
    pub columns: usize,
    /// True where all columns are ordered by.
    pub ordered: bool,
}

/// White space, or a remark that holds what a splitter may stumble over.
fn space(random: &mut Random, dialect: Dialect) -> &'static str {
    match (random.below(24), dialect) {
        (0, _) => " -- it's; a \"remark\"\n",
        (1, _) => " /* it's; a remark */ ",
        (2, Dialect::Postgres) => " /* a /* nested; ' */ ' ; */ ",
        (2, Dialect::MariaDb) => " # it's; a remark\n",
        (3, _) => "\n\t",
        _ => " ",
    }
}

/// An expression over the columns of `table`, a name with its dot or nothing.
fn expression(random: &mut Random, dialect: Dialect, table: &str) -> String {
    let columns = columns(dialect);
    let column = columns[random.below(columns.len())].0;
    let number = random.below(50);
    let text = random.one(TEXTS);
    let text = literal(random, text, dialect);
    match random.below(14) {
        0 => format!("{table}id + {number}"),
        1 => format!("{table}id % 7"),
        2 => format!("abs({table}id - {number})"),
        3 => format!("length({table}x)"),
        4 => format!("coalesce({table}x, {text})"),
        5 => format!("CASE WHEN {table}id > {number} THEN {table}x ELSE {text} END"),
        6 => text,
        7 => format!("upper({table}x)"),
        8 => format!("{table}id / 2.0"),
        9 if dialect != Dialect::MariaDb => format!("{table}x || {text}"),
        _ => format!("{table}{column}"),
    }
}

/// A condition over the columns of `table`.
fn condition(random: &mut Random, dialect: Dialect, table: &str) -> String {
    let (one, two) = (random.below(40), random.below(40));
    let text = random.one(TEXTS);
    let text = literal(random, text, dialect);
    match random.below(7) {
        0 => format!("{table}id > {one}"),
        1 => format!("{table}x IS NOT NULL"),
        2 => format!("{table}x = {text}"),
        3 => format!("{table}id IN ({one}, {two}, 3)"),
        4 => format!("{table}id BETWEEN {} AND {}", one.min(two), one.max(two)),
        5 => format!("NOT ({table}id < {one} AND {table}id <> {two})"),
        _ => format!("{table}x <> {text} OR {table}id = {one}"),
    }
}

/// A random SELECT over the tables.
pub fn select(random: &mut Random, dialect: Dialect) -> Select {
    let s = |random: &mut Random| space(random, dialect);
    let kind = random.below(10);
    let (list, rest): (Vec<String>, String) = match kind {
        0 | 1 => {
            let filter = condition(random, dialect, "");
            let having = if random.below(3) == 0 { " HAVING count(*) > 1" } else { "" };
            let list = vec!["x".into(), "count(*)".into(), "sum(id)".into(), "min(id)".into(), "max(x)".into()];
            (list, format!("FROM t WHERE {filter} GROUP BY x{having}"))
        }
        2 | 3 => {
            let join = random.one(&["JOIN", "LEFT JOIN"]);
            let list = (0..=random.below(4)).map(|at| {
                expression(random, dialect, if at % 2 == 0 { "a." } else { "b." })
            });
            let list: Vec<_> = list.collect();
            let filter = condition(random, dialect, "a.");
            (list, format!("FROM t AS a {join} u AS b ON a.id = b.id + {} WHERE {filter}", random.below(9)))
        }
        _ => {
            let list: Vec<_> = (0..=random.below(4)).map(|_| expression(random, dialect, "")).collect();
            let filter = condition(random, dialect, "");
            (list, format!("FROM {} WHERE {filter}", random.one(&["t", "u"])))
        }
    };

    let named: Vec<_> = list.iter().enumerate().map(|(at, one)| format!("{one} AS c{at}")).collect();
    let distinct = if kind == 9 { "DISTINCT " } else { "" };
    let mut sql = format!("SELECT{}{distinct}{}{}{rest}", s(random), named.join(", "), s(random));
    if kind == 4 {
        let again = condition(random, dialect, "");
        let set = random.one(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
        sql = format!("{sql}{}{set} SELECT {} FROM u WHERE {again}", s(random), list.join(", "));
    }
    let ordered = kind > 5 && random.below(2) == 0;
    if ordered {
        let all: Vec<_> = (1..=list.len()).map(|at| at.to_string()).collect();
        sql = format!("{sql}{}ORDER BY {}", s(random), all.join(", "));
        if random.below(2) == 0 {
            sql = format!("{sql} LIMIT {}", random.below(30));
        }
    }
    Select { sql, columns: list.len(), ordered }
}
