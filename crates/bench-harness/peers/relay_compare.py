"""Compares `cpu-parallel relay` with Python's own hand-over and with Polars: interleaved rounds, medians, answers checked.

    cargo build --release -p cpu-parallel -p datagen
    target/release/datagen orders --rows 4000000 --format parquet --out orders/
    python -m venv venv && venv/bin/pip install polars==2.1.0
    relay_compare.py --program target/release/cpu-parallel --python venv/bin/python --rounds 5 orders/

What is compared, each a whole process from start to end:

- `pipe`, `socket`, `ring`: all rows from Parquet to Parquet, transformed by one process and stored by another.
- `ring --single`: the same, with a message for every row.
- `polars`: the same transformation and the same columns in one process (`scan_parquet`, `sink_parquet`), the record.
- `Queue`, `Pipe`: `multiprocessing` hands single rows, as tuples of the same ten values, to a process that only counts them
  and adds them up. Nothing is read and nothing is stored, and starting the interpreter is not in the time, so this flatters
  Python. It does fewer rows (`--messages`), because it would take minutes; rates are compared.

Before the rounds the rows of the relay and of Polars are compared by the sums of all numbers and the counts of all texts.
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
import time

POLARS = """
import sys, polars as pl
value = pl.col('quantity').cast(pl.Int64) * pl.col('unit_price_cents')
net = (value * (10_000 - pl.col('discount_bp').cast(pl.Int64)) + 5_000) // 10_000
at = pl.col('ordered_at')
(pl.scan_parquet(sys.argv[2:]).select('order_id', 'customer_id', 'product_id', 'category', 'uf', 'status',
    (at.dt.year() * 100 + at.dt.month()).cast(pl.Int32).alias('month'), 'quantity',
    value.alias('gross_cents'), net.alias('net_cents'))
 .sink_parquet(sys.argv[1], compression='snappy'))
"""

CHECK = """
import sys, json, polars as pl, polars.selectors as cs
frame = pl.read_parquet(sys.argv[1])
numbers = frame.select(cs.numeric().cast(pl.Int64).sum()).row(0, named=True)
texts = {name: sorted(map(list, frame.group_by(name).len().iter_rows())) for name in frame.select(cs.string()).columns}
print(json.dumps([frame.height, numbers, texts]))
"""

PYTHON = """
import multiprocessing, sys, time

def rows(count):
    for number in range(count):
        yield (number, number // 7, number % 997, 'Moda', 'SP', 'delivered', 202403, number % 5, 12345 + number, 11000 + number)

def take_queue(queue, answer):
    count = total = 0
    while (row := queue.get()) is not None:
        count += 1
        total += row[9]
    answer.put((count, total))

def take_pipe(pipe, answer):
    count = total = 0
    while (row := pipe.recv()) is not None:
        count += 1
        total += row[9]
    answer.put((count, total))

if __name__ == '__main__':
    count = int(sys.argv[2])
    answer = multiprocessing.Queue()
    if sys.argv[1] == 'Queue':
        end = multiprocessing.Queue(10_000)
        taker, send = multiprocessing.Process(target=take_queue, args=(end, answer)), end.put
    else:
        get, end = multiprocessing.Pipe(duplex=False)
        taker, send = multiprocessing.Process(target=take_pipe, args=(get, answer)), end.send
    taker.start()
    started = time.perf_counter()
    for row in rows(count):
        send(row)
    send(None)
    got = answer.get()
    took = time.perf_counter() - started
    taker.join()
    assert got == (count, sum(row[9] for row in rows(count))), got
    print(took)
"""


def run(command, env=None):
    """Wall and CPU seconds of a command, which must succeed, and what it printed."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, **(env or {})})
    out, said = process.stdout.read().decode(), process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {command[:4]} ended with {process.returncode}: {said}")
    return wall, usage.ru_utime + usage.ru_stime, out


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--python", required=True, help="a Python that has Polars")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=200_000, help="rows that multiprocessing hands over")
    parser.add_argument("--scratch", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("folder", type=pathlib.Path, help="Parquet files of orders")
    arguments = parser.parse_args()
    files = sorted(arguments.folder.glob("*.parquet"))
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        out = lambda name: scratch / (f"{name}.parquet" if name == "polars" else name)
        relay = lambda name, strategy, *more: [arguments.program, "relay", arguments.folder, "--strategy", strategy,
                                               "--quiet", "--into", out(name), *more]
        commands = {"pipe": relay("pipe", "pipe"), "socket": relay("socket", "socket"), "ring": relay("ring", "ring"),
                    "ring-single": relay("ring-single", "ring", "--single"),
                    "polars": [arguments.python, "-c", POLARS, out("polars"), *files]}
        (scratch / "handover.py").write_text(PYTHON)
        python = lambda kind: [sys.executable, scratch / "handover.py", kind, arguments.messages]
        answers = {}
        for name, command in commands.items():
            run(command)
            where = out(name) if name == "polars" else out(name) / "*.parquet"
            answers[name] = json.loads(run([arguments.python, "-c", CHECK, where])[2])
            remove(out(name))
        rows = answers["polars"][0]
        samples = {name: [] for name in [*commands, "Queue", "Pipe"]}
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for name, command in commands.items():
                wall, cpu, _ = run(command, {"POLARS_MAX_THREADS": "2"})
                samples[name].append((rows / wall, cpu / rows))
                remove(out(name))
            for kind in ["Queue", "Pipe"]:
                _, cpu, took = run(python(kind))
                samples[kind].append((arguments.messages / float(took), cpu / arguments.messages))
    median = {name: [statistics.median(column) for column in zip(*taken)] for name, taken in samples.items()}
    results = []
    for name, (rate, cpu) in median.items():
        answer = "equal" if answers.get(name, answers["polars"]) == answers["polars"] else "DIFFERS"
        base = "ring-single" if name in ("Queue", "Pipe") else "ring"
        results.append({"name": name, "rows_per_s": round(rate), "cpu_ns_per_row": round(cpu * 1e9),
                        "compared_with": base, "times_faster": round(median[base][0] / rate, 2), "answer": answer,
                        "rows_per_s_all": [round(one[0]) for one in samples[name]]})
    if arguments.json:
        print(json.dumps({"rows": rows, "load": os.getloadavg(), "results": results}, indent=2))
        return
    print(f"{rows} rows, load {os.getloadavg()[0]:.1f}")
    print(f"{'hand-over':<12}{'rows/s':>12}{'CPU ns/row':>12}  ours is faster          answer")
    for one in results:
        times = f"{one['times_faster']}x ({one['compared_with']})"
        print(f"{one['name']:<12}{one['rows_per_s']:>12,}{one['cpu_ns_per_row']:>12}  {times:<22}  {one['answer']}")
    if any(one["answer"] != "equal" for one in results):
        sys.exit(1)


main()
