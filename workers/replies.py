"""Reads replies of Redis of any size in bounded memory.

redis-py and hiredis build a reply as a whole: an entry of 1 GiB takes more than that of a process. This parser reads it
in pieces. Of a list of strings that is too large (the fields of an entry) it keeps the beginning, the size and a hash.
A reader that only needs to know that there is an entry reads no further: each reading of 64 MiB takes Redis and the
reader a quarter of a second on two cores.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from redis._parsers import _RESP2Parser
from redis._parsers.socket import SERVER_CLOSED_CONNECTION_ERROR, SocketBuffer
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse, RedisError
from redis.utils import SENTINEL

from flowledger.workers.entries import KEPT_BYTES, Cut

_PIECE: Final = 256 * 1024
_PAIR: Final = 2
_OVERHEAD: Final = 64
"""What a Python object takes beside its bytes: a million empty fields are large, too."""


class Beyond(RedisError):
    """A list of strings has more than `most_bytes`; the rest of the reply was not read.

    It has `size` bytes or more. `around` are the lists that hold it, outermost first, as far as they were read.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"a reply has {size:,} bytes or more, and was not read")
        self.size = size
        self.around: list[list[Any]] = []


class _Window(SocketBuffer):
    """A buffer of what has come and is not read yet. What was read is dropped at once."""

    def pieces(self, length: int, timeout: Any) -> Iterator[bytes]:
        """Yield `length` bytes as they come, and read the end of the line behind them."""
        while length:
            piece = self._buffer.read(min(length, _PIECE))
            if piece:
                length -= len(piece)
                yield piece
            else:
                self.forget()
                self._read_from_socket(timeout=timeout)
        self.read(0, timeout=timeout)

    def forget(self) -> None:
        """Drop what was read."""
        self._buffer = io.BytesIO(self._buffer.read())

    def forget_much(self) -> None:
        """Drop what was read, if it is large enough to justify a copy of the rest."""
        if self._buffer.tell() > _PIECE:
            self.forget()


class _Cutter:
    """Builds a `Cut` of the pieces it is fed."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._beginning = bytearray()
        self._size = 0

    def feed(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._beginning += piece[: KEPT_BYTES - len(self._beginning)]
        self._size += len(piece)

    def cut(self) -> Cut:
        return Cut(bytes(self._beginning), self._size, self._hash.hexdigest())


class CuttingParser(_RESP2Parser):
    """Reads RESP2 as redis-py's own parser; a list of strings of more than `most_bytes` comes as a `Cut`.

    A list of two, a name and its value, is cut as the value alone; a longer one as all its strings together. A parser
    that only `peeks` raises Beyond instead, and its connection is closed. A connection takes its parser as a class,
    which `cutting` makes.
    """

    most_bytes = 2**20
    peeks = False
    _sock: Any
    _buffer: Any
    encoder: Any

    def on_connect(self, connection: Any) -> None:
        """Begin with a new connection."""
        super().on_connect(connection)  # type: ignore[no-untyped-call]
        self._buffer = _Window(self._sock, self.socket_read_size, connection.socket_timeout)

    def read_response(self, disable_decoding: bool = False, timeout: Any = SENTINEL) -> Any:
        """Read one reply. If it breaks off, it cannot be read again, and the connection is closed."""
        reply = self._read(disable_decoding, timeout)
        self._buffer.forget_much()
        return reply

    def _read(self, disable_decoding: bool, timeout: Any) -> Any:
        return self._value(*self._line(timeout), disable_decoding, timeout)

    def _line(self, timeout: Any) -> tuple[bytes, bytes]:
        line = self._buffer.readline(timeout=timeout)
        if not line:
            raise Disconnected(SERVER_CLOSED_CONNECTION_ERROR)
        return line[:1], line[1:]

    def _value(self, kind: bytes, rest: bytes, disable_decoding: bool, timeout: Any) -> Any:
        if kind in b"$*" and rest == b"-1":
            return None
        if kind == b"*":
            return self._list(int(rest), disable_decoding, timeout)
        if kind == b":":
            return int(rest)
        if kind == b"-":
            return self._error(rest)
        if kind == b"$":
            size = int(rest)
            small = size < _PIECE
            rest = self._buffer.read(size, timeout) if small else b"".join(self._buffer.pieces(size, timeout))
        elif kind != b"+":
            raise InvalidResponse(f"Protocol Error: {kind + rest[:100]!r}")
        return rest if disable_decoding else self.encoder.decode(rest)

    def _error(self, words: bytes) -> Exception:
        error: Exception = self.parse_error(words.decode("utf-8", "replace"))  # type: ignore[no-untyped-call]
        if isinstance(error, Disconnected):
            raise error
        return error

    def _list(self, length: int, disable_decoding: bool, timeout: Any) -> Any:
        found: list[Any] = []
        weight = 0
        for place in range(length):
            self._buffer.forget_much()
            kind, rest = self._line(timeout)
            if kind == b"$" and rest != b"-1":
                weight += int(rest) + _OVERHEAD
                if weight > self.most_bytes and self.peeks:
                    raise Beyond(weight)
                if weight > self.most_bytes:
                    return self._cut(found[1:] if length == _PAIR else found, int(rest), length - place - 1, timeout)
            try:
                found.append(self._value(kind, rest, disable_decoding, timeout))
            except Beyond as beyond:
                beyond.around.insert(0, found)
                raise
        return found

    def _cut(self, read: Iterable[Any], size: int, left: int, timeout: Any) -> Cut:
        """Read what is left of a list, from within a string of `size` bytes on, and keep its beginning."""
        cutter = _Cutter()
        for one in read:
            cutter.feed(one if isinstance(one, bytes) else str(one).encode())
        for piece in self._buffer.pieces(size, timeout):
            cutter.feed(piece)
        for _ in range(left):
            self._buffer.forget_much()
            kind, rest = self._line(timeout)
            if kind == b"$" and rest != b"-1":
                for piece in self._buffer.pieces(int(rest), timeout):
                    cutter.feed(piece)
            else:
                self._value(kind, rest, True, timeout)
        return cutter.cut()


def cutting(most_bytes: int, *, peeks: bool = False) -> type[CuttingParser]:
    """Return a parser that cuts what has more than `most_bytes`, or raises Beyond."""
    return type("CuttingParser", (CuttingParser,), {"most_bytes": most_bytes, "peeks": peeks})
