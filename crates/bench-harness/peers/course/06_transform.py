"""Exercise 06, transform: orders with what is known of their customers, cleaned, checked and without names."""

import math
import re
import unicodedata
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import contract

PARTICLES = {"da", "de", "do", "das", "dos", "e"}
URGENT = {"urgente", "urgencia", "rapido", "imediato"}
CAPITALS = {
    "SP": (-23.5505, -46.6333), "RJ": (-22.9068, -43.1729), "ES": (-20.3155, -40.3128), "MG": (-19.9167, -43.9345),
    "BA": (-12.9714, -38.5014), "SE": (-10.9472, -37.0731), "PE": (-8.0476, -34.8770), "AL": (-9.6658, -35.7350),
    "PB": (-7.1195, -34.8450), "RN": (-5.7945, -35.2110), "CE": (-3.7172, -38.5433), "PI": (-5.0892, -42.8019),
    "MA": (-2.5307, -44.3068), "PA": (-1.4558, -48.4902), "AP": (0.0349, -51.0694), "AM": (-3.1190, -60.0217),
    "RR": (2.8235, -60.6758), "AC": (-9.9754, -67.8249), "DF": (-15.7939, -47.8828), "GO": (-16.6869, -49.2648),
    "RO": (-8.7612, -63.9004), "TO": (-10.1840, -48.3336), "MT": (-15.6014, -56.0979), "MS": (-20.4697, -54.6201),
    "PR": (-25.4284, -49.2733), "SC": (-27.5954, -48.5480), "RS": (-30.0346, -51.2177),
}
STORES = [("São Paulo", "SP"), ("Recife", "PE"), ("Manaus", "AM"), ("Porto Alegre", "RS")]
# From which first five digits on a postal code belongs to a state.
RANGES = [(1000, "SP"), (20000, "RJ"), (29000, "ES"), (30000, "MG"), (40000, "BA"), (49000, "SE"), (50000, "PE"), (57000, "AL"),
          (58000, "PB"), (59000, "RN"), (60000, "CE"), (64000, "PI"), (65000, "MA"), (66000, "PA"), (68900, "AP"),
          (69000, "AM"), (69300, "RR"), (69400, "AM"), (69900, "AC"), (70000, "DF"), (72800, "GO"), (73000, "DF"),
          (73700, "GO"), (76800, "RO"), (77000, "TO"), (78000, "MT"), (79000, "MS"), (80000, "PR"), (88000, "SC"),
          (90000, "RS")]
TEXTS = ["name", "document_kind", "document", "email", "phone_area", "phone", "cep", "uf", "store"]
COUNTS = ["note_words", "note_characters", "note_digits", "note_shouts"]
COLUMNS = ["order_id", *TEXTS, "distance_km", *COUNTS, "note_urgent"]


def without_accents(text):
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))


def clean_name(text):
    words = []
    for word in unicodedata.normalize("NFC", text).split():
        word = re.sub(r"(^|[-'’.&])(.)", lambda found: found[1] + found[2].upper(), word.lower())
        words.append(word.lower() if words and word.lower() in PARTICLES else word)
    name = " ".join(words)
    if not any(letter.isalpha() for letter in name):
        raise ValueError("a name needs a letter")
    return name


def folded(name):
    return "".join(letter for letter in without_accents(name.lower()) if letter.isalnum() or letter == " ")


def check_digit(values, heaviest):
    weights = [2 + place % (heaviest - 1) for place in range(len(values))]
    rest = sum(value * weight for value, weight in zip(reversed(values), weights)) % 11
    return 0 if rest < 2 else 11 - rest


