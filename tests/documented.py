"""Programs as the documentation shows them, so that they are tried."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

_ROOT: Final = Path(__file__).parents[1]
_BLOCK: Final = re.compile(
    r"^(?:<!-- not run: (?P<why>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


class Block(NamedTuple):
    """A block of code of a page; `not_run` is the reason why the tests do not run it, if they do not."""

    language: str
    text: str
    not_run: str | None


def blocks(file: str) -> list[Block]:
    """Every block of code of a page, in order."""
    return [Block(found["language"], found["text"], found["why"]) for found in _BLOCK.finditer(_read(file))]


def block(file: str, language: str, mark: str) -> str:
    """The one block of code in this language that holds `mark`."""
    (program,) = (one.text for one in blocks(file) if one.language == language and mark in one.text)
    return program


def grants_of(role: str) -> str:
    """Return the statements of `grants.sql` that give a role its rights."""
    return "\n".join(line for line in _read("deploy/postgresql/grants.sql").splitlines() if role in line)


def _read(file: str) -> str:
    return (_ROOT / file).read_text()
