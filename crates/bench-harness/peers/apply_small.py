"""What the strategies of `cpu-parallel apply` cost on input too small for them, beside one after another.

    cargo build --release -p cpu-parallel
    apply_small.py --program target/release/cpu-parallel

For each size of input and each strategy: the instructions of the whole process and its threads as callgrind's counter has
them (`valgrind --tool=none` counts nothing, so `--tool=callgrind` is used), which do not depend on what else runs, and the
median wall time of interleaved rounds. The promise is that no strategy is more than 2 % above `sequential`.
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
    parser.add_argument("--rows", default="1,100,1000", help="sizes of input")
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    failed = False
    print(f"{'rows':>6}  {'strategy':<12}{'instructions':>14}{'ratio':>8}{'wall ms':>9}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for rows in map(int, arguments.rows.split(",")):
            table = scratch / "in.csv"
            table.write_text("price\n" + "".join(f"{90 + number % 20}\n" for number in range(rows)))
            command = lambda strategy: [arguments.program, "apply", table, "--function", "black-scholes", "--quiet", "--out",
                                        scratch / "out.csv", "--workers", "2", "--strategy", strategy,
                                        *(part for one in OPTION for part in ("--param", one))]
            env = {**os.environ, "PARALELO_HOME": str(scratch)}
            counts, walls = {}, {strategy: [] for strategy in STRATEGIES}
            for strategy in STRATEGIES:
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
                ratio = counts[strategy] / counts["sequential"]
                failed |= ratio > 1.02
                print(f"{rows:>6}  {strategy:<12}{counts[strategy]:>14,}{ratio:>8.4f}{wall[strategy]:>9.2f}"
                      f"{wall[strategy] / wall['sequential']:>8.3f}")
    sys.exit("a strategy is more than 2 % above sequential" if failed else 0)


main()
