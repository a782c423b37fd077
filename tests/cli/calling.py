"""How a command of `flowledger` that a test has called ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Flowledger = Callable[..., Ended]

Run = Callable[..., Ended]
"""The same with the servers of the test in the environment; other ones by name (`REDIS_URL=…`, None for none)."""
