"""`flowledger list`: the records of every table, by the filters that its repository declares, whole at every width."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest
from rich.cells import cell_len
from sqlalchemy import select

from flowledger.cli.listing import Asked, page_of, values_of
from flowledger.cli.records import fields_of
from flowledger.storage.kinds import LISTED, MERGED
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.storage.recording import record

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "contract" / "lists.md"
HEX: Final = "0a1b2c3d4e5f60718293a4b5c6"
EXECUTION, WORKFLOW, AGENT = f"exec_{HEX}", f"wf_{HEX}", f"agent_{HEX}"
URL: Final = "https://example.org/a/long/path/which/does/not/fit/into/sixty/columns?query=1&more=2"
NAME: Final = "review the file and say what is unclear in it"
WIDTHS: Final = (60, 80, 100, 160)


def story() -> Iterable[bytes]:
    """At least one row of every table."""
    edges = {"nodes": [{"id": "a"}], "edges": [{"source": "a", "target": "b"}]}
    yield raw("execution.created", subject=EXECUTION, workflow_id=WORKFLOW, agent_id=AGENT, workspace_id="ws")
    yield raw("node.failed", subject=EXECUTION, node="review", error={"message": f"no answer of {URL}"})
    yield raw("execution.logged", subject=EXECUTION, message=f"reading {URL}", node="review", level="warning")
    yield raw("task.logged", subject="t1", message="reading", level="error")
    yield raw("task.created", subject="t1", execution_id=EXECUTION, name=NAME, agent_id=AGENT)
    yield raw("task.failed", subject="t1", error={"type": "Timeout", "message": f"no answer of {URL}"})
    yield raw("message.sent", subject="m1", from_sandbox_id="sb", to_sandbox_ids=["sb2"], thread_id="th")
    for kind in ("workspace", "sandbox", "agent", "user", "custom_node", "mcp_server", "webhook", "schedule"):
        yield raw(f"{kind}.created", subject=f"the_{kind}")
    for kind in ("collaboration", "knowledge"):
        yield raw(f"{kind}.created", subject=f"the_{kind}")
    yield raw("workflow.versioned", subject=WORKFLOW, version=1, definition=edges, note="the first")
    yield raw("metric.recorded", subject=EXECUTION, name="tokens", value=0.1, unit="1")
    yield raw("audit.logged", subject=EXECUTION, action="looked", user_id="usr", details={"why": NAME})


OWNERS: Final = {
    "execution_id": EXECUTION, "task_id": "t1", "message_id": "m1", "workflow_id": WORKFLOW, "subject": EXECUTION,
    "name": "tokens",
}  # fmt: skip


def owners(table: str) -> tuple[str, ...]:
    """The filters without which a table is not listed."""
    kind = LISTED[table]
    return kind.owned_by[0] if issubclass(kind, OwnedRepository) else ()


def owner(table: str) -> list[str]:
    """The same as options."""
    return [word for name in owners(table) for word in (f"--{name.replace('_', '-')}", OWNERS[name])]


@pytest.fixture
def told(storage: Storage) -> Storage:
    record(storage, *story())
    return storage


def test_every_table_of_records_is_listed() -> None:
    assert LISTED.keys() >= {
        "executions", "execution_logs", "tasks", "task_logs", "messages", "message_deliveries", "workspaces",
        "sandboxes", "agents", "workflows", "workflow_versions", "users", "custom_nodes", "mcp_servers", "webhooks",
        "schedules", "collaborations", "knowledge", "metrics", "metric_hours", "metric_days", "audit_logs",
    }  # fmt: skip
    assert LISTED.keys() <= {table.name for table in MERGED}, "the vault, passwords and sessions are no records"


@pytest.mark.parametrize("table", LISTED)
def test_each_table_is_listed_with_its_records_whole(run: Run, told: Storage, table: str) -> None:
    document = run("list", table, *owner(table), "--json").json
    kind = LISTED[table]
    with told.reading() as connection:
        of = [kind.table.c[name] == OWNERS[name] for name in owners(table)]
        ids = connection.execute(select(*kind.table.primary_key).where(*of)).all()
    assert document.keys() == {"total", "rows", "next"}
    assert document["next"] is None
    assert document["total"] == len(document["rows"]) == len(ids)
    names = [field.name for field in fields(kind.record)]
    assert all(list(row) == names for row in document["rows"])
    shown = run("list", table, *owner(table))
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(f"{len(ids)} {table}: newest first\n")


@pytest.mark.parametrize("table", LISTED)
def test_what_a_list_shows_are_fields_of_the_record(table: str) -> None:
    kind = LISTED[table]
    known = {field.name for field in fields(kind.record)}
    assert set(kind.told_by) <= known
    assert set(kind.filters()) <= known
    assert set(fields_of(kind)) >= {*kind.told_by, *kind.filters()} - {"id"}


@pytest.mark.parametrize("table", LISTED)
def test_each_filter_leaves_the_records_that_have_the_value(storage: Storage, table: str) -> None:
    record(storage, *story())
    kind = LISTED[table]
    needed = {name: [OWNERS[name]] for name in owners(table)}
    total, page = page_of(storage, Asked(table, needed))
    assert total == len(page.items) > 0
    for name in kind.filters():
        for value in {getattr(row, name) for row in page.items} - {None}:
            found = page_of(storage, Asked(table, {**needed, name: [value]}))
            wanted = tuple(row for row in page.items if getattr(row, name) == value)
            assert (found[0], found[1].items) == (len(wanted), wanted), name
        if not values_of(kind, name):
            assert page_of(storage, Asked(table, {**needed, name: ["nobody has this"]}))[0] == 0, name


def test_several_values_are_those_of_which_a_record_has_one(run: Run, storage: Storage) -> None:
    record(storage, *(raw(f"task.{status}", subject=status) for status in ("started", "failed", "completed")))
    found = run("list", "tasks", "--status", "failed", "--status", "running", "--json").json
    assert sorted(row["id"] for row in found["rows"]) == ["failed", "started"]
    assert found["total"] == 2


def moment(number: int) -> str:
    return f"2026-01-31T12:00:{number:02}Z"


@pytest.mark.parametrize("order", [[], ["--oldest"]])
def test_a_list_goes_on_with_the_command_that_it_prints(run: Run, storage: Storage, order: list[str]) -> None:
    record(storage, *(raw("task.created", subject=f"item_{n:02}", name="it's", time=moment(n)) for n in range(25)))
    seen: list[str] = []
    shown = run("list", "tasks", "--status", "pending", "--since", moment(1), "--limit", "10", *order)
    pages = 0
    while True:
        pages += 1
        assert shown.out.splitlines()[0].startswith("24 tasks: these are ")
        seen += re.findall(r"item_\d\d", shown.out)
        onward = re.search(r"^the next ones: flowledger (.*)$", shown.out, re.MULTILINE)
        if onward is None:
            break
        shown = run(*shlex.split(onward[1]))
    wanted = [f"item_{n:02}" for n in range(1, 25)]
    assert seen == (wanted if order else wanted[::-1])
    assert pages == 3


def test_times_offset_and_limit_choose_a_part(run: Run, storage: Storage) -> None:
    record(storage, *(raw("task.created", subject=f"t{n}", time=moment(n)) for n in range(6)))
    found = run("list", "tasks", "--since", moment(1), "--until", moment(5), "--offset", "1", "--limit", "2", "--json")
    assert [row["id"] for row in found.json["rows"]] == ["t3", "t2"]
    assert found.json["total"] == 4
    assert found.json["next"] is not None


def test_deleted_records_are_listed_if_asked_for(run: Run, storage: Storage) -> None:
    record(storage, raw("user.created", subject="u"), raw("user.deleted", subject="gone"))
    assert [row["id"] for row in run("list", "users", "--json").json["rows"]] == ["u"]
    assert {row["id"] for row in run("list", "users", "--deleted", "--json").json["rows"]} == {"u", "gone"}
    assert run("list", "users", "--deleted").out.startswith("2 users")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["exections"], "no table of records is called 'exections'; did you mean executions?"),
        (["secrets"], "no table of records is called 'secrets'; there are executions, "),
        (["users", "--workspace-id", "w"], "--workspace-id: users are listed by --role, --status"),
        (["task_logs"], "task_logs are listed of an owner: give --task-id or --execution-id"),
        (["metric_days", "--name", "n"], "give --subject and --name"),
        (["tasks", "--status", "fail"], "tasks.status is one of pending, "),
        (["tasks", "--deleted"], "--deleted: tasks are not deleted"),
        (["message_deliveries", "--message-id", "m", "--since", "2h"], "--since: message_deliveries have no time"),
        (["tasks", "--since", "yesterday"], "--since: 'yesterday' is neither a time"),
        (["tasks", "--limit", "0"], "--limit"),
    ],
)
def test_wrong_use_is_told_with_what_there_is(run: Run, arguments: list[str], words: str) -> None:
    ended = run("list", *arguments)
    assert ended.code == 2
    assert words in " ".join(ended.err.split())
    assert ended.out == ""


def test_a_cursor_of_another_list_is_refused(run: Run) -> None:
    ended = run("list", "tasks", "--after", "x")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "start again without one" in ended.err


def test_names_of_records_and_of_tables_are_understood(run: Run, told: Storage) -> None:
    assert run("list", "execution").out == run("list", "executions").out
    assert run("list", "audit-logs").out == run("list", "audit").out


def test_nothing_is_said_in_a_line(run: Run) -> None:
    assert run("list", "agents").out == "no agents\n"
    assert run("list", "agents", "--status", "retired").out == "no agents of these\n"


def test_a_list_needs_no_redis(run: Run, told: Storage) -> None:
    assert run("list", "tasks", REDIS_URL=None).code == 0


# --- at every width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        (["executions"], {EXECUTION, WORKFLOW, AGENT, "pending"}),
        (["tasks"], {"t1", EXECUTION, AGENT, URL, "failed", *NAME.split()}),
        (["execution_logs", "--execution-id", EXECUTION], {"review", URL, "failed"}),
        (["task_logs", "--execution-id", EXECUTION], {"warning", "reading", URL}),
        (["workflow_versions", "--workflow-id", WORKFLOW], {"first", "1"}),
        (["metrics"], {EXECUTION, "tokens", "0.1"}),
        (["audit_logs"], {EXECUTION, "looked", "usr", "yes", *NAME.split()}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_listed_is_whole_at_every_width(
    run: Run, told: Storage, monkeypatch: pytest.MonkeyPatch, width: int, arguments: list[str], whole: set[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("list", *arguments).out.splitlines()
    words = {word.strip('"{}:,') for line in lines for word in re.split(r"[\s│]+", line)}
    assert whole - words == set()
    for line in lines:
        assert cell_len(line.rstrip()) <= width or len(line.split()) <= 2, "only a word that is too long runs on"


def test_a_list_cannot_be_used_to_write_to_a_terminal(run: Run, storage: Storage) -> None:
    record(storage, raw("task.created", subject="t", name="\x1b[31mred\x1b]0;title\x07 [bold]x[/bold]"))
    shown = run("list", "tasks").out
    assert "\x1b" not in shown
    assert "[bold]x[/bold]" in shown


def test_what_all_rows_lack_or_share_by_a_filter_takes_no_room(run: Run, told: Storage) -> None:
    shown = run("list", "tasks", "--execution-id", EXECUTION).out
    assert EXECUTION not in shown
    assert "user_id" not in shown


def test_the_filters_of_each_table_are_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([\w ]+)`", DOCUMENT.read_text(), re.MULTILINE)
    assert [(table, *filters.split()) for table, filters in rows] == [
        (table, *kind.filters()) for table, kind in LISTED.items()
    ]
