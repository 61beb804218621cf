"""One data set, written once, read by many processes in place: one piece of memory for all of them. Needs numpy.

    python3 clients/python/examples/dataset.py

The readers find it by its name, from any program. They cannot change it, and when one of them ends or dies, the others still have
it: the resource tracker of shared_memory.SharedMemory would have removed it. The segment is kept: it outlives its writer, until
somebody removes it, as this program does at its end.
"""
import os
import sys
from multiprocessing import Pool

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # the client, if it is not installed
import framebridge

try:
    import numpy
except ImportError:
    sys.exit("this example needs numpy: python3 -m pip install numpy")

NAME, ROWS, COLUMNS, WORKERS = "example.dataset", 200_000, 8, 4


def write():
    """Publish the table. What a reader must know of it travels as meta. The writer need not stay: the segment is kept."""
    table = numpy.random.default_rng(1).random((ROWS, COLUMNS))
    with framebridge.create(NAME, pixel_format="data", slots=2, capacity=table.nbytes, keep=True) as w:
        w.publish(table, meta={"dtype": str(table.dtype), "shape": table.shape})
    return table.mean(axis=0)


def read(segment):
    """The table where it lies: lossless reads in place."""
    frame = segment.next(timeout=10)
    about = frame.meta_json()
    return numpy.frombuffer(frame.payload, about["dtype"]).reshape(about["shape"])


def file_of(array):
    """Which file this memory belongs to, by the kernel's own list; empty for memory of the process alone."""
    address = array.__array_interface__["data"][0]
    with open("/proc/self/maps") as maps:
        for line in maps:
            begin, end = (int(number, 16) for number in line.split()[0].split("-"))
            if begin <= address < end:
                return line.split(maxsplit=5)[5].strip() if line.count("/") else ""


def work(k):
    """One worker of many: the sums of every WORKERS-th row, and where it read them."""
    with framebridge.open(NAME, "lossless", wait=10) as segment:
        table = read(segment)
        return table[k::WORKERS].sum(axis=0), file_of(table)


def main():
    mean = write()
    with Pool(WORKERS) as pool:
        sums, files = zip(*pool.map(work, range(WORKERS)))
    right = numpy.allclose(sum(sums) / ROWS, mean)
    print(f"{ROWS} rows of {COLUMNS} numbers, means of {WORKERS} processes: {'right' if right else 'WRONG'}")
    print("all of them read", *sorted(set(files)))
    framebridge.remove(NAME)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
