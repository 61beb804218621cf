#!/usr/bin/env python3
"""Python's side of the conformance kit: describes, reads and writes segments as a test driver tells it to.

clients/conformance/README.md says what each command does and prints; programs in other languages do the same.
"""
from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from fractions import Fraction

import framebridge

TICK, TIME_BASE = 3003, Fraction(1, 90000)
BY_NUMBER, BY_SHAPE, BY_PLACE, WORD = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93, 2**64 - 1
CODES = {"data": 0, "rgba": 1, "bgra": 2, "rgb24": 3, "bgr24": 4, "gray8": 5, "yuv420p": 6, "nv12": 7}
PAUSE = 0.2  # seconds after which a wait looks whether it was told to stop


class Mismatch(Exception):
    """A frame is not what its number says."""


# The first that an error is an instance of names it.
CLASSES = (
    (Mismatch, "mismatch"), (framebridge.InvalidName, "name"), (framebridge.NotFound, "not-found"), (framebridge.Busy, "busy"),
    (framebridge.Damaged, "damaged"), (framebridge.Version, "version"), (framebridge.Untrusted, "untrusted"), (framebridge.Refused, "refused"),
    (framebridge.WriterDied, "died"), (framebridge.Evicted, "evicted"), (framebridge.Lost, "lost"), (framebridge.TooLarge, "too-large"),
    (framebridge.NoSpace, "no-space"), (framebridge.Timeout, "timeout"))

told = []  # signals that asked for an end


def tell(**line):
    """Print one object as a line. Not buffered: a process that is killed has told all it knew."""
    os.write(1, json.dumps(line).encode() + b"\n")


# ---------------------------------------------------------------------------------------------------------------------------
# What is in a frame


_places = {}  # by number of words: the part of the pattern that is the same in every frame


