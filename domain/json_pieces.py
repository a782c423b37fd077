"""The pieces of JSON text, for changing it without reading its values: members of objects and lists, layout.

The text need not be strict JSON: between brackets, commas, colons and quotes there may be anything (NaN, 007, a name
twice). Bytes that are not UTF-8 are kept: as text they are lone surrogates (`surrogateescape`). Only `read_members`
recurses, which is for text that `domain.json_text` has read already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from flowledger.domain.limits import RANGES

_MAX_DEPTH: Final = RANGES["max_depth"].highest
_SPACE: Final = " \t\n\r"
_OPENING: Final = ("{", "[")
_CLOSING: Final = ("}", "]")
_MARKS: Final = (*_OPENING, *_CLOSING, ",", ":")
_PIECE: Final = re.compile(rf'[{_SPACE}]*("[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{{}},:]|[^\[\]{{}},:"{_SPACE}]+|\Z)', re.DOTALL)
_SPACES: Final = re.compile(rf"[{_SPACE}]*")
_READER: Final = json.JSONDecoder(parse_int=str, parse_float=str)


class NotPieces(ValueError):
    """The text is not JSON, even roughly; `position` is the character at which the fault was found."""

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(f"not JSON from character {position} on")


class Member(NamedTuple):
    """A value in an object or a list: its name (in a list, its place), and the positions of name, value and end."""

    name: str
    begin: int
    value: int
    end: int


def text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def members(text: str, opening: int) -> tuple[list[Member], int]:
    """Return the members of the object or list that begins at `opening`, and the position of its closing bracket."""
    found: list[Member] = []
    in_list = text[opening] == "["
    _, _, at = _piece(text, opening)
    while True:
        begin, piece, end = _piece(text, at)
        if piece in _CLOSING:
            return found, begin
        name, value = str(len(found)), begin
        if not in_list:
            name = _name(piece)
            _, colon, end = _piece(text, end)
            if colon != ":":
                raise NotPieces(begin)
            value, piece, end = _piece(text, end)
        end = _end_of_value(text, value)
        found.append(Member(name, begin, value, end))
        begin, piece, at = _piece(text, end)
        if piece in _CLOSING:
            return found, begin
        if piece != ",":
            raise NotPieces(begin)


def member_texts(text: str) -> dict[str, str]:
    """Return the literal JSON text of each member of the object `text`, which must be strict JSON."""
    return {member.name: text[member.value : member.end] for member in read_members(text, first_value(text))}


def read_members(text: str, opening: int) -> Iterator[Member]:
    """Yield the members of the object that begins at `opening`, in a text that must be strict JSON.

    Whole values are skipped at once, by the reader of `json`: 3 to 20 times as fast as piece by piece (measured).
    """
    at = _past_spaces(text, opening + 1)
    while text[at] != "}":
        begin = at
        name, at = _READER.raw_decode(text, at)
        value = _past_spaces(text, _past_spaces(text, at) + len(":"))
        _, end = _READER.raw_decode(text, value)
        yield Member(name, begin, value, end)
        at = _past_spaces(text, end)
        if text[at] == ",":
            at = _past_spaces(text, at + len(","))


def first_value(text: str) -> int:
    """Return the position at which the first value of `text` begins."""
    return _piece(text, 0)[0]


def laid_out(raw: bytes) -> bytes | None:
    """Return `raw` with a line for each value, to read and edit; None if it is not JSON, or deeper than an event."""
    lines = [""]
    depth = 0
    before = ""
    try:
        for piece in _pieces(text_of(raw)):
            closes = piece in _CLOSING
            depth -= closes
            if (before not in _OPENING) if closes else (before in (*_OPENING, ",")):
                lines.append("  " * depth)
            lines[-1] += ": " if piece == ":" else piece
            depth += piece in _OPENING
            before = piece
            if not 0 <= depth <= _MAX_DEPTH:
                return None
    except NotPieces:
        return None
    return bytes_of("\n".join(lines)) if depth == 0 and before else None


def closed_up(raw: bytes) -> bytes:
    """Return `raw` without spaces between its pieces; unchanged if it is not JSON."""
    try:
        return bytes_of("".join(_pieces(text_of(raw))))
    except NotPieces:
        return raw


def _pieces(text: str) -> Iterator[str]:
    """Yield all pieces. Raises NotPieces, also if two values have nothing between them."""
    at, was_value = 0, False
    while True:
        begin, piece, at = _piece(text, at, may_end=True)
        if not piece:
            return
        if was_value and piece not in (*_CLOSING, ",", ":"):
            raise NotPieces(begin)
        was_value = piece not in _MARKS or piece in _CLOSING
        yield piece


def _piece(text: str, at: int, *, may_end: bool = False) -> tuple[int, str, int]:
    """Return the piece at or after `at`: its begin, its text, and its end."""
    match = _PIECE.match(text, at)
    if match is None or not (match[1] or may_end):
        raise NotPieces(at)
    return match.start(1), match[1], match.end(1)


def _end_of_value(text: str, at: int) -> int:
    depth = 0
    while True:
        begin, piece, at = _piece(text, at)
        depth += (piece in _OPENING) - (piece in _CLOSING)
        if depth < 0 or (piece in (",", ":") and not depth):
            raise NotPieces(begin)
        if not depth:
            return at


def _past_spaces(text: str, at: int) -> int:
    match = _SPACES.match(text, at)
    assert match is not None  # it matches anywhere
    return match.end()


def _name(piece: str) -> str:
    """Return the name that a piece encodes; a piece without quotes, or with broken escapes, is its own name."""
    if "\\" not in piece and piece.startswith('"'):
        return piece[1:-1]
    try:
        name = json.loads(piece, strict=False)
    except ValueError:
        return piece.strip('"')
    return name if isinstance(name, str) else piece
