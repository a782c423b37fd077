"""Messages as an exchange, the journal, and any id by its page."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw
from tests.storage.recording import by_hand, record, without_text
from tests.web.run import CHILD, FAILED_TASK, HOSTILE, RUN, at, record_run, run_events
from tests.web.site import Response, Site

MESSAGES: Final = "/ledger/messages"
EVENTS: Final = "/ledger/events"


@pytest.fixture
def run(site: Site, storage: Storage) -> Site:
    """The site of a ledger with one failed execution, in which a message waits, and another message was delivered."""
    record_run(storage)
    answer = event("message.sent", subject="msg_2", time=at(11), from_sandbox_id="sb_b", to_sandbox_ids=["sb_a"],
                   thread_id="thread_1", content="yes", in_reply_to="msg_1")  # fmt: skip
    taken = event("message.delivered", subject="msg_2", time=at(12), to_sandbox_id="sb_a")
    record(storage, answer, taken, start=100)
    return site


def test_messages_are_found_by_filters(run: Site) -> None:
    cases: tuple[tuple[dict[str, str], list[str]], ...] = (
        ({}, ["msg_1", "msg_2"]),
        ({"sandbox": "sb_b"}, ["msg_1", "msg_2"]),
        ({"sandbox": "sb_c"}, []),
        ({"workspace_id": "ws_1"}, ["msg_1"]),
        ({"thread_id": "thread_1"}, ["msg_1", "msg_2"]),
        ({"execution_id": RUN}, ["msg_1"]),
        ({"task_id": FAILED_TASK}, ["msg_1"]),
        ({"waiting": "1"}, ["msg_1"]),
        ({"waiting": "1", "sandbox": "sb_a"}, ["msg_1"]),
        ({"since": at(10)}, ["msg_2"]),
    )
    for filters, found in cases:
        page = run.get(f"{MESSAGES}?{urlencode(filters)}")
        assert page.queries <= 5
        assert [id_ for id_ in ("msg_1", "msg_2") if f"/ledger/messages/{id_}" in page.text] == found, filters
        assert f"Messages {len(found)} " in page.words


def test_a_message_has_its_deliveries_and_its_thread(run: Site) -> None:
    page = run.get(f"{MESSAGES}/msg_2")
    assert page.queries <= 5
    assert "sb_a delivered" in page.words
    thread = page.words[page.words.index("The exchange thread_1") :]
    assert thread.index("msg_1") < thread.index("msg_2")
    assert "→ sb_b pending" in thread
    assert "→ sb_a delivered 2026-03-01 12:00:12.000" in thread


def test_events_are_found_by_filters(run: Site) -> None:
    cases: tuple[tuple[dict[str, str], int], ...] = (
        ({}, len(run_events()) + 2),
        ({"subject": FAILED_TASK}, 5),
        ({"subject": FAILED_TASK, "type": "task.logged"}, 2),
        ({"type": "node.*"}, 4),
        ({"type": "node.started"}, 2),
        ({"source": "/tests", "subject": CHILD}, 3),
        ({"source": "/others"}, 0),
        ({"since": "1h"}, len(run_events()) + 2),
        ({"until": "1h"}, 0),
    )
    for filters, count in cases:
        page = run.get(f"{EVENTS}?{urlencode(filters)}")
        assert page.queries <= 4
        assert f"Events {count} the journal" in page.words, filters


def test_an_event_has_its_exact_text(site: Site, storage: Storage) -> None:
    text = (
        '{"specversion": "1.0",  "id":"e1", "source":"/a b", "type":"task.created", "subject":"t",'
        ' "data":{"name":"é<b>"}}'
    )
    record(storage, text.encode())
    page = site.get("/ledger/event", source="/a b", id="e1")
    assert page.queries <= 2
    assert text in page.unescaped
    assert json.dumps(json.loads(text), indent=2, ensure_ascii=False) in page.unescaped
    assert "<b>" not in page.text
    plain = site.get("/ledger/event", source="/a b", id="e1", text="1")
    assert plain.text == text
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert plain.headers["X-Content-Type-Options"] == "nosniff"


def test_an_event_whose_text_is_gone_still_has_its_page(site: Site, storage: Storage) -> None:
    record(storage, raw("task.created", id="e1", subject="t"))
    by_hand(storage, without_text("e1"))
    page = site.get("/ledger/event", source="/tests", id="e1")
    assert "The text of this event is gone" in page.words
    assert site.get("/ledger/event", source="/tests", id="e1", text=1).status == 404


def test_any_id_goes_to_its_page(run: Site, storage: Storage) -> None:
    record(storage, event("agent.created", subject="agent_1"), event("workspace.created", subject="a/b c?"), start=200)
    letter = run.get("/ledger/dead-letters").attribute('class="mono" href').rpartition("/")[2]
    for id_, path in (
        (RUN, f"/ledger/executions/{RUN}"),
        (FAILED_TASK, f"/ledger/tasks/{FAILED_TASK}"),
        ("msg_1", "/ledger/messages/msg_1"),
        ("agent_1", "/ledger/record/agent/agent_1"),
        ("a/b c?", f"/ledger/record/workspace/{quote('a/b c?')}"),
        (letter, f"/ledger/dead-letters/{letter}"),
    ):
        found = run.get("/ledger/find", q=f" {id_} ")
        assert (found.status, found.headers["Location"]) == (302, path)
        assert run.get(path).status == 200
    assert "No record has this id" in run.get("/ledger/find", q="nothing").words
    assert run.get("/ledger/find").status == 200


def test_an_id_of_several_records_leads_to_each(site: Site, storage: Storage) -> None:
    record(storage, event("task.created", subject="same"), event("agent.created", subject="same"))
    page = site.get("/ledger/find", q="same")
    assert "/ledger/tasks/same" in page.text
    assert "/ledger/record/agent/same" in page.text
    assert "task.created" in page.words


def test_a_record_has_its_fields_its_events_and_what_was_done_to_it(site: Site, storage: Storage) -> None:
    record(
        storage,
        event("agent.created", subject="agent_1", name="Ada", workspace_id="ws_1"),
        event("audit.logged", subject="agent_1", action="agent.changed", user_id="user_1", success=True),
        event("metric.recorded", subject="agent_1", name="latency", value=1.5),
    )
    page = site.get("/ledger/record/agent/agent_1")
    assert page.status == 200
    for words in ("Agent Ada", "workspace id ws_1", "agent.changed", "latency", "agent.created"):
        assert words in page.words, words


def test_contents_cannot_harm_a_page(site: Site, storage: Storage) -> None:
    record_run(storage, HOSTILE)
    record(
        storage,
        event("agent.created", subject=HOSTILE, name=HOSTILE),
        event("execution.created", subject=f"e{HOSTILE}", workflow_id=HOSTILE),
        start=3000,
    )
    paths = [
        "/ledger/executions", f"/ledger/executions/{RUN}", "/ledger/tasks", f"/ledger/tasks/{FAILED_TASK}",
        "/ledger/messages", "/ledger/messages/msg_1", "/ledger/events",
        f"/ledger/record/agent/{quote(HOSTILE, safe='')}",
        f"/ledger/executions/{quote('e' + HOSTILE, safe='')}",
        *(f"/ledger/executions/{RUN}?tab={tab}" for tab in ("logs", "messages", "events", "data", "measured")),
    ]  # fmt: skip
    pages = {path: site.get(path) for path in paths}
    pages["find"] = site.get("/ledger/find", q=HOSTILE + "x")
    for path, page in pages.items():
        assert page.status == 200, path
        assert _harm(page) == [], path
        assert "alert(1)" in page.text or path.endswith(("measured", "tab=events")), path


def test_a_filter_cannot_harm_a_page(site: Site) -> None:
    """It stands in its field as it was given."""
    for path in ("executions", "tasks", "messages", "events"):
        page = site.get(f"/ledger/{path}", workspace_id=HOSTILE, source=HOSTILE)
        assert "<script>alert" not in page.text
        assert HOSTILE in page.unescaped


def _harm(page: Response) -> list[str]:
    """What of the hostile text came through."""
    signs = ("<script>alert", "\u202e", "\x1b", " style=", "onerror=", "javascript:")
    return [sign for sign in signs if sign in page.text]


def test_pages_are_for_whoever_signed_in(site: Site) -> None:
    for path in ("executions", "executions/x", "tasks", "tasks/x", "messages", "messages/x", "events", "event", "find",
                 "record/agent/x"):  # fmt: skip
        assert site.get(f"/ledger/{path}", signed_in=False).status == 401


def test_an_event_is_set_out_with_its_numbers_and_escapes_as_they_are(site: Site, storage: Storage) -> None:
    text = raw("task.completed", id="e1", subject="t", output=["here", {}, []]).decode()
    record(storage, text.replace('"here"', r'[1e400, -1E-400, 1.50, "\u00e9\n"]').encode())
    page = site.get("/ledger/event", source="/tests", id="e1").unescaped
    for line in ("1e400,", "-1E-400,", "1.50,", r'"\u00e9\n"', "{},", "[]"):
        assert f"        {line}\n" in page or f"      {line}\n" in page, line
    assert "Infinity" not in page


def test_the_deepest_values_and_numbers_that_no_double_holds_are_shown(site: Site, storage: Storage) -> None:
    value = "here"
    for place in range(498):
        value = [value] if place % 2 else {"a": value}  # type: ignore[assignment]
    events = [
        raw("execution.created", subject="e", time="2026-01-31T12:00:00Z"),
        raw("execution.completed", id="e1", subject="e", output=value),
        raw("task.completed", subject="t", output=value, attempt=1),
        raw("message.sent", subject="m", execution_id="e", content=value, to_sandbox_ids=["sb"]),
        raw("execution.logged", subject="e", message="a line", context={"a": "here"}),
        raw("sandbox.created", subject="sb", agent_config={"a": "here"}),
    ]
    record(storage, *(one.replace(b'"here"', b"1e400") for one in events))
    paths = [
        *(f"executions/e{tab}" for tab in ("", "?tab=data", "?tab=messages", "?tab=logs", "?tab=events")),
        "tasks/t?tab=data", "messages", "messages/m", "record/sandbox/sb", "event?source=/tests&id=e1",
    ]  # fmt: skip
    for path in paths:
        page = site.get(f"/ledger/{path}")
        assert page.status == 200, path
        assert "1E+400" not in page.text
    assert "1" + "0" * 400 in site.get("/ledger/executions/e?tab=data").text
