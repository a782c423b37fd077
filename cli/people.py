"""Who gives a command, as it stands beside a pause or a replay, and whether they mean it."""

from __future__ import annotations

import getpass
import os
import sys

import typer

from flowledger.cli import screen
from flowledger.domain.json_text import plain


def who(by: str | None) -> str:
    """Return the name given, else that of the user who runs this (with U+FFFD for what is not UTF-8).

    Raises BadParameter for a name of blanks.
    """
    if by is not None and not by.strip():
        raise typer.BadParameter("a name has letters", param_hint="--by")
    try:
        return by or plain(getpass.getuser())
    except (OSError, KeyError):  # a container's user need not have a name
        return f"user {os.getuid()}"


def at_terminal() -> bool:
    """Return whether somebody sits at a terminal, who can be asked and sees the answer."""
    return screen.is_terminal(sys.stdin) and screen.is_terminal(sys.stdout)


def agreed(question: str) -> bool:
    """Ask a question whose default is no, if somebody sits at a terminal; return True elsewhere, for scripts go on."""
    if not at_terminal():
        return True
    return typer.confirm(question, default=False)
