"""What is kept of refused calls: counts for a day, by webhook and cause, and an audit line a minute for each.

Only webhooks that exist have counts of their own; calls of all other ids are counted together. So a stranger can make
nothing grow. Lines are published by a thread of their own: whether one is due depends on whether the webhook exists,
which an answer that waited for it would tell.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from flowledger.client.plans.commands import replies
from flowledger.client.plans.steps import Plan
from flowledger.domain import streams
from flowledger.domain.envelope import LEDGER_SOURCE, Envelope
from flowledger.domain.errors import LedgerError, WebhookRefused
from flowledger.domain.events import AuditLogged
from flowledger.domain.ids import derived_id
from flowledger.domain.owners import WEBHOOKS
from flowledger.services.once import Once
from flowledger.services.webhooks.addresses import address_of
from flowledger.services.webhooks.lines import Lines

logger = logging.getLogger(__name__)

SOURCE: Final = LEDGER_SOURCE + WEBHOOKS
"""The source of the audit lines."""
UNKNOWN: Final = ""
"""In place of a webhook's id: all ids of which no webhook is recorded."""
_HOUR: Final = 3_600
_MINUTE: Final = 60
_KEPT_SECONDS: Final = 25 * _HOUR
"""Counts are shown for 24 hours."""


class RefusedCalls:
    """Counts refused calls. What cannot be counted is logged, and changes nothing for the caller."""

    def __init__(self, once: Once, clock: Callable[[], datetime]) -> None:
        self._once = once
        self._clock = clock
        self._lines = Lines()

    def add(self, webhook_id: str | None, refused: WebhookRefused, address: str | None) -> None:
        """Count a refused call of a webhook (None: of an id that is none); its audit line follows, if it is due."""
        webhook = UNKNOWN if webhook_id is None else webhook_id
        at = self._clock()
        line = derived_id("evt", webhook, refused.cause, str(int(at.timestamp()) // _MINUTE))
        try:
            is_due = self._once.driver.follow(_counting(webhook, refused.cause, at.timestamp(), line))
        except LedgerError as error:
            logger.warning("a refused call of a webhook is not counted: %s", error)
            return
        if is_due:
            self._lines.add(partial(self._publish, webhook, refused.cause, address, at, line))

    def close(self) -> None:
        """Wait until the lines that are due are published, for some seconds."""
        self._lines.close()

    def _publish(self, webhook: str, cause: str, address: str | None, at: datetime, line: str) -> None:
        self._once.publish(_audit_line(webhook, cause, address, at, line))


def _counting(webhook: str, cause: str, at: float, line: str) -> Plan[bool]:
    """Count once; return whether the audit line of this minute is still to be published. Redis is asked once."""
    key = streams.refused(int(at) // _HOUR)
    answers, error = yield from replies(
        [
            ("HINCRBY", key, json.dumps([webhook, cause]), "1"),
            ("EXPIRE", key, str(_KEPT_SECONDS)),
            ("SET", streams.refused_told(line), "", "NX", "EX", str(2 * _MINUTE)),
        ],
        timeout_seconds=0,
    )
    if error is not None:
        raise LedgerError(str(error)) from error
    return answers[-1] is not None


def _audit_line(webhook: str, cause: str, address: str | None, at: datetime, line: str) -> Envelope:
    """Return the line about the first refused call of its minute. Ids that are none have the root as their subject."""
    found = address_of(address)
    said = AuditLogged(
        action="webhook.refused",
        resource_type="webhook",
        details={"cause": cause},
        success=False,
        ip_address=None if found is None else str(found),
    )
    return Envelope.of(said, source=SOURCE, subject=webhook or WEBHOOKS, id=line, time=at)
