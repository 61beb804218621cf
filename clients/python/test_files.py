"""Files that are no segment, that lie, or that may not be trusted; and writers that do, played by the test."""
import fcntl
import os
import shutil
import struct
import threading
import time
import unittest
from unittest import mock

from testcase import Case, framebridge


class Files(Case):
    def refused(self, error, mode="newest", text=""):
        with self.assertRaisesRegex(error, text) as caught:
            with framebridge.open("seg", mode) as seg:
                for _ in seg:
                    pass
        self.assertIs(type(caught.exception) if error is not framebridge.NotFound else error, error)

    def test_nothing_there(self):
        self.refused(framebridge.NotFound, text="start its writer")
        os.environ["FRAMEBRIDGE_DIR"] = self.path("nowhere")
        self.refused(framebridge.NotFound)
        before = time.monotonic()
        self.assertRaises(framebridge.NotFound, framebridge.open, "seg", wait=0.3)
        self.assertGreater(time.monotonic() - before, 0.25)

    def test_names(self):
        for name in "", "../seg", "Seg", ".seg", "a" * 65, "seg\n", "fd:1", "fd:a,b":
            with self.subTest(name=name):
                self.assertRaises(framebridge.InvalidName, framebridge.open, name)
                self.assertRaises(ValueError, framebridge.create, name, 8, 8)
        self.assertRaises(framebridge.InvalidName, framebridge.create, "fd:3,4", 8, 8)
        self.assertRaises(framebridge.InvalidName, framebridge.update, "fd:3,4", lambda old: b"")

    def test_an_abandoned_segment(self):
        self.abandoned()
        for mode in "newest", "lossless":
            self.refused(framebridge.WriterDied, mode, "died after frame [0-9]+")
            with framebridge.open("seg", mode) as seg:
                self.assertEqual(seg.next().number, self.published()[0])
                self.assertRaises(framebridge.WriterDied, seg.next)

    def test_damaged_headers(self):
        self.abandoned()
        with open(self.path(), "rb") as file:
            good = file.read()
        pack = lambda value: struct.pack("<I", value)
        cases = {"magic": (0, b"FBRIDGE "), "header size": (12, pack(128)), "file size": (24, struct.pack("<Q", len(good) + 4096)),
                 "dynamic header": (32, pack(64)), "reader table": (40, pack(128)), "cells": (48, pack(1 << 20)), "slot record": (56, pack(128)),
                 "slots": (60, pack(60000)), "slots' place": (64, b"\xff" * 8), "stride": (72, bytes(8)), "alignment": (88, pack(0)),
                 "meta": (96, b"\xff" * 4)}
        self.assertEqual(framebridge._crc32c(b"123456789"), 0xE3069283)
        self.patch(0, b"F", checksum=True)
        self.refused(framebridge.WriterDied)  # a right checksum alone changes nothing
        for what, offset, data, error in (("a larger alignment", 16, pack(2), framebridge.WriterDied), ("a minor of tomorrow", 10, b"\7\0", framebridge.WriterDied),
                                          ("a major of tomorrow", 8, b"\2\0", framebridge.Version), ("a need of tomorrow", 16, pack(1 << 31), framebridge.Version)):
            with self.subTest(what):
                self.patch(0, good[:4096])
                self.patch(offset, data, checksum=True)
                self.refused(error)
        self.patch(0, good[:4096])
        self.patch(8, b"\2\0")  # nothing that follows a major of tomorrow means anything
        self.refused(framebridge.Version, text="layout 2.0, this module reads 1.x: update")
        for what, (offset, data) in cases.items():
            with self.subTest(what):
                self.patch(0, good[:4096])
                self.patch(offset, data, checksum=True)
                self.refused(framebridge.Damaged)
        with self.subTest("checksum"):
            self.patch(0, good[:4096])
            self.patch(160, b"\x55")
            self.refused(framebridge.Damaged, text="checksum")
            self.assertRaises(framebridge.Damaged, framebridge.create, "seg", 8, 8)
        for size in len(good) - 4096, 4096, 300, 100, 0:
            with self.subTest(truncated=size):
                self.patch(0, good[:4096])
                os.truncate(self.path(), size)
                self.refused(framebridge.Damaged)

    def test_damaged_frames(self):
        self.abandoned()
        dyn, (_, slot) = self.word(32), self.published()
        record = self.record(slot)
        for what, place, data in (
                ("number", record + 128, b"\xff" * 8), ("length", record + 224, b"\xff" * 8), ("meta", record + 232, b"\xff" * 4),
                ("planes", record + 264, b"\5"), ("plane", record + 288, b"\xff" * 8), ("stride", record + 296, b"\1\0\0\0"),
                ("rows", record + 300, b"\1\0\0\0"), ("place", record + 440, b"\1"), ("slot", dyn + 128, b"\xff\xff"), ("final", dyn, b"\3"),
                ("sequence", record, b"\1")):
            with self.subTest(what):
                old = self.word(place, f"{len(data)}s")
                with framebridge.open("seg") as seg:
                    if what == "final":
                        self.patch(dyn + 640, struct.pack("<Q", 1 << 40))
                        seg.next()
                    self.patch(place, data)
                    self.assertRaises(framebridge.Damaged, seg.next)
                self.patch(place, old)
        self.patch(record + 268, b"\xff")  # a pixel format not known is no damage, and its planes are not looked at
        with framebridge.open("seg") as seg:
            frame = seg.next()
        self.assertEqual((frame.pixel_format, frame.planes, len(frame.payload)), ("format255", (), 64 * 36 * 4))

    def test_files_not_to_be_trusted(self):
        self.abandoned()
        seg, other = self.path(), self.path("other")
        os.rename(seg, other)
        for what, make, remove in (("symlink", lambda: os.symlink("other", seg), os.unlink), ("link", lambda: os.link(other, seg), os.unlink),
                                   ("pipe", lambda: os.mkfifo(seg), os.unlink), ("directory", lambda: os.mkdir(seg), os.rmdir)):
            with self.subTest(what):
                make()
                self.refused(framebridge.Untrusted)
                self.assertRaises(framebridge.Untrusted, framebridge.create, "seg", 8, 8)
                remove(seg)
        os.rename(other, seg)
        for path, mode, error in ((seg, 0o602, framebridge.Untrusted), (seg, 0o620, framebridge.Untrusted), (self.control(), 0o602, framebridge.Untrusted),
                                  (self.control(), 0o660, framebridge.WriterDied), (seg, 0o644, framebridge.WriterDied)):
            with self.subTest(path=path, mode=oct(mode)):
                os.chmod(path, mode)
                self.refused(error, "lossless")
                os.chmod(path, 0o600)
        for mode, error in (0o777, framebridge.Untrusted), (0o1777, framebridge.WriterDied), (0o2770, framebridge.WriterDied):
            with self.subTest(folder=oct(mode)):
                os.chmod(self.dir, mode)
                self.refused(error)
        os.chmod(self.dir, 0o700)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_another_user(self):
        self.abandoned()
        for path in self.path(), self.dir:
            with self.subTest(path=path):
                os.chown(path, 12345, -1)
                self.refused(framebridge.Untrusted, text="12345")
                framebridge.open("seg", trust=(12345,)).close()
                os.chown(path, 0, -1)

    def test_sealed_was_asked_for(self):
        with framebridge.create("seg", 8, 8, linger=0):
            self.assertRaisesRegex(framebridge.Untrusted, "not sealed", framebridge.open, "seg", sealed=True)

    def test_damaged_control_file(self):
        self.abandoned()
        self.refused(framebridge.WriterDied, "lossless")
        for offset, data, error in ((0, b"X", framebridge.Damaged), (8, b"\7", framebridge.Version), (12, b"\1", framebridge.Damaged),
                                    (16, bytes(8), framebridge.Damaged)):
            with self.subTest(offset=offset):
                old = self.word(offset, f"{len(data)}s", self.control())
                self.patch(offset, data, self.control())
                self.refused(error, "lossless")
                self.refused(framebridge.WriterDied)  # newest needs none
                self.patch(offset, old, self.control())
        os.truncate(self.control(), 256)
        self.refused(framebridge.Damaged, "lossless")
        os.unlink(self.control())  # as if the segment were being replaced just now
        self.assertRaises(framebridge.NotFound, framebridge.open, "seg", "lossless")


