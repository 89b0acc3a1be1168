"""Compares `pipelines etl` with Polars and DuckDB: interleaved rounds, medians, answers checked equal.

    cargo build --release -p pipelines -p datagen
    target/release/datagen orders --rows 4000000 --layout hive --format csv --out lake/
    target/release/datagen customers --rows 501000 --files 1 --format parquet --out customers/
    python -m venv venv && venv/bin/pip install polars==2.1.0 duckdb==2.0.0
    etl_compare.py --program target/release/pipelines --python venv/bin/python --rounds 5 --customers customers/ lake/

The job is the same for all: read a Hive-partitioned lake of orders, CSV or Parquet; check every order (numbers in their ranges,
a known status, a known customer of the partition's state, the partition's month) and leave out what is wrong; trim the texts;
join kind and city of the customer; compute the revenue in whole cents; write the clean orders as a lake of Parquet files,
Snappy, partitioned by year, month and state; and write revenue, orders and ticket by state, month and category as one Parquet
file. Ours also writes rejects, digests and a manifest, which the others do not.

What is compared is what a user waits for: the whole process, wall clock, and its peak memory as wait4 reports it, with two
threads. The files are in the page cache, and what is written goes to a folder in memory by default. Before the rounds the
revenue tables are compared as they are, and of the clean orders the number of rows, the sums of all numbers and the counts of
each kind, city, category and status. `again` is ours a second time, on a lake that has not changed.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import sidebyside

POLARS = """
import sys, polars as pl
lake, form, customers, out = sys.argv[1:]
kinds = {'order_id': pl.Int64, 'customer_id': pl.Int64, 'product_id': pl.Int64, 'category': pl.String, 'quantity': pl.Int64,
         'unit_price_cents': pl.Int64, 'discount_bp': pl.Int64, 'status': pl.String, 'ordered_at': pl.Datetime('us'),
         'note': pl.String}
if form == 'csv':
    orders = pl.scan_csv(lake + '/**/*.csv', schema=kinds, include_file_paths='path').with_columns(
        pl.col('path').str.extract('year=([0-9]+)').cast(pl.Int32).alias('year'),
        pl.col('path').str.extract('month=([0-9]+)').cast(pl.Int32).alias('month'),
        pl.col('path').str.extract('uf=([A-Z]+)').alias('uf')).drop('path')
else:
    orders = pl.scan_parquet(lake + '/**/*.parquet', hive_partitioning=True,
                             hive_schema={'year': pl.Int32, 'month': pl.Int32, 'uf': pl.String})
