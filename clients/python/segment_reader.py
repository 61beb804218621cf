#!/usr/bin/env python3
"""Read frames from a framebridge segment with nothing but Python's standard library.

This reader was written from framebuf/LAYOUT.md alone (layout version 0.1) and shows that the document is enough.
It reads the newest frame by copy, or every frame (lossless), and follows a segment that moves.

    with open_segment("cam0") as frames:
        for frame in frames:
            print(frame.number, frame.width, frame.height, frame.format, len(frame.payload))

What it does not do: write, pin frames and read them in place, check a payload's CRC, give colour, audio or source fields,
look at the directory's owner and mode, or open the name again after a writer died. One object is for one thread.
Needs Linux, 64 bits, Python 3.9. Without fences it is sound on x86_64 only, and refuses other machines unless told.
"""
import argparse, ctypes, errno, fcntl, hashlib, mmap, os, platform, re, stat, struct, sys, time
from collections import namedtuple

class SegmentError(Exception): """What all errors of this module have in common."""
class NotFound(SegmentError): """There is no such segment."""
class Damaged(SegmentError): """The file is no segment, breaks a rule of the layout, or may not be trusted."""
class WriterDied(SegmentError): """The writer died without ending the segment; all that it published was delivered."""
class Evicted(SegmentError): """Lossless: the writer no longer waits for this reader."""
class Lost(SegmentError): """Lossless: the next frame is not in the segment any more."""
class Overrun(SegmentError): """Newest: the writer was faster than every copy. Asking again is allowed."""
class Refused(SegmentError): """The writer takes no such reader, every cell is taken, or the machine is not fit."""

Frame = namedtuple("Frame", "number generation pts time_base width height format length payload planes meta missed")
Frame.__doc__ = """One frame, copied. generation: hex. pts: None if unknown. time_base: (num, den), den 0 if unknown.
planes: (offset, stride, rows) of each. missed: frames between the one before and this one."""

ENDED, MOVED, DEAD = OVER = 3, 4, 5  # states in which nobody writes
FORMATS = {  # name, and for each plane: bytes a pixel, and what divides the picture's width and height
    0: ("data", ()), 1: ("rgba", ((4, 1),)), 2: ("bgra", ((4, 1),)), 3: ("rgb24", ((3, 1),)), 4: ("bgr24", ((3, 1),)),
    5: ("gray8", ((1, 1),)), 6: ("yuv420p", ((1, 1), (1, 2), (1, 2))), 7: ("nv12", ((1, 1), (2, 2)))}
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine())
WAIT, WAKE, WAKE_OP, EVERYBODY = 0, 1, 5, 0x7FFFFFFF
FLOCK = "hhqqi4x"  # struct flock with an off_t of 64 bits
_libc = ctypes.CDLL(None, use_errno=True)

def _futex(address, operation, value, timeout=None, address2=None, value3=0):
    """Call futex; 0 or the error's number."""
    if not SYS_FUTEX:
        return errno.ENOSYS
    done = _libc.syscall(ctypes.c_long(SYS_FUTEX), ctypes.c_void_p(address), ctypes.c_long(operation), ctypes.c_ulong(value),
                         timeout, ctypes.c_void_p(address2), ctypes.c_ulong(value3))
    return 0 if done >= 0 else ctypes.get_errno()

def _lock(fd, command, kind, byte):
    """Set or query an open-file-description lock of one byte; the kind that the kernel answers."""
    return struct.unpack(FLOCK, fcntl.fcntl(fd, command, struct.pack(FLOCK, kind, os.SEEK_SET, byte, 1, 0)))[0]

def _crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF

def _demand(condition, what):
    if not condition:
        raise Damaged(what)

class _Mapped:
    """A file of a segment, opened with care and mapped. q and i are its words of 8 and 4 bytes."""

    def __init__(self, path, flags, protection):
        try:
            self.fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            _demand(error.errno not in (errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EISDIR), "not a regular file")
            raise
        self.parts = []
        try:
            status = os.fstat(self.fd)
            _demand(stat.S_ISREG(status.st_mode) and status.st_nlink <= 1, "not a regular file with one name")
            _demand(status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o002, "others may write to the file")
            size = self.check(status.st_size)  # reads the header with pread, says how much to map
            mapping = mmap.mmap(self.fd, size, mmap.MAP_SHARED, protection)
            self.view = memoryview(mapping)
            self.q, self.i = self.view[:size & ~7].cast("Q"), self.view[:size & ~3].cast("I")
            self.parts = [self.q, self.i, self.view]
            buffer = (ctypes.c_void_p * 16)()  # room for a Py_buffer, whose first field is the address
            ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(mapping), buffer, 0)
            self.address = buffer[0]
            ctypes.pythonapi.PyBuffer_Release(buffer)
        except BaseException:
            self.close()
            raise

    def close(self):
        for part in self.parts:
            part.release()  # with the last one the mapping goes
        os.close(self.fd)

