"""Who gives a command: what stands beside a pause or a replay."""

from __future__ import annotations

import getpass


def who(by: str | None) -> str:
    """The name given, or the one that the system has for whoever runs the command."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        return "unknown"
