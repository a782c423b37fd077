"""Mending the JSON text of an event: whatever is not changed stays as received, byte for byte.

The text is cut and pasted (`domain.json_pieces`), never parsed and written again: numbers keep their digits, and what
no parser accepts (NaN, a name given twice, a byte that is not UTF-8) can be corrected, as long as brackets match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flowledger.domain import json_text
from flowledger.domain.errors import LedgerError
from flowledger.domain.json_pieces import Member, NotPieces, bytes_of, first_value, members, text_of

Path = tuple[str, ...]
"""Names of fields and places in lists, the outermost first."""

_LONE: Final = re.compile("[\ud800-\udfff]")


class CannotMend(LedgerError):
    """A change does not fit the text; the message tells where, and what would fit."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes to make, in this order: `text`, `field`, `unset`, `set`.

    `text` replaces the whole text, if it is beyond repair. `field` names the field with the event, in an entry of
    several fields: see `field_of`. `unset` are paths, `set` paths and the JSON texts of values: see `path_of`,
    `json_of` and `json_of_text`.
    """

    text: bytes | None = None
    field: str | None = None
    unset: tuple[Path, ...] = ()
    set: tuple[tuple[Path, str], ...] = ()

    def __bool__(self) -> bool:
        return self != Changes()

    def apply(self, raw: bytes) -> bytes:
        """Return `raw` with the changes. Raises CannotMend if one does not fit."""
        mended = raw if self.text is None else self.text
        if self.field is not None:
            mended = field_of(mended, self.field)
        for path in self.unset:
            mended = remove(mended, path)
        for path, value in self.set:
            mended = put(mended, path, value)
        return mended


def path_of(text: str) -> Path:
    r"""Return the path of a text like `data.to_sandbox_ids.1`, the form of a dead letter's `field`.

    A dot that belongs to a name is written `\.`, a backslash `\\`. Raises ValueError if a name is empty.
    """
    names = [""]
    escaped = False
    for char in text:
        if char == "." and not escaped:
            names.append("")
        elif escaped or char != "\\":
            names[-1] += char
        escaped = char == "\\" and not escaped
    if escaped or "" in names:
        raise ValueError(f"{text!a} is not a path like data.node or data.to_sandbox_ids.0")
    return tuple(names)


def json_of(text: str) -> str:
    """Return `text` itself if it is strict JSON (digits are kept), otherwise the JSON text of the string `text`."""
    try:
        json_text.loads(text)
    except ValueError:
        return json_of_text(text)
    return _escaped(text.strip())


def json_of_text(text: str) -> str:
    """Return the JSON text of the string `text`, even if it looks like JSON."""
    return _escaped(json_text.dumps(text))


def put(raw: bytes, path: Path, value: str) -> bytes:
    """Return `raw` with the JSON text `value` at `path`, replaced or added; missing objects are made.

    Of a name that occurs more than once in its object, one is kept. Raises CannotMend if the path does not fit.
    """
    text = text_of(raw)
    opening, found, depth = _walk(text, path)
    inner = _wrapped(path[depth + 1 :], value)
    if not found:
        return bytes_of(_add(text, opening, path[: depth + 1], inner))
    if len(found) > 1:
        text = _without(text, opening, found[:-1])
        opening, found, _ = _walk(text, path)
    return bytes_of(text[: found[-1].value] + inner + text[found[-1].end :])


def remove(raw: bytes, path: Path) -> bytes:
    """Return `raw` without the members at `path`, also if there are several. Raises CannotMend if it does not fit."""
    text = text_of(raw)
    opening, found, depth = _walk(text, path)
    return bytes_of(_without(text, opening, found)) if found and depth == len(path) - 1 else raw


def field_of(raw: bytes, field: str) -> bytes:
    """Return the exact value of one field of an entry that had several, all kept in `raw` (reason `malformed_entry`).

    `field` is its name, if no other field has it, or its number, from 1. Raises CannotMend if it is not exactly one.
    """
    pairs = fields_of(raw)
    if pairs is None:
        raise CannotMend("there is no field to choose: the dead letter is one text, not an entry of several fields")
    chosen = [value for name, value in pairs if name == bytes_of(field)]
    chosen = chosen or [value for number, (_, value) in enumerate(pairs, 1) if str(number) == field]
    if len(chosen) != 1:
        names = ", ".join(f"{number} {ascii(name)[1:]}" for number, (name, _) in enumerate(pairs, 1))
        raise CannotMend(f"{len(chosen)} fields are called {field!a}; choose one by its number: {names[:400]}")
    return chosen[0]


def fields_of(raw: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return names and values of an entry of several fields, as a dead letter keeps it; None if `raw` is not one."""
    try:
        pairs = json.loads(raw)
        if not isinstance(pairs, list) or len(pairs) < 2 or not all(isinstance(pair, list) for pair in pairs):
            return None
        return [(bytes_of(name), bytes_of(value)) for name, value in pairs]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _walk(text: str, path: Path) -> tuple[int, list[Member], int]:
    """Follow `path` as far as there are objects and lists.

    Return where the innermost of them begins, its members with the next name, and the place of that name in `path`.
    """
    try:
        opening = first_value(text)
        for depth, name in enumerate(path):
            found = _named(text, opening, path[:depth], name)
            if depth == len(path) - 1 or not found or text[found[-1].value : found[-1].end] == "null":
                return opening, found, depth
            opening = found[-1].value
    except NotPieces as error:
        raise CannotMend(f"{error}: mend the text itself (--edit), or give another (--from)") from None
    raise AssertionError("a path has at least one name")


def _named(text: str, opening: int, path: Path, name: str) -> list[Member]:
    """Return the members called `name` of the object or list at `opening`. Raises CannotMend for any other value."""
    if text[opening] not in "{[":
        where = f"{'.'.join(path)} is" if path else "the text is"
        raise CannotMend(f"{where} not a JSON object: it has no {name!a} to change"[:300])
    return [member for member in members(text, opening)[0] if member.name == name]


def _add(text: str, opening: int, path: Path, value: str) -> str:
    """Return `text` with a new last member in the object or list at `opening`."""
    found, closing = members(text, opening)
    in_list = text[opening] == "["
    if in_list and path[-1] != str(len(found)):
        raise CannotMend(
            f"{'.'.join(path[:-1])} has {len(found)} items, the first is 0: there is no {path[-1]!a}"[:300]
        )
    written = value if in_list else f"{json_of_text(path[-1])}:{value}"
    if not found:
        return text[: opening + 1] + written + text[closing:]
    return f"{text[: found[-1].end]},{written}{text[found[-1].end :]}"


def _without(text: str, opening: int, doomed: Sequence[Member]) -> str:
    """Return `text` without some members of the object or list at `opening`, and without a comma beside each.

    All are removed in one pass: there may be as many as fit into the text.
    """
    found, closing = members(text, opening)
    gone = set(doomed)
    kept = [place for place, member in enumerate(found) if member not in gone]
    if not kept:
        return text[: opening + 1] + text[closing:]
    parts = [text[: found[0].begin], text[found[kept[0]].begin : found[kept[0]].end]]
    parts += [text[found[place - 1].end : found[place].end] for place in kept[1:]]
    return "".join((*parts, text[found[-1].end :]))


def _wrapped(path: Path, value: str) -> str:
    """Return `value` within an object for each name of `path`."""
    for name in reversed(path):
        value = f"{{{json_of_text(name)}:{value}}}"
    return value


def _escaped(text: str) -> str:
    """Return JSON text with lone surrogates, which UTF-8 cannot encode, as escapes."""
    return _LONE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
