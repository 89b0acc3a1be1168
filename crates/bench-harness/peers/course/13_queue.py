"""Exercise 13, queue: many producers, many consumers, and a bounded queue between them.

The messages are files here, so that everybody has the same: eight of them, one line in a thousand broken.
"""

import asyncio
import json
import multiprocessing
import pathlib
import queue
import random
import threading

import contract

COUNTS = {"tiny": 8_000, "small": 20_000, "medium": 800_000, "large": 8_000_000}
PRODUCERS, ROOM = 2, 256


def sources(request):
    """Makes the files before the clock starts; the same for a seed."""
    folder = pathlib.Path(request.out("in"))
    folder.mkdir()
    dice = random.Random(request.seed)
    for part in range(8):
        with open(folder / f"made-{part}.ndjson", "w") as file:
            for number in range(COUNTS[request.scale] // 8):
                end = "" if dice.random() < 0.001 else "}"
                account, cents = int(dice.random() * 10_000), int(dice.random() * 1_000_000)
                file.write(f'{{"account": {account}, "cents": {cents}, "kind": "transfer", "number": {number}{end}\n')
    return sorted(map(str, folder.iterdir()))


def messages(files, producer):
    """What one of the producers reads: file, line, text."""
    for number in range(producer, len(files), PRODUCERS):
        for line, text in enumerate(open(files[number])):
            yield number, line, text.rstrip("\n")


def process(text):
    """A canonical form with its fingerprint, and whether the message could be processed."""
    from blake3 import blake3
    try:
        record = json.loads(text)
    except ValueError:
        return text, False
    plain = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    record["blake3"] = blake3(plain.encode()).hexdigest()[:16]
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False), True


def write(request, done):
    """In the order of the sources."""
    with open(request.out("queue.ndjson"), "w") as good, open(request.out("queue.ndjson.dead"), "w") as dead:
        for number, line, (text, is_good) in sorted(done):
            if is_good:
                good.write(text + "\n")
            else:
                dead.write(json.dumps({"file": number, "line": line + 1, "text": text}) + "\n")


def one_loop(request):
    import blake3  # noqa: F401, imported before the clock starts
    files = sources(request)
    request.go()
    write(request, [(number, line, process(text)) for producer in range(PRODUCERS)
                    for number, line, text in messages(files, producer)])


def produce(files, producer, line):
    for message in messages(files, producer):
        line.put(message)


def consume(line, done):
    """Until there is no message left; what was made of them goes on all at once."""
    made = [(number, at, process(text)) for number, at, text in iter(line.get, None)]
    done.put(made)


def pass_on(request, files, worker, line, done):
    """Producers and consumers are threads or processes, as is the queue between them."""
    producers = [worker(target=produce, args=(files, number, line)) for number in range(PRODUCERS)]
    consumers = [worker(target=consume, args=(line, done)) for _ in range(request.workers)]
    for one in producers + consumers:
        one.daemon = True
        one.start()
    for producer in producers:
        producer.join()
    for _ in consumers:
        line.put(None)
    write(request, [message for _ in consumers for message in done.get()])
    for consumer in consumers:
        consumer.join()


def with_threads(request):
    import blake3  # noqa: F401
    files = sources(request)
    request.go()
    pass_on(request, files, threading.Thread, queue.Queue(ROOM), queue.Queue())


def with_processes(request):
    import blake3  # noqa: F401
    files = sources(request)
    request.go()
    pass_on(request, files, multiprocessing.Process, multiprocessing.Queue(ROOM), multiprocessing.Queue())


def with_asyncio(request):
    import blake3  # noqa: F401
    files = sources(request)
    request.go()

    async def run():
        line, done = asyncio.Queue(ROOM), []

        async def producer(number):
            for message in messages(files, number):
                await line.put(message)

        async def consumer():
            while (message := await line.get()) is not None:
                done.append((message[0], message[1], process(message[2])))

        consumers = [asyncio.create_task(consumer()) for _ in range(request.workers)]
        await asyncio.gather(*map(producer, range(PRODUCERS)))
        for _ in consumers:
            await line.put(None)
        await asyncio.gather(*consumers)
        return done

    write(request, asyncio.run(run()))


def answer(request):
    """What was processed byte for byte, and which lines were not; why not is said in everybody's own words."""
    dead = [json.loads(line) for line in open(request.out("queue.ndjson.dead"))]
    return contract.digest([open(request.out("queue.ndjson"), "rb").read(),
                            repr([(letter["line"], letter["text"]) for letter in dead]).encode()])


contract.main(
    ours=lambda request: ["pipelines", "queue", *sources(request), "--workers", str(request.workers), "--producers",
                          str(PRODUCERS), "--room", str(ROOM), "--out", request.out("queue.ndjson")],
    answer=answer,
    peers={
        "python, one loop": (one_loop, ["blake3"]),
        "queue.Queue, threads": (with_threads, ["blake3"]),
        "multiprocessing.Queue": (with_processes, ["blake3"]),
        "asyncio.Queue": (with_asyncio, ["blake3"]),
    },
)
