"""What the programs of this folder share; see the README beside it."""

import hashlib
import importlib.util
import json
import os
import pathlib
import resource
import shutil
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


def table_digest(table):
    """The SHA-256 of an Arrow table's names and values; widths of integers, chunks and time zones do not count."""
    import pyarrow as pa
    pieces = []
    for name in table.column_names:
        column, kind = table.column(name), table.column(name).type
        if pa.types.is_integer(kind):
            column = column.cast(pa.int64())
        elif pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        elif pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_dictionary(kind):
            column = column.cast(pa.string())
        pieces.append(name.encode())
        pieces.append(json.dumps(column.to_pylist(), ensure_ascii=False).encode())
    return digest(pieces)


def installed(need):
    """Whether a module, or with `tool:` a program, is there."""
    kind, _, name = need.rpartition(":")
    return shutil.which(name) is not None if kind == "tool" else importlib.util.find_spec(name) is not None


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
        request.go()
        peers[words[0]][0](request)
        seconds = time.perf_counter() - request.started
        peak = peak_bytes()
        print(json.dumps({"answer": answer(request), "seconds": seconds, "peak_bytes": peak}))
    else:
        sys.exit(__doc__)
