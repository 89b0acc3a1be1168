"""Exercise 07, apply: an Asian call valued by simulation for every row of a table, chunk by chunk.

Random numbers are those of ChaCha8 in the stream of the row's number, as for ours, so that the values can be compared. A loop
of plain Python takes minutes for it even at `small`; what there is instead is that loop compiled by Numba, and NumPy over
the rows of a chunk.
"""

import math
from concurrent.futures import ProcessPoolExecutor

import contract

RATE, VOLATILITY, YEARS, PATHS, STEPS = 0.1, 0.3, 1.0, 32, 12
CHUNK = 4096
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def key_of(seed):
    """The eight words of ChaCha's key that a seed of 64 bits is expanded to, by PCG32."""
    words = []
    for _ in range(8):
        seed = (seed * 6364136223846793005 + 11634580027462260723) % 2**64
        mixed, turn = ((seed >> 18 ^ seed) >> 27) % 2**32, seed >> 59
        words.append((mixed >> turn | mixed << (32 - turn)) % 2**32)
    return words


def first_block(seed):
    return [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key_of(seed), 0, 0, 0, 0]


def uniforms(block, rows, count):
    """So many numbers from 0 to 1 for each row."""
    import numpy as np
    columns = []
    for number in range(-(-count // 8)):
        start = [np.full(len(rows), word, np.uint32) for word in block]
        start[12], start[14] = np.full(len(rows), number, np.uint32), rows.astype(np.uint32)
        state = [word.copy() for word in start]
        for _ in range(4):
            for a, b, c, d in QUARTERS:
                for one, two, other, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                    state[one] += state[two]
                    mixed = state[other] ^ state[one]
                    state[other] = mixed << np.uint32(turn) | mixed >> np.uint32(32 - turn)
        words = [(word + first).astype(np.uint64) for word, first in zip(state, start)]
        columns += [((high << np.uint64(32) | low) >> np.uint64(11)) * 2.0**-53 for low, high in zip(words[::2], words[1::2])]
    return np.stack(columns[:count], axis=1)


def asian_calls(prices, first_row, seed):
    """Values and standard errors of a chunk of rows."""
    import numpy as np
    pairs, draws = PATHS // 2, 2 * (-(-STEPS // 2))
    numbers = uniforms(first_block(seed), np.arange(first_row, first_row + len(prices)), pairs * draws)
    radius, angle = np.sqrt(-2 * np.log(1 - numbers[:, ::2])), 2 * np.pi * numbers[:, 1::2]
    normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(len(prices), pairs, draws)[:, :, :STEPS]
    step = YEARS / STEPS
    drift, shock = (RATE - VOLATILITY**2 / 2) * step, VOLATILITY * math.sqrt(step) * normal
    spot = prices[:, None].astype(float)
    gains = [np.maximum((spot[:, :, None] * np.exp(np.cumsum(drift + sign * shock, axis=2))).mean(axis=2) - spot, 0) for sign in (1, -1)]
    values = math.exp(-RATE * YEARS) * (gains[0] + gains[1]) / 2
    return values.mean(axis=1), values.std(axis=1, ddof=1) / math.sqrt(pairs)


def compiled():
    """The loop as one would write it in any language, compiled for all cores."""
    import numba
    import numpy as np

    @numba.njit(parallel=True)
    def all_rows(prices, block, values, errors):
        step = YEARS / STEPS
        drift, spread = (RATE - VOLATILITY**2 / 2) * step, VOLATILITY * math.sqrt(step)
        discount, pairs = math.exp(-RATE * YEARS), PATHS // 2
        for row in numba.prange(len(prices)):
            start = block.copy()
            start[14] = row
            state, at, drawn = np.empty(16, np.uint32), 16, np.empty(2)
            mean, squares, spot = 0.0, 0.0, float(prices[row])
            for pair in range(pairs):
                one, other, sum_one, sum_other = spot, spot, 0.0, 0.0
                radius, angle = 0.0, 0.0
                for number in range(STEPS):
                    if number % 2 == 0:
                        for draw in range(2):
                            if at == 16:
                                chacha8(start, state)
                                start[12] += np.uint32(1)
                                at = 0
                            whole = np.uint64(state[at + 1]) << np.uint64(32) | np.uint64(state[at])
                            drawn[draw] = np.float64(whole >> np.uint64(11)) * 2.0**-53
                            at += 2
                        radius, angle = math.sqrt(-2 * math.log(1 - drawn[0])), 2 * math.pi * drawn[1]
                        shock = spread * radius * math.cos(angle)
                    else:
                        shock = spread * radius * math.sin(angle)
                    one *= math.exp(drift + shock)
                    other *= math.exp(drift - shock)
                    sum_one += one
                    sum_other += other
                value = discount * (max(sum_one / STEPS - spot, 0.0) + max(sum_other / STEPS - spot, 0.0)) / 2
                before = value - mean
                mean += before / (pair + 1)
                squares += before * (value - mean)
            values[row], errors[row] = mean, math.sqrt(squares / (pairs - 1) / pairs)

    @numba.njit(inline="always")
    def quarter(state, a, b, c, d):
        for one, two, other, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[one] += state[two]
            mixed = state[other] ^ state[one]
            state[other] = mixed << np.uint32(turn) | mixed >> np.uint32(32 - turn)

    @numba.njit
    def chacha8(start, state):
        state[:] = start
        for _ in range(4):
            for a, b, c, d in QUARTERS:
                quarter(state, a, b, c, d)
        for word in range(16):
            state[word] += start[word]

    return all_rows


def table_of(request):
    import pyarrow.parquet as pq
    return pq.read_table(request.files("orders-parquet", "parquet")[0])


def write(request, table, values, errors):
    import pyarrow as pa
    import pyarrow.parquet as pq
    table = table.append_column("value", pa.array(values)).append_column("standard_error", pa.array(errors))
    pq.write_table(table, request.out("apply.parquet"))


def chunks(prices, seed):
    return [(prices[start:start + CHUNK], start, seed) for start in range(0, len(prices), CHUNK)]


def chunk_of_a_process(chunk):
    return asian_calls(*chunk)


def with_numpy(request):
    import numpy as np
    import pyarrow.parquet  # noqa: F401, imported before the clock starts
    request.go()
    table = table_of(request)
    made = [asian_calls(*chunk) for chunk in chunks(table["unit_price_cents"].to_numpy(), request.seed)]
    write(request, table, *map(np.concatenate, zip(*made)))


def with_processes(request):
    import numpy as np
    import pyarrow.parquet  # noqa: F401
    request.go()
    table = table_of(request)
    with ProcessPoolExecutor(max_workers=request.workers) as pool:
        made = list(pool.map(chunk_of_a_process, chunks(table["unit_price_cents"].to_numpy(), request.seed)))
    write(request, table, *map(np.concatenate, zip(*made)))


def with_numba(request):
    import numba
    import numpy as np
    import pyarrow.parquet  # noqa: F401
    numba.set_num_threads(min(request.workers, numba.config.NUMBA_NUM_THREADS))
    all_rows, block = compiled(), np.array(first_block(request.seed), np.uint32)
    # What is compiled once is not what is compared.
    all_rows(np.ones(1, np.int64), block, np.empty(1), np.empty(1))
    request.go()
    table = table_of(request)
    # A copy that may be written to, as what was compiled for.
    prices = table["unit_price_cents"].to_numpy().copy()
    values, errors = np.empty(len(prices)), np.empty(len(prices))
    all_rows(prices, block, values, errors)
    write(request, table, values, errors)


def answer(request):
    """All columns; what was computed to six digits, because every library has its own exponential function."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    table = pq.read_table(request.out("apply.parquet"))
    for name in ("value", "standard_error"):
        short = pa.array([f"{value:.6g}" for value in table[name].to_pylist()])
        table = table.set_column(table.column_names.index(name), name, short)
    return contract.table_digest(table)


contract.main(
    ours=lambda request: ["cpu-parallel", "apply", request.files("orders-parquet", "parquet")[0], "--function", "monte-carlo",
                          "--param", "spot=unit_price_cents", "--param", "strike=unit_price_cents", "--param", f"rate={RATE}",
                          "--param", f"volatility={VOLATILITY}", "--param", f"years={YEARS}", "--paths", str(PATHS),
                          "--steps", str(STEPS), "--seed", str(request.seed), "--workers", str(request.workers),
                          "--out", request.out("apply.parquet")],
    answer=answer,
    peers={
        "numpy, by chunks": (with_numpy, ["numpy", "pyarrow"]),
        "numpy, processes": (with_processes, ["numpy", "pyarrow"]),
        "numba, all cores": (with_numba, ["numba", "pyarrow"]),
    },
)
