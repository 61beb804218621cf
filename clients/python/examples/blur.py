"""A filter, whole: framebridge run in.mp4 out.mp4 --exec 'python3 clients/python/examples/blur.py'"""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))  # the client, if it is not installed
import framebridge

for frame, out in framebridge.filter():
    rows = sum(np.roll(frame.array.astype(np.uint16), k, axis=0) for k in range(-4, 5)) // 9  # each pixel and four on either side
    out.array[:] = sum(np.roll(rows, k, axis=1) for k in range(-4, 5)) // 9
