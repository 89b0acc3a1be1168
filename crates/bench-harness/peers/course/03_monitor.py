"""Exercise 03, monitor: one probe of each target over a connection of its own; which answer as they should."""

import csv
import time
from concurrent.futures import ThreadPoolExecutor

import contract

COUNTS = {"tiny": 10, "small": 40, "medium": 400, "large": 4000}
AT_ONCE = 256


def targets(request):
    """Path, expected status, what the body has to contain, and what it must not."""
    for n in range(COUNTS[request.scale]):
        if n % 10 == 0:
            yield f"/weather/Bel%C3%A9m?n={n}", 200, "city", None
        elif n % 10 == 5:
            yield f"/status/404?n={n}", 404, "", None
        else:
            yield f"/delay/{n % 10 % 4 * 2}?n={n}", 200, "ms", "error"


def row(target, status, body, seconds):
    path, expected, needed, unwanted = target
    met = status == expected and needed in body and (unwanted is None or unwanted not in body)
    return {"target": path, "met": str(met).lower(), "status": status, "total_us": round(seconds * 1e6)}


def write(request, rows):
    with open(request.out("probes.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, ["target", "met", "status", "total_us"])
        writer.writeheader()
        writer.writerows(rows)


def probe(request, target):
    import requests
    started = time.perf_counter()
    answer = requests.get(request.api + target[0], timeout=10, allow_redirects=False)
    return row(target, answer.status_code, answer.text, time.perf_counter() - started)


def one_by_one(request):
    import requests  # noqa: F401, imported before the clock starts
    request.go()
    write(request, [probe(request, target) for target in targets(request)])


def with_threads(request):
    import requests  # noqa: F401
    request.go()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        write(request, pool.map(lambda target: probe(request, target), targets(request)))


def with_aiohttp(request):
    import asyncio
    import aiohttp
    from yarl import URL
    request.go()

    async def look(session, target):
        started = time.perf_counter()
        async with session.get(URL(request.api + target[0], encoded=True), allow_redirects=False) as answer:
            body = await answer.text()
        return row(target, answer.status, body, time.perf_counter() - started)

    async def look_at_all():
        # A probe is a connection of its own, as for a visitor who comes for the first time.
        connector = aiohttp.TCPConnector(limit=AT_ONCE, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=10)) as session:
            return await asyncio.gather(*(look(session, target) for target in targets(request)))

    write(request, asyncio.run(look_at_all()))


def with_curl(request):
    """One curl for all; the body of each goes to a file and is looked through afterwards."""
    request.go()
    wanted = list(targets(request))
    told = '%{urlnum}\\t%{http_code}\\t%{time_total}\\n'
    lines = [f'url = "{request.api}{target[0]}"\noutput = "{request.out(f"body-{n}")}"\n' for n, target in enumerate(wanted)]
    config = f'write-out = "{told}"\nheader = "Connection: close"\nmax-time = 10\n' + "".join(lines)
    said = contract.output(["curl", "--silent", "--parallel", "--parallel-immediate", "--parallel-max", str(AT_ONCE),
                            "--config", "-"], config)
    rows = {}
    for line in said.splitlines():
        number, status, seconds = line.split("\t")
        target = wanted[int(number)]
        rows[int(number)] = row(target, int(status), open(request.out(f"body-{number}")).read(), float(seconds))
    write(request, [rows[number] for number in sorted(rows)])


def answer(request):
    with open(request.out("probes.csv"), newline="") as file:
        rows = sorted((probe["target"], probe["met"], probe["status"]) for probe in csv.DictReader(file))
    return contract.digest(" ".join(one).encode() for one in rows)


contract.main(
    ours=lambda request: ["io-concurrency", "monitor", "--scale", request.scale, "--api", request.api,
                          "--out", request.out("probes.csv")],
    answer=answer,
    peers={
        "requests, one by one": (one_by_one, ["requests"]),
        "requests, threads": (with_threads, ["requests"]),
        "aiohttp": (with_aiohttp, ["aiohttp"]),
        "curl --parallel": (with_curl, ["tool:curl"]),
    },
)
