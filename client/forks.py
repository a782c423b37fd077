"""What happens in a forked process: a child is no consumer of its parent's, and keeps neither connections nor locks."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final
from weakref import WeakMethod

_wanted: Final[set[WeakMethod[Callable[[], None]]]] = set()


def begin(method: Callable[[], None]) -> None:
    """Call a method now, and as `in_children`."""
    method()
    in_children(method)


def in_children(method: Callable[[], None]) -> None:
    """Call a method in each process that is forked from this one, as long as its object lives."""
    _wanted.add(WeakMethod(method, _wanted.discard))


def _forked() -> None:
    for reference in list(_wanted):
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
