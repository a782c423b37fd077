"""What begins anew in a forked process: a child must not act as its parent's consumer, nor on its connections."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final
from weakref import WeakMethod

_begins: Final[set[WeakMethod[Callable[[], None]]]] = set()


def begin(method: Callable[[], None]) -> None:
    """Call a method now, and again in each process that is forked from this one, as long as its object lives."""
    method()
    _begins.add(WeakMethod(method, _begins.discard))


def _begin_anew() -> None:
    for reference in list(_begins):
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
