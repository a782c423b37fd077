"""Publishing as it should go (contract, section 1): one suite for both publishers, against a real server."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import redis

from flowledger.cli.embedded import free_port
from flowledger.client import Publisher
from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.errors import NoEvent, Reason, Refused, SettingsError
from flowledger.domain.events import Error, TaskFailed, TaskStarted
from flowledger.domain.times import now, parse_time
from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, event, raw
from tests.client.looking import bodies, entries, events
from tests.client.publishers import AnyPublisher, MakePublisher
from tests.storage.recording import record, row
from tests.vocabulary import FIELDS, TIME
from tests.waiting import wait_until


def test_a_typed_envelope_is_published(publisher: AnyPublisher, server: redis.Redis) -> None:
    envelope = Envelope.of(TaskStarted(worker="w"), source="/s", subject="task_1")
    published = publisher.publish(envelope)
    assert bodies(server) == [envelope.to_json().encode()]
    assert published.id == envelope.id


def test_a_dict_is_published(publisher: AnyPublisher, server: redis.Redis) -> None:
    given = event("task.completed", output=["é", None])
    assert publisher.publish(given).id == given["id"]
    assert events(server) == [given]


@pytest.mark.parametrize("form", [bytes, bytes.decode])
def test_json_text_is_published_byte_for_byte(publisher: AnyPublisher, server: redis.Redis, form: Any) -> None:
    body = (
        b' {"type":"task.started" ,"id":"\\u0061", "source":"/\xc3\xa9","subject":"t","specversion":"1.0","n":1.50e1}\n'
    )
    publisher.publish(form(body))
    assert bodies(server) == [body]


def test_a_prepared_event_is_published_any_number_of_times(publisher: AnyPublisher, server: redis.Redis) -> None:
    prepared = publisher.prepare({"source": "/s", "type": "task.started", "subject": "t"})
    ids = {publisher.publish(prepared).id for _ in range(3)}
    assert bodies(server) == [prepared.raw] * 3
    assert ids == {prepared.id}


def test_what_is_told_is_where_the_entry_stands(publisher: AnyPublisher, server: redis.Redis) -> None:
    published = publisher.publish(event("task.started"))
    assert [entry[:2] for entry in entries(server)] == [(published.stream, published.entry_id)]


def test_an_entry_has_one_field(publisher: AnyPublisher, server: redis.Redis) -> None:
    publisher.publish(event("task.started"))
    assert [list(fields) for _, _, fields in entries(server)] == [[b"event"]]


def test_a_dict_without_an_id_and_a_version_is_given_them(publisher: AnyPublisher, server: redis.Redis) -> None:
    given = {"source": "/s", "type": "task.started", "subject": "t"}
    ids = [publisher.publish(given).id for _ in range(2)]
    assert len(set(ids)) == 2
    found = [{name: value for name, value in one.items() if name != "time"} for one in events(server)]
    assert found == [given | {"specversion": "1.0", "id": id_} for id_ in ids]
    assert ids[0].startswith("evt_")


@pytest.mark.parametrize("absent", [{}, {"id": None}, {"time": None}])
def test_a_dict_without_an_id_is_given_the_present_time(
    publisher: AnyPublisher, server: redis.Redis, absent: dict[str, Any]
) -> None:
    began = now()
    publisher.publish({"source": "/s", "type": "task.started", "subject": "t"} | absent)
    assert began <= parse_time(events(server)[0]["time"]) <= now()


def test_the_time_that_a_dict_has_is_its_own(publisher: AnyPublisher, server: redis.Redis) -> None:
    publisher.publish({"source": "/s", "type": "task.started", "subject": "t", "time": TIME})
    assert events(server)[0]["time"] == TIME


@pytest.mark.parametrize("form", [dict, json.dumps])
def test_an_event_with_an_id_of_its_own_is_the_same_at_each_try(
    publisher: AnyPublisher, server: redis.Redis, form: Any
) -> None:
    given = event("task.started", time=ABSENT)
    for _ in range(2):
        publisher.publish(form(given))
    assert events(server) == [given, given]


def test_what_was_prepared_keeps_its_time_in_the_spool_and_behind_it(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis, tmp_path: Path
) -> None:
    early = make_publisher(f"redis://127.0.0.1:{free_port()}/0", spool=tmp_path / "spool", publish_timeout_seconds=0.1)
    prepared = early.prepare({"source": "/s", "type": "task.started", "subject": "t"})
    early.publish(prepared)
    early.close()
    make_publisher(redis_url, spool=tmp_path / "spool").flush_spool()
    assert bodies(server) == [prepared.raw]
    assert b'"time":' in prepared.raw


def test_a_later_dict_wins_over_an_earlier_typed_event(
    publisher: AnyPublisher, server: redis.Redis, storage: Storage
) -> None:
    publisher.publish(Envelope.of(TaskFailed(error=Error(message="no")), source="/s", subject="t"))
    publisher.publish({"source": "/s", "type": "task.completed", "subject": "t"})
    record(storage, *bodies(server))
    assert row(storage, "tasks", "t")["status"] == "completed"


def test_attributes_of_none_are_left_out(publisher: AnyPublisher, server: redis.Redis) -> None:
    publisher.publish(event("task.started", id="1", attributes={"partitionkey": None, "correlationid": None}))
    assert events(server) == [event("task.started", id="1")]


@pytest.mark.parametrize("type_", FIELDS)
def test_events_of_every_type_are_published(publisher: AnyPublisher, server: redis.Redis, type_: str) -> None:
    publisher.publish(event(type_))
    assert parse(bodies(server)[0]).type == type_


def test_text_that_postgresql_cannot_hold_is_published_exactly(publisher: AnyPublisher, server: redis.Redis) -> None:
    """As section 2 has it, such text is kept; Python's own has lone surrogates where a file's name is no UTF-8."""
    given = event("task.completed", output=["\x00", "\udcff"])
    publisher.publish(given)
    assert json.loads(bodies(server)[0]) == given


# --- which stream


@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize(
    ("given", "key"),
    [
        (event("task.started", subject="task_é"), "task_é"),
        (event("task.started", attributes={"partitionkey": "mine"}), "mine"),
        (event("task.started", subject="s", attributes={"partitionkey": None}), "s"),
        (event("message.sent", from_sandbox_id="sb_9"), "sb_9"),
        (event("message.sent", attributes={"partitionkey": "mine"}), "mine"),
        (event("message.delivered", subject="msg_7"), "msg_7"),
    ],
)
def test_an_event_goes_to_its_shard(
    make_publisher: MakePublisher, redis_url: str, shards: int, given: dict[str, Any], key: str
) -> None:
    published = make_publisher(redis_url, shards=shards).publish(given)
    assert published.stream == f"ledger:events:{crc32(key.encode()) % shards}"


# --- many


def test_many_are_published_in_order(publisher: AnyPublisher, server: redis.Redis) -> None:
    given = [event("task.logged", subject="t", message=str(number)) for number in range(1200)]
    published = publisher.publish_many(iter(given))
    assert [one.id for one in published] == [one["id"] for one in given]
    assert events(server) == given
    assert [one.entry_id for one in published] == [entry_id for _, entry_id, _ in entries(server)]


def test_many_may_be_none_at_all(publisher: AnyPublisher) -> None:
    assert publisher.publish_many([]) == []


def test_the_forms_may_be_mixed(publisher: AnyPublisher, server: redis.Redis) -> None:
    prepared = publisher.prepare(event("task.started"))
    publisher.publish_many([event("task.queued"), raw("task.started"), raw("task.started").decode(), prepared])
    assert len(bodies(server)) == 4


def test_the_backlog_is_what_waits_in_all_streams(publisher: AnyPublisher) -> None:
    assert publisher.backlog() == 0
    publisher.publish_many(event("task.started", subject=f"task_{number}") for number in range(30))
    assert publisher.backlog() == 30


# --- what is refused


@pytest.mark.parametrize(
    ("given", "reason", "field"),
    [
        (event("task.started", subject="\x00"), Reason.INVALID_ENVELOPE, "subject"),
        (event("task.started", attributes={"subject": ABSENT}), Reason.INVALID_ENVELOPE, "subject"),
        (event("task.started", source="x" * 1025), Reason.INVALID_ENVELOPE, "source"),
        (event("task.exploded"), Reason.UNKNOWN_TYPE, "type"),
        (event("task.progressed", progress=2), Reason.INVALID_DATA, "data.progress"),
        (event("task.completed", output=float("nan")), Reason.NOT_JSON, "data.output"),
        (event("task.completed", output=object()), Reason.NOT_JSON, "data.output"),
        (event("task.completed", output="x" * 2**20), Reason.TOO_LARGE, ""),
        (b"not json", Reason.NOT_JSON, ""),
        ("{}", Reason.INVALID_ENVELOPE, "specversion"),
        ("\ud800", Reason.NOT_JSON, ""),
        (raw("task.started", attributes={"id": None}), Reason.INVALID_ENVELOPE, "id"),
        (Envelope.of(TaskStarted(), source="", subject="t"), Reason.INVALID_ENVELOPE, "source"),
    ],
    ids=range(13),
)
def test_what_breaks_the_contract_is_refused_and_not_sent(
    publisher: AnyPublisher, server: redis.Redis, given: Any, reason: Reason, field: str
) -> None:
    with pytest.raises(Refused) as caught:
        publisher.publish(given)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert bodies(server) == []


@pytest.mark.parametrize(("place", "is_spooling"), [(0, False), (3, False), (550, False), (3, True)])
def test_the_events_before_a_bad_one_are_sent_and_none_after_it(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis, tmp_path: Path, place: int, is_spooling: bool
) -> None:
    publisher = make_publisher(redis_url, spool=tmp_path / "spool" if is_spooling else None)
    given: list[Any] = [event("task.started", subject="t") for _ in range(600)]
    for bad, error in ((event("task.exploded"), Refused), (12, NoEvent)):
        given[place] = bad
        before = len(bodies(server))
        with pytest.raises((Refused, NoEvent)) as caught:
            publisher.publish_many(given)
        assert isinstance(caught.value, error)
        assert caught.value.index == place
        assert len(bodies(server)) - before == place


def test_the_limit_of_size_is_a_setting(make_publisher: MakePublisher, redis_url: str) -> None:
    with pytest.raises(Refused, match="2,000"):
        make_publisher(redis_url, max_event_bytes=2000).publish(event("task.completed", output="x" * 2000))


# --- settings, closing, sharing


def test_without_a_url_there_is_no_publisher(make_publisher: MakePublisher) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        make_publisher()


@pytest.mark.parametrize("url", ["", "not a url", "http://127.0.0.1/", "redis://127.0.0.1:port/0"])
def test_a_url_of_no_redis_is_a_wrong_setting(make_publisher: MakePublisher, url: str) -> None:
    with pytest.raises(SettingsError, match="redis://"):
        make_publisher(url)


def test_the_url_may_come_from_the_environment(
    make_publisher: MakePublisher, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    assert make_publisher().publish(event("task.started")).entry_id


def test_a_publisher_closes_its_connections(redis_url: str, server: redis.Redis) -> None:
    before = len(server.client_list())
    with Publisher(redis_url) as publisher:
        publisher.publish(event("task.started"))
        assert len(server.client_list()) == before + 1
    wait_until(lambda: len(server.client_list()) == before, what="the end of the connection")


def test_a_publisher_may_be_shared_between_threads(redis_url: str, server: redis.Redis) -> None:
    errors: list[BaseException] = []

    def publish(publisher: Publisher, name: int) -> None:
        try:
            for number in range(50):
                publisher.publish(event("task.started", id=f"{name} {number}"))
        except BaseException as error:
            errors.append(error)

    with Publisher(redis_url) as publisher:
        threads = [threading.Thread(target=publish, args=(publisher, name)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    assert len({one["id"] for one in events(server)}) == 400


def test_the_event_that_is_refused_is_counted(publisher: AnyPublisher, server: redis.Redis) -> None:
    given = [event("task.started", subject="a"), event("task.started", subject="b"), event("task.exploded")]
    with pytest.raises(Refused, match=r"event 2 \(from 0\): type: ") as caught:
        publisher.publish_many(given)
    assert caught.value.index == 2
