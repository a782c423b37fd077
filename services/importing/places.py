"""Places in files: how far an import has come, kept in the database beside what it recorded (docs/decisions/0055).

A place is the number of bytes before it, unzipped, and their SHA-256. It says that the lines in these bytes are done:
recorded, but for those that it counts as bad. So it holds for any file that begins with the same bytes, whatever its
name, and for no other.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Self

from flowledger.client.lines import EventFile
from flowledger.storage.ledger.checkpoints import IMPORT, CheckpointRepository
from flowledger.storage.unit_of_work import Storage

_FIRST_BYTES: Final = 2**16
"""Most bytes of a first line that count."""
_PIECE: Final = 2**20
_PARTS: Final = 4


class Place(NamedTuple):
    """A place between two lines: the bytes before it, the number of the last line among them, and their SHA-256.

    `bad` of these lines were refused or became dead letters.
    """

    offset: int = 0
    line: int = 0
    digest: str = ""
    bad: int = 0

    def __str__(self) -> str:
        return f"{self.offset} {self.line} {self.digest} {self.bad}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the place that `str` wrote; the beginning if somebody else wrote it."""
        parts = text.split(" ")
        if len(parts) != _PARTS or not all(parts[number].isdigit() for number in (0, 1, 3)):
            return cls()
        return cls(int(parts[0]), int(parts[1]), parts[2], int(parts[3]))


BEGINNING: Final = Place()


class Digested:
    """The plain bytes of a file; it knows how many were read, and their SHA-256."""

    def __init__(self, plain: IO[bytes]) -> None:
        self._plain = plain
        self._hash = sha256()
        self._before_unended: Place | None = None
        self.offset = 0

    def readline(self, size: int = -1, /) -> bytes:
        piece = self._plain.readline(size)
        if piece.endswith(b"\n"):
            self._before_unended = None
        elif piece and self._before_unended is None:
            self._before_unended = Place(self.offset, 0, self._hash.hexdigest())
        return self._noted(piece)

    def skip_to(self, place: Place, tell: Callable[[], object]) -> bool:
        """Read up to a place. Return whether it is one of this file; if not, some other number of bytes was read.

        `tell` is called now and then.
        """
        while self.offset < place.offset and self._noted(self._plain.read(min(_PIECE, place.offset - self.offset))):
            tell()
        return self.offset == place.offset and self._hash.hexdigest() == place.digest

    def place(self, line: int) -> Place:
        """Return the place after what was read, the last of it the line with this number.

        If that line has no end yet, return the place before it: the rest may be about to be written.
        """
        if self._before_unended is not None:
            return self._before_unended._replace(line=line - 1)
        return Place(self.offset, line, self._hash.hexdigest())

    def _noted(self, piece: bytes) -> bytes:
        self._hash.update(piece)
        self.offset += len(piece)
        return piece


def key_of(name: str, *, deliver: bool, beyond_horizon: bool = False, whole: bool = False) -> str:
    """Return the name of the checkpoint of a file: by its first line, so that it may be renamed, and may grow.

    Files with the same first line share it: whose place it is, is told by the digest.
    """
    beginning = b""
    if Path(name).is_file():
        with EventFile(name) as events:
            beginning = events.plain.readline(_FIRST_BYTES)
    how = (b"deliver" if deliver else b"past") + (b" beyond" if beyond_horizon else b"") + (b" whole" if whole else b"")
    return f"{IMPORT}{sha256(how + beginning).hexdigest()[:32]}"


def known_place(storage: Storage, key: str) -> Place:
    """Return the place that an import left under this key; the beginning if none did. Raises DatabaseUnavailable."""
    with storage.looking() as connection:
        found: Any = CheckpointRepository(connection).get(key)
    return BEGINNING if found is None else Place.read(found.entry_id)
