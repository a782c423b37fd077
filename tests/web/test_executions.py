"""Executions and tasks: found by filters, read as a timeline, the failures first."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import record
from tests.web.run import CHILD, FAILED_TASK, OK_TASK, RUN, STUCK_TASK, at, record_run
from tests.web.site import Site

LISTS: Final = "/ledger/executions"
ONE: Final = f"/ledger/executions/{RUN}"


@pytest.fixture
def run(site: Site, storage: Storage) -> Site:
    """The site of a ledger with one failed execution, its child and its tasks."""
    record_run(storage)
    return site


def test_executions_are_listed_with_what_they_did(run: Site) -> None:
    page = run.get(LISTS)
    assert page.status == 200
    assert page.queries <= 4
    assert f"failed {RUN} wf_1 agent_1" in page.words
    assert "20.000 s" not in page.words  # from the start, which was a second later
    assert "19.000 s 3 1 ToolError: the tool did not answer" in page.words
    assert page.text.index(CHILD) < page.text.index(f">{RUN}<")  # newest first


FILTERS: Final[tuple[tuple[dict[str, str], list[str]], ...]] = (
    ({"failed": "1"}, [RUN]),
    ({"status": "completed"}, [CHILD]),
    ({"status": "failed", "workflow_id": "wf_1"}, [RUN]),
    ({"workflow_id": "wf_2", "failed": "1"}, []),
    ({"workspace_id": "ws_1"}, [RUN]),
    ({"agent_id": "agent_1", "user_id": "user_1"}, [RUN]),
    ({"parent_execution_id": RUN}, [CHILD]),
    ({"since": at(3)}, [CHILD]),
    ({"until": at(3)}, [RUN]),
    ({"since": "1h"}, []),
    ({"failed": "1", "since": at(19), "until": at(21)}, [RUN]),
    ({"failed": "1", "since": at(21)}, []),
)


def test_executions_are_found_by_filters_that_stick(run: Site) -> None:
    for filters, found in FILTERS:
        page = run.get(f"{LISTS}?{urlencode(filters)}")
        assert [id_ for id_ in (RUN, CHILD) if f"/ledger/executions/{id_}" in page.text] == found, filters
        assert f"Executions {len(found)} " in page.words
        for name in filters.keys() - {"failed", "status"}:
            assert f'name="{name}"' in page.text
            assert f'value="{filters[name]}"' in page.text
        assert ("checked" in page.text) == ("failed" in filters)


def test_a_wrong_filter_is_an_error_in_words(run: Site) -> None:
    wrong = ({"status": "nonsense"}, {"since": "yesterday"}, {"after": "nonsense"}, {"until": "9999999999w"})
    for path in (LISTS, "/ledger/tasks"):
        for filters in wrong:
            page = run.get(f"{path}?{urlencode(filters)}")
            assert page.status == 400
            assert "an error of Flowledger" not in page.words


def test_pages_go_on_and_back(site: Site, storage: Storage) -> None:
    record(storage, *(event("execution.created", subject=f"e{n:03}", time=at(n)) for n in range(120)))
    first = site.get(LISTS)
    assert "Executions 120 " in first.words
    second = site.get(first.link("next"))
    third = site.get(second.link("next"))
    shown = [[f"e{n:03}" for n in range(120) if f">e{n:03}<" in page.text] for page in (first, second, third)]
    assert [len(ids) for ids in shown] == [50, 50, 20]
    assert sorted([*shown[0], *shown[1], *shown[2]]) == [f"e{n:03}" for n in range(120)]
    assert 'rel="next"' not in third.text
    assert site.get(third.link("prev")).shown == second.shown
    assert site.get(site.get(third.link("prev")).link("prev")).shown == first.shown


def test_the_timeline_shows_failures_first_with_their_reason(run: Site) -> None:
    page = run.get(ONE)
    assert page.status == 200
    assert page.queries <= 16
    words = page.words
    assert words.index("What failed") < words.index("Timeline 2026")
    failures = words[words.index("What failed") : words.index("How it was reported")]
    assert "ToolError: the tool did not answer" in failures
    assert "node act" in failures
    assert f"/ledger/tasks/{FAILED_TASK}" in page.text
    assert "last log line 2026-03-01 12:00:09.000 error gave up: the tool did not answer" in failures
    assert "open dead letter task.progressed invalid_data: data.progress" in failures
    assert "/ledger/dead-letters/dead_" in page.text


def test_the_timeline_draws_every_part_on_one_axis(run: Site) -> None:
    page = run.get(ONE)
    assert "Node runs 2" in page.words
    assert "Child executions 1" in page.words
    assert "Tasks 3 1 completed 1 failed 1 pending" in page.words
    assert page.text.count('class="run-line') == 1 + 1 + 2 + 1 + 3
    for id_ in (OK_TASK, FAILED_TASK, STUCK_TASK):
        assert f"/ledger/tasks/{id_}" in page.text
    # 5 s to 25 s, the end of the child: the execution took 19 s of 25 s, from 1 s on
    assert '<rect x="4.0%" width="76.0%"' in page.text
    assert "0 5 s 10 s 15 s 20 s 25 s" in page.words


def test_gaps_and_late_reports_are_marked(run: Site) -> None:
    words = run.get(ONE).words
    assert "never started" in words
    assert "ended 5.000 s after the execution" in words
    assert "events were recorded more than a minute after their time" in words


def test_missing_numbers_are_named(site: Site, storage: Storage) -> None:
    numbered = [
        event("execution.logged", subject=RUN, attributes={"sequence": str(number)}) for number in (1, 2, 3, 6, 7)
    ]
    record(storage, *numbered)
    assert "/tests numbers its events 1 to 7; missing here: 4 to 5" in site.get(ONE).words


def test_usage_is_summed_by_level(run: Site) -> None:
    words = run.get(ONE).words
    assert "tokens cost_usd" in words or "cost_usd tokens" in words
    assert "the execution 22" in words
    assert "its node runs, summed 5" in words
    used = words[words.index("its tasks, summed") :][:40]
    assert "17" in used
    assert "0.75" in used


def test_the_tabs_of_an_execution(run: Site) -> None:
    logs = run.get(ONE, tab="logs")
    assert logs.queries <= 4
    order = [logs.words.index(words) for words in ("calling the tool", "gave up: the tool", "stopping: the tool")]
    assert order == sorted(order)
    assert "calling the tool" not in run.get(ONE, tab="logs", level="warning").words
    assert "gave up" not in run.get(ONE, tab="logs", of="own").words
    messages = run.get(ONE, tab="messages")
    assert "sb_a" in messages.words
    assert "→ sb_b pending" in messages.words
    events = run.get(ONE, tab="events")
    assert events.queries <= 6
    for words in ("task.failed", "node.failed", "execution.completed", CHILD):
        assert words in events.words
    assert "message.sent" in events.words
    assert "second line" in run.get(ONE, tab="data").text
    assert run.get(ONE, tab="measured").status == 200
    assert run.get(ONE, tab="nonsense").status == 404


def test_a_log_is_followed_from_its_last_line(run: Site, storage: Storage) -> None:
    page = run.get(ONE, tab="logs")
    last = page.attribute("data-last")
    assert run.get(ONE, tab="logs", part="lines", after=last).words.strip() == ""
    record(storage, event("task.logged", subject=FAILED_TASK, time=at(30), message="one more"), start=2000)
    more = run.get(ONE, tab="logs", part="lines", after=last)
    assert "one more" in more.words
    assert "gave up" not in more.words
    assert "<html" not in more.text
    assert more.attribute("data-last") != last


def test_a_task_has_its_error_its_last_lines_and_its_dead_letters(run: Site) -> None:
    page = run.get(f"/ledger/tasks/{FAILED_TASK}")
    assert page.queries <= 5
    assert "ToolError: the tool did not answer" in page.words
    assert page.words.index("calling the tool") < page.words.index("gave up")
    assert "open dead letter task.progressed" in page.words
    assert "calling the tool" in run.get(f"/ledger/tasks/{FAILED_TASK}", tab="logs").words
    assert "→ sb_b pending" in run.get(f"/ledger/tasks/{FAILED_TASK}", tab="messages").words
    assert "task.failed" in run.get(f"/ledger/tasks/{FAILED_TASK}", tab="events").words
    assert "no such" not in run.get("/ledger/tasks", execution_id=RUN, failed="1").words
    failed = run.get("/ledger/tasks", execution_id=RUN, failed="1")
    assert "Tasks 1 " in failed.words
    assert FAILED_TASK in failed.text
    assert OK_TASK not in failed.text


def test_what_is_not_recorded_is_not_found(run: Site) -> None:
    for path in ("/ledger/executions/none", "/ledger/tasks/none", "/ledger/messages/none", "/ledger/record/agent/none"):
        page = run.get(path)
        assert page.status == 404
        assert "nothing is recorded of this" in page.words
    assert run.get("/ledger/event", source="/tests", id="none").status == 404
    assert run.get("/ledger/record/nonsense/none").status == 404
