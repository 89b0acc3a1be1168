"""What the programs of this folder share; see the README beside it."""

import hashlib
import importlib.util
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time


class Request:
    """What one call is about."""

    def __init__(self, text):
        fields = json.loads(text)
        self.data = pathlib.Path(fields["data"])
        self.folder = pathlib.Path(fields["out"])
        self.api, self.workers, self.scale, self.seed = (fields[name] for name in ("api", "workers", "scale", "seed"))
        self.started = None

    def raw(self, name):
        """A part of the lab's own data, as text."""
        return str(self.data / name)

    def files(self, name, suffix):
        """The files of a part of the lab's own data, in their order."""
        return sorted(str(path) for path in (self.data / name).glob(f"*.{suffix}"))

    def out(self, name):
        """A place for output, as text."""
        return str(self.folder / name)

    def go(self):
        """Starts the clock. A peer calls it when it has imported what it needs."""
        self.started = time.perf_counter()


def digest(pieces):
    """The SHA-256 of some pieces of bytes, each framed by its length."""
    hasher = hashlib.sha256()
    for piece in pieces:
        hasher.update(len(piece).to_bytes(8, "little"))
        hasher.update(piece)
    return hasher.hexdigest()


def plain_table(table):
    """The table with one width of integers, one kind of text, and moments without a zone."""
    import pyarrow as pa
    for at, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_integer(kind):
            kind = pa.int64()
        elif pa.types.is_timestamp(kind):
            kind = pa.timestamp("us")
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_dictionary(kind):
            kind = pa.large_string()
        elif pa.types.is_floating(kind):
            kind = pa.float64()
        table = table.set_column(at, pa.field(field.name, kind), table.column(at).cast(kind))
    return table


def table_digest(table):
    """The SHA-256 of an Arrow table's names and values; widths of integers, chunks and time zones do not count."""
    import pyarrow as pa
    import pyarrow.compute as pc
    pieces = []
    for name, column in zip(table.column_names, plain_table(table).columns):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        pieces += [name.encode(), pc.is_valid(column).cast(pa.int8()).to_numpy().tobytes()]
        if pa.types.is_large_string(column.type):
            column = column.fill_null("")
            pieces.append(pc.binary_length(column).to_numpy(zero_copy_only=False).tobytes())
            pieces.append("".join(column.to_pylist()).encode())
        else:
            empty = False if pa.types.is_boolean(column.type) else pa.scalar(0, pa.int64()).cast(column.type)
            pieces.append(column.fill_null(empty).to_numpy(zero_copy_only=False).tobytes())
    return digest(pieces)


def output(command, text=""):
    """What a program says that gets a text; it must succeed."""
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


def installed(need):
    """Whether a module is there, or with `tool:` a program, or with `extension:` one of DuckDB's extensions."""
    kind, _, name = need.rpartition(":")
    if kind == "tool":
        return shutil.which(name) is not None
    if kind == "extension":
        return has_extension(name)
    return importlib.util.find_spec(name) is not None


def has_extension(name):
    """Whether DuckDB has this extension here. It is not fetched: whoever wants the peer runs `INSTALL` once."""
    if importlib.util.find_spec("duckdb") is None:
        return False
    import duckdb
    rows = duckdb.sql("select extension_name from duckdb_extensions() where installed").fetchall()
    return (name,) in rows or (f"{name}_scanner",) in rows


def peak_bytes():
    """The peak of this process and of the largest child, in bytes."""
    status = pathlib.Path("/proc/self/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def main(ours, answer, peers):
    """The whole program."""
    command, words = sys.argv[1], sys.argv[2:]
    if command == "list":
        rows = [{"peer": name, "missing": [need for need in needs if not installed(need)]}
                for name, (_, needs) in peers.items()]
        print(json.dumps(rows))
        return
    request = Request(words[-1])
    if command == "ours":
        print(json.dumps(ours(request)))
    elif command == "answer":
        print(json.dumps({"answer": answer(request), "seconds": 0.0, "peak_bytes": 0}))
    elif command == "run":
        os.environ["POLARS_MAX_THREADS"] = str(request.workers)
        call, needs = peers[words[0]]
        if "pyarrow" in needs:
            # Its first read would load these, in up to half a second that is no part of the work.
            import pyarrow.dataset  # noqa: F401
            import pyarrow.parquet  # noqa: F401
        request.go()
        call(request)
        seconds = time.perf_counter() - request.started
        peak = peak_bytes()
        print(json.dumps({"answer": answer(request), "seconds": seconds, "peak_bytes": peak}))
    else:
        sys.exit(__doc__)
