"""Exercise 12, extract: an API that gives its records out in pages becomes one table."""

import json
from concurrent.futures import ThreadPoolExecutor

import contract

SIZE = 200
AT_ONCE = 16


def write(request, pages):
    with open(request.out("orders.ndjson"), "w") as file:
        for page in pages:
            for record in page["items"]:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


def get(session, request, number):
    answer = session.get(request.api + "/orders", params={"page": number, "page_size": SIZE}, timeout=60)
    answer.raise_for_status()
    return answer.json()


def one_by_one(request):
    import requests
    request.go()
    with requests.Session() as session:
        pages = [get(session, request, 1)]
        pages += [get(session, request, number) for number in range(2, pages[0]["pages"] + 1)]
    write(request, pages)


def with_threads(request):
    import requests
    request.go()
    first = get(requests, request, 1)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        write(request, [first, *pool.map(lambda number: get(requests, request, number), range(2, first["pages"] + 1))])


def with_aiohttp(request):
    import asyncio
    import aiohttp
    request.go()

    async def fetch_all():
        gate = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession() as session:
            async def fetch(number):
                async with gate, session.get(request.api + "/orders", params={"page": number, "page_size": SIZE}) as answer:
                    answer.raise_for_status()
                    return await answer.json()

            first = await fetch(1)
            return [first, *await asyncio.gather(*map(fetch, range(2, first["pages"] + 1)))]

    write(request, asyncio.run(fetch_all()))


def answer(request):
    return contract.digest(json.dumps(json.loads(line), sort_keys=True).encode() for line in open(request.out("orders.ndjson")))


contract.main(
    ours=lambda request: ["pipelines", "extract", "/orders", "--api", request.api, "--size", str(SIZE),
                          "--out", request.out("orders.ndjson")],
    answer=answer,
    peers={
        "requests, one by one": (one_by_one, ["requests"]),
        "requests, threads": (with_threads, ["requests"]),
        "aiohttp, semaphore": (with_aiohttp, ["aiohttp"]),
    },
)
