"""`flowledger show`: each kind of record, as a person reads it."""

from __future__ import annotations

import json

import pytest

from flowledger.storage.kinds import KINDS
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.unit_of_work import Storage
from tests.builders import entries, raw
from tests.cli.calling import Run
from tests.storage.recording import recorder


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `test_up` runs the same commands on both."""
    return sqlite_url


WITH_SUBJECTS = [kind for kind in KINDS if kind.repository is not None]


@pytest.mark.parametrize("kind", WITH_SUBJECTS, ids=lambda kind: str(kind.name))
def test_show_shows_each_kind(run: Run, storage: Storage, kind: Kind) -> None:
    recorder(storage).record(entries([raw(next(iter(kind.events)).event_type, subject="the_one")]))
    assert "the_one" in run("show", "the_one").out
    shown = json.loads(run("show", "--json", "the_one").out)
    assert shown[kind.name]["id"] == "the_one"
    assert [other.name for other in WITH_SUBJECTS if shown[other.name] is not None] == [kind.name]


def test_show_tells_which_version_of_a_workflow_is_published_and_what_is_wrong_with_it(
    run: Run, storage: Storage
) -> None:
    definition = {"nodes": [{"id": "a"}], "edges": [{"source": "a", "target": "b"}]}
    events = [
        raw("workflow.versioned", subject="wf", version=1, definition=definition, note="the first"),
        raw("workflow.versioned", subject="wf", version=2, definition={}),
        raw("workflow.published", subject="wf", version=1),
    ]
    recorder(storage).record(entries(events))
    first = next(line for line in run("show", "wf").out.splitlines() if "published" in line and "the first" in line)
    assert "edges.0.target is no node's id: 'b'" in first
    assert [one["version"] for one in json.loads(run("show", "--json", "wf").out)["versions"]] == [2, 1]


def test_show_shows_a_conversation_and_what_became_of_each_message(run: Run, storage: Storage) -> None:
    asked = {"from_sandbox_id": "alice", "to_sandbox_ids": ["bob", "carol"], "content": "are you\nthere?"}
    answered = {"from_sandbox_id": "bob", "to_sandbox_ids": ["alice"], "content": {"text": "yes"}, "in_reply_to": "m1"}
    sent = [
        raw("message.sent", subject="m1", thread_id="talk", **asked),
        raw("message.sent", subject="m2", thread_id="talk", time="2026-01-31T12:00:05Z", **answered),
        raw("message.delivered", subject="m1", to_sandbox_id="bob", time="2026-01-31T12:00:03Z"),
        raw("message.failed", subject="m1", to_sandbox_id="carol", reason="asleep"),
    ]
    recorder(storage).record(entries(sent))
    shown = [" ".join(line.strip(" │").split()) for line in run("show", "talk").out.splitlines()]
    assert shown[0].startswith("╭─ conversation talk, 2 messages")
    assert shown[1:-1] == [
        "2026-01-31 UTC",
        "12:00:00.000 alice request m1",
        "are you",
        "there?",
        "→ bob delivered 12:00:03.000",
        "→ carol failed asleep",
        "12:00:05.000 bob request to m1 m2",
        "yes",
        "→ alice pending",
    ]
    thread = json.loads(run("show", "--json", "talk").out)["thread"]
    assert [(one["message"]["id"], len(one["deliveries"])) for one in thread] == [("m1", 2), ("m2", 1)]


def test_show_shows_a_workspace_with_its_sandboxes(run: Run, storage: Storage) -> None:
    healthy = {"status": "healthy", "checked_at": "2026-01-31T12:00:00Z"}
    recorder(storage).record(entries([
        raw("workspace.created", subject="ws", name="the lab"),
        raw("sandbox.created", subject="sb_old", workspace_id="ws", name="Ada", time="2026-01-31T11:00:00Z"),
        raw("sandbox.started", subject="sb_old", time="2026-01-31T11:00:05Z"),
        raw("sandbox.created", subject="sb_new", workspace_id="ws", agent_id="agent_b", health=healthy),
        raw("sandbox.created", subject="sb_other", workspace_id="elsewhere"),
    ]))  # fmt: skip
    shown = run("show", "ws").out
    assert "the lab" in shown
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "sb_" in line]
    assert rows == [
        ["sb_new", "", "provisioning", "2026-01-31 12:00:00.000", "agent_b", "healthy"],
        ["sb_old", "Ada", "running", "2026-01-31 11:00:05.000", "", ""],
    ]
    document = json.loads(run("show", "--json", "ws").out)
    assert [sandbox["id"] for sandbox in document["sandboxes"]] == ["sb_new", "sb_old"]


def test_show_finds_an_id_that_only_metrics_or_audit_lines_know(run: Run, storage: Storage) -> None:
    recorder(storage).record(entries([
        raw("metric.recorded", subject="host-7", name="load", value=0.5, unit="1"),
        raw("audit.logged", subject="door-3", action="opened", user_id="usr_1", success=False),
    ]))  # fmt: skip
    shown = run("show", "host-7")
    assert shown.code == 0
    assert {"load", "0.5"} <= set(shown.out.split())
    document = run("show", "--json", "door-3").json
    (line,) = document["audit"]
    assert (line["resource_id"], line["action"], line["success"]) == ("door-3", "opened", False)
    assert document["metrics"] == []


def test_metrics_and_audit_lines_stand_beside_the_record_that_they_are_about(run: Run, storage: Storage) -> None:
    recorder(storage).record(entries([
        raw("task.created", subject="t"),
        raw("metric.recorded", subject="t", name="tokens", value=7),
        raw("audit.logged", subject="t", action="retried"),
        raw("audit.logged", subject="u", action="looked"),
    ]))  # fmt: skip
    shown = run("show", "t").out
    assert all(word in shown for word in ("task t", "tokens", "retried"))
    assert "looked" not in shown


def test_show_shows_a_sandbox_and_what_it_says_of_itself(run: Run, storage: Storage) -> None:
    recorder(storage).record(entries([
        raw("sandbox.created", subject="sb", connection={"host": "h", "port": 8080}, resource_limits={"cpu": 0.5}),
        raw("sandbox.failed", subject="sb", time="2026-01-31T12:00:01Z", error={"type": "Oom", "message": "no memory"}),
    ]))  # fmt: skip
    shown = run("show", "sb").out
    assert "sandbox sb error" in shown
    facts = [line.strip("│ \n").split(None, 1) for line in shown.splitlines()[1:-1]]
    assert facts == [
        ["resource_limits", '{"cpu": 0.5}'],
        ["connection", '{"host": "h", "port": 8080}'],
        ["error", "Oom: no memory"],
        ["created_at", "2026-01-31 12:00:00.000"],
        ["status_at", "2026-01-31 12:00:01.000"],
    ]


def test_show_cannot_be_used_to_write_to_a_terminal(run: Run, storage: Storage) -> None:
    event = raw("task.created", subject="t", name="\x1b[31mred\x1b]0;title\x07 [bold]markup[/bold]")
    recorder(storage).record(entries([event]))
    shown = run("show", "t").out
    assert "\x1b" not in shown
    assert "\\x1b[31mred" in shown
    assert "[bold]markup[/bold]" in shown


def test_what_is_not_there_is_said_in_one_line(run: Run) -> None:
    done = run("show", "nobody")
    assert done.code == 1
    assert done.err.startswith("error: nothing recorded has the id 'nobody'")
    assert done.err.count("\n") == 1
