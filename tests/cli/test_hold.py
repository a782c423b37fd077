"""`flowledger hold …`: what is held, what it says, and that somebody is asked before a hold ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flowledger.domain.times import now
from flowledger.storage.retention import horizons
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.storage.recording import by_hand, record, without_text


@pytest.fixture(autouse=True)
def _recorded(storage: Storage) -> None:
    record(
        storage,
        raw("workspace.created", subject="ws_1"),
        raw("execution.created", subject="ex_1", workspace_id="ws_1"),
        raw("task.created", subject="t_1", id="evt_t"),
    )


def test_holds_are_added_listed_and_removed(run: Run) -> None:
    assert run("hold", "list") == (0, "nothing is held\n", "")
    added = run("hold", "add", "workspace", "ws_1", "ws_9", "--why", "case 7", "--by", "ada")
    assert added == (
        0,
        "workspace ws_1 is held; with 1 subject that belongs to it\n"
        "workspace ws_9 is held; no workspace of this id is recorded: what will be recorded of it is held\n",
        "",
    )
    again = run("hold", "add", "workspace", "ws_1", "--why", "case 8").out
    assert again.startswith("workspace ws_1 is held already, since 20")
    assert " by ada: case 7;" in again
    shown = run("hold", "list").out
    assert all(one in shown for one in ("workspace", "ws_1", "ws_9", "case 7", "ada"))
    first = run("hold", "list", "--limit", "1", "--json").json
    assert [one["id"] for one in first["holds"]] == ["ws_1"]
    assert f"--after {first['next']}" in run("hold", "list", "--limit", "1").out
    assert [one["id"] for one in run("hold", "list", "--after", first["next"], "--json").json["holds"]] == ["ws_9"]
    assert run("hold", "remove", "workspace", "ws_1", "ws_9").out == (
        "workspace ws_1 is not held any more; workspace ws_9 is not held any more; "
        "3 subjects released, of which nothing goes: texts and rows do not go by age so far\n"
    )
    unknown = run("hold", "remove", "workspace", "ws_1")
    assert (unknown.code, unknown.out) == (1, "")
    assert "there is no hold of the workspace 'ws_1'; see `flowledger hold list`" in unknown.err


def test_json_has_the_counts(run: Run, storage: Storage) -> None:
    by_hand(storage, without_text("evt_t"))
    with storage.writing() as connection:
        horizons.move(connection, "texts", now() + timedelta(days=1), at=now())
    (added,) = run("hold", "add", "subject", "t_1", "--why", "case 7", "--by", "ada", "--json").json["holds"]
    assert added.pop("added_at").endswith("Z")
    assert added == {
        "what": "subject", "id": "t_1", "why": "case 7", "added_by": "ada", "is_new": True, "is_recorded": True,
        "subjects": 1, "texts_gone": 1, "rows_gone_before": None,
    }  # fmt: skip
    assert run("hold", "remove", "subject", "t_1", "--json").json == {
        "what": "subject", "ids": ["t_1"], "subjects": 1, "texts": 0, "rows": 0, "goes": True
    }  # fmt: skip


def test_what_goes_and_what_had_gone_is_said(run: Run, storage: Storage) -> None:
    by_hand(storage, without_text("evt_t"))
    with storage.writing() as connection:
        for what in ("texts", "rows"):
            horizons.move(connection, what, now() + timedelta(days=1), at=now())
    added = run("hold", "add", "subject", "t_1", "--why", "x").out
    assert "; before, 1 text had gone; parts whose rows went by age, before 20" in added
    assert added.endswith(", are not found: hold them by their own ids\n")
    assert run("hold", "add", "execution", "ex_1", "--why", "x").code == 0
    run("hold", "add", "subject", "ex_1", "--why", "x")
    assert run("hold", "remove", "execution", "ex_1").out.endswith("; other holds keep all of it\n")
    assert run("hold", "remove", "subject", "ex_1").out.endswith(
        "; 1 subject released, of which 1 text and up to 1 row go in the next round\n"
    )


def test_whoever_says_no_keeps_the_hold(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("hold", "add", "subject", "t_1", "--why", "x")
    monkeypatch.setattr("flowledger.cli.people.at_terminal", lambda: True)
    refused = run("hold", "remove", "subject", "t_1", input=b"n\n")
    assert (refused.code, "no hold is removed" in refused.err) == (1, True)
    assert run("hold", "remove", "subject", "t_1", "--yes").code == 0


@pytest.mark.parametrize(
    "arguments", [("add", "subject", "x"), ("add", "table", "x", "--why", "y"), ("add", "subject", "--why", "y")]
)
def test_a_hold_needs_a_reason_and_ids(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("hold", *arguments).code == 2


def test_what_is_erased_cannot_be_held_and_is_erased_again(run: Run, storage: Storage) -> None:
    erase = ("erase", "ws_1", "--by", "jo", "--why", "asked for", "--yes", "--json")
    assert run(*erase).json["subjects"] == 2
    for json in ((), ("--json",)):
        late = run("hold", "add", "workspace", "ws_1", "--why", "late", *json)
        assert (late.code, late.out) == (1, "")
        assert late.err.startswith("error: workspace 'ws_1' cannot be held: erased at 20")
        assert late.err.endswith(" by jo: asked for; nothing of it is recorded any more; nothing is held\n")
    assert run(*erase).json["subjects"] == 2


def test_an_id_that_can_never_be_recorded_cannot_be_held(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = run("hold", "add", "subject", "x" * 513, "--why", "y")
    assert (refused.code, refused.out) == (1, "")
    assert "the id has 513 bytes of UTF-8; the limit is 512 (LEDGER_MAX_ID_BYTES); nothing is held\n" in refused.err
    monkeypatch.setenv("LEDGER_MAX_ID_BYTES", "600")
    assert run("hold", "add", "subject", "x" * 513, "--why", "y").code == 0
