"""How a status looks: one of four colours, the same on all pages."""

from __future__ import annotations

from typing import Final

_OF_STATUS: Final = {
    "good": ("completed", "delivered", "active", "enabled", "idle", "replayed"),
    "busy": ("pending", "queued", "running", "retrying", "sent", "starting", "busy"),
    "warn": ("paused", "cancelled", "skipped", "expired", "disabled", "stopped", "warning", "discarded"),
    "bad": ("failed", "timed_out", "error", "critical", "open"),
}
_LOOKS: Final = {status: look for look, statuses in _OF_STATUS.items() for status in statuses}


def look(status: str | None) -> str:
    """Return the class of a status or a level: `good`, `busy`, `warn`, `bad`, or an empty text for others."""
    return _LOOKS.get(status or "", "")
