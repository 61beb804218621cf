"""The module's promises in one process and in its children: frames, writers, values, results, filters, bad input."""
import gc
import multiprocessing
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
import unittest
import warnings
from fractions import Fraction
from unittest import mock

from testcase import HERE, Case, framebridge

SIZE = 8 * 8 * 4


class Writing(Case):
    def test_what_travels_with_a_frame(self):
        before = time.monotonic()
        with framebridge.create("seg", 8, 8, rate="30000/1001", linger=0, color=framebridge.Color(range=2)) as w, framebridge.open("seg") as seg:
            with w.frame() as f:
                self.assertEqual((f.number, f.generation, f.pixel_format, len(f.payload)), (0, w.generation, "rgba", SIZE))
                f.payload[:] = bytes(range(256))
                f.pts, f.duration, f.flags, f.meta = -3, 2, framebridge.KEY, {"a": [1]}
            frame = seg.next()
            self.assertEqual((frame.number, frame.generation, frame.pts, frame.duration, frame.flags), (0, w.generation, -3, 2, framebridge.KEY))
            self.assertEqual((frame.time_base, frame.rate), (Fraction(1001, 30000), Fraction(30000, 1001)))
            self.assertAlmostEqual(frame.time, -3 * 1001 / 30000)
            self.assertEqual((frame.meta, frame.meta_json(), frame.reference, frame.missed), (b'{"a":[1]}', {"a": [1]}, None, 0))
            self.assertEqual((frame.color.range, frame.color.matrix, frame.planes), (2, 1, ((0, 32, 8),)))
            self.assertEqual(bytes(frame.payload), bytes(range(256)))
            self.assertTrue(frame.payload.readonly)
            self.assertTrue(before < frame.captured <= frame.published < time.monotonic())
            self.assertAlmostEqual(frame.captured_wall, time.time(), delta=5)
            w.publish(bytes(SIZE))
            frame = seg.next()
            self.assertEqual((frame.pts, frame.time, frame.duration, frame.meta_json()), (None, None, None, None))

    def test_a_block_that_raises_publishes_nothing(self):
        with framebridge.create("seg", 8, 8, slots=2, linger=0) as w, framebridge.open("seg", "lossless") as seg:
            w.publish(b"\1" * SIZE)
            for _ in range(3):
                with self.assertRaises(ZeroDivisionError), w.frame() as f:
                    f.payload[:9] = b"half done"
                    1 / 0
            self.assertEqual(w.publish(b"\2" * SIZE), 1)  # its number is used again
            self.assertEqual([seg.next().payload[0] for _ in range(2)], [1, 2])
            self.assertEqual(w._data.get(framebridge._Dyn.Abandoned), 3)

    def test_size_changes_within_the_capacity(self):
        with framebridge.create("seg", 8, 8, capacity=4096, linger=0) as w, framebridge.open("seg", "lossless", hold=3) as seg:
            w.publish(bytes(SIZE))
            w.resize(32, 32)
            w.publish(bytes(4096))
            w.resize(16, 9, "yuv420p")
            w.publish(bytes(16 * 9 + 2 * 8 * 5))
            sizes = [(f.width, f.height, f.pixel_format, len(f.payload)) for f in (seg.next(), seg.next(), seg.next())]
            self.assertEqual(sizes, [(8, 8, "rgba", 256), (32, 32, "rgba", 4096), (16, 9, "yuv420p", 224)])
            self.assertRaisesRegex(framebridge.TooLarge, "capacity=6144", w.resize, 64, 64)
            self.assertRaises(framebridge.FormatError, w.resize, 8, 8, "data")

    def test_ends(self):
        with framebridge.create("seg", 8, 8, linger=0) as w:
            seg = framebridge.open("seg")
            w.publish(bytes(SIZE))
        self.assertEqual(os.listdir(self.dir), [])
        self.assertEqual([frame.number for frame in seg], [0])
        self.assertIsNone(seg.next())
        self.assertEqual(seg.source, ("none", ""))
        seg.close()
        with self.assertRaises(KeyError), framebridge.create("seg", 8, 8) as w:
            seg = framebridge.open("seg")
            w.set_source("live")
            self.assertEqual(seg.source.state, "live")
            raise KeyError("x" * 300)
        self.assertEqual(os.listdir(self.dir), [])
        self.assertIsNone(seg.next())
        self.assertEqual(seg.source, ("failed", ("KeyError: '" + "x" * 300)[:256]))
        seg.close()

    def test_close_waits_for_late_readers(self):
        w = framebridge.create("seg", 8, 8, linger=1)
        w.publish(bytes(SIZE))
        closing = threading.Thread(target=w.close)
        closing.start()
        self.until(lambda: self.word(self.word(32)) == 3)
        for mode in "newest", "lossless":
            with framebridge.open("seg", mode) as seg:
                self.assertEqual([frame.number for frame in seg], [0])
        closing.join(30)
        self.assertEqual(os.listdir(self.dir), [])

    def test_the_name_is_removed_by_hand(self):
        with framebridge.create("seg", 8, 8, linger=0):
            os.unlink(self.path())
            other = framebridge.create("seg", 8, 8, linger=0)
        self.assertTrue(os.path.exists(self.path()))  # that of the other writer
        other.close()
        self.assertEqual(os.listdir(self.dir), [])

    def test_close_returns_when_lossless_readers_have_everything(self):
        w = framebridge.create("seg", 8, 8, linger=60)
        seg = framebridge.open("seg", "lossless")
        w.publish(bytes(SIZE))
        closing = threading.Thread(target=w.close)
        closing.start()
        seg.next()
        self.assertTrue(closing.is_alive())
        self.assertIsNone(seg.next())
        closing.join(20)
        self.assertFalse(closing.is_alive())
        seg.close()

    def test_names_are_taken_over(self):
        w = framebridge.create("seg", 8, 8)
        w.publish(bytes(SIZE))
        self.assertRaisesRegex(framebridge.Busy, f"process {os.getpid()}", framebridge.create, "seg", 8, 8)
        seg = framebridge.open("seg", follow=True)
        self.assertEqual(seg.next().number, 0)
        with self.assertRaises(KeyError), w.frame():
            raise KeyError  # number 1 was begun
        w._let_go()  # as if it had been killed
        framebridge.create("seg", 8, 8)._let_go()
        with framebridge.create("seg", 8, 8, linger=0) as w:
            self.assertEqual((w.next_number, seg._data.state()), (2, 5))
            w.publish(bytes(SIZE))
            frame = seg.next()
            self.assertEqual((frame.number, frame.missed, frame.generation), (2, 1, w.generation))
        self.assertRaises(framebridge.Timeout, seg.next, 0.1)
        with framebridge.create("seg", 8, 8, linger=0) as w:  # after a clean end numbers begin anew
            w.publish(bytes(SIZE))
            self.assertEqual((seg.next().number, seg.stats.generations), (0, 3))
        seg.close()
        self.assertEqual(os.listdir(self.dir), [])

    def test_lossless_follows_the_next_writer(self):
        seg = None
        for writer in range(3):
            with framebridge.create("seg", 8, 8, slots=2, linger=0) as w:
                seg = seg or framebridge.open("seg", "lossless", follow=True)
                w.publish(bytes([writer]) * SIZE, pts=0)
                frame = seg.next(10)
                self.assertEqual((frame.payload[0], frame.pts, frame.missed, seg._cell_lossless()), (writer, 0, 0, True))
                publishing = threading.Thread(target=lambda: [w.publish(bytes([writer]) * SIZE, pts=i, timeout=20) for i in range(1, 50)])
                publishing.start()
                self.assertEqual([seg.next(10).pts for _ in range(1, 50)], list(range(1, 50)))
                publishing.join()
        self.assertEqual(seg.stats, (150, 0, 0, 0, 3))
        seg.close()

    def test_a_group(self):
        os.chmod(self.dir, 0o750)
        with framebridge.create("seg", 8, 8, group=str(os.getgid()), linger=0):
            modes = [oct(os.stat(path).st_mode & 0o7777) for path in (self.path(), self.control())]
            self.assertEqual(modes, ["0o640", "0o660"])
            framebridge.open("seg", "lossless").close()
        os.environ["FRAMEBRIDGE_DIR"] = self.path("new")
        with framebridge.create("seg", 8, 8, group=str(os.getgid()), linger=0):
            self.assertEqual(oct(os.stat(self.path("new")).st_mode & 0o7777), "0o2750")
        self.assertRaisesRegex(framebridge.Untrusted, "no group", framebridge.create, "seg", 8, 8, group="no-such-group")

    def test_policies(self):
        with framebridge.create("seg", 8, 8, slots=2, lossless="refuse", linger=0):
            self.assertRaisesRegex(framebridge.Refused, "open it newest", framebridge.open, "seg", "lossless")
        with framebridge.create("seg", 8, 8, slots=2, linger=0) as w:
            self.assertRaisesRegex(framebridge.Refused, "hold=2 needs 3 slots", framebridge.open, "seg", "lossless", hold=2)
            with framebridge.open("seg", "lossless") as seg:
                for _ in range(2):
                    w.publish(bytes(SIZE))
                self.assertRaises(framebridge.Timeout, w.publish, bytes(SIZE), timeout=0.15)
                self.assertGreater(w._data.get(framebridge._Dyn.Blocked) + 1, 0)
                seg.next().release()
                w.publish(bytes(SIZE), timeout=5)
        with framebridge.create("seg", 8, 8, slots=2, lossless="evict", evict_after=0.2, linger=0) as w, framebridge.open("seg", "lossless") as seg:
            w.publish(bytes(SIZE))
            frame = seg.next()
            for _ in range(3):
                w.publish(bytes(SIZE), timeout=5)
            self.assertFalse(frame.valid)
            self.assertRaisesRegex(framebridge.Evicted, "void", seg.next)
            self.assertRaises(framebridge.Evicted, seg.next)

    def test_it_answers_while_python_computes(self):
        """The tick holds while the program's own thread is busy for long."""
        with framebridge.create("seg", 8, 8, linger=0) as w:
            w.publish(bytes(SIZE))
            beats = w._data.get(framebridge._Dyn.Heartbeat)
            reader = self.peer("read", "seg", "--mode", "lossless")
            before, n = time.monotonic(), 0
            while not self.lines(reader) and time.monotonic() - before < 30:
                n = sum(range(100000))
            self.assertTrue(self.lines(reader), n)
            self.assertGreater(w._data.get(framebridge._Dyn.Heartbeat), beats)

    def test_no_space(self):
        with mock.patch("os.posix_fallocate", side_effect=OSError(28, "No space left on device")):
            self.assertRaisesRegex(framebridge.NoSpace, r"needs [0-9]+ bytes in .*, [0-9]+ are free", framebridge.create, "seg", 8, 8)
        self.assertEqual(os.listdir(self.dir), [])


