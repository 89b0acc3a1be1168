"""Compares `cpu-parallel aggregate` with Polars and DuckDB: interleaved rounds, medians, answers checked equal.

    cargo build --release -p cpu-parallel
    python -m venv venv && venv/bin/pip install polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1 numpy
    venv/bin/python aggregate_compare.py --program target/release/cpu-parallel --rows 8000000 --rounds 5

The question is the same for all: rows, count, sum, mean, standard deviation, least and greatest of a column of floats, of a
Parquet file, by a key of 1, 27 (text), 10,000 and 1,000,000 values. What is compared is the time from the question to the
answer in memory, measured within each program by its own clock: no start of Python, no output. Each runs with the same number of
threads. Polars and DuckDB add up in floating point, so sums are compared to one part in 10^9 and everything else as it is.

`two runs` says what the machine could give: two sequential runs of ours side by side, against one alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

GROUPS = {"1": None, "27": "state", "10000": "product", "1000000": "customer"}


def make(path, rows):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    random = np.random.default_rng(42)
    states = np.array([f"state {number:02}" for number in range(27)])
    table = pa.table({
        "state": states[random.integers(0, 27, rows)],
        "product": random.integers(0, 10_000, rows),
        "customer": random.integers(0, 1_000_000, rows),
        "amount": np.round(random.lognormal(4, 1, rows), 2),
    })
    pq.write_table(table, path, compression="snappy", row_group_size=122_880)


def polars_answer(path, key):
    import polars as pl
    value = pl.col("amount")
    answers = [pl.len().alias("rows"), value.count().alias("count"), value.sum().alias("sum"), value.mean().alias("mean"),
               value.std().alias("std"), value.min().alias("min"), value.max().alias("max")]
    table = pl.scan_parquet(path)
    started = time.perf_counter()
    found = (table.group_by(key).agg(answers) if key else table.select(answers)).collect(engine="streaming")
    return time.perf_counter() - started, found


def duckdb_answer(path, key):
    import duckdb
    duckdb.sql(f"set threads = {os.environ['POLARS_MAX_THREADS']}")
    by = f"{key}, " if key else ""
    query = (f"select {by} count(*) as rows, count(amount) as count, sum(amount) as sum, avg(amount) as mean, "
             f"stddev(amount) as std, min(amount) as min, max(amount) as max from '{path}' " + (f"group by {key}" if key else ""))
    started = time.perf_counter()
    found = duckdb.sql(query).pl()
    return time.perf_counter() - started, found


def peer(tool, path, key, out):
    """In a process of its own: the first question warms up, the best of the next two counts, as for ours."""
    answer = {"polars": polars_answer, "duckdb": duckdb_answer}[tool]
    taken = [answer(path, key) for _ in range(3)]
    if out:
        taken[0][1].write_parquet(out)
    print(min(seconds for seconds, _ in taken[1:]))


def ours(program, path, key, workers, strategy, out=None):
    """Seconds of the best of two runs in a process that is warm, as for the peers; or one run that leaves its table at `out`."""
    command = [program, "aggregate", path, "--of", "amount", "--show", "count,sum,mean,std,min,max", "--workers", str(workers),
               "--strategy", strategy, *(["--by", key] if key else []),
               *(["--out", out] if out else ["--compare", "--json", "--samples", "2"])]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"error: {command}: {run.stderr}")
    if out:
        return None
    records = map(json.loads, run.stdout.splitlines())
    return next(min(record["samples_ns"]) / 1e9 for record in records if record["strategy"] == strategy)


def equal(one, two, key):
    import polars as pl
    a, b = pl.read_parquet(one), pl.read_parquet(two)
    a = a.rename({name: name.removeprefix("amount_") for name in a.columns})
    if key:
        a, b = a.sort(key), b.sort(key)
    if a.height != b.height:
        return f"{a.height} groups and {b.height}"
    for name in ["rows", "count", "min", "max"]:
        if not (a[name].cast(pl.Float64) == b[name].cast(pl.Float64)).all():
            return f"{name} differs"
    for name in ["sum", "mean", "std"]:
        distance = ((a[name] - b[name]).abs() / b[name].abs().clip(1e-300)).max()
        if distance is not None and distance > 1e-9:
            return f"{name} differs by {distance}"
    return "equal"


def side_by_side(program, path, key):
    """How much faster two cores are than one, when two sequential runs need nothing of each other."""
    alone = ours(program, path, key, 1, "sequential")
    import concurrent.futures as futures
    with futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: ours(program, path, key, 1, "sequential"), range(2)))
    return alone, 2 * alone / max(both)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program")
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--scratch", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        tool, path, key, out = arguments.peer
        return peer(tool, path, key or None, out or None)
    os.environ["POLARS_MAX_THREADS"] = str(arguments.workers)
    results = []
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        path = os.path.join(scratch, "rows.parquet")
        make(path, arguments.rows)

        def theirs(tool, key, out=""):
            run = subprocess.run([sys.executable, __file__, "--peer", tool, path, key or "", out], capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"error: {tool}: {run.stderr}")
            return float(run.stdout)

        for groups in arguments.groups.split(","):
            key = GROUPS[groups]
            out = lambda name: os.path.join(scratch, f"{name}.parquet")
            ours(arguments.program, path, key, arguments.workers, "pool", out("ours"))
            tools = ["polars", "duckdb"]
            checked = {}
            for tool in tools:
                theirs(tool, key, out(tool))
                checked[tool] = equal(out("ours"), out(tool), key)
            samples = {name: [] for name in ["aggregate", *tools, "sequential", "two runs"]}
            for _ in range(arguments.rounds):
                samples["aggregate"].append(ours(arguments.program, path, key, arguments.workers, "pool"))
                for tool in tools:
                    samples[tool].append(theirs(tool, key))
                alone, scale = side_by_side(arguments.program, path, key)
                samples["sequential"].append(alone)
                samples["two runs"].append(scale)
            median = {name: statistics.median(taken) for name, taken in samples.items()}
            best = min(median[tool] for tool in tools)
            results.append({"groups": int(groups), **{name: round(value, 4) for name, value in median.items()}, "checked": checked,
                            "aggregate_is_faster": round(best / median["aggregate"], 2),
                            "speedup": round(median["sequential"] / median["aggregate"], 2),
                            "all": {name: [round(value, 4) for value in taken] for name, taken in samples.items()}})
            print(f"{groups} groups done", file=sys.stderr)
    load = os.getloadavg()[0]
    if arguments.json:
        print(json.dumps({"rows": arguments.rows, "load": load, "results": results}, indent=2))
        return
    print(f"{arguments.rows} rows, {arguments.workers} threads, load {load:.1f}; seconds")
    print(f"{'groups':>9}{'aggregate':>11}{'polars':>9}{'duckdb':>9}{'faster':>8}{'speed-up':>10}{'of':>6}  answers")
    for result in results:
        print(f"{result['groups']:>9}{result['aggregate']:>11.3f}{result['polars']:>9.3f}{result['duckdb']:>9.3f}"
              f"{result['aggregate_is_faster']:>7}x{result['speedup']:>10}{result['two runs']:>6.2f}  {result['checked']}")


main()
