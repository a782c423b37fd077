"""What is put again is what the ledger had put there, for each recipient, whatever others say about a message."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from flowledger.workers.redelivery import Redelivered
from tests.builders import raw
from tests.storage.recording import dead_letters, differences
from tests.workers.office import Office, message
from tests.workers.test_redelivery import lost, redeliver

LATER: Final = "2999-01-31T12:00:00Z"


def sent(sender: str, *to: str, **data: Any) -> bytes:
    return raw("message.sent", subject="m1", from_sandbox_id=sender, to_sandbox_ids=list(to), **data)


def test_who_sends_under_anothers_id_changes_no_delivery_and_gets_none(office: Office) -> None:
    """As with two who name one message alike, or one who names another's message to get a copy of it."""
    secret = sent("alice", "bob", id="a", content="secret")
    lost(office, secret, sent("eve", "bob", "eve", id="e", time=LATER, content="other"))
    assert [(letter.reason, letter.field) for letter in dead_letters(office.storage)] == [("conflict", "subject")]
    assert redeliver(office) == Redelivered(put=1)
    assert [entry[b"event"] for entry in office.inbox("bob")] == [secret]
    assert office.inbox("eve") == []
    office.take("bob", "m1")
    office.drain()
    assert differences(office.storage) == []


def test_of_a_message_that_is_sent_again_otherwise_everybody_gets_again_what_he_had(office: Office) -> None:
    first = sent("alice", "bob", id="a", content="first")
    office.publish(first)
    office.drain()
    lost(office, sent("alice", "bob", "carol", id="b", time=LATER, content="second"))
    assert redeliver(office) == Redelivered(put=2)
    (bobs,), (carols,) = office.inbox("bob"), office.inbox("carol")
    assert bobs[b"event"] == first
    assert json.loads(carols[b"event"])["data"]["content"] == "second"
    office.check()


@pytest.mark.parametrize("id", ["a", "t", "nothing"])
def test_a_delivery_that_was_never_made_is_not_repeated(office: Office, id: str) -> None:
    """Whatever somebody reports in the ledger's name, while signatures are off."""
    made_up = {"subject": "m1", "source": "/flowledger", "event_source": "/tests", "event_id": id}
    lost(
        office,
        raw("message.sent", subject="m1", id="a", to_sandbox_ids=["bob"]),
        raw("task.created", id="t", subject="m1"),
        raw("message.dispatched", to_sandbox_id="eve", **made_up),
    )
    assert redeliver(office) == Redelivered(put=1, others=1)
    assert (office.ids("bob"), office.ids("eve")) == (["m1"], [])


def test_what_somebody_else_carried_is_left_alone(office: Office) -> None:
    lost(office, raw("message.dispatched", subject="m1", to_sandbox_id="bob"), message("m1", "bob", "carol"))
    assert (office.status("m1", "bob"), office.status("m1", "carol")) == ("sent", "sent")
    assert redeliver(office) == Redelivered(put=1, others=1)
    assert (office.ids("bob"), office.ids("carol")) == ([], ["m1"])


def test_what_somebody_else_carried_after_the_ledger_is_put_again(office: Office) -> None:
    office.publish(message("m1", "bob"))
    office.drain()
    lost(office, *(raw("message.dispatched", subject="m1", to_sandbox_id=one, time=LATER) for one in ("bob", "carol")))
    assert redeliver(office) == Redelivered(put=1, others=1)
    assert (office.ids("bob"), office.ids("carol")) == (["m1"], [])
    office.check()


def test_a_message_that_nobody_sent_is_left_alone(office: Office) -> None:
    lost(office, raw("message.dispatched", subject="m1", to_sandbox_id="bob", source="/flowledger"))
    assert redeliver(office) == Redelivered()
