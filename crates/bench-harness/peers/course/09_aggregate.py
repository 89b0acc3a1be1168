"""Exercise 09, aggregate: the groups of a table in one pass."""

from concurrent.futures import ProcessPoolExecutor

import contract

KEYS = ["uf", "category"]
VALUES = ["quantity", "unit_price_cents", "discount_bp"]
SHOWN = ["count", "sum", "mean", "std", "min", "max", "p50", "p90"]
COLUMNS = [*KEYS, "rows", *(f"{name}_{shown}" for name in VALUES for shown in SHOWN)]


def frame_answer(frame):
    """The answer of a pandas frame."""
    groups = frame.groupby(KEYS, sort=True)
    table = groups.size().to_frame("rows")
    for name in VALUES:
        found = groups[name].agg(["count", "sum", "mean", "std", "min", "max"])
        found["p50"], found["p90"] = groups[name].quantile(0.5), groups[name].quantile(0.9)
        table = table.join(found.add_prefix(f"{name}_"))
    return table.reset_index()


def with_pandas(request):
    import pandas as pd
    request.go()
    frame = pd.concat(pd.read_parquet(file, columns=KEYS + VALUES) for file in request.files("orders-parquet", "parquet"))
    frame_answer(frame).to_parquet(request.out("groups.parquet"), index=False)


def states_of_a_process(job):
    import pandas as pd
    files, states = job
    frames = [pd.read_parquet(file, columns=KEYS + VALUES, filters=[("uf", "in", states)]) for file in files]
    return frame_answer(pd.concat(frames))


def with_processes(request):
    """Quantiles of parts are no quantiles, so each process has all orders of its states."""
    import pandas as pd
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    request.go()
    files = request.files("orders-parquet", "parquet")
    counted = pc.value_counts(pq.ParquetDataset(files).read(columns=["uf"])["uf"]).to_pylist()
    shares = [([], 0)] * request.workers
    for state in sorted(counted, key=lambda row: -row["counts"]):
        shares.sort(key=lambda share: share[1])
        shares[0] = (shares[0][0] + [state["values"]], shares[0][1] + state["counts"])
    with ProcessPoolExecutor(max_workers=request.workers) as pool:
        frames = list(pool.map(states_of_a_process, [(files, states) for states, _ in shares if states]))
    pd.concat(frames).sort_values(KEYS).to_parquet(request.out("groups.parquet"), index=False)


def with_polars(request):
    import polars as pl
    request.go()
    wanted = [pl.len().alias("rows")]
    for name in VALUES:
        column = pl.col(name)
        found = [column.count(), column.cast(pl.Int64).sum(), column.mean(), column.std(), column.min(), column.max(),
                 column.quantile(0.5, "linear"), column.quantile(0.9, "linear")]
        wanted += [expression.alias(f"{name}_{shown}") for expression, shown in zip(found, SHOWN)]
    frame = pl.scan_parquet(request.files("orders-parquet", "parquet")).group_by(KEYS).agg(wanted).sort(KEYS)
    frame.collect(engine="streaming").write_parquet(request.out("groups.parquet"))


def with_duckdb(request):
    import duckdb
    request.go()
    duckdb.sql(f"set threads = {request.workers}")
    calls = ["count({0})", "sum({0})::BIGINT", "avg({0})", "stddev({0})", "min({0})", "max({0})", "quantile_cont({0}, 0.5)",
             "quantile_cont({0}, 0.9)"]
    wanted = ", ".join(f"{call.format(name)} as {name}_{shown}" for name in VALUES for call, shown in zip(calls, SHOWN))
    files = ", ".join(f"'{file}'" for file in request.files("orders-parquet", "parquet"))
    query = f"select uf, category, count(*) as rows, {wanted} from read_parquet([{files}]) group by all order by all"
    duckdb.sql(f"copy ({query}) to '{request.out('groups.parquet')}' (format parquet)")


def plain(name, value):
    """Counts, sums and extremes as they are; what was divided to nine digits, because its last bits are everybody's own."""
    if name in KEYS:
        return value
    if value is None or value != value:
        return None
    return f"{value:.9g}" if name.endswith(("_mean", "_std", "_p50", "_p90")) else str(int(value))


def answer(request):
    import pyarrow.parquet as pq
    rows = pq.read_table(request.out("groups.parquet"), columns=COLUMNS).to_pylist()
    return contract.digest(repr([plain(name, row[name]) for name in COLUMNS]).encode() for row in rows)


contract.main(
    ours=lambda request: ["cpu-parallel", "aggregate", *request.files("orders-parquet", "parquet"), "--by", ",".join(KEYS),
                          "--of", ",".join(VALUES), "--quantiles", "0.5,0.9", "--workers", str(request.workers),
                          "--out", request.out("groups.parquet")],
    answer=answer,
    peers={
        "pandas": (with_pandas, ["pandas", "pyarrow"]),
        "pandas, processes": (with_processes, ["pandas", "pyarrow"]),
        "polars": (with_polars, ["polars", "pyarrow"]),
        "duckdb": (with_duckdb, ["duckdb", "pyarrow"]),
    },
)