def pattern(number, code, width, height, length):
    """The payload of that frame."""
    words = -(-length // 8)
    if words not in _places:
        _places[words] = int.from_bytes(b"".join((at * BY_PLACE & WORD).to_bytes(8, "little") for at in range(words)), "little")
    seed = ((number + 1) * BY_NUMBER ^ (width << 32 | height << 8 | code) * BY_SHAPE) & WORD
    seeds = int.from_bytes(seed.to_bytes(8, "little") * words, "little")
    return (_places[words] ^ seeds).to_bytes(8 * words, "little")[:length]


def meta_of(number):
    return b'{"n":%d}' % number


def reference_of(number, name):
    """The frame that a data frame speaks of; pictures speak of none."""
    return framebridge.Reference(2 * number, BY_NUMBER.to_bytes(8, "little").hex(), 2 * number * TICK) if name == "data" else None


def size_of(number, name, width, height):
    """Bytes of a payload: those of the packed planes; for data a size that changes with each frame."""
    half = -(-width // 2) * -(-height // 2)
    return {"data": number * 37 % 1000, "rgba": 4 * width * height, "bgra": 4 * width * height, "rgb24": 3 * width * height,
            "bgr24": 3 * width * height, "gray8": width * height}.get(name, width * height + 2 * half)


def verify(frame):
    number, name, payload = frame.number, frame.pixel_format, bytes(frame.payload)
    if (frame.pts, frame.duration, frame.time_base) != (number * TICK, TICK, TIME_BASE):
        raise Mismatch(f"frame {number}: time is {frame.pts} for {frame.duration}, in {frame.time_base} s")
    if len(payload) != size_of(number, name, frame.width, frame.height):
        raise Mismatch(f"frame {number}: {len(payload)} bytes")
    if frame.meta != meta_of(number):
        raise Mismatch(f"frame {number}: meta is {frame.meta!r}")
    if frame.reference != reference_of(number, name):
        raise Mismatch(f"frame {number}: reference is {frame.reference}")
    want = pattern(number, CODES[name], frame.width, frame.height, len(payload))
    if payload != want:
        at = next(at for at, (a, b) in enumerate(zip(payload, want)) if a != b)
        raise Mismatch(f"frame {number}: byte {at} is {payload[at]:#x}, not {want[at]:#x}")


# ---------------------------------------------------------------------------------------------------------------------------
# Commands


def about(_):
    tell(client="python", layout="1.0", commands=["describe", "read", "write", "update", "value"], modes=["newest", "lossless"], moves=False,
         batch=True)


def named(number, *names):
    """The name of a number, or the number as text if it has none here."""
    return names[number] if number < len(names) and names[number] else str(number)


def checksum(data):
    """CRC-32C."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (crc & 1) * 0x82F63B78
    return f"{crc ^ 0xFFFFFFFF:08x}"


def describe(o):
    with framebridge.open(o.name) as seg:
        head, source = seg.header, seg.source
        s = head.record
        tell(major=s.Major, minor=s.Minor, must=s.Must, bytes=s.FileSize, cells=head.cells, slots=head.slots, capacity=head.capacity,
             alignment=s.Alignment, meta_capacity=head.meta_capacity, kind=head.kind, generation=head.generation, previous=head.previous,
             control_id=f"{s.ControlID:016x}", first_frame=s.FirstFrame, created=s.CreatedWall, created_mono=s.CreatedMono, writer_pid=s.WriterPID,
             live=head.live, joins_at_frames=bool(s.Flags & 2), took_over=bool(s.Flags & 4), kept=head.kept, lossless=head.lossless, name=head.name,
             state=head.state, alive=head.alive, source=source.state, error=source.error, published=head.published, abandoned=head.abandoned,
             frames=[frame_object(frame) for frame in seg.recent()])


def frame_object(frame):
    s = frame.record
    crop = [s.CropLeft, s.CropTop, s.CropRight, s.CropBottom]
    about, audio = frame.reference, None
    if s.AudioFormat:
        audio = {"rate": s.AudioRate, "channels": s.AudioChannels, "format": named(s.AudioFormat, "", "s16", "f32"),
                 "layout": s.AudioLayout, "samples": s.AudioSamples}
    return {
        "number": frame.number, "pts": frame.pts, "duration": frame.duration, "time_base": ratio(s.TimeBaseNum, s.TimeBaseDen),
        "rate": ratio(s.RateNum, s.RateDen), "aspect": ratio(s.AspectNum, s.AspectDen), "captured": s.CaptureMono, "captured_wall": s.CaptureWall,
        "published": s.PublishMono, "tai_offset": s.TAIOffset or None,
        "format": named(s.PixelFormat, *CODES), "fourcc": s.FourCC.rstrip(b"\0").decode(), "bits": s.Bits, "width": frame.width, "height": frame.height,
        "planes": [plane._asdict() for plane in frame.planes], "length": len(frame.payload), "crc": checksum(frame.payload), "meta": frame.meta.hex(),
        "stored_crc": f"{s.CRC:08x}" if s.Flags & 4 else None, "key": bool(s.Flags & framebridge.KEY),
        "discontinuity": bool(s.Flags & framebridge.DISCONTINUITY), "placeholder": bool(s.Flags & framebridge.PLACEHOLDER),
        "range": named(s.Range, None, "limited", "full") if s.Range else None, "matrix": s.Matrix - 1 if s.Matrix else None,
        "primaries": None if s.Primaries in (0, 2) else s.Primaries, "transfer": None if s.Transfer in (0, 2) else s.Transfer,
        "chroma": s.Chroma - 1 if s.Chroma else None, "alpha": named(s.Alpha, "none", "straight", "premultiplied"),
        "field_order": named(s.FieldOrder, None, "progressive", "top", "bottom") if s.FieldOrder else None, "rotation": s.Rotation, "crop": crop,
        "source_seq": s.SourceSeq, "timecode": s.Timecode or None, "reference": about and about._asdict(), "audio": audio}


def ratio(num, den):
    return [num, den] if num and den else None


def read(o):
    seg = framebridge.open(o.name, o.mode, wait=o.wait, follow=o.follow, label="conform python")
    with seg:
        tell(ready=True)
        tell(end=read_all(seg, o.frames))


def read_all(seg, frames):
    count = 0
    while not frames or count < frames:
        if told:
            return "told"
        try:
            frame = seg.next(timeout=PAUSE)
        except (framebridge.Timeout, framebridge.Overrun):
            continue
        if frame is None:
            return "eof"
        try:
            verify(frame)
        except Mismatch:
            if frame.valid:
                raise
            raise framebridge.Evicted("the frame was overwritten while it was read")
        tell(number=frame.number, generation=frame.generation, pts=frame.pts, missed=frame.missed, format=frame.pixel_format,
             width=frame.width, height=frame.height, length=len(frame.payload))
        count += 1
    return "frames"


def write(o):
    resizes = {}
    for part in filter(None, o.resize.split(",")):
        after, size = part.split(":")
        resizes[int(after)] = [int(side) for side in size.split("x")]
    if o.format == "data":
        o.width = o.height = 0
    writer = framebridge.create(o.name, o.width, o.height, o.format, slots=o.slots, capacity=o.capacity or None, lossless=o.lossless,
                                evict_after=o.evict_after, linger=o.linger, keep=o.keep, time_base=TIME_BASE)
    with writer:
        tell(ready=True, generation=writer.generation)
        end = write_all(writer, o, resizes)
    tell(end=end)


def write_all(writer, o, resizes):
    while o.await_readers and not told:
        try:
            writer.await_readers(o.await_readers, timeout=PAUSE)
            break
        except framebridge.Timeout:
            pass
    due, count = time.monotonic(), 0
    while not o.frames or count < o.frames:
        if told:
            return "told"
        if count in resizes:
            writer.resize(*resizes.pop(count))
        if o.fps:
            time.sleep(max(0, due - time.monotonic()))
            due += 1 / o.fps
        try:
            with writer.frame(timeout=PAUSE) as f:
                stamp(f)
                line = dict(published=f.number, generation=writer.generation, pts=f.pts, format=f.pixel_format, width=f.width, height=f.height,
                            length=f.length)
        except framebridge.Timeout:
            continue
        tell(**line)
        count += 1
    return "done"


def stamp(f):
    size = size_of(f.number, f.pixel_format, f.width, f.height)
    f.data = pattern(f.number, CODES[f.pixel_format], f.width, f.height, size)
    f.pts, f.duration, f.meta, f.reference = f.number * TICK, TICK, meta_of(f.number), reference_of(f.number, f.pixel_format)


def parsed(text):
    try:
        return int(text)
    except ValueError:
        raise Mismatch(f"the value is {text!r}") from None


def update(o):
    count = 0
    while not o.times or count < o.times:
        if told:
            return tell(end="told")
        seen = []

        def change(old):
            seen[:] = [(parsed(old) if old is not None else 0) + o.add]
            return b"%d" % seen[0]

        number = framebridge.update(o.name, change, wait=o.within)
        tell(value=seen[0], number=number)
        count += 1
    tell(end="done")


def value(o):
    with framebridge.open(o.name) as seg:
        for frame in seg.recent():
            return tell(value=parsed(bytes(frame.payload)), number=frame.number)
    raise framebridge.NotFound(f"{o.name} holds no value yet")


def arguments(words):
    parser = argparse.ArgumentParser(prog="conform")
    commands = parser.add_subparsers(required=True)

    def command(run, *flags):
        sub = commands.add_parser(run.__name__)
        sub.set_defaults(run=run)
        if run is not about:
            sub.add_argument("name")
        for flag, default in flags:
            kind = {"action": "store_true"} if default is False else {"type": type(default), "default": default}
            sub.add_argument("--" + flag, dest="await_readers" if flag == "await" else flag.replace("-", "_"), **kind)

    command(about)
    command(describe)
    command(read, ("mode", "newest"), ("frames", 0), ("wait", 0.0), ("follow", False))
    command(write, ("format", "rgba"), ("width", 16), ("height", 8), ("slots", 4), ("capacity", 0), ("frames", 0), ("fps", 0.0),
            ("lossless", "wait"), ("evict-after", 5.0), ("linger", 5.0), ("await", 0), ("keep", False), ("resize", ""))
    command(update, ("add", 1), ("times", 1), ("within", 20.0))
    command(value)
    return parser.parse_args(words)


def run(words):
    """Run one command; its exit code."""
    try:
        o = arguments(words)
        o.run(o)
    except (Mismatch, framebridge.Error) as error:
        print(f"conform: {error}", file=sys.stderr)
        tell(error=next((name for kind, name in CLASSES if isinstance(error, kind)), "other"), message=str(error))
        return 1
    except SystemExit as end:  # of argparse
        return end.code
    return 0


def main():
    signal.alarm(int(float(os.environ.get("FRAMEBRIDGE_CONFORM_SECONDS", "60"))))  # whatever hangs, and whoever forgot this process
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda *_: told.append(number))
    if sys.argv[1:] != ["batch"]:
        return run(sys.argv[1:])
    for line in sys.stdin:  # commands, their words divided by tabs
        tell(done=run(line.rstrip("\n").split("\t")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
