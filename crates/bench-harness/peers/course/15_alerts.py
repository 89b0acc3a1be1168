"""Exercise 15, alerts: events in many log files, counted by rules, and alerts in the order of time.

The rules are those that `pipelines alerts --example` prints.
"""

import calendar
import functools
import json
import re
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import contract

# Name, events that are counted, window and cool-down in seconds.
RULES = [
    ("service-failing", 10, 30, 120),
    ("out-of-memory", 1, None, 1800),
    ("data-loss", 1, None, 3600),
    ("pool-exhausted", 30, 60, 600),
    ("slow-refusal", 3, 600, 3600),
    ("stuck-in-the-pool", 1, None, 3600),
]
SILENT = 600

FAILING = re.compile(r" (?:ERROR|CRITICAL) \[(\w+)\]")
SYSLOG = re.compile(r"^<13[01]>1 \S+ \S+ (\S+) ", re.M)
MEMORY = re.compile(r"out of memory, worker \d+ killed")
LOSS = re.compile(r"data loss: (\d{5,}) messages")
STUCK = re.compile(r"CRITICAL.*at pool::checkout", re.S)
STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)\.(\d{3})")
# What a line must have to be of interest to any rule, or to belong to the event above it.
WANTED = [r" (ERROR|CRITICAL) \[", r'"level":"(error|critical)"', r"^<13[01]>1 ", "out of memory, worker", "data loss: ",
          "connection pool exhausted", r"^\s", " mailer "]


@functools.lru_cache(2)
def midnight(year, month, day):
    return calendar.timegm((int(year), int(month), int(day), 0, 0, 0)) * 1000


def moment(event):
    """Milliseconds since 1970."""
    year, month, day, hour, minute, second, rest = STAMP.search(event).groups()
    return midnight(year, month, day) + (int(hour) * 3600 + int(minute) * 60 + int(second)) * 1000 + int(rest)


def hits(event):
    """The rules that an event fits, each with the value that is counted by."""
    fields = json.loads(event) if event.startswith("{") else {}
    found = FAILING.search(event) or SYSLOG.search(event)
    failing = fields.get("level") in ("error", "critical")
    if found:
        yield "service-failing", found[1]
    elif failing:
        yield "service-failing", fields["service"]
    if MEMORY.search(event):
        yield "out-of-memory", ""
    if LOSS.search(event):
        yield "data-loss", ""
    if "connection pool exhausted" in event:
        yield "pool-exhausted", fields.get("service", "")
    if fields.get("level") == "error" and fields["ms"] >= 1990:
        yield "slow-refusal", ""
    if STUCK.search(event):
        yield "stuck-in-the-pool", ""
    if " mailer " in event:
        yield "mailer-silent", ""


def events(lines):
    """Lines that begin with white space belong to the event above them."""
    event = None
    for line in lines:
        if line[:1].isspace():
            event = event + line if event else None
        else:
            if event:
                yield event
            event = line
    if event:
        yield event


def found_in(lines):
    found, last = [], None
    for event in events(lines):
        at = None
        for rule, key in hits(event):
            at = at or moment(event)
            found.append((at, rule, key))
        last = event
    return found, moment(last)


def scan(file):
    with open(file, encoding="utf-8") as lines:
        return found_in(lines)


def first_moment(file):
    with open(file, encoding="utf-8") as lines:
        return moment(next(lines))


def alerts(files, scanned):
    """Counts what was found in the order of time."""
    everything = sorted(((at, number, rule, key) for number, (found, _) in enumerate(scanned) for at, rule, key in found),
                        key=lambda hit: hit[:2])
    begin, end = min(map(first_moment, files)), max(last for _, last in scanned)
    rules = {name: rest for name, *rest in RULES}
    seen, told, heard, is_silent = {}, [], begin, False

    def listen(now):
        nonlocal is_silent
        if not is_silent and now >= heard + SILENT * 1000:
            is_silent = True
            told.append((heard + SILENT * 1000, "mailer-silent", "", "absent", 0))

    for at, _, rule, key in everything:
        listen(at)
        if rule == "mailer-silent":
            heard, is_silent = at, False
            continue
        needed, window, quiet = rules[rule]
        times, held = seen.get((rule, key)) or (deque(maxlen=needed), None)
        times.append(at)
        while window and times[0] <= at - window * 1000:
            times.popleft()
        if len(times) == needed:
            if held is None or at > held + quiet * 1000:
                told.append((at, rule, key, "count" if needed > 1 else "event", needed))
            held = at
        seen[rule, key] = times, held
    listen(end)
    return told


def write(request, scanned):
    told = alerts(request.files("logs", "log"), scanned)
    with open(request.out("alerts.ndjson"), "w") as file:
        for at, rule, key, kind, number in told:
            seconds, rest = divmod(at, 1000)
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + (f".{rest:03}".rstrip("0") if rest else "") + "Z"
            file.write(json.dumps({"rule": rule, "by": key, "at": text, "kind": kind, "events": number}) + "\n")


def one_by_one(request):
    request.go()
    write(request, [scan(file) for file in request.files("logs", "log")])


def with_threads(request):
    request.go()
    with ThreadPoolExecutor(max_workers=request.workers) as pool:
        write(request, list(pool.map(scan, request.files("logs", "log"))))


def with_processes(request):
    request.go()
    with ProcessPoolExecutor(max_workers=request.workers) as pool:
        write(request, list(pool.map(scan, request.files("logs", "log"))))


def with_ripgrep(request):
    """ripgrep keeps the lines that any rule could want; Python looks at those alone."""
    request.go()
    patterns = [word for pattern in WANTED for word in ("-e", pattern)]

    def wanted(file):
        said = contract.output(["rg", "--no-config", "--line-number", *patterns, file])
        kept, before, follows = [], 0, False
        for line in said.splitlines(keepends=True):
            number, _, text = line.partition(":")
            # A frame whose event's first line was of no interest is of none either.
            follows = not text[:1].isspace() or follows and int(number) == before + 1
            if follows:
                kept.append(text)
            before = int(number)
        with open(file, "rb") as lines:
            lines.seek(-min(16_384, lines.seek(0, 2)), 2)
            last = [text for text in lines.read().decode(errors="replace").splitlines() if not text[:1].isspace()][-1]
        return found_in(kept)[0], moment(last)

    with ThreadPoolExecutor(max_workers=request.workers) as pool:
        write(request, list(pool.map(wanted, request.files("logs", "log"))))


def answer(request):
    """Rule, value, moment and number; how a line is quoted is everybody's own."""
    rows = [json.loads(line) for line in open(request.out("alerts.ndjson"))]
    return contract.digest(sorted(" ".join(str(row[name]) for name in ("at", "rule", "by", "kind", "events")).encode() for row in rows))


contract.main(
    ours=lambda request: ["pipelines", "alerts", *request.files("logs", "log"), "--workers", str(request.workers),
                          "--out", request.out("alerts.ndjson")],
    answer=answer,
    peers={
        "python, one by one": (one_by_one, []),
        "python, threads": (with_threads, []),
        "python, processes": (with_processes, []),
        "ripgrep, then python": (with_ripgrep, ["tool:rg"]),
    },
)