class SealedSegments(Case):
    """What another program hands down as two descriptors (2)."""

    def memory(self, source, seals):
        fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
        self.addCleanup(os.close, fd)
        with open(source, "rb") as file:
            os.write(fd, file.read())
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
        os.fchmod(fd, 0o600)
        return fd

    def test_inherited_descriptors(self):
        self.abandoned()
        shrink, grow, future, seal = 2, 4, 0x10, 1
        control = self.memory(self.control(), shrink | grow | seal)
        for seals, sealed, error in ((shrink | grow | future | seal, True, None), (shrink | grow, True, framebridge.Untrusted), (0, False, None)):
            for mode in "newest", "lossless":
                with self.subTest(seals=seals, mode=mode):
                    name = f"fd:{self.memory(self.path(), seals)},{control}"
                    if error:
                        self.assertRaises(error, framebridge.open, name, mode, sealed=sealed)
                        continue
                    with framebridge.open(name, mode, sealed=sealed) as seg:
                        self.assertEqual(seg.next().number, self.published()[0])
                        self.assertRaises(framebridge.WriterDied, seg.next)
        self.assertRaises(framebridge.NotFound, framebridge.open, "fd:987,988")


class Answers(Case):
    """The test takes the lock of an abandoned segment, and answers the reader in the writer's place."""

    def setUp(self):
        super().setUp()
        self.abandoned()
        self.file = open(self.path(), "r+b")
        self.addCleanup(self.file.close)
        fcntl.fcntl(self.file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0))
        self.newest, self.slot = self.published()
        self.table, self.size = self.word(40), self.word(44)

    def open(self, state, first, reason=0, detail=0):
        def answer():
            while not self.word(128, "<Q", self.control()):
                time.sleep(0.01)
            self.patch(self.table + self.size + 8, struct.pack("<IIQQQQ", state, reason, first, 0, 0, detail))
            self.patch(self.table + self.size, struct.pack("<Q", self.word(128, "<Q", self.control())))
        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        return framebridge.open("seg", "lossless")

    def test_refused(self):
        for reason, detail, text in (1, 0, "open it newest"), (2, 5, "needs 5 slots"), (9, 0, "reason 9"):
            with self.subTest(reason=reason):
                self.patch(self.table + self.size, bytes(8))
                self.assertRaisesRegex(framebridge.Refused, text, self.open, 3, 0, reason, detail)
                self.assertEqual(self.word(128, "<Q", self.control()), 0)  # it left

    def test_evicted(self):
        with self.open(1, self.newest) as seg:  # from one before the newest on
            frame = seg.next()
            self.assertEqual((frame.number, frame.valid), (self.newest - 1, True))
            frame.release()
            self.assertEqual(self.word(136, "<Q", self.control()), self.newest)  # let go
            self.patch(self.table + self.size + 8, b"\2")
            self.assertRaises(framebridge.Evicted, seg.next)

    def test_overwritten_in_use(self):
        with self.open(1, self.newest) as seg:
            frame = seg.next()
            view = frame.payload
            self.patch(self.record(frame._slot), struct.pack("<Q", 2 * self.newest + 99))
            self.assertFalse(frame.valid)
            self.assertRaises(framebridge.Evicted, frame.copy)
            self.assertRaisesRegex(framebridge.Evicted, "void", seg.next)
        self.assertEqual(len(bytes(view)), 64 * 36 * 4)  # still memory

    def test_lost(self):
        with self.open(1, 1) as seg:
            self.assertRaises(framebridge.Lost, seg.next)
        self.file.close()  # nobody writes
        self.patch(self.record(self.slot), bytes(8))
        with framebridge.open("seg", "lossless") as seg:
            self.assertRaises(framebridge.Lost, seg.next, 0)

    def test_overrun(self):
        self.patch(self.record(self.slot), struct.pack("<Q", 2 * self.newest + 1))
        with framebridge.open("seg") as seg:
            self.assertRaises(framebridge.Overrun, seg.next)
            self.patch(self.record(self.slot), struct.pack("<Q", 2 * self.newest + 2))
            self.assertEqual(seg.next().number, self.newest)
            self.assertEqual((seg.stats.overruns, seg.stats.retries), (1, 10))

    def test_no_answer(self):
        real, framebridge._ANSWER_WITHIN = framebridge._ANSWER_WITHIN, 0.3
        self.addCleanup(setattr, framebridge, "_ANSWER_WITHIN", real)
        self.assertRaisesRegex(framebridge.Timeout, "does not answer", framebridge.open, "seg", "lossless")

    def test_every_cell_taken(self):
        with open(self.control(), "r+b") as file:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 1, self.word(48), 0))
            self.assertRaisesRegex(framebridge.Refused, "taken", framebridge.open, "seg", "lossless")
            framebridge.open("seg").close()  # newest needs none

    def test_a_lock_that_is_let_go_in_a_moment(self):
        """Who takes a dead segment away has its lock while he does so, and is no writer that lives."""
        self.assertRaises(framebridge.Busy, framebridge.create, "seg", 8, 8)
        self.assertRaises(framebridge.Busy, framebridge.remove, "seg")
        with mock.patch("time.sleep", side_effect=lambda _: self.file.close()):
            framebridge.create("seg", 8, 8, linger=0).close()

    def end(self, state, error, name=None):
        """What comes after the newest frame, in this state and with this file under the name."""
        dyn = self.word(32)
        self.patch(dyn + 640, struct.pack("<Q", self.newest + 1))
        self.patch(dyn, bytes([state]))
        with framebridge.open("seg") as seg:
            self.assertEqual(seg.next().number, self.newest)
            os.rename(self.path(), self.path("old"))
            if name:
                os.rename(name, self.path())
            if error:
                self.assertRaises(error, seg.next)
            else:
                self.assertIsNone(seg.next())
        os.rename(self.path("old"), self.path())

    def test_dead_ended_and_moved(self):
        for state, error in (5, framebridge.WriterDied), (3, None), (4, None):  # moved, and the name is gone
            with self.subTest(state=state):
                self.end(state, error)
        for what, control, flags, error in (("itself", 0, 0, framebridge.Damaged), ("after a clean end", 1, 0, None),
                                            ("after a death", 1, 4, framebridge.WriterDied)):
            with self.subTest(moved=what):
                new = shutil.copy(self.path(), self.path("new"))
                self.patch(136, struct.pack("<Q", self.word(136, "<Q") ^ control), new)
                self.patch(180, bytes([flags]), new, checksum=True)
                self.end(4, error, new)

    def test_a_state_not_known_is_as_live(self):
        for state in 0, 2, 9:
            with self.subTest(state=state), framebridge.open("seg") as seg:
                self.patch(self.word(32), bytes([state]))
                seg.next()
                timer = threading.Timer(0.3, self.patch, (self.word(32), b"\5"))
                timer.start()
                before = time.monotonic()
                self.assertRaises(framebridge.WriterDied, seg.next)
                self.assertGreater(time.monotonic() - before, 0.2)
                timer.join()

    def test_without_a_futex(self):
        """A bounded sleep takes its place."""
        real, framebridge._futex = framebridge._futex, lambda *_: 38  # ENOSYS
        self.addCleanup(setattr, framebridge, "_futex", real)
        with framebridge.open("seg") as seg:
            seg.next()
            self.assertRaises(framebridge.Timeout, seg.next, 0.2)
        with framebridge.create("out", 8, 8, linger=0) as w, framebridge.open("out", "lossless") as seg:
            w.publish(bytes(256))
            self.assertEqual(seg.next(5).number, 0)


if __name__ == "__main__":
    unittest.main()
