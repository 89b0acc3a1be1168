//! Small tables that a statement looks into at each row of a large one, in memory for as long as it runs.
//!
//! To find a row by a key that is not the row's own number costs SQLite two searches, of the key's index and of the table,
//! and where the file is mapped each page on the way is set up anew. In a copy whose row's number *is* the key it costs one,
//! on pages that stay. A temporary table hides the file's of its name, so the statement need not be written anew; both are
//! read in one transaction.

use rusqlite::{Connection, OptionalExtension as _};

/// The most rows of a table that is copied.
const MOST: i64 = 1 << 16;
/// The most bytes of its values.
const MOST_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
/// A table is copied if another one that is read has at least so many times its rows.
const WORTH: i64 = 4;

/// The copies; they go with it.
#[derive(Debug)]
pub(super) struct AtHand<'a> {
    database: &'a Connection,
    copies: Vec<String>,
}

impl<'a> AtHand<'a> {
    /// Copies what is worth it; where something cannot be copied the file's own is read.
    pub(super) fn of(database: &'a Connection, sql: &str) -> Self {
        let mut at_hand = Self { database, copies: Vec::new() };
        // The number of a row is another one in a copy.
        let numbers = ["rowid", "oid"].iter().any(|word| sql.to_ascii_lowercase().contains(word));
        if !numbers && database.execute_batch("PRAGMA temp_store = MEMORY; BEGIN").is_ok() {
            let wanted = looked_into(database, sql).unwrap_or_default();
            for (table, key) in wanted {
                if copy(database, &table, &key) == Ok(true) {
                    at_hand.copies.push(table);
                }
            }
        }
        at_hand
    }
}

impl Drop for AtHand<'_> {
    fn drop(&mut self) {
        for table in &self.copies {
            let _ = self.database.execute(&format!("DROP TABLE temp.{}", quoted(table)), []);
        }
        if !self.database.is_autocommit() {
            let _ = self.database.execute_batch("COMMIT");
        }
    }
}

