"""What is left to see, and to do, when the texts of events are gone: it is counted and told, and never an error."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from flowledger.storage import tables
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import redelivery
from flowledger.workers.members import members
from flowledger.workers.post import PostOffice
from flowledger.workers.recompute import Kind
from flowledger.workers.redelivery import Redelivered
from flowledger.workers.verify import verify
from tests.builders import histories, raw
from tests.storage.recording import all_rows, by_hand, empty, record, text_of, without_text
from tests.workers.office import Office, message

EXAMPLES: Final = 6


@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_rows_are_neither_judged_nor_mended_if_any_text_about_them_is_gone(storage: Storage, data: Any) -> None:
    empty(storage)
    history = data.draw(histories(min_size=2, max_size=12))
    record(storage, *history)
    with storage.reading() as connection:
        names = connection.execute(select(tables.events.c.id, tables.events.c.source, tables.events.c.subject)).all()
    gone = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    for one in gone:
        is_it = (tables.events.c.id == one.id) & (tables.events.c.source == one.source)
        meaning = select(tables.events.c.meaning).where(is_it).scalar_subquery()
        by_hand(storage, delete(tables.event_texts).where(tables.event_texts.c.meaning == meaning))
    before = all_rows(storage)
    report = verify(storage, mend=True)
    assert (report.differences, report.mended) == (0, None), report.first
    assert (report.gone, report.gone_subjects) == (len(gone), len({one.subject for one in gone}))
    assert all_rows(storage) == before


def test_what_can_be_judged_still_is(storage: Storage) -> None:
    record(storage, raw("task.created", subject="old", id="1"), raw("task.created", subject="new", id="2"))
    by_hand(storage, without_text("1"), update(tables.tasks).values(priority=7))
    report = verify(storage, mend=True)
    assert [one.key for one in report.first] == [("new",)]
    assert report.is_well
    assert {row["id"]: row["priority"] for row in all_rows(storage)["tasks"].values()} == {"old": 7, "new": None}


def test_a_text_without_a_name_is_damage_and_not_age(storage: Storage) -> None:
    record(storage, raw("task.created", id="1"))
    by_hand(storage, update(tables.events).values(meaning=b"another"))
    report = verify(storage, mend=True)
    assert (report.by_table, report.gone, report.is_well) == ({"event_texts": 1}, 1, False)


def test_a_digest_that_is_wrong_in_both_tables_is_mended(storage: Storage) -> None:
    record(storage, raw("task.created", id="1"))
    right = all_rows(storage)
    wrong = {"meaning": b"another"}
    by_hand(storage, update(tables.event_texts).where(text_of("1")).values(wrong), update(tables.events).values(wrong))
    report = verify(storage, mend=True)
    assert [(one.kind, one.columns[0].name) for one in report.first] == [(Kind.DIFFERENT, "meaning")]
    assert report.is_well
    assert verify(storage).differences == 0
    assert all_rows(storage) == right


def test_the_tail_shows_the_event_without_its_text(storage: Storage) -> None:
    tail = Tail(storage, Wanted())
    assert [*tail.look()] == []
    record(storage, raw("task.created", id="1"), raw("task.created", id="2"))
    by_hand(storage, without_text("1"))
    assert [(one.id, one.raw is None) for one in tail.look()] == [("1", True), ("2", False)]


def test_a_membership_is_told_without_a_judgement(storage: Storage) -> None:
    record(storage, raw("sandbox.created", subject="s", id="1", workspace_id="w"))
    by_hand(storage, without_text("1"))
    (one,) = members(storage, None)
    assert (one.sandbox_id, one.signed, "gone" in one.detail) == ("s", None, True)


@pytest.mark.parametrize("type_", ["message.sent", "message.dispatched"])
def test_a_message_whose_text_is_gone_is_not_put_again(office: Office, type_: str) -> None:
    office.publish(message("m1", "bob"), message("m2", "bob"))
    office.drain()
    office.client.flushdb()
    is_it = (tables.events.c.type == type_) & (tables.events.c.subject == "m1")
    meanings = select(tables.events.c.meaning).where(is_it)
    by_hand(office.storage, delete(tables.event_texts).where(tables.event_texts.c.meaning.in_(meanings)))
    found = redelivery.redeliver(office.client, office.settings, office.storage)
    assert found == Redelivered(put=1, gone=1)
    assert office.ids("bob") == ["m2"]


def test_a_message_that_waits_longer_than_texts_are_kept_expires(office: Office) -> None:
    office.settings = office.settings.model_copy(update={"inbox_messages": 1})
    office.post = PostOffice(office.client, office.settings, office.storage)
    office.publish(message("m1", "bob"), message("m2", "bob"), message("m3", "bob"))
    office.drain()
    meanings = select(tables.events.c.meaning).where(tables.events.c.subject == "m2")
    by_hand(office.storage, delete(tables.event_texts).where(tables.event_texts.c.meaning.in_(meanings)))
    office.post = PostOffice(office.client, office.settings, office.storage)
    office.take("bob", "m1")
    office.drain()
    office.drain()
    assert (office.status("m2", "bob"), office.ids("bob")) == ("expired", ["m3"])
