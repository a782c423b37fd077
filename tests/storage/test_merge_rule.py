"""The merge rule sentence by sentence (contract, section 3); a story is told in order and in the opposite order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, Final

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import all_rows, empty, record, row

BY_RANK: Final = ("created", "retrying", "queued", "started", "completed")


def at(second: int) -> str:
    return f"2026-01-31T12:00:{second:02d}Z"


def moment(second: int) -> datetime:
    return datetime(2026, 1, 31, 12, 0, second, tzinfo=UTC)


def told(storage: Storage, table: str, key: tuple[Any, ...], *story: Mapping[str, Any]) -> dict[str, Any]:
    """The row after the story; the same whichever way it is told."""
    record(storage, *story)
    first = row(storage, table, *key)
    empty(storage)
    record(storage, *reversed(story))
    assert row(storage, table, *key) == first
    return first


def task(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "tasks", ("task_1",), *story)


def execution(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "executions", ("exec_1",), *story)


def test_a_late_start_never_reopens_what_has_finished(storage: Storage) -> None:
    row_ = task(storage, event("task.completed", time=at(1), output=7), event("task.started", time=at(9)))
    assert (row_["status"], row_["output"], row_["finished_at"], row_["started_at"]) == (
        "completed",
        7,
        moment(1),
        moment(9),
    )


def test_a_new_attempt_reopens_it(storage: Storage) -> None:
    row_ = task(storage, event("task.failed", time=at(2)), event("task.retrying", time=at(1), attempt=2))
    assert (row_["status"], row_["attempt"], row_["error"], row_["finished_at"]) == ("retrying", 2, None, None)


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "timed_out", "skipped"])
def test_an_end_goes_before_all_else_of_its_attempt(storage: Storage, end: str) -> None:
    others = [event(f"task.{verb}", attempt=2, time=at(9)) for verb in ("created", "retrying", "queued", "started")]
    row_ = task(storage, event(f"task.{end}", attempt=2, time=at(1)), *others)
    assert (row_["status"], row_["finished_at"]) == (end, moment(1))


@pytest.mark.parametrize(("lower", "higher"), list(combinations(BY_RANK, 2)))
def test_the_greater_rank_stands_whatever_the_clock_says(storage: Storage, lower: str, higher: str) -> None:
    alone = task(storage, event(f"task.{higher}", attempt=2, time=at(1)))["status"]
    empty(storage)
    both = task(storage, event(f"task.{lower}", attempt=2, time=at(9)), event(f"task.{higher}", attempt=2, time=at(1)))
    assert both["status"] == alone


def test_of_two_ends_of_one_attempt_the_later_report_stands(storage: Storage) -> None:
    row_ = task(
        storage, event("task.completed", time=at(1), output=1, usage={"a": 1}), event("task.failed", time=at(2))
    )
    assert (row_["status"], row_["output"], row_["usage"], row_["finished_at"]) == ("failed", None, None, moment(2))


def test_running_and_paused_are_of_one_rank(storage: Storage) -> None:
    paused = event("execution.paused", time=at(2), reason="lunch")
    assert execution(storage, event("execution.started", time=at(1)), paused)["reason"] == "lunch"
    empty(storage)
    row_ = execution(storage, paused, event("execution.resumed", time=at(3)))
    assert (row_["status"], row_["reason"]) == ("running", None)


def test_a_sequence_goes_before_the_clock(storage: Storage) -> None:
    early, late = ({"sequence": number} for number in ("9", "10"))
    row_ = task(
        storage,
        event("task.completed", time=at(1), output="tenth", attributes=late),
        event("task.completed", time=at(2), output="ninth", attributes=early),
    )
    assert row_["output"] == "tenth"


def test_equal_sequences_go_on_to_the_clock(storage: Storage) -> None:
    row_ = task(
        storage,
        event("task.completed", time=at(2), output="later", attributes={"sequence": "7"}),
        event("task.completed", time=at(1), output="sooner", attributes={"sequence": "007"}),
    )
    assert row_["output"] == "later"


def test_what_has_no_time_goes_behind_what_has_one(storage: Storage) -> None:
    row_ = task(storage, event("task.completed", time=None, output="never"), event("task.completed", output="then"))
    assert row_["output"] == "then"


def test_source_and_then_id_decide_in_the_end(storage: Storage) -> None:
    stories = [event("task.completed", source=source, id=id_, output=source + id_) for source, id_ in
               (("/a", "z"), ("/b", "a"), ("/b", "\ue000"), ("/b", "\U0001f600"))]  # fmt: skip
    assert task(storage, *stories)["output"] == "/b\U0001f600"


def test_an_event_only_mentions_its_subject(storage: Storage) -> None:
    record(storage, event("task.logged", subject="task_9", time=at(3)))
    row_ = row(storage, "tasks", "task_9")
    assert (row_["status"], row_["attempt"], row_["created_at"]) == ("pending", 1, moment(3))


def test_references_need_not_exist_and_make_no_rows(storage: Storage) -> None:
    record(storage, event("task.created", execution_id="exec_7", parent_task_id="task_7"))
    rows = all_rows(storage)
    assert (list(rows["executions"]), list(rows["tasks"])) == ([], [("task_1",)])


def test_the_worker_belongs_to_the_last_start(storage: Storage) -> None:
    first, second = event("task.started", worker="w1", time=at(1)), event("task.started", attempt=2, time=at(2))
    row_ = task(storage, first, second)
    assert (row_["worker"], row_["started_at"]) == (None, moment(1))


def test_progress_belongs_to_the_last_report_and_leaves_the_status(storage: Storage) -> None:
    row_ = task(
        storage,
        event("task.completed", time=at(1)),
        event("task.progressed", progress=0.5, message="half", time=at(2)),
        event("task.progressed", progress=0.7, time=at(3)),
    )
    assert (row_["status"], row_["progress"], row_["progress_message"]) == ("completed", 0.7, None)


def test_each_field_of_a_description_belongs_to_the_last_that_carries_it(storage: Storage) -> None:
    row_ = task(
        storage,
        event("task.created", name="created", kind="k", priority=1, agent_id="a", time=at(9)),
        event("task.updated", name="updated", agent_id=None, time=at(1)),
        event("task.updated", name="updated again", time=at(2)),
    )
    assert (row_["name"], row_["kind"], row_["priority"], row_["agent_id"]) == ("updated again", "k", 1, None)


def test_null_in_created_says_nothing(storage: Storage) -> None:
    row_ = task(storage, event("task.created", name="n", time=at(1)), event("task.created", name=None, time=at(2)))
    assert row_["name"] == "n"


def test_started_at_is_the_earliest_start_of_all_attempts(storage: Storage) -> None:
    story = [
        event("execution.started", attempt=attempt, time=at(second)) for attempt, second in ((1, 5), (2, 3), (3, 9))
    ]
    assert execution(storage, *story)["started_at"] == moment(3)


def test_created_at_is_the_earliest_creation_even_where_others_are_earlier(storage: Storage) -> None:
    row_ = task(
        storage,
        event("task.started", time=at(1)),
        event("task.created", time=at(5)),
        event("task.created", time=at(4)),
        event("task.created", time=None),
    )
    assert row_["created_at"] == moment(4)


def test_created_at_is_of_any_event_where_no_creation_has_a_time(storage: Storage) -> None:
    row_ = task(
        storage, event("task.created", time=None), event("task.logged", time=at(3)), event("task.queued", time=at(4))
    )
    assert row_["created_at"] == moment(3)


def test_iterations_are_the_greatest_number_seen(storage: Storage) -> None:
    row_ = execution(
        storage,
        event("execution.checkpointed", iterations=7, time=at(1), state={"n": 1}),
        event("execution.checkpointed", iterations=3, time=at(2), state={"n": 2}),
        event("execution.completed", iterations=5, time=at(3)),
    )
    assert (row_["iterations"], row_["current_state"], row_["status"]) == (7, {"n": 2}, "completed")


def test_a_node_event_writes_its_run_and_nothing_else_of_the_execution(storage: Storage) -> None:
    row_ = execution(storage, event("node.failed", node="n", attempt=3, time=at(2)))
    assert (row_["status"], row_["attempt"], row_["error"], row_["created_at"]) == ("pending", 1, None, moment(2))


def test_a_node_has_a_row_for_each_iteration_and_attempt(storage: Storage) -> None:
    record(
        storage,
        event("node.started", node="n", input=1),
        event("node.failed", node="n"),
        event("node.retrying", node="n", attempt=2),
        event("node.completed", node="n", iteration=2, output=2, state={"s": 1}),
    )
    runs = all_rows(storage)["execution_logs"]
    assert {key[2:]: row_["status"] for key, row_ in runs.items()} == {
        (1, 1): "failed",
        (1, 2): "retrying",
        (2, 1): "completed",
    }


def test_the_end_of_an_execution_does_not_touch_its_nodes_and_tasks(storage: Storage) -> None:
    record(
        storage,
        event("node.started", node="n"),
        event("task.created", execution_id="exec_1"),
        event("execution.cancelled"),
    )
    rows = all_rows(storage)
    assert [row_["status"] for name in ("execution_logs", "tasks") for row_ in rows[name].values()] == [
        "running",
        "pending",
    ]


def test_the_recipients_are_all_that_any_event_names(storage: Storage) -> None:
    record(
        storage,
        event("message.sent", to_sandbox_ids=["a", "b", "a"]),
        event("message.delivered", to_sandbox_id="c"),
        event("message.sent", broadcast=True, workspace_id="ws", to_sandbox_ids=None),
    )
    statuses = {key[1]: row_["status"] for key, row_ in all_rows(storage)["message_deliveries"].items()}
    assert statuses == {"a": "pending", "b": "pending", "c": "delivered"}


@pytest.mark.parametrize("reached", range(1, 5))
def test_the_greatest_status_that_a_delivery_reached_stands(storage: Storage, reached: int) -> None:
    verbs = ("sent", "dispatched", "expired", "failed", "delivered")[: reached + 1]
    statuses = ("pending", "sent", "expired", "failed", "delivered")
    story = [event(f"message.{verb}", time=at(9 - place), **({"to_sandbox_ids": ["sb"]} if verb == "sent" else
             {"to_sandbox_id": "sb"} | ({"reason": "full"} if verb == "failed" else {})))
             for place, verb in enumerate(verbs)]  # fmt: skip
    row_ = told(storage, "message_deliveries", ("msg_1", "sb"), *story)
    assert (row_["status"], row_["reason"]) == (statuses[reached], "full" if reached == 3 else None)
    assert (row_["sent_at"], row_["delivered_at"]) == (moment(8), moment(5) if reached == 4 else None)


def test_a_message_known_by_its_delivery_alone_is_null(storage: Storage) -> None:
    row_ = told(storage, "messages", ("msg_1",), event("message.delivered", to_sandbox_id="sb", time=at(3)))
    assert {name: value for name, value in row_.items() if value is not None} == {
        "id": "msg_1",
        "created_at": moment(3),
    }


def test_where_nothing_has_a_time_the_row_has_the_journals(storage: Storage) -> None:
    record(storage, event("task.completed", time=None))
    row_ = row(storage, "tasks", "task_1")
    assert row_["created_at"] == row_["finished_at"]
    assert abs(row_["created_at"] - datetime.now(UTC)).total_seconds() < 60
