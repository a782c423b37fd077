"""What the processes of the workers take of the machine's memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

import psutil

from tests.faults.world import World

_LOOK_SECONDS: Final = 0.2


def of_tree(pid: int) -> list[int]:
    """Resident bytes of a process and its descendants; those that have ended are left out."""
    sizes = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                sizes.append(process.memory_info().rss)
    return sizes


@contextlib.contextmanager
def watching(world: World) -> Iterator[list[int]]:
    """The most that one process of the workers took in the meantime, in bytes, as the only item."""
    peak = [0]
    ending = threading.Event()

    def watch() -> None:
        while not ending.wait(_LOOK_SECONDS):
            peak[0] = max(peak[0], *(size for pid in world.pids() for size in of_tree(pid)), 0)

    watcher = threading.Thread(target=watch, name="memory", daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ending.set()
        watcher.join()
