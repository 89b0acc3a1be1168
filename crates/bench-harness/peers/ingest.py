"""Makes one typed Parquet table of CSV files with another tool: ingest.py TOOL OUT FILE...

TOOL is duckdb, duckdb-all, pyarrow or polars. Each is used in the fastest form that gives the table that
exercise 02 gives of the lab's orders: `ordered_at` as a timestamp, numbers as 64-bit integers, text as text, nulls as
nulls, rows in their order, Snappy inside, two threads.

- polars: `scan_csv`, the timestamp parsed by `str.to_datetime` with its format (much faster than `try_parse_dates`),
  `sink_parquet` with the streaming engine. Types come from the first 100 rows.
- duckdb: `COPY (FROM read_csv(...))`, types from its sample of 20,480 rows; duckdb-all looks at all rows for them
  (`sample_size=-1`), which is what exercise 02 promises.
- pyarrow: a dataset's scanner with threads into a `ParquetWriter`; types from the first block of the first file.

Versions that the published figures are of: polars 2.1.0, duckdb 2.0.0, pyarrow 26.0.1 (Python 3.11).
"""

import sys


def duckdb_table(out, files, sample):
    import duckdb
    duckdb.sql("set threads = 2")
    duckdb.sql("set preserve_insertion_order = true")
    names = ", ".join(f"'{file}'" for file in files)
    duckdb.sql(f"copy (from read_csv([{names}]{sample})) to '{out}' (format parquet, compression snappy)")


def pyarrow_table(out, files):
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    pa.set_cpu_count(2)
    form = ds.CsvFileFormat(
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False))
    data = ds.dataset(files, format=form)
    with pq.ParquetWriter(out, data.schema, compression="snappy") as writer:
        for batch in data.scanner(use_threads=True, batch_readahead=8, fragment_readahead=2).to_batches():
            writer.write_batch(batch)


def polars_table(out, files):
    import polars as pl
    frame = pl.scan_csv(files).with_columns(pl.col("ordered_at").str.to_datetime("%Y-%m-%d %H:%M:%S"))
    frame.sink_parquet(out, compression="snappy")


def main():
    tool, out, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    if tool == "duckdb":
        duckdb_table(out, files, "")
    elif tool == "duckdb-all":
        duckdb_table(out, files, ", sample_size = -1")
    elif tool == "pyarrow":
        pyarrow_table(out, files)
    elif tool == "polars":
        polars_table(out, files)
    else:
        sys.exit(__doc__)


main()
