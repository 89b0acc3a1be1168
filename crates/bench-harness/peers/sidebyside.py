"""What the scripts that compare programs share: whole processes, interleaved rounds, medians, a table."""

import json
import os
import statistics
import subprocess
import sys
import time


def run(command):
    """Wall and CPU seconds and peak memory in bytes of a command, as wait4 reports them; it must succeed."""
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


def rounds(commands, number, after=lambda name: None):
    """The samples of each command, taken in turns; `after(name)` clears away what a command has made."""
    samples = {name: [] for name in commands}
    for one in range(number):
        print(f"round {one + 1} of {number}", file=sys.stderr)
        for name, command in commands.items():
            samples[name].append(run(command))
            after(name)
    return samples


def summary(samples, extra):
    """A row for each command, the first one being ours: medians, and how many times faster and smaller ours is."""
    rows = []
    for name, taken in samples.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*taken))
        rows.append({"name": name, "wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": round(memory / 1e6, 1),
                     "wall_s_all": [round(one[0], 3) for one in taken], **extra.get(name, {})})
    ours = next(iter(samples))
    for row in rows:
        pairs = zip(samples[row["name"]], samples[ours])
        row["ours_is_faster"] = round(statistics.median(theirs[0] / own[0] for theirs, own in pairs), 2)
        row["our_memory_share"] = round(rows[0]["peak_mb"] / row["peak_mb"], 3)
    return rows


def show(rows, as_json):
    """Prints the rows as a table or as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    columns = [name for name in rows[0] if name != "wall_s_all"]
    widths = [max(len(name), *(len(str(row.get(name, ""))) for row in rows)) for name in columns]
    for cells in [columns, *([str(row.get(name, "")) for name in columns] for row in rows)]:
        print("  ".join(cell.rjust(width) for cell, width in zip(cells, widths)))
