#!/usr/bin/env python3
"""Holds many connections open on mock-api, serves every one of them in several rounds, and tells the server's memory.

    crates/bench-harness/peers/mock_api_connections.py PROGRAM [CONNECTIONS] [ROUNDS]

Ends with 1 if a connection was refused, lost or answered wrongly, or if the server's peak memory passed 300 MB.
"""

import asyncio
import resource
import subprocess
import sys
import time

REQUEST = b"GET /weather/Lisboa HTTP/1.1\r\nhost: test\r\n\r\n"
LIMIT_KB = 300_000


def status(pid: int, key: str) -> int:
    """A number of kilobytes from the system's account of a process."""
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(REQUEST)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    body = await asyncio.wait_for(reader.readexactly(length), 30)
    return head.startswith(b"HTTP/1.1 200") and b'"city":"Lisboa"' in body


async def hold(port: int, pid: int, count: int, rounds: int) -> int:
    began = time.monotonic()
    opened = []
    for first in range(0, count, 500):
        batch = (asyncio.open_connection("127.0.0.1", port) for _ in range(min(500, count - first)))
        opened += await asyncio.gather(*batch)
    print(f"{len(opened)} connections open after {time.monotonic() - began:.1f} s, server at {status(pid, 'VmRSS:')} kB")
    wrong = 0
    for number in range(1, rounds + 1):
        began = time.monotonic()
        answers = await asyncio.gather(*(ask(*pair) for pair in opened), return_exceptions=True)
        wrong += sum(answer is not True for answer in answers)
        print(f"round {number}: {answers.count(True)} served in {time.monotonic() - began:.1f} s")
    peak = status(pid, "VmHWM:")
    print(f"server's peak memory {peak} kB, {wrong} wrong or lost")
    for _, writer in opened:
        writer.close()
    return int(wrong > 0 or peak > LIMIT_KB)


def main() -> int:
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # The server ends when this pipe closes, however this script ends.
    server = subprocess.Popen(
        [sys.argv[1], "--port", "0", "--stop-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        return asyncio.run(hold(port, server.pid, count, rounds))
    finally:
        server.stdin.close()
        server.wait(timeout=30)


sys.exit(main())
