"""The messages that a mailbox has read: in order, each once, and nothing forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowledger.client.message import Message
from flowledger.client.plans.buffer import Buffer
from flowledger.client.plans.steps import Signal


def message(number: int, entry_id: str = "", **fields: Any) -> Message:
    given: dict[str, Any] = {"id": f"msg_{number}", "message_type": "notification"} | fields
    return Message(
        from_sandbox_id="sb_2", to="sb_1", content=number, entry_id=entry_id or f"{number}-0", raw=b"", **given
    )


def all_of(buffer: Buffer) -> list[Any]:
    return [one.content for one in iter(buffer.next, None)]


@pytest.fixture
def buffer() -> Buffer:
    return Buffer()


def test_messages_are_in_the_order_of_their_entries_however_they_came(buffer: Buffer) -> None:
    for number, entry_id in ((4, "100-0"), (1, "9-0"), (3, "10-10"), (2, "10-9")):
        buffer.put(message(number, entry_id))
    assert all_of(buffer) == [1, 2, 3, 4]


def test_an_entry_is_taken_once_and_known_until_it_is_dropped(buffer: Buffer) -> None:
    one = message(1)
    buffer.put(one)
    buffer.put(one)
    assert all_of(buffer) == [1]
    assert buffer.holds("1-0")
    buffer.drop([one])
    buffer.drop([one])
    assert (buffer.holds("1-0"), len(buffer)) == (False, 0)


def test_a_second_copy_is_kept_with_the_first_and_goes_with_it(buffer: Buffer) -> None:
    first, copy = message(1, "1-0"), message(1, "2-0")
    for one in (first, copy, copy):
        buffer.put(one)
    assert all_of(buffer) == [1]
    assert (buffer.entries_of(first), buffer.holds("2-0"), len(buffer)) == (["1-0", "2-0"], True, 2)
    buffer.drop([first])
    assert (buffer.holds("2-0"), len(buffer)) == (False, 0)
    buffer.put(copy)
    assert buffer.entries_of(copy) == ["2-0"]
    assert all_of(buffer) == [1]


def test_a_response_is_for_who_waits_for_it(buffer: Buffer) -> None:
    buffer.expect("q")
    assert buffer.response("q") is None
    response = message(1, message_type="response", in_reply_to="q")
    buffer.put(response)
    buffer.put(message(2, message_type="response", in_reply_to="q"))
    assert buffer.next() == message(2, message_type="response", in_reply_to="q")
    assert buffer.response("q") == response
    buffer.forget("q")
    assert all_of(buffer) == []


def test_a_response_that_nobody_took_is_a_message(buffer: Buffer) -> None:
    buffer.expect("q")
    buffer.put(message(2))
    buffer.put(message(1, message_type="response", in_reply_to="q"))
    buffer.forget("q")
    buffer.forget("q")
    assert all_of(buffer) == [1, 2]


def test_who_listens_is_told_of_messages_and_responses(buffer: Buffer) -> None:
    def heard(act: Callable[[], object]) -> bool:
        listener = Signal()
        buffer.listen(listener)
        act()
        buffer.unlisten(listener)
        return listener.done()

    response = message(2, message_type="response", in_reply_to="q")
    assert not heard(lambda: buffer.expect("q"))
    assert heard(lambda: buffer.put(message(1)))
    assert not heard(lambda: buffer.put(message(1))), "it is known"
    assert heard(lambda: buffer.put(response))
    assert (buffer.has_response("q"), buffer.has_next()) == (True, True)
    buffer.next()
    assert not buffer.has_next()
    assert heard(lambda: buffer.forget("q")), "nobody took the response: it is there for all"
    assert buffer.has_next()
    assert not heard(lambda: buffer.forget("q"))


def test_who_listens_no_more_is_told_nothing(buffer: Buffer) -> None:
    listener = Signal()
    buffer.listen(listener)
    buffer.unlisten(listener)
    buffer.unlisten(listener)
    buffer.put(message(1))
    assert not listener.done()
