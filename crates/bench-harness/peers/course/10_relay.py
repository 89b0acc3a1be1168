"""Exercise 10, relay: a process that transforms orders hands them to a process that stores them."""

import multiprocessing
import pathlib

import contract

READ = ["order_id", "customer_id", "product_id", "category", "uf", "quantity", "unit_price_cents", "discount_bp", "status", "ordered_at"]
COLUMNS = ["order_id", "customer_id", "product_id", "category", "uf", "status", "month", "quantity", "gross_cents", "net_cents"]
# As many rows travel together as in a batch of ours.
BATCH = 8192


def transform(frame):
    """The columns that are stored, of a pandas frame."""
    frame["gross_cents"] = frame["quantity"] * frame["unit_price_cents"]
    frame["net_cents"] = (frame["gross_cents"] * (10_000 - frame["discount_bp"]) + 5_000) // 10_000
    frame["month"] = frame["ordered_at"].dt.year * 100 + frame["ordered_at"].dt.month
    return frame[COLUMNS]


def batches(files):
    import pyarrow.parquet as pq
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(BATCH, columns=READ):
            yield transform(batch.to_pandas())


def store(path, tables):
    import pyarrow.parquet as pq
    writer = None
    for table in tables:
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def put_frames(files, end):
    for frame in batches(files):
        end.put(frame)
    end.put(None)


def send_frames(files, end):
    for frame in batches(files):
        end.send(frame)
    end.send(None)


def send_buffers(files, end):
    import pyarrow as pa
    for frame in batches(files):
        batch = pa.RecordBatch.from_pandas(frame, preserve_index=False)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        end.send_bytes(sink.getvalue())
    end.send_bytes(b"")


def run(request, target, to_child, receive):
    child = multiprocessing.Process(target=target, args=(request.files("orders-parquet", "parquet"), to_child), daemon=True)
    child.start()
    store(request.out("relay.parquet"), receive())
    child.join()


def tables_of(receive):
    import pyarrow as pa
    while (frame := receive()) is not None:
        yield pa.Table.from_pandas(frame, preserve_index=False)


def with_queue(request):
    import pandas  # noqa: F401, inherited by the child
    import pyarrow.parquet  # noqa: F401
    request.go()
    queue = multiprocessing.Queue(8)
    run(request, put_frames, queue, lambda: tables_of(queue.get))


def with_pipe(request):
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    request.go()
    near, far = multiprocessing.Pipe(duplex=False)
    run(request, send_frames, far, lambda: tables_of(near.recv))


def with_arrow_over_a_pipe(request):
    import pandas  # noqa: F401
    import pyarrow as pa
    import pyarrow.parquet  # noqa: F401
    request.go()
    near, far = multiprocessing.Pipe(duplex=False)
    run(request, send_buffers, far, lambda: (pa.ipc.open_stream(text).read_all() for text in iter(near.recv_bytes, b"")))


def with_polars(request):
    """One process that hands nothing over: the least that reading, transforming and storing take."""
    import polars as pl
    request.go()
    value = pl.col("quantity").cast(pl.Int64) * pl.col("unit_price_cents")
    net = (value * (10_000 - pl.col("discount_bp").cast(pl.Int64)) + 5_000) // 10_000
    at = pl.col("ordered_at")
    frame = pl.scan_parquet(request.files("orders-parquet", "parquet")).select(
        "order_id", "customer_id", "product_id", "category", "uf", "status",
        (at.dt.year() * 100 + at.dt.month()).cast(pl.Int32).alias("month"), "quantity",
        value.alias("gross_cents"), net.alias("net_cents"))
    frame.sink_parquet(request.out("relay.parquet"), compression="snappy")


def answer(request):
    import pyarrow as pa
    import pyarrow.parquet as pq
    parts = sorted(pathlib.Path(request.folder).rglob("*.parquet"))
    return contract.table_digest(pa.concat_tables(
        (pq.read_table(part).select(COLUMNS) for part in parts), promote_options="permissive"))


contract.main(
    ours=lambda request: ["cpu-parallel", "relay", *request.files("orders-parquet", "parquet"), "--into", request.out("relay")],
    answer=answer,
    peers={
        "multiprocessing.Queue, pandas": (with_queue, ["pandas", "pyarrow"]),
        "multiprocessing.Pipe, pandas": (with_pipe, ["pandas", "pyarrow"]),
        "multiprocessing.Pipe, Arrow": (with_arrow_over_a_pipe, ["pandas", "pyarrow"]),
        "polars, one process": (with_polars, ["polars", "pyarrow"]),
    },
)
