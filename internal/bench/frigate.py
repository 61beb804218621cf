# Frames from ffmpeg's pipe into shared memory, the usual way in Python.
import subprocess
import sys
from multiprocessing import shared_memory

ffmpeg, clip, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
slots = [shared_memory.SharedMemory(create=True, size=size) for _ in range(4)]
child = subprocess.Popen(
    [ffmpeg, "-nostdin", "-v", "error", "-i", clip, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1"],
    stdout=subprocess.PIPE, bufsize=size * 10)
frames = 0
while True:
    frame = child.stdout.read(size)
    if len(frame) < size:
        break
    slots[frames % 4].buf[:size] = frame
    frames += 1
child.wait()
for s in slots:
    s.close()
    s.unlink()
print(frames)
