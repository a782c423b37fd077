"""Questions that cost more the larger the tables are, and so are asked less often."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Found = TypeVar("Found")

_SHARE: Final = 20
"""A question may take one part of so many of the time."""


class Seldom(Generic[Found]):
    """Remembers a reply: the question is repeated after `least_seconds`, and after 20 times the time that it took."""

    def __init__(self, least_seconds: float = 0.0) -> None:
        self._least = least_seconds
        self._found: Found | None = None
        self._again_at = 0.0

    def get(self, ask: Callable[[], Found]) -> Found:
        """Return the reply. What `ask` raises is raised, and nothing is remembered."""
        began = time.monotonic()
        if self._found is None or began >= self._again_at:
            self._found = ask()
            took = time.monotonic() - began
            self._again_at = began + max(self._least, took * _SHARE)
        return self._found
