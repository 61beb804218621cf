"""Tests of segment_reader.py: real segments from a writer for tests, and damaged copies of one.

FRAMEBRIDGE_PUBTEST names the writer's binary, called as NAME FRAMES FPS [SLOTS] [FORMAT] (a pixel format, or data). It prints a line for each frame
as segment_reader.py does; FPS 0 means as fast as the readers let it, after one has registered; MOVE=1 moves in mid-stream.
"""
import fcntl, os, shutil, struct, subprocess, sys, tempfile, threading, time, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import segment_reader as reader

WRITER = os.environ.get("FRAMEBRIDGE_PUBTEST")


@unittest.skipUnless(WRITER and os.access(WRITER, os.X_OK), "FRAMEBRIDGE_PUBTEST does not name the writer's binary")
class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="segment-reader-test-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, self.dir)

    def start(self, command, **environment):
        out = tempfile.TemporaryFile("w+")
        self.addCleanup(out.close)
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "FRAMEBRIDGE_DIR": self.dir, **environment})
        process.out = out
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def write(self, *arguments, move=False):
        return self.start([WRITER, "seg", *map(str, arguments)], MOVE="1" if move else "0")

    def read(self, *arguments):
        return self.start([sys.executable, os.path.join(HERE, "segment_reader.py"), "seg", *arguments])

    def lines(self, process):
        process.out.seek(0)
        return process.out.read().splitlines()

    def until(self, process, count):
        """Wait until a process has printed so many lines, looking at the file by its size so as not to move its end."""
        for _ in range(1000):
            text = os.pread(process.out.fileno(), 1 << 20, 0)
            if text.count(b"\n") >= count:
                return
            time.sleep(0.01)
        self.fail("no output")

    def path(self, name="seg"):
        return os.path.join(self.dir, name)

    def control(self):
        return self.path(next(name for name in os.listdir(self.dir) if name.startswith(".seg.")))

    def abandoned(self):
        """A segment whose writer was killed in mid-stream."""
        writer = self.write(1000, 100)
        self.until(writer, 8)
        writer.kill()
        writer.wait()

    def code(self, *arguments):
        return self.read("--wait", "0", *arguments).wait(30)

    def patch(self, offset, data, path=None, checksum=False):
        with open(path or self.path(), "r+b") as file:
            file.seek(offset)
            file.write(data)
            if checksum:
                file.seek(0)
                head = file.read(4096)
                size, = struct.unpack_from("<I", head, 12)
                file.seek(20)
                file.write(struct.pack("<I", reader._crc32c(head[:20] + bytes(4) + head[24:size])))

    def word(self, offset, form="<I", path=None):
        with open(path or self.path(), "rb") as file:
            return struct.unpack(form, os.pread(file.fileno(), struct.calcsize(form), offset))[0]


