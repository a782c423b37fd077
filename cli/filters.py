"""Filters that let nothing through, because of a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowledger.cli import screen
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.likeness import did_you_mean, nearest

_KINDS: Final = tuple(dict.fromkeys(f"{type_.partition('.')[0]}.*" for type_ in EVENT_TYPES))


def warn_of_types(asked: Iterable[str]) -> None:
    """Say, on standard error, which of these types (`task.failed`) and kinds (`task.*`) no event can have."""
    for type_ in asked:
        is_kind = type_.endswith("*")
        known = any(one.startswith(type_[:-1]) for one in EVENT_TYPES) if is_kind else type_ in EVENT_TYPES
        if not known:
            meant = nearest(type_, _KINDS if is_kind or "." not in type_ else EVENT_TYPES)
            screen.print_warning(f"no event type is called {type_[:100]!a}{did_you_mean(meant)}")
