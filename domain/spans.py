"""Spans by OpenTelemetry, with the names of its conventions for messaging. Imported only where OpenTelemetry is used.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ (1.41)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from flowledger.domain.traces import TRACEPARENT, TRACESTATE, Operation, Trace

MOST_LINKS: Final = 128
"""Links that a span has at most: as many as the SDK keeps unless it is set otherwise."""

NOWHERE: Final = Context()
"""The context of a span without a parent."""
_W3C: Final = TraceContextTextMapPropagator()
_KINDS: Final[Mapping[Operation, tuple[str, SpanKind]]] = {
    "publish": ("send", SpanKind.PRODUCER),
    "process": ("process", SpanKind.CONSUMER),
    "record": ("process", SpanKind.CONSUMER),
    "deliver": ("send", SpanKind.CLIENT),  # it is not this span whose trace the message carries
    "receive": ("receive", SpanKind.CLIENT),
    "ack": ("settle", SpanKind.CLIENT),
    "nack": ("settle", SpanKind.CLIENT),
}
"""The type of each operation, and the kind of its spans."""


class Made:
    """A span that was made. `trace` is its place; if spans are off, that of its parent."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.trace = _written(span)

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes to the span."""
        self._span.set_attributes(attributes)


def is_on() -> bool:
    """Return whether the program has set up a provider of spans."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider)


def current() -> Trace | None:
    """Return the place of the current span; None if there is none."""
    return _written(trace.get_current_span())


def started(
    operation: Operation,
    destination: str,
    context: Context | None,
    links: Sequence[Link] = (),
    *,
    since: int | None = None,
    given: Mapping[str, Any] | None = None,
) -> Span:
    """Start a span below `context`; None: below the current span."""
    type_, kind = _KINDS[operation]
    attributes = {
        "messaging.system": "redis",
        "messaging.operation.name": operation,
        "messaging.operation.type": type_,
        "messaging.destination.template": destination,
    }
    name = f"{operation} {destination}"
    return trace.get_tracer("flowledger").start_span(name, context, kind, attributes | dict(given or {}), links, since)


@contextmanager
def of_messages(
    operation: Operation,
    destination: str,
    traces: Sequence[Trace],
    *,
    is_batch: bool,
    since: int | None,
    given: Mapping[str, Any] | None,
) -> Iterator[Made]:
    """Make a span with a link to each message. Its parent is the current span, or else the only message's."""
    context = None
    if not is_batch and traces and not trace.get_current_span().get_span_context().is_valid:
        context = context_of(traces[0])
    span = started(operation, destination, context, links_to(traces), since=since, given=given)
    try:
        yield Made(span)
    except Exception as error:
        fail(span, f"{type(error).__module__}.{type(error).__qualname__}")
        raise
    finally:
        span.end()


def context_of(place: Trace) -> Context:
    """Return the context of a place in a trace; one without a span if it is not valid."""
    carrier = {TRACEPARENT: place.traceparent}
    if place.tracestate is not None:
        carrier[TRACESTATE] = place.tracestate
    return _W3C.extract(carrier, Context())


def links_to(traces: Sequence[Trace]) -> list[Link]:
    """Return links to places in traces: to those that are valid, and not to too many."""
    return [link for one in traces[:MOST_LINKS] for link in links_to_span(trace.get_current_span(context_of(one)))]


def links_to_span(span: Span) -> list[Link]:
    """Return the link to a span; none if it is not valid, since spans are off."""
    return [Link(span.get_span_context())] if span.get_span_context().is_valid else []


def fail(span: Span, why: str) -> None:
    """Mark a span as failed, by the kind of the error alone: its message may quote anything."""
    span.set_attribute("error.type", why)
    span.set_status(Status(StatusCode.ERROR))


def _written(span: Span) -> Trace | None:
    if not span.get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span, Context()))
    return Trace.of(carrier)
