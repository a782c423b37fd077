"""Who gives a command: what stands beside a pause or a replay."""

from __future__ import annotations

import getpass
import os

import typer


def who(by: str | None) -> str:
    """The name given, else that of the user who runs this. Raises BadParameter for a name of blanks."""
    if by is not None and not by.strip():
        raise typer.BadParameter("a name has letters", param_hint="--by")
    try:
        return by or getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"user {os.getuid()}"
