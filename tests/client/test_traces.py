"""Publishers and mailboxes in a trace, with OpenTelemetry and without it (docs/contract/traces.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from opentelemetry.trace import SpanKind, StatusCode

from flowledger.client.message import Message
from flowledger.client.plans.outgoing import Outgoing
from flowledger.client.prepared import prepare
from flowledger.domain import signatures, traces
from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.errors import BrokerUnavailable
from flowledger.domain.events import SandboxCreated, TaskStarted
from flowledger.domain.limits import Limits
from flowledger.domain.signing import KeySigner
from flowledger.domain.traces import Trace
from tests.builders import event, raw
from tests.client.looking import bodies, events
from tests.client.publishers import AnyPublisher, MakePublisher
from tests.conftest import settings_for
from tests.signing import Known
from tests.spans import Spans, context_of, kept_spans, parent_of

GIVEN = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1"}


@pytest.fixture
def spans() -> Iterator[Spans]:
    with kept_spans() as kept:
        yield kept


def envelope(**given: Any) -> Envelope:
    return Envelope.of(TaskStarted(), source="/s", subject="t", **given)


def span_id_of(traceparent: str) -> int:
    return int(traceparent.split("-")[2], 16)


def test_envelopes_and_dicts_carry_the_span_that_publishes_them(
    publisher: AnyPublisher, server: redis.Redis, spans: Spans
) -> None:
    with spans.tracer.start_as_current_span("caller") as caller:
        published = publisher.publish(envelope())
        publisher.publish(event("task.started"))
    first, second = spans.named("publish ledger:events")
    assert [span_id_of(one["traceparent"]) for one in events(server)] == [
        context_of(one).span_id for one in (first, second)
    ]
    assert all(parent_of(one) == caller.get_span_context().span_id for one in (first, second))
    assert first.kind is SpanKind.PRODUCER
    assert first.attributes == {
        "messaging.system": "redis", "messaging.operation.name": "publish", "messaging.operation.type": "send",
        "messaging.destination.template": "ledger:events", "messaging.destination.name": published.stream,
        "cloudevents.event_id": published.id, "messaging.message.id": published.entry_id,
    }  # fmt: skip


def test_many_are_one_span(publisher: AnyPublisher, server: redis.Redis, spans: Spans) -> None:
    publisher.publish_many([envelope(), envelope(), envelope()])
    (span,) = spans.ended()
    assert {span_id_of(one["traceparent"]) for one in events(server)} == {context_of(span).span_id}
    assert (span.attributes or {})["messaging.batch.message_count"] == 3


def test_what_an_event_carries_and_what_is_text_stays_as_it_is(
    publisher: AnyPublisher, server: redis.Redis, spans: Spans
) -> None:
    text = raw("task.started")
    publisher.publish_many([envelope(**GIVEN), event("task.started", attributes={"tracestate": "b=2"}), text])
    first, second, third = bodies(server)
    assert {name: json.loads(first)[name] for name in GIVEN} == GIVEN
    assert "traceparent" not in json.loads(second)
    assert third == text


def test_what_was_prepared_carries_the_span_of_its_preparation(publisher: AnyPublisher, spans: Spans) -> None:
    with spans.tracer.start_as_current_span("caller") as caller:
        prepared = publisher.prepare(envelope())
    assert span_id_of(json.loads(prepared.raw)["traceparent"]) == caller.get_span_context().span_id


def test_an_event_without_room_for_a_trace_is_published_without_it() -> None:
    text = envelope().to_json()
    limits = Limits(max_event_bytes=1024)
    long = envelope(extensions={"x": "x" * (1024 - len(text) - 10)})
    assert len(prepare(long, shards=8, limits=limits, trace=Trace(GIVEN["traceparent"])).raw) == len(long.to_json())


def test_a_trace_leaves_a_signature_valid_and_an_event_the_same() -> None:
    keys, joins = Known(), SandboxCreated(workspace_id="ws_1")
    signed = KeySigner(keys, "/registrar")(Envelope.of(joins, source="/registrar", subject="sb_1"))
    traced = prepare(signed, shards=8, trace=Trace(GIVEN["traceparent"], 'v="\\'))
    assert json.loads(traced.raw)["tracestate"] == 'v="\\'
    assert signatures.check(parse(traced.raw), keys) == "/registrar"


def test_a_publication_that_fails_is_a_span_that_failed_without_its_words(
    make_publisher: MakePublisher, spans: Spans
) -> None:
    publisher = make_publisher("redis://:hunter2@127.0.0.1:1/0", publish_timeout_seconds=0.1)
    with pytest.raises(BrokerUnavailable):
        publisher.publish(envelope())
    (span,) = spans.ended()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "flowledger.domain.errors.BrokerUnavailable"
    assert "hunter2" not in span.to_json()
    assert span.events == ()


# --- without OpenTelemetry


def test_without_opentelemetry_nothing_is_imported_and_events_are_as_they_were() -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None  # not installed
from flowledger.client.prepared import prepare
from flowledger.domain import traces
given = {"type": "task.started", "source": "/s", "subject": "t", "id": "1"}
with traces.span("publish", traces.EVENTS) as span:
    assert prepare(given, shards=8, trace=span.trace).raw == prepare(given, shards=8).raw
assert b"trace" not in prepare(given, shards=8).raw
assert "flowledger.domain.spans" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_agent_without_opentelemetry_passes_the_trace_of_a_message_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "_LIBRARY", "no.such.library")
    trace = Trace.of(GIVEN)
    with traces.span("ack", traces.INBOX, [trace]) as span:
        assert span.trace == trace
    with traces.span("ack", traces.INBOX, [trace, trace]) as span:
        assert span.trace is None, "each message has its own"
    message = Message(
        id="m", from_sandbox_id="a", to="b", message_type="request", content=None, entry_id="1-0", raw=b"", trace=trace
    )
    outcome = json.loads(Outgoing("b", settings_for(), None).outcome(message, None, message.trace).raw)
    assert {name: outcome[name] for name in GIVEN} == GIVEN


@pytest.mark.parametrize(
    "attributes", [{}, {"traceparent": None}, {"traceparent": 5}, {"traceparent": ""}, {"traceparent": "x" * 513}]
)
def test_what_cannot_be_a_trace_is_none(attributes: dict[str, Any]) -> None:
    assert Trace.of(attributes) is None
    assert Trace.of({**GIVEN, "tracestate": "x" * 513}) == (GIVEN["traceparent"], None)
