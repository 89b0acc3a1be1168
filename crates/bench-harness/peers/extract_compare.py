"""Compares `pipelines extract` with a loop of aiohttp on the simulated API: interleaved rounds, medians, tables checked equal.

    cargo build --release -p pipelines -p mock-api
    python -m venv venv && venv/bin/pip install aiohttp==3.14.5
    target/release/mock-api --port 8123 --orders 100000
    venv/bin/python extract_compare.py --program target/release/pipelines --api http://127.0.0.1:8123

`loop` is what tutorials show: one page after another in one session, appended to a list, written as NDJSON. `gather` asks
for all pages at once through a semaphore, as a careful user of aiohttp would. Under a limit of 50 requests a second, the time
is compared with the least that the limit allows: (requests - burst) / rate. It is told by the user, told by the server's header
fields, or learnt from refusals; each refusal asks for a second, so learning costs the same whatever is asked for after it.
"""

import argparse
import asyncio
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request


async def extract(kind, url, out, size):
    import aiohttp
    async with aiohttp.ClientSession() as session:
        async def page(number):
            async with session.get(url, params={"page": number, "page_size": size}) as answer:
                answer.raise_for_status()
                return await answer.json()
        first = await page(1)
        rest = range(2, first["pages"] + 1)
        if kind == "loop":
            pages = [first] + [await page(number) for number in rest]
        else:
            gate = asyncio.Semaphore(16)
            async def gated(number):
                async with gate:
                    return await page(number)
            pages = [first, *await asyncio.gather(*map(gated, rest))]
    with open(out, "w") as file:
        for one in pages:
            for item in one["items"]:
                file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")


def run(command):
    started = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def ask(api, method, path, body=None):
    request = urllib.request.Request(api + path, method=method, data=body, headers={"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program")
    parser.add_argument("--api", required=True)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, out = arguments.child
        asyncio.run(extract(kind, arguments.api + "/orders", out, arguments.size))
        return
    with tempfile.TemporaryDirectory() as folder:
        out = {name: pathlib.Path(folder, name + ".ndjson") for name in ("paralelo", "loop", "gather")}
        common = ["--api", arguments.api, "--size", arguments.size]
        commands = {"paralelo": [arguments.program, "extract", *common, "--out", out["paralelo"]]}
        for name in ("loop", "gather"):
            commands[name] = [sys.executable, __file__, *common, "--child", name, out[name]]
        taken = {name: [] for name in commands}
        for number in range(arguments.rounds + 1):
            for name, command in commands.items():
                wall = run(command)
                if number:
                    taken[name].append(wall)
        tables = {name: [json.loads(line) for line in open(path)] for name, path in out.items()}
        if not tables["paralelo"] == tables["loop"] == tables["gather"]:
            sys.exit("error: the tables differ")
        base = statistics.median(taken["paralelo"])
        print(f"calm: {len(tables['loop'])} records, load {os.getloadavg()[0]:.1f}")
        for name, times in taken.items():
            print(f"{name:10} {statistics.median(times):8.3f} s  {statistics.median(times) / base:6.2f} x ours")
        calm = ask(arguments.api, "GET", "/admin/profile")
        try:
            for name, by_server, told, size in (
                ("told by the user", False, ["--rate", "50", "--burst", "10"], arguments.size),
                ("told by the server", True, [], arguments.size),
                ("learnt", False, [], arguments.size),
                ("learnt, of five times as many pages", False, [], arguments.size // 5),
            ):
                limit = {"per_second": 50.0, "burst": 10, "told": by_server}
                ask(arguments.api, "PUT", "/admin/profile", json.dumps({"name": "limited", "rate_limit": limit}).encode())
                ask(arguments.api, "POST", "/admin/reset")
                wall = run([*commands["paralelo"], *told, "--size", size, "--header", "X-Client-Id: compare"])
                ledger = ask(arguments.api, "GET", "/admin/ledger?client=compare")["clients"][0]
                served = ledger["requests"] - ledger["limit_violations"]
                least = (served - 10) / 50
                print(f"limited, {name}: {wall:.2f} s, {wall / least:.3f} x the least of {served} requests, "
                      f"{ledger['limit_violations']} refusals, {ledger['impatient_retries']} impatient", flush=True)
        finally:
            ask(arguments.api, "PUT", "/admin/profile", json.dumps(calm).encode())


if __name__ == "__main__":
    main()
