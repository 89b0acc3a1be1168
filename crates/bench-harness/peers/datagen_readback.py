"""Reads what datagen wrote with other people's readers and compares: datagen_readback.py FOLDER.

FOLDER holds `orders-csv` and `orders-parquet`, as `datagen all` writes them. Every CSV file is read by Python's csv
module and every Parquet file by pyarrow; each row must be equal in both. Needs pyarrow.
"""

import csv
import pathlib
import sys

import pyarrow.parquet as parquet


def text(value):
    """A Parquet value as CSV has it."""
    if value is None:
        return ""
    return value.strftime("%Y-%m-%d %H:%M:%S") if hasattr(value, "strftime") else str(value)


def main():
    folder = pathlib.Path(sys.argv[1])
    files = sorted((folder / "orders-csv").glob("*.csv"))
    rows = 0
    for path in files:
        table = parquet.read_table(folder / "orders-parquet" / (path.stem + ".parquet"))
        columns = [[text(value) for value in column.to_pylist()] for column in table.columns]
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader)
            if header != table.column_names:
                sys.exit(f"{path}: columns {header} and {table.column_names}")
            found = list(reader)
        expected = [list(row) for row in zip(*columns)]
        if found != expected:
            wrong = next((i for i, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]), "the length")
            sys.exit(f"{path}: row {wrong} differs")
        rows += len(found)
    if not files:
        sys.exit(f"{folder} holds no orders-csv")
    print(f"{len(files)} files, {rows} rows: Python's csv and pyarrow read the same")


main()
