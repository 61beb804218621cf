"""Figures of this client, by hand: python3 clients/python/bench.py [CLIP]; numpy is needed, and ffmpeg with the framebridge command for CLIP.

1. 1080p rgba, lossless: our own time a frame for a view in place, and that it lies inside the mapping.
2. A copied frame (newest) against numpy.copyto of as much memory.
3. With CLIP: CPU seconds for 1,000 frames, ffmpeg not counted: the reader alone of a capture into a segment, and its capture as
   well, beside a reader that gets ffmpeg's pipe and puts each frame into multiprocessing.shared_memory.
Rounds alternate, the middle one is given with the spread of all.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import framebridge

WIDTH, HEIGHT = 1920, 1080
SIZE = WIDTH * HEIGHT * 4
CPU = time.thread_time_ns


def said(name, values, unit):
    print(f"{name:58} {statistics.median(values):9.3f} {unit}   ({min(values):.3f} to {max(values):.3f}, {len(values)} rounds)")


def views(frames=500):
    """Microseconds of our own time for a frame that is looked at in place: next, array, letting go."""
    with framebridge.create("bench", WIDTH, HEIGHT, linger=0) as w, framebridge.open("bench", "lossless") as seg:
        start, took = seg._data.map.address, 0
        for _ in range(frames):
            with w.frame():
                pass
            before = CPU()
            frame = seg.next()
            array = frame.array
            frame.release()
            took += CPU() - before
            address = array.__array_interface__["data"][0]
            assert start <= address and address + array.nbytes <= start + seg._data.head.FileSize
        return took / frames / 1e3


def publishing(frames=500):
    with framebridge.create("bench", WIDTH, HEIGHT, linger=0) as w:
        before = CPU()
        for _ in range(frames):
            with w.frame() as f:
                f.array
        return (CPU() - before) / frames / 1e3


def copies(frames=60):
    """Milliseconds for a copied frame, and for numpy.copyto of the same bytes into memory that is there. Who comes first, and so
    finds the bytes as the writer left them in the caches, alternates."""
    took = {"ours": [], "theirs": []}
    with framebridge.create("bench", WIDTH, HEIGHT, linger=0) as w, framebridge.open("bench") as seg:
        target = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        for i in range(frames):
            with w.frame() as f:
                f.array[:] = i
                source = f.array
            for who in ("ours", "theirs") if i % 2 else ("theirs", "ours"):
                before = time.perf_counter_ns()
                if who == "ours":
                    frame = seg.next()
                else:
                    np.copyto(target, source)
                took[who].append(time.perf_counter_ns() - before)
            assert frame.array[5, 5, 0] == i & 255
            del frame, source
    return statistics.median(took["ours"]) / 1e6, statistics.median(took["theirs"]) / 1e6


PIPE = """
import subprocess, sys, time
from multiprocessing import shared_memory
clip, size, frames = sys.argv[1], int(sys.argv[2]), 0
slots = [shared_memory.SharedMemory(create=True, size=size) for _ in range(4)]
started = time.process_time()
child = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", "-i", clip, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo",
                          "-pix_fmt", "rgba", "pipe:1"], stdout=subprocess.PIPE, bufsize=size * 10)
while True:
    frame = child.stdout.read(size)
    if len(frame) < size:
        break
    slots[frames % 4].buf[:size] = frame
    frames += 1
child.wait()
for slot in slots:
    slot.close()
    slot.unlink()
print(frames, time.process_time() - started)
"""
OURS = """
import sys, time
sys.path.insert(0, sys.argv[1])
import numpy
import framebridge
frames, started = 0, time.process_time()
with framebridge.open("bench", "lossless", wait=60) as seg:
    for frame in seg:
        frame.array
        frames += 1
print(frames, time.process_time() - started)
"""


def with_ffmpeg(clip, size):
    """CPU seconds for 1,000 frames: of the pipe's reader, of ours, and of ours with the capture (without ffmpeg itself)."""
    frames, pipe = map(float, subprocess.run([sys.executable, "-c", PIPE, clip, str(size)], stdout=subprocess.PIPE, check=True).stdout.split())
    reader = subprocess.Popen([sys.executable, "-c", OURS, HERE], stdout=subprocess.PIPE)
    capture = subprocess.Popen([os.environ.get("FRAMEBRIDGE_BIN", "bin") + "/framebridge", "capture", "-q", clip, "bench", "--pix-fmt", "rgba"])
    ticks, own = os.sysconf("SC_CLK_TCK"), 0.0
    while capture.poll() is None:  # its own time: what it waited for (ffmpeg) is counted apart
        try:
            with open(f"/proc/{capture.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            own = max(own, (int(fields[11]) + int(fields[12])) / ticks)
        except (OSError, IndexError):
            break
        time.sleep(0.01)
    capture.wait()
    count, ours = map(float, reader.communicate()[0].split())
    assert count == frames, (count, frames)
    return pipe / frames * 1000, ours / frames * 1000, (ours + own) / frames * 1000


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        os.environ["FRAMEBRIDGE_DIR"] = folder
        views(50), copies(20)
        rounds = [(views(), publishing(), *copies()) for _ in range(7)]
        said("view in place, lossless, 1080p: own time a frame", [r[0] for r in rounds], "us")
        said("publishing, without the pixels", [r[1] for r in rounds], "us")
        said("copied frame, newest, 1080p", [r[2] for r in rounds], "ms")
        said("numpy.copyto of the same bytes", [r[3] for r in rounds], "ms")
        said("copied frame / numpy.copyto", [r[2] / r[3] for r in rounds], "times")
        for clip in sys.argv[1:]:
            probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0", clip]
            width, height = map(int, subprocess.run(probe, stdout=subprocess.PIPE, check=True, text=True).stdout.strip().split(",")[:2])
            rounds = [with_ffmpeg(clip, width * height * 4) for _ in range(3)]
            print(f"{os.path.basename(clip)}, {width}x{height} rgba, CPU seconds for 1,000 frames without ffmpeg's own:")
            for name, i in ("  ffmpeg's pipe into shared_memory", 0), ("  framebridge.open, lossless, arrays", 1), ("  the same and framebridge capture", 2):
                said(name, [r[i] for r in rounds], "s")


if __name__ == "__main__":
    main()
