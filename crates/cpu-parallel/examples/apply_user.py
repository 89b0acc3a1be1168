"""A function of your own, in parallel: python3 is started once for each worker and gets chunks of rows as CSV.

    cpu-parallel apply in.csv --exec 'python3 crates/cpu-parallel/examples/apply_user.py' --out out.csv

Change `function`: it gets a row as a dictionary of texts and returns the row that comes out. A row for which it raises an
exception is left out and reported with what the exception says. Nothing but the standard library is needed.
"""

import csv
import io
import os
import sys


def function(row):
    """An example: the value of an order in cents, after its discount. `DEADLY` as quantity shows what a crash costs."""
    if row["quantity"] == "DEADLY":
        os.abort()
    value = int(row["quantity"]) * int(row["unit_price_cents"]) * (10_000 - int(row["discount_bp"]))
    return {"order_id": row["order_id"], "value_cents": (value + 5_000) // 10_000}


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # What `function` prints must not end up in the protocol.
    while head := source.readline():
        _, number, rows, size = head.split()
        text = io.StringIO(source.read(int(size)).decode(), newline="")
        made = []
        for place, row in enumerate(csv.DictReader(text)):
            try:
                made.append(function(row))
            except Exception as error:
                message = f"{type(error).__name__}: {error}".replace("\n", " ")
                sink.write(f"row {place} {message}\n".encode())
        table = io.StringIO(newline="")
        if made:
            writer = csv.DictWriter(table, made[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(made)
        answer = table.getvalue().encode()
        sink.write(f"chunk {number.decode()} {len(made)} {len(answer)}\n".encode())
        sink.write(answer)
        sink.flush()


main()
