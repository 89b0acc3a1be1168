"""What a strategy makes of the cores, beside what this machine could give: independent sequential runs side by side.

    cargo build --release -p cpu-parallel -p datagen
    target/release/datagen orders --rows 4000000 --files 8 --format parquet --out orders/
    target/release/datagen customers --rows 501000 --files 1 --format parquet --out customers/
    python two_cores.py --ending .parquet -- target/release/cpu-parallel \\
        transform orders/part-0000[0-3].parquet --customers customers/part-00000.parquet

In each round: one run of `sequential` alone, as many side by side as there are workers, and one run of the strategy with
so many. Two runs side by side never give exactly twice the work: they share the memory, the caches and, on many a rented
machine, the cores with other people. How near the strategy comes to them is what is its own doing. Medians of whole
processes; each writes to memory where the machine has a file system there.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def side_by_side(commands):
    """Wall and CPU seconds of some processes that run at once; all must succeed."""
    before, started = os.times(), time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for command in commands]
    said = [process.communicate()[1].decode() for process in running]
    wall, after = time.perf_counter() - started, os.times()
    for process, text in zip(running, said):
        if process.returncode:
            sys.exit(f"error: {process.args} ended with {process.returncode}: {text}")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, spent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--strategy", default="pool")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ending", default=".csv", help="of the file that is written")
    parser.add_argument("command", nargs="+", help="the program, the exercise and its inputs")
    arguments = parser.parse_args()
    workers, samples = arguments.workers, {"one": [], "beside": [], "strategy": []}
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as scratch:

        def command(strategy, count, number):
            out = pathlib.Path(scratch) / f"{number}{arguments.ending}"
            return [*arguments.command, "--strategy", strategy, "--workers", str(count), "--quiet", "--out", str(out)]

        jobs = {
            "one": [command("sequential", 1, 0)],
            "beside": [command("sequential", 1, number) for number in range(workers)],
            "strategy": [command(arguments.strategy, workers, 0)],
        }
        for number in range(arguments.rounds + 1):
            print(f"round {number} of {arguments.rounds}", file=sys.stderr)
            for name, commands in jobs.items():
                taken = side_by_side(commands)
                # The first round brings the input into memory.
                if number:
                    samples[name].append(taken)
    medians = {name: [statistics.median(column) for column in zip(*taken)] for name, taken in samples.items()}
    (one, one_cpu), (beside, beside_cpu), (shared, shared_cpu) = medians.values()
    print(f"{'':<28}{'wall s':>8}{'CPU s':>8}{'of one':>8}")
    print(f"{'sequential':<28}{one:>8.3f}{one_cpu:>8.3f}{'':>8}")
    print(f"{f'{workers} of them side by side':<28}{beside:>8.3f}{beside_cpu:>8.3f}{workers * one / beside:>8.2f}")
    print(f"{f'{arguments.strategy}, {workers} workers':<28}{shared:>8.3f}{shared_cpu:>8.3f}{one / shared:>8.2f}")


main()
