"""Exercise 02, ingest: many CSV files into one typed Parquet table, in the order of the files."""

import contract


def with_pandas(request):
    import pandas as pd
    request.go()
    kinds = {"note": "string"}
    frames = [pd.read_csv(file, dtype=kinds, parse_dates=["ordered_at"], keep_default_na=False, na_values={"note": [""]})
              for file in request.files("orders-csv", "csv")]
    pd.concat(frames).to_parquet(request.out("table.parquet"), index=False)


def with_polars(request):
    import polars as pl
    request.go()
    frame = pl.scan_csv(request.files("orders-csv", "csv"))
    frame = frame.with_columns(pl.col("ordered_at").str.to_datetime("%Y-%m-%d %H:%M:%S"))
    frame.sink_parquet(request.out("table.parquet"), compression="snappy")


def with_duckdb(request):
    import duckdb
    request.go()
    duckdb.sql(f"set threads = {request.workers}")
    names = ", ".join(f"'{file}'" for file in request.files("orders-csv", "csv"))
    duckdb.sql(f"copy (from read_csv([{names}])) to '{request.out('table.parquet')}' (format parquet, compression snappy)")


def with_pyarrow(request):
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    request.go()
    pa.set_cpu_count(request.workers)
    form = ds.CsvFileFormat(
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False))
    data = ds.dataset(request.files("orders-csv", "csv"), format=form)
    with pq.ParquetWriter(request.out("table.parquet"), data.schema, compression="snappy") as writer:
        for batch in data.scanner(use_threads=True).to_batches():
            writer.write_batch(batch)


def answer(request):
    import pyarrow.parquet as pq
    return contract.table_digest(pq.read_table(request.out("table.parquet")))


contract.main(
    ours=lambda request: ["io-concurrency", "ingest", *request.files("orders-csv", "csv"), "--workers", str(request.workers),
                          "--out", request.out("table.parquet")],
    answer=answer,
    peers={
        "pandas": (with_pandas, ["pandas", "pyarrow"]),
        "polars": (with_polars, ["polars", "pyarrow"]),
        "duckdb": (with_duckdb, ["duckdb", "pyarrow"]),
        "pyarrow": (with_pyarrow, ["pyarrow"]),
    },
)
