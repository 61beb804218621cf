"""An animation drawn in Python, streamed live by ffmpeg. Needs numpy, ffmpeg and the framebridge program (make build).

    python3 clients/python/examples/animation.py [OUTPUT]

OUTPUT is what framebridge encode takes: udp://127.0.0.1:5004 (the default; watch it with ffplay udp://127.0.0.1:5004), a URL such
as rtmp://server/live/key, hls:www/live.m3u8, or a file. The drawing program knows nothing of ffmpeg: it fills frames in shared
memory at its own pace, and does not wait for a slow network.
"""
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, ".."))  # the client, if it is not installed
import framebridge

try:
    import numpy
except ImportError:
    sys.exit("this example needs numpy: python3 -m pip install numpy")

NAME, WIDTH, HEIGHT, RATE, FRAMES = "example.animation", 320, 180, 25, 50


def program():
    """The framebridge program: of $FRAMEBRIDGE_BIN, of the PATH, or of this checkout."""
    places = os.environ.get("FRAMEBRIDGE_BIN", ""), os.environ["PATH"], os.path.join(HERE, "..", "..", "..", "bin")
    return shutil.which("framebridge", path=os.pathsep.join(places)) or sys.exit("there is no framebridge program: make build")


def draw(picture, number):
    """A ball that flies from left to right, over a sky, into the memory that ffmpeg reads."""
    picture[:] = numpy.linspace((20, 40, 90), (90, 120, 200), HEIGHT).astype(numpy.uint8)[:, None, :]
    x, y = 20 + (WIDTH - 40) * number // FRAMES, HEIGHT // 2 + int(60 * numpy.sin(number / 8))
    rows, columns = numpy.ogrid[:HEIGHT, :WIDTH]
    picture[(columns - x) ** 2 + (rows - y) ** 2 < 15 ** 2] = 255, 200, 0


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else "udp://127.0.0.1:5004"
    with framebridge.create(NAME, WIDTH, HEIGHT, "rgb24", rate=RATE, live=True, linger=0) as w:
        encoder = subprocess.Popen([program(), "encode", NAME, output, "--pace", "live", "--follow=false", "--quiet"])
        w.await_readers(1, timeout=10)
        print(f"streaming {FRAMES} frames to {output}", flush=True)
        begin = time.monotonic()
        for number in range(FRAMES):
            with w.frame() as f:
                draw(f.array, number)
                f.pts = number
            time.sleep(max(0, begin + (number + 1) / RATE - time.monotonic()))
    code = encoder.wait()  # it sees the end of the segment
    print("done" if code == 0 else f"framebridge encode ended with code {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