class BadInput(Case):
    """An exception that says which and what to do."""

    def test_create(self):
        for error, text, arguments, options in (
                (framebridge.FormatError, "0x0: give a width", (), {}), (framebridge.FormatError, "one of data, rgba", (8, 8, "rgb"), {}),
                (framebridge.FormatError, "70000x8", (70000, 8), {}), (framebridge.FormatError, "no width", (8, 8, "data"), {}),
                (framebridge.FormatError, "wait, evict, refuse", (8, 8), {"lossless": "maybe"}), (framebridge.FormatError, "1 slots", (8, 8), {"slots": 1}),
                (framebridge.FormatError, "1 MiB of meta", (8, 8), {"meta_capacity": 1 << 21}),
                (framebridge.TooLarge, "1 TiB", (8, 8), {"capacity": 1 << 40}),
                (framebridge.TooLarge, "has 256 bytes, capacity=100", (8, 8), {"capacity": 100}),
                (framebridge.FormatError, "-1 is not a positive fraction", (8, 8), {"rate": -1}),
                (framebridge.FormatError, "'fast' is not a positive fraction", (8, 8), {"rate": "fast"}),
                (framebridge.NotFound, "make the folder", (8, 8), {"dir": self.path("a/b")})):
            with self.subTest(text=text):
                self.assertRaisesRegex(error, text, framebridge.create, "seg", *arguments, **options)
        self.assertEqual(os.listdir(self.dir), [])

    def test_frames(self):
        with framebridge.create("seg", 8, 8, meta_capacity=100, linger=0) as w, framebridge.create("rec", pixel_format="data", capacity=100, linger=0) as r:
            with framebridge.open("rec") as records:
                for error, text, what in (
                        (framebridge.FormatError, "has 256 bytes, this has 5", lambda: w.publish(b"short")),
                        (framebridge.FormatError, "str is no block of bytes", lambda: w.publish("text")),
                        (framebridge.FormatError, "for records use put", lambda: r.publish({"a": 1})),
                        (framebridge.FormatError, "pts=0.5 is not a whole number", lambda: w.publish(bytes(SIZE), pts=0.5)),
                        (framebridge.FormatError, "pts=9223372036854775808 is not", lambda: w.publish(bytes(SIZE), pts=1 << 63)),
                        (framebridge.TooLarge, "meta of 101 bytes, this segment takes 100: create it with meta_capacity=101",
                         lambda: w.publish(bytes(SIZE), meta=b"x" * 101)),
                        (framebridge.TooLarge, "a record of 101 bytes, this segment takes 100", lambda: r.publish(b"x" * 101)),
                        (framebridge.NotJSON, "cannot be said in JSON", lambda: r.put(None, {"a": object()})),
                        (framebridge.NotJSON, "cannot be said in JSON", lambda: r.put(None, float("nan"))),
                        (framebridge.NotJSON, "cannot be said in JSON", lambda: w.publish(bytes(SIZE), meta={1, 2})),
                        (framebridge.FormatError, "one of none", lambda: w.set_source("happy"))):
                    with self.subTest(text=text):
                        self.assertRaisesRegex(error, text, what)
                self.assertEqual((w.next_number, r.next_number), (0, 0))
                r.publish(b"{broken", meta=b"[")
                frame = records.next()
                self.assertRaisesRegex(framebridge.NotJSON, "frame 0 of rec is not JSON", frame.json)
                self.assertRaisesRegex(framebridge.NotJSON, "meta of frame 0", frame.meta_json)
                self.assertRaisesRegex((framebridge.FormatError, framebridge.Unsupported), "no picture|numpy", lambda: frame.array)
            with w.frame() as f:
                self.assertRaisesRegex(framebridge.Error, "still open", w.publish, bytes(SIZE))
                with self.assertRaises(framebridge.FormatError):
                    f.length = 3
                with self.assertRaises(AttributeError):
                    f.ptss = 3
            self.assertRaisesRegex(framebridge.Closed, "inside its with", lambda: f.payload)
            self.assertRaises(framebridge.FormatError, framebridge.open, "seg", "fastest")

    def test_a_frame_that_has_left_the_ring(self):
        with framebridge.create("seg", 8, 8, slots=4, linger=0) as w, framebridge.open("seg") as seg:
            self.assertRaisesRegex(framebridge.Lost, "has none yet", seg.get, 0)
            for i in range(10):
                w.publish(bytes([i]) * SIZE)
            self.assertEqual([frame.number for frame in seg.recent()], [9, 8, 7, 6])
            self.assertEqual(seg.get(7).payload[0], 7)
            self.assertRaisesRegex(framebridge.Lost, "frame 2 is not in the segment, it has 6 to 9: ask sooner", seg.get, 2)

    def test_after_close(self):
        w = framebridge.create("seg", 8, 8, linger=0)
        seg = framebridge.open("seg", "lossless")
        w.publish(b"\7" * SIZE)
        frame = seg.next()
        payload, copy = frame.payload, frame.copy()
        seg.close()
        w.close()
        for what in (seg.next, seg.recent, lambda: list(seg), lambda: seg.stats, lambda: seg.source, lambda: seg.get(0), lambda: list(seg.records()),
                     lambda: seg.for_frame(0), lambda: w.publish(bytes(SIZE)), lambda: w.frame().__enter__(), lambda: w.readers,
                     lambda: w.set_source("live"), lambda: w.resize(4, 4), lambda: frame.payload):
            self.assertRaises(framebridge.Closed, what)
        for again in seg.close, w.close, w.abort, frame.release:
            again()
        self.assertTrue(frame.valid)
        gc.collect()
        self.assertEqual((bytes(payload), bytes(copy.payload)), (b"\7" * SIZE,) * 2)  # still memory
        self.assertEqual(os.listdir(self.dir), [])

    def test_other_machines(self):
        with mock.patch("platform.machine", lambda: "aarch64"):
            for what in lambda: framebridge.open("seg"), lambda: framebridge.create("seg", 8, 8), lambda: framebridge.update("v", bytes):
                self.assertRaisesRegex(framebridge.Unsupported, "aarch64: Python has no memory fences", what)


