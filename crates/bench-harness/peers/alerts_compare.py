"""Compares `pipelines alerts` with ripgrep and with Python's `re` in threads: interleaved rounds, medians, counts checked equal.

    cargo build --release -p pipelines -p datagen
    target/release/datagen logs --scale medium --out logs/
    apt-get install ripgrep
    alerts_compare.py --program target/release/pipelines --rounds 7 logs/*.log

All three look for the same 20 patterns in the same files, read from the page cache. ripgrep and Python count the lines that
match any of them; ours also tells which of them each event matches, reads its time and counts it in a window, in the order
of time over all files. Patterns match first lines of events only, so that events and lines are the same number: the sum of
ours over all patterns is checked against Python's, ripgrep's number of lines against Python's.
What is compared is the whole process, wall clock and CPU. Bias: the patterns are ours, and most have literals.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

PATTERNS = [
    r"out of memory, worker \d+ killed", r"data loss: \d+ messages", r"disk full: \d+ bytes free",
    r"database unreachable after \d+ attempts", r"connection pool exhausted", r"replica lag beyond limit",
    r"circuit breaker open", r"name resolution failed", r"payment \d+ refused", r"upstream timed out after \d{5} ms",
    r"connection reset by peer", r"could not reserve item \d+: out of stock", r"slow query: \d{5} ms",
    r"CRITICAL \[checkout\]", r"ERROR \[catalog\]", r'"level":"critical"', r"^<130>", r"certificate expires in \d hours",
    r"retrying call to upstream, attempt 1\d\b", r"queue depth above 2\d{4}",
]


def python_count(path):
    """Lines of a file that match any pattern, and matches of each pattern, one at the most for a line."""
    any_of = re.compile("|".join(f"(?:{pattern})" for pattern in PATTERNS).encode(), re.M)
    with open(path, "rb") as lines:
        return sum(1 for line in lines if any_of.search(line))


def python_sum(path):
    compiled = [re.compile(pattern.encode(), re.M) for pattern in PATTERNS]
    with open(path, "rb") as lines:
        return sum(1 for line in lines for one in compiled if one.search(line))


def run(command):
    """Wall and CPU seconds of a command, which must succeed, and what it said."""
    started = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {command[0]} ended with {process.returncode}: {said}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, said


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--python-child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    if arguments.python_child:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            print(sum(pool.map(python_count, arguments.files)))
        return
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder, "rules.toml")
        # A count that is never reached: everything is found and counted, and nothing is told.
        rules.write_text("".join(
            f"[[rule]]\nname = 'p{number}'\npattern = '{pattern}'\ncount = 1000000000\nwindow = '1m'\n"
            for number, pattern in enumerate(PATTERNS)))
        commands = {
            "paralelo": [arguments.program, "alerts", "--rules", rules, "--out", pathlib.Path(folder, "out"), *arguments.files],
            "ripgrep": ["rg", "--no-config", "-c", "--no-filename", *[word for one in PATTERNS for word in ("-e", one)], *arguments.files],
            "python": [sys.executable, __file__, "--python-child", *arguments.files],
        }
        taken = {name: [] for name in commands}
        for number in range(arguments.rounds + 1):
            counts = {}
            for name, command in commands.items():
                if name == "python" and number > 2:
                    continue
                wall, cpu, said = run(command)
                counts[name] = said
                if number:
                    taken[name].append((wall, cpu))
            if number == 0:
                lines = int(counts["python"])
                if sum(map(int, counts["ripgrep"].split())) != lines:
                    sys.exit("error: ripgrep and Python count different numbers of lines")
                ours = int(re.search(r"(\d+) rows", counts["paralelo"])[1])
                if ours != sum(map(python_sum, arguments.files)):
                    sys.exit(f"error: ours are {ours} events, Python's are others")
        size = sum(os.path.getsize(file) for file in arguments.files)
        print(f"{size / 1e6:.0f} MB, {lines} lines, load {os.getloadavg()[0]:.1f}")
        base = statistics.median(wall for wall, _ in taken["paralelo"])
        for name, times in taken.items():
            wall, cpu = statistics.median(wall for wall, _ in times), statistics.median(cpu for _, cpu in times)
            print(f"{name:10} {wall:8.3f} s wall {cpu:8.3f} s cpu {size / wall / 1e6:8.0f} MB/s  {wall / base:6.2f} x ours")


if __name__ == "__main__":
    main()
