"""Scripts for Redis: each is a `.lua` file in the folder `lua` of the room that runs it.

A file begins with its flags, then a comment on what the script does, its KEYS, its ARGV and what it returns. A line
`-- include PATH` inserts a piece that several scripts share; the paths begin at the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parents[1]
_INCLUDE: Final = "-- include "


@cache
def read_lua(path: str) -> str:
    """Return a script's text without comment lines: Redis hashes the text at each call."""
    lines = (_PACKAGE / path).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(_included(line) for line in lines if line.strip())


def _included(line: str) -> str:
    if line.startswith(_INCLUDE):
        return read_lua(line.removeprefix(_INCLUDE).strip())
    return "" if line.lstrip().startswith("--") else line