class Streams(Case):
    def test_lossless_gives_every_frame(self):
        for form in "rgba", "bgra", "rgb24", "bgr24", "gray8", "yuv420p", "nv12", "data":
            with self.subTest(format=form):
                writer = self.write(100, 0, 3, form)
                client = self.read("--lossless")
                self.assertEqual((client.wait(30), writer.wait(30)), (0, 0))
                self.assertEqual(self.lines(client), self.lines(writer))
                self.assertEqual(len(self.lines(client)), 100)

    def test_lossless_follows_a_move(self):
        writer, client = self.write(200, 0, move=True), self.read("--lossless")
        self.assertEqual((client.wait(30), writer.wait(30)), (0, 0))
        self.assertEqual(self.lines(client), self.lines(writer))
        self.assertEqual(len({line.split()[0] for line in self.lines(client)}), 2)

    def newest(self, move):
        writer, client = self.write(200, 200, move=move), self.read()
        self.assertEqual((client.wait(30), writer.wait(30)), (0, 0))
        got, written = self.lines(client), self.lines(writer)
        self.assertGreater(len(got), 20)
        kept = set(got)
        self.assertEqual(got, [line for line in written if line in kept])  # known lines only, in order, none twice
        self.assertEqual(got[-1], written[-1])

    def test_newest(self):
        self.newest(False)

    def test_newest_follows_a_move(self):
        self.newest(True)

    def test_both_at_full_speed(self):
        writer = self.write(2000, 0, 2, move=True)
        clients = [self.read(), self.read("--lossless"), self.read("--lossless")]
        self.assertEqual([client.wait(60) for client in clients] + [writer.wait(60)], [0] * 4)
        written = self.lines(writer)
        for client in clients[1:]:  # the second may join late, but from there on it has everything
            self.assertEqual(self.lines(client), written[-len(self.lines(client)):])
        self.assertLessEqual(set(self.lines(clients[0])), set(written))

    def test_frames(self):
        self.write(60, 50)
        with reader.open_segment("seg", dir=self.dir) as frames:
            got = []
            for frame in frames:
                got.append(frame)
                time.sleep(0.1)
            self.assertRaises(StopIteration, next, frames)
        for before, frame in zip(got, got[1:]):
            self.assertEqual(frame.missed, frame.number - before.number - 1)
        self.assertGreater(sum(frame.missed for frame in got), 0)
        frame = got[-1]
        self.assertEqual((frame.number, frame.width, frame.height, frame.format), (59, 64, 36, "rgba"))
        self.assertEqual((len(frame.payload), len(frame.planes), len(frame.generation)), (frame.length, 1, 32))

    def test_the_writer_is_killed(self):
        for mode in [], ["--lossless"]:
            with self.subTest(mode=mode):
                writer, client = self.write(5000, 100), self.read(*mode)
                self.until(client, 20)
                writer.kill()
                before = time.monotonic()
                self.assertEqual(client.wait(5), 3)
                self.assertLess(time.monotonic() - before, 1)
                writer.wait()
                os.unlink(self.path())

    def test_without_standard_descriptors(self):
        """What a process prints that was started without 0 to 2 lands in no segment."""
        code = """if True:
            import os, sys
            sys.path.insert(0, sys.argv[1])
            import segment_reader
            with segment_reader.open_segment("seg", lossless=True, dir=sys.argv[2]) as frames:
                for frame in frames:
                    for fd in range(3):
                        try: os.write(fd, b"[info] profile High")
                        except OSError: pass
                os._exit(42 if frame.number == 19 else 1)"""
        self.write(20, 0)
        shell = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh"]
        self.assertEqual(subprocess.Popen([*shell, sys.executable, "-c", code, HERE, self.dir]).wait(30), 42)

    def test_a_reader_is_killed(self):
        writer, client = self.write(200, 100, 2), self.read("--lossless")
        self.until(client, 20)
        client.kill()
        other = self.read("--lossless")
        self.assertEqual((writer.wait(30), other.wait(30)), (0, 0))
        self.assertEqual(len(self.lines(writer)), 200)
        self.assertEqual(self.lines(other), self.lines(writer)[-len(self.lines(other)):])


