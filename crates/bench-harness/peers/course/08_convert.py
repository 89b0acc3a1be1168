"""Exercise 08, convert: many Parquet files to CSV, file by file."""

import os
import pathlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import contract


def target(request, file):
    os.makedirs(request.out("csv"), exist_ok=True)
    return request.out(f"csv/{pathlib.Path(file).stem}.csv")


def pandas_file(pair):
    import pandas as pd
    pd.read_parquet(pair[0]).to_csv(pair[1], index=False)


def pyarrow_file(pair):
    import pyarrow.csv as csv
    import pyarrow.parquet as pq
    csv.write_csv(pq.read_table(pair[0]), pair[1], csv.WriteOptions(quoting_style="needed"))


def pairs(request):
    return [(file, target(request, file)) for file in request.files("orders-parquet", "parquet")]


def with_pandas(request):
    import pandas  # noqa: F401, imported before the clock starts
    request.go()
    for pair in pairs(request):
        pandas_file(pair)


def with_pandas_processes(request):
    import pandas  # noqa: F401, inherited by the workers
    request.go()
    with ProcessPoolExecutor(max_workers=request.workers) as pool:
        list(pool.map(pandas_file, pairs(request)))


def with_pyarrow_threads(request):
    import pyarrow.csv  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    request.go()
    with ThreadPoolExecutor(max_workers=request.workers) as pool:
        list(pool.map(pyarrow_file, pairs(request)))


def with_polars(request):
    import polars as pl
    request.go()
    for file, to in pairs(request):
        pl.scan_parquet(file).sink_csv(to)


def with_duckdb(request):
    import duckdb
    request.go()
    duckdb.sql(f"set threads = {request.workers}")
    for file, to in pairs(request):
        duckdb.sql(f"copy (from '{file}') to '{to}' (format csv, header)")


def answer(request):
    """The values and not the bytes: every tool has its own taste in quotes and in writing a moment."""
    import pyarrow as pa
    import pyarrow.csv as csv
    digests = []
    kinds = {"note": pa.string(), "ordered_at": pa.string()}
    for file in sorted(pathlib.Path(request.out("csv")).glob("*.csv")):
        table = csv.read_csv(file, parse_options=csv.ParseOptions(newlines_in_values=True),
                             convert_options=csv.ConvertOptions(column_types=kinds))
        at = table.column_names.index("ordered_at")
        plain = [text.replace("T", " ").removesuffix("Z").removesuffix("+00:00").removesuffix("+0000").removesuffix("+00")
                 .split(".")[0] for text in table.column("ordered_at").to_pylist()]
        table = table.set_column(at, "ordered_at", pa.array(plain))
        digests.append(file.name.encode() + contract.table_digest(table).encode())
    return contract.digest(digests)


contract.main(
    ours=lambda request: ["cpu-parallel", "convert", *request.files("orders-parquet", "parquet"), "--workers",
                          str(request.workers), "--out", request.out("csv")],
    answer=answer,
    peers={
        "pandas": (with_pandas, ["pandas", "pyarrow"]),
        "pandas, processes": (with_pandas_processes, ["pandas", "pyarrow"]),
        "pyarrow, threads": (with_pyarrow_threads, ["pyarrow"]),
        "polars": (with_polars, ["polars", "pyarrow"]),
        "duckdb": (with_duckdb, ["duckdb", "pyarrow"]),
    },
)
