"""Exercise 14, stages: CSV ingested, transformed and stored as Parquet, serial and overlapped."""

import queue
import threading
import unicodedata

import contract

COLUMNS = ["order_id", "customer_id", "product_id", "category", "uf", "status", "year", "month", "quantity", "gross_cents",
           "net_cents", "note", "note_words"]


def ingest(files):
    import pandas as pd
    for file in files:
        yield pd.read_csv(file, dtype={"note": "string"}, parse_dates=["ordered_at"], keep_default_na=False,
                          na_values={"note": [""]})


def comparable(note):
    """Lower case, without accents, one space between words."""
    words = note.split()
    plain = unicodedata.normalize("NFD", " ".join(words).lower())
    return unicodedata.normalize("NFC", "".join(letter for letter in plain if not unicodedata.combining(letter)))


def transform(frame):
    import pandas as pd
    frame = frame[frame["status"] != "cancelled"].copy()
    frame["gross_cents"] = frame["quantity"] * frame["unit_price_cents"]
    frame["net_cents"] = (frame["gross_cents"] * (10_000 - frame["discount_bp"]) + 5_000) // 10_000
    frame["year"], frame["month"] = frame["ordered_at"].dt.year, frame["ordered_at"].dt.month
    frame["note"] = frame["note"].map(comparable, na_action="ignore").astype("string")
    frame["note_words"] = [0 if pd.isna(note) else len(note.split()) for note in frame["note"]]
    return frame[COLUMNS]


class Store:
    """One Parquet file, a row group for each frame."""

    def __init__(self, path):
        self.path, self.writer = path, None

    def add(self, frame):
        import pyarrow as pa
        import pyarrow.parquet as pq
        table = pa.Table.from_pandas(frame, preserve_index=False)
        self.writer = self.writer or pq.ParquetWriter(self.path, table.schema)
        self.writer.write_table(table)

    def close(self):
        self.writer.close()


def serial(request):
    import pandas  # noqa: F401, imported before the clock starts
    import pyarrow.parquet  # noqa: F401
    request.go()
    store = Store(request.out("stages.parquet"))
    for frame in ingest(request.files("orders-csv", "csv")):
        store.add(transform(frame))
    store.close()


def overlapped(request):
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    request.go()
    read, done = queue.Queue(2), queue.Queue(2)

    def first():
        for frame in ingest(request.files("orders-csv", "csv")):
            read.put(frame)
        read.put(None)

    def second():
        while (frame := read.get()) is not None:
            done.put(transform(frame))
        done.put(None)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    store = Store(request.out("stages.parquet"))
    while (frame := done.get()) is not None:
        store.add(frame)
    store.close()
    for thread in threads:
        thread.join()


def answer(request):
    import pyarrow.parquet as pq
    return contract.table_digest(pq.read_table(request.out("stages.parquet")).select(COLUMNS))


contract.main(
    ours=lambda request: ["pipelines", "stages", *request.files("orders-csv", "csv"), "--workers", str(request.workers),
                          "--out", request.out("stages.parquet")],
    answer=answer,
    peers={
        "pandas, serial": (serial, ["pandas", "pyarrow"]),
        "pandas, threads and queues": (overlapped, ["pandas", "pyarrow"]),
    },
)
