"""Exercise 01, crawl: many endpoints into one NDJSON file, in the order of the list."""

import json
from concurrent.futures import ThreadPoolExecutor

import contract

CITIES = ["São Paulo", "Rio de Janeiro", "Belém", "Recife", "Curitiba", "Manaus", "Porto Alegre", "Goiânia", "Natal", "Cuiabá"]
SIZES = {"tiny": (12, 10), "small": (36, 10), "medium": (200, 50), "large": (1000, 50)}


def paths(request):
    count, delay = SIZES[request.scale]
    for n in range(count):
        if n % 6 == 0:
            yield f"/weather/{CITIES[n // 6 % len(CITIES)]}"
        elif n % 6 == 3:
            yield f"/orders?page={1 + n // 6}&page_size=50"
        else:
            yield f"/delay/{delay}?n={n}"


def write(request, pages):
    with open(request.out("pages.ndjson"), "w") as file:
        for path, (status, body) in zip(paths(request), pages):
            file.write(json.dumps({"url": path, "status": status, "body": body}, ensure_ascii=False) + "\n")


def with_requests(request):
    import requests
    request.go()
    with requests.Session() as session:
        answers = (session.get(request.api + path, timeout=60) for path in paths(request))
        write(request, [(answer.status_code, answer.json()) for answer in answers])


def with_thread_pool(request):
    import requests
    request.go()

    def fetch(path):
        answer = requests.get(request.api + path, timeout=60)
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(max_workers=32) as pool:
        write(request, pool.map(fetch, paths(request)))


def with_aiohttp(request):
    import asyncio
    import aiohttp
    request.go()

    async def fetch(session, path):
        async with session.get(request.api + path) as answer:
            return answer.status, await answer.json()

    async def fetch_all():
        async with aiohttp.ClientSession() as session:
            return await asyncio.gather(*(fetch(session, path) for path in paths(request)))

    write(request, asyncio.run(fetch_all()))


def answer(request):
    pages = [json.loads(line) for line in open(request.out("pages.ndjson"))]
    return contract.digest(json.dumps([page["url"], page["status"], page["body"]], sort_keys=True).encode() for page in pages)


contract.main(
    ours=lambda request: ["io-concurrency", "crawl", "--scale", request.scale, "--api", request.api,
                          "--out", request.out("pages.ndjson")],
    answer=answer,
    peers={
        "requests, one by one": (with_requests, ["requests"]),
        "requests, 32 threads": (with_thread_pool, ["requests"]),
        "aiohttp": (with_aiohttp, ["aiohttp"]),
    },
)
