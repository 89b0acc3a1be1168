"""Exercise 11, etl: a lake of orders is cleaned, joined, added up and written as a lake again."""

import os
import pathlib
import re
from concurrent.futures import ProcessPoolExecutor

import contract

STATUSES = ["delivered", "shipped", "processing", "cancelled", "returned", "pending"]
NUMBERS = ["order_id", "customer_id", "product_id", "quantity", "unit_price_cents", "discount_bp"]
CLEAN = ["order_id", "customer_id", "kind", "city", "product_id", "category", "quantity", "unit_price_cents", "discount_bp",
         "revenue_cents", "status", "ordered_at", "note"]
GROUP = ["uf", "year", "month", "category"]


def partitions(request):
    """Each partition of the lake: its folder's name and its files."""
    lake = pathlib.Path(request.raw("orders-lake-csv"))
    found = {}
    for file in sorted(lake.rglob("*.csv")):
        found.setdefault(str(file.parent.relative_to(lake)), []).append(str(file))
    return list(found.items())


def people_file(request):
    return request.files("customers-parquet", "parquet")[0]


def clean_partition(partition, files, people, out):
    """Writes the clean orders of a partition; what they are worth by group."""
    import pandas as pd
    year, month, uf = re.search(r"year=(\d+)/month=(\d+)/uf=([A-Z]+)", partition).groups()
    orders = pd.concat(pd.read_csv(file, dtype={"note": "string"}, keep_default_na=False, na_values={"note": [""]}) for file in files)
    for name in NUMBERS:
        orders[name] = pd.to_numeric(orders[name], errors="coerce")
    orders["ordered_at"] = pd.to_datetime(orders["ordered_at"], errors="coerce")
    orders["status"] = orders["status"].str.strip().str.lower()
    orders["category"], orders["note"] = orders["category"].str.strip(), orders["note"].str.strip().replace("", pd.NA)
    orders = orders.merge(people[["customer_id", "kind", "city", "uf"]], on="customer_id")
    orders = orders[orders[NUMBERS].notna().all(axis=1) & (orders["quantity"] >= 1) & (orders["unit_price_cents"] >= 0)
                    & orders["discount_bp"].between(0, 10_000) & (orders["category"] != "") & orders["status"].isin(STATUSES)
                    & (orders["uf"] == uf) & (orders["ordered_at"].dt.year == int(year))
                    & (orders["ordered_at"].dt.month == int(month))]
    orders = orders.astype(dict.fromkeys(NUMBERS, "int64"))
    value = orders["quantity"] * orders["unit_price_cents"] * (10_000 - orders["discount_bp"])
    orders["revenue_cents"] = (value + 5_000) // 10_000
    folder = f"{out}/orders/{partition}"
    os.makedirs(folder, exist_ok=True)
    orders[CLEAN].to_parquet(f"{folder}/part.parquet", index=False)
    sold = orders[orders["status"] != "cancelled"].assign(year=int(year), month=int(month))
    return sold.groupby(GROUP)["revenue_cents"].agg(orders="count", revenue_cents="sum")


def begin(people):
    import pandas as pd
    global own_people
    own_people = pd.read_parquet(people)


def partition_of_a_process(job):
    partition, files, out = job
    return clean_partition(partition, files, own_people, out)


def write_revenue(request, parts):
    import pandas as pd
    total = pd.concat(parts).groupby(level=GROUP).sum()
    total["ticket_cents"] = (2 * total["revenue_cents"] + total["orders"]) // (2 * total["orders"])
    total.reset_index().to_parquet(request.out("revenue.parquet"), index=False)


def with_pandas(request):
    import pandas as pd
    request.go()
    people = pd.read_parquet(people_file(request))
    write_revenue(request, [clean_partition(*partition, people, request.folder) for partition in partitions(request)])


def with_processes(request):
    import pandas  # noqa: F401, inherited by the workers
    request.go()
    jobs = [(*partition, str(request.folder)) for partition in partitions(request)]
    with ProcessPoolExecutor(max_workers=request.workers, initializer=begin, initargs=(people_file(request),)) as pool:
        write_revenue(request, list(pool.map(partition_of_a_process, jobs, chunksize=8)))


