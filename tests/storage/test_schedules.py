"""Schedules: the merge rule, what fires, time zones that go, look-ups (contract, sections 3 to 5)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from flowledger.domain import time_zones
from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import WIDEST
from flowledger.storage.kinds.schedules import ScheduleRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import event, parsed, raw
from tests.domain.refusing import refusal
from tests.storage.recording import record
from tests.storage.test_merge_rule import at, moment, told


def schedule(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "schedules", ("sched_1",), *story)


def fired(second: int, due: int, execution: str, **more: Any) -> dict[str, Any]:
    return event("schedule.fired", time=at(second), due_at=at(due), execution_id=execution, **more)


def test_the_greatest_due_time_stands_whatever_came_last(storage: Storage) -> None:
    row = schedule(
        storage,
        event("schedule.created", time=at(1), expression="* * * * *"),
        fired(9, 10, "e10"),
        fired(8, 30, "e30"),
        fired(7, 20, "e20", attributes={"sequence": "9"}, attempt=5),
    )
    assert (row["last_due_at"], row["last_execution_id"]) == (moment(30), "e30")
    assert (row["status"], row["created_at"], row["updated_at"]) == ("enabled", moment(1), moment(9))


def test_among_equal_due_times_the_greatest_execution_stands_by_code_point(storage: Storage) -> None:
    row = schedule(storage, fired(1, 5, "\ue000"), fired(1, 5, "\U0001f600"), fired(1, 5, "e"), fired(1, 5, "é"))
    assert (row["last_due_at"], row["last_execution_id"]) == (moment(5), "\U0001f600")


def test_a_due_time_counts_as_the_instant_that_it_is(storage: Storage) -> None:
    row = schedule(
        storage,
        event("schedule.fired", due_at="2026-01-31T14:00:00+02:00", execution_id="e1"),
        event("schedule.fired", due_at="2026-01-31T12:00:00.000001Z", execution_id="e0"),
        event("schedule.fired", due_at="2026-01-31T13:30:00+05:00", execution_id="e2"),
    )
    assert row["last_execution_id"] == "e0"


@pytest.mark.parametrize("source", ["/tests", "/flowledger", "/flowledger/schedules/1", "/flowledger/schedule"])
def test_only_the_ledger_says_that_a_schedule_fired(source: str) -> None:
    assert refusal(raw("schedule.fired", source=source)) == (Reason.INVALID_ENVELOPE, "source")
    assert refusal(raw("schedule.created", source=source)) is None


def test_times_stand_in_utc_and_null_clears_them(storage: Storage) -> None:
    row = schedule(
        storage,
        event("schedule.created", time=at(1), starts_at="2026-01-31T14:00:00.1234567+02:00", ends_at=at(9)),
        event("schedule.updated", time=at(2), ends_at=None),
    )
    assert (row["starts_at"], row["ends_at"]) == (datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC), None)


def test_expression_and_zone_stand_as_they_were_written(storage: Storage) -> None:
    row = schedule(
        storage,
        event("schedule.created", time=at(1), expression=" 0\t9 * JAN Mon", timezone="Etc/GMT+5", input=[None]),
        event("schedule.disabled", time=at(2), reason="holiday"),
    )
    assert (row["expression"], row["timezone"], row["input"]) == (" 0\t9 * JAN Mon", "Etc/GMT+5", [None])
    assert (row["status"], row["reason"]) == ("disabled", "holiday")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("@daily", "must be five fields of cron, like `30 9 * * 1-5`, or an interval, like 90s, 15m, 2h or 1d"),
        ("0m", "must be an interval of at least one second"),
        ("0 0 31 2 *", "must be due on some day: no such month has such a day"),
        (
            "* 24 * * *",
            "must have in the field of the hour a number from 0 to 23, a range, `*`, a step (`/2`) after a range or "
            "`*`, a list of these",
        ),
        (
            "* * * * mon-fri",
            "must have in the field of the day of the week a number from 0 to 7, a range, `*`, a step (`/2`) after a "
            "range or `*`, a list of these, or one name, like mon",
        ),
    ],
)
def test_the_words_of_a_refusal_say_what_is_wanted(expression: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        parsed("schedule.created", expression=expression)
    assert str(caught.value) == f"data.expression: {words}"


@pytest.mark.parametrize(
    ("expression", "is_good"),
    [
        ("1," * 300_000 + "1 * * * *", True),
        ("1 * * * " + "1-7,*/2," * 100_000 + "8", False),
        ("9" * 900_000 + "s", True),
        ("0" * 900_000 + "s", False),
        ("* " * 400_000, False),
        ("*/9" * 200_000, False),
    ],
    ids=["numbers", "ranges", "an interval", "zeros", "fields", "steps"],
)
def test_a_long_expression_is_judged_at_once(expression: str, is_good: bool) -> None:
    body = raw("schedule.created", expression=expression)
    began = time.process_time()
    assert (refusal(body) is None) == is_good
    assert time.process_time() - began < 5


def test_a_zone_that_has_gone_is_refused_but_stays_readable(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    body = raw("schedule.created", timezone="Europe/Kyiv")
    record(storage, body)
    left = time_zones.time_zones() - {"Europe/Kyiv"}
    monkeypatch.setattr("flowledger.domain.kinds.schedules.time_zones", lambda: left)
    assert refusal(body) == (Reason.INVALID_DATA, "data.timezone")
    assert parse(body, WIDEST).data.model_dump(exclude_unset=True) == {"timezone": "Europe/Kyiv"}
    assert verify(storage).first == []


def test_schedules_of_a_workflow_are_found(storage: Storage) -> None:
    record(
        storage,
        event("schedule.created", subject="a", time=at(1), workflow_id="wf", name="daily"),
        event("schedule.created", subject="b", time=at(2), workflow_id="wf", workspace_id="ws"),
        event("schedule.created", subject="c", time=at(3), user_id="u"),
        event("schedule.deleted", subject="b", time=at(4)),
    )
    with storage.reading() as connection:
        schedules = ScheduleRepository(connection)
        assert [one.id for one in schedules.newest(workflow_id="wf").items] == ["a"]
        assert [one.id for one in schedules.newest(workflow_id="wf", deleted=True).items] == ["b", "a"]
        assert [one.id for one in schedules.newest(user_id="u", status="enabled").items] == ["c"]
        named = schedules.by_name("daily")
        assert named is not None
        assert named.id == "a"
