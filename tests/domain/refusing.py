"""Asking `parse` why it refuses something."""

from __future__ import annotations

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import Limits


def refusal(body: bytes, **limits: int) -> tuple[Reason, str] | None:
    """The reason and the field at fault; None where the event is valid."""
    try:
        parse(body, Limits(**limits))
    except Refused as refused:
        return refused.reason, refused.field
    return None
