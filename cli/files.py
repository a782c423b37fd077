"""Files that a command is to read: what cannot be read is refused before anything is done."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import typer

from flowledger.client.pipes import STANDARD_INPUT, standard_input


def refuse_unreadable(files: Sequence[str], named_by: str = "FILE") -> None:
    """Refuse now what would end the command when its turn comes. Raises BadParameter, which names all of them."""
    found: dict[str, list[str]] = {}
    for file in files:
        if (why := _why_unreadable(file)) is not None:
            found.setdefault(why, []).append(file)
    if found:
        words = "; ".join(f"{why}: {', '.join(bad)}" for why, bad in found.items())
        raise typer.BadParameter(words, param_hint=named_by)


def read_all(file: str) -> bytes:
    """Return all bytes of a file, or of standard input (`-`). Raises OSError."""
    if file != STANDARD_INPUT:
        return Path(file).read_bytes()
    return standard_input().buffer.read()


def _why_unreadable(file: str) -> str | None:
    try:
        if file == STANDARD_INPUT:
            standard_input()
            return None
        mode = Path(file).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "no such file"
    except OSError as error:  # its name is too long, or a folder may not be searched
        return (error.strerror or str(error)).lower()
    if stat.S_ISDIR(mode):
        return "is a directory"
    return None if os.access(file, os.R_OK) else "may not be read"
