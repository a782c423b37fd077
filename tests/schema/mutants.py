"""Events with one thing changed at random, in every place that an event has."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any, Final

from flowledger.domain.events import EVENT_TYPES

Json = Any
_SHARE_OF_DATA: Final = 0.85
Place = tuple[Json, Json]
"""A container, and the name or the number of a value in it."""

_VALUES: Final[tuple[Json, ...]] = (
    None, True, False, 0, 1, -1, 0.5, -0.5, 2, 3, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1e308, 1.5, "", " ", "x",
    "\t\u2003", "\x00", "a\x00b", "0", "1.0", "x" * 64, "x" * 65, "x" * 255, "x" * 256, "x" * 512, "x" * 513,
    "é" * 513, "x" * 1025, "true", "info", "INFO\n", "loud", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00",
    "2026-13-31T12:00:00Z", "2026-01-31T12:00:60Z", "2026-01-31T24:00:00Z", "2026-01-31 12:00:00Z",
    "2026-01-31T12:00:00Z\n", "* * * * *", "60 * * * *", "@daily", "90s", "0s", "UTC", "Europe/Berlin ", "10.0.0.0/8",
    "10.0.0.1/8 ", "::1%eth0", "a@b", "a@b@c", "a @b", "/a/b", "/~2", "a", "request", "Request", "admin", "private",
    "gauge", "stdio", "last", "application/json", "application/json; charset=utf-8",
    "application/json; charset=latin1", "text/plain", "1.0 ", [], [None], [""], ["x"], [1], [["x"]], ["x"] * 65,
    ["\x00"], {}, {"": 1}, {"message": 1}, {"message": "m"}, {"value": 1}, {"header": ""},
    {"header": "X", "value": 1}, {"message": "m", "type": 1}, {"port": 0}, {"temperature": 3},
)  # fmt: skip


def mutants(events: list[dict[str, Json]], number: int) -> Iterator[dict[str, Json]]:
    """Yield mutants of these events without an end; the same `number` gives the same ones."""
    rng = random.Random(number)
    while True:
        mutant = copy.deepcopy(max(rng.sample(events, 2), key=lambda event: len(event.get("data") or ())))
        for _ in range(rng.choice((1, 1, 1, 2))):
            _mutate(mutant, rng)
        yield mutant


def _mutate(event: dict[str, Json], rng: random.Random) -> None:
    kind = rng.randrange(10)
    if kind == 0:
        event["type"] = rng.choice([*EVENT_TYPES, "task", "Task.created", "task.created ", ""])
        return
    data = event.get("data")
    within_data = isinstance(data, dict) and data and rng.random() < _SHARE_OF_DATA
    container, name = rng.choice(list(_places(data if within_data else event)))
    value = container[name]
    if kind == 1 or (kind == 2 and isinstance(container, dict)):
        del container[name]
    elif kind == 3 and isinstance(container, dict):
        container[f"{name}s"] = container.pop(name)
    elif kind == 4 and isinstance(value, str):
        container[name] = rng.choice((value + "\n", " " + value, value.swapcase(), value * 40, value[:-1]))
    elif kind == 5 and isinstance(value, int | float) and not isinstance(value, bool):
        container[name] = rng.choice((-value, str(value), [value], 0.5))
    elif kind == 6:
        container[name] = [value]
    else:
        container[name] = copy.deepcopy(rng.choice(_VALUES))


def _places(value: Json) -> Iterator[Place]:
    names = value if isinstance(value, dict) else range(len(value))
    for name in names:
        yield value, name
        if isinstance(value[name], dict | list):
            yield from _places(value[name])
