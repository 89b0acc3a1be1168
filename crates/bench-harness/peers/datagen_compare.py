"""Compares datagen with tpchgen-cli, with NumPy and Polars, and with Faker: one core, interleaved rounds, medians.

    datagen_compare.py --datagen target/release/datagen --tpchgen ~/.cargo/bin/tpchgen-cli --python .venv/bin/python

The peers: `cargo install tpchgen-cli --locked`, and `pip install numpy polars faker`. A peer that is not given is left
out. Every program runs with one thread; what counts is the CPU time of the process (user and system) that wait4 reports,
so that a busy machine disturbs less, and the size of what it wrote, to a folder in memory by default.

What is compared, and where it is not fair: TPC-H's `lineitem` has 16 columns of TPC-H's kind and datagen's `orders` 11
of a shop's; MB/s and values/s are both given, for CSV bytes and Parquet bytes mean different amounts of work. datagen
also hashes every byte it writes (BLAKE3), which the others do not. Faker makes fewer rows, because it would take
minutes; its start-up is taken off by subtracting a run of one row.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def run(command, environment=None):
    """CPU seconds and peak memory in bytes of a command, which must succeed."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **(environment or {})})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {' '.join(map(str, command))} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def size(folder, ending):
    return sum(path.stat().st_size for path in folder.rglob(f"*.{ending}"))


class Contestant:
    """A program that writes `rows` rows of `columns` columns as files that end in `ending`."""

    def __init__(self, name, rows, columns, ending, command, environment=None):
        self.name, self.rows, self.columns, self.ending = name, rows, columns, ending
        self.command, self.environment = command, environment
        self.seconds, self.memory, self.bytes = [], 0, 0

    def round(self, scratch):
        folder = scratch / "out"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        seconds, memory = run([str(part).replace("{out}", str(folder)) for part in self.command], self.environment)
        self.seconds.append(seconds)
        self.memory = max(self.memory, memory)
        self.bytes = size(folder, self.ending)
        shutil.rmtree(folder)

    def result(self, start_up=0.0):
        seconds = statistics.median(self.seconds) - start_up
        return {"name": self.name, "rows": self.rows, "bytes": self.bytes, "cpu_s": round(seconds, 3),
                "mb_per_s": round(self.bytes / 1e6 / seconds, 1),
                "million_values_per_s": round(self.rows * self.columns / 1e6 / seconds, 2),
                "peak_mb": round(self.memory / 1e6), "cpu_s_all": [round(second, 3) for second in self.seconds]}


def contestants(arguments):
    rows = arguments.rows
    own = [arguments.datagen, "orders", "--rows", rows, "--files", 1, "--workers", 1, "--quiet", "--out", "{out}"]
    found = [Contestant("datagen orders", rows, 11, form, own + ["--format", form]) for form in ("csv", "parquet")]
    if arguments.tpchgen:
        # Scale factor 1 has 6,001,215 rows in lineitem.
        found += [Contestant("tpchgen-cli lineitem", 6_001_215, 16, form,
                             [arguments.tpchgen, form, "-s", "1", "--tables", "lineitem", "--num-threads", 1,
                              "--output-dir", "{out}", "--quiet"]) for form in ("csv", "parquet")]
    if arguments.python:
        one_thread = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        found += [Contestant("numpy + polars orders", rows, 11, form,
                             [arguments.python, HERE / "datagen_polars.py", rows, form, "{out}/x." + form], one_thread)
                  for form in ("csv", "parquet")]
        found += [Contestant(name, count, 11, "csv",
                             [arguments.python, HERE / "datagen_faker.py", count, "{out}/x.csv"])
                  for name, count in (("faker orders", 50_000), ("faker start-up", 1))]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--datagen", required=True)
    parser.add_argument("--tpchgen")
    parser.add_argument("--python")
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scratch", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    found = contestants(arguments)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for contestant in found:
                contestant.round(pathlib.Path(scratch))
    start_up = next((statistics.median(one.seconds) for one in found if one.name == "faker start-up"), 0.0)
    results = [one.result(start_up if one.name.startswith("faker") else 0.0) | {"format": one.ending}
               for one in found if one.name != "faker start-up"]
    own = {result["format"]: result for result in results if result["name"] == "datagen orders"}
    for result in results:
        result["datagen_is_faster"] = round(own[result["format"]]["mb_per_s"] / result["mb_per_s"], 2)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'one core':<24}{'format':<9}{'MB/s':>8}{'M values/s':>12}{'peak MB':>9}{'datagen is faster':>19}")
    for result in results:
        print(f"{result['name']:<24}{result['format']:<9}{result['mb_per_s']:>8}{result['million_values_per_s']:>12}"
              f"{result['peak_mb']:>9}{result['datagen_is_faster']:>18}x")


main()
