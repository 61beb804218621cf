#!/usr/bin/env python3
"""Read frames from a framebridge segment with nothing but Python's standard library: the worked example of LAYOUT.md.

    with open_segment("cam0") as frames:
        for frame in frames:
            print(frame.number, frame.width, frame.height, frame.format, len(frame.payload))

It copies the newest frame, or every frame (lossless), and follows a segment that moves. It does not write, pin, check a
payload's CRC, or open the name again after a death. One object is for one thread. "(12)" means section 12 of LAYOUT.md.
"""
import argparse, ctypes, errno, fcntl, hashlib, mmap, os, platform, re, stat, struct, sys, time, weakref
from collections import namedtuple

class SegmentError(Exception): code = 1  # what all errors of this module have in common. code: the exit code
class NotFound(SegmentError): code = 5   # there is no such segment
class Damaged(SegmentError): code = 5    # the file is no segment, breaks a rule of the layout, or may not be trusted or opened
class WriterDied(SegmentError): code = 3 # the writer died; all that it published was delivered
class Evicted(SegmentError): code = 1    # lossless: the writer no longer waits for this reader
class Lost(SegmentError): code = 1       # lossless: the next frame is not in the segment any more
class Overrun(SegmentError): code = 1    # newest: the writer was faster than every copy; asking again is allowed
class Refused(SegmentError): code = 1    # the writer takes no such reader, every cell is taken, or this is no x86_64

Frame = namedtuple("Frame", "number generation pts time_base width height format length payload planes meta missed")
Frame.__doc__ = """One frame, copied. generation: hex. pts: None if unknown. time_base: (num, den), den 0 if unknown.
planes: (offset, stride, rows) of each. missed: frames between the one before and this one."""

def _check(condition, message):
    if not condition: raise Damaged(message)

def _table(text):
    """A function that reads the fields "offset:name:code ..." from bytes; the codes are those of struct."""
    fields, form = [field.split(":") for field in text.split()], "<"
    for offset, _, code in fields:
        form += f"{int(offset) - struct.calcsize(form)}x{code}"
    record = namedtuple("Record", [name for _, name, _ in fields])
    return lambda data: record._make(struct.unpack_from(form, data))

_header = _table("""0:magic:8s 8:major:H 12:header_size:I 16:must:I 20:crc:I 24:file_size:Q 32:dyn:I 36:dyn_size:I 40:table:I
    44:table_record:I 48:cells:I 52:slot_table:I 56:slot_record:I 60:slots:I 64:slots_offset:Q 72:stride:Q 80:capacity:Q
    88:alignment:I 92:tail:I 96:meta_capacity:I 104:generation:16s 120:previous:16s 136:control_id:Q 144:first:Q
    180:flags:I""")  # (3)
_answer = _table("0:token:Q 8:state:I 12:reason:I 16:first:Q 40:detail:Q")                                            # (5)
_slot = _table("""128:number:Q 160:pts:q 176:num:i 180:den:i 224:length:Q 232:meta_length:I 256:width:I 260:height:I
    264:planes:I 268:format:I 288:plane:64s 440:location:I""")                                                        # (6)
_control = _table("0:magic:8s 8:major:H 12:cells:I 16:id:Q")                                                          # (8)
_FORMATS = {  # (7): name, and of each plane: bytes a pixel, and what divides the picture's width and height
    0: ("data",), 1: ("rgba", (4, 1)), 2: ("bgra", (4, 1)), 3: ("rgb24", (3, 1)), 4: ("bgr24", (3, 1)), 5: ("gray8", (1, 1)),
    6: ("yuv420p", (1, 1), (1, 2), (1, 2)), 7: ("nv12", (1, 1), (2, 2))}
_ENDED, _MOVED, _DEAD = _OVER = 3, 4, 5  # (4): states in which nobody writes; all others are as live

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype, _libc.munmap.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_size_t)
_TICK = (ctypes.c_long * 2)(0, 100_000_000)  # a timespec, 100 ms

def _futex(address, operation, value, timeout, address2, value3):
    """0, or the error's number. 202 is the system call's number on x86_64."""
    return ctypes.get_errno() if _libc.syscall(202, ctypes.c_void_p(address), operation, ctypes.c_long(value), timeout,
                                               ctypes.c_void_p(address2), ctypes.c_long(value3)) < 0 else 0

