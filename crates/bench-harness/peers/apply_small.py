"""What the strategies of `cpu-parallel apply` cost on input too small for them, beside one after another.

    cargo build --release -p cpu-parallel
    apply_small.py --program target/release/cpu-parallel

For each size of input and each strategy: the instructions of the whole process with all its threads, counted by callgrind,
which do not depend on what else runs, and the median wall time of interleaved rounds. Under callgrind a program is some
fifty times slower, so what is too small for others in truth is not there: instructions are only counted (and held against
the promise, no strategy more than 2 % above `sequential`) for the sizes in --counted. Wall times need a quiet machine.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

STRATEGIES = ["sequential", "threads", "pool", "rayon", "async", "processes"]
OPTION = ["spot=price", "strike=100", "rate=0.05", "volatility=0.2", "years=1"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--counted", default="1,10", help="sizes of input whose instructions are counted")
    parser.add_argument("--timed", default="1,100,1000", help="sizes of input that are timed")
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    failed = False
    print(f"{'rows':>6}  {'strategy':<12}{'instructions':>14}{'ratio':>8}{'wall ms':>9}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        sizes = lambda text: {int(size) for size in text.split(",")}
        counted = sizes(arguments.counted)
        for rows in sorted(counted | sizes(arguments.timed)):
            table = scratch / "in.csv"
            table.write_text("price\n" + "".join(f"{90 + number % 20}\n" for number in range(rows)))
            command = lambda strategy: [arguments.program, "apply", table, "--function", "black-scholes", "--quiet", "--out",
                                        scratch / "out.csv", "--workers", "2", "--strategy", strategy,
                                        *(part for one in OPTION for part in ("--param", one))]
            env = {**os.environ, "PARALELO_HOME": str(scratch)}
            counts, walls = {}, {strategy: [] for strategy in STRATEGIES}
            for strategy in STRATEGIES if rows in counted else []:
                said = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch}/callgrind",
                                       *command(strategy)], env=env, capture_output=True, text=True, check=True).stderr
                counts[strategy] = int(re.search(r"Collected : (\d+)", said).group(1))
            for _ in range(arguments.rounds):
                for strategy in STRATEGIES:
                    started = time.perf_counter()
                    subprocess.run(command(strategy), env=env, check=True, stderr=subprocess.DEVNULL)
                    walls[strategy].append(time.perf_counter() - started)
            wall = {strategy: statistics.median(taken) * 1e3 for strategy, taken in walls.items()}
            for strategy in STRATEGIES:
                ratio = counts[strategy] / counts["sequential"] if counts else float("nan")
                failed |= ratio > 1.02
                print(f"{rows:>6}  {strategy:<12}{counts.get(strategy, 0):>14,}{ratio:>8.4f}{wall[strategy]:>9.2f}"
                      f"{wall[strategy] / wall['sequential']:>8.3f}")
    sys.exit("a strategy is more than 2 % above sequential" if failed else 0)


main()
