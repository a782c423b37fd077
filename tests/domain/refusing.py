"""Asking `parse` why it refuses something."""

from __future__ import annotations

from domain.envelope import DEFAULT_MAX_BYTES, parse
from domain.errors import Reason, Refused


def refusal(body: bytes, max_bytes: int = DEFAULT_MAX_BYTES) -> tuple[Reason, str] | None:
    """The reason and the field at fault; None where the event is valid."""
    try:
        parse(body, max_bytes)
    except Refused as refused:
        return refused.reason, refused.field
    return None
