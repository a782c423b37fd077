"""The names of time zones: those of the package `tzdata`, not of the machine, so that all machines accept the same."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())