class Files(Case):
    def test_nothing_there(self):
        self.assertEqual(self.code(), 5)
        self.assertRaises(ValueError, reader.open_segment, "../seg", dir=self.dir)

    def test_an_abandoned_segment(self):
        self.abandoned()
        self.assertEqual((self.code(), self.code("--lossless")), (3, 3))
        for lossless in False, True:
            with reader.open_segment("seg", lossless, 0, self.dir) as frames:
                self.assertEqual(next(frames).number, (self.word(self.word(32) + 128, "<Q") >> 16) - 1)
                self.assertRaises(reader.WriterDied, next, frames)

    def test_damaged_headers(self):
        self.abandoned()
        with open(self.path(), "rb") as file:
            good = file.read()
        pack = lambda value: struct.pack("<I", value)
        cases = {"magic": (0, b"FBRIDGE "), "major": (8, b"\1\0"), "header size": (12, pack(128)), "must": (16, pack(1 << 31)),
                 "file size": (24, struct.pack("<Q", len(good) + 4096)), "dynamic header": (32, pack(64)),
                 "reader table": (40, pack(128)), "cells": (48, pack(1 << 20)), "slot record": (56, pack(128)),
                 "slots": (60, pack(60000)), "slots' place": (64, b"\xff" * 8), "stride": (72, bytes(8)), "meta": (96, b"\xff" * 4)}
        self.patch(0, b"F", checksum=True)
        self.assertEqual(self.code(), 3)  # a right checksum alone changes nothing
        self.patch(16, pack(2), checksum=True)
        self.assertEqual(self.code(), 3)  # a larger alignment is nothing to do
        for what, (offset, data) in cases.items():
            with self.subTest(what):
                self.patch(0, good[:4096])
                self.patch(offset, data, checksum=True)
                self.assertRaises(reader.Damaged, reader.open_segment, "seg", False, 0, self.dir)
        self.assertEqual(self.code(), 5)
        with self.subTest("checksum"):
            self.patch(0, good[:4096])
            self.patch(160, b"\x55")
            self.assertRaises(reader.Damaged, reader.open_segment, "seg", False, 0, self.dir)
        for size in len(good) - 4096, 4096, 300, 100, 0:
            with self.subTest(truncated=size):
                self.patch(0, good[:4096])
                os.truncate(self.path(), size)
                self.assertEqual(self.code(), 5)

    def test_damaged_frames(self):
        self.abandoned()
        dyn = self.word(32)
        slot = self.word(dyn + 128, "<Q") & 0xFFFF
        record = self.word(52) + slot * self.word(56)
        for what, place, data in (
                ("number", record + 128, b"\xff" * 8), ("length", record + 224, b"\xff" * 8), ("meta", record + 232, b"\xff" * 4),
                ("planes", record + 264, b"\5"), ("plane", record + 288, b"\xff" * 8),
                ("stride", record + 296, b"\1\0\0\0"), ("place", record + 440, b"\1"), ("slot", dyn + 128, b"\xff\xff"),
                ("final", dyn, b"\3")):
            with self.subTest(what):
                old = self.word(place, f"{len(data)}s")
                self.patch(place, data)
                with reader.open_segment("seg", False, 0, self.dir) as frames:
                    if what == "final":
                        self.patch(dyn + 640, struct.pack("<Q", 1 << 40))
                        next(frames)
                    self.assertRaises(reader.Damaged, next, frames)
                self.patch(place, old)
        self.patch(record + 268, b"\xff")  # a pixel format not known is no damage, and its planes are not looked at
        with reader.open_segment("seg", False, 0, self.dir) as frames:
            frame = next(frames)
        self.assertEqual((frame.format, frame.planes, len(frame.payload)), ("format255", (), frame.length))

    def test_files_not_to_be_trusted(self):
        self.abandoned()
        seg, other = self.path(), self.path("other")
        os.rename(seg, other)
        for what, make, remove in (("symlink", lambda: os.symlink("other", seg), os.unlink), ("link", lambda: os.link(other, seg), os.unlink),
                                   ("pipe", lambda: os.mkfifo(seg), os.unlink), ("directory", lambda: os.mkdir(seg), os.rmdir)):
            with self.subTest(what):
                make()
                self.assertEqual(self.code(), 5)
                remove(seg)
        os.rename(other, seg)
        for path, mode, code in ((seg, 0o602, 5), (seg, 0o620, 5), (self.control(), 0o602, 5), (self.control(), 0o660, 3), (seg, 0o644, 3)):
            with self.subTest(path=path, mode=oct(mode)):
                os.chmod(path, mode)
                self.assertEqual(self.code("--lossless"), code)
                os.chmod(path, 0o600)

    def test_damaged_control_file(self):
        self.abandoned()
        self.assertEqual(self.code("--lossless"), 3)
        for offset, data in (0, b"X"), (8, b"\7"), (12, b"\1"), (16, bytes(8)):
            with self.subTest(offset=offset):
                old = self.word(offset, f"{len(data)}s", self.control())
                self.patch(offset, data, self.control())
                self.assertEqual((self.code("--lossless"), self.code()), (5, 3))
                self.patch(offset, old, self.control())
        os.truncate(self.control(), 256)
        self.assertEqual(self.code("--lossless"), 5)
        os.unlink(self.control())  # as if the segment were being replaced just now
        self.assertRaises(reader.NotFound, reader.open_segment, "seg", True, 0.1, self.dir)


