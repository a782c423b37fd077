"""Faults that are not an event's own: interruptions of a drain, and faults of Flowledger."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded

from flowledger.domain.errors import Reason, Refused

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