class Reading(Case):
    def test_frames_are_let_go(self):
        """The cursor in the cell follows what is let go, in any order, and what is kept stays."""
        with framebridge.create("seg", 8, 8, slots=4, linger=0) as w, framebridge.open("seg", "lossless", hold=3) as seg:
            for i in range(3):
                w.publish(bytes([i]) * SIZE)
            cursor = lambda: self.word(136, "<Q", self.control())
            frames = [seg.next() for _ in range(3)]
            frames[1].release()
            self.assertEqual(cursor(), 0)
            frames[0].release()
            self.assertEqual(cursor(), 2)
            self.assertRaisesRegex(framebridge.Closed, "frame 0 was let go", lambda: frames[0].payload)
            self.assertEqual(frames[2].payload[0], 2)
            frames[2].release()
            frames[2].release()
            self.assertEqual(cursor(), 3)

    def test_iterating_lets_the_frame_before_go(self):
        with framebridge.create("seg", 8, 8, slots=2, linger=0) as w, framebridge.open("seg", "lossless") as seg:
            frames = iter(seg)
            for i in range(20):
                w.publish(bytes([i]) * SIZE, timeout=5)
                self.assertEqual(next(frames).payload[0], i)

    def test_arrays_outlive_everything_in_a_cycle_of_garbage(self):
        seen = []

        class Late:
            def __del__(self):
                seen.append(bytes(self.payload[:2]) + bytes([self.frame.valid]))

        for _ in range(5):
            w, late = framebridge.create("seg", 8, 8, linger=0), Late()
            w.publish(b"\7" * SIZE)
            late.seg = framebridge.open("seg", "lossless")
            late.frame = late.seg.next()
            late.payload, late.me, late.w = late.frame.payload, late, w
            w.abort()
            del w, late
            gc.collect()
        self.assertEqual(seen, [b"\7\7\1"] * 5)

    def test_copies_are_each_frames_own(self):
        size = 300 * 300 * 4
        with framebridge.create("seg", 300, 300, linger=0) as w, framebridge.open("seg") as seg:
            kept = []
            for i in range(8):
                w.publish(bytes([i]) * size)
                kept.append(seg.next())
            self.assertEqual([frame.payload[size - 1] for frame in kept], list(range(8)))
            address = id(kept[-1].payload.obj)
            kept.clear()
            w.publish(bytes(size))
            self.assertIn(id(seg.next().payload.obj), [id(buffer) for buffer in seg._pool])
            self.assertLessEqual(len(seg._pool), 4, address)

    def test_timeouts(self):
        with framebridge.create("seg", 8, 8, linger=0), framebridge.open("seg") as seg:
            for timeout in 0, 0.15:
                before = time.monotonic()
                self.assertRaises(framebridge.Timeout, seg.next, timeout)
                self.assertGreaterEqual(time.monotonic() - before, timeout)
            self.assertRaises(TimeoutError, seg.next, 0)

    def test_without_patience_ends_and_deaths_are_seen(self):
        for mode in "newest", "lossless":
            with self.subTest(mode=mode), framebridge.create("seg", 8, 8, linger=0) as w, framebridge.open("seg", mode) as seg:
                w.publish(bytes(SIZE))
                self.assertEqual(seg.next(0).number, 0)
                self.assertRaises(framebridge.Timeout, seg.next, 0)
                w._let_go()  # as if it had been killed
                self.assertRaisesRegex(framebridge.WriterDied, "after frame 0", seg.next, 0)
                w._closed = True
            framebridge.remove("seg")
            with framebridge.create("seg", 8, 8, linger=0) as w:
                seg = framebridge.open("seg", mode)
            self.assertIsNone(seg.next(0))
            seg.close()

    def test_header(self):
        framebridge.create("seg", 8, 8, "bgr24")._let_go()  # as if it had been killed
        with framebridge.create("seg", 8, 8, "bgr24", slots=3, meta_capacity=100, lossless="refuse", live=True, linger=0) as w:
            with framebridge.open("seg", follow=True) as seg:
                head = seg.header
                self.assertEqual(head[:6], ("video", 3, 192, 100, 63, w.generation))
                self.assertEqual(head[7:15], ("seg", False, True, "refuse", "live", True, 0, 0))
                self.assertEqual((head.record.FirstFrame, len(head.previous)), (0, 32))
                w.publish(bytes(192))
                self.assertEqual(seg.header.published, 1)
                w.close()
                self.assertEqual((seg.header.state, seg.header.alive), ("ended", False))
                seg.next()
                framebridge.put_json("seg", 1)
                seg.next(5)
                self.assertEqual((seg.header.kind, seg.header.kept, seg.header.previous, seg.header.lossless), ("data", True, None, "wait"))

    def test_frames_kept_over_the_next_writer(self):
        """What is kept of an earlier generation says nothing of what was done with the frames of this one."""
        with framebridge.create("seg", 8, 8, linger=0) as w:
            seg = framebridge.open("seg", "lossless", follow=True, hold=2)
            for i in range(4):
                w.publish(bytes([i]) * SIZE)
            old = [seg.next() for _ in range(4)][-1]
        with framebridge.create("seg", 8, 8, linger=0) as w:
            w.publish(b"\7" * SIZE)
            new = seg.next(5)
            old.release()
            self.assertEqual((new.number, new.payload[0], self.word(136, "<Q", self.control())), (0, 7, 0))
            new.release()
            self.assertEqual(self.word(136, "<Q", self.control()), 1)
        seg.close()

    def test_pinned_copies_and_says_so(self):
        with framebridge.create("seg", 8, 8, linger=0) as w:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                seg = framebridge.open("seg", "pinned")
            self.assertIn("cannot pin", str(said[0].message))
            w.publish(bytes(SIZE))
            self.assertTrue(seg.next().valid)
            seg.close()

    def test_a_reader_dropped_leaves(self):
        with framebridge.create("seg", 8, 8, linger=0) as w:
            seg = framebridge.open("seg", "lossless")
            self.assertEqual(w.readers, 1)
            del seg
            gc.collect()
            self.assertEqual((w.readers, self.word(128, "<Q", self.control())), (0, 0))
            fds = len(os.listdir("/proc/self/fd"))
            for _ in range(20):
                with framebridge.open("seg", "lossless"):
                    pass
            self.assertEqual(len(os.listdir("/proc/self/fd")), fds)
            with open("/proc/self/maps") as maps:
                self.assertLess(maps.read().count(self.dir), 10)