class _Data(_Mapped):
    """The data file of one generation."""

    def check(self, size):
        head = os.pread(self.fd, 4096, 0)
        _demand(len(head) >= 256 and head[:8] == b"FBRIDGE\n", "not a segment")
        (major, _, header, must, crc, file_size, self.dyn, dyn_size, self.table, self.table_record, self.cells, self.slot_table,
         self.slot_record, self.slots, self.payloads, self.stride, self.capacity, alignment, tail, self.meta_capacity, _,
         self.generation, _, self.control_id, self.first) = struct.unpack_from("<HHIIIQ8I3Q4I16s16sQQ", head, 8)
        _demand(major == 0, f"layout version {major}")
        _demand(256 <= header <= len(head) and _crc32c(head[:20] + bytes(4) + head[24:header]) == crc, "header checksum")
        _demand(must == 0, f"needs what this reader does not know ({must:#x})")
        _demand(self.dyn % 128 == self.slot_table % 128 == self.slot_record % 128 == self.table % 8 == self.table_record % 8 == 0
                and header <= self.dyn and 1280 <= dyn_size and self.dyn + dyn_size <= self.table
                and 128 <= self.table_record and 1 <= self.cells <= 1023 and 2 <= self.slots <= 65535
                and self.table + (self.cells + 1) * self.table_record <= self.slot_table
                and self.slot_table + self.slots * self.slot_record <= self.payloads
                and 512 + self.meta_capacity <= self.slot_record and self.capacity + tail <= self.stride
                and alignment > 0 and alignment & (alignment - 1) == 0
                and self.payloads + self.slots * self.stride <= file_size == size, "tables do not fit the file")
        return size

    def state(self): return self.i[self.dyn >> 2]
    def published(self): return self.q[self.dyn + 128 >> 3]
    def event(self): return self.i[self.dyn + 384 >> 2]
    def final(self): return self.q[self.dyn + 640 >> 3]
    def sequence(self, slot): return self.q[self.slot_table + slot * self.slot_record >> 3]
    def written(self): return _lock(self.fd, fcntl.F_OFD_GETLK, fcntl.F_RDLCK, 0) != fcntl.F_UNLCK

    def sleep(self, event):
        """Sleep until the event word is no longer this, 100 ms at most; true if it was the time that ended it."""
        failed = _futex(self.address + self.dyn + 384, WAIT, event, (ctypes.c_long * 2)(0, 100_000_000))
        if failed not in (0, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT):
            time.sleep(0.004)
        return failed not in (0, errno.EAGAIN, errno.EINTR)

    def copy(self, slot, number, missed):
        """A frame, or None if the slot did not hold it until the copy was done."""
        frame = problem = None
        if self.sequence(slot) == 2 * number + 2:
            try:
                frame = self._copy(slot, number, missed)
            except Damaged as error:
                problem = error
            if self.sequence(slot) != 2 * number + 2:
                return None  # whatever came out, it may be half of another frame
            if problem:
                raise problem
        return frame

    def _copy(self, slot, number, missed):
        at, begin = self.slot_table + slot * self.slot_record, self.payloads + slot * self.stride
        head = bytes(self.view[at:at + 512])
        (own,), (pts,), base = (struct.unpack_from(f, head, o) for f, o in (("<Q", 128), ("<q", 160), ("<ii", 176)))
        (length, meta), (width, height, count, code) = struct.unpack_from("<QI", head, 224), struct.unpack_from("<4I", head, 256)
        _demand(own == number and length <= self.capacity and meta <= self.meta_capacity, "slot record")
        _demand(code in FORMATS and head[440:444] == bytes(4), f"pixel format {code} or place of the payload not known")
        name, layout = FORMATS[code]
        _demand(count == len(layout), "number of planes")
        planes = tuple(struct.unpack_from("<QII", head, 288 + 16 * p) for p in range(count))
        for (offset, stride, rows), (size, by) in zip(planes, layout):
            _demand(offset + stride * rows <= length and stride >= -(-width // by) * size and rows >= -(-height // by), "plane")
        return Frame(number, self.generation.hex(), None if pts == -1 << 63 else pts, base, width, height, name, length,
                     bytes(self.view[begin:begin + length]), planes, bytes(self.view[at + 512:at + 512 + meta]), missed)

class _Cell(_Mapped):
    """A lossless registration: one cell of the control file."""

    def __init__(self, directory, name, data):
        self.data, self.token, self.answered = data, int.from_bytes(os.urandom(8), "little") | 1, False
        super().__init__(os.path.join(directory, f".{name}.{data.control_id:016x}"), os.O_RDWR, mmap.PROT_READ | mmap.PROT_WRITE)
        self.view[self.at + 8:self.at + 128] = struct.pack("<56x4I2Q8s24s", 2, 0, 0, os.getpid(), 0, 0, data.generation[:8],
                                                           b"segment_reader.py")  # cursor and pins are 0
        self.q[self.at >> 3] = self.token
        self.ring()

    def check(self, size):
        head, data = os.pread(self.fd, 24, 0), self.data
        _demand(len(head) == 24 and size >= 128 * (data.cells + 1), "control file too short")
        magic, major, _, cells, ident = struct.unpack("<8sHHIQ", head)
        _demand((magic, major, cells, ident) == (b"FBCELLS\n", 0, data.cells, data.control_id), "control file")
        for self.k in range(1, cells + 1):
            try:
                _lock(self.fd, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, self.k)
            except (BlockingIOError, PermissionError):
                continue  # somebody's
            self.at = 128 * self.k
            return 128 * (cells + 1)
        raise Refused("every cell is taken")

    def ring(self):
        """Add 1 to the cursor event and wake the writer: FUTEX_WAKE_OP does both, and its addition is atomic."""
        if _futex(self.address + 64, WAKE_OP, EVERYBODY, None, self.address + 64, 1 << 28 | 1 << 12):
            self.i[16] = self.i[16] + 1 & 0xFFFFFFFF  # not atomic; at worst the writer looks a tick later
            _futex(self.address + 64, WAKE, EVERYBODY)

    def let_go(self, number):
        self.q[self.at + 8 >> 3] = number + 1
        self.ring()

    def follow(self, data):
        """Go on with the same cell in the next generation."""
        _demand(self.data.cells == data.cells, "the number of cells changed")
        self.data, self.q[self.at + 96 >> 3] = data, int.from_bytes(data.generation[:8], "little")
        self.ring()

    def answer(self):
        """The writer's answer: state (0 while there is none, 1 joined, 2 evicted, 3 refused), reason, first, detail."""
        data, at = self.data, self.data.table + self.k * self.data.table_record
        if data.q[at >> 3] != self.token:
            return 0, 0, 0, 0
        return data.i[at + 8 >> 2], data.i[at + 12 >> 2], data.q[at + 16 >> 3], data.q[at + 40 >> 3]

    def leave(self):
        self.q[self.at >> 3] = 0
        self.ring()
        _lock(self.fd, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, self.k)
        self.close()

class Segment:
    """Frames of a segment, one after the other. Made by open_segment; close it, or use it in a with statement."""

    def __init__(self, name, lossless, wait, directory):
        self._name, self._lossless, self._dir, self._data, self._cell = name, lossless, directory, None, None
        deadline = time.monotonic() + wait
        while self._data is None:
            try:
                self._attach()
            except FileNotFoundError:
                if time.monotonic() >= deadline:
                    raise NotFound(f"no segment {name} in {directory}") from None
                time.sleep(0.01)
            except BaseException:
                self.close()
                raise

    def __enter__(self): return self
    def __exit__(self, *_): self.close()
    def __iter__(self): return self

    def close(self):
        """Leave the segment. Frames already delivered stay valid."""
        data, cell, self._data, self._cell = self._data, self._cell, None, None
        if cell:
            cell.leave()
        if data:
            data.close()

    def _attach(self):
        """Open what the name means now. Go on where we were if it is the same segment, only moved; else begin."""
        old, new = self._data, _Data(os.path.join(self._dir, self._name), os.O_RDONLY, mmap.PROT_READ)
        try:
            same = old is not None and old.control_id == new.control_id
            _demand(not same or old.generation != new.generation, "a segment that moved to itself")
            cell = self._cell if same else _Cell(self._dir, self._name, new) if self._lossless else None
            if same and cell:
                cell.follow(new)
        except BaseException:
            new.close()
            raise
        if same:
            old.close()
        else:
            self.close()
            self._want, self._last = new.first, None
        self._data, self._cell = new, cell
        if cell and not cell.answered:
            self._join()

    def _join(self):
        """Wait for the writer's answer. Where nobody writes there is none, and the published frame is the first."""
        data, silent = self._data, False
        while not self._cell.answered:
            event, (state, reason, first, detail) = data.event(), self._cell.answer()
            if state == 3:
                raise Refused(f"the writer refused (reason {reason}, slots needed {detail})")
            if state:
                self._want, self._cell.answered = max(first - 1, self._want), True
            elif data.state() in OVER or silent and not data.written():
                self._want = max((data.published() >> 16) - 1, self._want)
                return
            else:
                silent = data.sleep(event)

    def __next__(self):
        silent = False
        while self._data:
            data, cell, event = self._data, self._cell, self._data.event()
            if cell and cell.answered and cell.answer()[0] != 1 and data.state() not in OVER and data.written():
                raise Evicted("the writer no longer waits for this reader")
            if data.published() >> 16 > self._want:
                frame = self._every() if cell else self._newest()
                self._last, self._want = frame.number, frame.number + 1
                return frame
            if data.state() not in OVER and not (silent and not data.written()):
                silent = data.sleep(event)
                continue
            state = data.state()  # what was stored before this state, or before the lock fell, is seen from here on
            if data.published() >> 16 > self._want:
                continue
            _demand(state not in (ENDED, MOVED) or data.final() <= self._want, "the final frame is not there")
            if state == ENDED:
                self.close()
            elif state == MOVED:
                self._follow()
            else:
                raise WriterDied("the writer died")
        raise StopIteration

    def _follow(self):
        try:
            self._attach()
        except FileNotFoundError:  # it was there when the segment moved, so it was ended and removed since
            lossless = self._lossless
            self.close()
            if lossless:
                raise Lost("the segment moved on, ended and was removed") from None

    def _missed(self, number):
        return 0 if self._last is None else number - self._last - 1

    def _newest(self):
        for _ in range(10):
            word = self._data.published()
            number, slot = (word >> 16) - 1, word & 0xFFFF
            _demand(slot < self._data.slots and number >= self._want, "publish word")
            frame = self._data.copy(slot, number, self._missed(number))
            if frame:
                return frame
        raise Overrun("the writer was faster than ten copies")

    def _every(self):
        data, want = self._data, self._want
        slot = next((slot for slot in range(data.slots) if data.sequence(slot) == 2 * want + 2), None)
        if slot is None:
            if self._cell.answer()[0] == 2:
                raise Evicted("the writer no longer waits for this reader")
            raise Lost(f"frame {want} is not in the segment any more")
        frame = data.copy(slot, want, self._missed(want))
        if not frame:
            raise Evicted(f"frame {want} was overwritten while it was read")
        self._cell.let_go(want)  # it is copied: nothing is kept while waiting for the next one
        return frame

def open_segment(name, lossless=False, wait=5.0, dir=None, any_machine=False):
    """Open a segment, waiting so many seconds for it to appear. Iterate over what is returned.

    lossless: every frame from the joining on, the writer waits; else always the newest one, and .missed counts the others.
    dir: instead of $FRAMEBRIDGE_DIR. any_machine: run where loads may pass loads; frames can then be wrong unnoticed."""
    if not any_machine and (platform.machine() != "x86_64" or sys.maxsize < 1 << 32):
        raise Refused(f"Python has no memory fences, and {platform.machine()} needs them")
    if not re.fullmatch("[a-z0-9][a-z0-9._-]{0,63}", name):
        raise ValueError(f"not a segment name: {name!r}")
    return Segment(name, lossless, wait, dir or os.environ.get("FRAMEBRIDGE_DIR") or f"/dev/shm/framebridge-{os.geteuid()}")

def main(arguments=None):
    """Print one line a frame. 0 a clean end, 3 the writer died, 5 not found or damaged, 1 anything else."""
    parser = argparse.ArgumentParser(description="Print one line for each frame of a segment.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--lossless", action="store_true", help="every frame, not the newest")
    parser.add_argument("--dir", help="instead of $FRAMEBRIDGE_DIR")
    parser.add_argument("--wait", type=float, default=5.0, metavar="S", help="seconds to wait for the segment (5)")
    parser.add_argument("--any-machine", action="store_true", help="run without fences on machines that need them")
    options = parser.parse_args(arguments)
    try:
        with open_segment(options.name, options.lossless, options.wait, options.dir, options.any_machine) as frames:
            for f in frames:
                print(f.generation, f.number, "-" if f.pts is None else f.pts, "%d/%d" % f.time_base, f.width, f.height,
                      f.format, f.length, hashlib.md5(f.payload).hexdigest(), flush=True)
        return 0
    except (SegmentError, ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 3 if isinstance(error, WriterDied) else 5 if isinstance(error, (NotFound, Damaged)) else 1

if __name__ == "__main__":
    sys.exit(main())
