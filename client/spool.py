"""A spool: the file that keeps a publisher's events while Redis is away, in order, one JSON object a line.

    FILE             the events, oldest first; those that were sent stand at its beginning until it is emptied
    FILE.sent        how far it was sent; locked, as FILE is, by the process that uses the spool
    FILE.refused     lines that are no events: cut off by a crash, or damaged; never sent

An event that `append` has returned for outlives a crash of the process and of the machine. FILE.sent is written after
Redis has confirmed, so after a crash some events are sent twice (with the same ids: nothing is doubled) and none is
lost. `flowledger publish FILE` can read FILE, too; it then also sends what was sent already.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from flowledger.client.forks import in_children
from flowledger.domain.errors import SpoolError, SpoolFull

logger = logging.getLogger(__name__)

_CHUNK: Final = 1024 * 1024
_MOST_READ: Final = 4 * _CHUNK
"""Bytes of events that are sent in one round trip, unless one event alone is larger."""
_WORTH_COPYING: Final = _CHUNK
_CHECKED: Final = 4096
"""Bytes before a position that must be what they were when it was written down."""
_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")
"""JSON has line breaks between tokens only, where a space says the same."""


class Oldest(NamedTuple):
    """The lines that wait longest, and how many had gone when they were read: only who drops them first may do so."""

    lines: list[bytes]
    gone: int


class Spool:
    """The file, open and locked; safe to share between threads. All methods raise SpoolError if the disk fails."""

    def __init__(self, path: str | os.PathLike[str], max_bytes: int) -> None:
        """Raises SpoolError if the file cannot be used, or another publisher uses it."""
        self.path = Path(path).resolve()  # by whatever name it is opened, the files beside it are the same
        self.waiting = 0
        """Events that wait to be sent."""
        self.sent = 0
        """Events that were sent since this object was made."""
        self.refused = 0
        """Lines that were put aside since then."""
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._is_open = False
        self._worth_copying = _WORTH_COPYING
        with self._as_spool_error("open"), contextlib.ExitStack() as opened:
            self._file = _opened(self.path)
            opened.callback(os.close, self._file)
            self._claim(self._file)
            self._mark = _opened(self._beside("sent"))
            opened.callback(os.close, self._mark)
            self._claim(self._mark)
            _flush_names(self.path.parent)
            self._size = os.fstat(self._file).st_size
            self._position = self._marked_position()
            self._end_last_line()
            self.waiting = self._count()
            opened.pop_all()
        self._is_open = True
        in_children(self._leave_to_parent)

    def append(self, events: Sequence[bytes]) -> None:
        """Keep events behind all others, durably; all of them, or none if it raises.

        Raises SpoolFull if they would make the file larger than it may be.
        """
        text = b"".join(event.translate(_ONE_LINE) + b"\n" for event in events)
        with self._lock:
            self._check()
            if self._size + len(text) > self._max_bytes:
                raise SpoolFull(
                    f"{len(events):,} events not accepted: the spool {self.path} holds {self._size:,} bytes, and "
                    f"{self._max_bytes:,} are its limit (LEDGER_SPOOL_MAX_BYTES); publish again when Redis is back"
                )
            try:
                _write(self._file, text, self._size)
                os.fsync(self._file)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._size)
                raise SpoolError(
                    f"{len(events):,} events not accepted: cannot write the spool {self.path}: {error.strerror}"
                ) from error
            self._size += len(text)
            self.waiting += len(events)

    def oldest(self, count: int) -> Oldest:
        """Return the oldest lines that wait, `count` at most; they wait until they are dropped."""
        with self._lock, self._as_spool_error("read"):
            self._check()
            size = _MOST_READ
            while True:
                found = os.pread(self._file, size, self._position)
                lines = found.split(b"\n")[:-1]
                if lines or len(found) < size:
                    break
                size *= 4
            if self.waiting and not lines:
                raise SpoolError(f"the spool {self.path} was changed by somebody else")
            return Oldest(lines[:count], self._gone)

    def drop(self, oldest: Oldest, count: int) -> None:
        """Forget the first `count` lines of `oldest`: Redis has confirmed them."""
        with self._lock, self._as_spool_error("write"):
            self._check()
            if oldest.gone == self._gone:
                self.sent += count
                self._advance(oldest.lines[:count])

    def put_aside(self, oldest: Oldest, why: str) -> None:
        """Move the first line of `oldest`, which is no event, into FILE.refused."""
        line, aside = oldest.lines[0], self._beside("refused")
        with self._lock, self._as_spool_error("write"):
            self._check()
            if oldest.gone != self._gone:
                return
            with contextlib.closing(os.fdopen(_opened(aside, os.O_APPEND), "ab")) as file:
                file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self.refused += 1
            self._advance([line])
        logger.warning("a line of the spool %s is no event, and was put aside into %s: %s", self.path, aside, why)

    def close(self) -> None:
        """Close the file; what waits in it is sent by the next publisher that has it."""
        with self._lock:
            if self._is_open:
                for file in (self._file, self._mark):  # a process forked just now may have it open for a moment more
                    fcntl.flock(file, fcntl.LOCK_UN)
                self._close()

    def _leave_to_parent(self) -> None:
        """Close the file in a process that was just forked: its locks must end with the process that opened it."""
        if self._is_open:  # a thread that is not here any more may have held the lock
            self._close()

    def _close(self) -> None:
        self._is_open = False
        os.close(self._file)
        os.close(self._mark)

    @property
    def _gone(self) -> int:
        return self.sent + self.refused

    def _claim(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SpoolError(
                f"the spool {self.path} is in use by another publisher; give each a file of its own"
            ) from None

    def _check(self) -> None:
        """Raises SpoolError if what is written now would be lost or would spoil the file."""
        if self._process != os.getpid():
            raise SpoolError(f"the spool {self.path} was opened before a fork; make a Publisher in each process")
        if not self._is_open:
            raise SpoolError(f"the spool {self.path} is closed")
        try:
            there = self.path.stat()
        except OSError:
            there = None
        mine = os.fstat(self._file)
        if there is None or not os.path.samestat(there, mine) or mine.st_size < self._size:
            raise SpoolError(f"the spool {self.path} was moved or changed by somebody else; make a new Publisher")

    def _end_last_line(self) -> None:
        """End a line that a crash cut off while it was written; if it is no event, it is put aside in turn."""
        if self._size > self._position and os.pread(self._file, 1, self._size - 1) != b"\n":
            logger.warning("the spool %s ends in the middle of a line: a crash while it was written", self.path)
            _write(self._file, b"\n", self._size)
            os.fsync(self._file)
            self._size += 1

    def _count(self) -> int:
        """Count the lines from the position on."""
        places = range(self._position, self._size, _CHUNK)
        return sum(os.pread(self._file, _CHUNK, place).count(b"\n") for place in places)

    def _advance(self, lines: Sequence[bytes]) -> None:
        self._position += sum(map(len, lines)) + len(lines)
        self.waiting -= len(lines)
        if self._position >= self._size:
            self._empty()
        elif self._position > max(self._size - self._position, self._worth_copying):
            self._compact()
        else:
            self._write_mark(self._position)

    def _empty(self) -> None:
        """Empty the file; the position first: it must never point into what is appended from now on."""
        self._write_mark(0, durably=True)
        os.ftruncate(self._file, 0)
        self._position = self._size = self.waiting = 0

    def _compact(self) -> None:
        """Free the room of what was sent: move what waits to a new file, which replaces the old one."""
        fresh = self._beside("new")
        file = _opened(fresh, os.O_TRUNC)
        try:
            self._claim(file)
            for place in range(self._position, self._size, _CHUNK):
                _write(file, os.pread(self._file, min(_CHUNK, self._size - place), place), place - self._position)
            os.fsync(file)
            self._write_mark(0, durably=True)
            fresh.rename(self.path)
        except OSError:
            os.close(file)
            fresh.unlink(missing_ok=True)
            self._worth_copying = 2 * self._position
            self._write_mark(self._position)
            return
        except BaseException:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self._size, self._position = file, self._size - self._position, 0
        _flush_names(self.path.parent)

    def _marked_position(self) -> int:
        """Return how far the file was sent; 0 if the mark does not belong to what is in the file."""
        words = os.pread(self._mark, 100, 0).split()
        if len(words) == 2 and words[0].isdigit():
            position = int(words[0])
            if position <= self._size and words[1] == self._checksum(position):
                return position
        self._write_mark(0, durably=True)
        return 0

    def _write_mark(self, position: int, *, durably: bool = False) -> None:
        _write(self._mark, b"%020d %s\n" % (position, self._checksum(position)), 0)
        if durably:
            os.fsync(self._mark)

    def _checksum(self, position: int) -> bytes:
        begin = max(position - _CHECKED, 0)
        return b"%08x" % zlib.crc32(os.pread(self._file, position - begin, begin))

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{ending}")

    @contextlib.contextmanager
    def _as_spool_error(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SpoolError(f"cannot {doing} the spool {self.path}: {error.strerror or error}") from error


def _opened(path: Path, flags: int = 0) -> int:
    """Open a file that its owner alone can read: events are private."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | flags, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(0, "not a regular file")
    os.fchmod(file, 0o600)
    return file


def _write(file: int, text: bytes, place: int) -> None:
    """Write all of `text` at `place`."""
    left = memoryview(text)
    while left:
        written = os.pwrite(file, left, place)
        left, place = left[written:], place + written


def _flush_names(folder: Path) -> None:
    """Flush a folder: then new and renamed files in it outlive a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
