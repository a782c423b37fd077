"""Latency under a steady load: events arrive at times fixed beforehand, whatever the contender does (an open loop).

An event counts from the time at which it was due until the commit of its transaction (of its batch, if batches become
durable together), by PostgreSQL's own commit times: nothing is polled. An event that could not be sent in time because
the producer was still sending others has waited, and this counts (no coordinated omission). Events that are overdue are
sent together. The clock is the machine's, for both ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from bench.contender import Contender
from bench.figures import latency

PATIENCE_SECONDS: Final = 10.0
"""A contender keeps up if nothing is sent later than this, and all is recorded this long after the last event."""
_LEAD_SECONDS: Final = 0.1


def steady(
    contender: Contender,
    events: Sequence[bytes],
    events_per_second: float,
    counted: Callable[[int], bool] = lambda _place: True,
) -> dict[str, float] | None:
    """Publish the events at this rate. Return the latency of those whose place is `counted`; None if it fell behind."""
    prepared = contender.prepare(events)
    before = contender.recorded()
    began = _publish(contender, prepared, events_per_second)
    if began is None:
        return None
    try:
        contender.wait_for(before + len(events), PATIENCE_SECONDS)
    except TimeoutError:
        return None
    due = [began + place / events_per_second for place in range(len(events))]
    waits = [(at - then) * 1000 for at, then in zip(contender.committed(events), due, strict=True)]
    return latency([wait for place, wait in enumerate(waits) if counted(place)])


def _publish(contender: Contender, prepared: list[Any], events_per_second: float) -> float | None:
    """Send each event when it is due. Return the time of the first, in seconds since 1970; None if it fell behind."""
    began = time.time() + _LEAD_SECONDS
    sent = 0
    while sent < len(prepared):
        elapsed = time.time() - began
        due = min(len(prepared), int(elapsed * events_per_second) + 1) if elapsed >= 0 else 0
        if due <= sent:
            time.sleep(max(0.0, sent / events_per_second - elapsed))
            continue
        if elapsed - sent / events_per_second > PATIENCE_SECONDS:
            return None
        contender.publish(prepared[sent:due])
        sent = due
    return began
