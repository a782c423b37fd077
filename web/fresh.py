"""Answers that several viewers share for some seconds, each found once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Known(NamedTuple):
    since: float
    answer: asyncio.Future[Any]


@dataclass
class Fresh:
    """Keeps answers by name. Use it on one event loop."""

    _known: dict[str, _Known] = field(default_factory=dict)

    async def get(self, name: str, seconds: float, find: Callable[[], Awaitable[T]]) -> T:
        """Return an answer that is at most that old; who asks while it is being found waits for the same one.

        An error is kept as an answer is, so that a server that does not answer is not asked the more often for it.
        """
        known = self._known.get(name)
        if known is None or (known.answer.done() and time.monotonic() - known.since > seconds):
            known = self._known[name] = _Known(time.monotonic(), asyncio.ensure_future(find()))
        found: T = await asyncio.shield(known.answer)
        return found
