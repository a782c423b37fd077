"""What the processes of the workers take of the machine: memory, and time of its cores."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import psutil

from tests.faults.world import World

_LOOK_SECONDS: Final = 0.2
_WORK_SECONDS: Final = 0.1


def of_tree(pid: int) -> list[int]:
    """Resident bytes of a process and its descendants; those that have ended are left out."""
    sizes = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                sizes.append(process.memory_info().rss)
    return sizes


def age(pid: int) -> float:
    """Seconds since a process began; 0 where it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return time.time() - psutil.Process(pid).create_time()
    return 0.0


def busiest(pids: Iterable[int]) -> int | None:
    """The process that takes most of the cores' time for a tenth of a second; None where none takes any."""
    before = {pid: _seconds(pid) for pid in pids}
    time.sleep(_WORK_SECONDS)
    worked = {pid: _seconds(pid) - seconds for pid, seconds in before.items()}
    most = max(worked, key=lambda pid: worked[pid], default=None)
    return most if most is not None and worked[most] > 0 else None


def _seconds(pid: int) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


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


@dataclass
class RedisMemory:
    """`used_memory` of the broker: at the beginning, and the most since."""

    before: int
    peak: int

    @property
    def grown(self) -> int:
        return self.peak - self.before


@contextlib.contextmanager
def watching_redis(world: World) -> Iterator[RedisMemory]:
    """How much memory the broker took in the meantime."""

    def used() -> int:
        info: Any = world.redis.info("memory")
        return int(info["used_memory"])

    memory = RedisMemory(used(), 0)
    ending = threading.Event()

    def watch() -> None:
        while not ending.wait(_LOOK_SECONDS):
            memory.peak = max(memory.peak, used())

    watcher = threading.Thread(target=watch, name="memory of Redis", daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        ending.set()
        watcher.join()
        memory.peak = max(memory.peak, used())
