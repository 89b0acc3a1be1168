"""Compares `cpu-parallel convert` with DuckDB's COPY and Polars' sink_csv: interleaved rounds, medians, values checked.

    cargo build --release -p cpu-parallel -p datagen
    target/release/datagen orders --rows 4000000 --files 8 --format parquet --out orders/
    python -m venv venv && venv/bin/pip install polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1
    convert_compare.py --program target/release/cpu-parallel --python venv/bin/python --rounds 5 orders/*.parquet

Every program reads the same files from the page cache and writes CSV with both cores, to a folder in memory by default.
What is compared is what a user waits for: the whole process, wall clock, and its peak memory. Before the rounds our CSV
is read back by pyarrow and compared with the Parquet files as pyarrow reads them, value by value and null by null.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import sidebyside

TOOLS = {
    "duckdb": "import sys, duckdb; duckdb.sql('set enable_progress_bar = false'); "
              "duckdb.sql('set threads = 2'); duckdb.read_parquet(sys.argv[2:]).write_csv(sys.argv[1])",
    "polars": "import sys, polars; polars.scan_parquet(sys.argv[2:]).sink_csv(sys.argv[1])",
}
EQUAL = """
import sys, pyarrow as pa, pyarrow.csv as csv, pyarrow.parquet as pq
for name in sys.argv[2:]:
    table = pq.read_table(name)
    plain = lambda kind: kind.value_type if pa.types.is_dictionary(kind) else kind
    kinds = {field.name: plain(field.type) for field in table.schema}
    options = csv.ConvertOptions(column_types=kinds, strings_can_be_null=True, quoted_strings_can_be_null=False)
    text = f"{sys.argv[1]}/{name.rsplit('/', 1)[-1].rsplit('.', 1)[0]}.csv"
    back = csv.read_csv(text, convert_options=options, parse_options=csv.ParseOptions(newlines_in_values=True))
    for field in table.schema:
        if not table[field.name].cast(kinds[field.name]).equals(back[field.name]):
            sys.exit(f'{text}: {field.name} differs')
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scratch", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        out = lambda name: pathlib.Path(scratch) / name
        convert = [arguments.program, "convert", "--workers", 2, "--quiet"]
        commands = {"convert": [*convert, "--out", out("convert"), *arguments.files],
                    "convert into one": [*convert, "--out", out("convert into one"), "--into", "all.csv", *arguments.files]}
        for name, program in TOOLS.items():
            commands[name] = [arguments.python, "-c", program, out(name), *arguments.files]

        def clear(name):
            shutil.rmtree(out(name)) if out(name).is_dir() else out(name).unlink()

        extra = {}
        for name, command in commands.items():
            sidebyside.run(command)
            extra[name] = {"mb_out": round(sum(file.stat().st_size for file in [out(name), *out(name).glob("*")] if file.is_file()) / 1e6, 1)}
            if name == "convert":
                check = subprocess.run([arguments.python, "-c", EQUAL, out(name), *arguments.files], capture_output=True, text=True)
                extra[name]["values"] = "as pyarrow's" if check.returncode == 0 else sys.exit(check.stderr.strip())
            clear(name)
        samples = sidebyside.rounds(commands, arguments.rounds, clear)
    sidebyside.show(sidebyside.summary(samples, extra), arguments.json)


main()
