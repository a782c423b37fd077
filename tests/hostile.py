"""A ledger full of text that would do harm to whoever shows it: in ids, names, errors, contents, and dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Refused
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw, to_bytes
from tests.storage.recording import record
from tests.vocabulary import EXAMPLES, FIELDS

HOSTILE: Final = (
    "<script>alert(1)</script>\"' onerror=alert(2) href=javascript:alert(3)>&amp;[bold red]{{ 7*7 }}"
    "\u202e\u2066\u200f\x1b[31m\x07\x9b\u2028"
)
"""Markup of pages, of templates and of terminals, and marks that turn text around."""


def hostile_events() -> Iterator[bytes]:
    """An event of each type, with that text in every field that takes it, about a subject of this name."""
    for type_, fields in FIELDS.items():
        data: dict[str, Any] = {}
        for name, field in fields.items():
            for value in (_hostile(EXAMPLES[field.kind]), EXAMPLES[field.kind]):
                if name != "broadcast" and _is_taken(type_, data | {name: value}):
                    data[name] = value
                    break
        yield _raw(type_, data)


def hostile_letters() -> list[bytes]:
    """Entries that cannot be recorded, for every reason that a producer can cause alone."""
    return [
        raw("task.failed", subject=HOSTILE, source=f"/{HOSTILE}", error={"message": 5, HOSTILE: HOSTILE}),
        raw(f"task.{HOSTILE}", subject=HOSTILE),
        json.dumps({"type": HOSTILE, "data": HOSTILE, HOSTILE: 1}).encode(),
        (json.dumps({HOSTILE: 1})[:-2] + "[" * 501 + "]" * 501 + "}").encode(),
        HOSTILE.encode(),
        HOSTILE.encode() + b"\xff<script>alert(1)</script>",
    ]


def record_hostile(storage: Storage) -> None:
    """Record all of it."""
    events = [*hostile_events()]
    record(storage, *events)
    for place, letter in enumerate(hostile_letters()):
        record(storage, letter, start=len(events) + place + 1)


def _hostile(example: Any) -> Any:
    if isinstance(example, str):
        return HOSTILE
    if isinstance(example, list):
        return [_hostile(one) for one in dict.fromkeys(map(json.dumps, example)) for one in [json.loads(one)]]
    if isinstance(example, dict):
        return {name: _hostile(value) for name, value in example.items()} | {HOSTILE: HOSTILE}
    return example


def _raw(type_: str, data: dict[str, Any]) -> bytes:
    return to_bytes(event(type_, id=f"{type_}{HOSTILE}", subject=HOSTILE, **data))


def _is_taken(type_: str, data: dict[str, Any]) -> bool:
    try:
        parse(_raw(type_, data))
    except Refused:
        return False
    return True