class Values(Case):
    def test_update(self):
        self.assertIsNone(framebridge.value("n"))
        numbers = [framebridge.update("n", lambda old: b"%d" % (int(old or b"40") + 1)) for _ in range(3)]
        self.assertEqual((framebridge.value("n"), numbers), (b"43", [0, 1, 2]))
        self.assertEqual(len(os.listdir(self.dir)), 2)
        self.assertRaises(KeyError, framebridge.update, "n", lambda old: {}["x"])
        self.assertRaisesRegex(framebridge.TooLarge, "of 20 bytes, this segment takes 10", framebridge.update, "fresh", lambda old: bytes(20), capacity=10)
        framebridge.update("wide", lambda old: bytes(20_000), capacity=20_000)
        framebridge.update("wide", lambda old: old + b"!" if len(old) < 20_000 else old)  # it keeps the room that it has
        framebridge.remove("wide")
        self.assertRaises(framebridge.FormatError, framebridge.update, "n", lambda old: 7)
        self.assertEqual((framebridge.value("n"), len(os.listdir(self.dir))), (b"43", 2))
        with framebridge.create("pic", 8, 8, linger=0):
            self.assertRaises(framebridge.Busy, framebridge.update, "pic", bytes, wait=0.1)
        with framebridge.create("n", pixel_format="data", keep=True) as w:  # a writer of a kept segment goes on with the numbers
            self.assertEqual(w.next_number, 3)
            w.publish(b"mine")
        self.assertEqual(framebridge.value("n"), b"mine")
        self.assertEqual(framebridge.update("n", lambda old: old + b" too"), 4)

    def test_json(self):
        self.assertEqual(framebridge.get_json("cfg", {"threshold": 1}), {"threshold": 1})
        framebridge.put_json("cfg", {"threshold": 2, "é": None})
        self.assertEqual(framebridge.get_json("cfg"), {"threshold": 2, "é": None})
        framebridge.update("cfg", lambda old: b"{oops")
        self.assertRaisesRegex(framebridge.NotJSON, "the value of cfg is not JSON", framebridge.get_json, "cfg")

    def test_a_change_is_seen(self):
        framebridge.put_json("cfg", 0)
        with framebridge.open("cfg", follow=True) as seg:
            self.assertEqual(seg.next(5).json(), 0)
            for i in range(1, 6):
                framebridge.put_json("cfg", i)
                frame = seg.next(5)
                self.assertEqual((frame.json(), frame.number, frame.missed), (i, i, 0))
                self.assertEqual([frame.json() for frame in seg.recent()], [i])
            self.assertRaises(framebridge.Timeout, seg.next, 0.1)

    def test_remove(self):
        self.assertRaisesRegex(framebridge.NotFound, "no such segment", framebridge.remove, "n")
        self.assertRaises(framebridge.InvalidName, framebridge.remove, "fd:3,4")
        framebridge.put_json("n", 1)
        with framebridge.open("n", follow=True) as seg:
            self.assertEqual(seg.next(5).json(), 1)
            framebridge.remove("n")
            self.assertEqual(os.listdir(self.dir), [])
            self.assertRaises(framebridge.Timeout, seg.next, 0)
            framebridge.put_json("n", 2)
            frame = seg.next(5)
            self.assertEqual((frame.json(), frame.number), (2, 0))
        framebridge.remove("n", dir=self.dir)
        with framebridge.create("seg", 8, 8, linger=0) as w, framebridge.open("seg") as seg:
            w.publish(bytes(SIZE))
            self.assertRaisesRegex(framebridge.Busy, f"process {os.getpid()}", framebridge.remove, "seg")
            self.assertEqual(framebridge.open("seg").next(0).number, 0)
            w._let_go()  # as if it had been killed
            framebridge.remove("seg")
            self.assertEqual((seg.next().number, seg.header.state, os.listdir(self.dir)), (0, "dead", []))
            self.assertRaises(framebridge.WriterDied, seg.next, 0)
            w._closed = True

    def test_numbers_begin_anew_before_they_are_used_up(self):
        framebridge.put_json("n", 0)
        with framebridge.open("n", follow=True) as seg:
            seg.next(5)
            for number in 2**47 - 1, 2**63 - 1:
                with self.subTest(number=number):
                    framebridge.put_json("n", 1)
                    self.assertEqual(seg.next(5).json(), 1)
                    self.patch(self.word(52, path=self.path("n")), struct.pack("<Q", 2 * number + 1), self.path("n"))
                    self.assertEqual(framebridge.put_json("n", number), 0)
                    frame = seg.next(5)
                    self.assertEqual((frame.json(), frame.number, frame.missed), (number, 0, 0))

    def test_the_lock_of_a_file_that_was_replaced_is_none(self):
        """Who waited for it looks at the name again, and finds another one locked."""
        def locked():
            lock = framebridge._Place("n").lock()
            self.assertTrue(lock.take(0))
            return lock

        def sleep(_):
            slept.append(held.pop().close())
            if len(slept) == 1:
                framebridge.put_json("n", 5)
                held.append(locked())

        framebridge.put_json("n", 1)
        slept, held = [], [locked()]
        with mock.patch("time.sleep", side_effect=sleep):
            framebridge.update("n", lambda old: old + b"0")
        self.assertEqual((framebridge.get_json("n"), len(slept)), (50, 2))

    def counting(self, count, processes=4):
        code = "import sys; sys.path.insert(0, sys.argv[1]); import framebridge\n" \
               f"for _ in range({count}): framebridge.update('n', lambda old: b'%d' % (int(old or b'0') + 1), wait=60); print(flush=True)"
        return [self.start(sys.executable, "-c", code, HERE) for _ in range(processes)]

    def test_four_processes_count(self):
        for process in self.counting(50):
            self.ended(process)
        self.assertEqual(framebridge.value("n"), b"200")
        self.assertEqual(len(os.listdir(self.dir)), 2)

    def test_killed_while_counting(self):
        """A dead holder locks nobody out, and each value is the old one or the new one."""
        processes = self.counting(100000)
        for process in processes[:3]:
            self.printed(process, 5)
            process.kill()
            process.wait()
        last = processes[3]
        before = len(self.lines(last))
        self.printed(last, before + 20)
        last.kill()
        last.wait()
        confirmed = sum(len(self.lines(process)) for process in processes)
        got = int(framebridge.value("n"))
        self.assertTrue(confirmed <= got <= confirmed + 4, (confirmed, got))
        self.assertEqual(framebridge.update("n", lambda old: old) + 1, got + 1)

    def test_killed_between_any_two_steps(self):
        """The process ends itself at each call that changes what others see."""
        framebridge.update("n", lambda old: b"old")
        code = """if True:
            import os, sys
            sys.path.insert(0, sys.argv[1])
            import framebridge
            at, calls = int(sys.argv[2]), 0
            def die(real):
                def call(*arguments, **options):
                    global calls
                    calls += 1
                    if calls == at: os._exit(9)
                    return real(*arguments, **options)
                return call
            for where, name in (os, "link"), (os, "rename"), (os, "unlink"), (framebridge._Data, "ring"), (framebridge.Writer, "_say_end"):
                setattr(where, name, die(getattr(where, name)))
            framebridge.update("n", lambda old: b"new")
        """
        seen, step = [], 0
        while True:
            step += 1
            process = self.start(sys.executable, "-c", code, HERE, step)
            if process.wait(20) == 0:
                break
            self.assertEqual(process.returncode, 9, self.text(process.err))
            seen.append(framebridge.value("n"))
            framebridge.update("n", lambda old: b"old")
        self.assertEqual(set(seen), {b"old", b"new"})
        self.assertEqual(seen, sorted(seen, reverse=True))
        self.assertGreaterEqual(len(seen), 6)


