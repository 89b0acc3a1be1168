"""Exercise 05, query: one SQL over many SQLite databases, into one table that says where each row is from."""

import csv
import pathlib
import sqlite3
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import contract

SQL = ("SELECT p.category, s.status, count(*) AS sales, sum(s.quantity) AS items, "
       "sum(s.quantity * s.unit_price_cents) AS cents, max(s.ordered_at) AS last "
       "FROM sale s JOIN product p USING (product_id) GROUP BY p.category, s.status ORDER BY p.category, s.status")
COLUMNS = ["source", "category", "status", "sales", "items", "cents", "last"]


def ask(file):
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    rows = [(pathlib.Path(file).stem, *row) for row in connection.execute(SQL)]
    connection.close()
    return rows


def write(request, tables):
    with open(request.out("sales.csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for rows in tables:
            writer.writerows(rows)


def one_by_one(request):
    request.go()
    write(request, map(ask, request.files("stores-db", "db")))


def with_threads(request):
    request.go()
    with ThreadPoolExecutor(max_workers=request.workers) as pool:
        write(request, pool.map(ask, request.files("stores-db", "db")))


def with_processes(request):
    request.go()
    with ProcessPoolExecutor(max_workers=request.workers) as pool:
        write(request, pool.map(ask, request.files("stores-db", "db")))


def with_connectorx(request):
    import connectorx as cx
    request.go()

    def ask_one(file):
        # `last` would be read as a moment by its look, and not all drivers agree on one.
        table = cx.read_sql(f"sqlite://{file}", SQL, return_type="arrow")
        columns = [table.column(name).to_pylist() for name in COLUMNS[1:]]
        return [(pathlib.Path(file).stem, *row) for row in zip(*columns)]

    with ThreadPoolExecutor(max_workers=request.workers) as pool:
        write(request, pool.map(ask_one, request.files("stores-db", "db")))


def with_duckdb(request):
    import duckdb
    request.go()
    duckdb.sql(f"set threads = {request.workers}")
    duckdb.sql("load sqlite")
    parts = []
    for number, file in enumerate(request.files("stores-db", "db")):
        duckdb.sql(f"attach '{file}' as d{number} (type sqlite, read_only)")
        sql = SQL.replace("FROM sale", f"FROM d{number}.sale").replace("JOIN product", f"JOIN d{number}.product")
        parts.append(f"(select '{pathlib.Path(file).stem}' as source, * from ({sql}))")
    write(request, [duckdb.sql(" union all ".join(parts) + " order by source, category, status").fetchall()])


def answer(request):
    """The rows in their order; a number may have a point and a moment a T."""
    with open(request.out("sales.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    plain = [[row["source"], row["category"], row["status"], *(int(float(row[name])) for name in ("sales", "items", "cents")),
              row["last"].replace("T", " ").removesuffix("Z")] for row in rows]
    return contract.digest(repr(row).encode() for row in plain)


contract.main(
    ours=lambda request: ["io-concurrency", "query", *request.files("stores-db", "db"), "--sql", SQL,
                          "--workers", str(request.workers), "--out", request.out("sales.csv")],
    answer=answer,
    peers={
        "sqlite3, one by one": (one_by_one, []),
        "sqlite3, threads": (with_threads, []),
        "sqlite3, processes": (with_processes, []),
        "connectorx": (with_connectorx, ["connectorx", "pyarrow"]),
        "duckdb": (with_duckdb, ["duckdb", "extension:sqlite"]),
    },
)
