"""Writes the columns of datagen's `orders` with NumPy and Polars: datagen_polars.py ROWS FORMAT FILE.

This is how an engineer with Python would make such a table fast: vectorised draws, categories gathered by index, notes
joined from fragments by Polars' own expressions, and Polars' own writers. Rows are made half a million at a time and
CSV is appended, so that memory stays bounded as datagen's does. Parquet is made in one piece, for Polars' writer takes
no batches.
"""

import sys

import numpy as np
import polars as pl

CATEGORIES = ["Eletrônicos", "Eletrodomésticos", "Moda", "Casa e Decoração", "Beleza e Saúde", "Alimentos e Bebidas",
              "Livros", "Brinquedos", "Esporte e Lazer", "Automotivo", "Papelaria", "Móveis"]
STATES = ["RO", "AC", "AM", "RR", "PA", "AP", "TO", "MA", "PI", "CE", "RN", "PB", "PE", "AL", "SE", "BA", "MG", "ES",
          "RJ", "SP", "PR", "SC", "RS", "MS", "MT", "GO", "DF"]
PEOPLE = np.array([1581196, 830018, 3941613, 636707, 8120131, 733759, 1511460, 6776699, 3271199, 8794957, 3302729,
                   3974687, 9058931, 3127683, 2210004, 14141626, 20539989, 3833712, 16055174, 44411238, 11444380,
                   7610361, 10882965, 2757013, 3658649, 7056495, 2817381], dtype=float)
STATUSES = ["delivered", "shipped", "processing", "cancelled", "returned", "pending"]
MONTHS = np.array([88, 82, 92, 93, 112, 95, 96, 101, 95, 99, 118, 129], dtype=float)
HOURS = np.array([16, 9, 5, 4, 4, 7, 15, 27, 42, 54, 62, 63, 58, 56, 60, 62, 61, 59, 58, 62, 68, 66, 50, 32], dtype=float)
OPENINGS = ["Entregar na portaria", "Entregar só depois das 18h", "Ligar antes de entregar", "Presente de aniversário",
            "Favor não tocar a campainha, bebê dormindo", "Deixar com a vizinha, dona Conceição",
            "Cliente pediu: \"sem sacola plástica\"", "Pedido urgente"]
MIDDLES = ["", "", "", ", o interfone não funciona", ". falar com o João ou a Inês", "\nbloco B, apartamento 302"]
BATCH = 500_000


def batch(rng, first, rows, prices, categories, days, day_shares):
    """Rows `first` to `first + rows` as a frame."""
    customers = 1_000 + (first + rows) // 8
    product = (rng.random(rows) ** 2 * 5_000).astype(np.int64)
    second = rng.choice(24, rows, p=HOURS / HOURS.sum()) * 3_600 + rng.integers(0, 3_600, rows)
    day = rng.choice(len(days), rows, p=day_shares)
    frame = pl.DataFrame({
        "order_id": np.arange(first + 1, first + rows + 1),
        "customer_id": (rng.random(rows) ** 2 * customers).astype(np.int64) + 1,
        "product_id": product + 1,
        "category": categories[product],
        "uf": rng.choice(27, rows, p=PEOPLE / PEOPLE.sum()),
        "quantity": rng.choice(np.array([1, 2, 3, 4, 5, 6, 10, 12], dtype=np.int32), rows,
                               p=[.64, .19, .08, .04, .02, .015, .01, .005]),
        "unit_price_cents": prices[product] * rng.integers(9_200, 10_801, rows) // 10_000,
        "discount_bp": rng.choice(np.array([0, 500, 750, 1000, 1250, 1500, 2000, 3000, 5000], dtype=np.int32), rows,
                                  p=[.6, .12, .02, .13, .01, .05, .04, .02, .01]),
        "status": rng.choice(6, rows, p=[.78, .08, .05, .045, .025, .02]),
        "ordered_at": (days[day] + second) * 1_000_000,
        "opening": rng.integers(0, len(OPENINGS), rows),
        "middle": rng.integers(0, len(MIDDLES), rows),
        "noted": rng.random(rows) < 0.3,
    })
    pick = lambda column, texts: pl.Series(texts).gather(frame[column]).alias(column)
    return frame.with_columns(
        pick("category", CATEGORIES), pick("uf", STATES), pick("status", STATUSES),
        pl.col("ordered_at").cast(pl.Datetime("us")),
        pick("opening", OPENINGS), pick("middle", MIDDLES),
    ).with_columns(
        note=pl.when("noted").then(pl.concat_str("opening", "middle")),
    ).drop("opening", "middle", "noted")


def main():
    rows, form, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    rng = np.random.default_rng(42)
    prices = (rng.random(5_000) ** 2 * 200_000).astype(np.int64) + 390
    categories = rng.integers(0, 12, 5_000)
    days = np.arange("2023-01-01", "2026-01-01", dtype="datetime64[D]")
    shares = MONTHS[days.astype("datetime64[M]").astype(int) % 12]
    days, shares = days.astype("datetime64[s]").astype(np.int64), shares / shares.sum()
    frames = (batch(rng, first, min(BATCH, rows - first), prices, categories, days, shares)
              for first in range(0, rows, BATCH))
    if form == "parquet":
        pl.concat(list(frames)).write_parquet(path, compression="snappy", row_group_size=65_536)
        return
    with open(path, "wb") as file:
        for number, frame in enumerate(frames):
            frame.write_csv(file, include_header=number == 0, datetime_format="%Y-%m-%d %H:%M:%S")


main()