class Results(Case):
    def setUp(self):
        super().setUp()
        self.video = framebridge.create("cam0", 8, 8, slots=8, rate=30, linger=0)
        self.addCleanup(self.video.close)
        self.seg = framebridge.open("cam0")
        self.addCleanup(self.seg.close)

    def frame(self, i):
        self.video.publish(bytes([i]) * SIZE, pts=i)
        return self.seg.next(5)

    def test_records(self):
        with framebridge.results("cam0.boxes", slots=8, linger=0) as w:
            frames = [self.frame(i) for i in range(6)]
            for frame in frames[::2]:
                w.put(frame, {"boxes": [frame.number]})
            for mode in "newest", "lossless":
                with self.subTest(mode=mode), framebridge.open("cam0.boxes", mode) as seg:  # a late reader
                    got = list(seg.records(timeout=0))
                    self.assertEqual([record.json()["boxes"] for record in got], [[0], [2], [4]])
                    self.assertEqual([record.reference.frame for record in got], [0, 2, 4])
                    self.assertEqual((got[2].pts, got[2].time_base, got[2].captured), (4, Fraction(1, 30), frames[4].captured))
                    self.assertEqual(got[2].reference, (4, frames[4].generation[:16], 4))
            with framebridge.open("cam0.boxes") as seg:
                self.assertEqual([seg.for_frame(n).json()["boxes"][0] for n in (0, 1, 2, 3, 4, 99)], [0, 0, 2, 2, 4, 4])
                self.assertEqual(seg.for_frame(frames[3]).number, 1)
                following = seg.records(timeout=5)
                self.assertEqual([next(following).number for _ in range(3)], [0, 1, 2])
                for i in range(3, 8):
                    w.put(frames[5], {})
                self.assertEqual([next(following).number for _ in range(5)], [3, 4, 5, 6, 7])
                for i in range(20):
                    w.put(frames[5], {})
                record = next(following)
                self.assertEqual((record.number, record.missed), (20, 12))  # the ring has 8
                self.assertRaisesRegex(framebridge.Lost, "no record for frame 3 is left, the oldest is for frame 5", seg.for_frame, 3)

    def test_no_record_yet(self):
        with framebridge.results("cam0.boxes", linger=0) as w, framebridge.open("cam0.boxes") as seg:
            self.assertIsNone(seg.for_frame(5))
            w.put(self.frame(1), {})
            other = framebridge.create("cam1", 8, 8, linger=0)
            other.publish(bytes(SIZE))
            with framebridge.open("cam1") as foreign:
                self.assertIsNone(seg.for_frame(foreign.next()))  # of another segment
            other.close()
            w.put(None, {"of": "nothing"})
            self.assertEqual(seg.for_frame(0).number, 0)

    def test_records_end_with_the_writer(self):
        with framebridge.results("cam0.boxes") as w:
            with framebridge.open("cam0.boxes") as seg:
                for i in range(3):
                    w.put(None, i)
                w._o = w._o._replace(linger=0)
                w.close()
                self.assertEqual([record.json() for record in seg.records()], [0, 1, 2])


