"""framebridge: frames and records in shared memory, shared with other programs and other languages.

    import framebridge

    with framebridge.open("cam0", wait=10) as seg:                 # read
        for frame in seg:
            print(frame.number, frame.time, frame.array.shape)     # numpy, if it is installed; else frame.payload

    with framebridge.create("cam1", 640, 360, "bgr24") as w:       # write
        with w.frame() as f:
            f.array[:] = 0
            f.pts = 0

    for frame, out in framebridge.filter():                        # framebridge run in.mp4 out.mp4 --exec 'python3 this.py'
        out.array[:] = 255 - frame.array

    framebridge.update("counter", lambda old: b"%d" % (int(old or b"0") + 1))   # a value that outlives its writers,
    framebridge.remove("counter")                                               # until it is removed

One file, the standard library, numpy where it is used. It speaks layout 1.0 of framebuf/LAYOUT.md: "(12)" is its section 12,
and every offset has its name from there. Linux on x86-64 only: Python has no memory fences, and that is the one machine on
which it can do without (10); elsewhere open and create raise Unsupported.

Errors are subclasses of Error. A Reader or a Writer is for one thread at a time, and for the process that made it: open after
a fork. An array that was handed out stays readable memory until it is collected, also after close; frame.valid says whether it
still holds that frame. Memory that somebody truncates ends a Python process (SIGBUS): read from writers that you trust.
"""
from __future__ import annotations

import atexit
import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import re
import stat
import struct
import sys
import threading
import time
import warnings
import weakref
from collections import deque, namedtuple
from contextlib import contextmanager
from fractions import Fraction
from operator import index
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

__version__ = "0.1.0"
__all__ = [
    "open", "create", "filter", "results", "update", "value", "remove", "get_json", "put_json",
    "Reader", "Writer", "Frame", "Slot", "Plane", "Reference", "Color", "Stats", "Header", "Source", "KEY", "DISCONTINUITY", "PLACEHOLDER",
    "Error", "InvalidName", "NotFound", "Busy", "Damaged", "Version", "Untrusted", "NoSpace", "Refused", "Evicted", "Lost",
    "WriterDied", "Overrun", "Closed", "Forked", "FormatError", "TooLarge", "NotJSON", "Timeout", "Unsupported",
]

# ---------------------------------------------------------------------------------------------------------------------------
# Errors


class Error(Exception):
    """What all errors of this module have in common. The text says what was wrong, where, and what to do."""


class InvalidName(Error, ValueError):
    """Not a segment's name: one to 64 of a-z 0-9 . _ -, a letter or digit first, or fd:DATA,CONTROL."""


class NotFound(Error):
    """There is no such segment."""


class Busy(Error):
    """Another writer, which lives, has the name."""


class Damaged(Error):
    """The file is no segment, or contradicts itself."""


class Version(Error):
    """The segment has a layout that this module does not know."""


class Untrusted(Error):
    """The file or its directory belongs to, or may be changed by, somebody else."""


class NoSpace(Error):
    """There is not enough shared memory."""


class Refused(Error):
    """The writer takes no such reader, or the segment has no room for another one."""


class Evicted(Error):
    """Lossless: the writer no longer waits for this reader. What was computed from a frame that is not valid is void."""


class Lost(Error):
    """A frame that was asked for is not in the segment any more."""


class WriterDied(Error):
    """The writer died. All that it had published was delivered before."""


class Overrun(Error):
    """Newest: the writer was faster than ten copies. Asking again is allowed."""


class Closed(Error):
    """The reader or writer was closed, or the frame was released."""


class Forked(Error):
    """The object was made by the parent process."""


class FormatError(Error, ValueError):
    """Wrong dtype, shape, size or pixel format."""


class TooLarge(Error, ValueError):
    """A payload or meta that is larger than the segment's slots."""


class NotJSON(Error, ValueError):
    """Bytes that are no JSON, or an object that JSON cannot say."""


class Timeout(Error, TimeoutError):
    """The time that was given has passed."""


class Unsupported(Error):
    """This machine, or this Python, cannot do that."""


# ---------------------------------------------------------------------------------------------------------------------------
# The layout: names and offsets of LAYOUT.md


class _Table:
    """Fields that lie beside each other: "offset Name code, ..."; the codes are those of struct, little-endian."""

    def __init__(self, text: str) -> None:
        fields = [field.split() for field in text.split(",")]
        self.first, form = int(fields[0][0]), "<"
        for offset, _, code in fields:
            form += f"{int(offset) - self.first - struct.calcsize(form)}x{code}"
        self._struct = struct.Struct(form)
        self.size = self._struct.size
        self.Record = namedtuple("Record", [name for _, name, _ in fields])  # type: ignore[misc]
        self.empty = self.read(bytes(self.first + self.size), 0)

    def read(self, data, base: int):
        return self.Record._make(self._struct.unpack_from(data, base + self.first))

    def write(self, data, base: int, record) -> None:
        self._struct.pack_into(data, base + self.first, *record)


_HEADER = _Table("""0 Magic 8s, 8 Major H, 10 Minor H, 12 HeaderSize I, 16 Must I, 20 CRC I, 24 FileSize Q, 32 DynOffset I, 36 DynSize I,
    40 TableOffset I, 44 TableRecord I, 48 Cells I, 52 SlotTable I, 56 SlotRecord I, 60 Slots I, 64 SlotsOffset Q, 72 SlotStride Q,
    80 Capacity Q, 88 Alignment I, 92 Tail I, 96 MetaCapacity I, 100 Kind I, 104 Generation 16s, 120 Previous 16s, 136 ControlID Q,
    144 FirstFrame Q, 152 CreatedWall q, 160 CreatedMono q, 168 WriterPID I, 172 Backing I, 176 TAIOffset i, 180 Flags I,
    184 Lossless I, 188 Reserved I, 192 Name 64s""")  # (3)
_MAGIC, _MAJOR, _MINOR, _HEADER_SIZE = b"FBRIDGE\n", 1, 0, 256
_NUMBERS, _MOST_FILE, _MOST_META = 1 << 47, 1 << 40, 1 << 20  # numbers are below, bytes of a file and of meta at most
_MUST_KNOWN = 1 << 1  # the alignment is nothing to do; payloads elsewhere and the progress word are not known here
_LIVE_SOURCE, _ANSWERS_LATE, _TOOK_OVER, _KEPT = 1 << 0, 1 << 1, 1 << 2, 1 << 3  # Flags
_VIDEO, _DATA_KIND = 1, 3
_POLICIES = {"wait": 0, "evict": 1, "refuse": 2}


class _Dyn:  # (4)
    State, Publish, Back, Event, Heartbeat, LastFrame, Final = 0, 128, 256, 384, 512, 520, 640
    Published, Abandoned, Broken, Evicted, Blocked = 768, 776, 784, 792, 800
    Source, ErrorSeq, ErrorLength, Error = 896, 900, 920, 1024
    Size = 1280


_LIVE, _ENDED, _MOVED, _DEAD = 1, 3, 4, 5
_OVER = (_ENDED, _MOVED, _DEAD)  # states in which nobody writes; the others are as live
_SOURCES = ("none", "connecting", "live", "stalled", "reconnecting", "failed", "ended")
_ERROR_SIZE = 256

_ANSWER = _Table("0 Token Q, 8 State I, 12 Reason I, 16 First Q, 24 EvictedAt Q, 32 Broken Q, 40 Detail Q")  # (5)
_ANSWER_STATE, _ANSWER_EVICTED_AT, _ANSWER_BROKEN = 8, 24, 32  # words that change after the answer
_JOINED, _EVICTED, _REFUSED = 1, 2, 3
_SLOT = _Table("""128 Number Q, 136 RefFrame Q, 144 RefGeneration 8s, 152 RefPTS q, 160 PTS q, 168 Duration q, 176 TimeBaseNum i,
    180 TimeBaseDen i, 184 CaptureMono q, 192 CaptureWall q, 200 PublishMono q, 208 TAIOffset i, 212 ClockFlags I, 216 Flags Q,
    224 Length Q, 232 MetaLength I, 236 CRC I, 240 SourceSeq Q, 248 Timecode Q, 256 Width I, 260 Height I, 264 Planes I,
    268 PixelFormat I, 272 FourCC 4s, 276 Bits B, 277 Range B, 278 Matrix B, 279 Primaries B, 280 Transfer B, 281 Chroma B, 282 Alpha B,
    283 FieldOrder B, 284 Rotation H, 288 Plane 64s, 352 AspectNum i, 356 AspectDen i, 360 CropLeft I, 364 CropTop I, 368 CropRight I,
    372 CropBottom I, 376 RateNum i, 380 RateDen i, 384 Mastering 24s, 408 ContentLight I, 416 AudioRate I, 420 AudioChannels H,
    422 AudioFormat H, 424 AudioLayout Q, 432 AudioSamples I, 440 Location I, 448 Handle Q, 456 Modifier Q, 464 Fence Q""")  # (6)
_META = 512  # where Meta begins in a slot record
_UNKNOWN = -1 << 63  # a PTS
_CONTROL = _Table("0 Magic 8s, 8 Major H, 10 Minor H, 12 Cells I, 16 ID Q")  # (8)
_CONTROL_MAGIC, _CURSOR_EVENT, _CELL_SIZE = b"FBCELLS\n", 64, 128
_CELL = _Table("""8 Cursor Q, 16 Pins 48s, 64 Mode I, 68 Wishes I, 72 Hold I, 76 PID I, 80 Missed Q, 88 MaxLag Q, 96 SeenGen 8s,
    104 Label 24s""")  # what a reader fills in before its Token, which is at 0
_CELL_CURSOR, _CELL_PINS, _CELL_MISSED, _CELL_SEEN_GEN = 8, 16, 80, 96  # words that change while a reader reads
_NEWEST, _LOSSLESS = 0, 2  # Mode
_SPLICED = 1 << 0  # Wishes

KEY = 1 << 0  #: in Frame.flags: the source coded it as a key frame
DISCONTINUITY = 1 << 1  #: time or content jumps before it
_HAS_CRC = 1 << 2
PLACEHOLDER = 1 << 3  #: not from the source, which is away: it fills the gap


class _Format(NamedTuple):
    """A pixel format (7). planes: of each, bytes a pixel, and what divides the picture's width and height."""

    code: int
    name: str
    fourcc: bytes
    matrix: int
    planes: Tuple[Tuple[int, int], ...]


_FORMATS = {form.code: form for form in (
    _Format(0, "data", bytes(4), 1, ()), _Format(1, "rgba", b"AB24", 1, ((4, 1),)), _Format(2, "bgra", b"AR24", 1, ((4, 1),)),
    _Format(3, "rgb24", b"RGB3", 1, ((3, 1),)), _Format(4, "bgr24", b"BGR3", 1, ((3, 1),)), _Format(5, "gray8", b"GREY", 1, ((1, 1),)),
    _Format(6, "yuv420p", b"YU12", 0, ((1, 1), (1, 2), (1, 2))), _Format(7, "nv12", b"NV12", 0, ((1, 1), (2, 2))))}
_BY_NAME = {form.name: form for form in _FORMATS.values()}
_DATA = _FORMATS[0]


class Plane(NamedTuple):
    """One plane of a payload: rows that start stride bytes apart, the first one offset bytes into the payload."""

    offset: int
    stride: int
    rows: int


class Reference(NamedTuple):
    """The frame of another segment that a record speaks of. generation: the first 16 digits of its generation."""

    frame: int
    generation: str
    pts: Optional[int]


class Color(NamedTuple):
    """How components make light, by the numbers of LAYOUT.md section 6; 0 is unknown. matrix is that of ISO/IEC 23091-2 plus 1."""

    range: int = 0
    matrix: int = 0
    primaries: int = 0
    transfer: int = 0
    chroma: int = 0


class Stats(NamedTuple):
    """What a reader has counted so far."""

    delivered: int = 0
    missed: int = 0
    retries: int = 0
    overruns: int = 0
    generations: int = 1


class Header(NamedTuple):
    """What a segment says of itself, and how it stands at this moment. A number that has no name here is given as text."""

    kind: str  #: video, audio, data
    slots: int
    capacity: int  #: bytes a frame may have
    meta_capacity: int
    cells: int  #: readers at most
    generation: str  #: which life of the segment it is, 32 digits
    previous: Optional[str]  #: the one whose dead writer it took over from, or that it moved from
    name: str
    kept: bool  #: it outlives its writer
    live: bool  #: its source cannot wait
    lossless: str  #: what lossless readers get: wait, evict, refuse
    state: str  #: live, draining, ended, moved, dead
    alive: bool  #: is there a writer?
    published: int  #: frames; counted on where it moved
    abandoned: int  #: frames begun and not published
    record: Any  #: all of it, under the names of LAYOUT.md section 3, such as record.FirstFrame


