"""Names: what people call things, and the vault its secrets."""

from __future__ import annotations

from typing import Final

LONGEST_NAME: Final = 255


def is_name(value: object) -> bool:
    """Return whether a value is a *name*: 1 to 255 characters, not all of them white space."""
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_NAME and not value.isspace()