def clean_document(text):
    text = re.sub(r"[-./ ]", "", text).upper()
    kind = {11: "cpf", 14: "cnpj"}.get(len(text))
    if kind is None or not re.fullmatch(r"[0-9]{11}|[0-9A-Z]{12}[0-9]{2}", text) or len(set(text)) == 1:
        raise ValueError("that is no document")
    values = [ord(character) - 48 for character in text]
    heaviest = 11 if kind == "cpf" else 9
    first = check_digit(values[:-2], heaviest)
    if values[-2:] != [first, check_digit([*values[:-2], first], heaviest)]:
        raise ValueError("the check digits are wrong")
    return kind, text


def clean_phone(text):
    if not re.fullmatch(r"[-()+. 0-9]*", text):
        raise ValueError("that is no telephone number")
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) >= 12 and digits.startswith("55"):
        digits = digits[2:]
    if len(digits) > 10 and digits.startswith("0"):
        digits = digits[1:]
    if not re.fullmatch(r"[1-9]{2}(9[0-9]{8}|[2-9][0-9]{7})", digits):
        raise ValueError("that is no telephone number")
    return "+55" + digits


def clean_cep(text):
    digits = re.sub(r"[-. ]", "", text)
    if not re.fullmatch(r"[0-9]{8}", digits) or digits.startswith("00"):
        raise ValueError("that is no postal code")
    return digits[:5] + "-" + digits[5:]


def state_of(cep):
    sector = int(cep[:5])
    return next(uf for start, uf in reversed(RANGES) if start <= sector)


def distance_km(one, two):
    (north, east), (to_north, to_east) = one, two
    half = lambda degrees: math.sin(math.radians(degrees) / 2)
    chord = half(to_north - north) ** 2 + math.cos(math.radians(north)) * math.cos(math.radians(to_north)) * half(to_east - east) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(chord)))


def nearest(uf):
    distance, _, store = min((distance_km(CAPITALS[uf], CAPITALS[at]), number, name) for number, (name, at) in enumerate(STORES))
    return store, math.floor(distance * 10 + 0.5) / 10


def pseudonyms(request):
    """A function from a kind of thing and a text to 32 hexadecimal digits."""
    from blake3 import blake3
    key = blake3(str(request.seed).encode(), derive_key_context="paralelo 2026-11 transform pseudonyms").digest()
    return lambda kind, text: blake3((kind + text).encode(), key=key).hexdigest(16)


def clean_customer(customer, hide):
    name, (kind, document) = clean_name(customer["name"]), clean_document(customer["document"])
    phone, cep = clean_phone(customer["phone"]), clean_cep(customer["cep"])
    email, uf = customer["email"].strip().lower(), state_of(cep)
    store, distance = nearest(uf)
    return [hide("n", folded(name)), kind, hide("d", document), hide("e", email) if email else None, phone[3:5],
            hide("p", phone), cep, uf, store, distance]


def features(note):
    words = note.split()
    digits = sum("0" <= letter <= "9" for letter in note)
    shouts, urgent = note.count("!"), False
    for word in words:
        letters = "".join(letter for letter in word if letter.isalpha())
        shouts += len(letters) >= 3 and letters.isupper()
        urgent = urgent or without_accents(letters.lower()) in URGENT
    return [len(words), len(note), digits, shouts, urgent]


def files(request):
    """This is the heaviest work of the course: a quarter of the orders."""
    every = request.files("orders-parquet", "parquet")
    return every[:math.ceil(len(every) / 4)]


def customers(request):
    import pyarrow.parquet as pq
    table = pq.read_table(request.files("customers-parquet", "parquet")[0],
                          columns=["customer_id", "name", "document", "email", "phone", "cep"])
    return {row["customer_id"]: {name: value or "" for name, value in row.items()} for row in table.to_pylist()}


def transform_file(file, request, known):
    """The rows of a file, each order with its customer cleaned anew."""
    import pyarrow.parquet as pq
    hide, rows = pseudonyms(request), []
    for order in pq.read_table(file, columns=["order_id", "customer_id", "note"]).to_pylist():
        customer = known.get(order["customer_id"])
        try:
            if customer:
                rows.append([order["order_id"], *clean_customer(customer, hide), *features(order["note"] or "")])
        except ValueError:
            pass
    return rows


