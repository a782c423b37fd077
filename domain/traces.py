"""Where events are in traces: their attributes `traceparent` and `tracestate` (docs/contract/traces.md).

OpenTelemetry is never imported unless the program has imported it: without it nobody is in a trace, and nothing is
done. `domain.spans` uses it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple, Protocol, Self

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
EVENTS: Final = "ledger:events"
INBOX: Final = "ledger:inbox:{sandbox}"
"""The templates of destinations, which name spans: there should be few names."""

_LIBRARY: Final = "opentelemetry.trace"
_LONGEST: Final = 512
"""What every system propagates of a tracestate (W3C Trace Context)."""

Operation = Literal["publish", "record", "process", "deliver", "receive", "ack", "nack"]


class Trace(NamedTuple):
    """A place in a trace, as W3C Trace Context writes it."""

    traceparent: str
    tracestate: str | None = None

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> Self | None:
        """Return what an event with these attributes carries; None if it carries nothing that can be used."""
        parent, state = attributes.get(TRACEPARENT), attributes.get(TRACESTATE)
        if not isinstance(parent, str) or not 0 < len(parent) <= _LONGEST:
            return None
        return cls(parent, state if isinstance(state, str) and 0 < len(state) <= _LONGEST else None)


class Span(Protocol):
    """An operation under way."""

    @property
    def trace(self) -> Trace | None:
        """What the events of the operation carry; None: nothing."""
        ...

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes to the span."""
        ...


class _NoSpan(NamedTuple):
    trace: Trace | None

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Do nothing: nobody looks at it."""


def is_loaded() -> bool:
    """Return whether the program uses OpenTelemetry."""
    return _LIBRARY in sys.modules


def is_on() -> bool:
    """Return whether the program makes spans."""
    if not is_loaded():
        return False
    from flowledger.domain import spans

    return spans.is_on()


def current() -> Trace | None:
    """Return the place of the program's current span; None if there is none."""
    if not is_loaded():
        return None
    from flowledger.domain import spans

    return spans.current()


@contextmanager
def span(
    operation: Operation,
    destination: str,
    of: Sequence[Trace | None] = (),
    *,
    since: int | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Iterator[Span]:
    """Make a span of an operation with the messages `of` these traces, from `since` on (nanoseconds since the epoch).

    It is not made the current one. Without OpenTelemetry, the trace of a single message goes on as it is.
    """
    traces = [trace for trace in of if trace is not None]
    if not is_loaded():
        yield _NoSpan(traces[0] if len(of) == 1 and traces else None)
        return
    from flowledger.domain import spans

    with spans.of_messages(operation, destination, traces, is_batch=len(of) > 1, since=since, given=attributes) as made:
        yield made