class Filters(Case):
    def setUp(self):
        super().setUp()
        for name, segment in ("FRAMEBRIDGE_IN", "in"), ("FRAMEBRIDGE_OUT", "out"):
            patch = mock.patch.dict(os.environ, {name: segment})
            patch.start()
            self.addCleanup(patch.stop)

    def run_filter(self, body, frames=5, resize=False, fail=None):
        """What comes out: the frames, and the source's state at the end."""
        code = f"import sys; sys.path.insert(0, sys.argv[1]); import framebridge\nfor frame, out in framebridge.filter('test'):\n    {body}\n"
        with framebridge.create("in", 8, 8, capacity=4096, rate=25, linger=0, live=True, color=framebridge.Color(2, 6, 1, 13)) as w:
            child = self.start(sys.executable, "-c", code, HERE)
            w.await_readers(1, 20)
            for i in range(frames):
                if resize and i == 2:
                    w.resize(16, 16)
                with w.frame(20) as f:
                    f.data = bytes([i]) * f.length
                    f.pts, f.meta, f.flags = i, {"i": i}, framebridge.DISCONTINUITY if i == 3 else 0
                    captured = f.captured
                if i == 0:
                    out = framebridge.open("out", "lossless", wait=20, hold=3)
            got = []
            if fail:
                w.abort(fail)
        while True:
            frame = out.next(20)
            if frame is None:
                break
            got.append(frame.copy())
            frame.release()
        state = out.source
        out.close()
        return child, got, state, captured

    def test_a_filter(self):
        child, got, state, captured = self.run_filter("out.payload[:] = bytes(255 - b for b in frame.payload)", resize=True)
        self.ended(child)
        self.assertEqual([(f.number, f.pts, f.payload[0], f.width) for f in got], [(i, i, 255 - i, 8 if i < 2 else 16) for i in range(5)])
        last = got[-1]
        self.assertEqual((last.meta_json(), last.rate, last.time_base, last.color, last.captured), ({"i": 4}, 25, Fraction(1, 25), (2, 6, 1, 13, 0), captured))
        self.assertEqual((got[3].flags, state.state), (framebridge.DISCONTINUITY, "none"))
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_filter_that_raises(self):
        child, got, state, _ = self.run_filter("1 / (3 - frame.number); out.payload[:] = frame.payload", 4)
        self.ended(child, 1)
        self.assertIn("ZeroDivisionError", self.text(child.err))
        self.assertEqual(([f.number for f in got], state), ([0, 1, 2], ("failed", "the filter was left before the end of its input")))

    def test_an_input_that_fails(self):
        child, got, state, _ = self.run_filter("out.payload[:] = frame.payload", fail="no signal")
        self.ended(child)
        self.assertEqual(state, ("failed", "no signal"))

    def test_not_run_by_framebridge(self):
        with mock.patch.dict(os.environ):
            del os.environ["FRAMEBRIDGE_IN"]
            self.assertRaisesRegex(framebridge.NotFound, "run this by framebridge run", framebridge.filter)