people = pl.scan_parquet(customers).select('customer_id', 'kind', 'city', pl.col('uf').alias('state'))
at = pl.col('ordered_at')
value = pl.col('quantity').cast(pl.Int64) * pl.col('unit_price_cents')
note = pl.col('note').str.strip_chars()
clean = (orders
    .with_columns(pl.col('status').str.strip_chars().str.to_lowercase(), pl.col('category').str.strip_chars(),
                  pl.when(note != '').then(note).alias('note'))
    .filter((pl.col('quantity') >= 1) & (pl.col('unit_price_cents') >= 0) & pl.col('discount_bp').is_between(0, 10_000)
            & (pl.col('category') != '') & (at.dt.year() == pl.col('year')) & (at.dt.month() == pl.col('month'))
            & pl.col('status').is_in(['delivered', 'shipped', 'processing', 'cancelled', 'returned', 'pending']))
    .join(people, on='customer_id').filter(pl.col('uf') == pl.col('state'))
    .select('order_id', 'customer_id', 'kind', 'city', 'product_id', 'category', pl.col('quantity').cast(pl.Int32),
            'unit_price_cents', pl.col('discount_bp').cast(pl.Int32),
            ((value * (10_000 - pl.col('discount_bp').cast(pl.Int64)) + 5_000) // 10_000).alias('revenue_cents'),
            'status', 'ordered_at', 'note', 'year', 'month', 'uf'))
totals = (clean.filter(pl.col('status') != 'cancelled').group_by('uf', 'year', 'month', 'category')
    .agg(pl.len().cast(pl.Int64).alias('orders'), pl.col('revenue_cents').sum())
    .with_columns(((2 * pl.col('revenue_cents') + pl.col('orders')) // (2 * pl.col('orders'))).alias('ticket_cents'))
    .sort('uf', 'year', 'month', 'category'))
written = clean.sink_parquet(pl.PartitionBy(out + '/orders', key=['year', 'month', 'uf'], include_key=False),
                             compression='snappy', mkdir=True, lazy=True)
table = totals.sink_parquet(out + '/revenue.parquet', compression='snappy', mkdir=True, lazy=True)
pl.collect_all([written, table], engine='streaming')
"""

DUCKDB = """
import sys, duckdb
lake, form, customers, out = sys.argv[1:]
db = duckdb.connect()
db.sql('set threads = 2')
db.sql('set preserve_insertion_order = false')
hive = "hive_partitioning = true, hive_types = {'year': INTEGER, 'month': INTEGER, 'uf': VARCHAR}"
columns = ("{'order_id': 'BIGINT', 'customer_id': 'BIGINT', 'product_id': 'BIGINT', 'category': 'VARCHAR', "
           "'quantity': 'BIGINT', 'unit_price_cents': 'BIGINT', 'discount_bp': 'BIGINT', 'status': 'VARCHAR', "
           "'ordered_at': 'TIMESTAMP', 'note': 'VARCHAR'}")
source = (f"read_csv('{lake}/**/*.csv', header = true, auto_detect = false, quote = '\\"', columns = {columns}, {hive})"
          if form == 'csv' else f"read_parquet('{lake}/**/*.parquet', {hive})")
db.sql(f'''create temp table clean as
    select o.order_id, o.customer_id, c.kind, c.city, o.product_id, trim(o.category) as category, o.quantity::INTEGER as quantity,
        o.unit_price_cents, o.discount_bp::INTEGER as discount_bp,
        (o.quantity * o.unit_price_cents * (10000 - o.discount_bp) + 5000) // 10000 as revenue_cents,
        lower(trim(o.status)) as status, o.ordered_at, nullif(trim(o.note), '') as note, o.year, o.month, o.uf
    from {source} o join read_parquet('{customers}') c using (customer_id)
    where o.quantity >= 1 and o.unit_price_cents >= 0 and o.discount_bp between 0 and 10000 and trim(o.category) <> ''
        and lower(trim(o.status)) in ('delivered', 'shipped', 'processing', 'cancelled', 'returned', 'pending')
        and c.uf = o.uf and year(o.ordered_at) = o.year and month(o.ordered_at) = o.month''')
db.sql(f'''copy clean to '{out}/orders' (format parquet, compression snappy, partition_by (year, month, uf))''')
db.sql(f'''copy (select uf, year, month, category, count(*) as orders, sum(revenue_cents)::BIGINT as revenue_cents,
        ((2 * sum(revenue_cents) + count(*)) // (2 * count(*)))::BIGINT as ticket_cents
    from clean where status <> 'cancelled' group by all order by uf, year, month, category)
    to '{out}/revenue.parquet' (format parquet, compression snappy)''')
"""

CHECK = """
import sys, glob, json, hashlib, polars as pl
out = sys.argv[1]
table = pl.read_parquet(glob.glob(out + '/revenue*.parquet')[0]).sort('uf', 'year', 'month', 'category')
table = table.select('uf', 'year', 'month', 'category', 'orders', 'revenue_cents', 'ticket_cents')
numbers = ['order_id', 'customer_id', 'product_id', 'quantity', 'unit_price_cents', 'discount_bp', 'revenue_cents']
lake = pl.scan_parquet(out + '/orders/**/*.parquet', hive_partitioning=True)
sums = lake.select(pl.len(), *(pl.col(name).cast(pl.Int64).sum() for name in numbers),
                   pl.col('ordered_at').cast(pl.Int64).sum(), pl.col('note').count().alias('notes'),
                   pl.col('note').str.len_bytes().sum().alias('letters'),
                   (pl.col('month').cast(pl.Int64) * pl.col('order_id')).sum().alias('months')).collect().row(0)
texts = [sorted(map(list, lake.group_by(name).len().collect().iter_rows())) for name in ('kind', 'city', 'category', 'status', 'uf')]
told = json.dumps([table.rows(), sums, texts], default=int)
print(hashlib.blake2b(told.encode()).hexdigest(), sums[0], table['revenue_cents'].sum())
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--python", required=True, help="a Python that has Polars and DuckDB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scratch", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--customers", type=pathlib.Path, required=True, help="a folder of Parquet files")
    parser.add_argument("lake", type=pathlib.Path, help="a Hive-partitioned lake of orders")
    arguments = parser.parse_args()
    form = "csv" if next(arguments.lake.rglob("*.csv"), None) else "parquet"
    people = f"{arguments.customers}/*.parquet"
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        out = lambda name: pathlib.Path(scratch) / name
        etl = lambda name: [arguments.program, "etl", arguments.lake, "--customers", arguments.customers, "--workers", 2,
                            "--quiet", "--out", out(name)]
        commands = {"etl": etl("etl"), "again": etl("again"),
                    "polars": [arguments.python, "-c", POLARS, arguments.lake, form, people, out("polars")],
                    "duckdb": [arguments.python, "-c", DUCKDB, arguments.lake, form, people, out("duckdb")]}
        extra, told = {}, {}
        for name, command in commands.items():
            out(name).mkdir(exist_ok=True)
            sidebyside.run(command)
            check = subprocess.run([arguments.python, "-c", CHECK, out(name)], capture_output=True, text=True)
            if check.returncode:
                sys.exit(f"error: what {name} made cannot be read: {check.stderr}")
            digest, rows, cents = check.stdout.split()
            told[name] = digest
            size = sum(path.stat().st_size for path in out(name).rglob("*.parquet"))
            extra[name] = {"mb_out": round(size / 1e6, 1), "rows": int(rows), "cents": int(cents),
                           "answer": "equal" if digest == told["etl"] else "DIFFERS"}

        def after(name):
            if name != "again":
                shutil.rmtree(out(name))
                out(name).mkdir()

        for name in ("etl", "polars", "duckdb"):
            after(name)
        samples = sidebyside.rounds(commands, arguments.rounds, after)
    rows = sidebyside.summary(samples, extra)
    sidebyside.show(rows, arguments.json)
    if any(row["answer"] != "equal" for row in rows):
        sys.exit(1)


main()