class Answers(Case):
    """The test takes the lock of an abandoned segment, and answers the reader in the writer's place."""

    def setUp(self):
        super().setUp()
        self.abandoned()
        self.file = open(self.path(), "r+b")
        self.addCleanup(self.file.close)
        fcntl.fcntl(self.file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0))
        self.newest = (self.word(self.word(32) + 128, "<Q") >> 16) - 1
        self.table, self.size = self.word(40), self.word(44)

    def open(self, state, first, reason=0):
        def answer():
            while not self.word(128, "<Q", self.control()):
                time.sleep(0.01)
            self.patch(self.table + self.size + 8, struct.pack("<IIQ", state, reason, first))
            self.patch(self.table + self.size, struct.pack("<Q", self.word(128, "<Q", self.control())))
        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        return reader.open_segment("seg", True, 0, self.dir)

    def test_refused(self):
        self.assertRaisesRegex(reader.Refused, "reason 1", self.open, 3, 0, 1)
        self.assertEqual(self.word(128, "<Q", self.control()), 0)  # it left

    def test_evicted(self):
        with self.open(1, self.newest) as frames:  # one before the newest
            self.assertEqual(next(frames).number, self.newest - 1)
            self.assertEqual(self.word(136, "<Q", self.control()), self.newest)  # let go
            self.patch(self.table + self.size + 8, b"\2")
            self.assertRaises(reader.Evicted, next, frames)

    def test_lost(self):
        with self.open(1, 1) as frames:
            self.assertRaises(reader.Lost, next, frames)

    def test_overrun(self):
        slot = self.word(self.word(32) + 128, "<Q") & 0xFFFF
        self.patch(self.word(52) + slot * self.word(56), struct.pack("<Q", 2 * self.newest + 1))
        with reader.open_segment("seg", False, 0, self.dir) as frames:
            self.assertRaises(reader.Overrun, next, frames)
            self.patch(self.word(52) + slot * self.word(56), struct.pack("<Q", 2 * self.newest + 2))
            self.assertEqual(next(frames).number, self.newest)

    def test_every_cell_taken(self):
        with open(self.control(), "r+b") as file:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 1, self.word(48), 0))
            self.assertRaisesRegex(reader.Refused, "taken", reader.open_segment, "seg", True, 0, self.dir)

    def end(self, state, error, name=None):
        """What comes after the newest frame, in this state and with this file under the name."""
        dyn = self.word(32)
        self.patch(dyn + 640, struct.pack("<Q", self.newest + 1))
        self.patch(dyn, bytes([state]))
        with reader.open_segment("seg", False, 0, self.dir) as frames:
            self.assertEqual(next(frames).number, self.newest)
            os.rename(self.path(), self.path("old"))
            if name:
                os.rename(name, self.path())
            self.assertRaises(error, next, frames)
        os.rename(self.path("old"), self.path())

    def test_dead_ended_and_moved(self):
        for state, error in (5, reader.WriterDied), (3, StopIteration), (4, StopIteration):  # moved, and the name is gone
            with self.subTest(state=state):
                self.end(state, error)
        for what, control, flags, error in (("itself", 0, 0, reader.Damaged), ("after a clean end", 1, 0, StopIteration),
                                               ("after a death", 1, 4, reader.WriterDied)):
            with self.subTest(moved=what):
                new = shutil.copy(self.path(), self.path("new"))
                self.patch(136, struct.pack("<Q", self.word(136, "<Q") ^ control), new)
                self.patch(180, bytes([flags]), new, checksum=True)
                self.end(4, error, new)

    def test_a_state_not_known_is_as_live(self):
        for state in 0, 2, 9:
            with self.subTest(state=state), reader.open_segment("seg", False, 0, self.dir) as frames:
                self.patch(self.word(32), bytes([state]))
                next(frames)
                timer = threading.Timer(0.3, self.patch, (self.word(32), b"\5"))
                timer.start()
                before = time.monotonic()
                self.assertRaises(reader.WriterDied, next, frames)
                self.assertGreater(time.monotonic() - before, 0.2)
                timer.join()


if __name__ == "__main__":
    unittest.main()
