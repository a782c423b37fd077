"""Events in files, one JSON object a line, as `flowledger publish` and `flowledger import` read them."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Protocol, Self, TypeVar

from flowledger.client.pipes import Pipe, buffered, is_pipe
from flowledger.domain.attributes import MISSING
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import BeyondLimit, Limits
from flowledger.domain.mending import put

UNREADABLE: Final = (OSError, EOFError, zlib.error)
"""What reading a file may raise; the last two are of damaged gzip."""

_GZIP: Final = b"\x1f\x8b"
_PIECE: Final = 2**16

Read = TypeVar("Read")


class Line(NamedTuple):
    """A line that is not empty, without its end: its number in the file, its bytes, and how many they are.

    Of a line that no limit allows, `raw` is only the beginning, and a carriage return at its end counts.
    """

    number: int
    raw: bytes
    size: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no event: where it is, the field at fault, and why."""

    file: str
    line: int
    field: str
    reason: str
    detail: str

    @classmethod
    def of(cls, file: str, line: Line, refused: Refused) -> Self:
        return cls(file, line.number, refused.field, refused.reason.value, str(refused))


class Plain(Protocol):
    """The bytes of a file, unzipped."""

    def readline(self, size: int = -1, /) -> bytes: ...


class EventFile:
    """A file with one event a line, gzip or not, a pipe, or standard input (`-`), for a `with` statement.

    `number` is that of the last line that was read. `through` may wrap the unzipped bytes. `goes_on` is asked again and
    again while a pipe is read: if not, it is at its end, after what was taken from it. With `whole` the file is one
    event, which may have line breaks. Reading raises what `UNREADABLE` names.
    """

    def __init__(
        self,
        name: str,
        through: Callable[[IO[bytes]], Plain] = lambda plain: plain,
        goes_on: Callable[[], bool] = lambda: True,
        *,
        whole: bool = False,
    ) -> None:
        self.name = name
        self.number = 0
        self._whole = whole
        self.size = None if is_pipe(name) else Path(name).stat().st_size
        self._file = _opened(name, goes_on)
        self.plain = through(_unzipped(self._file))

    @property
    def is_pipe(self) -> bool:
        """Whether what was read cannot be read again."""
        return self.size is None

    @property
    def position(self) -> int:
        """How many bytes of the file were read; 0 of standard input."""
        return 0 if self.size is None else self._file.tell()

    def lines(self, most_bytes: int) -> Iterator[Line]:
        """Yield the lines, ended by \\n alone (text may hold U+0085 and its like), but not the empty ones.

        Of a line longer than `most_bytes` only the beginning is held in memory.
        """
        if self._whole:
            yield from self._all(most_bytes)
            return
        while raw := self.plain.readline(most_bytes + 2):
            self.number += 1
            text = raw.rstrip(b"\r\n")
            if len(raw) == most_bytes + 2 and not raw.endswith(b"\n"):
                yield Line(self.number, text, len(raw) + self._pass_over_rest())
            elif text.strip():
                yield Line(self.number, text, len(text))

    def _all(self, most_bytes: int) -> Iterator[Line]:
        """Yield the whole file as one line."""
        self.number, kept, size = 1, bytearray(), 0
        while piece := self.plain.readline(_PIECE):
            size += len(piece)
            kept += piece[: most_bytes + 2 - len(kept)]
        if size > len(kept):
            yield Line(1, bytes(kept), size)
        elif text := bytes(kept.strip(b"\r\n")):
            yield Line(1, text, len(text))

    def _pass_over_rest(self) -> int:
        """Read the rest of a line. Return how many bytes it has."""
        size = 0
        while (piece := self.plain.readline(_PIECE)) and not piece.endswith(b"\n"):
            size += len(piece)
        return size + len(piece.rstrip(b"\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def checked(line: Line, limits: Limits, check: Callable[[bytes], Read]) -> Read:
    """Return what `check` makes of a line: `specversion` may be left out, but not `id`. Raises Refused."""
    if line.size > len(line.raw):
        beyond = BeyondLimit("", f"{line.size:,} bytes", limits.max_event_bytes, "max_event_bytes")
        raise Refused(Reason.TOO_LARGE, "", str(beyond))
    return _completed(line.raw, check)


def _completed(raw: bytes, check: Callable[[bytes], Read]) -> Read:
    try:
        return check(raw)
    except Refused as refused:
        if not refused.words.startswith(MISSING):
            raise
        if refused.field == "specversion":
            return _completed(put(raw, ("specversion",), '"1.0"'), check)
        if refused.field == "id":
            words = "; give each line an id of its own, so that nothing is doubled if the file is sent again"
            raise Refused(refused.reason, "id", f"{MISSING}{words}") from None
        raise


def _opened(name: str, goes_on: Callable[[], bool]) -> IO[bytes]:
    return buffered(Pipe(name, goes_on)) if is_pipe(name) else Path(name).open("rb")


def _unzipped(stream: Any) -> IO[bytes]:
    """Return the plain bytes; a stream that cannot be looked into is plain."""
    if isinstance(stream, io.BufferedReader) and stream.peek(2)[:2] == _GZIP:
        return gzip.GzipFile(fileobj=_AsItComes(stream))  # type: ignore[call-overload, no-any-return]
    return stream  # type: ignore[no-any-return]


class _AsItComes:
    """Gives gzip the bytes that have come: it would wait for some thousand of them otherwise."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        return self._stream.read1(size)
