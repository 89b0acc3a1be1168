"""Compares `io-concurrency query` with Python's sqlite3 and threads, DuckDB's SQLite scanner and ConnectorX.

    cargo build --release -p io-concurrency -p datagen
    target/release/datagen stores --rows 1600000 --files 8 --out stores/
    python -m venv venv && venv/bin/pip install connectorx pyarrow duckdb==1.5.5 \\
        duckdb-extensions duckdb-extension-sqlite-scanner==1.5.5
    venv/bin/python query_compare.py --program target/release/io-concurrency --rounds 5 stores/*.db
    ... --postgres postgresql://postgres@127.0.0.1:5432/postgres    also the first store, as a table of PostgreSQL

Two jobs over all files: `summary` (a join and a GROUP BY in each database) and `rows` (every sale into Arrow, in memory). A
third, `postgres`, fetches one table into Arrow. Rounds are interleaved and medians shown. For the Python peers the clock
runs inside of Python, from the call to the table, without the start of the interpreter and the imports; for us it runs
around the whole process, which writes an Arrow file to memory, and the reading of that file: the bias is against us.
Answers are checked equal first, as sorted rows. Versions of the published figures: duckdb 1.5.5, connectorx 0.4, pyarrow 26.
DuckDB's scanner is an extension: a package of its own for this version, which newer ones fetch from DuckDB's server. Where it
cannot be had the row says so.
"""

import argparse
import concurrent.futures
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

SUMMARY = ("SELECT p.category, s.status, count(*) AS sales, sum(s.quantity) AS items, "
           "sum(s.quantity * s.unit_price_cents) AS cents FROM sale s JOIN product p USING (product_id) "
           "GROUP BY p.category, s.status ORDER BY p.category, s.status")
ROWS = "SELECT order_id, customer_id, product_id, quantity, unit_price_cents, discount_bp, status, ordered_at FROM sale"
PG = "SELECT order_id, customer_id, product_id, quantity, unit_price_cents, discount_bp, status, ordered_at FROM paralelo_sale"


def ours(program, scratch, sources, sql, workers):
    import pyarrow as pa
    import pyarrow.ipc as ipc
    out = pathlib.Path(scratch) / "ours.arrow"
    subprocess.run([program, "query", "--quiet", "--workers", str(workers), "--source-column", "none", "--sql", sql,
                    "--out", str(out), *sources], check=True)
    table = ipc.open_file(pa.memory_map(str(out))).read_all()
    out.unlink()
    return table


def python_threads(sources, sql, workers):
    import pyarrow as pa

    def one(path):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        connection.close()
        columns = list(zip(*rows)) if rows else [[] for _ in names]
        return pa.table({name: pa.array(column) for name, column in zip(names, columns)})

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return pa.concat_tables(pool.map(one, sources))


def duckdb_scanner(sources, sql, workers):
    import duckdb
    try:
        import duckdb_extensions
        duckdb_extensions.import_extension("sqlite_scanner")
    except ImportError:
        pass
    connection = duckdb.connect()
    connection.sql(f"set threads = {workers}")
    connection.sql("load sqlite")
    # DuckDB 1.5.5 takes the same question to two files for one, and answers it from the first file alone.
    connection.sql("set disabled_optimizers = 'common_subplan'")
    parts = []
    for number, path in enumerate(sources):
        connection.sql(f"attach '{path}' as d{number} (type sqlite, read_only)")
        one = sql.replace("FROM sale", f"FROM d{number}.sale").replace("JOIN product", f"JOIN d{number}.product")
        parts.append(f"({one})")
    return connection.sql(" union all ".join(parts)).to_arrow_table()


def connectorx(sources, sql, workers):
    import connectorx as cx
    import pyarrow as pa
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        read = lambda path: cx.read_sql(f"sqlite://{path}" if "://" not in path else path, sql, return_type="arrow")
        return pa.concat_tables(pool.map(read, sources))


def connectorx_ranges(sources, sql, workers):
    import connectorx as cx
    return cx.read_sql(sources[0], sql, return_type="arrow", partition_on="order_id", partition_num=workers)


def canonical(table):
    """The rows, sorted, times and numbers in one form: what each tool must agree on."""
    import decimal
    plain = lambda value: str(value) if not isinstance(value, (float, decimal.Decimal)) else str(int(value))
    return sorted(tuple(plain(value) for value in row) for row in zip(*(column.to_pylist() for column in table.columns)))


def fill_postgres(url, source):
    rows = sqlite3.connect(source).execute(ROWS).fetchall()
    text = "\n".join("\t".join(str(value) for value in row) for row in rows) + "\n"
    create = ("DROP TABLE IF EXISTS paralelo_sale; CREATE TABLE paralelo_sale (order_id bigint primary key, customer_id bigint, "
              "product_id bigint, quantity integer, unit_price_cents bigint, discount_bp integer, status text, ordered_at timestamp)")
    subprocess.run(["psql", "-q", url, "-c", create], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["psql", "-q", url, "-c", "COPY paralelo_sale FROM STDIN"], check=True, input=text, text=True)
    subprocess.run(["psql", "-q", url, "-c", "VACUUM ANALYZE paralelo_sale"], check=True)


def measure(job, tools, rounds):
    tables, samples, why = {}, {name: [] for name in tools}, {}
    for name, call in tools.items():
        try:
            tables[name] = call()
        except Exception as error:
            why[name] = str(error).strip().split("\n")[0][:70]
    expected = canonical(tables["query"])
    equal = {name: "equal" if canonical(table) == expected else "DIFFERS" for name, table in tables.items()}
    rows = tables["query"].num_rows
    tables.clear()
    for number in range(rounds):
        print(f"{job}: round {number + 1} of {rounds}", file=sys.stderr)
        for name in equal:
            started = time.perf_counter()
            table = tools[name]()
            samples[name].append(time.perf_counter() - started)
            del table
    own = statistics.median(samples["query"])
    print(f"\n{job}: {rows} rows\n{'':<18}{'median s':>10}{'query is faster':>18}  answer")
    for name in tools:
        if name in why:
            print(f"{name:<18}{'-':>10}{'-':>18}  not measured: {why[name]}")
        else:
            median = statistics.median(samples[name])
            print(f"{name:<18}{median:>10.3f}{median / own:>17.2f}x  {equal[name]}")
    return all(answer == "equal" for answer in equal.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--postgres")
    parser.add_argument("--jobs", default="summary,rows")
    parser.add_argument("--scratch", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    files, workers, fine = [os.path.abspath(file) for file in arguments.files], arguments.workers, True
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        mine = lambda sources, sql: lambda: ours(arguments.program, scratch, sources, sql, workers)
        for job, sql in [("summary", SUMMARY), ("rows", ROWS)]:
            if job in arguments.jobs.split(","):
                fine &= measure(job, {
                    "query": mine(files, sql),
                    "sqlite3, threads": lambda: python_threads(files, sql, workers),
                    "duckdb": lambda: duckdb_scanner(files, sql, workers),
                    "connectorx": lambda: connectorx(files, sql, workers),
                }, arguments.rounds)
        if arguments.postgres:
            fill_postgres(arguments.postgres, files[0])
            fine &= measure("postgres", {
                "query": mine([arguments.postgres], PG),
                "connectorx": lambda: connectorx([arguments.postgres], PG, workers),
                "connectorx, ranges": lambda: connectorx_ranges([arguments.postgres], PG, workers),
            }, arguments.rounds)
            subprocess.run(["psql", "-q", arguments.postgres, "-c", "DROP TABLE paralelo_sale"], check=True)
    sys.exit(0 if fine else 1)


main()