def with_polars(request):
    import polars as pl
    request.go()
    kinds = {**dict.fromkeys(NUMBERS, pl.Int64), "category": pl.String, "status": pl.String, "ordered_at": pl.Datetime("us"),
             "note": pl.String}
    order = ["order_id", "customer_id", "product_id", "category", "quantity", "unit_price_cents", "discount_bp", "status",
             "ordered_at", "note"]
    path = pl.col("path")
    orders = pl.scan_csv(request.raw("orders-lake-csv") + "/**/*.csv", schema={name: kinds[name] for name in order},
                         include_file_paths="path").with_columns(
        path.str.extract("year=([0-9]+)").cast(pl.Int32).alias("year"),
        path.str.extract("month=([0-9]+)").cast(pl.Int32).alias("month"), path.str.extract("uf=([A-Z]+)").alias("uf"))
    people = pl.scan_parquet(people_file(request)).select("customer_id", "kind", "city", pl.col("uf").alias("state"))
    at, note = pl.col("ordered_at"), pl.col("note").str.strip_chars()
    value = pl.col("quantity") * pl.col("unit_price_cents") * (10_000 - pl.col("discount_bp"))
    clean = (orders
             .with_columns(pl.col("status").str.strip_chars().str.to_lowercase(), pl.col("category").str.strip_chars(),
                           pl.when(note != "").then(note).alias("note"))
             .filter((pl.col("quantity") >= 1) & (pl.col("unit_price_cents") >= 0) & pl.col("discount_bp").is_between(0, 10_000)
                     & (pl.col("category") != "") & (at.dt.year() == pl.col("year")) & (at.dt.month() == pl.col("month"))
                     & pl.col("status").is_in(STATUSES))
             .join(people, on="customer_id").filter(pl.col("uf") == pl.col("state"))
             .with_columns(((value + 5_000) // 10_000).alias("revenue_cents"))
             .select(*CLEAN, "year", "month", "uf"))
    total = (clean.filter(pl.col("status") != "cancelled").group_by(GROUP)
             .agg(pl.len().cast(pl.Int64).alias("orders"), pl.col("revenue_cents").sum())
             .with_columns(((2 * pl.col("revenue_cents") + pl.col("orders")) // (2 * pl.col("orders"))).alias("ticket_cents"))
             .sort(GROUP))
    lake = pl.PartitionBy(request.out("orders"), key=["year", "month", "uf"], include_key=False)
    pl.collect_all([clean.sink_parquet(lake, compression="snappy", mkdir=True, lazy=True),
                    total.sink_parquet(request.out("revenue.parquet"), compression="snappy", lazy=True)], engine="streaming")


def with_duckdb(request):
    import duckdb
    request.go()
    duckdb.sql(f"set threads = {request.workers}")
    duckdb.sql("set preserve_insertion_order = false")
    columns = ("{'order_id': 'BIGINT', 'customer_id': 'BIGINT', 'product_id': 'BIGINT', 'category': 'VARCHAR', "
               "'quantity': 'BIGINT', 'unit_price_cents': 'BIGINT', 'discount_bp': 'BIGINT', 'status': 'VARCHAR', "
               "'ordered_at': 'TIMESTAMP', 'note': 'VARCHAR'}")
    hive = "hive_partitioning = true, hive_types = {'year': INTEGER, 'month': INTEGER, 'uf': VARCHAR}"
    statuses = ", ".join(f"'{status}'" for status in STATUSES)
    duckdb.sql(f"""create temp table clean as
        select o.order_id, o.customer_id, c.kind, c.city, o.product_id, trim(o.category) as category, o.quantity,
            o.unit_price_cents, o.discount_bp,
            (o.quantity * o.unit_price_cents * (10000 - o.discount_bp) + 5000) // 10000 as revenue_cents,
            lower(trim(o.status)) as status, o.ordered_at, nullif(trim(o.note), '') as note, o.year, o.month, o.uf
        from read_csv('{request.raw("orders-lake-csv")}/**/*.csv', header = true, auto_detect = false, quote = '"',
                      columns = {columns}, {hive}) o join read_parquet('{people_file(request)}') c using (customer_id)
        where o.quantity >= 1 and o.unit_price_cents >= 0 and o.discount_bp between 0 and 10000 and trim(o.category) <> ''
            and lower(trim(o.status)) in ({statuses})
            and c.uf = o.uf and year(o.ordered_at) = o.year and month(o.ordered_at) = o.month""")
    duckdb.sql(f"copy clean to '{request.out('orders')}' (format parquet, compression snappy, partition_by (year, month, uf))")
    duckdb.sql(f"""copy (select uf, year, month, category, count(*) as orders, sum(revenue_cents)::BIGINT as revenue_cents,
            ((2 * sum(revenue_cents) + count(*)) // (2 * count(*)))::BIGINT as ticket_cents
        from clean where status <> 'cancelled' group by all order by all)
        to '{request.out('revenue.parquet')}' (format parquet, compression snappy)""")


def answer(request):
    """The revenue as it is, and the clean orders by their numbers; how files are cut and named is everybody's own."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    folder = pathlib.Path(request.folder)
    keys = pa.schema([("year", pa.int32()), ("month", pa.int32()), ("uf", pa.string())])
    lake = [*CLEAN, "year", "month", "uf"]
    tables = []
    for file in sorted((folder / "orders").rglob("*.parquet")):
        year, month, uf = re.search(r"year=(\d+)/month=(\d+)/uf=([A-Z]+)", str(file)).groups()
        table = pq.ParquetFile(file).read()
        for name, value in (("year", int(year)), ("month", int(month)), ("uf", uf)):
            if name not in table.column_names:
                table = table.append_column(keys.field(name), pa.array([value] * len(table), keys.field(name).type))
        tables.append(contract.plain_table(table.select(lake)))
    orders = pa.concat_tables(tables).sort_by("order_id")
    revenue = pq.read_table(next(folder.glob("revenue*.parquet"))).select([*GROUP, "orders", "revenue_cents", "ticket_cents"])
    return contract.digest([contract.table_digest(orders).encode(),
                            contract.table_digest(revenue.sort_by([(name, "ascending") for name in GROUP])).encode()])


contract.main(
    ours=lambda request: ["pipelines", "etl", request.raw("orders-lake-csv"), "--customers", people_file(request),
                          "--workers", str(request.workers), "--out", str(request.folder)],
    answer=answer,
    peers={
        "pandas": (with_pandas, ["pandas", "pyarrow"]),
        "pandas, processes": (with_processes, ["pandas", "pyarrow"]),
        "polars": (with_polars, ["polars", "pyarrow"]),
        "duckdb": (with_duckdb, ["duckdb", "pyarrow"]),
    },
)
