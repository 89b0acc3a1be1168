"""Compares `io-concurrency crawl` with aiohttp for the same parsed answer, and with what a load generator reaches.

    cargo build --release -p io-concurrency -p mock-api
    python -m venv venv && venv/bin/pip install aiohttp
    venv/bin/python crawl_compare.py --program target/release/io-concurrency --api target/release/mock-api --rounds 5

All ask one server (mock-api, started here on a free port) for the same URLs over as many connections. crawl and aiohttp read
each body as JSON and write it to a file in the order of the URLs; those files are compared. oha, or wrk where it is not
installed, throws the bodies away: it says what the server and the machine give, and is asked for the same seconds. Rounds are
interleaved, medians shown. The clock runs around whole processes, but not around imports of Python. With --limit the crawl
has 256 file descriptors, and its peak memory is shown.
"""

import argparse
import asyncio
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


async def fetch_all(urls, out, connections):
    import aiohttp
    results = [None] * len(urls)
    queue = iter(enumerate(urls))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        async def worker():
            for number, url in queue:
                async with session.get(url) as answer:
                    results[number] = {"url": url, "status": answer.status, "body": await answer.json()}
        await asyncio.gather(*(worker() for _ in range(connections)))
    with open(out, "w") as file:
        for result in results:
            file.write(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")


def aiohttp_run(urls, out, connections):
    import aiohttp  # noqa: F401, imported before the clock runs
    started = time.perf_counter()
    asyncio.run(fetch_all(urls, out, connections))
    return time.perf_counter() - started


def crawl_run(program, listed, out, connections, descriptors=None):
    limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
    started = time.perf_counter()
    process = subprocess.Popen([program, "crawl", "--quiet", "--urls", listed, "--concurrency", str(connections), "--out", out],
                               preexec_fn=limit)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit("error: the crawl failed")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def generator_run(name, url, connections, seconds):
    if name == "oha":
        said = subprocess.run(["oha", "--no-tui", "-c", str(connections), "-z", f"{seconds}s", "--output-format", "json", url],
                              check=True, capture_output=True, text=True).stdout
        return json.loads(said)["summary"]["requestsPerSec"]
    said = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def lasting(path):
    with open(path) as lines:
        return [(one["url"], one["status"], one["body"]) for one in map(json.loads, lines)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--api", required=True, help="the program mock-api")
    parser.add_argument("--urls", type=int, default=100_000)
    parser.add_argument("--path", default="/weather/Natal?n={n}")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", action="store_true", help="instead: 100,000 URLs with 256 file descriptors")
    arguments = parser.parse_args()
    generator = "oha" if shutil.which("oha") else "wrk"
    server = subprocess.Popen([arguments.api, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE, text=True)
    try:
        base = re.search(r"http://\S+", server.stdout.readline()).group(0).rstrip("/")
        with tempfile.TemporaryDirectory() as scratch:
            count = 100_000 if arguments.limit else arguments.urls
            urls = [base + arguments.path.format(n=n) for n in range(count)]
            listed, ours, theirs = (str(pathlib.Path(scratch) / name) for name in ("urls", "ours.ndjson", "theirs.ndjson"))
            pathlib.Path(listed).write_text("\n".join(urls) + "\n")
            if arguments.limit:
                taken, peak = crawl_run(arguments.program, listed, ours, 256, descriptors=256)
                whole = sum(1 for status in (one[1] for one in lasting(ours)) if status == 200)
                print(f"{whole} of {count} pages in {taken:.1f} s with 256 file descriptors, {peak / 1e6:.1f} MB at the most")
                sys.exit(0 if whole == count and peak < 100e6 else 1)
            samples = {"crawl": [], "aiohttp": [], generator: []}
            for number in range(arguments.rounds + 1):
                print(f"round {number} of {arguments.rounds}", file=sys.stderr)
                crawl, _ = crawl_run(arguments.program, listed, ours, arguments.connections)
                python = aiohttp_run(urls, theirs, arguments.connections)
                rate = generator_run(generator, urls[0], arguments.connections, 3)
                if number == 0:
                    equal = lasting(ours) == lasting(theirs)
                    continue
                samples["crawl"].append(count / crawl)
                samples["aiohttp"].append(count / python)
                samples[generator].append(rate)
            medians = {name: statistics.median(rates) for name, rates in samples.items()}
            print(f"{'':<10}{'pages/s':>10}{'crawl has':>12}   answers {'equal' if equal else 'DIFFER'}")
            for name, median in medians.items():
                print(f"{name:<10}{median:>10.0f}{medians['crawl'] / median:>11.2f}x")
            sys.exit(0 if equal else 1)
    finally:
        server.stdin.close()
        server.terminate()
        server.wait()


main()
