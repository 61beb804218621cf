"""The other process of the tests: reads or writes a segment and prints a line for each frame, as clients/testwriter does:

    generation number pts time_base width height format length md5

Exit codes: 0 the clean end, 3 the writer died, 4 evicted, 5 not found, damaged or not trusted, 1 any other error of framebridge.
"""
import argparse
import hashlib
import os
import sys
import time
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import framebridge

CODES = {framebridge.WriterDied: 3, framebridge.Evicted: 4, framebridge.NotFound: 5, framebridge.Damaged: 5, framebridge.Untrusted: 5}


def show(f, payload):
    base = Fraction(f.time_base or 0)
    print(f.generation, f.number, "-" if f.pts is None else f.pts, f"{base.numerator}/{base.denominator}", f.width, f.height, f.pixel_format,
          len(payload), hashlib.md5(payload).hexdigest(), flush=True)


def read(o):
    with framebridge.open(o.name, o.mode, wait=o.wait, label="peer") as seg:
        for frame in seg:
            time.sleep(o.pause)
            show(frame, frame.payload)
            del frame  # a copy's memory is used again
        if seg.source.state == "failed":
            print("source failed:", seg.source.error)


def content(i, size):
    """The bytes that testwriter fills frame i with."""
    return bytes((i * 7 + k * 13 + (k >> 8)) & 255 for k in range(size))


def write(o):
    width, height = (0, 0) if o.format == "data" else (64, 36)
    with framebridge.create(o.name, width, height, o.format, slots=o.slots, lossless=o.lossless, evict_after=o.evict_after, linger=o.linger,
                            time_base=Fraction(1, 90000)) as w:
        if not o.fps:
            w.await_readers(1, 30)
        for i in range(o.frames):
            with w.frame() as f:
                f.data = content(i, i * 37 % len(f.payload) if o.format == "data" else len(f.payload))
                f.pts, f.meta = i * 3003, {"i": i}
                show(f, f.data)
            if o.fps:
                time.sleep(1 / o.fps)
        if o.fail:
            raise RuntimeError(o.fail)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    r = commands.add_parser("read")
    r.add_argument("name")
    r.add_argument("--mode", default="newest")
    r.add_argument("--wait", type=float, default=5)
    r.add_argument("--pause", type=float, default=0)
    w = commands.add_parser("write")
    w.add_argument("name")
    w.add_argument("frames", type=int)
    w.add_argument("fps", type=float, help="0: as fast as the readers allow, beginning with the first one that registers")
    w.add_argument("--format", default="rgba")
    w.add_argument("--slots", type=int, default=4)
    w.add_argument("--lossless", default="wait")
    w.add_argument("--evict-after", type=float, default=5)
    w.add_argument("--linger", type=float, default=2)
    w.add_argument("--fail", help="end with this error")
    o = parser.parse_args()
    try:
        {"read": read, "write": write}[o.command](o)
    except framebridge.Error as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return CODES.get(type(error), 1)
    except RuntimeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
