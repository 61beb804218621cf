"""Hot reload: a program looks at frames, somebody else changes its settings, and the next frame is looked at with the new ones.

    python3 clients/python/examples/settings.py

While it runs you can change them too, from another terminal:

    framebridge config set example.cfg threshold=200

A configuration is a data segment with one JSON object, which outlives the programs. A change replaces it as a whole: nobody ever
reads half of one, and whoever is killed while changing it locks nobody out.
"""
import json
import os
import sys
import time
from multiprocessing import Process

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # the client, if it is not installed
import framebridge

CONFIG, CAMERA = "example.cfg", "example.camera"
FRAMES, WIDTH, HEIGHT = 60, 64, 36


def camera():
    """Gray pictures with all levels from 0 to 251, 50 a second."""
    with framebridge.create(CAMERA, WIDTH, HEIGHT, "gray8", rate=50) as w:
        w.await_readers(2, timeout=10)
        for number in range(FRAMES):
            w.publish(bytes(i * 7 % 252 for i in range(WIDTH * HEIGHT)), pts=number)
            time.sleep(1 / 50)


def operator():
    """Somebody who watches, and after half of the frames changes one key; all others stay as they are."""
    with framebridge.open(CAMERA, "lossless", wait=10) as frames:
        for frame in frames:
            if frame.number == FRAMES // 2:
                framebridge.update(CONFIG, lambda old: json.dumps({**json.loads(old or b"{}"), "threshold": 100}).encode())


def main():
    workers = [Process(target=target, daemon=True) for target in (camera, operator)]
    for worker in workers:
        worker.start()
    used = None
    with framebridge.open(CAMERA, "lossless", wait=10) as frames:
        for frame in frames:
            settings = framebridge.get_json(CONFIG, {})  # at every frame: it costs about as much as opening a file
            if settings != used:
                used = settings
                bright = sum(level >= settings.get("threshold", 126) for level in frame.payload)
                print(f"frame {frame.number}: settings {json.dumps(settings)}, {100 * bright // len(frame.payload)} % is bright", flush=True)
    for worker in workers:
        worker.join()
    framebridge.remove(CONFIG)


if __name__ == "__main__":
    main()
