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
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

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


def run(command):
    """Wall and CPU seconds and peak memory in bytes of a command, which must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env={**os.environ, "POLARS_MAX_THREADS": "2"})
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {command[:3]} ended with {process.returncode}: {said}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


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
        samples = {name: [] for name in commands}
        equal, sizes = {}, {}
        for name, command in commands.items():
            run(command)
            sizes[name] = out(name).stat().st_size
            check = subprocess.run([arguments.python, "-c", EQUAL, out("ingest"), out(name)], capture_output=True, text=True)
            equal[name] = "equal" if check.returncode == 0 else check.stderr.strip().split("\n")[-1]
            if name != "ingest":
                out(name).unlink()
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for name, command in commands.items():
                samples[name].append(run(command))
                out(name).unlink()
    results = []
    for name, taken in samples.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*taken))
        results.append({"name": name, "wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": round(memory / 1e6, 1),
                        "bytes_out": sizes[name], "table": equal[name], "wall_s_all": [round(one[0], 3) for one in taken]})
    own = results[0]
    for result in results:
        result["ingest_is_faster"] = round(result["wall_s"] / own["wall_s"], 2)
        result["ingest_memory_share"] = round(own["peak_mb"] / result["peak_mb"], 3)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'two cores':<12}{'wall s':>8}{'cpu s':>8}{'peak MB':>9}{'MB out':>8}{'ingest is faster':>18}{'memory share':>14}  table")
    for result in results:
        print(f"{result['name']:<12}{result['wall_s']:>8}{result['cpu_s']:>8}{result['peak_mb']:>9}"
              f"{result['bytes_out'] / 1e6:>8.1f}{result['ingest_is_faster']:>17}x{result['ingest_memory_share']:>14}  {result['table']}")


main()
