"""One world for all samples: it is emptied between them, and made anew where one of them left it broken.

It ends with the samples: its workers, which have nothing to do then, would take a tenth of the time of other tests.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.servers import Plan
from tests.faults.world import World

GiveWorld = Callable[[], World]
SHARED = Plan(workers=2, processes=2, durable=False, proxied=True)


@pytest.fixture(scope="package")
def _shared(quick_folder: Path) -> Iterator[GiveWorld]:
    with contextlib.ExitStack() as stack:
        given: list[World] = []

        def give() -> World:
            if given:
                given[0].end_producers()
                if not given[0].is_well():
                    stack.close()
                    given.clear()
            if not given:
                folder = Path(tempfile.mkdtemp(dir=quick_folder, prefix="world-"))
                given.append(stack.enter_context(World(folder, SHARED)))
            return given[0]

        yield give


@pytest.fixture
def world(_shared: GiveWorld) -> World:
    """Servers behind proxies, and two workers; empty."""
    shared = _shared()
    shared.start_workers()
    shared.empty()
    return shared


@pytest.fixture
def world_on_sqlite(quick_folder: Path) -> Iterator[World]:
    """A world of its own, whose database is a SQLite file."""
    folder = Path(tempfile.mkdtemp(dir=quick_folder, prefix="world-"))
    with World(folder, dataclasses.replace(SHARED, proxied=False, sqlite=True)) as world:
        world.start_workers()
        yield world
