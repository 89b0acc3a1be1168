#!/usr/bin/env python3
"""`io-concurrency download` against curl --parallel, aria2c and aiohttp, on the same files of the same nginx.

    cargo build --release -p io-concurrency
    python3 crates/bench-harness/peers/download_compare.py [--program PATH] [--rounds 5] [--only few|many|far]

Needs nginx, curl, aria2c and, for aiohttp, `pip install aiohttp`; who is missing is left out, and said so. Every round
starts each program once, in an order that is drawn anew, on three sets: few large files, many small ones, and files of a
server that gives each connection 8 MiB a second. Every byte of every run is compared. Wall time is that of the whole
process. The CPU time of the process (user and system) stands beside it: it does not grow with the load of the machine.
"""

import argparse
import filecmp
import json
import os
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETS = {
    "few": {"files": 4, "size": 64 << 20, "prefix": "/"},
    "many": {"files": 2_000, "size": 20_000, "prefix": "/"},
    "far": {"files": 2, "size": 24 << 20, "prefix": "/far/"},
}
AT_ONCE = 16
PIECES = 4

AIOHTTP = """
import asyncio, sys, aiohttp
async def main(urls, out):
    room = asyncio.Semaphore(%d)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def one(url):
            async with room, session.get(url) as answer:
                answer.raise_for_status()
                with open(f"{out}/{url.rsplit('/', 1)[1]}", "wb") as file:
                    async for piece in answer.content.iter_chunked(1 << 18):
                        file.write(piece)
        await asyncio.gather(*map(one, urls))
asyncio.run(main(open(sys.argv[1]).read().split(), sys.argv[2]))
""" % AT_ONCE

NGINX = """
worker_processes 1; daemon off; pid {home}/nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; root {files};
  client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{ listen 127.0.0.1:{port}; location /far/ {{ alias {files}/; limit_rate 8m; }} }}
}}
"""


def serve(home, files):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = home / "nginx.conf"
    configuration.write_text(NGINX.format(home=home, files=files, port=port))
    nginx = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", configuration, "-p", home])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return nginx, f"http://127.0.0.1:{port}"
        time.sleep(0.01)
    raise SystemExit("nginx does not answer")


def commands(program, urls, lists, out):
    """The programs, each with the same number of files at once, and pieces where it has them."""
    config = lists / "curl"
    config.write_text("".join(f'url = "{url}"\noutput = "{out}/{url.rsplit("/", 1)[1]}"\n' for url in urls))
    plain = lists / "urls"
    plain.write_text("\n".join(urls) + "\n")
    all_of_them = {
        "paralelo": [program, "download", "--quiet", "--no-bars", "--list", plain, "--out", out,
                     "--concurrency", AT_ONCE, "--segments", PIECES],
        "curl": ["curl", "--silent", "--show-error", "--fail", "--parallel", "--parallel-max", AT_ONCE, "--config", config],
        "aria2c": ["aria2c", "--quiet", "--allow-overwrite=true", "--file-allocation=none", f"-j{AT_ONCE}",
                   f"-x{PIECES}", f"-s{PIECES}", "-k1M", "-d", out, "-i", plain],
        "aiohttp": [sys.executable, "-c", AIOHTTP, plain, out],
    }
    there = {}
    for name, command in all_of_them.items():
        found = shutil.which(str(command[0]))
        if name == "aiohttp":
            found = subprocess.run([sys.executable, "-c", "import aiohttp"], capture_output=True).returncode == 0
        if found:
            there[name] = list(map(str, command))
        else:
            print(f"{name} is not here and is left out", file=sys.stderr)
    return there


def sample(command, out, files, names):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {ended.stderr.decode()}")
    for name in names:
        if not filecmp.cmp(files / name, out / name, shallow=False):
            raise SystemExit(f"{command[0]}: {name} differs")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/io-concurrency")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    order = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        home.chmod(0o755)  # The workers of nginx are nobody.
        files = home / "files"
        files.mkdir()
        nginx, base = serve(home, files)
        try:
            for name, plan in SETS.items():
                if args.only in (None, name):
                    measure(name, plan, args, order, home, files, base)
        finally:
            nginx.terminate()
            nginx.wait()


def measure(name, plan, args, order, home, files, base):
    names = [f"{name}-{number:05}.bin" for number in range(plan["files"])]
    for file in names:
        pieces, rest = divmod(plan["size"], 1 << 20)
        (files / file).write_bytes(b"".join(order.randbytes(length) for length in [1 << 20] * pieces + [rest]))
    out = home / "out"
    lists = home / "lists"
    lists.mkdir(exist_ok=True)
    programs = commands(args.program, [base + plan["prefix"] + file for file in names], lists, out)
    samples = {peer: [] for peer in programs}
    for round in range(args.rounds + 1):
        turn = list(programs)
        order.shuffle(turn)
        for peer in turn:
            took = sample(programs[peer], out, files, names)
            if round > 0:  # The first round warms up.
                samples[peer].append(took)
    ours = statistics.median(wall for wall, _ in samples["paralelo"])
    for peer, taken in samples.items():
        wall = statistics.median(wall for wall, _ in taken)
        cpu = statistics.median(cpu for _, cpu in taken)
        print(json.dumps({"set": name, "program": peer, "files": plan["files"], "bytes": plan["files"] * plan["size"],
                          "wall_s": round3(wall), "cpu_s": round3(cpu), "ours_to_it": round3(ours / wall),
                          "load": round3(os.getloadavg()[0])}), flush=True)
    for file in names:
        (files / file).unlink()


def round3(number):
    return round(number, 3)


if __name__ == "__main__":
    main()
