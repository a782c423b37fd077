"""Plans that wait for one another, step by step, without a server: they wait in one step, and are woken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from flowledger.client.plans.inbox import Inbox
from flowledger.client.plans.mailbox import MailboxPlans
from flowledger.client.plans.presence import LIFE_SECONDS, Presence
from flowledger.client.plans.spooling import Spooling
from flowledger.client.plans.steps import Execute, Plan, Run, Signal, WaitFor
from flowledger.client.prepared import Prepared, prepare
from flowledger.client.spool import Spool
from flowledger.domain.errors import BrokerUnavailable, MailboxClosed
from flowledger.domain.settings import Settings
from tests.builders import raw
from tests.client.test_buffer import message

SETTINGS: Final = Settings.load(redis_url="redis://127.0.0.1:1/0")
AWAY: Final = [ConnectionRefusedError("nobody there")]


def result_of(plan: Plan[Any], answer: Any = None) -> Any:
    """What the plan returns; it must have no step left."""
    with pytest.raises(StopIteration) as ended:
        plan.send(answer)
    return ended.value.value


def wait_of(plan: Plan[Any], answer: Any = None) -> WaitFor:
    """The next step, which must be to wait."""
    step = plan.send(answer)
    assert isinstance(step, WaitFor)
    return step


# --- reading an inbox


@pytest.fixture
def inbox() -> Inbox:
    return Inbox("sb_1", SETTINGS, Presence("sb_1", None, SETTINGS))


@pytest.fixture
def reader(inbox: Inbox) -> Signal:
    """Another plan, which is reading."""
    reader = Signal()
    inbox._lock.enter(reader)
    return reader


def test_a_reader_waits_for_another_and_then_reads(inbox: Inbox, reader: Signal) -> None:
    plan = inbox.reading(inbox.buffer.has_next, float("inf"))
    step = wait_of(plan)
    assert step.seconds is None
    assert not step.signal.done()
    inbox._lock.leave(reader)
    assert step.signal.done()
    assert isinstance(plan.send(None), Execute)


def test_a_reader_that_waits_is_told_what_another_has_read(inbox: Inbox, reader: Signal) -> None:
    plan = inbox.reading(inbox.buffer.has_next, 10)
    step = wait_of(plan)
    assert step.seconds == 10
    inbox.buffer.put(message(1))
    assert step.signal.done()
    assert result_of(plan) is True
    assert inbox._lock.is_held_by(reader)


def test_what_is_there_by_then_is_not_waited_for(inbox: Inbox, reader: Signal) -> None:
    inbox.buffer.put(message(1))
    assert result_of(inbox.reading(inbox.buffer.has_next, 10)) is True


def test_what_is_there_by_then_is_not_read_for(inbox: Inbox) -> None:
    inbox.buffer.put(message(1))
    assert result_of(inbox.reading(inbox.buffer.has_next, 10)) is True


def test_a_request_does_not_end_its_waiting_for_what_is_for_others(inbox: Inbox, reader: Signal) -> None:
    inbox.buffer.expect("q")
    inbox.buffer.put(message(1))
    plan = inbox.reading_for_response("q", 10)
    step = wait_of(plan)
    inbox.buffer.put(message(2, message_type="response", in_reply_to="q"))
    assert step.signal.done()
    result_of(plan)


def test_who_waited_in_vain_leaves_nothing_behind(inbox: Inbox, reader: Signal) -> None:
    plan = inbox.reading(inbox.buffer.has_next, 0.1)
    wait_of(plan)
    assert result_of(plan) is True, "the time was over"
    plan = inbox.reading(inbox.buffer.has_next, 10)
    wait_of(plan)
    plan.close()
    inbox._lock.leave(reader)
    assert inbox._lock.enter(Signal())
    assert inbox.buffer._listeners == set()


# --- opening, and signs of life


def test_who_opens_a_mailbox_waits_for_who_opens_it_already() -> None:
    plans = MailboxPlans("sb_1", SETTINGS, None, None)
    first, second = plans.opening(), plans.opening()
    assert isinstance(first.send(None), Execute)
    step = wait_of(second)
    first.close()
    assert step.signal.done()
    assert isinstance(second.send(None), Execute)


def test_who_waits_for_a_mailbox_that_is_closed_is_told() -> None:
    plans = MailboxPlans("sb_1", SETTINGS, None, None)
    first, second = plans.opening(), plans.opening()
    first.send(None)
    wait_of(second)
    plans.is_closed = True
    with pytest.raises(MailboxClosed):
        second.send(None)


def test_a_reader_waits_for_the_sign_of_life_that_is_being_given_and_gives_none_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    presence = Presence("sb_1", None, SETTINGS)
    presence._has_place, presence._signed_at = True, -LIFE_SECONDS
    beating = presence.beating()
    beating.send(None)
    assert isinstance(beating.send(False), Execute)
    reading = presence.confirming()
    step = wait_of(reading)
    beating.send(AWAY)
    assert step.signal.done()
    result_of(reading)
    assert isinstance(presence.confirming().send(None), Execute), "the next reader gives one"


# --- sending what waits in a spool


@pytest.fixture
def spooling(tmp_path: Path) -> Iterator[Spooling]:
    def prepared(line: bytes) -> Prepared:
        return prepare(line, shards=8)

    spool = Spool(tmp_path / "spool", 10_000)
    spool.append([raw("task.started")])
    yield Spooling(spool, prepared, 5)
    spool.close()


def until_sent(plan: Plan[Any], answer: Any = None) -> None:
    """Takes the steps up to the one that sends events."""
    step = plan.send(answer)
    while isinstance(step, Run):
        step = plan.send(step.work())
    assert isinstance(step, Execute)


def test_flushing_waits_for_who_sends_already_but_not_longer_than_said(spooling: Spooling) -> None:
    background = spooling.in_background()
    background.send(None)
    until_sent(background)
    step = wait_of(spooling.flushing(5, 0.5))
    assert step.seconds == pytest.approx(0.5, abs=0.1)
    flushing = spooling.flushing(5)
    step = wait_of(flushing)
    assert step.seconds is None
    step_of_background = background.send([b"1-0"])
    assert isinstance(step_of_background, Run)
    assert result_of(background, step_of_background.work()) is None
    assert step.signal.done()
    assert result_of(flushing) == 0, "it was sent, and is not sent again"


def test_flushing_does_not_try_what_was_just_tried_in_vain(spooling: Spooling) -> None:
    background = spooling.in_background()
    background.send(None)
    until_sent(background)
    flushing = spooling.flushing(0)
    wait_of(flushing)
    step = background.send(AWAY)
    assert isinstance(step, Run)
    background.send(step.work())
    with pytest.raises(BrokerUnavailable, match="1 events wait in the spool"):
        flushing.send(None)
