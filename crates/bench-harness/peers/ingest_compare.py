"""Compares `io-concurrency ingest` with DuckDB, pyarrow and Polars: interleaved rounds, medians, answers checked equal.

    cargo build --release -p io-concurrency -p datagen
    target/release/datagen orders --rows 8000000 --format csv --out orders/
    python -m venv venv && venv/bin/pip install polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1
    ingest_compare.py --program target/release/io-concurrency --python venv/bin/python --rounds 5 orders/*.csv

Every program reads the same files from the page cache and writes one Parquet table, to a folder in memory by default.
What is compared is what a user waits for: the whole process, wall clock, and its peak memory as wait4 reports it.
Before the rounds every table is compared with ours, value by value and in order, by pyarrow; a tool whose table differs
is named and its time is still shown.
"""

import argparse
import os
import pathlib
import subprocess
import tempfile

import sidebyside

HERE = pathlib.Path(__file__).parent
EQUAL = """
import sys, pyarrow.parquet as pq, pyarrow as pa, pyarrow.compute as pc
ours, theirs = pq.ParquetFile(sys.argv[1]), pq.ParquetFile(sys.argv[2])
if ours.schema_arrow.names != theirs.schema_arrow.names: sys.exit('other columns')
if ours.metadata.num_rows != theirs.metadata.num_rows: sys.exit('other number of rows')
for name in ours.schema_arrow.names:
    a = ours.read(columns=[name]).column(0)
    b = theirs.read(columns=[name]).column(0)
    kind = a.type
    if pa.types.is_timestamp(kind) and not pa.types.is_timestamp(b.type): sys.exit(f'{name} is {b.type}')
    b = b.cast(kind)
    if not a.equals(b): sys.exit(f'{name} differs')
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tools", default="polars,duckdb,duckdb-all,pyarrow")
    parser.add_argument("--scratch", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        out = lambda name: pathlib.Path(scratch) / f"{name}.parquet"
        commands = {"ingest": [arguments.program, "ingest", "--workers", 2, "--quiet", "--out", out("ingest"),
                               *arguments.files]}
        for tool in arguments.tools.split(","):
            commands[tool] = [arguments.python, HERE / "ingest.py", tool, out(tool), *arguments.files]
        extra = {}
        for name, command in commands.items():
            sidebyside.run(command)
            check = subprocess.run([arguments.python, "-c", EQUAL, out("ingest"), out(name)], capture_output=True, text=True)
            equal = "equal" if check.returncode == 0 else check.stderr.strip().split("\n")[-1]
            extra[name] = {"mb_out": round(out(name).stat().st_size / 1e6, 1), "table": equal}
            if name != "ingest":
                out(name).unlink()
        samples = sidebyside.rounds(commands, arguments.rounds, lambda name: out(name).unlink())
    sidebyside.show(sidebyside.summary(samples, extra), arguments.json)


main()
