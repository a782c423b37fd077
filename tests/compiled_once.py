"""Statements are compiled once for a process of tests, not once for each engine: each test has an engine of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import Engine, create_engine, util
from sqlalchemy.engine.default import DefaultDialect

from flowledger.storage.engines import engine
from flowledger.storage.replay import scratch

_MOST: Final = 5_000


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Let all engines of the code under test share what they have compiled.

    SQLAlchemy finds a compiled statement by the dialect's identity, among others. Dialects of one class that talk to
    servers of one version compile alike.
    """
    patch.setattr(DefaultDialect, "__eq__", _are_alike)
    patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
    shared: Callable[..., Engine] = partial(_make, util.LRUCache(_MOST))
    for module in (engine, scratch):
        patch.setattr(module, "create_engine", shared)


def _make(compiled: Any, *given: Any, **options: Any) -> Engine:
    return create_engine(*given, **options, execution_options={"compiled_cache": compiled})


def _are_alike(one: DefaultDialect, other: object) -> bool:
    return type(one) is type(other) and _version(one) == _version(other)


def _version(dialect: object) -> object:
    """The server's version; None before the first connection."""
    return getattr(dialect, "server_version_info", None)
