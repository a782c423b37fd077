"""The two names that speak for the whole platform: each has keys and sources of its own (`domain.owners`)."""

from __future__ import annotations

from typing import Final

LEDGER_SOURCE: Final = "/flowledger"
"""The `source` of the ledger's own events, and the name of its key."""
REGISTRAR: Final = "/registrar"
"""The name of the registrar's key, and its source."""
OFFICIALS: Final = (LEDGER_SOURCE, REGISTRAR)
