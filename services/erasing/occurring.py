"""Which of many ids occur in bytes that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from flowledger.domain import json_text

_FEW: Final = 1_000
"""So many ids are looked for one by one; of more, each place of the bytes is looked up."""
_BEGIN: Final = re.compile(rb"(?<!\w)|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4})")
"""Where an id may begin: not within a word, but an escape of JSON before it is no part of one."""
_END: Final = re.compile(rb"(?!\w)")


class Occurring:
    """Finds ids in bytes, in UTF-8 or as JSON escapes them; not within a longer word."""

    def __init__(self, ids: Collection[str]) -> None:
        self._ids = {form: id_ for id_ in ids for form in (id_.encode(), json_text.ascii_dumps(id_)[1:-1].encode())}
        self._lengths = sorted({len(form) for form in self._ids})

    def of(self, raw: bytes) -> set[str]:
        """Return those that occur."""
        if len(self._ids) <= _FEW:
            return {id_ for form, id_ in self._ids.items() if form in raw and _occurs(form, raw)}
        found = set()
        for begin in (match.start() for match in _BEGIN.finditer(raw)):
            for end in (begin + length for length in self._lengths):
                id_ = self._ids.get(raw[begin:end])
                if id_ is not None and _END.match(raw, end):
                    found.add(id_)
        return found


def _occurs(form: bytes, raw: bytes) -> bool:
    begin = raw.find(form)
    while begin >= 0:
        if _BEGIN.match(raw, begin) and _END.match(raw, begin + len(form)):
            return True
        begin = raw.find(form, begin + 1)
    return False
