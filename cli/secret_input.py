"""A secret as it is given to a command: from standard input, or at a hidden prompt; never as an argument.

Arguments can be seen by everybody on the machine (`ps`), and stay in the history of the shell.
"""

from __future__ import annotations

import sys

import typer

from flowledger.cli import screen
from flowledger.cli.files import read_all
from flowledger.client.pipes import STANDARD_INPUT
from flowledger.domain.errors import LedgerError


def secret_from_input(asked: str, *, exact: bool = False) -> bytes:
    """Return what is typed at a prompt that shows nothing, twice; elsewhere, all of standard input.

    The line end at the end of standard input, which `echo` adds, is not a part of it, unless it is to be `exact`.
    """
    if screen.is_terminal(sys.stdin):
        typed: str = typer.prompt(asked, hide_input=True, confirmation_prompt="Once more", err=True)
        return typed.encode("utf-8", "surrogateescape")
    try:
        raw = read_all(STANDARD_INPUT)
    except OSError as error:
        raise LedgerError(f"the secret cannot be read: {error.strerror}") from None
    return raw if exact else raw.removesuffix(b"\n").removesuffix(b"\r")
