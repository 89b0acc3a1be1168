//! One database a store: its products, its sales, and indices on what queries ask for.
//!
//! Store `n` has the orders of its file's rows. As SQLite it is one file; as SQL it is one schema `store_n`, in
//! statements that PostgreSQL and MariaDB both read (`CREATE SCHEMA`, `BIGINT`, `VARCHAR`, many rows an `INSERT`).

use std::ops::Range;

use crate::encode::EncodeError;
use crate::orders::Orders;
use crate::page::Page;
use crate::plan::PlannedFile;
use crate::products::{self, Products};
use crate::states::STATES;
use crate::stream::mix;

/// Rows of one `INSERT`.
const ROWS_AN_INSERT: usize = 500;

/// The number of a store, from its file's name.
fn number(file: &PlannedFile) -> u64 {
    let digits = file.path.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    digits.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The index of a store's state.
fn state_of(seed: u64, store: u64) -> usize {
    crate::states::BY_POPULATION.draw((mix(mix(seed) ^ mix(store)) >> 32) as u32)
}

/// The tables of a store; `prefix` goes before their names.
fn tables(prefix: &str) -> String {
    format!(
        "CREATE TABLE {prefix}store (store_id BIGINT PRIMARY KEY, name VARCHAR(60) NOT NULL, uf CHAR(2) NOT NULL);\n\
         CREATE TABLE {prefix}product (product_id BIGINT PRIMARY KEY, name VARCHAR(80) NOT NULL, \
         category VARCHAR(40) NOT NULL, price_cents BIGINT NOT NULL);\n\
         CREATE TABLE {prefix}sale (order_id BIGINT PRIMARY KEY, customer_id BIGINT NOT NULL, \
         product_id BIGINT NOT NULL, quantity INTEGER NOT NULL, unit_price_cents BIGINT NOT NULL, \
         discount_bp INTEGER NOT NULL, status VARCHAR(12) NOT NULL, ordered_at TIMESTAMP NOT NULL);\n"
    )
}

/// The indices of a store.
fn indices(prefix: &str) -> String {
    ["product_id", "customer_id", "ordered_at"]
        .map(|column| format!("CREATE INDEX sale_{column} ON {prefix}sale ({column});\n"))
        .concat()
}

/// Writes what stands in a store beside its sales.
fn fixed_rows(seed: u64, store: u64, prefix: &str, page: &mut Page) {
    let state = &STATES[state_of(seed, store)];
    let name = format!("Loja {} {store:03}", state.nome);
    page.text(format!("INSERT INTO {prefix}store VALUES ({store},'{name}','{}');\n", state.sigla).as_bytes());
    let source = Products::new(seed);
    let facts = source.facts();
    let mut text = Page::default();
    for (chunk, facts) in facts.chunks(ROWS_AN_INSERT).enumerate() {
        page.text(format!("INSERT INTO {prefix}product VALUES\n").as_bytes());
        for (i, product) in facts.iter().enumerate() {
            let index = (chunk * ROWS_AN_INSERT + i) as u64;
            let name = source.name(index, &mut text).replace('\'', "''");
            let category = products::category_name(usize::from(product.category));
            let end = if i + 1 == facts.len() { ";\n" } else { ",\n" };
            let row = format!("({},'{name}','{category}',{}){end}", index + 1, product.price_cents);
            page.text(row.as_bytes());
        }
    }
}

/// Writes the sales of `rows`.
fn sales(orders: &Orders, rows: Range<u64>, prefix: &str, page: &mut Page) {
    let records = orders.records(rows);
    for chunk in records.chunks(ROWS_AN_INSERT) {
        page.text(format!("INSERT INTO {prefix}sale VALUES\n").as_bytes());
        for (i, order) in chunk.iter().enumerate() {
            page.row();
            page.byte(b'(');
            for number in [order.order_id, order.customer_id, order.product_id, i64::from(order.quantity)] {
                page.number(number.unsigned_abs());
                page.byte(b',');
            }
            page.number(order.unit_price_cents.unsigned_abs());
            page.byte(b',');
            page.number(u64::from(order.discount_bp.unsigned_abs()));
            page.fixed(b",'");
            page.text(order.status.as_bytes());
            page.fixed(b"','");
            crate::cells::date_and_time(order.ordered_at, b' ', page);
            page.fixed(b"')");
            page.text(if i + 1 == chunk.len() { b";\n" } else { b",\n" });
        }
    }
}

/// Writes a stretch of a store as SQL: the first one begins with the tables, the last one ends with the indices.
pub(crate) fn sql(seed: u64, orders: &Orders, file: &PlannedFile, rows: Range<u64>, page: &mut Page) {
    let store = number(file);
    let prefix = format!("store_{store}.");
    if rows.start == file.rows.start {
        page.text(format!("CREATE SCHEMA store_{store};\n").as_bytes());
        page.text(tables(&prefix).as_bytes());
        fixed_rows(seed, store, &prefix, page);
    }
    let last = rows.end == file.rows.end;
    sales(orders, rows, &prefix, page);
    if last {
        page.text(indices(&prefix).as_bytes());
    }
}

/// Writes a store as a whole SQLite database.
#[cfg(feature = "stores")]
pub(crate) fn sqlite(
    seed: u64,
    orders: &Orders,
    file: &PlannedFile,
    page: &mut Page,
) -> Result<(), EncodeError> {
    database(seed, orders, file, page).map_err(|error| EncodeError::Special(error.to_string()))
}

/// A build without SQLite; the command line refuses before it comes here.
#[cfg(not(feature = "stores"))]
pub(crate) fn sqlite(_: u64, _: &Orders, file: &PlannedFile, _: &mut Page) -> Result<(), EncodeError> {
    Err(EncodeError::Special(format!("{}: this build has no SQLite", file.path)))
}

/// The database is made in memory and taken as bytes, so that it goes to disk as every other file does.
#[cfg(feature = "stores")]
fn database(seed: u64, orders: &Orders, file: &PlannedFile, page: &mut Page) -> rusqlite::Result<()> {
    let mut database = rusqlite::Connection::open_in_memory()?;
    let text = |page: &Page| String::from_utf8_lossy(page.as_bytes()).into_owned();
    let mut statements = Page::default();
    fixed_rows(seed, number(file), "", &mut statements);
    database.execute_batch(&format!("BEGIN;\n{}{}", tables(""), text(&statements)))?;
    {
        let mut insert = database.prepare("INSERT INTO sale VALUES (?,?,?,?,?,?,?,?)")?;
        let mut rows = file.rows.clone();
        while rows.start < rows.end {
            let end = (rows.start + 8_192).min(rows.end);
            for order in orders.records(rows.start..end) {
                statements.clear();
                statements.row();
                crate::cells::date_and_time(order.ordered_at, b' ', &mut statements);
                let time = std::str::from_utf8(statements.as_bytes()).unwrap_or_default();
                insert.execute(rusqlite::params![
                    order.order_id,
                    order.customer_id,
                    order.product_id,
                    order.quantity,
                    order.unit_price_cents,
                    order.discount_bp,
                    order.status,
                    time,
                ])?;
            }
            rows.start = end;
        }
    }
    database.execute_batch(&format!("{}COMMIT;", indices("")))?;
    page.text(&database.serialize("main")?);
    Ok(())
}

#[cfg(all(test, feature = "stores"))]
mod tests {
    use super::*;
    use crate::plan::{Format, Size, TableName, files};

    #[test]
    fn a_store_reads_back_with_its_sales_products_and_indices() {
        let orders = Orders::new(42);
        let size = Size { files: 3, rows: 3_000 };
        let file = &files("", TableName::Stores, Format::Sqlite, size, None)[1];
        let mut page = Page::default();
        sqlite(42, &orders, file, &mut page).expect("a database");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        std::fs::write(&path, page.as_bytes()).expect("written");
        let database = rusqlite::Connection::open(&path).expect("opened");
        let count = |query: &str| -> i64 { database.query_row(query, [], |row| row.get(0)).expect("a row") };
        assert_eq!(count("SELECT count(*) FROM sale"), 1_000);
        assert_eq!(count("SELECT min(order_id) FROM sale"), 1_001);
        assert_eq!(count("SELECT count(*) FROM product"), i64::from(products::COUNT));
        assert_eq!(count("SELECT store_id FROM store"), 1);
        assert_eq!(count("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"), 3);
        let expected: i64 = orders.records(1_000..2_000).iter().map(|order| order.unit_price_cents).sum();
        assert_eq!(count("SELECT sum(unit_price_cents) FROM sale"), expected);
        let text: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a row");
        assert_eq!(text, "ok");
    }
}
