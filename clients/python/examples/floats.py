"""Four processes fill a big array of floats, a quarter each; a fifth one sums it in place, without a copy. Needs numpy.

    python3 clients/python/examples/floats.py

A segment has one writer, so each worker has a segment of its own, with its quarter as one frame: nobody needs a lock, and nobody
sees a quarter that is half full. The reader's arrays lie in the workers' memory. multiprocessing.Array has no such promise: who
reads early reads zeros, who dies with its lock stops all others.
"""
import math
import os
import sys
from contextlib import ExitStack
from multiprocessing import Process

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # the client, if it is not installed
import framebridge

try:
    import numpy
except ImportError:
    sys.exit("this example needs numpy: python3 -m pip install numpy")

WORKERS, EACH = 4, 500_000


def fill(k):
    """One worker. It computes in shared memory, and publishes when all of it is there."""
    with framebridge.create(f"example.part{k}", pixel_format="data", slots=2, capacity=8 * EACH) as w:
        with w.frame() as f:
            part = numpy.frombuffer(f.payload, numpy.float64)
            part[:] = numpy.arange(k * EACH, (k + 1) * EACH)
            numpy.sqrt(part, out=part)
            f.length = part.nbytes
        w.await_readers(1, timeout=10)  # and the end of the with statement waits until the reader has let its frame go


def main():
    for k in range(WORKERS):
        Process(target=fill, args=(k,)).start()
    with ExitStack() as stack:
        segments = [stack.enter_context(framebridge.open(f"example.part{k}", "lossless", wait=10)) for k in range(WORKERS)]
        parts = [numpy.frombuffer(segment.next(timeout=10).payload, numpy.float64) for segment in segments]
        total = sum(float(part.sum()) for part in parts)  # parts are theirs: read-only, and here while the segments are open
    expected = float(numpy.sqrt(numpy.arange(WORKERS * EACH, dtype=numpy.float64)).sum())
    right = math.isclose(total, expected, rel_tol=1e-12)
    print(f"{WORKERS * EACH} floats from {WORKERS} processes, sum {total:.3f}: {'right' if right else f'WRONG, it is {expected:.3f}'}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
