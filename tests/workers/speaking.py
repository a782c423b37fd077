"""Signed events of any time, and recording them where signatures are required."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Final

from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.times import now, written_time
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import Entry
from flowledger.workers.recorder import Recorded, Recorder
from tests.builders import entries
from tests.signing import message, signed
from tests.storage.recording import dead_letters

LATE: Final = 60.0
"""Seconds that are more than `replay_seconds`, and less than `signature_age_seconds`."""


def told(seconds_ago: float = 0.0) -> str:
    """A `time` so long ago."""
    return written_time(now() - timedelta(seconds=seconds_ago))


def said(type_: str = "message.sent", ago: float = 0.0, by: str = "", **arguments: Any) -> bytes:
    """A signed event of so long ago."""
    value = message(type_, time=told(ago), **arguments)
    return signed(value, by or ("/flowledger" if value["source"] == LEDGER_SOURCE else "sb_1"))


def entry(body: bytes, came: float = 0.0) -> Entry:
    """An entry that comes so many seconds from now."""
    return entries([body])[0]._replace(id=f"{int((time.time() + came) * 1000)}-1")


def record(recorder: Recorder, *bodies: bytes) -> Recorded:
    """Records what comes now."""
    return recorder.record([entry(body) for body in bodies])


def reasons(storage: Storage) -> list[tuple[str, str]]:
    return [(letter.reason, letter.field) for letter in dead_letters(storage)]