/// The small tables that the compiled statement searches by a unique key of one column beside a large one, and these keys.
fn looked_into(database: &Connection, sql: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut explain = database.prepare(&format!("EXPLAIN {sql}"))?;
    let opened = explain.query_map([], |step| Ok((step.get(1)?, step.get(3)?, step.get(4)?)))?;
    let opened: Vec<(String, i64, i64)> = opened.collect::<rusqlite::Result<_>>()?;
    let (mut most, mut searched) = (0, Vec::new());
    // The file's own schema has the number 0.
    for (_, root, _) in opened.into_iter().filter(|(step, _, schema)| step == "OpenRead" && *schema == 0) {
        let sql = "SELECT type = 'index', name, tbl_name FROM sqlite_schema WHERE rootpage = ?1";
        let found =
            database.query_row(sql, [root], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((is_index, name, table)): Option<(bool, String, String)> = found else { continue };
        // Each of the two is found at an end of the table; both in one question would read all of it.
        let end = |which: &str| format!("(SELECT {which}(rowid) FROM main.{})", quoted(&table));
        let span = format!("SELECT coalesce({} - {} + 1, 0)", end("max"), end("min"));
        let rows: i64 = database.query_row(&span, [], |row| row.get(0))?;
        most = most.max(rows);
        let sql =
            "SELECT max(column.name) FROM pragma_index_list(?1) AS one, pragma_index_info(one.name) AS column
            WHERE one.name = ?2 AND one.\"unique\" AND NOT one.partial HAVING count(*) = 1";
        if is_index
            && let Some(Some(key)) = database.query_row(sql, [&table, &name], |row| row.get(0)).optional()?
        {
            searched.push((table, key, rows));
        }
    }
    searched.retain(|(.., rows)| *rows <= MOST && rows.saturating_mul(WORTH) <= most);
    searched.dedup();
    Ok(searched.into_iter().map(|(table, key, _)| (table, key)).collect())
}

/// Copies a table; false where a copy would not be the same in every respect.
fn copy(database: &Connection, table: &str, key: &str) -> rusqlite::Result<bool> {
    let name = quoted(table);
    let strict = "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    if database.query_row(strict, [table], |row| row.get(0))? {
        return Ok(false);
    }
    let mut declared = database.prepare("SELECT name, type, hidden FROM pragma_table_xinfo(?1, 'main')")?;
    let columns = declared.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let columns: Vec<(String, String, i64)> = columns.collect::<rusqlite::Result<_>>()?;
    if columns.iter().any(|(_, _, hidden)| *hidden != 0) {
        return Ok(false);
    }
    // Lengths are known without what is long being read.
    let bytes: Vec<String> =
        columns.iter().map(|(name, ..)| format!("coalesce(octet_length({}), 0)", quoted(name))).collect();
    let sizes = format!(
        "SELECT total(typeof({}) <> 'integer'), total({}) FROM main.{name}",
        quoted(key),
        bytes.join(" + ")
    );
    let (others, bytes): (f64, f64) = database.query_row(&sizes, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if others > 0.0 || bytes > MOST_BYTES {
        return Ok(false);
    }
    let column = |(name, declared, _): &(String, String, i64)| {
        let declared = if name.eq_ignore_ascii_case(key) { "INTEGER PRIMARY KEY" } else { declared };
        format!("{} {declared}", quoted(name))
    };
    let columns: Vec<String> = columns.iter().map(column).collect();
    database.execute(&format!("CREATE TEMP TABLE {name} ({})", columns.join(", ")), [])?;
    let filled = database.execute(&format!("INSERT INTO temp.{name} SELECT * FROM main.{name}"), []);
    if filled.is_err() {
        database.execute(&format!("DROP TABLE temp.{name}"), [])?;
    }
    filled.map(|_| true)
}

/// A name, also if it is a word of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "SELECT p.category, s.items FROM sale s JOIN product p USING (product_id)";

    /// A database of these products and a thousand sales of some of them.
    fn database(products: &str) -> Connection {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(products).unwrap();
        let sales = "CREATE TABLE sale (product_id, items);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
            INSERT INTO sale SELECT i % 7, i FROM n";
        database.execute_batch(sales).unwrap();
        database
    }

    fn rows(database: &Connection, sql: &str) -> Vec<(Option<String>, i64)> {
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[track_caller]
    fn check(products: &str, sql: &str, copied: &[&str]) {
        let database = database(products);
        let expected = rows(&database, sql);
        let at_hand = AtHand::of(&database, sql);
        assert_eq!(at_hand.copies, copied, "{products}");
        assert_eq!(rows(&database, sql), expected, "{products}");
        drop(at_hand);
        let left: i64 =
            database.query_row("SELECT count(*) FROM temp.sqlite_schema", [], |row| row.get(0)).unwrap();
        assert!(left == 0 && database.is_autocommit(), "nothing is left of {products}");
    }

    #[test]
    fn a_small_table_with_a_whole_number_for_a_key_is_copied_and_answers_the_same() {
        let values = "INSERT INTO product VALUES (3, 'c'), (1, 'a'), (5, NULL), (-9, 'z')";
        for columns in [
            "product_id BIGINT PRIMARY KEY, category",
            "product_id UNIQUE, category TEXT",
            "\"product_id\" INT UNIQUE, category",
        ] {
            check(&format!("CREATE TABLE product ({columns}); {values}"), SQL, &["product"]);
        }
    }

    #[test]
    fn what_would_not_be_the_same_in_a_copy_is_read_where_it_is() {
        for products in [
            // Already the number of its row.
            "CREATE TABLE product (product_id INTEGER PRIMARY KEY, category); INSERT INTO product VALUES (1, 'a')",
            // Keys that are no whole numbers, or none.
            "CREATE TABLE product (product_id UNIQUE, category); INSERT INTO product VALUES (1, 'a'), ('b', 'b')",
            "CREATE TABLE product (product_id UNIQUE, category); INSERT INTO product VALUES (1, 'a'), (NULL, 'b'), (NULL, 'c')",
            "CREATE TABLE product (product_id UNIQUE, category); INSERT INTO product VALUES (1.5, 'a'), (2, 'b')",
            // A key of two columns, of some rows, and no key.
            "CREATE TABLE product (product_id, category, UNIQUE (product_id, category)); INSERT INTO product VALUES (1, 'a')",
            "CREATE TABLE product (product_id, category); CREATE UNIQUE INDEX u ON product (product_id) WHERE product_id > 0;
                INSERT INTO product VALUES (1, 'a')",
            "CREATE TABLE product (product_id, category); CREATE INDEX i ON product (product_id); INSERT INTO product VALUES (1, 'a')",
            "CREATE TABLE product (product_id INT UNIQUE, category, twice AS (product_id * 2)); INSERT INTO product VALUES (1, 'a')",
            "CREATE TABLE product (product_id INT UNIQUE, category ANY) STRICT; INSERT INTO product VALUES (1, '01')",
            "CREATE TABLE product (product_id INT PRIMARY KEY, category) WITHOUT ROWID; INSERT INTO product VALUES (1, 'a')",
            // Not small, and not small beside the other.
            "CREATE TABLE product (product_id INT UNIQUE, category); INSERT INTO product VALUES (100, zeroblob(17000000))",
            "CREATE TABLE product (product_id INT UNIQUE, category); INSERT INTO product (rowid, product_id) VALUES (1, 1), (251, 2)",
        ] {
            check(products, SQL, &[]);
        }
        let numbered = "SELECT p.category, p.rowid FROM sale s JOIN product p USING (product_id)";
        check(
            "CREATE TABLE product (product_id INT UNIQUE, category); INSERT INTO product VALUES (3, 'a')",
            numbered,
            &[],
        );
    }
}
