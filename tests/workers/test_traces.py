"""One trace across producer, worker and recipient (docs/contract/traces.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import redis
from opentelemetry.trace import SpanKind, StatusCode

from flowledger import Envelope, Mailbox, Publisher
from flowledger.domain import streams
from flowledger.domain.events import TaskCreated
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.spans import Spans, context_of, kept_spans, parent_of, trace_of
from tests.storage.recording import count, dead_letters
from tests.workers.draining import add, drain
from tests.workers.office import Office

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACED = {"traceparent": PARENT}


@pytest.fixture
def spans() -> Iterator[Spans]:
    with kept_spans() as kept:
        yield kept


def test_one_trace_leads_from_the_producer_over_the_worker_to_the_recipient_and_back(
    settings: Settings, office: Office, spans: Spans
) -> None:
    with Mailbox("sb_a", settings=settings) as writer, Mailbox("sb_b", settings=settings) as reader:
        with spans.tracer.start_as_current_span("handle a call") as call:
            writer.send("sb_b", {"chapter": 1})
        office.drain()
        message = reader.receive(timeout=5)
        assert message is not None
        reader.reply(message, "thanks")
        reader.ack(message)
        office.drain()
        answer = writer.receive(timeout=5)
        assert answer is not None
    names = [one.name for one in spans.ended() if trace_of(one) == f"{call.get_span_context().trace_id:032x}"]
    assert names == [
        "handle a call", "publish ledger:events",  # the producer
        "record ledger:events", "deliver ledger:inbox:{sandbox}",  # a worker
        "receive ledger:inbox:{sandbox}", "publish ledger:events", "ack ledger:inbox:{sandbox}",  # the recipient
        "record ledger:events", "record ledger:events", "deliver ledger:inbox:{sandbox}",  # a worker
        "receive ledger:inbox:{sandbox}",  # the producer
    ]  # fmt: skip
    publish, record, deliver, receive = (spans.named(names[place])[0] for place in (1, 2, 3, 4))
    assert parent_of(publish) == call.get_span_context().span_id
    ack = spans.named("ack ledger:inbox:{sandbox}")[0]
    assert all(parent_of(one) == context_of(publish).span_id for one in (record, deliver, receive, ack))
    assert (publish.kind, record.kind, deliver.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.CLIENT)
    assert message.trace is not None
    assert message.trace.traceparent.split("-")[2] == f"{context_of(publish).span_id:016x}"


def test_a_batch_has_a_span_with_links_and_each_of_its_traced_events_one(
    settings: Settings, client: redis.Redis, storage: Storage, spans: Spans
) -> None:
    traced = [raw("task.created", subject=f"t{place}", attributes=TRACED) for place in range(3)]
    add(client, *traced, raw("task.created"), raw("task.created", attributes={"traceparent": "rubbish"}), traced[0])
    drain(settings, client, storage)
    (batch,) = spans.named("process ledger:events")
    assert batch.parent is None
    assert [f"{link.context.trace_id:032x}" for link in batch.links] == [PARENT[3:35]] * 4
    recorded = [one for one in spans.named("record ledger:events") if trace_of(one) == PARENT[3:35]]
    fates = [one.attributes["flowledger.outcome"] for one in recorded if one.attributes]
    assert fates == ["recorded", "recorded", "recorded", "repeated"]
    assert all([link.context for link in one.links] == [context_of(batch)] for one in recorded)
    attributes = dict(recorded[1].attributes or {})
    assert attributes.pop("messaging.message.id") is not None
    assert attributes.pop("cloudevents.event_id") == json.loads(traced[1])["id"]
    assert attributes == {
        "messaging.system": "redis", "messaging.operation.name": "record", "messaging.operation.type": "process",
        "messaging.destination.template": "ledger:events", "messaging.destination.name": "ledger:events:3",
        "messaging.destination.partition.id": "3", "cloudevents.event_source": json.loads(traced[1])["source"],
        "cloudevents.event_type": "task.created", "cloudevents.event_subject": "t1", "flowledger.outcome": "recorded",
    }  # fmt: skip


def test_a_dead_letter_is_a_span_that_failed_and_quotes_nothing(
    settings: Settings, client: redis.Redis, storage: Storage, spans: Spans
) -> None:
    known = raw("task.created", id="1", subject="t", attributes=TRACED)
    other = raw("task.created", id="1", subject="t", attributes=TRACED, name="hunter2")
    add(client, raw("task.created", name=5, attributes=TRACED), known, other)
    drain(settings, client, storage)
    assert len(dead_letters(storage)) == 2
    dead = [one for one in spans.named("record ledger:events") if one.status.status_code is StatusCode.ERROR]
    assert sorted(str((one.attributes or {})["error.type"]) for one in dead) == ["conflict", "invalid_data"]
    assert len(spans.named("record ledger:events")) == 3
    assert "hunter2" not in "".join(one.to_json() for one in spans.ended())


def test_events_without_a_trace_make_no_spans(
    settings: Settings, client: redis.Redis, storage: Storage, spans: Spans
) -> None:
    add(client, raw("task.created"))
    drain(settings, client, storage)
    assert spans.ended() == []


def test_a_second_try_with_another_trace_is_the_same_event(
    settings: Settings, client: redis.Redis, storage: Storage, spans: Spans
) -> None:
    event = Envelope.of(TaskCreated(name="x"), source="/a", subject="t")
    with Publisher(settings=settings) as publisher:
        for _ in range(2):
            publisher.publish(event)
    assert len({trace_of(one) for one in spans.named("publish ledger:events")}) == 2
    drain(settings, client, storage)
    assert (count(storage, "events"), count(storage, "dead_letters")) == (1, 0)


def test_a_provider_that_fails_holds_up_nothing(
    settings: Settings, client: redis.Redis, storage: Storage, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no spans today")

    monkeypatch.setattr(spans.provider, "get_tracer", fail)
    add(client, raw("task.created", attributes=TRACED), raw("message.sent", attributes=TRACED))
    drain(settings, client, storage)
    assert count(storage, "events") >= 2
    assert client.xlen(streams.inbox("sb_2")) == 1
