"""Four processes increase one counter, and the sum is right, also when one of them is killed in the middle.

    python3 clients/python/examples/counter.py

framebridge.update takes the writer's lock, hands the old bytes to a function, and publishes what that returns as the new ones.
The lock is the kernel's: it goes when its holder dies. So a killed process locks nobody out, and leaves the old value or the new
one. With multiprocessing.Value and its lock, the other three would now wait for ever.
"""
import os
import signal
import sys
from contextlib import suppress
from multiprocessing import Process

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # the client, if it is not installed
import framebridge

NAME = "example.counter"


def add_one(old):
    return b"%d" % (int(old or b"0") + 1)


def die(old):
    os.kill(os.getpid(), signal.SIGKILL)  # here this process holds the lock


def work(updates, then_die):
    for _ in range(updates):
        framebridge.update(NAME, add_one, wait=30)
    if then_die:
        framebridge.update(NAME, die, wait=30)


def count(shares, killed=-1):
    """Start a process for each share of the updates. The one that is killed dies after the last of its own."""
    workers = [Process(target=work, args=(share, k == killed)) for k, share in enumerate(shares)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    counted = int(framebridge.value(NAME))
    framebridge.remove(NAME)  # a value outlives its writers
    print(f"updates: {' + '.join(map(str, shares))} = {sum(shares)}, counter: {counted}")
    return counted == sum(shares)


def main():
    with suppress(framebridge.NotFound):
        framebridge.remove(NAME)  # what a run that was interrupted may have left
    print("four processes")
    right = count([100, 100, 100, 100])
    print("again, and the second one is killed while it has the lock")
    right = count([100, 40, 100, 100], killed=1) and right
    print("right" if right else "WRONG")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
