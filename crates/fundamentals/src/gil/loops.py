"""The loops of the lesson, in Python. `model.rs` has the same ones in Rust, and the answers must be equal.

    loops.py WORK WAY WORKERS AMOUNT LOCKED

WORK is `compute` (AMOUNT steps of a small generator for each worker) or `wait` (AMOUNT milliseconds for each worker);
WAY is `one` (a worker after the other), `threads` or `processes`; LOCKED is 1 if all workers share one more lock.
Prints `ready`, then the seconds it took and one answer for each worker.
"""

import multiprocessing
import sys
import threading
import time


def compute(x, steps, lock):
    if lock:
        lock.acquire()
    for _ in range(steps):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    if lock:
        lock.release()
    return x


def wait(x, milliseconds, lock):
    if lock:
        lock.acquire()
    time.sleep(milliseconds / 1000)
    if lock:
        lock.release()
    return x


def main(work, way, workers, amount, locked):
    work = {"compute": compute, "wait": wait}[work]
    answers = [0] * workers
    context = multiprocessing.get_context("fork")
    lock = (context.Lock() if way == "processes" else threading.Lock()) if locked else None

    def thread(number):
        answers[number] = work(number, amount, lock)

    def process(number, answer):
        answer.put((number, work(number, amount, lock)))

    print("ready", flush=True)
    started = time.perf_counter()
    if way == "one":
        for number in range(workers):
            thread(number)
    elif way == "threads":
        threads = [threading.Thread(target=thread, args=(number,)) for number in range(workers)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    else:
        answer = context.SimpleQueue()
        processes = [context.Process(target=process, args=(number, answer)) for number in range(workers)]
        for one in processes:
            one.start()
        for _ in processes:
            number, value = answer.get()
            answers[number] = value
        for one in processes:
            one.join()
    print(time.perf_counter() - started, *answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "1")
