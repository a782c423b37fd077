"""A secret as it is given to a command: from standard input, or at a hidden prompt; never as an argument.

Arguments can be seen by everybody on the machine (`ps`), and stay in the history of the shell.
"""

from __future__ import annotations

import sys

import typer


def secret_from_input(asked: str, *, exact: bool = False) -> bytes:
    """Return what is typed at a prompt that shows nothing, twice; elsewhere, all of standard input.

    The line end at the end of standard input, which `echo` adds, is not a part of it, unless it is to be `exact`.
    """
    if sys.stdin.isatty():
        typed: str = typer.prompt(asked, hide_input=True, confirmation_prompt="Once more", err=True)
        return typed.encode("utf-8", "surrogateescape")
    raw = sys.stdin.buffer.read()
    return raw if exact else raw.removesuffix(b"\n").removesuffix(b"\r")
