"""Writes the columns of datagen's `orders` with Faker: datagen_faker.py ROWS FILE.

This is what Faker's own documentation leads to: one call a value, in the Brazilian locale, and Python's csv module.
"""

import csv
import sys
from datetime import datetime

from faker import Faker


def main():
    rows, path = int(sys.argv[1]), sys.argv[2]
    fake = Faker("pt_BR")
    Faker.seed(42)
    categories = ["Eletrônicos", "Moda", "Casa e Decoração", "Livros", "Brinquedos", "Automotivo"]
    statuses = ["delivered", "shipped", "processing", "cancelled", "returned", "pending"]
    start, end = datetime(2023, 1, 1), datetime(2026, 1, 1)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["order_id", "customer_id", "product_id", "category", "uf", "quantity", "unit_price_cents",
                         "discount_bp", "status", "ordered_at", "note"])
        for order in range(1, rows + 1):
            writer.writerow([
                order,
                fake.random_int(1, 1_000 + order // 8),
                fake.random_int(1, 5_000),
                fake.random_element(categories),
                fake.estado_sigla(),
                fake.random_int(1, 12),
                fake.random_int(390, 899_990),
                fake.random_element([0, 500, 1_000, 2_000]),
                fake.random_element(statuses),
                fake.date_time_between(start, end).strftime("%Y-%m-%d %H:%M:%S"),
                fake.sentence(nb_words=8) if fake.random_int(1, 100) <= 30 else "",
            ])


main()
