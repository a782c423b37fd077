"""What a mailbox has in its hands: in order, each once, and nothing forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from flowledger.client.message import Message
from flowledger.client.plans.buffer import Buffer


def message(number: int, entry_id: str = "", **fields: Any) -> Message:
    given: dict[str, Any] = {"id": f"msg_{number}", "message_type": "notification"} | fields
    return Message(
        from_sandbox_id="sb_2", to="sb_1", content=number, entry_id=entry_id or f"{number}-0", raw=b"", **given
    )


def all_of(hands: Buffer) -> list[Any]:
    return [one.content for one in iter(hands.next, None)]


@pytest.fixture
def hands() -> Buffer:
    return Buffer()


def test_messages_are_in_the_order_of_their_entries_however_they_came(hands: Buffer) -> None:
    for number, entry_id in ((4, "100-0"), (1, "9-0"), (3, "10-10"), (2, "10-9")):
        hands.put(message(number, entry_id))
    assert all_of(hands) == [1, 2, 3, 4]


def test_an_entry_is_taken_once_and_known_until_it_is_dropped(hands: Buffer) -> None:
    one = message(1)
    hands.put(one)
    hands.put(one)
    assert all_of(hands) == [1]
    assert hands.holds("1-0")
    hands.drop([one])
    hands.drop([one])
    assert (hands.holds("1-0"), len(hands)) == (False, 0)


def test_a_second_copy_is_kept_with_the_first_and_goes_with_it(hands: Buffer) -> None:
    first, copy = message(1, "1-0"), message(1, "2-0")
    for one in (first, copy, copy):
        hands.put(one)
    assert all_of(hands) == [1]
    assert (hands.entries_of(first), hands.holds("2-0"), len(hands)) == (["1-0", "2-0"], True, 2)
    hands.drop([first])
    assert (hands.holds("2-0"), len(hands)) == (False, 0)
    hands.put(copy)
    assert hands.entries_of(copy) == ["2-0"]
    assert all_of(hands) == [1]


def test_a_response_is_for_who_waits_for_it(hands: Buffer) -> None:
    hands.expect("q")
    assert hands.response("q") is None
    response = message(1, message_type="response", in_reply_to="q")
    hands.put(response)
    hands.put(message(2, message_type="response", in_reply_to="q"))
    assert hands.next() == message(2, message_type="response", in_reply_to="q")
    assert hands.response("q") == response
    hands.forget("q")
    assert all_of(hands) == []


def test_a_response_that_nobody_took_is_a_message(hands: Buffer) -> None:
    hands.expect("q")
    hands.put(message(2))
    hands.put(message(1, message_type="response", in_reply_to="q"))
    hands.forget("q")
    hands.forget("q")
    assert all_of(hands) == [1, 2]
