"""What the tests share: a folder of segments for each test, and other processes in it.

FRAMEBRIDGE_BIN names the folder that has the programs in Go: testwriter, testreader and framebridge (make python builds them).
What is missing skips a test; where FRAMEBRIDGE_NEED_FFMPEG is set it fails it. FRAMEBRIDGE_TEST_SECONDS: how long the tests run
that look for a rare fault.
"""
import importlib.util
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import framebridge

PEER = os.path.join(HERE, "peer.py")
BIN = os.environ.get("FRAMEBRIDGE_BIN", "")
SECONDS = float(os.environ.get("FRAMEBRIDGE_TEST_SECONDS", "1"))


def program(name):
    """The path of a program of ours, from $FRAMEBRIDGE_BIN or bin (make build); None if it is not there."""
    return shutil.which(name, path=os.pathsep.join(filter(None, [BIN, os.path.join(HERE, "..", "..", "bin")])))


def needs(*things):
    """For a test, or a class of them, that needs programs and modules."""
    programs = {"ffmpeg": shutil.which, "framebridge": program, "testwriter": program, "testreader": program}
    missing = [thing for thing in things if not programs.get(thing, importlib.util.find_spec)(thing)]
    why = f"{' and '.join(missing)} missing"
    if not missing or not os.environ.get("FRAMEBRIDGE_NEED_FFMPEG"):
        return unittest.skipIf(missing, why)

    def failing(test):
        def fail(self):
            self.fail(why)
        if not isinstance(test, type):
            return fail
        test.setUp = fail
        return test
    return failing


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="framebridge-py-test-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, self.dir)
        old = os.environ.get("FRAMEBRIDGE_DIR")
        os.environ["FRAMEBRIDGE_DIR"] = self.dir
        self.addCleanup(lambda: os.environ.pop("FRAMEBRIDGE_DIR") if old is None else os.environ.__setitem__("FRAMEBRIDGE_DIR", old))

    def start(self, *command, **environment):
        """A process whose lines go to a file."""
        out, err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err, env={**os.environ, **environment})
        process.out, process.err = out, err
        for cleanup in out.close, err.close, process.wait, process.kill:
            self.addCleanup(cleanup)
        return process

    def peer(self, *arguments):
        return self.start(sys.executable, PEER, *arguments)

    def go(self, name, *arguments, **environment):
        return self.start(program(name), *arguments, **environment)

    def text(self, file):
        return os.pread(file.fileno(), 1 << 22, 0).decode()

    def lines(self, process):
        return self.text(process.out).splitlines()

    def until(self, condition, what="it did not happen"):
        """Wait until condition() is true, and return that."""
        for _ in range(2000):
            got = condition()
            if got:
                return got
            time.sleep(0.01)
        self.fail(what)

    def printed(self, process, count):
        """Wait until a process has printed so many lines."""
        self.until(lambda: len(self.lines(process)) >= count, f"no {count} lines: {self.text(process.err)}")

    def ended(self, process, code=0, seconds=60):
        self.assertEqual(process.wait(seconds), code, self.text(process.err))

    def path(self, name="seg"):
        return os.path.join(self.dir, name)

    def control(self, name="seg"):
        return self.path(next(file for file in os.listdir(self.dir) if file.startswith(f".{name}.") and not file.endswith(".new")))

    def abandoned(self, frames=8):
        """A segment whose writer was killed in mid-stream."""
        writer = self.peer("write", "seg", 100000, 200)
        self.printed(writer, frames)
        writer.kill()
        writer.wait()

    def patch(self, offset, data, path=None, checksum=False):
        with open(path or self.path(), "r+b") as file:
            file.seek(offset)
            file.write(data)
            if checksum:
                file.seek(0)
                head = file.read(4096)
                size, = struct.unpack_from("<I", head, 12)
                file.seek(20)
                file.write(struct.pack("<I", framebridge._crc32c(head[:20] + bytes(4) + head[24:size])))

    def word(self, offset, form="<I", path=None):
        with open(path or self.path(), "rb") as file:
            return struct.unpack(form, os.pread(file.fileno(), struct.calcsize(form), offset))[0]

    def published(self):
        """Number and slot of the newest frame."""
        word = self.word(self.word(32) + 128, "<Q")
        return (word >> 16) - 1, word & 0xFFFF

    def record(self, slot):
        """Where the slot record begins."""
        return self.word(52) + slot * self.word(56)