class Source(NamedTuple):
    """What feeds the segment: none, connecting, live, stalled, reconnecting, failed or ended; and its last error."""

    state: str
    error: str


def _layout(form: _Format, width: int, height: int) -> Tuple[Tuple[Plane, ...], int]:
    """The planes of a frame, packed, and its size in bytes."""
    planes, size = [], 0
    for pixel, by in form.planes:
        planes.append(Plane(size, -(-width // by) * pixel, -(-height // by)))
        size += planes[-1].stride * planes[-1].rows
    return tuple(planes), size


def _crc32c_of_byte(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (crc & 1) * 0x82F63B78
    return crc


_CRC32C = tuple(map(_crc32c_of_byte, range(256)))


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC32C[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def _named(number: int, *names: str) -> str:
    return number < len(names) and names[number] or str(number)


def _up(number: int, unit: int) -> int:
    return -(-number // unit) * unit


def _fraction(num: int, den: int) -> Optional[Fraction]:
    return Fraction(num, den) if num > 0 and den > 0 else None


def _ratio(value) -> Tuple[int, int]:
    """Numerator and denominator of a fraction, or of None, as the layout wants them."""
    if value is None:
        return 0, 1
    try:
        fraction = Fraction(value).limit_denominator(2**31 - 1)
    except (TypeError, ValueError, ArithmeticError):
        fraction = Fraction(0)
    if not 0 < fraction.numerator < 2**31:
        raise FormatError(f"{value!r} is not a positive fraction of numbers below 2^31")
    return fraction.numerator, fraction.denominator


# ---------------------------------------------------------------------------------------------------------------------------
# The system: mapped memory, locks, futexes

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_FUTEX = 202  # on x86-64
_FUTEX_WAIT, _FUTEX_WAKE_OP, _ADD_ONE = 0, 5, 1 << 28 | 1 << 12
_TICK = 0.1  # seconds: the longest wait in the kernel (15), and of a writer between two looks at its readers (16)
_CLEANING = 0.05  # seconds: who takes a dead segment away has its lock so long at most
_ANSWER_WITHIN = 10  # seconds: a writer that lives and does not answer a new reader for so long is stopped
_F_OFD_GETLK, _F_OFD_SETLK, _F_GET_SEALS = 36, 37, 1034
_SEAL_SHRINK, _SEAL_FUTURE_WRITE = 0x2, 0x10


def _futex(address: int, operation: int, value: int, timeout, address2: Optional[int]) -> int:
    """0, or the error's number."""
    if _libc.syscall(_SYS_FUTEX, ctypes.c_void_p(address), operation, ctypes.c_long(value), timeout, ctypes.c_void_p(address2),
                     ctypes.c_long(_ADD_ONE)) < 0:
        return ctypes.get_errno()
    return 0


def _wait_word(address: int, value: int, seconds: float) -> bool:
    """Sleep while the word has this value, so long at most. False: the time has passed, or perhaps it has."""
    seconds = max(0.0, min(seconds, _TICK))
    failed = _futex(address, _FUTEX_WAIT, value, (ctypes.c_long * 2)(0, int(seconds * 1e9)), None)
    if failed not in (0, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT):
        time.sleep(min(seconds, 0.004))  # there is no futex here
    return failed in (0, errno.EAGAIN, errno.EINTR)


def _ring(words: memoryview, address: int, offset: int) -> None:
    """Add 1 to a word of 4 bytes and wake all who sleep on it, in one atomic call where there is one."""
    if _futex(address + offset, _FUTEX_WAKE_OP, 2**31 - 1, None, address + offset):
        words[offset >> 2] = words[offset >> 2] + 1 & 0xFFFFFFFF


def _fence() -> None:
    """A full fence (10), which also keeps a load behind a store: taking a lock is a locked instruction on x86-64."""
    with threading.Lock():
        pass


class _Buffer(ctypes.Structure):
    """CPython's Py_buffer: what tells the address of memory that is read-only."""

    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.py_object), ("len", ctypes.c_ssize_t), ("itemsize", ctypes.c_ssize_t),
                ("readonly", ctypes.c_int), ("ndim", ctypes.c_int), ("format", ctypes.c_char_p), ("shape", ctypes.c_void_p),
                ("strides", ctypes.c_void_p), ("suboffsets", ctypes.c_void_p), ("internal", ctypes.c_void_p)]


class _Map:
    """A file in memory. It is never closed: CPython unmaps it when the last view of it is gone, so that no array ever points to
    nothing. (A weak reference could not do that: in a cycle of garbage it is told while arrays are still in use.)"""

    def __init__(self, fd: int, size: int, writable: bool = False) -> None:
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        if sys.version_info >= (3, 13):
            memory = mmap.mmap(fd, size, mmap.MAP_SHARED, protection, trackfd=False)
        else:
            with _low_descriptors_taken():  # it duplicates the descriptor
                memory = mmap.mmap(fd, size, mmap.MAP_SHARED, protection)
        buffer = _Buffer()
        ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(memory), ctypes.byref(buffer), 0)
        self.address = buffer.buf
        ctypes.pythonapi.PyBuffer_Release(ctypes.byref(buffer))
        self.bytes = memoryview(memory)
        self.q, self.i = (self.bytes[:size & ~7].cast(code) for code in "QI")  # words of 8 and of 4 bytes


@contextmanager
def _low_descriptors_taken() -> Iterator[None]:
    taken = [os.open("/dev/null", os.O_RDONLY)]
    try:
        while taken[-1] < 3:
            taken.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        for fd in taken:
            os.close(fd)


def _not_low(fd: int) -> int:
    """The descriptor, moved up if it came out as 0, 1 or 2: what a library prints there would land in the file (2)."""
    if fd > 2:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def _flock(fd: int, command: int, kind: int, byte: int) -> int:
    """(1) Set or query an open-file-description lock of one byte; the kind that the kernel answers."""
    return struct.unpack("hhqqi4x", fcntl.fcntl(fd, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)))[0]


def _is_locked(fd: int, byte: int) -> bool:
    return _flock(fd, _F_OFD_GETLK, fcntl.F_RDLCK, byte) != fcntl.F_UNLCK


class _Lock:
    """Write locks on a file, through an open file description of its own (1). No mapping is made through that, and a forked
    child closes it: so whatever a child or an array keeps, it keeps nobody alive."""

    _all: "weakref.WeakSet[_Lock]" = weakref.WeakSet()

    def __init__(self, fd: int) -> None:
        """fd is any descriptor of the file."""
        self.fd = _not_low(os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        self.byte: Optional[int] = None
        _Lock._all.add(self)

    def take(self, byte: int) -> bool:
        try:
            _flock(self.fd, _F_OFD_SETLK, fcntl.F_WRLCK, byte)
        except (BlockingIOError, PermissionError):
            return False
        self.byte = byte
        return True

    def close(self) -> None:
        if self.fd >= 0:
            if self.byte is not None:
                _flock(self.fd, _F_OFD_SETLK, fcntl.F_UNLCK, self.byte)
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        if getattr(self, "fd", -1) >= 0:
            os.close(self.fd)
            self.fd = -1

    @staticmethod
    def forked() -> None:
        for lock in list(_Lock._all):
            if lock.fd >= 0:
                os.close(lock.fd)
                lock.fd = -1


os.register_at_fork(after_in_child=_Lock.forked)


def _check_machine() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 2**32:
        raise Unsupported(f"framebridge.py works on Linux on x86-64, this is {sys.platform} on {platform.machine()}: Python has no memory "
                          "fences, and other machines need them; use the framebridge command or the Go package here")


def _numpy():
    try:
        import numpy
    except ImportError:
        raise Unsupported("numpy is not installed, and arrays need it: install numpy, or use payload and planes") from None
    return numpy


def _to_json(what: Any) -> bytes:
    try:
        return json.dumps(what, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise NotJSON(f"this cannot be said in JSON: {error}") from None


def _from_json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise NotJSON(f"{where} is not JSON: {error}; it begins with {bytes(text[:40])!r}") from None


# ---------------------------------------------------------------------------------------------------------------------------
# Files


class _Replaced(NotFound):
    """The name was given to another file meanwhile: look again."""


class _Place:
    """Where a segment lies, and whom to trust there (2)."""

    def __init__(self, name: str, dir: Optional[str] = None, trust: Sequence[int] = (), sealed: bool = False, named: bool = False) -> None:
        """named: refuse one that was handed down, which only the process that made it may write."""
        _check_machine()
        self.name, self.sealed, self.inherited = name, sealed, None
        self.trusted = {0, os.geteuid(), *trust}
        inherited = re.fullmatch("fd:([0-9]{1,9}),([0-9]{1,9})", name)
        if inherited and named:
            raise InvalidName(f"{name}: a sealed segment is written by the process that made it")
        if inherited:
            self.inherited = inherited.groups()
            self.path = f"/proc/self/fd/{self.inherited[0]}"
            return
        if not re.fullmatch("[a-z0-9][a-z0-9._-]{0,63}", name):
            raise InvalidName(f"{name!r} is not a segment name: use 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit")
        self.dir = dir or os.environ.get("FRAMEBRIDGE_DIR") or f"/dev/shm/framebridge-{os.geteuid()}"
        self.path = os.path.join(self.dir, name)

    def control_path(self, head) -> str:
        return f"/proc/self/fd/{self.inherited[1]}" if self.inherited else os.path.join(self.dir, f".{self.name}.{head.ControlID:016x}")

    def _open(self, path: str, flags: int, forbidden: int) -> int:
        """A descriptor of a file that passed all checks of (2)."""
        try:
            if not self.inherited:
                folder = os.stat(self.dir)
                if folder.st_uid not in self.trusted or folder.st_mode & 0o002 and not folder.st_mode & stat.S_ISVTX:
                    raise Untrusted(f"{self.dir}: belongs to user {folder.st_uid}, mode {folder.st_mode & 0o7777:o}: others could replace "
                                    "segments there; take a directory of your own, or name its owner with trust=(uid,)")
                flags |= os.O_NOFOLLOW
            fd = _not_low(os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC))
        except FileNotFoundError:
            raise NotFound(f"{path}: no such segment; start its writer first, or wait for it with wait=SECONDS") from None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise Untrusted(f"{path}: not a regular file; remove it by hand") from None
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise Untrusted(f"{path}: {error.strerror}; its owner says who may, see Options.Group and --group") from None
            raise Error(f"{path}: {error.strerror}") from None
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                raise Untrusted(f"{path}: not a regular file with one name; remove it by hand")
            if status.st_uid not in self.trusted:
                raise Untrusted(f"{path}: belongs to user {status.st_uid}; if you trust that user say trust=({status.st_uid},)")
            if status.st_mode & forbidden:
                raise Untrusted(f"{path}: mode {status.st_mode & 0o777:o} lets others write to it; its owner must take that right away")
            if self.sealed:
                wanted = _SEAL_SHRINK | (_SEAL_FUTURE_WRITE if forbidden == 0o022 else 0)
                try:
                    seals = fcntl.fcntl(fd, _F_GET_SEALS)
                except OSError:
                    seals = 0
                if seals & wanted != wanted:
                    raise Untrusted(f"{self.name}: not sealed, and sealed=True asks for that; let the writer seal it (run --sealed)")
            return fd
        except BaseException:
            os.close(fd)
            raise

    def data(self, writable: bool = False) -> "_Data":
        return _Data(self._open(self.path, os.O_RDWR if writable else os.O_RDONLY, 0o022), self.name, writable)

    def lock(self) -> "_Lock":
        fd = self._open(self.path, os.O_RDWR, 0o022)
        try:
            return _Lock(fd)
        finally:
            os.close(fd)

    def means(self, fd: int) -> bool:
        """Is this file the one that has the name?"""
        try:
            return os.path.samestat(os.stat(self.path, follow_symlinks=False), os.fstat(fd))
        except FileNotFoundError:
            return False

    def control(self, head) -> int:
        try:
            return self._open(self.control_path(head), os.O_RDWR, 0o002)
        except NotFound:
            raise _Replaced(f"{self.name}: its control file is gone, it was replaced or ended just now: open it again") from None


class _Data:
    """The data file of one generation, mapped."""

    def __init__(self, fd: int, name: str, writable: bool = False, head=None) -> None:
        """fd belongs to this object from here on."""
        self.fd, self.name = fd, name
        self.close = weakref.finalize(self, os.close, fd)  # its lock cannot be asked after that; what is mapped stays
        try:
            self.head = h = head or self._accept(os.pread(fd, 4096, 0), os.fstat(fd).st_size)
            self.map = _Map(fd, h.FileSize, writable)
        except BaseException:
            self.close()
            raise
        self.q, self.i = self.map.q, self.map.i
        self.generation = h.Generation.hex()
        self._state, self._publish = h.DynOffset + _Dyn.State >> 2, h.DynOffset + _Dyn.Publish >> 3
        self._event, self._sequence, self._record = h.DynOffset + _Dyn.Event, h.SlotTable >> 3, h.SlotRecord >> 3

    def _accept(self, data: bytes, size: int):
        """(3) The header, checked."""
        def check(good: bool, what: str) -> None:
            if not good:
                raise Damaged(f"{self.name}: {what}; remove the file if nobody uses it")
        check(len(data) >= _HEADER_SIZE, f"no segment: {size} bytes are too few")
        h = _HEADER.read(data, 0)
        check(h.Magic == _MAGIC, "no segment: it does not begin with FBRIDGE")
        if h.Major != _MAJOR:
            raise Version(f"{self.name}: layout {h.Major}.{h.Minor}, this module reads {_MAJOR}.x: update the older program of the two")
        check(_HEADER_SIZE <= h.HeaderSize <= len(data), f"header of {h.HeaderSize} bytes")
        check(h.CRC == _crc32c(data[:20] + bytes(4) + data[24:h.HeaderSize]), "checksum of the header is wrong")
        if h.Must & ~_MUST_KNOWN:
            raise Version(f"{self.name}: needs what this module does not know (Must is {h.Must:#x}): update it")
        check(h.FileSize <= _MOST_FILE and h.SlotRecord <= 2 * _MOST_META and h.MetaCapacity <= _MOST_META and h.TableRecord <= 4096
              and h.Tail <= 1 << 20 and 64 <= h.Alignment <= 1 << 30 and h.Capacity >= 1 and h.FirstFrame < _NUMBERS, "larger than any segment is")
        check(h.DynOffset % 128 == h.SlotTable % 128 == h.SlotRecord % 128 == h.TableOffset % 8 == h.TableRecord % 8 == 0
              and h.Alignment & h.Alignment - 1 == 0 and h.SlotsOffset % h.Alignment == h.SlotStride % h.Alignment == 0
              and h.DynSize >= _Dyn.Size and h.TableRecord >= 128 and 1 <= h.Cells <= 1023 and 2 <= h.Slots <= 65535
              and h.SlotRecord >= _META + h.MetaCapacity and h.SlotStride >= h.Capacity + h.Tail
              and h.HeaderSize <= h.DynOffset and h.DynOffset + h.DynSize <= h.TableOffset
              and h.TableOffset + (h.Cells + 1) * h.TableRecord <= h.SlotTable
              and h.SlotTable + h.Slots * h.SlotRecord <= h.SlotsOffset
              and h.SlotsOffset + h.Slots * h.SlotStride <= h.FileSize, "its tables do not fit each other")
        check(h.FileSize == size, f"{size} bytes, its header says {h.FileSize}: it was cut")
        return h

    def get(self, offset: int) -> int:
        """A word of 8 bytes of the dynamic header."""
        return self.q[self.head.DynOffset + offset >> 3]

    def set(self, offset: int, value: int) -> None:
        self.q[self.head.DynOffset + offset >> 3] = value

    def state(self) -> int:
        return self.i[self._state]

    def publish(self) -> int:
        return self.q[self._publish]

    def event(self) -> int:
        return self.i[self._event >> 2]

    def sequence(self, slot: int) -> int:
        return self.q[self._sequence + slot * self._record]

    def ring(self) -> None:
        _ring(self.i, self.map.address, self._event)

    def written(self) -> bool:
        """Is there a writer? (1)"""
        return _is_locked(self.fd, 0)

    def silent(self) -> bool:
        """Is it certain that nobody writes any more?"""
        return self.state() in _OVER or not self.written()

    def wait(self, ready: Callable[[], bool], deadline: Optional[float]) -> bool:
        """(15) Wait until ready() is true. False: nobody writes any more, and it is not."""
        while True:
            event = self.event()  # before ready(): then nothing is slept through
            if ready():
                return True
            if self.state() in _OVER:
                return ready()  # once more: what was stored before the state is seen from here on
            left = _TICK if deadline is None else deadline - time.monotonic()
            if (left <= 0 or not _wait_word(self.map.address + self._event, event, left)) and not self.written():
                return ready()
            if left <= 0:
                raise Timeout(f"{self.name}: nothing came in the time that was given")

    def header(self) -> Header:
        h = self.head
        return Header(
            kind=_named(h.Kind, "", "video", "audio", "data"), slots=h.Slots, capacity=h.Capacity, meta_capacity=h.MetaCapacity, cells=h.Cells,
            generation=self.generation, previous=h.Previous.hex() if any(h.Previous) else None,
            name=h.Name.rstrip(b"\0").decode("utf-8", "replace"), kept=bool(h.Flags & _KEPT), live=bool(h.Flags & _LIVE_SOURCE),
            lossless=_named(h.Lossless, *_POLICIES), state=_named(self.state(), "", "live", "draining", "ended", "moved", "dead"),
            alive=self.written(), published=self.get(_Dyn.Published), abandoned=self.get(_Dyn.Abandoned), record=h)

    def source(self) -> Source:
        base = self.head.DynOffset
        for _ in range(10):
            seq = self.i[base + _Dyn.ErrorSeq >> 2]
            state, length = self.i[base + _Dyn.Source >> 2], min(self.i[base + _Dyn.ErrorLength >> 2], _ERROR_SIZE)
            text = bytes(self.map.bytes[base + _Dyn.Error:base + _Dyn.Error + length])
            if seq & 1 == 0 and self.i[base + _Dyn.ErrorSeq >> 2] == seq:
                break
        return Source(_named(state, *_SOURCES), text.decode("utf-8", "replace"))

    def numbers(self) -> List[Tuple[int, int]]:
        """(12) Number and slot of all complete frames, the newest first."""
        newest = (self.publish() >> 16) - 1
        frames = ((self.sequence(slot), slot) for slot in range(self.head.Slots))
        return sorted((((seq >> 1) - 1, slot) for seq, slot in frames if seq and not seq & 1 and (seq >> 1) - 1 <= newest), reverse=True)

    def value(self) -> Optional[bytes]:
        """The bytes of the newest frame that is whole."""
        frames = (self.frame(slot, number, bytearray) for number, slot in self.numbers())
        return next((bytes(frame.payload) for frame in frames if frame), None)

    def frame(self, slot: int, number: int, buffer: Optional[Callable[[int], Any]], missed: int = 0) -> Optional["Frame"]:
        """(12) That frame: copied into what buffer(size) gives, or a view if there is no buffer. None: the slot does not hold it."""
        h, at, sequence = self.head, self.head.SlotTable + slot * self.head.SlotRecord, 2 * number + 2
        if self.sequence(slot) != sequence:
            return None
        memory = self.map.bytes
        s, begin = _SLOT.read(memory, at), h.SlotsOffset + slot * h.SlotStride
        payload = memory[begin:begin + min(s.Length, h.Capacity)]
        meta = bytes(memory[at + _META:at + _META + min(s.MetaLength, h.MetaCapacity)])
        if buffer:
            copy = buffer(len(payload))
            memoryview(copy)[:] = payload
            payload = memoryview(copy).toreadonly()
        if self.sequence(slot) != sequence:  # loads stay in order on x86-64; elsewhere LDLD (10) belongs before this
            return None
        frame = Frame(self, slot, s, meta, payload, missed, not buffer)
        if s.Number != number or s.Length != len(payload) or s.MetaLength != len(meta) or s.Location or not frame._sound():
            raise Damaged(f"{self.name}: the record of frame {number} contradicts itself: its writer broke the protocol")
        return frame


# ---------------------------------------------------------------------------------------------------------------------------
# Frames


class _Picture:
    """What a frame that was read, and one in the making, have in common: a record and a payload."""

    __slots__ = ("_record", "_form", "planes")

    def _take(self, record) -> None:
        self._record = record
        self._form = _FORMATS.get(record.PixelFormat) or _Format(record.PixelFormat, f"format{record.PixelFormat}", bytes(4), 0, ())
        self.planes: Tuple[Plane, ...] = tuple(map(Plane._make, struct.iter_unpack("<QII", record.Plane)))[:len(self._form.planes)]

    def _sound(self) -> bool:
        """(7) Do the planes hold the picture, and lie in the payload? A format that is not known is bytes."""
        s = self._record
        return len(self._form.planes) <= s.Planes <= 4 and all(
            p.offset + p.stride * p.rows <= s.Length and p.stride >= -(-s.Width // by) * pixel and p.rows >= -(-s.Height // by)
            for p, (pixel, by) in zip(self.planes, self._form.planes))

    def _planes(self, payload: memoryview) -> list:
        """Each plane as an array, with the strides that it has."""
        np, s, arrays = _numpy(), self._record, []
        for p, (pixel, by) in zip(self.planes, self._form.planes):
            height, width = -(-s.Height // by), -(-s.Width // by)
            shape, strides = ((height, width), (p.stride, 1)) if pixel == 1 else ((height, width, pixel), (p.stride, pixel, 1))
            arrays.append(np.ndarray(shape, np.uint8, payload, p.offset, strides))
        return arrays

    def _array(self, payload: memoryview):
        if not self._form.planes:
            raise FormatError(f"frame {self.number} is {self.pixel_format}, no picture: use payload, json() or numpy.frombuffer(frame.payload, ...)")
        if len(self._form.planes) > 1:
            raise FormatError(f"frame {self.number} is {self.pixel_format}, more than one plane: use planes_arrays, or bgr() of a frame read")
        return self._planes(payload)[0]

    @property
    def number(self) -> int:
        """Frame number: from 0, consecutive within a generation, rising also when a next writer takes over."""
        return self._record.Number

    @property
    def width(self) -> int:
        return self._record.Width

    @property
    def height(self) -> int:
        return self._record.Height

    @property
    def pixel_format(self) -> str:
        """rgba, bgra, rgb24, bgr24, gray8, yuv420p, nv12 or data."""
        return self._form.name

    @property
    def record(self):
        """Everything that travels with the frame, under the names of LAYOUT.md section 6, such as record.Timecode."""
        return self._record


class Frame(_Picture):
    """One frame that was read: copied (newest, pinned), or in place (lossless) until it is let go."""

    __slots__ = ("_data", "_slot", "_payload", "_view", "_reader", "meta", "missed", "__weakref__")

    def __init__(self, data: _Data, slot: int, record, meta: bytes, payload: memoryview, missed: int, view: bool) -> None:
        self._data, self._slot, self._payload, self._view = data, slot, payload, view
        self._reader: Optional[Reader] = None
        self._take(record)
        self.meta, self.missed = meta, missed

    def __repr__(self) -> str:
        size = "" if self._form is _DATA else f" {self.width}x{self.height}"
        return f"<Frame {self.number} of {self._data.name}: {self.pixel_format}{size}, pts {self.pts}>"

    @property
    def generation(self) -> str:
        """Which life of the segment it is from, 32 digits. (generation, number) is unique."""
        return self._data.generation

    @property
    def pts(self) -> Optional[int]:
        """Presentation time in units of time_base. None: unknown."""
        return None if self._record.PTS == _UNKNOWN else self._record.PTS

    @property
    def time_base(self) -> Optional[Fraction]:
        """Seconds in one unit of pts. None: unknown."""
        return _fraction(self._record.TimeBaseNum, self._record.TimeBaseDen)

    @property
    def time(self) -> Optional[float]:
        """pts in seconds. None: unknown."""
        s = self._record
        return s.PTS * s.TimeBaseNum / s.TimeBaseDen if s.PTS != _UNKNOWN and s.TimeBaseNum > 0 and s.TimeBaseDen > 0 else None

    @property
    def duration(self) -> Optional[int]:
        """In units of time_base. None: unknown."""
        return self._record.Duration or None

    @property
    def rate(self) -> Optional[Fraction]:
        """Nominal frames a second. None: unknown."""
        return _fraction(self._record.RateNum, self._record.RateDen)

    @property
    def flags(self) -> int:
        """KEY, DISCONTINUITY, PLACEHOLDER."""
        return self._record.Flags

    @property
    def captured(self) -> float:
        """When it came in, in seconds of time.monotonic(), which all programs of a machine share."""
        return self._record.CaptureMono / 1e9

    @property
    def captured_wall(self) -> float:
        """The same instant in seconds of time.time()."""
        return self._record.CaptureWall / 1e9

    @property
    def published(self) -> float:
        """When it was published, in seconds of time.monotonic()."""
        return self._record.PublishMono / 1e9

    @property
    def color(self) -> Color:
        return Color(self._record.Range, self._record.Matrix, self._record.Primaries, self._record.Transfer, self._record.Chroma)

    @property
    def reference(self) -> Optional[Reference]:
        """The frame of another segment that this one speaks of."""
        s = self._record
        return Reference(s.RefFrame - 1, s.RefGeneration.hex(), None if s.RefPTS == _UNKNOWN else s.RefPTS) if s.RefFrame else None

    @property
    def payload(self) -> memoryview:
        """The bytes, read-only. Of a frame in place: do not use it after the frame is let go."""
        if self._payload is None:
            raise Closed(f"frame {self.number} was let go: take what you need before the next one comes, keep frame.copy(), "
                         "or open with hold=N to keep N frames")
        return self._payload

    @property
    def array(self):
        """The picture as a numpy array (height, width, channels), or (height, width) for gray8: read-only, with the strides
        that it has, and not copied: for lossless it lies in the segment. frame.copy().array is yours."""
        return self._array(self.payload)

    @property
    def planes_arrays(self) -> list:
        """Each plane as a numpy array like array: yuv420p has Y, U and V; nv12 has Y and (height/2, width/2, 2)."""
        return self._planes(self.payload)

    def bgr(self):
        """A new numpy array (height, width, 3), blue first, as OpenCV wants it. See rgb."""
        return self._rgb((2, 1, 0))

    def rgb(self):
        """A new numpy array (height, width, 3), red first, as PIL wants it. Alpha is dropped. yuv420p and nv12 are converted
        by the matrix and range of the frame; unknown ones are BT.601 below 720 lines, BT.709 from there, and limited."""
        return self._rgb((0, 1, 2))

    def _rgb(self, order: Tuple[int, int, int]):
        np, name = _numpy(), self._form.name
        if name in ("yuv420p", "nv12"):
            return _convert(np, self, order)
        array = self.array
        if name == "gray8":
            return np.repeat(array[:, :, None], 3, axis=2)
        if name in ("bgra", "bgr24"):
            order = tuple(2 - channel for channel in order)  # type: ignore[assignment]
        start, stop = (0, 3) if order[0] == 0 else (2, None)
        return array[:, :, start:stop:order[1] - order[0]].copy()

    def json(self) -> Any:
        """The payload as JSON."""
        return _from_json(bytes(self.payload), f"frame {self.number} of {self._data.name}")

    def meta_json(self) -> Any:
        """The meta as JSON; None if there is none."""
        return _from_json(self.meta, f"meta of frame {self.number} of {self._data.name}") if self.meta else None

    @property
    def valid(self) -> bool:
        """Are the pixels that were handed out still those of this frame? A copy always is."""
        return not self._view or self._data.sequence(self._slot) == 2 * self.number + 2

    def copy(self) -> "Frame":
        """The frame in memory of its own, which nobody changes."""
        copy = Frame(self._data, self._slot, self._record, self.meta, memoryview(bytes(self.payload)), self.missed, False)
        if not self.valid:
            raise Evicted(f"frame {self.number} was overwritten while it was copied: the writer stopped waiting for this reader")
        return copy

    def release(self) -> None:
        """Let the frame go: the writer may use its slot. Asking for the next frame does this as well."""
        if self._reader:
            self._reader._release(self)


def _convert(np, frame: Frame, order: Tuple[int, int, int]):
    """4:2:0 to RGB, chroma taken from the nearest sample."""
    y, *chroma = frame.planes_arrays
    u, v = chroma if len(chroma) == 2 else (chroma[0][..., 0], chroma[0][..., 1])
    kr, kb = {2: (0.2126, 0.0722), 5: (0.30, 0.11), 6: (0.299, 0.114), 7: (0.299, 0.114), 8: (0.212, 0.087), 10: (0.2627, 0.0593),
              11: (0.2627, 0.0593)}.get(frame.color.matrix, (0.299, 0.114) if frame.height < 720 else (0.2126, 0.0722))
    full = frame.color.range == 2
    kg, spread = 1 - kr - kb, np.float32(1 if full else 255 / 224)
    u, v = ((plane.astype(np.float32) - 128) * spread for plane in (u, v))
    light = y.astype(np.float32) if full else (y.astype(np.float32) - 16) * np.float32(255 / 219)
    out = np.empty((*y.shape, 3), np.uint8)
    parts = (2 * (1 - kr) * v, -2 * (1 - kb) * kb / kg * u - 2 * (1 - kr) * kr / kg * v, 2 * (1 - kb) * u)
    for place, part in zip(order, parts):
        wide = part.astype(np.float32).repeat(2, axis=0).repeat(2, axis=1)[:y.shape[0], :y.shape[1]]
        wide += light
        wide += np.float32(0.5)
        np.clip(wide, 0, 255, out=wide)
        out[:, :, place] = wide
    return out


# ---------------------------------------------------------------------------------------------------------------------------
# Reading


def open(name: str, mode: str = "newest", *, wait: float = 0, dir: Optional[str] = None, follow: bool = False, trust: Sequence[int] = (),
         sealed: bool = False, hold: int = 0, label: str = "") -> "Reader":
    """Open a segment for reading: with framebridge.open("cam0") as seg: for frame in seg: ...

    name: a segment, or fd:DATA,CONTROL, a sealed one that was handed down to this process.
    mode: "newest" copies the newest frame and counts those it missed; it never holds the writer back. "lossless" gives every
    frame from the joining on, in place; the writer waits, within its policy. Where nobody writes any more it gives the newest
    frame, in place. "pinned" is newest here: Python has no pins. A living writer answers a lossless reader within 0.1 s; one
    that does not within 10 s is stopped: Timeout.
    wait: seconds to wait for the segment to appear.
    dir: the folder of segments, instead of $FRAMEBRIDGE_DIR or /dev/shm/framebridge-UID.
    follow: after an end or a death go on with the next writer of the name. A segment that moves is followed always.
    trust: numbers of users whose segments may be read, beside this one and root.
    sealed: refuse a segment whose memory could be taken away.
    hold: lossless: how many frames are kept when the next one is asked for; older ones are let go then.
    label: what the reader calls itself, for people; 24 bytes.
    """
    if mode not in ("newest", "lossless", "pinned"):
        raise FormatError(f"mode {mode!r}: it is newest, lossless or pinned")
    if mode == "pinned":
        warnings.warn("framebridge: Python cannot pin frames, mode pinned copies them; lossless reads in place", stacklevel=2)
        mode = "newest"
    place, deadline, looks = _Place(name, dir, trust, sealed), time.monotonic() + wait, 0
    while True:
        try:
            return Reader(place, mode, follow, hold, label, deadline)
        except NotFound as error:
            looks += 1
            if time.monotonic() >= deadline and not (isinstance(error, _Replaced) and looks < 10):
                raise
        time.sleep(0.01)


class _Cell:
    """(8, 11) A registration: a cell of the control file, and the lock of its byte."""

    def __init__(self, place: _Place, head, mode: int, hold: int, label: str) -> None:
        fd = place.control(head)
        try:
            c, size = _CONTROL.read(os.pread(fd, _CELL_SIZE, 0).ljust(_CELL_SIZE, b"\0"), 0), _CELL_SIZE * (head.Cells + 1)
            if c.Magic == _CONTROL_MAGIC and c.Major != _MAJOR:
                raise Version(f"{place.name}: its control file has layout {c.Major}.{c.Minor}, this module reads {_MAJOR}.x: update the older "
                              "program of the two")
            if (c.Magic, c.Cells, c.ID) != (_CONTROL_MAGIC, head.Cells, head.ControlID) or os.fstat(fd).st_size < size:
                raise Damaged(f"{place.name}: its control file belongs to another segment, or was cut")
            self.lock = _Lock(fd)
            for self.k in range(1, head.Cells + 1):
                if self.lock.take(self.k):
                    break
            else:
                raise Refused(f"{place.name}: all {head.Cells} places for readers are taken; close one")
            self.map = _Map(fd, size, writable=True)
        finally:
            os.close(fd)
        self.token = int.from_bytes(os.urandom(8), "little") | 1
        _CELL.write(self.map.bytes, _CELL_SIZE * self.k, _CELL.empty._replace(
            Mode=mode, Hold=hold, PID=os.getpid(), SeenGen=head.Generation[:8], Label=label.encode()[:24]))
        self.tell(0, self.token)  # last

    def store(self, offset: int, value: int) -> None:
        self.map.q[_CELL_SIZE * self.k + offset >> 3] = value

    def tell(self, offset: int, value: int) -> None:
        """Store a word of the cell and ring the writer."""
        self.store(offset, value)
        _ring(self.map.i, self.map.address, _CURSOR_EVENT)

    def leave(self) -> None:
        self.tell(0, 0)
        self.lock.close()


class Reader:
    """The frames of a segment, one after the other. Made by open."""

    def __init__(self, place: _Place, mode: str, follow: bool, hold: int, label: str, deadline: float) -> None:
        self._pid, self._closed, self._over = os.getpid(), False, False
        self.name, self.mode = place.name, mode
        self._place, self._follow, self._hold, self._label = place, follow, hold, label
        self._delivered = self._missed = self._retries = self._overruns = 0
        self._gap = 0  # frames that nobody could give between two writers
        self._generations = 1
        self._held: deque = deque()  # frames in place that were not let go
        self._pool: List[bytearray] = []
        self._cell: Optional[_Cell] = None
        self._begun = False  # was any frame delivered?
        self._data = place.data()
        self._want = self._data.head.FirstFrame  # the lowest number that is new
        try:
            self._register(deadline)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_data"):
            self.close()

    def _check(self) -> None:
        if self._pid != os.getpid():
            raise Forked(f"{self.name}: this reader was opened by the parent process; open it after the fork")
        if self._closed:
            raise Closed(f"{self.name}: this reader is closed; open the segment again")

    def close(self) -> None:
        """Leave the segment. Arrays and copies that were handed out stay readable."""
        if self._closed:
            return
        self._closed = True
        if self._cell and self._pid == os.getpid():
            self._cell.leave()
        for frame in self._held:
            frame._reader = frame._payload = None
        self._held.clear()
        self._pool.clear()
        self._data.close()
        self._cell = self._data = None  # type: ignore[assignment] # memory stays as long as an array needs it, no longer

    @property
    def stats(self) -> Stats:
        """What was counted so far."""
        self._check()
        return Stats(self._delivered, self._missed, self._retries, self._overruns, self._generations)

    @property
    def header(self) -> Header:
        """What the segment says of itself, of the generation that is read now, and how it stands at this moment."""
        self._check()
        return self._data.header()

    @property
    def source(self) -> Source:
        """What feeds the segment. After the end: failed says that the writer ended in order and its source did not."""
        self._check()
        return self._data.source()

    def __iter__(self) -> Iterator[Frame]:
        """Every frame until the end; each is let go when the next one is asked for. Overruns are tried again."""
        while True:
            try:
                frame = self.next()
            except Overrun:
                continue
            if frame is None:
                return
            yield frame
            del frame

    def next(self, timeout: Optional[float] = None) -> Optional[Frame]:
        """The next frame: the newest one that was not handed out yet, or for lossless the next one in order. None: the segment
        ended in order. Frames beyond hold that were handed out in place are let go first.

        Raises Timeout, WriterDied, Evicted, Lost, Overrun (ask again), Damaged, Closed."""
        self._check()
        while len(self._held) > self._hold:
            self._release(self._held[0])
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._over:
            if self._data.wait(self._ready, deadline):
                return self._every() if self.mode == "lossless" else self._newest()
            self._after(deadline)
        return None

    # Waiting, ends and moves.

    def _ready(self) -> bool:
        """Is there a frame that was not handed out? (14): evicted if the answer says so, or is no longer to us."""
        if self._closed:
            raise Closed(f"{self.name}: the reader was closed")
        if self._cell_lossless():
            answer = self._answer()
            if answer.State != _JOINED if answer else not self._data.silent():
                raise Evicted(f"{self.name}: the writer no longer waits for this reader, it stood still for too long; open it again")
        return self._data.publish() >> 16 > self._want

    def _after(self, deadline: Optional[float]) -> None:
        """(15) Nobody writes this generation any more, and all of it was delivered: go on elsewhere, or say how it ended."""
        data = self._data
        state = data.state()
        if state in (_ENDED, _MOVED) and data.get(_Dyn.Final) > self._want:
            if data.publish() >> 16 > self._want:
                return
            raise Damaged(f"{self.name}: its last frame is not there")
        if state == _MOVED:
            if self._moved():
                return
        elif state != _ENDED and not self._follow:
            raise WriterDied(f"{self.name}: the writer died after frame {(data.publish() >> 16) - 1}; follow=True waits for the next one")
        if self._follow:
            self._next_writer(deadline)
        else:
            self._over = True

    def _moved(self) -> bool:
        """(14) Open the name again. False: the segment ended in order."""
        try:
            data = self._place.data()
        except NotFound:
            return False
        new, old = data.head, self._data.head
        if new.ControlID != old.ControlID:  # another segment
            if new.Flags & _TOOK_OVER and not self._follow:
                raise WriterDied(f"{self.name}: the writer died, and another one took the name over")
            return False
        if new.Generation == old.Generation or new.Cells != old.Cells:
            raise Damaged(f"{self.name}: it moved to itself, or to another number of cells")
        self._go_on(data)
        if self._cell:
            self._cell.tell(_CELL_SEEN_GEN, int.from_bytes(new.Generation[:8], "little"))
        return True

    def _next_writer(self, deadline: Optional[float]) -> None:
        """follow: wait until another generation has the name."""
        old = self._data
        while True:
            event = old.event()  # rings when the name is given to another file (16, 17)
            try:
                data = self._place.data()
                if data.generation != old.generation:
                    break
                data.close()
            except NotFound:
                pass
            left = _TICK if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise Timeout(f"{self.name}: no next writer in the time that was given")
            _wait_word(old.map.address + old._event, event, min(left, 0.02))
        if self._cell:
            self._cell.leave()
            self._cell = None
        if data.head.FirstFrame < self._want:
            self._want = data.head.FirstFrame  # numbers began anew
        self._go_on(data)
        try:
            self._register(0)
        except _Replaced:  # it is over already
            self._join_at((data.publish() >> 16) - 1)

    def _go_on(self, data: _Data) -> None:
        self._data.close()
        self._data = data
        self._generations += 1

    # Registering, and every frame.

    def _register(self, deadline: float) -> None:
        if self.mode == "lossless":
            self._cell = _Cell(self._place, self._data.head, _LOSSLESS, self._hold, self._label)
            self._join(deadline)
            return
        try:  # polite only: a reader that may not write the control file copies all the same
            self._cell = _Cell(self._place, self._data.head, _NEWEST, 0, self._label)
        except (Error, OSError):
            pass

    def _cell_lossless(self) -> bool:
        return self._cell is not None and self.mode == "lossless"

    def _answer(self):
        """(5) The writer's answer; None if the record is not to this registration."""
        assert self._cell
        at, data = self._data.head.TableOffset + self._cell.k * self._data.head.TableRecord, self._data
        return _ANSWER.read(data.map.bytes, at) if data.q[at >> 3] == self._cell.token else None

    def _join(self, deadline: float) -> None:
        """(14) Wait for the writer's answer. If nobody writes none is needed: what is published is all that comes."""
        bound = None if self._data.head.Flags & _ANSWERS_LATE else max(deadline, time.monotonic() + _ANSWER_WITHIN)
        while not self._await_answer(bound):
            if self._data.state() != _MOVED or not self._moved():
                self._join_at((self._data.publish() >> 16) - 1)
                self._cell.leave()  # type: ignore[union-attr]
                self._cell = None
                return
        answer = self._answer()
        if answer.State == _REFUSED:
            why = {1: "its writer takes no lossless readers: open it newest",
                   2: f"hold={self._hold} needs {answer.Detail} slots: hold less, or give the segment more slots"}
            raise Refused(f"{self.name}: {why.get(answer.Reason, f'the writer refused, reason {answer.Reason}')}")
        self._join_at(answer.First - 1)

    def _join_at(self, first: int) -> None:
        """Begin at that frame. What lies between it and the last one of a writer that died was missed."""
        self._gap += max(0, first - self._want)
        self._want = max(self._want, first)

    def _await_answer(self, deadline: Optional[float]) -> bool:
        try:
            return self._data.wait(lambda: self._answer() is not None, deadline)
        except Timeout:
            raise Timeout(f"{self.name}: its writer lives and does not answer this reader; is it stopped?") from None

    def _every(self) -> Frame:
        """(14) Frame want, in place: a segment that nobody writes any more is never written again."""
        data, want = self._data, self._want
        hint = data.publish()
        slots = [hint & 0xFFFF] if hint >> 16 == want + 1 and hint & 0xFFFF < data.head.Slots else range(data.head.Slots)
        for slot in slots:
            if data.sequence(slot) == 2 * want + 2:
                frame = data.frame(slot, want, None)
                if not frame:
                    break
                frame._reader = self
                self._held.append(frame)
                return self._deliver(frame)
        self._ready()  # the record may say evicted by now
        raise Lost(f"{self.name}: frame {want} is not in the segment any more, and it was promised: its writer broke the protocol")

    def _release(self, frame: Frame) -> None:
        """The cursor is the last frame let go, of those that were handed out in order."""
        if frame._reader is None:
            return
        self._check()
        held = frame.valid
        frame._reader = frame._payload = None
        self._held.remove(frame)
        if self._cell:
            kept = [other.number for other in self._held if other._data is self._data]  # the others' generations are over
            self._cell.tell(_CELL_CURSOR, kept[0] if kept else self._want)
        if not held:
            raise Evicted(f"{self.name}: frame {frame.number} was overwritten while it was in use, what was computed from it is void: the "
                          "writer stopped waiting for this reader; open it again")

    def _deliver(self, frame: Frame) -> Frame:
        frame.missed = frame.number - self._want + self._gap if self._begun else 0
        self._begun, self._want, self._gap = True, frame.number + 1, 0
        self._delivered += 1
        if frame.missed:
            self._missed += frame.missed
            if self._cell:
                self._cell.store(_CELL_MISSED, self._missed)
        return frame

    # The newest frame, and what is still there.

    def _buffer(self, size: int):
        """Memory for a copy; that of an earlier frame which nobody has any more: fresh pages cost more than the copy."""
        if size < 1 << 16:
            return bytearray(size)
        for buffer in self._pool:
            if len(buffer) == size:
                try:
                    buffer.append(buffer.pop())  # refused while there is a view of it
                    return buffer
                except BufferError:
                    pass
        self._pool = [buffer for buffer in self._pool if len(buffer) == size][-3:]
        self._pool.append(bytearray(size))
        return self._pool[-1]

    def _newest(self) -> Frame:
        """(12) By copy."""
        data, last_try = self._data, False
        while True:
            for _ in range(10):
                word = data.publish()
                number, slot = (word >> 16) - 1, word & 0xFFFF
                if slot >= data.head.Slots or number < self._want:
                    raise Damaged(f"{self.name}: its publish word says slot {slot} of {data.head.Slots}, frame {number}")
                frame = data.frame(slot, number, self._buffer)
                if frame:
                    return self._deliver(frame)
                self._retries += 1
            if last_try:
                raise Damaged(f"{self.name}: frame {number} is not whole, and nobody writes any more")
            if not data.silent():
                self._overruns += 1
                raise Overrun(f"{self.name}: the writer was faster than ten copies; ask again, or give the segment more slots")
            last_try = True

    def _present(self) -> _Data:
        """The generation to look at: with follow, that which the name has now."""
        self._check()
        if self._follow:
            try:
                data = self._place.data()
                if data.generation != self._data.generation:
                    return data
                data.close()
            except NotFound:
                pass
        return self._data

    def recent(self) -> Iterator[Frame]:
        """The frames that are still in the segment, the newest first, as copies. It does not wait, works in every mode, and
        changes neither counts nor position; a frame that the writer overwrites meanwhile is left out."""
        data = self._present()
        return (frame for frame in (data.frame(slot, number, bytearray) for number, slot in data.numbers()) if frame)

    def get(self, number: int) -> Frame:
        """A copy of the frame of that number, if it is still in the segment; else Lost."""
        data = self._present()
        there = data.numbers()
        for candidate, slot in there:
            frame = data.frame(slot, candidate, bytearray) if candidate == number else None
            if frame:
                return frame
        have = f"it has {there[-1][0]} to {there[0][0]}" if there else "it has none yet"
        raise Lost(f"{self.name}: frame {number} is not in the segment, {have}: ask sooner, or give the segment more slots")

    # Results: records tied to frames of another segment.

    def records(self, timeout: Optional[float] = None) -> Iterator[Frame]:
        """Every record, copied, from the oldest that is still in the segment to the end, in order; .json() and .reference of each say
        what and of which frame. Opened newest, this holds no writer back: what left the segment before it was read is counted
        in .missed. timeout: seconds to wait for the next one, then it ends."""
        self._check()
        if self._cell_lossless():
            for frame in reversed([frame for frame in self.recent() if frame.number < self._want]):
                yield frame
        else:
            there = self._data.numbers()
            if there and not self._begun:
                self._want = max(self._data.head.FirstFrame, there[-1][0])
        while True:
            try:
                if self._cell_lossless():
                    frame = self.next(timeout)
                    if frame is None:
                        return
                    copy = frame.copy()
                    frame.release()
                    yield copy
                    continue
                self._check()
                deadline = None if timeout is None else time.monotonic() + timeout
                while not self._over and not self._data.wait(self._ready, deadline):
                    self._after(deadline)
            except Timeout:
                return
            if self._over:
                return
            data, before = self._data, self._want
            for number, slot in reversed(data.numbers()):
                record = data.frame(slot, number, bytearray) if number >= self._want else None
                if record:
                    yield self._deliver(record)
            if self._want == before and data.silent() and not data.numbers():
                raise Damaged(f"{self.name}: it says that frame {(data.publish() >> 16) - 1} is published, and has none")

    def for_frame(self, frame: Union[Frame, int]) -> Optional[Frame]:
        """The newest record that speaks of this frame or of one before it. None: there is none yet. Lost: those that there
        were have left the segment."""
        number = frame if isinstance(frame, int) else frame.number
        low = None if isinstance(frame, int) else frame.generation[:16]
        oldest = None
        for record in self.recent():
            about = record.reference
            if about and low in (None, about.generation):
                if about.frame <= number:
                    return record
                oldest = record
        if oldest and oldest.number > self._data.head.FirstFrame:
            raise Lost(f"{self.name}: no record for frame {number} is left, the oldest is for frame {oldest.reference.frame}: "  # type: ignore
                       "ask sooner, or give the results more slots")
        return None


# ---------------------------------------------------------------------------------------------------------------------------
# Writing


def create(name: str, width: int = 0, height: int = 0, pixel_format: str = "rgba", *, slots: Optional[int] = None, capacity: Optional[int] = None,
           meta_capacity: int = 1536, lossless: str = "wait", evict_after: float = 5.0, live: bool = False, linger: float = 5.0,
           keep: bool = False, time_base=None, rate=None, group: Optional[str] = None, color: Color = Color(), dir: Optional[str] = None) -> "Writer":
    """Make the segment name and become its writer: with framebridge.create("cam1", 640, 360, "bgr24") as w: ...

    pixel_format: rgba, bgra, rgb24, bgr24, gray8, yuv420p, nv12; or data, for plain bytes without width and height.
    slots: how many frames the segment holds, from 2; 4, and 64 for data.
    capacity: bytes a frame may have; those of its format, and 16 KiB for data. Frames may change their size within it (resize).
    This module does not move a segment to a larger one: give a capacity that is large enough.
    lossless: what readers of every frame get: "wait" for them without limit, "evict" after evict_after seconds, "refuse".
    live: the source cannot wait, for readers to know.
    linger: close, and the end of the with statement, wait so long for late readers: until the lossless ones that came have
    everything, or for the full 5 s if none came. In a script that nobody reads say linger=0. A kept segment waits for nobody.
    keep: the ended segment stays under its name, and the next writer's numbers go on (17).
    time_base, rate: what frames begin with: seconds in one unit of pts (1/rate if only rate is given), frames a second.
    group: the members of that group may read it.

    A segment whose writer was killed is taken over. Busy if another writer lives."""
    form = _BY_NAME.get(pixel_format)
    if form is None:
        raise FormatError(f"pixel format {pixel_format!r}: it is one of {', '.join(_BY_NAME)}")
    if lossless not in _POLICIES:
        raise FormatError(f"lossless={lossless!r}: it is one of {', '.join(_POLICIES)}")
    width, height = index(width), index(height)
    size = _checked_size(form, width, height)
    o = _Options(_DATA_KIND if form is _DATA else _VIDEO, slots or (64 if form is _DATA else 4),
                 capacity if capacity is not None else size or 16384, meta_capacity,
                 (_LIVE_SOURCE if live else 0) | (_KEPT if keep else 0), _POLICIES[lossless], evict_after, linger)
    if size > o.capacity:
        raise TooLarge(f"{name}: a {pixel_format} frame of {width}x{height} has {size} bytes, capacity={capacity} is less")
    place = _Place(name, dir, named=True)
    rate_num, rate_den = _ratio(rate)
    num, den = (rate_den, rate_num) if time_base is None and rate_num else _ratio(time_base)
    template = _SLOT.empty._replace(RefPTS=0, PTS=_UNKNOWN, TimeBaseNum=num, TimeBaseDen=den if num else 0, RateNum=rate_num, RateDen=rate_den,
                                    AspectDen=1)
    shared = _Sharing(group)
    shared.folder(place)
    writer = _take_name(place, lambda old: Writer(place, o, (form, width, height), template, shared, old))
    writer._color = color
    writer._start()
    return writer


def _take_name(place: _Place, make: Callable[[Optional["_Old"]], "Writer"], wait: float = _CLEANING) -> "Writer":
    """(16) Give the name to a writer's files, over the old file if there is one. make may be called again, if somebody else was faster."""
    deadline = time.monotonic() + wait
    while True:
        old = _Old.seize(place, deadline)
        try:
            writer = make(old)
            try:
                if writer._name(old):
                    return writer
            except BaseException:
                writer._drop()
                raise
            writer._drop()
        finally:
            if old:
                old.close()


class _Options(NamedTuple):
    kind: int
    slots: int
    capacity: int
    meta_capacity: int = 1536
    flags: int = 0
    lossless: int = 0
    evict_after: float = 5.0
    linger: float = 5.0
    cells: int = 63


def _checked_size(form: _Format, width: int, height: int) -> int:
    """Bytes of a frame, 0 for data."""
    if form is _DATA:
        if width or height:
            raise FormatError("data has no width and height")
        return 0
    if not 0 < width < 1 << 16 or not 0 < height < 1 << 16:
        raise FormatError(f"{width}x{height}: give a width and height from 1 to 65535, or pixel_format='data'")
    return _layout(form, width, height)[1]


class _Sharing:
    """Modes and group of a segment's two files (2)."""

    def __init__(self, group: Optional[str] = None, like: Optional[os.stat_result] = None) -> None:
        self.gid, self.data, self.control = -1, 0o600, 0o600
        if like and like.st_mode & 0o040:
            self.gid = like.st_gid
        if group is not None:
            import grp
            try:
                self.gid = int(group) if str(group).isdigit() else grp.getgrnam(group).gr_gid
            except KeyError:
                raise Untrusted(f"there is no group {group!r}") from None
        if self.gid >= 0:
            self.data, self.control = 0o640, 0o660

    def folder(self, place: _Place) -> None:
        """Make it if only its last element is missing, and let the group in if it was this user's alone."""
        try:
            try:
                os.mkdir(place.dir, 0o700)
            except FileExistsError:
                if self.gid < 0 or stat.S_IMODE(os.stat(place.dir).st_mode) != 0o700:
                    return
            if self.gid >= 0:
                os.chown(place.dir, -1, self.gid)
                os.chmod(place.dir, 0o2750)
        except OSError as error:
            raise NotFound(f"{place.dir}: {error.strerror}; make the folder, or take another one") from None

    def apply(self, fd: int, mode: int) -> None:
        try:
            if self.gid >= 0:
                os.fchown(fd, -1, self.gid)
        except PermissionError:
            raise Untrusted(f"this user is no member of group {self.gid}, and cannot share a segment with it") from None
        os.fchmod(fd, mode)


class _Old:
    """The file that has the name now, its writer's lock taken."""

    def __init__(self, data: _Data, lock: _Lock) -> None:
        self.data, self.lock = data, lock

    @staticmethod
    def seize(place: _Place, deadline: float) -> Optional["_Old"]:
        """None: nothing has the name. Busy: a writer that lives has it. Who waits looks at the lock alone."""
        while True:
            lock = data = None
            try:
                lock = place.lock()
                while not lock.take(0) and time.monotonic() < deadline:
                    time.sleep(0.001)
                data = place.data(writable=True)
                old = _Old(data, lock)
                if lock.byte is None:
                    text = "has ended and keeps it for late readers; wait" if old.ended() else "has it; end that one, or take another name"
                    raise Busy(f"{place.name}: another writer (process {data.head.WriterPID}) {text}")
                if place.means(lock.fd):
                    lock = data = None
                    return old
            except NotFound:
                return None
            finally:
                if data:
                    data.close()
                if lock:
                    lock.close()

    def kept(self) -> bool:
        return bool(self.data.head.Flags & _KEPT)

    def ended(self) -> bool:
        return self.data.state() == _ENDED

    def above(self) -> int:
        """(16) One above every number in it."""
        data = self.data
        numbers = [data.head.FirstFrame, data.publish() >> 16, data.get(_Dyn.Back) >> 16]
        return max(numbers + [data.sequence(slot) + 1 >> 1 for slot in range(data.head.Slots)])

    def bury(self, place: _Place) -> None:
        """Its name was taken away: tell those who still look at it that nobody will come back."""
        if self.data.state() not in (_ENDED, _MOVED):
            self.data.i[self.data._state] = _DEAD
        self.data.ring()
        _unlink(place.control_path(self.data.head))

    def close(self) -> None:
        self.lock.close()
        self.data.close()


class _Peer:
    """What the writer knows of a lossless reader, by its token."""

    def __init__(self, token: int, done: int, spliced: bool) -> None:
        self.token, self.done, self.spliced = token, done, spliced  # done: n+1 of the last frame let go
        self.stuck: Optional[Tuple[int, float]] = None  # done, and since when the writer waits for it there
        self.look_at, self.died = 0.0, 0.0


class Writer:
    """Publishes frames into a segment. Made by create. Close it, or use it in a with statement: an exception there ends the
    segment in order as well, and says that its source failed. A writer that just goes away is one that died."""

    def __init__(self, place: _Place, o: _Options, format: tuple, template, shared: _Sharing, old: Optional[_Old], above: bool = False) -> None:
        """Both files, complete but without a name. above: go on with the old numbers whatever the old end was."""
        self._pid, self._closed, self._open_slot, self._linked = os.getpid(), False, False, False
        self.name, self._place, self._o, self._template, self._color = place.name, place, o, template, Color()
        self._format = format
        died = old is not None and not old.ended()
        first = old.above() if old and (above or died or old.kept()) else 0
        if first >= _NUMBERS:
            first = 0  # used up: they begin anew
        head = self._header(o, old.data.head.Generation if old and died else bytes(16), first, _TOOK_OVER if died else 0)
        self._locks: List[_Lock] = []
        control = -1
        fd = self._file(head.FileSize, shared, shared.data)
        try:
            control = self._file(_CELL_SIZE * (o.cells + 1), shared, shared.control)
            os.pwrite(fd, _pack_header(head), 0)
            start = bytearray(_CELL_SIZE)
            _CONTROL.write(start, 0, _CONTROL.Record(_CONTROL_MAGIC, _MAJOR, _MINOR, o.cells, head.ControlID))
            os.pwrite(control, start, 0)
            for descriptor in fd, control:
                self._locks.append(_Lock(descriptor))
                self._locks[-1].take(0)
            self._control = _Map(control, _CELL_SIZE * (o.cells + 1))
        except BaseException:
            os.close(fd)
            if control >= 0:
                os.close(control)
            raise
        self._control_fd = control
        self._data = _Data(fd, self.name, True, head)
        self.generation = head.Generation.hex()  #: which life of the segment this is, 32 digits
        self._data.i[self._data._state] = _LIVE
        self._next, self._last = first, None  # the next number, and the last one published
        self._in_slot = [-1] * o.slots  # the number of the frame in a slot, -1 never used or left odd
        self._published_slot = -1  # that of the last one
        self._peers: Dict[int, _Peer] = {}
        self._answered: Dict[int, int] = {}  # by cell, the token that was last answered
        self._pinned: Dict[int, Tuple[set, List[int]]] = {}  # by token, the pins last seen, and those broken in a row
        self._met_lossless = False
        self._mutex = threading.Lock()  # of the reader table and of what is known of readers
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def _header(self, o: _Options, previous: bytes, first: int, flags: int):
        if not 2 <= o.slots <= 65535 or o.capacity < 1 or not 0 <= o.meta_capacity <= _MOST_META:
            raise FormatError(f"{self.name}: {o.slots} slots of {o.capacity} bytes and {o.meta_capacity} of meta: from 2 slots of 1 byte, to 65535 "
                              "slots and 1 MiB of meta")
        unit, table = 4096 if o.kind == _DATA_KIND else 65536, _HEADER_SIZE + _Dyn.Size
        slot_table, record = _up(table + 128 * (o.cells + 1), 128), _up(_META + o.meta_capacity, 128)
        slots_offset, stride = _up(slot_table + o.slots * record, unit), _up(o.capacity + 64, unit)
        if slots_offset + o.slots * stride > _MOST_FILE:
            raise TooLarge(f"{self.name}: {o.slots} slots of {o.capacity} bytes are more than 1 TiB: take fewer, or smaller ones")
        return _HEADER.empty._replace(
            Magic=_MAGIC, Major=_MAJOR, Minor=_MINOR, HeaderSize=_HEADER_SIZE, FileSize=slots_offset + o.slots * stride,
            DynOffset=_HEADER_SIZE, DynSize=_Dyn.Size, TableOffset=table, TableRecord=128, Cells=o.cells, SlotTable=slot_table, SlotRecord=record,
            Slots=o.slots, SlotsOffset=slots_offset, SlotStride=stride, Capacity=o.capacity, Alignment=unit, Tail=64, MetaCapacity=o.meta_capacity,
            Kind=o.kind, Generation=os.urandom(16), Previous=previous, ControlID=int.from_bytes(os.urandom(8), "little"), FirstFrame=first,
            CreatedWall=time.time_ns(), CreatedMono=time.monotonic_ns(), WriterPID=os.getpid(), Backing=1, Flags=o.flags | flags,
            Lossless=o.lossless, Name=self.name.encode())

    def _file(self, size: int, shared: _Sharing, mode: int) -> int:
        """(16) A file without a name, its memory reserved."""
        folder = self._place.dir
        try:
            fd = _not_low(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise Error(f"{folder}: cannot make files there ({error.strerror}): take a folder on a tmpfs that is yours") from None
        try:
            shared.apply(fd, mode)
            os.posix_fallocate(fd, 0, size)
            return fd
        except OSError as error:
            os.close(fd)
            room = os.statvfs(folder)
            raise NoSpace(f"{self.name}: needs {size} bytes in {folder}, {room.f_bavail * room.f_frsize} are free ({error.strerror}): take fewer "
                          "slots or smaller frames, remove dead segments (framebridge gc), or give the file system more room") from None
        except BaseException:
            os.close(fd)
            raise

    def _link(self, fd: int, path: str) -> None:
        folder = os.open(self._place.dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:  # a folder's descriptor makes this linkat, which follows
            os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)

    def _name(self, old: Optional[_Old]) -> bool:
        """(16) Give both files their names; from here on readers find them. False: somebody else was faster, begin again."""
        place, head = self._place, self._data.head
        self._link(self._control_fd, place.control_path(head))
        self._linked = True
        if old is None:
            try:
                self._link(self._data.fd, place.path)
                return True
            except FileExistsError:
                return False
        hidden = os.path.join(place.dir, f".{place.name}.{self.generation}.new")
        self._link(self._data.fd, hidden)
        try:
            if not place.means(old.data.fd):
                os.unlink(hidden)
                return False
            os.rename(hidden, place.path)
        except BaseException:
            _unlink(hidden)
            raise
        old.bury(place)
        return True

    def _drop(self) -> None:
        """Undo everything before there was a name."""
        self._closed = True
        if self._linked:
            _unlink(self._place.control_path(self._data.head))
        self._let_go()

    def _let_go(self) -> None:
        self._stop.set()
        for lock in self._locks:
            lock.close()
        if self._control_fd >= 0:
            os.close(self._control_fd)
            self._control_fd = -1
        self._data.close()
        self._data = self._control = None  # type: ignore[assignment]

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind, error, _) -> None:
        if error is None or isinstance(error, (KeyboardInterrupt, GeneratorExit)) or isinstance(error, SystemExit) and not error.code:
            self.close()  # somebody wanted the end
        else:
            self.abort(f"{kind.__name__}: {error}")

    def _check(self) -> None:
        if self._pid != os.getpid():
            raise Forked(f"{self.name}: this writer was made by the parent process; make one after the fork")
        if self._closed:
            raise Closed(f"{self.name}: this writer is closed")

    # What can be seen and said of it.

    @property
    def shape(self) -> Tuple[int, int, str]:
        """Width, height and pixel format of the frames to come."""
        return self._format[1], self._format[2], self._format[0].name

    @property
    def next_number(self) -> int:
        """The number that the next frame will have."""
        return self._next

    @property
    def readers(self) -> int:
        """How many living readers have registered, in any mode."""
        self._check()
        return sum(1 for k, token in enumerate(self._tokens(), 1) if token and _is_locked(self._control_fd, k))

    def await_readers(self, count: int = 1, timeout: Optional[float] = None) -> None:
        """Wait until so many readers have registered."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self._control.i[_CURSOR_EVENT >> 2]
            if self.readers >= count:
                return
            left = _TICK if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise Timeout(f"{self.name}: {self.readers} of {count} readers came in the time that was given")
            _wait_word(self._control.address + _CURSOR_EVENT, event, left)

    def set_source(self, state: str, error: Optional[str] = None) -> None:
        """Tell readers the state of what feeds the segment, see Source; and its last error: up to 256 bytes, without secrets."""
        self._check()
        if state not in _SOURCES:
            raise FormatError(f"source state {state!r}: it is one of {', '.join(_SOURCES)}")
        words, base = self._data.i, self._data.head.DynOffset
        if error is not None:
            text = error.encode("utf-8", "replace")[:_ERROR_SIZE].decode("utf-8", "ignore").encode()
            words[base + _Dyn.ErrorSeq >> 2] = words[base + _Dyn.ErrorSeq >> 2] + 1 & 0xFFFFFFFF
            self._data.map.bytes[base + _Dyn.Error:base + _Dyn.Error + _ERROR_SIZE] = text.ljust(_ERROR_SIZE, b"\0")
            words[base + _Dyn.ErrorLength >> 2] = len(text)
            words[base + _Dyn.ErrorSeq >> 2] = words[base + _Dyn.ErrorSeq >> 2] + 1 & 0xFFFFFFFF
        words[base + _Dyn.Source >> 2] = _SOURCES.index(state)
        self._data.ring()

    def resize(self, width: int, height: int, pixel_format: Optional[str] = None) -> None:
        """Change the size, and the format, of the frames to come, within the capacity."""
        self._check()
        form = _BY_NAME.get(pixel_format) if pixel_format else self._format[0]
        if form is None or (form is _DATA) != (self._format[0] is _DATA):
            raise FormatError(f"{self.name}: cannot become {pixel_format!r}")
        width, height = index(width), index(height)
        size = _checked_size(form, width, height)
        if size > self._o.capacity:
            raise TooLarge(f"{self.name}: a {form.name} frame of {width}x{height} has {size} bytes, this segment takes {self._o.capacity}, and this "
                           f"module does not move segments: create it with capacity={size}")
        self._format = (form, width, height)

    # Publishing.

    @contextmanager
    def frame(self, timeout: Optional[float] = None) -> Iterator["Slot"]:
        """The next frame, to be filled in a with statement, at the end of which it is published. If the block raises, nothing
        is, and its number is used again. It waits for lossless readers within the segment's policy, so long at most."""
        slot = self._claim(timeout)
        try:
            yield slot
            self._seal(slot)
        except BaseException:
            self._data.set(_Dyn.Abandoned, self._data.get(_Dyn.Abandoned) + 1) if not self._closed else None
            raise
        finally:
            slot._over()
            self._open_slot = False

    def publish(self, payload, *, pts: Optional[int] = None, meta=None, reference=None, duration: Optional[int] = None, flags: int = 0,
                timeout: Optional[float] = None) -> int:
        """Publish an array, or bytes, as the next frame; its number."""
        with self.frame(timeout) as f:
            f._fill(payload)
            f.pts, f.duration, f.flags, f.reference = pts, duration, flags, reference
            if meta is not None:
                f.meta = meta
        return f.number

    def put(self, frame: Optional[Frame], record: Any, *, meta=None, timeout: Optional[float] = None) -> int:
        """Publish a record, JSON, that speaks of this frame of another segment: it has its time as well. Its own number."""
        text = _to_json(record)
        with self.frame(timeout) as f:
            f.data = text
            if frame is not None:
                f.pts, f.time_base, f.captured, f.reference = frame.pts, frame.time_base, frame.captured, frame
            if meta is not None:
                f.meta = meta
        return f.number

    def _claim(self, timeout: Optional[float] = None) -> "Slot":
        """(16) A slot for the next frame, its sequence odd."""
        self._check()
        if self._open_slot:
            raise Error(f"{self.name}: another frame is still open; end its with statement first")
        number, deadline = self._next, None if timeout is None else time.monotonic() + timeout
        if number >= _NUMBERS:
            raise Error(f"{self.name}: frame numbers are used up at 2^47; create the segment anew, then they begin at 0")
        data, pinned, began = self._data, set(), None
        while True:
            event = self._control.i[_CURSOR_EVENT >> 2]  # before the cursors
            with self._mutex:
                self._look()
                owed_from = min((peer.done for peer in self._peers.values()), default=None)
                free = [slot for slot in range(self._o.slots)
                        if slot != self._published_slot and (owed_from is None or self._in_slot[slot] < owed_from)]
                if not free:
                    self._evict()
            if free:
                left = [slot for slot in free if slot not in pinned]
                slot = min(left or free, key=self._in_slot.__getitem__)  # of pinned ones the oldest: pins are taken on the newest
                data.set(_Dyn.Back, number + 1 << 16 | slot)
                _fence()  # before the pins are loaded: store and load must not change places (10)
                holders = self._pins(self._in_slot[slot] + 1) if self._in_slot[slot] >= 0 else []
                if not holders or not left:
                    self._break(self._in_slot[slot] + 1, holders)
                    break
                pinned.add(slot)
                continue
            now = time.monotonic()
            began = began or now
            if deadline is not None and now >= deadline:
                raise Timeout(f"{self.name}: lossless readers kept every slot for {timeout} seconds; see framebridge info {self.name}")
            _wait_word(self._control.address + _CURSOR_EVENT, event, _TICK if deadline is None else deadline - now)
            self._check()
        if began:
            data.set(_Dyn.Blocked, data.get(_Dyn.Blocked) + int((time.monotonic() - began) * 1e9))
        data.q[data._sequence + slot * data._record] = 2 * number + 1
        self._in_slot[slot], self._open_slot = -1, True
        return Slot(self, slot, number)

    def _seal(self, slot: "Slot") -> None:
        """(16) Write the header, and publish."""
        self._check()
        data, number = self._data, slot.number
        at = data.head.SlotTable + slot._slot * data.head.SlotRecord
        _SLOT.write(data.map.bytes, at, slot._finished())
        data.map.bytes[at + _META:at + _META + len(slot.meta)] = slot.meta
        _fence()  # also behind what was stored past the caches, as large copies are
        data.q[data._sequence + slot._slot * data._record] = 2 * number + 2
        data.set(_Dyn.Published, data.get(_Dyn.Published) + 1)
        data.set(_Dyn.LastFrame, data.get(_Dyn.LastFrame) + 1)
        self._in_slot[slot._slot], self._published_slot, self._last, self._next = number, slot._slot, number, number + 1
        data.q[data._publish] = number + 1 << 16 | slot._slot
        data.ring()

    # Readers, as the writer sees them. The control file is theirs: nothing in it decides what is published.

    def _tokens(self) -> List[int]:
        return self._control.q[_CELL_SIZE >> 3::_CELL_SIZE >> 3].tolist()

    def _look(self) -> None:
        """(16) A tick: answer new readers, forget the dead, take over cursors. The caller has the mutex."""
        now, published = time.monotonic(), self._data.publish() >> 16
        for k, token in enumerate(self._tokens(), 1):
            peer = self._peers.get(k)
            if peer and peer.token != token:  # it left in order, or died and another one has its cell
                peer = self._peers.pop(k) and None
            if peer:
                peer.done = max(peer.done, min(self._control.q[_CELL_SIZE * k + _CELL_CURSOR >> 3], published))
                if not self._lives(k, peer, now):
                    del self._peers[k]
            elif token and self._answered.get(k) != token and _is_locked(self._control_fd, k):
                self._answer(k, token, published)

    def _lives(self, k: int, peer: _Peer, now: float) -> bool:
        if now < peer.look_at:
            return True
        peer.look_at = now + _TICK / 2
        if _is_locked(self._control_fd, k):
            return True
        peer.died = peer.died or now
        return peer.spliced and now - peer.died < 1

    def _answer(self, k: int, token: int, published: int) -> None:
        cell = _CELL.read(self._control.bytes, _CELL_SIZE * k)
        self._answered[k] = token
        first = max(published - 1, self._data.head.FirstFrame) if published else self._next
        state, reason, detail = _JOINED, 0, 0
        if cell.Mode != _LOSSLESS:
            pass
        elif self._o.lossless == _POLICIES["refuse"]:
            state, reason = _REFUSED, 1
        elif cell.Hold + 1 > self._o.slots:
            state, reason, detail = _REFUSED, 2, cell.Hold + 1
        else:
            self._peers[k] = _Peer(token, first, bool(cell.Wishes & _SPLICED))
            self._met_lossless = True
        data, at = self._data, self._data.head.TableOffset + k * self._data.head.TableRecord
        _ANSWER.write(data.map.bytes, at, _ANSWER.empty._replace(Token=data.q[at >> 3], State=state, Reason=reason, First=first + 1, Detail=detail))
        data.q[at >> 3] = token  # last
        data.ring()

    def _evict(self) -> None:
        """By policy, and only readers that hold the oldest slot: those who stood still for too long. The caller has the mutex."""
        if self._o.lossless != _POLICIES["evict"]:
            return
        now = time.monotonic()
        oldest = min(number for slot, number in enumerate(self._in_slot) if slot != self._published_slot)
        for k, peer in list(self._peers.items()):
            if peer.done > oldest:
                peer.stuck = None
            elif peer.stuck is None or peer.stuck[0] != peer.done:
                peer.stuck = (peer.done, now)
            elif now - peer.stuck[1] >= self._o.evict_after:
                data, at = self._data, self._data.head.TableOffset + k * self._data.head.TableRecord
                data.q[at + _ANSWER_EVICTED_AT >> 3] = peer.done
                data.i[at + _ANSWER_STATE >> 2] = _EVICTED  # last
                data.set(_Dyn.Evicted, data.get(_Dyn.Evicted) + 1)
                del self._peers[k]
                data.ring()

    def _pins(self, word: int) -> List[Tuple[int, int]]:
        """Cell and token of the living readers that have pinned this frame. Who lost three in a row is not counted (13)."""
        holders, pinned = [], {}
        for k, token in enumerate(self._tokens(), 1):
            if token:
                at = _CELL_SIZE * k + _CELL_PINS >> 3
                now = {pin for pin in self._control.q[at:at + 6].tolist() if pin}
                before, broken = self._pinned.get(token, (now, []))
                pinned[token] = now, [] if before - now - set(broken) else broken  # one that held was let go: the row is over
                if word in now and len(pinned[token][1]) < 3 and _is_locked(self._control_fd, k):
                    holders.append((k, token))
        self._pinned = pinned
        return holders

    def _break(self, word: int, holders: List[Tuple[int, int]]) -> None:
        """There is no other slot: these pins do not hold any longer."""
        for k, token in holders:
            self._pinned[token][1].append(word)
            at = self._data.head.TableOffset + k * self._data.head.TableRecord + _ANSWER_BROKEN >> 3
            self._data.q[at] = self._data.q[at] + 1
            self._data.set(_Dyn.Broken, self._data.get(_Dyn.Broken) + 1)

    def _start(self) -> None:
        self._thread = threading.Thread(target=_tick, args=(weakref.ref(self), self._stop), name=f"framebridge {self.name}", daemon=True)
        self._thread.start()

    # The end.

    def close(self) -> None:
        """End the segment in order. It stays for late readers for linger seconds, less when lossless readers had everything."""
        self._end(self._o.linger)

    def abort(self, error: str = "aborted") -> None:
        """End the segment in order and say that its source failed; do not linger. What was published is delivered."""
        if not self._closed and self._pid == os.getpid():
            self.set_source("failed", error)
        self._end(0)

    def _end(self, linger: float) -> None:
        if self._closed:
            return
        self._closed = True
        if self._pid != os.getpid():
            return
        self._say_end()
        deadline = time.monotonic() + linger
        try:
            while not self._o.flags & _KEPT:
                event = self._control.i[_CURSOR_EVENT >> 2]
                with self._mutex:
                    self._look()
                    waited_for = any(peer.done < self._next for peer in self._peers.values())
                left = deadline - time.monotonic()
                if left <= 0 or self._met_lossless and not waited_for:
                    break
                _wait_word(self._control.address + _CURSOR_EVENT, event, left)
        finally:
            self._stop.set()
            if self._thread:
                self._thread.join()
            if not self._o.flags & _KEPT:
                if self._place.means(self._data.fd):
                    _unlink(self._place.path)
                _unlink(self._place.control_path(self._data.head))
            self._let_go()

    def _say_end(self) -> None:
        self._data.set(_Dyn.Final, 0 if self._last is None else self._last + 1)
        self._data.i[self._data._state] = _ENDED
        self._data.ring()


def _tick(writer, stop: threading.Event) -> None:
    """The writer's thread: it answers and forgets readers also while the program computes."""
    while not stop.wait(_TICK / 2):
        self = writer()
        if self is None or self._pid != os.getpid():
            return
        with self._mutex:
            if not self._closed:
                self._look()
                self._data.set(_Dyn.Heartbeat, self._data.get(_Dyn.Heartbeat) + 1)
        del self


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _pack_header(head) -> bytes:
    data = bytearray(_HEADER_SIZE)
    _HEADER.write(data, 0, head)
    _HEADER.write(data, 0, head._replace(CRC=_crc32c(bytes(data))))
    return bytes(data)


class Slot(_Picture):
    """A frame in the making: fill array, payload or data, set what is known, and leave the with statement. What Frame says of
    pts, time_base, duration, rate, flags, color, captured and reference holds here; unknown is None."""

    __slots__ = ("_writer", "_slot", "_memory", "_meta", "_size", "pts", "duration", "time_base", "rate", "flags", "color", "captured", "_reference")

    def __init__(self, writer: Writer, slot: int, number: int) -> None:
        data, (form, width, height) = writer._data, writer._format
        self._writer, self._slot, self._meta, self._reference = writer, slot, b"", None
        planes, size = _layout(form, width, height)
        begin = data.head.SlotsOffset + slot * data.head.SlotStride
        self._memory: Optional[memoryview] = data.map.bytes[begin:begin + (data.head.Capacity if form is _DATA else size)]
        self._size = size
        now = time.monotonic_ns()
        self._take(writer._template._replace(
            Number=number, Length=size, Width=width, Height=height, Planes=len(planes), PixelFormat=form.code, FourCC=form.fourcc, Bits=8,
            Plane=b"".join(struct.pack("<QII", *plane) for plane in planes), CaptureMono=now, CaptureWall=time.time_ns()))
        t, color = self._record, writer._color
        self.pts: Optional[int] = None
        self.duration: Optional[int] = None
        self.time_base, self.rate = _fraction(t.TimeBaseNum, t.TimeBaseDen), _fraction(t.RateNum, t.RateDen)
        self.flags, self.captured = 0, now / 1e9
        self.color = color if color.matrix else color._replace(matrix=form.matrix)

    def _over(self) -> None:
        self._memory = None

    @property
    def generation(self) -> str:
        """Which life of the segment it is for, 32 digits."""
        return self._writer.generation

    @property
    def payload(self) -> memoryview:
        """The bytes in shared memory, to be written. They hold what an older frame left there. For data: all the capacity; say
        with length how many of them count."""
        if self._memory is None:
            raise Closed(f"frame {self.number} is over: fill it inside its with statement")
        return self._memory

    @property
    def length(self) -> int:
        """Bytes of the payload that count: for data at first 0."""
        return self._size

    @length.setter
    def length(self, size: int) -> None:
        if self._form is not _DATA:
            raise FormatError(f"a {self.pixel_format} frame of {self.width}x{self.height} has {self._size} bytes: its length cannot be set")
        self._fits(size)
        self._size = size

    def _fits(self, size: int) -> None:
        if not 0 <= size <= len(self.payload):
            raise TooLarge(f"{self._writer.name}: a record of {size} bytes, this segment takes {len(self.payload)}: create it with capacity={size}")

    @property
    def data(self) -> memoryview:
        """The bytes that count."""
        return self.payload[:self._size]

    @data.setter
    def data(self, value) -> None:
        self._fill(value)

    @property
    def array(self):
        """The picture as a numpy array (height, width, channels), or (height, width) for gray8, in shared memory: f.array[:] = ...
        f.array = ... does the same and refuses what has another dtype or shape."""
        return self._array(self.payload)

    @array.setter
    def array(self, value) -> None:
        mine = self.array
        if getattr(value, "dtype", None) != mine.dtype or getattr(value, "shape", None) != mine.shape:
            got = f"{value.dtype} of shape {value.shape}" if hasattr(value, "dtype") else type(value).__name__
            raise FormatError(f"{self._writer.name}: a {self.pixel_format} frame of {self.width}x{self.height} is uint8 of shape {mine.shape}, "
                              f"this is {got}: convert it, or create the segment for it")
        mine[:] = value

    @property
    def planes_arrays(self) -> list:
        """Each plane as a numpy array in shared memory, see Frame.planes_arrays."""
        return self._planes(self.payload)

    @property
    def meta(self) -> bytes:
        """What travels beside the payload; bytes, or what JSON can say."""
        return self._meta

    @meta.setter
    def meta(self, value) -> None:
        text = bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else _to_json(value)
        if len(text) > self._writer._o.meta_capacity:
            raise TooLarge(f"{self._writer.name}: meta of {len(text)} bytes, this segment takes {self._writer._o.meta_capacity}: "
                           f"create it with meta_capacity={len(text)}, or put it in a data segment")
        self._meta = text

    @property
    def reference(self) -> Optional[Reference]:
        """The frame of another segment that this one speaks of: set it to that Frame."""
        return self._reference

    @reference.setter
    def reference(self, value) -> None:
        self._reference = Reference(value.number, value.generation[:16], value.pts) if isinstance(value, Frame) else value

    def like(self, frame: Frame) -> None:
        """Take over time, rate, colour, aspect, flags and all else that travels with a frame, but not its size and bytes."""
        mine, theirs = self._record, frame._record
        same = mine.PixelFormat == theirs.PixelFormat
        self._record = theirs._replace(**{field: getattr(mine, field) for field in _OWN}, Flags=theirs.Flags & ~_HAS_CRC, CRC=0)
        self.pts, self.duration, self.time_base, self.rate = frame.pts, frame.duration, frame.time_base, frame.rate
        self.flags, self.captured, self.meta = frame.flags & ~_HAS_CRC, frame.captured, frame.meta
        self.color = frame.color if same else self.color

    def _fill(self, value) -> None:
        if self._form.planes and hasattr(value, "dtype") and len(self._form.planes) == 1:
            self.array = value
            return
        try:
            view = memoryview(value)
            view = view.cast("B") if view.nbytes else memoryview(b"")
        except (TypeError, ValueError) as error:
            raise FormatError(f"{self._writer.name}: {type(value).__name__} is no block of bytes ({error}): give bytes, or an array in one "
                              "piece (numpy.ascontiguousarray); for records use put") from None
        if self._form is _DATA:
            self._fits(len(view))
            self._size = len(view)
        elif len(view) != self._size or hasattr(value, "dtype") and value.dtype.itemsize != 1:
            raise FormatError(f"{self._writer.name}: a {self.pixel_format} frame of {self.width}x{self.height} has {self._size} bytes, this has {len(view)}")
        self.payload[:len(view)] = view

    def _finished(self):
        """The record as it is published."""
        for what, low in ("pts", _UNKNOWN), ("duration", _UNKNOWN), ("flags", 0):
            value = getattr(self, what)
            if value is not None and not (hasattr(value, "__index__") and low <= value < 1 << 63):
                raise FormatError(f"{what}={value!r} is not a whole number of 64 bits; pts and duration are in units of time_base")
        num, den = _ratio(self.time_base)
        rate_num, rate_den = _ratio(self.rate)
        known, about, shift = self._record, self._reference, round(self.captured * 1e9) - self._record.CaptureMono
        if about is not None:
            known = known._replace(RefFrame=about.frame + 1, RefGeneration=bytes.fromhex(about.generation),
                                   RefPTS=_UNKNOWN if about.pts is None else about.pts)
        return known._replace(
            Length=self._size, MetaLength=len(self._meta), PTS=_UNKNOWN if self.pts is None else self.pts, Duration=self.duration or 0,
            TimeBaseNum=num, TimeBaseDen=den if num else 0, RateNum=rate_num, RateDen=rate_den, Flags=self.flags,
            CaptureMono=known.CaptureMono + shift, CaptureWall=known.CaptureWall + shift, PublishMono=time.monotonic_ns(),
            Range=self.color.range, Matrix=self.color.matrix, Primaries=self.color.primaries, Transfer=self.color.transfer, Chroma=self.color.chroma)


# What a frame that is like another one has of its own, see Slot.like.
_OWN = ("Number", "RefFrame", "RefGeneration", "RefPTS", "Length", "MetaLength", "Width", "Height", "Planes", "PixelFormat", "FourCC",
        "Bits", "Plane", "Alpha", "CropLeft", "CropTop", "CropRight", "CropBottom", "Location", "Handle", "Modifier", "Fence")


# ---------------------------------------------------------------------------------------------------------------------------
# Values, results, filters


def update(name: str, change: Callable[[Optional[bytes]], bytes], *, wait: float = 5.0, capacity: int = 16384, dir: Optional[str] = None) -> int:
    """Replace the value of a kept data segment: change gets the old bytes, None if there are none, and returns the new ones.
    The number of the new value. One process at a time; whoever is killed meanwhile, the value is the old one or the new one,
    and nobody is locked out (17). It may have capacity bytes, or as many as the old segment had room for. change may be called again
    when another process was faster. Busy after wait seconds."""
    place = _Place(name, dir, named=True)
    _Sharing().folder(place)

    def make(old: Optional[_Old]) -> Writer:
        if old and old.data.head.Kind != _DATA_KIND:
            raise FormatError(f"{name}: it carries pictures, not a value; take another name")
        value = change(old.data.value() if old else None)
        room = max(capacity, old.data.head.Capacity) if old else capacity
        writer = Writer(place, _Options(_DATA_KIND, 2, room, flags=_KEPT), (_DATA, 0, 0),
                        _SLOT.empty._replace(PTS=_UNKNOWN, RateDen=1, AspectDen=1),
                        _Sharing(like=os.fstat(old.data.fd) if old else None), old, above=True)
        try:
            writer.publish(value)
        except BaseException:
            writer._drop()
            raise
        return writer

    writer = _take_name(place, make, wait)
    writer._closed = True
    writer._say_end()
    writer._let_go()
    return writer.next_number - 1


def value(name: str, *, dir: Optional[str] = None) -> Optional[bytes]:
    """The newest bytes of a data segment; None if nothing has the name, or nothing was published."""
    place = _Place(name, dir)
    for _ in range(10):
        try:
            data = place.data()
        except NotFound:
            return None
        newest = data.value()
        if newest is not None or data.publish() == 0:
            return newest
    raise Overrun(f"{name}: its writer was faster than ten looks; a value that changes that often is for open")


def remove(name: str, *, dir: Optional[str] = None) -> None:
    """Remove a segment that nobody writes any more: a value, one that was kept, one whose writer was killed. Those who have it open
    keep what they have, and the next writer of the name begins at number 0. NotFound if nothing has it, Busy if its writer lives."""
    place = _Place(name, dir, named=True)
    old = _Old.seize(place, time.monotonic() + _CLEANING)
    if old is None:
        raise NotFound(f"{place.path}: no such segment")
    try:
        _unlink(place.path)
        old.bury(place)
    finally:
        old.close()


def get_json(name: str, default: Any = None, *, dir: Optional[str] = None) -> Any:
    """The value of that name as JSON; default if there is none."""
    text = value(name, dir=dir)
    return default if text is None else _from_json(text, f"the value of {name}")


def put_json(name: str, what: Any, **options) -> int:
    """Set the value of that name; options as for update. To change one key of many use update: it loses no other's change."""
    text = _to_json(what)
    return update(name, lambda old: text, **options)


def results(name: str, **options) -> Writer:
    """A segment for records tied to frames: with framebridge.results("cam0.boxes") as w: w.put(frame, {"boxes": [...]}).
    It holds 64 records of at most 16 KiB; options as for create."""
    return create(name, pixel_format="data", **options)


def filter(label: str = "", *, wait: float = 10.0) -> Iterator[Tuple[Frame, Slot]]:
    """For framebridge run --exec: pairs of a frame of $FRAMEBRIDGE_IN and the frame of $FRAMEBRIDGE_OUT to be filled from it,
    which has its format, time, colour and all else already, and a reference to it. It is published when the next pair is asked for. Every frame comes,
    or where the source is live and waits for nobody, the newest one. wait: seconds for the input to appear, and for the output to
    have a reader.

    The clean end of the input ends the output in order. If the input fails, or the loop is left before (an exception, break),
    the output ends as failed and the frame at hand is not published."""
    names = [os.environ.get(variable) for variable in ("FRAMEBRIDGE_IN", "FRAMEBRIDGE_OUT")]
    if not all(names):
        raise NotFound("FRAMEBRIDGE_IN and FRAMEBRIDGE_OUT name no segments: run this by framebridge run INPUT OUTPUT --exec 'python3 ...'")
    return _pairs(names[0], names[1], label, wait)  # type: ignore[arg-type]


def _pairs(source: str, target: str, label: str, wait: float) -> Iterator[Tuple[Frame, Slot]]:
    out: Optional[Writer] = None
    failed: Optional[str] = "the filter was left before the end of its input"
    try:
        seg = open(source, "lossless", wait=wait, label=label)
    except Refused:
        seg = open(source, "newest", wait=wait, label=label)
    with seg:
        try:
            for frame in seg:
                shape = (frame.width, frame.height, frame.pixel_format)
                if out is None:
                    head = seg.header
                    out = create(target, *shape, slots=head.slots, capacity=head.capacity, meta_capacity=head.meta_capacity, live=head.live,
                                 lossless="wait" if head.lossless == "wait" else "evict")
                    out.await_readers(timeout=wait)  # what is published before that is lost
                    atexit.register(out.abort, failed)  # where the loop's iterator is kept, nobody else says that it was left
                elif out.shape != shape:
                    out.resize(*shape)
                with out.frame() as slot:
                    slot.like(frame)
                    slot.reference = frame
                    yield frame, slot
            failed = seg.source.error if seg.source.state == "failed" else None
        except Exception as error:
            failed = f"{type(error).__name__}: {error}"
            raise
        finally:
            if out:
                atexit.unregister(out.abort)
                out.close() if failed is None else out.abort(failed)
