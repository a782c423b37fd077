"""Faults that are not an event's own: interruptions of a drain, and faults of Flowledger."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded

from flowledger.domain.errors import DatabaseFailed, Reason, Refused
from flowledger.storage.engines.pipeline import Unrecordable

INTERRUPTIONS: Final = (MemoryError, SoftTimeLimitExceeded)
"""They may be raised at any point, so no event is at fault."""


def fault(error: Exception) -> str:
    """Return the kind of error and its place; the message is left out because it may hold anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"


class OurFault(Refused):
    """An event cannot be recorded because of a fault of Flowledger; nothing is wrong with the event."""

    def __init__(self, error: Exception) -> None:
        self.where = fault(error)
        words = f"a fault of Flowledger, not of the event: {self.where}; replay it when it is mended"
        super().__init__(Reason.UNRECORDABLE, "", words)


_PAUSES: Final = (0.01,) * 4
"""Seconds before each further try of an entry at which the database broke off."""
_AT_ONCE: Final = (0.0,)
"""The same for a fault of our own: nothing that passes is known to cause one."""


def further_tries(failed: Exception) -> tuple[float, ...]:
    """Return the seconds to wait before each further try of an entry at which this failed; () if it is refused."""
    if isinstance(failed, Unrecordable):
        return ()
    return _PAUSES if isinstance(failed, DatabaseFailed) else _AT_ONCE


def kind_of(failed: Exception) -> str:
    """Return what errors with one cause have in common; their messages may hold a part of the event."""
    return f"{fault(failed)} {failed.code if isinstance(failed, DatabaseFailed) else ''}"