def _lock(fd, command, kind, byte):
    """(1) Set or query an open-file-description lock of one byte; the kind that the kernel answers."""
    return struct.unpack("hhqqi4x", fcntl.fcntl(fd, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)))[0]

def _crc32c(data):
    crc = 0xFFFFFFFF
    for bit in (byte >> place & 1 for byte in data for place in range(8)):
        crc = crc >> 1 ^ (crc & 1 ^ bit) * 0x82F63B78
    return crc ^ 0xFFFFFFFF

class _File:
    """(2) A file opened with care and mapped: bytes to copy from, q and i are its words of 8 and 4 bytes.
    With the last reference to this object it is unmapped and closed, and so unlocked."""

    def __init__(self, path):
        low = self.fd = os.open(path, self.flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if low < 3:  # started without these: what a library prints would land in the segment
            self.fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 3)
            os.close(low)
        weakref.finalize(self, os.close, self.fd)
        status = os.fstat(self.fd)
        _check(stat.S_ISREG(status.st_mode) and status.st_nlink <= 1, "not a regular file with one name")
        _check(status.st_uid in (0, os.geteuid()) and not status.st_mode & self.forbidden, "others may write to the file")
        size = self.accept(os.pread(self.fd, 4096, 0), status.st_size)  # checks the header, says how much to map
        self.address = _libc.mmap(None, ctypes.c_size_t(size), self.protection, mmap.MAP_SHARED, self.fd, ctypes.c_long(0))
        _check(self.address != 2**64 - 1, "cannot be mapped")
        weakref.finalize(self, _libc.munmap, self.address, size)
        self.bytes, self.q, self.i = ((kind * (size // ctypes.sizeof(kind))).from_address(self.address)
                                      for kind in (ctypes.c_char, ctypes.c_uint64, ctypes.c_uint32))

class _Data(_File):
    """The data file of one generation."""
    flags, protection, forbidden = os.O_RDONLY, mmap.PROT_READ, 0o022

    def accept(self, head, size):  # (3)
        _check(len(head) >= 256, "too short")
        self.head = h = _header(head)
        _check(h.magic == b"FBRIDGE\n" and h.major == 0 and 256 <= h.header_size <= len(head), "not a segment of layout 0")
        _check(h.crc == _crc32c(head[:20] + bytes(4) + head[24:h.header_size]), "header checksum")
        _check(h.must & ~2 == 0, "needs what this reader does not know")
        _check(h.dyn % 128 == h.slot_table % 128 == h.slot_record % 128 == h.table % 8 == h.table_record % 8 == 0
               and h.alignment & h.alignment - 1 == 0 < h.alignment
               and h.slots_offset % h.alignment == h.stride % h.alignment == 0
               and h.dyn_size >= 1280 and h.table_record >= 128 and 1 <= h.cells <= 1023 and 2 <= h.slots <= 65535
               and h.slot_record >= 512 + h.meta_capacity and h.stride >= h.capacity + h.tail
               and h.header_size <= h.dyn and h.dyn + h.dyn_size <= h.table
               and h.table + (h.cells + 1) * h.table_record <= h.slot_table
               and h.slot_table + h.slots * h.slot_record <= h.slots_offset
               and h.slots_offset + h.slots * h.stride <= h.file_size == size, "tables do not fit the file")
        return size

    def state(self): return self.i[self.head.dyn + 0 >> 2]          # (4)
    def published(self): return self.q[self.head.dyn + 128 >> 3]
    def event(self): return self.i[self.head.dyn + 384 >> 2]
    def final(self): return self.q[self.head.dyn + 640 >> 3]
    def sequence(self, slot): return self.q[self.head.slot_table + slot * self.head.slot_record >> 3]  # (6)
    def written(self): return _lock(self.fd, fcntl.F_OFD_GETLK, fcntl.F_RDLCK, 0) != fcntl.F_UNLCK     # (1)

    def wait(self, ready):
        """(15) Wait until ready() is true. False: nobody writes any more, and it is not."""
        over = False
        while not over:
            event = self.event()  # before ready(): then nothing is slept through
            if ready(): return True
            over = self.state() in _OVER
            failed = not over and _futex(self.address + self.head.dyn + 384, 0, event, _TICK, None, 0)  # FUTEX_WAIT
            if failed and failed not in (errno.EAGAIN, errno.EINTR):
                if failed != errno.ETIMEDOUT: time.sleep(0.004)  # there is no futex here
                over = not self.written()
        return ready()  # once more: what was stored before the state, or before the lock fell, is seen from here on

    def copy(self, slot, number):
        """(12) That frame, or None: the slot does not hold it, or did not until the copy was done."""
        h, at = self.head, self.head.slot_table + slot * self.head.slot_record
        if self.sequence(slot) != 2 * number + 2: return None
        s, begin = _slot(self.bytes[at:at + 512]), h.slots_offset + slot * h.stride
        payload = self.bytes[begin:begin + min(s.length, h.capacity)]
        meta = self.bytes[at + 512:at + 512 + min(s.meta_length, h.meta_capacity)]
        if self.sequence(slot) != 2 * number + 2: return None  # where loads may pass loads, LDLD (10) goes before this
        _check((s.number, s.length, s.meta_length, s.location) == (number, len(payload), len(meta), 0), "slot record")
        name, *layout = _FORMATS.get(s.format, (f"format{s.format}",))  # (7): one not known is bytes
        planes = tuple(struct.iter_unpack("<QII", s.plane))[:len(layout)]
        _check(len(layout) <= s.planes <= 4 and all(
            offset + stride * rows <= s.length and stride >= -(-s.width // by) * size and rows >= -(-s.height // by)
            for (offset, stride, rows), (size, by) in zip(planes, layout)), "planes")
        return Frame(number, h.generation.hex(), None if s.pts == -2**63 else s.pts, (s.num, s.den), s.width, s.height, name,
                     s.length, payload, planes, meta, 0)

class _Cell(_File):
    """(8, 11) A lossless registration: a cell of the control file, and the lock of its byte."""
    flags, protection, forbidden = os.O_RDWR, mmap.PROT_READ | mmap.PROT_WRITE, 0o002

    def __init__(self, path, head):
        self.head, self.token = head, int.from_bytes(os.urandom(8), "little") | 1
        super().__init__(f"{os.path.dirname(path)}/.{os.path.basename(path)}.{head.control_id:016x}")
        self.bytes[128 * self.k + 8:128 * self.k + 128] = struct.pack(  # Mode, PID, SeenGen, Label; the others are 0
            "<56xI8xI16x8s24s", 2, os.getpid(), head.generation[:8], b"segment_reader.py")
        self.tell(0, self.token)  # last

    def accept(self, head, size):
        _check(len(head) >= 24 and size >= 128 * (self.head.cells + 1), "control file too short")
        _check(_control(head) == (b"FBCELLS\n", 0, self.head.cells, self.head.control_id), "control file")
        for self.k in range(1, self.head.cells + 1):
            try:
                _lock(self.fd, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, self.k)
                return 128 * (self.head.cells + 1)
            except (BlockingIOError, PermissionError):
                pass  # another reader's
        raise Refused("every cell is taken")

    def tell(self, offset, value):
        """Store a word of the cell, then ring: FUTEX_WAKE_OP adds 1 to CursorEvent and wakes the writer."""
        self.q[128 * self.k + offset >> 3] = value
        _futex(self.address + 64, 5, 2**31 - 1, None, self.address + 64, 1 << 28 | 1 << 12)

class Segment:
    """Frames of a segment, one after the other. Made by open_segment; close it, or use it in a with statement."""

    def __init__(self, path, lossless):
        self._path, self._data, self._cell, self._last = path, _Data(path), None, None
        self._want = self._data.head.first  # the lowest number that is new
        try:
            if lossless:
                self._cell = _Cell(path, self._data.head)
                self._join()
        except BaseException:
            self.close()
            raise

    def __enter__(self): return self
    def __exit__(self, *_): self.close()
    def __iter__(self): return self

    def close(self):
        """Leave the segment. Frames already delivered stay valid."""
        self._leave()
        self._data = None

    def _leave(self):
        if self._cell: self._cell.tell(0, 0)
        self._cell = None

    def _join(self):  # (14)
        if not self._until(self._answer):
            return self._leave()  # nobody is there to answer, and what is published is all that comes: newest is enough
        answer = self._answer()
        if answer.state == 3:
            raise Refused(f"the writer refused (reason {answer.reason}, slots needed {answer.detail})")
        self._want = max(self._want, answer.first - 1)

    def _answer(self):
        """(5) The writer's answer, None while there is none."""
        at = self._data.head.table + self._cell.k * self._data.head.table_record
        return _answer(self._data.bytes[at:at + 128]) if self._data.q[at >> 3] == self._cell.token else None

    def _until(self, ready):
        """Wait until ready() is true, over moves. False: the segment is over, and it is not."""
        while not self._data.wait(ready):
            if self._data.state() != _MOVED or not self._follow(): return False
        return True

    def _follow(self):
        """(14) The segment moved: open its name again. False: it ended in order."""
        try:
            data = _Data(self._path)
        except FileNotFoundError:
            return False
        new, old = data.head, self._data.head
        if new.control_id != old.control_id:  # another segment
            if new.flags & 4: raise WriterDied("the writer died, and another took the name over")
            return False
        _check(new.generation != old.generation and new.cells == old.cells, "moved to itself, or to other cells")
        self._data = data
        if self._cell: self._cell.tell(96, int.from_bytes(new.generation[:8], "little"))  # SeenGen
        return True

    def _ready(self):
        """Is there a new frame? (14): evicted if the answer says so, or if it is no longer to us while somebody writes."""
        data, answer = self._data, self._cell and self._answer()
        if answer.state != 1 if answer else self._cell and data.state() not in _OVER and data.written():
            raise Evicted("the writer no longer waits for this reader")
        return data.published() >> 16 > self._want

    def __next__(self):
        if self._data and self._until(self._ready):
            frame = self._every() if self._cell else self._newest()
            missed = 0 if self._last is None else frame.number - self._last - 1
            self._last, self._want = frame.number, frame.number + 1
            return frame._replace(missed=missed)
        if self._data:  # (15)
            if self._data.state() not in (_ENDED, _MOVED): raise WriterDied("the writer died")
            _check(self._data.final() <= self._want, "the final frame is not there")
            self.close()
        raise StopIteration

    def _newest(self):  # (12)
        for _ in range(10):
            word = self._data.published()  # (9)
            number, slot = (word >> 16) - 1, word & 0xFFFF
            _check(slot < self._data.head.slots and number >= self._want, "publish word")
            frame = self._data.copy(slot, number)
            if frame: return frame
        raise Overrun("the writer was faster than ten copies")

    def _every(self):  # (14)
        for slot in range(self._data.head.slots):
            if self._data.sequence(slot) == 2 * self._want + 2:
                frame = self._data.copy(slot, self._want)
                if not frame: raise Evicted(f"frame {self._want} was overwritten while it was read")
                self._cell.tell(8, self._want + 1)  # Cursor
                return frame
        self._ready()  # the record may say evicted by now
        raise Lost(f"frame {self._want} is not in the segment any more")

def open_segment(name, lossless=False, wait=5.0, dir=None):
    """Open a segment, waiting so many seconds for it to appear. Iterate over what is returned.

    lossless: every frame from the joining on, the writer waits; else always the newest one, and .missed counts the others.
    dir: instead of $FRAMEBRIDGE_DIR."""
    if platform.machine() != "x86_64" or sys.maxsize < 2**32:  # (10)
        raise Refused("Python has no memory fences, and only x86_64 does without")
    if not re.fullmatch("[a-z0-9][a-z0-9._-]{0,63}", name):
        raise ValueError(f"not a segment name: {name!r}")
    path = os.path.join(dir or os.environ.get("FRAMEBRIDGE_DIR") or f"/dev/shm/framebridge-{os.geteuid()}", name)
    deadline = time.monotonic() + wait
    while True:
        try:
            return Segment(path, lossless)
        except FileNotFoundError:  # the data file; or the control file, which says that the name was replaced just now
            if time.monotonic() >= deadline: raise NotFound(path) from None
            time.sleep(0.01)
        except OSError as error:
            raise Damaged(error) from None

def main():
    """Print one line a frame. Exit code 0 a clean end, 3 the writer died, 5 not found or damaged, 1 anything else."""
    parser = argparse.ArgumentParser(description="Print one line for each frame of a segment.")
    parser.add_argument("name")
    parser.add_argument("--lossless", action="store_true", help="every frame, not the newest")
    parser.add_argument("--wait", type=float, default=5.0, help="seconds to wait for the segment (5)")
    try:
        with open_segment(**vars(parser.parse_args())) as frames:
            for f in frames:
                print(f.generation, f.number, "-" if f.pts is None else f.pts, "%d/%d" % f.time_base, f.width, f.height,
                      f.format, f.length, hashlib.md5(f.payload).hexdigest(), flush=True)
    except (SegmentError, ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return getattr(error, "code", 1)

if __name__ == "__main__":
    sys.exit(main())