def read_in_child(name, queue):
    """For multiprocessing: opens after the fork."""
    with framebridge.open(name, "lossless", wait=10) as seg:
        queue.put([bytes(frame.payload[:1]) for frame in seg])


class Processes(Case):
    def test_multiprocessing(self):
        for method in "fork", "spawn":
            with self.subTest(method=method):
                context = multiprocessing.get_context(method)
                queue = context.Queue()
                with framebridge.create("seg", 8, 8, linger=0) as w:
                    children = [context.Process(target=read_in_child, args=("seg", queue)) for _ in range(2)]
                    for child in children:
                        child.start()
                    w.await_readers(2, 30)
                    for i in range(50):
                        w.publish(bytes([i]) * SIZE, timeout=20)
                got = [queue.get(timeout=20) for _ in children]
                for child in children:
                    child.join(20)
                    self.assertEqual(child.exitcode, 0)
                self.assertEqual(got, [[bytes([i]) for i in range(50)]] * 2)

    def fork(self, what):
        """Runs what in a forked child, which must return true."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
            child = os.fork()
        if child == 0:
            code = 99
            try:
                code = 0 if what() else 1
            finally:
                os._exit(code)
        return child

    def test_used_in_a_forked_child(self):
        w = framebridge.create("seg", 8, 8, linger=0)
        seg = framebridge.open("seg", "lossless")
        w.publish(b"\5" * SIZE)
        frame = seg.next()
        payload = frame.payload

        def child():
            for what in seg.next, lambda: list(seg), lambda: seg.stats, seg.recent, lambda: w.publish(bytes(SIZE)), lambda: w.readers, frame.release:
                try:
                    what()
                    return False
                except framebridge.Forked as error:
                    assert "after" in str(error)
            seg.close()  # neither ends what is the parent's
            w.close()
            return bytes(payload) == b"\5" * SIZE
        self.assertEqual(os.waitpid(self.fork(child), 0)[1], 0)
        w.publish(b"\6" * SIZE)
        self.assertEqual((seg.next().payload[0], w.readers), (6, 1))
        with framebridge.open("seg") as other:
            self.assertTrue(other._data.written())
        seg.close()
        w.close()

    def test_a_child_that_lives_on_keeps_nobody_alive(self):
        """A forked child does not keep the locks of its parent: the parent's death is seen."""
        code = """if True:
            import os, sys, time
            sys.path.insert(0, sys.argv[1])
            import framebridge
            w = framebridge.create("seg", 8, 8)
            w.publish(bytes(256))
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            print(flush=True)
            time.sleep(60)
        """
        process = self.start(sys.executable, "-c", code, HERE)
        self.printed(process, 1)
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        with open(children) as file:
            child = int(file.read().split()[0])
        try:
            with framebridge.open("seg") as seg:
                seg.next()
                process.kill()
                process.wait()
                self.assertRaises(framebridge.WriterDied, seg.next, 20)
            with framebridge.create("seg", 8, 8, linger=0) as w:
                self.assertEqual(w.next_number, 1)
        finally:
            os.kill(child, signal.SIGKILL)

    def test_installable(self):
        """pip install, without a network."""
        if subprocess.call([sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            self.skipTest("this Python has no pip")
        install = self.start(sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-cache-dir", "--target", self.path("site"), HERE,
                             PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore")
        self.ended(install)
        code = "import sys; sys.path[0] = sys.argv[1]; import framebridge; print(framebridge.__version__, framebridge.__file__.startswith(sys.argv[1]))"
        child = self.start(sys.executable, "-c", code, self.path("site"))
        self.ended(child)
        self.assertEqual(self.lines(child), [f"{framebridge.__version__} True"])
        with open(os.path.join(HERE, "pyproject.toml")) as file:
            self.assertIn(f'version = "{framebridge.__version__}"', file.read())

    def test_objects_are_not_pickled(self):
        with framebridge.create("seg", 8, 8, linger=0) as w, framebridge.open("seg") as seg:
            for what in w, seg:
                self.assertRaises((TypeError, pickle.PicklingError), pickle.dumps, what)


if __name__ == "__main__":
    unittest.main()
