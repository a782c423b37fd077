"""The spans of a worker: of each batch that holds traced events, of each of these events, and of each delivery.

They are made when the work is done, so recording is the same with and without them. If a process is killed, its last
spans are lost, and nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flowledger.domain import streams, traces
from flowledger.domain.traces import EVENTS, INBOX, TRACEPARENT, Trace
from flowledger.workers.alarms import tell_once
from flowledger.workers.burial import Read
from flowledger.workers.faults import fault

if TYPE_CHECKING:
    from flowledger.workers.inboxes import Letter


class BatchSpans:
    """The spans of one batch; without OpenTelemetry, or without traced events, there are none."""

    def __init__(self) -> None:
        self._since = time.time_ns()
        self._fates: list[tuple[Read, Trace, str]] = []
        self._is_on = traces.is_on()

    def note(self, batch: Sequence[Read], repeated: Collection[int], buried: Collection[int]) -> None:
        """Note what became of entries, which are committed: places of those that were `repeated`, `id()` of the events
        that were buried after all, which are noted as dead letters by themselves.
        """
        if not self._is_on:
            return
        known = set(repeated)
        for place, read in enumerate(batch):
            if id(read.event) in buried or (trace := _trace_of(read)) is None:
                continue
            fate = "dead_letter" if read.refused is not None else "repeated" if place in known else "recorded"
            self._fates.append((read, trace, fate))

    def end(self) -> None:
        """Make the spans of what was noted. What a provider of spans raises must not hold up recording."""
        if not self._fates:
            return
        try:
            self._make()
        except Exception as error:
            tell_once(f"spans are missing, because they could not be made: {fault(error)}")

    def _make(self) -> None:
        from flowledger.domain import spans

        links = spans.links_to([trace for _, trace, _ in self._fates])
        count = {"messaging.batch.message_count": len(self._fates), "messaging.destination.name": EVENTS}
        batch = spans.started("process", EVENTS, spans.NOWHERE, links, since=self._since, given=count)
        to_batch = spans.links_to_span(batch)
        for read, trace, fate in self._fates:
            given = _attributes(read, fate)
            context = spans.context_of(trace)
            span = spans.started("record", EVENTS, context, to_batch, since=self._since, given=given)
            if read.refused is not None:
                spans.fail(span, str(read.refused.reason))
            span.end()
        batch.end()


def delivered(letters: Mapping[str, Sequence[Letter]], went: Mapping[str, int], since: int) -> None:
    """Make a span of each message that was put into an inbox, in the trace that it carries; raises nothing."""
    if not traces.is_on():
        return
    try:
        _make_delivered(letters, went, since)
    except Exception as error:
        tell_once(f"spans are missing, because they could not be made: {fault(error)}")


def _make_delivered(letters: Mapping[str, Sequence[Letter]], went: Mapping[str, int], since: int) -> None:
    for sandbox, some in letters.items():
        for letter in some[: went[sandbox]]:
            if (trace := trace_of_text(letter.text)) is not None:
                given = {
                    "messaging.destination.name": streams.inbox(sandbox),
                    "messaging.message.id": letter.message_id,
                }
                with traces.span("deliver", INBOX, [trace], since=since, attributes=given):
                    pass


def trace_of_text(text: str) -> Trace | None:
    """Return the trace that the text of an event carries."""
    attributes = json.loads(text) if TRACEPARENT in text else None
    return Trace.of(attributes) if isinstance(attributes, dict) else None


def _trace_of(read: Read) -> Trace | None:
    if TRACEPARENT.encode() in read.raw:
        with suppress(ValueError, RecursionError):  # a dead letter may hold anything
            return trace_of_text(read.raw.decode())
    return None


def _attributes(read: Read, fate: str) -> dict[str, Any]:
    names: Mapping[str, Any] = read.names
    if read.event is not None:
        event = read.event
        names = {"event_id": event.id, "source": event.source, "type": event.type, "subject": event.subject}
    known = {f"cloudevents.event_{name.removeprefix('event_')}": value for name, value in names.items()}
    return {name: value for name, value in known.items() if value is not None} | {
        "messaging.destination.name": streams.stream(read.entry.shard),
        "messaging.destination.partition.id": str(read.entry.shard),
        "messaging.message.id": read.entry.id,
        "flowledger.outcome": fate,
    }