def write(request, tables):
    import pyarrow as pa
    import pyarrow.parquet as pq
    rows = [row for table in tables for row in table]
    pq.write_table(pa.table(list(zip(*rows)), names=COLUMNS), request.out("transform.parquet"))


def one_process(request):
    import pyarrow.parquet  # noqa: F401, imported before the clock starts
    request.go()
    known = customers(request)
    write(request, (transform_file(file, request, known) for file in files(request)))


def with_threads(request):
    import pyarrow.parquet  # noqa: F401
    request.go()
    known = customers(request)
    with ThreadPoolExecutor(max_workers=request.workers) as pool:
        write(request, pool.map(lambda file: transform_file(file, request, known), files(request)))


def begin(request):
    global own_request, own_customers
    own_request, own_customers = request, customers(request)


def file_of_a_process(file):
    return transform_file(file, own_request, own_customers)


def with_processes(request):
    import pyarrow.parquet  # noqa: F401, inherited by the workers
    request.go()
    with ProcessPoolExecutor(max_workers=request.workers, initializer=begin, initargs=(request,)) as pool:
        write(request, pool.map(file_of_a_process, files(request)))


def with_polars(request):
    """Each customer is cleaned once, and notes are counted by columns."""
    import polars as pl
    request.go()
    hide = pseudonyms(request)
    orders = pl.read_parquet(files(request), columns=["order_id", "customer_id", "note"])
    people = pl.read_parquet(request.files("customers-parquet", "parquet")[0],
                             columns=["customer_id", "name", "document", "email", "phone", "cep"])
    people = people.join(orders, on="customer_id", how="semi").fill_null("")
    cleaned = []
    for customer in people.iter_rows(named=True):
        try:
            cleaned.append([customer["customer_id"], *clean_customer(customer, hide)])
        except ValueError:
            pass
    kinds = {"customer_id": pl.Int64, **dict.fromkeys(TEXTS, pl.String), "distance_km": pl.Float64}
    note = pl.col("note").fill_null("")
    words = note.str.extract_all(r"\S+").list.eval(pl.element().str.replace_all(r"\P{Alphabetic}", ""))
    plain = pl.element().str.to_lowercase().str.normalize("NFD").str.replace_all(r"\p{M}", "")
    loud = (pl.element().str.len_chars() >= 3) & ~pl.element().str.contains(r"\P{Uppercase}")
    table = orders.join(pl.DataFrame(cleaned, schema=kinds, orient="row"), on="customer_id", maintain_order="left")
    table.with_columns(
        words.list.len().cast(pl.Int32).alias("note_words"), note.str.len_chars().alias("note_characters"),
        note.str.count_matches("[0-9]").alias("note_digits"),
        (note.str.count_matches("!") + words.list.eval(loud).list.sum()).alias("note_shouts"),
        words.list.eval(plain.is_in(list(URGENT))).list.any().alias("note_urgent"),
    ).select(COLUMNS).write_parquet(request.out("transform.parquet"), compression="snappy")


def answer(request):
    import pyarrow.parquet as pq
    return contract.table_digest(pq.read_table(request.out("transform.parquet")).select(COLUMNS))


contract.main(
    ours=lambda request: ["cpu-parallel", "transform", *files(request), "--customers",
                          request.files("customers-parquet", "parquet")[0], "--key", str(request.seed),
                          "--workers", str(request.workers), "--out", request.out("transform.parquet")],
    answer=answer,
    peers={
        "python, one process": (one_process, ["pyarrow", "blake3"]),
        "python, threads": (with_threads, ["pyarrow", "blake3"]),
        "python, processes": (with_processes, ["pyarrow", "blake3"]),
        "polars, customers once": (with_polars, ["polars", "pyarrow", "blake3"]),
    },
)
