"""ffmpeg captures a video, Python and OpenCV look for what moves, anybody reads the results. Needs numpy, OpenCV, ffmpeg and the
framebridge program (make build).

    python3 clients/python/examples/opencv_motion.py [INPUT]

INPUT is what framebridge capture takes: a file, rtsp://camera/stream, v4l2:/dev/video0; by default ffmpeg draws a square that
moves. Three programs run: framebridge capture, this one, and framebridge results, which prints what this one publishes. Each
record is tied to its frame, so that framebridge encode --overlay could draw the boxes. Without OpenCV numpy does the work, less
well: it finds one box around all that moves.
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, ".."))  # the client, if it is not installed
import framebridge

try:
    import numpy
except ImportError:
    sys.exit("this example needs numpy: python3 -m pip install numpy opencv-python-headless")
try:
    import cv2
except ImportError:
    cv2 = None

CAMERA, BOXES = "example.video", "example.boxes"
SQUARE = "lavfi:color=black:s=320x180:r=25:d=2[a];color=white:s=40x40:r=25:d=2[b];[a][b]overlay=x=t*150-60:y=60"


def program():
    """The framebridge program: of $FRAMEBRIDGE_BIN, of the PATH, or of this checkout."""
    places = os.environ.get("FRAMEBRIDGE_BIN", ""), os.environ["PATH"], os.path.join(HERE, "..", "..", "..", "bin")
    return shutil.which("framebridge", path=os.pathsep.join(places)) or sys.exit("there is no framebridge program: make build")


def find(picture, background):
    """Boxes around what differs from the background."""
    changed = (abs(picture - background) > 40).astype(numpy.uint8)
    if cv2:
        changed = cv2.medianBlur(changed, 5)  # single pixels are noise
        outlines = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[-2]
        return [cv2.boundingRect(outline) for outline in outlines]
    rows, columns = numpy.nonzero(changed)
    return [(int(columns.min()), int(rows.min()), int(numpy.ptp(columns)) + 1, int(numpy.ptp(rows)) + 1)] if len(rows) else []


def analyze():
    """Every frame, read in place, becomes one record."""
    background, looked = None, 0
    with framebridge.open(CAMERA, "lossless", wait=20) as frames, framebridge.results(BOXES, linger=0) as w:
        printer = subprocess.Popen([program(), "results", BOXES])
        w.await_readers(1, timeout=10)
        for frame in frames:
            picture = frame.array.astype(numpy.float32)
            background = picture if background is None else 0.98 * background + 0.02 * picture
            boxes = [dict(zip("xywh", box), label="moves") for box in find(picture, background)]
            w.put(frame, {"analyzer": "opencv" if cv2 else "numpy", "width": frame.width, "height": frame.height, "boxes": boxes})
            looked += 1
    printer.wait()
    print(f"{looked} frames looked at")


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else SQUARE
    capture = subprocess.Popen([program(), "capture", source, CAMERA, "--pix-fmt", "gray8", "--quiet"])
    try:
        analyze()
        return capture.wait()
    finally:
        capture.terminate()
        capture.wait()


if __name__ == "__main__":
    sys.exit(main())
