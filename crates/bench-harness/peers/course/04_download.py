"""Exercise 04, download: many files at once, each whole."""

from concurrent.futures import ThreadPoolExecutor

import contract

SIZES = {"tiny": (6, 1, 1), "small": (10, 2, 3), "medium": (60, 8, 20), "large": (200, 20, 100)}
# The server is on this machine and answers as one that is so many milliseconds away.
FAR = {"x-fault": "latency=10"}
AT_ONCE = 16
PIECES = 4


def files(request):
    """Names and paths."""
    small, large, mib = SIZES[request.scale]
    sizes = [(f"small-{n:03}.bin", 20_000 + n * 7_001) for n in range(small)]
    sizes += [(f"large-{n:03}.bin", (mib << 20) + n) for n in range(large)]
    return [(name, f"/download/{name}?size={size}") for name, size in sizes]


def fetch(session, request, name, path):
    with session.get(request.api + path, headers=FAR, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        with open(request.out(name), "wb") as file:
            for piece in answer.iter_content(1 << 18):
                file.write(piece)


def one_by_one(request):
    import requests
    request.go()
    with requests.Session() as session:
        for name, path in files(request):
            fetch(session, request, name, path)


def with_threads(request):
    import requests
    request.go()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(lambda file: fetch(requests, request, *file), files(request)))


def with_aiohttp(request):
    import asyncio
    import aiohttp
    request.go()

    async def fetch_one(session, name, path):
        async with session.get(request.api + path) as answer:
            answer.raise_for_status()
            with open(request.out(name), "wb") as file:
                async for piece in answer.content.iter_chunked(1 << 18):
                    file.write(piece)

    async def fetch_all():
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with aiohttp.ClientSession(connector=connector, headers=FAR) as session:
            await asyncio.gather(*(fetch_one(session, *file) for file in files(request)))

    asyncio.run(fetch_all())


def with_curl(request):
    request.go()
    config = "".join(f'url = "{request.api}{path}"\noutput = "{request.out(name)}"\n' for name, path in files(request))
    contract.output(["curl", "--silent", "--show-error", "--fail", "--parallel", "--parallel-max", str(AT_ONCE),
                     "--header", "x-fault: latency=10", "--config", "-"], config)


def with_aria2(request):
    request.go()
    urls = "".join(f"{request.api}{path}\n  out={name}\n" for name, path in files(request))
    contract.output(["aria2c", "--quiet", "--no-conf", "--file-allocation=none", f"-j{AT_ONCE}", f"-x{PIECES}", f"-s{PIECES}",
                     "-k1M", "--header=x-fault: latency=10", "-d", str(request.folder), "-i", "-"], urls)


def answer(request):
    return contract.digest(open(request.out(name), "rb").read() for name, _ in files(request))


contract.main(
    ours=lambda request: ["io-concurrency", "download", "--scale", request.scale, "--api", request.api, "--no-bars",
                          "--out", str(request.folder)],
    answer=answer,
    peers={
        "requests, one by one": (one_by_one, ["requests"]),
        "requests, threads": (with_threads, ["requests"]),
        "aiohttp": (with_aiohttp, ["aiohttp"]),
        "curl --parallel": (with_curl, ["tool:curl"]),
        "aria2": (with_aria2, ["tool:aria2c"]),
    },
)
